"""Verdicts come from records alone: made-up runs with a known effect get the verdict that it deserves."""

from dataclasses import replace

import pytest

from cfa_nb.runs.profiles import CIFAR10, DEMO, DIGITS, SMOKE, profile_named
from cfa_pages import claims
from cfa_pages.claims.base import (
    DIRECTION,
    INCONCLUSIVE,
    NOT_REPRODUCED,
    NOT_RUN,
    NOT_SHOWN,
    PROTOCOL,
    REPRODUCED,
    SHOWN,
)
from cfa_pages.claims.theory import THEOREMS
from cfa_pages.claims.verdicts import all_of, verdict_of
from cfa_pages.report.style import styled
from cfa_pages.results.measurements import larger_margins, last_epochs, last_text, margin_effect, mean_value
from cfa_pages.results.paper import Gap
from cfa_pages.results.runs import Runs
from cfa_pages.results.stats import Paired
from tests.factories import all_runs, paper_runs, run

BY_KEY = {c.key: c for c in claims.EXPERIMENTS}


def verdict(key, runs, profile=SMOKE):
    return BY_KEY[key].check(runs, profile)


@pytest.fixture(scope="module")
def even():
    """Runs without any effect."""
    return all_runs(SMOKE)


@pytest.fixture(scope="module")
def worse():
    """Runs in which every calibration costs the worst class five points."""
    return all_runs(SMOKE, effect=dict.fromkeys(("at_ccm", "trades_ccm_ccr", "fat_ccm"), -0.05))


@pytest.fixture(scope="module")
def lifted():
    """Runs in which every calibration lifts the worst class by ten points."""
    return all_runs(SMOKE, effect=dict.fromkeys(("at_ccm", "trades_ccm_ccr", "fat_ccm"), 0.10))


@pytest.mark.parametrize(
    ("differences", "status"),
    [
        ((0.05, 0.06, 0.055), SHOWN),
        ((-0.05, -0.06, -0.055), NOT_SHOWN),
        ((0.05, -0.06, 0.01), INCONCLUSIVE),
        ((0.05,), INCONCLUSIVE),
        ((0.0, 0.0), INCONCLUSIVE),
        ((), NOT_RUN),
    ],
)
def test_verdict_follows_the_interval(differences, status):
    outcome = verdict_of(Paired(differences), "made up")
    assert outcome.status == status
    assert outcome.n == (len(differences) or None)


@pytest.mark.parametrize(
    ("differences", "paper", "status"),
    [
        ((0.05, 0.06, 0.055), Gap(0.054), REPRODUCED),
        ((0.05, 0.06, 0.055), Gap(0.02), DIRECTION),
        ((0.05, 0.06, 0.055), Gap(0.02, 0.02), REPRODUCED),  # its own error explains the rest
        ((0.05, 0.06, 0.055), None, REPRODUCED),  # the paper gives no number
        ((-0.05, -0.06, -0.055), Gap(0.054), NOT_REPRODUCED),
        ((0.05, -0.06, 0.01), Gap(0.0), INCONCLUSIVE),
        ((0.05,), Gap(0.05), INCONCLUSIVE),
        ((), Gap(0.05), NOT_RUN),
    ],
)
def test_on_the_papers_protocol_its_number_counts_too(differences, paper, status):
    outcome = verdict_of(Paired(differences), "made up", words=PROTOCOL, paper=paper)
    assert outcome.status == status
    if len(differences) > 1 and paper:
        assert ("do not fit ours" in outcome.evidence) == (status != REPRODUCED and status != INCONCLUSIVE)
    assert "the paper's" not in verdict_of(Paired(differences), "made up", paper=paper).evidence


def test_sign_and_border_turn_the_question():
    falls = Paired((-0.05, -0.06, -0.055))
    assert verdict_of(falls, "", sign=-1).status == SHOWN
    small_cost = Paired((-0.001, -0.0012, -0.0011))
    assert verdict_of(small_cost, "").status == NOT_SHOWN
    assert verdict_of(small_cost, "", border=-0.003).status == SHOWN


def test_all_of_is_worth_its_worst_part_and_tells_the_evidence_of_each():
    shown, unclear = verdict_of(Paired((0.05, 0.05)), "first"), verdict_of(Paired((0.5, -0.4)), "")
    assert all_of({"a": shown, "b": shown}).status == SHOWN
    assert all_of({"a": shown, "b": unclear}).status == INCONCLUSIVE
    missing = all_of({"a": shown, "b": verdict_of(Paired(()), "second")})
    assert missing.status == NOT_RUN
    assert missing.evidence == "a: shown here; first; 2 of 2 seeds on the claim's side. b: not run; second."
    words = {"words": PROTOCOL, "paper": Gap(0.05)}
    holds, half, fails = (verdict_of(Paired(d), "", **words) for d in ((0.05, 0.05), (0.2, 0.2), (-0.2, -0.2)))
    assert all_of({"a": holds, "b": holds}).status == REPRODUCED
    assert all_of({"a": half, "b": fails}).status == NOT_REPRODUCED
    partly = all_of({"a": holds, "b": half})
    assert partly.status == DIRECTION
    assert "b: direction only; " in partly.evidence
    assert partly.evidence.endswith("the paper's +5.0 points do not fit ours.")


