"""Verdicts come from records alone: made-up runs with a known effect get the verdict that it deserves."""

import re
from dataclasses import replace
from functools import cache

import pytest

from cfa_nb.runs.profiles import CIFAR10, EPS, SMOKE, profile_named
from cfa_nb.runs.record import Checkpoint
from cfa_pages import claims
from cfa_pages.claims.theory import THEOREMS
from cfa_pages.claims.verdicts import (
    CONTRADICTED,
    DIRECTION,
    HERE,
    NO_DIFFERENCE,
    NOT_JUDGED,
    NOT_REPRODUCED,
    NOT_RUN,
    PROTOCOL,
    REPRODUCED,
    STATUSES,
    SUPPORTED,
    UNDECIDED,
    Claim,
    Verdict,
    verdict_of,
)
from cfa_pages.report.style import styled
from cfa_pages.results.measurements import larger_margins, margin_effect, mean_value
from cfa_pages.results.paper import Gap
from cfa_pages.results.runs import Results
from cfa_pages.results.stats import Paired
from tests.factories import accuracy, all_runs, paper_runs, run, with_autoattack

BY_KEY = {c.key: c for c in claims.EXPERIMENTS}

#: Two seeds of everything, epochs enough for Fig. 4 and for an average; margins on both sides of eps.
STUDY = replace(SMOKE, common=SMOKE.common | dict(epochs=8), study_seeds=SMOKE.seeds)


def verdict(key, runs):
    return BY_KEY[key].check(runs)


def status(key, runs):
    return verdict(key, runs).status


@cache
def calibrated(lift):
    """Runs in which every calibration lifts the worst class by so much."""
    return all_runs(STUDY, effect=dict.fromkeys(("at_ccm", "trades_ccm_ccr", "fat_ccm"), lift))


@pytest.fixture
def even():
    """Runs without any effect."""
    return calibrated(0.0)


# --- the rule

ABOVE, BELOW, AROUND = (0.05, 0.06, 0.055), (-0.05, -0.06, -0.055), (0.05, -0.06, 0.01)
SMALL = (0.001, 0.002, 0.0015)  # wholly above 0, and within a point of it


@pytest.mark.parametrize(
    ("differences", "options", "expected"),
    [
        (ABOVE, {}, SUPPORTED),
        (BELOW, {}, CONTRADICTED),
        (BELOW, {"sign": -1}, SUPPORTED),
        (SMALL, {}, NO_DIFFERENCE),  # in points, around 0, off the paper's protocol; elsewhere it counts
        (SMALL, {"border": 0.0001}, SUPPORTED),
        (SMALL, {"unit": "% of eps"}, SUPPORTED),
        (SMALL, {"words": PROTOCOL}, REPRODUCED),
        ((0.0, 0.0), {}, NO_DIFFERENCE),
        ((0.0099, 0.0101), {}, SUPPORTED),  # all of the interval, not its middle alone, must lie within the point
        ((-0.021, -0.022, -0.0215), {"border": -0.03}, SUPPORTED),
        ((-0.03, -0.03), {"border": -0.03}, UNDECIDED),  # on the border itself
        (AROUND, {}, UNDECIDED),
        ((0.05,), {}, UNDECIDED),
        ((), {}, NOT_RUN),
    ],
)
def test_verdict_follows_the_interval(differences, options, expected):
    outcome = verdict_of(Paired(differences), "made up", **options)
    assert outcome.status == expected
    assert outcome.n == (len(differences) or None)
    assert (outcome.p is None) == (len(differences) < 2)
    assert (outcome.numbers is None) == (not differences)


@pytest.mark.parametrize(
    ("differences", "paper", "expected"),
    [
        (ABOVE, Gap(0.054), REPRODUCED),
        (ABOVE, Gap(0.02), DIRECTION),
        (ABOVE, Gap(0.02, 0.02), REPRODUCED),  # its own error explains the rest
        (ABOVE, None, REPRODUCED),  # the paper gives no number
        (BELOW, Gap(0.054), NOT_REPRODUCED),
        (AROUND, Gap(0.0), UNDECIDED),
        ((0.05,), Gap(0.05), UNDECIDED),
        ((), Gap(0.05), NOT_RUN),
    ],
)
def test_on_the_papers_protocol_its_number_counts_too(differences, paper, expected):
    outcome = verdict_of(Paired(differences), "made up", words=PROTOCOL, paper=paper)
    assert outcome.status == expected
    if len(differences) > 1 and paper:
        assert ("do not fit ours" in outcome.evidence) == (expected in (DIRECTION, NOT_REPRODUCED))
    assert "the paper's" not in verdict_of(Paired(differences), "made up", paper=paper).evidence


@pytest.mark.parametrize(
    ("aa", "expected"),
    [(BELOW, UNDECIDED), (ABOVE, SUPPORTED), (AROUND, SUPPORTED), ((-0.05,), SUPPORTED), ((), SUPPORTED)],
)
@pytest.mark.parametrize("words", [HERE, PROTOCOL])
def test_autoattack_that_decides_otherwise_leaves_nothing_decided(aa, expected, words):
    outcome = verdict_of(Paired(ABOVE), "", words=words, aa=Paired(aa))
    assert outcome.status == (words.holds if expected == SUPPORTED else expected)
    assert (f"standard AutoAttack: {Paired(aa)}" in outcome.evidence) == bool(aa)


# --- claims on made-up runs


def test_every_claim_is_judged_on_a_small_study(even):
    for claim, outcome in claims.judge(even, claims.EXPERIMENTS):
        assert outcome.status in set(STATUSES) - {NOT_RUN, NOT_JUDGED}, claim.key
        assert outcome.n == len(STUDY.seeds), claim.key
        assert "nan" not in outcome.estimate + outcome.interval + outcome.evidence, claim.key
        assert 0 <= outcome.p <= 1, claim.key


def test_without_runs_nothing_is_judged():
    for claim in claims.EXPERIMENTS:
        assert claim.check(Results(SMOKE)).status == NOT_RUN, claim.key


def test_an_effect_is_found_and_no_effect_is_not(even):
    outcome = verdict("at_ccm_worst", calibrated(0.1))
    assert (outcome.status, outcome.estimate, outcome.n) == (SUPPORTED, "+10.0 points", len(STUDY.seeds))
    assert "bias of the minimum, in points: AT + CCM " in outcome.evidence
    assert status("at_ccm_worst", even) == NO_DIFFERENCE
    assert list(claims.verdicts(calibrated(-0.05), "at_ccm_worst")["Verdict"]) == [f"✗ {CONTRADICTED}"]


def test_evenness_and_harm_follow_the_classes(even):
    worse = calibrated(-0.05)
    assert [status("cfa_at_spread", r) for r in (calibrated(0.1), even)] == [SUPPORTED, NO_DIFFERENCE]
    assert [status("cfa_at_no_harm", r) for r in (even, worse)] == [SUPPORTED, CONTRADICTED]
    assert ", here class 2, targeted PGD-20, last epoch" in verdict("cfa_at_no_harm", worse).evidence


def test_margins_settle_where_they_move_little_in_the_second_half(even):
    assert verdict("margins_settle", even).estimate == "+0.0 % of eps an epoch"
    for larger, expected, estimate in (((2,), SUPPORTED, "+0.0"), ((5, 7), CONTRADICTED, "+10.0")):
        runs = all_runs(STUDY)  # of eight epochs; between the fourth and the last there are four steps
        for r in runs.where(recipe="at_ccm"):
            margins = (EPS * (1.1 if e.epoch in larger else 1.0) for e in r.record.epochs)
            r.record.epochs[:] = [replace(e, class_eps=(eps,) * 10) for e, eps in zip(r.record.epochs, margins)]
        outcome = verdict("margins_settle", runs)
        assert (outcome.status, outcome.estimate) == (expected, f"{estimate} % of eps an epoch")