def test_where_an_average_never_was_nothing_is_said_of_it(even):
    never = all_runs(SMOKE, accepts=False)
    for key in ("cfa_at_worst", "cfa_avg", "cfa_spread", "cfa_no_harm", "cfa_over_frl", "fawa_fat_worst", "fawa_cost"):
        assert verdict(key, never).status == NOT_RUN, key
        assert "FAWA accepted no epoch in 2 of 2 seeds: live weights stand in" in verdict(key, never).evidence
        assert verdict(key, even).status != NOT_RUN, key
        assert "stand in" not in verdict(key, even).evidence
    assert verdict("ccm_at_worst", never).status != NOT_RUN


def test_where_one_seed_has_no_average_the_evidence_says_so_and_the_verdict_stands(lifted):
    mixed = Runs(run(SMOKE, r.config, 0.1 if r.config.recipe == "at_ccm" else 0.0, r.config.seed == 0) for r in lifted)
    outcome = verdict("cfa_at_worst", mixed)
    assert (outcome.status, outcome.n) == (SHOWN, 2)
    assert verdict("ccm_fat_worst", mixed).status == INCONCLUSIVE  # the effect is AT's alone
    for key in ("cfa_at_worst", "cfa_no_harm"):
        evidence = verdict(key, mixed).evidence
        assert "FAWA accepted no epoch in 1 of 2 seeds: live weights stand in" in evidence


def test_fig_4_needs_pairs_of_epochs_and_an_average():
    profile = profile_named("cifar10-rehearsal@x")  # three epochs, the rate falls after each
    for key in ("fig4_fluctuates", "fig4_fawa"):
        outcome = verdict(key, all_runs(profile), profile)
        assert outcome.status == NOT_RUN
        assert "no pair of adjacent epochs to judge it by" in outcome.evidence
    never = all_runs(DEMO, accepts=False)
    assert verdict("fig4_fawa", never, DEMO).status == NOT_RUN
    live = verdict("fig4_fluctuates", never, DEMO)
    assert live.n == len(DEMO.seeds)
    assert "second half of training, without the epochs right after a drop of the rate" in live.evidence


def test_margins_count_from_the_epoch_that_calibrates_on(even):
    demo, smoke = (p.config("at_ccm", 0) for p in (DEMO, SMOKE))
    late = replace(smoke, calibration_start=smoke.epochs)
    for config, epochs, text in ((demo, 8, "last 8 epochs"), (smoke, 3, "last 3 epochs"), (late, 1, "last epoch")):
        assert (last_epochs(config), last_text(config)) == (epochs, text)
    assert "over the last 3 epochs" in verdict("fig5_hard_margins", even).evidence
    assert verdict("fig5_hard_margins", even).estimate == "−20.0 % of eps"
    assert verdict("fig5_easy_margins", even).estimate == "+20.0 % of eps"


def test_an_effect_is_found_and_no_effect_is_not(even, worse, lifted):
    outcome = verdict("ccm_at_worst", lifted)
    assert (outcome.status, outcome.estimate, outcome.n) == (SHOWN, "+10.0 points", len(SMOKE.seeds))
    assert "bias of the minimum, in points: AT + CCM " in outcome.evidence
    assert verdict("ccm_at_worst", even).status == INCONCLUSIVE
    lost = verdict("ccm_at_worst", worse)
    assert lost.status == NOT_SHOWN
    assert "the whole interval lies on the other side" in lost.evidence
    line = claims.verdicts(worse, SMOKE, "ccm_at_worst")
    assert "**not shown here**, the whole interval lies on the other side: " in line


def test_evenness_and_harm_follow_the_classes(even, worse, lifted):
    assert (verdict("cfa_spread", lifted).status, verdict("cfa_spread", even).status) == (SHOWN, INCONCLUSIVE)
    assert (verdict("cfa_no_harm", even).status, verdict("cfa_no_harm", worse).status) == (SHOWN, NOT_SHOWN)
    evidence = verdict("cfa_avg", even).evidence
    assert f"AT: {INCONCLUSIVE}; AT + CFA minus AT, average, PGD-20, best on test; best on validation " in evidence
    assert "FAT: inconclusive; FAT + CFA minus FAT, average, PGD-20" in evidence
    assert "bias" not in evidence


def test_without_runs_nothing_is_judged():
    for claim in claims.EXPERIMENTS:
        assert claim.check(Runs(), SMOKE).status == NOT_RUN, claim.key


def test_runs_at_other_settings_do_not_enter_a_row(even):
    other = run(SMOKE, SMOKE.config("at", 0, eps=0.01), lift=0.5)
    assert verdict("cfa_at_worst", Runs([*even, other])) == verdict("cfa_at_worst", even)