def _with_slope(fall, profile):
    """Runs in which class 3's t_k falls by `fall` from the margin below eps to the one above, and less in others."""
    runs = all_runs(profile)
    for margin, t in ((profile.margins[0], 0.9), (profile.margins[-1], 0.9 - fall)):
        for r in runs.where(recipe="at", eps=margin):
            hits = [100] * 10
            hits[3] = round(200 * t) + r.config.seed
            robust = replace(accuracy(0.5, 0.5, 0.5), hits=tuple(hits))
            r.record.epochs[:] = [replace(e, train_robust=robust) for e in r.record.epochs]
    return runs


@pytest.mark.parametrize(("fall", "expected"), [(0.2, SUPPORTED), (0.6, CONTRADICTED)])
def test_the_loop_is_stable_where_the_steepest_class_falls_by_less_than_1_per_eps(fall, expected):
    profile = replace(STUDY, margins=(0.75 * EPS, EPS, 1.25 * EPS))
    outcome = verdict("loop_is_stable", _with_slope(fall, profile))
    assert outcome.status == expected
    assert outcome.estimate == f"+{200 * fall:.1f} % of t per eps"  # over half of eps
    one_side = replace(profile, margins=profile.margins[1:])
    assert status("loop_is_stable", all_runs(one_side)) == NOT_RUN


# --- averages that are none


def _accepting(epochs, checkpoint=8, seeds=STUDY.seeds):
    """Runs in whose seed 1 FAWA accepted these epochs alone, and whose checkpoints lie at the epoch `checkpoint`."""
    runs = all_runs(replace(STUDY, seeds=seeds))
    for r in runs:
        if r.config.seed == 1 and r.record.averages and r.config.epochs == STUDY.common["epochs"]:
            for e in r.record.epochs:
                e.accepted["fawa"] = e.epoch in epochs
            r.record.checkpoints["fawa/best"] = Checkpoint(checkpoint, "0" * 64)
    return runs


OF_AVERAGES = ("cfa_at_worst", "cfa_trades_avg", "cfa_fat_spread", "cfa_at_no_harm", "cfa_over_frl_worst",
               "fawa_fat_worst", "fawa_at_cost", "fig4_fawa_avg")  # fmt: skip


@pytest.mark.parametrize("key", OF_AVERAGES)
def test_an_average_of_few_epochs_is_not_judged(key):
    outcome = verdict(key, _accepting((2, 3, 4, 5)))
    assert outcome.status == NOT_JUDGED
    assert "FAWA had accepted 4 in seed 1" in outcome.evidence
    assert outcome.estimate is None
    assert status(key, _accepting((2, 3, 4, 5, 6))) not in (NOT_JUDGED, NOT_RUN)


def test_one_seed_of_ten_may_have_an_average_of_few_epochs():
    few = (2, 3, 4, 5)
    assert status("cfa_at_worst", _accepting(few, seeds=range(10))) not in (NOT_JUDGED, NOT_RUN)
    assert status("cfa_at_worst", _accepting(few, seeds=range(9))) == NOT_JUDGED


def test_epochs_count_up_to_the_checkpoint_and_no_average_at_all_counts_0():
    early = _accepting(range(2, 9), checkpoint=5)
    assert status("cfa_at_worst", early) == NOT_JUDGED, "epochs 2 to 5 are four"
    assert status("cfa_at_worst_last", early) == NO_DIFFERENCE
    never = all_runs(STUDY, accepts=False)
    assert "FAWA had accepted 0 in seed 0, 0 in seed 1" in verdict("cfa_at_worst", never).evidence
    assert status("at_ccm_worst", never) == NO_DIFFERENCE


# --- Figures 2 to 5

HARD = (2, 3, 4, 5)


def _shifted(recipe, metric, hard, easy, **fields):
    """Runs in which those of one setting differ from all others by so many images of 200 in each class."""
    runs = all_runs(STUDY)
    for r in runs.where(recipe=recipe, **fields):
        for e in r.record.epochs:
            before = getattr(e.test["live"], metric)
            hits = tuple(h + (hard if k in HARD else easy) for k, h in enumerate(before.hits))
            e.test["live"] = replace(e.test["live"], **{metric: replace(before, hits=hits)})
    return runs


@pytest.mark.parametrize(
    ("hard", "easy", "expected"),
    [
        (-20, 20, dict(peak=CONTRADICTED, hard_fall=SUPPORTED, easy_rise=SUPPORTED, late_rise=CONTRADICTED,
                       late_overall=SUPPORTED)),
        (10, 10, dict(peak=CONTRADICTED, hard_fall=CONTRADICTED, easy_rise=SUPPORTED, late_rise=SUPPORTED,
                      late_overall=SUPPORTED)),
        (-10, -10, dict(peak=SUPPORTED, hard_fall=SUPPORTED, easy_rise=CONTRADICTED, late_rise=CONTRADICTED,
                        late_overall=CONTRADICTED)),
    ],
)  # fmt: skip
def test_fig_2_follows_hard_and_easy_classes_beyond_eps(hard, easy, expected):
    runs = _shifted("at", "robust", hard, easy, eps=1.5 * EPS)
    assert {key: status(f"fig2_{key}", runs) for key in expected} == expected


def test_fig_3_follows_hard_and_easy_classes_over_beta():
    robust, clean = (_shifted("trades", m, *by, beta=2.0) for m, by in (("robust", (2, 20)), ("clean", (-20, -10))))
    for runs, key, other in ((robust, "easy_gain", clean), (robust, "hard_gain", clean), (clean, "hard_clean", robust),
                             (clean, "easy_clean", robust)):  # fmt: skip
        assert (status(f"fig3_{key}", runs), status(f"fig3_{key}", other)) == (SUPPORTED, NO_DIFFERENCE)


def test_fig_4_needs_pairs_of_epochs_and_an_average(even):
    profile = profile_named("cifar10-rehearsal@x")  # three epochs, the rate falls after each
    for key in ("fig4_fluctuates", "fig4_fawa"):
        assert status(key, all_runs(profile)) == NOT_RUN
    assert status("fig4_fawa", all_runs(STUDY, accepts=False)) == NOT_RUN
    assert status("fig4_fluctuates", even) == SUPPORTED  # the worst class alone wobbles, by 1 or 2 points an epoch
    assert status("fig4_fawa", _accepting((7, 8))) == NOT_JUDGED


def test_margins_beyond_eps_0_all_count():
    profile = replace(SMOKE, margins=(EPS, 1.5 * EPS, 2 * EPS))
    values = dict(zip(profile.margins, (0.5, 0.4, 0.1)))
    runs = Results(profile, (run(profile, profile.config("at", 0, eps=eps)) for eps in profile.margins))
    best, base = margin_effect(runs, lambda r: values[r.config.eps], max)
    mean, _ = margin_effect(runs, lambda r: values[r.config.eps], mean_value)
    assert (best, base) == ({0: 0.4}, {0: 0.5})
    assert mean[0] == pytest.approx(0.25)
    assert larger_margins(profile) == profile.margins[1:]


def test_one_seed_is_undecided_and_where_no_class_is_known_to_be_hard_nothing_is_judged(even):
    outcome = verdict("fig2_hard_fall", all_runs(SMOKE))
    assert (outcome.status, outcome.n, outcome.interval) == (UNDECIDED, 1, "none (one seed)")
    unknown = Results(STUDY, (r for r in even if r.config.recipe != "plain"))
    for key in ("fig2_hard_fall", "fig2_easy_rise", "fig3_easy_gain", "fig3_hard_gain", "fig5_easy_margins"):
        assert status(key, unknown) == NOT_RUN, key
        assert status(key, even) != NOT_RUN, key


def test_runs_at_other_settings_do_not_enter_a_row(even):
    other = run(STUDY, STUDY.config("at", 0, eps=0.01), lift=0.5)
    assert verdict("cfa_at_worst", Results(STUDY, [*even, other])) == verdict("cfa_at_worst", even)