def test_one_seed_is_inconclusive_and_what_is_not_there_is_not_run(even):
    digits = verdict("fig2_hard_fall", all_runs(DIGITS), DIGITS)
    assert (digits.status, digits.n, digits.interval) == (INCONCLUSIVE, 1, "none (one seed)")
    assert verdict("fig2_hard_fall", even).status == NOT_RUN  # no larger margin
    profile = profile_named("cifar10-rehearsal@x")
    only = Runs(r for r in all_runs(profile) if r.config.recipe == "at_ccm")
    for key in ("fig2_hard_fall", "fig3_hard_gain"):  # no run that says which classes are hard
        assert verdict(key, only, profile).status == NOT_RUN


def test_margins_beyond_eps_0_all_count():
    profile = replace(SMOKE, margins=(0.15, 0.2, 0.3))
    values = {0.15: 0.5, 0.2: 0.4, 0.3: 0.1}
    runs = Runs(run(profile, profile.config("at", 0, eps=eps)) for eps in profile.margins)
    best, base = margin_effect(runs, profile, lambda r: values[r.config.eps], max)
    mean, _ = margin_effect(runs, profile, lambda r: values[r.config.eps], mean_value)
    assert (best, base) == ({0: 0.4}, {0: 0.5})
    assert mean[0] == pytest.approx(0.25)
    assert larger_margins(profile) == (0.2, 0.3)


def test_ledger_has_a_row_a_claim_and_theorems_lead_to_their_proof(even):
    assert len({c.key for c in claims.ALL}) == len(claims.ALL)
    assert all(c.place.startswith("Sec.") and c.sentence.endswith(".") for c in claims.EXPERIMENTS)
    table = claims.ledger(even, SMOKE)
    assert len(table) == len(claims.ALL)
    assert table["Evidence"].str.contains("[Proof](01_toy_theory.ipynb#", regex=False).sum() == len(THEOREMS)
    html = styled(table, "claims").to_html()
    assert html.count('<a href="01_toy_theory.ipynb#') == len(THEOREMS)
    assert "](" not in html
    assert list(table.columns)[:4] == ["Place", "Claim", "paper, CIFAR-10", "Verdict"]
    assert set(table["Verdict"].str[0]) <= set("✓✗~·△")
    assert len(claims.verdicts(even, SMOKE, "ccm_at_worst", "cfa_avg").splitlines()) == 2
    with pytest.raises(KeyError, match="no_such"):
        claims.verdicts(even, SMOKE, "no_such")


ALL_SEEDS = replace(CIFAR10, ablation_seeds=None)
OF_TABLES = [c for c in claims.EXPERIMENTS if "Table" in c.place and c.key != "fawa_cost"]


@pytest.mark.parametrize(("factor", "status"), [(1, REPRODUCED), (3, DIRECTION), (-1, NOT_REPRODUCED)])
def test_the_papers_own_numbers_are_reproduced_and_others_are_not(factor, status):
    runs = paper_runs(ALL_SEEDS, factor)
    verdicts = {c.key: v for c, v in claims.judge(runs, ALL_SEEDS, OF_TABLES)}
    assert {key: v.status for key, v in verdicts.items()} == dict.fromkeys(verdicts, status)
    assert len(verdicts) >= 20
    assert all(("do not fit ours" in v.evidence) == (factor != 1) for v in verdicts.values())


def test_a_cost_that_equals_its_border_decides_nothing():
    runs = paper_runs(ALL_SEEDS)  # "less than 0.3", and the paper's own means give 0.3
    assert verdict("fawa_cost", runs, ALL_SEEDS).status == INCONCLUSIVE
    assert "its own means give exactly 0.3 for AT and TRADES" in BY_KEY["fawa_cost"].paper_value


def test_one_seed_on_the_papers_protocol_has_an_interval_over_images_and_no_verdict():
    one_seed = replace(CIFAR10, seeds=(0,))
    runs = paper_runs(one_seed)
    for claim, outcome in claims.judge(runs, one_seed, OF_TABLES):
        assert outcome.status == INCONCLUSIVE, claim.key
        assert "(test images, one seed)" in outcome.interval
        assert "one seed cannot tell whether the paper's" in outcome.evidence
    outcome = verdict("ccm_trades_worst", paper_runs(CIFAR10), CIFAR10)  # one seed of Table 2's own runs
    assert (outcome.status, outcome.n) == (INCONCLUSIVE, 1)
    assert "AA" in outcome.evidence


@pytest.mark.parametrize("name", ["cifar10", "cifar10-quick", "cifar10-rehearsal@x", "cifar100", "tiny-imagenet"])
def test_the_ledger_works_on_every_profile(name):
    profile = profile_named(name)
    runs = all_runs(profile)
    table = claims.ledger(runs, profile)
    assert len(table) >= 30
    assert ("shown here" in claims.rule_text(profile).lower()) != profile.paper_protocol
    assert not table["Estimate"].str.contains("nan").any()
    tenth = bool(profile.common.get("worst_share"))
    assert table["Evidence"].str.contains("worst 10 % of classes", regex=False).any() == tenth