def test_autoattack_on_two_seeds_speaks_of_the_last_epoch():
    profile = replace(STUDY, aa_per_class=20, aa_seeds=2, aa_rows=("at", "at_ccm"))
    runs = with_autoattack(all_runs(profile, effect={"at_ccm": 0.1}), {"at": 0.5, "at_ccm": 0.1})
    outcome = verdict("at_ccm_worst_last", runs)
    assert outcome.status == UNDECIDED
    assert "standard AutoAttack: −" in outcome.evidence
    assert "AutoAttack" not in verdict("at_ccm_worst", runs).evidence
    assert status("at_ccm_worst_last", calibrated(0.1)) == SUPPORTED


# --- the ledger


def test_ledger_has_a_row_a_claim_and_theorems_lead_to_their_proof(even):
    assert len({c.key for c in claims.ALL}) == len(claims.ALL)
    table = claims.ledger(even)
    assert len(table) == len(claims.ALL)
    assert table["Evidence"].str.contains(r"\[Proof\]\((?:01|08)_\w+\.ipynb#").sum() == len(THEOREMS)
    html = styled(table, "claims").to_html()
    assert len(re.findall(r'<a href="(01|08)_\w+\.ipynb#', html)) == len(THEOREMS)
    assert "](" not in html
    assert len(claims.verdicts(even, "at_ccm_worst", "cfa_at_avg")) == 2
    with pytest.raises(KeyError, match="no_such"):
        claims.verdicts(even, "no_such")
    counted = claims.tally(even)
    assert sum(int(part.split()[0]) for part in counted.split(", ")) == len(claims.ALL)


def test_p_values_are_corrected_within_a_section():
    places = {"a": "Sec. 5.2, Table 1", "b": "Sec. 5.2, Appendix C.2", "c": "Sec. 5.3.1, Table 2", "d": "Sec. 5.2, x"}
    p = {"a": 0.01, "b": 0.04, "c": 0.04, "d": None}
    judged = [(Claim(k, place, "", None), Verdict(SUPPORTED, p=p[k])) for k, place in places.items()]
    assert claims.adjusted_p_values(judged) == {"a": 0.02, "b": 0.04, "c": 0.04}
    shown = claims.ledger(all_runs(SMOKE), [BY_KEY["fig2_hard_fall"], BY_KEY["at_ccm_worst"]])["p, Holm"]
    assert list(shown) == ["", "1"]  # one seed has no p-value; of two equal rows it is 1


# --- the paper's own protocol

ALL_SEEDS = replace(CIFAR10, ablation_seeds=None)
BORDERS = ("frl_gain", "fawa_at_cost", "fawa_trades_cost", "fawa_fat_cost")
OF_TABLES = [c for c in claims.EXPERIMENTS if "Table" in c.place and c.key not in BORDERS]


@pytest.mark.parametrize(("factor", "expected"), [(1, REPRODUCED), (3, DIRECTION), (-1, NOT_REPRODUCED)])
def test_the_papers_own_numbers_are_reproduced_and_others_are_not(factor, expected):
    judged = claims.judge(paper_runs(ALL_SEEDS, factor), OF_TABLES)
    printed = {c.key: v for c, v in judged if c.paper_value}
    assert {key: v.status for key, v in printed.items()} == dict.fromkeys(printed, expected)
    assert len(printed) >= 40
    assert all(("do not fit ours" in v.evidence) == (factor != 1) for v in printed.values())
    without = {v.status for c, v in judged if not c.paper_value}  # the paper prints no last epoch of Table 2
    assert without == {REPRODUCED if factor > 0 else NOT_REPRODUCED}


@pytest.mark.parametrize("name", ["cifar10", "cifar10-quick", "cifar10-rehearsal@x", "tiny-imagenet"])
def test_the_ledger_works_on_every_profile(name):
    profile = profile_named(name)
    table = claims.ledger(all_runs(profile))
    rule = claims.rule_text(profile).lower()
    assert ("supported here" in rule) == ("no difference here" in rule) == (not profile.paper_protocol)
    assert not table["Estimate"].str.contains("nan").any()
    tenth = bool(profile.common.get("worst_share"))
    assert table["Evidence"].str.contains("worst 10 % of classes", regex=False).any() == tenth
