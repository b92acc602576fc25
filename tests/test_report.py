"""Tables, texts and figures from made-up runs: each number where it belongs, each figure drawn, PNGs that repeat."""

import re
from dataclasses import replace
from functools import cache
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.text import Text

from cfa_nb.method.metrics import ClassAccuracy
from cfa_nb.paths import notebooks_dir, outputs_dir
from cfa_nb.runs.profiles import CIFAR10, DEMO, DIGITS, SMOKE, profile_named
from cfa_nb.runs.study import FIGURES
from cfa_pages import report
from cfa_pages.report.ablation import trailing_mean
from cfa_pages.report.averages import best_epoch
from cfa_pages.report.comparisons import paper_difference
from cfa_pages.report.header import SECTIONS, duration, seeds_text
from cfa_pages.report.one_run import epochs_text
from cfa_pages.report.rivals import _prediction
from cfa_pages.report.sanity import _order
from cfa_pages.report.style import ABOVE, HARD, class_colours, label_points, nearest, ordered_colours, spread, styled
from cfa_pages.results.paper import TABLE_1, TABLE_2, TABLE_3
from cfa_pages.results.published import Published
from cfa_pages.results.rows import (
    attack_label,
    by_seed,
    class_groups,
    eps_text,
    find,
    hard_classes,
    hardest_by_training,
    hardness_text,
    row_runs,
    shown_class_indices,
    worst_label,
)
from cfa_pages.results.runs import Run, Runs
from tests.factories import LONG, NAMES, all_runs, class_names, paper_runs, provenance, run


@pytest.fixture(scope="module")
def runs():
    return all_runs(SMOKE, effect={"at_ccm": 0.1})


@pytest.fixture(autouse=True)
def _theme():
    report.use_style()
    yield
    plt.close("all")


FIGURE_CALLS = {
    "fig2a": lambda r, p: report.margin_overall(r, p),
    "fig2b": lambda r, p: report.margin_classes(r, p, "early"),
    "fig2c": lambda r, p: report.margin_classes(r, p, "late"),
    "fig3a": lambda r, p: report.beta_classes(r, p, "robust"),
    "fig3b": lambda r, p: report.beta_classes(r, p, "clean"),
    "fig4a": lambda r, p: report.fluctuation(r, p, "live"),
    "fig4b": lambda r, p: report.fluctuation(r, p, "fawa"),
    "classwise": lambda r, p: report.classwise_bars(r, p),
    "tradeoff": lambda r, p: report.tradeoff(r, p),
    "fig5a": lambda r, p: report.sweep(r, p, "fig5"),
    "fig5b": lambda r, p: report.calibrated_values(r, p),
    "lambda_2": lambda r, p: report.sweep(r, p, "lambda_2"),
    "trace": lambda r, p: report.calibration_trace(row_runs(r, p, "trades_ccm_ccr")[0], p),
    "acceptance": lambda r, p: report.acceptance_trace(row_runs(r, p, "trades_ccm_ccr")[0], p),
    "confusion": lambda r, p: report.confusion_map(_counts(r, p), r[0].record.class_names, hard_classes(p, r)),
}

TEXT_CALLS = {  # everything else that notebooks take from report, by the name that they use
    "acceptance": lambda r, p: report.acceptance(r, p),
    "average_table": lambda r, p: report.average_table(r, p),
    "average_text": lambda r, p: report.average_text(r, p),
    "beta_caption": lambda r, p: report.beta_caption(r, p, "a"),
    "beta_table": lambda r, p: report.beta_table(r, p),
    "beta_text": lambda r, p: report.beta_text(r, p),
    "calibration_table": lambda r, p: report.calibration_table(r[0].record.class_names, *_calibrated(r), 0.1),
    "change_caption": lambda r, p: report.change_caption(),
    "class_change_caption": lambda r, p: report.class_change_caption(p),
    "classwise_caption": lambda r, p: report.classwise_caption(r, p),
    "confusion_caption": lambda r, p: report.confusion_caption(row_runs(r, p, "at")[p.seeds[0]], p),
    "rival_caption": lambda r, p: report.rival_caption(r, p),
    "room_text": lambda r, p: report.room_text(r, p),
    "table_caption": lambda r, p: report.table_caption(r, p, 1, "last"),
    "change_table": lambda r, p: report.change_table(r, p),
    "choice_table": lambda r, p: report.choice_table(r, p),
    "class_change_table": lambda r, p: report.class_change_table(r, p, "at_cfa", "at", "last"),
    "class_interval_table": lambda r, p: report.class_interval_table(r, p),
    "classwise_text": lambda r, p: report.classwise_text(r, p),
    "comparison_caption": lambda r, p: report.comparison_caption(r, p, "last"),
    "comparisons": lambda r, p: report.comparisons(r, p, report.pairs(1), "last"),
    "confusion_text": lambda r, p: report.confusion_text(_counts(r, p), hard_classes(p, r)),
    "fairness_gain_text": lambda r, p: report.fairness_gain_text(r, p),
    "fluctuation_caption": lambda r, p: report.fluctuation_caption(r, p, "fawa"),
    "gain_text": lambda r, p: report.gain_text(r, p),
    "gap_text": lambda r, p: report.gap_text(r, p, _counts(r, p)),
    "map_table": lambda r, p: report.map_table(p, r),
    "margin_caption": lambda r, p: report.margin_caption(r, p, "a"),
    "margin_clean_text": lambda r, p: report.margin_clean_text(r, p),
    "margin_table": lambda r, p: report.margin_table(r, p),
    "margin_text": lambda r, p: report.margin_text(r, p),
    "margins_caption": lambda r, p: report.margins_caption(r, p),
    "never_accepted_text": lambda r, p: report.never_accepted_text(r, p, TABLE_1),
    "oscillation_text": lambda r, p: report.oscillation_text(r, p),
    "profiles_table": lambda r, p: report.profiles_table(),
    "ranking": lambda r, p: report.ranking(r, p, TABLE_1),
    "reach_text": lambda r, p: report.reach_text(r, p),
    "rival_table": lambda r, p: report.rival_table(r, p, _counts(r, p)),
    "rival_text": lambda r, p: report.rival_text(r, p, _counts(r, p)),
    "runtime_text": lambda r, p: report.runtime_text(r),
    "sanity_line": lambda r, p: report.sanity_line(r, p, TABLE_1),
    "sanity_text": lambda r, p: report.sanity_text(r, p, TABLE_2),
    "sweep_caption": lambda r, p: report.sweep_caption(r, p, "lambda_2"),
    "table1": lambda r, p: report.table1(r, p, "best"),
    "table2": lambda r, p: report.table2(r, p),
    "table3": lambda r, p: report.table3(r, p),
    "trace_text": lambda r, p: report.trace_text(_traced(r, p), p),
    "worst_bias_text": lambda r, p: report.worst_bias_text(r, p),
}
DRAWN = ("acceptance_trace", "adversarial_grid", "beta_classes", "calibrated_values", "calibration_trace",
         "classwise_bars", "confusion_map", "fluctuation", "image_strip", "margin_classes", "margin_overall", "sweep",
         "tradeoff")  # fmt: skip
PROFILES = ("cifar10", "cifar10-quick", "cifar10-rehearsal@x", "cifar10-rehearsal+release@x", "cifar100",
            "tiny-imagenet")  # fmt: skip


@cache
def made(name):
    """(runs, profile) of a whole study, made up once."""
    profile = profile_named(name)
    return all_runs(profile), profile


def _traced(runs, profile):
    return row_runs(runs, profile, "trades_ccm_ccr")[profile.seeds[0]]


def _calibrated(runs):
    last = runs[0].record.epochs[-1]
    return last.train_robust.per_class, last.class_eps, last.class_beta


def _counts(runs, profile):
    return row_runs(runs, profile, "at")[profile.seeds[0]].confusion(profile)


def test_all_that_notebooks_call_is_called_here():
    text = "".join(p.read_text() for p in notebooks_dir().glob("*.ipynb"))
    called = set(re.findall(r"\breport\.([a-z]\w*)\(", text))
    assert called <= set(TEXT_CALLS) | set(DRAWN) | {"pairs"}


@pytest.mark.parametrize("name", PROFILES)
@pytest.mark.parametrize("call", TEXT_CALLS)
def test_every_text_and_table_is_written_on_every_profile(call, name):
    runs, profile = made(name)
    result = TEXT_CALLS[call](runs, profile)
    text = result if isinstance(result, str) else result.to_csv()
    assert not re.search(r"\bnan\b", text)
    assert "(, " not in text


@pytest.mark.parametrize("name", ["cifar10-rehearsal@x"])
@pytest.mark.parametrize("figure", FIGURE_CALLS)
def test_figures_bear_three_epochs_and_one_seed(figure, name):
    assert report.png(FIGURE_CALLS[figure](*made(name)))


@pytest.mark.slow
@pytest.mark.parametrize("name", [n for n in PROFILES if "rehearsal" not in n])
@pytest.mark.parametrize("figure", FIGURE_CALLS)
def test_every_figure_is_drawn_on_every_profile(figure, name):
    assert report.png(FIGURE_CALLS[figure](*made(name)))


@pytest.mark.parametrize("name", FIGURE_CALLS)
def test_every_figure_is_drawn_and_repeats_byte_for_byte(name, runs):
    first, second = (report.png(FIGURE_CALLS[name](runs, SMOKE)) for _ in range(2))
    assert first == second
    assert first[:4] == b"\x89PNG"
    assert b"Software" not in first


@pytest.mark.parametrize("name", ["fig4b", "acceptance", "tradeoff"])
def test_figures_bear_an_average_that_never_was(name):
    assert report.png(FIGURE_CALLS[name](all_runs(SMOKE, accepts=False), SMOKE))


def test_table_1_has_the_papers_rows_and_no_difference(runs):
    best, last = (report.table1(runs, SMOKE, s) for s in ("best", "last"))
    assert len(best) == len(last) == len(TABLE_1)
    assert best.columns[-1] == "paper, CIFAR-10 (AA)"
    assert "PGD-20" in best.columns
    assert "PGD-20, best on validation" in best.columns
    assert not any("best" in c for c in last.columns)
    at_worst = by_seed(runs, SMOKE, "at", "best", "robust_worst")
    assert f"/ {100 * np.mean(list(at_worst.values())):.1f} ±" in best["PGD-20"][0]


def test_tables_2_and_3_show_all_selections(runs):
    for table, length in ((report.table2(runs, SMOKE), 8), (report.table3(runs, SMOKE), 6)):
        assert len(table) == length
        assert sum(c.startswith("PGD-20") for c in table.columns) == 3


def test_a_comparison_is_paired_and_knows_the_papers(runs):
    table = report.comparisons(runs, SMOKE, report.pairs(2))
    assert table["worst class, PGD-20"][0].startswith("+10.0 [")
    assert table["worst class: seeds up"][0] == "2 of 2"
    assert paper_difference("at_cfa", "at") == "+3.4 / +4.3"
    assert paper_difference("at_fawa", "at_ema") == "−0.3 / +1.8"
    assert paper_difference("at_fawa", "frl") == "–"


def test_the_papers_difference_is_that_of_the_same_checkpoint(runs):
    ours, base = (TABLE_1[k]["last"]["robust"] for k in ("at_cfa", "at"))
    printed = f"{ours.avg.mean - base.avg.mean:+.1f} / {ours.worst.mean - base.worst.mean:+.1f}"
    assert paper_difference("at_cfa", "at", "last") == printed != paper_difference("at_cfa", "at")
    table = report.comparisons(runs, SMOKE, report.pairs(1), "last")
    assert table["paper, CIFAR-10 (AA, last epoch): average / worst class"][0] == printed
    for pairs in (report.pairs(2), report.pairs(3)):
        assert set(report.comparisons(runs, SMOKE, pairs, "last").iloc[:, -1]) == {"–"}  # the paper prints none


def test_an_average_that_never_accepted_is_said():
    never = all_runs(SMOKE, accepts=False)
    assert "AT + FAWA in seeds 0, 1" in report.never_accepted_text(never, SMOKE, TABLE_3)
    assert list(report.acceptance(never, SMOKE)["first accepted epoch"]) == ["–"] * 6
    calibrated = report.acceptance(all_runs(SMOKE), SMOKE, recipes=report.CALIBRATED)
    assert list(calibrated["first accepted epoch"]) == ["2"] * 3
    ever = all_runs(SMOKE)
    assert report.never_accepted_text(ever, SMOKE, TABLE_3).startswith("Every average")


def test_the_sanity_line_counts_checkpoints_and_tells_the_largest_excess(runs):
    text = report.sanity_text(runs, SMOKE, TABLE_1)
    assert "PGD-20 leaves no more than PGD-10 on" in text
    assert "Square" in text
    assert "AutoAttack" not in text  # smoke runs none
    assert "Standard AutoAttack" in report.sanity_text(all_runs(DEMO), DEMO, TABLE_1)
    assert '"Shown here" means: under PGD-20.' in report.sanity_line(all_runs(DEMO), DEMO, TABLE_1)
    assert report.ranking(runs, SMOKE, TABLE_1) == ""


def test_autoattack_may_reverse_the_order():
    strong, weak, weakest = (ClassAccuracy((hits,), (100,)) for hits in (60, 50, 40))
    reversed_text = _order(DEMO, ("at", 0, weak, weak), ("at_cfa", 0, weakest, strong))
    assert reversed_text.startswith(
        "PGD-20 ranks AT + CFA above AT by 10.0 points; AutoAttack **reverses the order** (−10.0"
    )
    kept_text = _order(DEMO, ("at", 0, weakest, weak), ("at_cfa", 0, weak, strong))
    assert "AutoAttack keeps the order (+10.0 points; 100 images, one seed, no interval)" in kept_text


def test_header_reads_the_provenance_not_this_machine(runs):
    text = report.header_text(SMOKE, runs)
    assert SMOKE.data_label in text
    assert "a laptop, 2 cores" in text
    assert "abc123" in text
    assert f"{len(runs)} runs, seeds 0, 1" in text
    other = Runs([*runs[1:], replace(runs[0], provenance=provenance(hardware="another"))])
    assert "a laptop, 2 cores, another" in report.header_text(SMOKE, other)


def test_theory_header_says_that_there_are_no_runs():
    assert "**Runs:** none" in report.theory_header_text()


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (59.6, "1 min 0 s"), (200, "3 min 20 s"), (7500, "2 h 5 min")]
)
def test_durations_are_said_as_people_do(seconds, text):
    assert duration(seconds) == text


def test_seeds_are_named(runs):
    assert seeds_text(all_runs(DEMO)) == f"seeds 0–{DEMO.seeds[-1]}"
    assert seeds_text(runs.where(seed=1)) == "seed 1"


def test_the_map_knows_every_figure_and_counts_shared_runs_once(runs):
    assert set(SECTIONS) == set(FIGURES)
    table = report.map_table(SMOKE, runs)
    assert table["Runs"].iloc[-1] == str(len(SMOKE.runs()))
    assert len(table) == len(SECTIONS) + 2


def test_hard_classes_stand_out():
    colours = class_colours(10, (2, 3, 4, 5))
    assert {colours[k] for k in (2, 3, 4, 5)} == set(HARD)
    assert not {colours[k] for k in (0, 1, 6, 7, 8, 9)} & set(HARD)
    assert len(ordered_colours((0.1, 0.2, 0.3), 0.2)) == 3


@pytest.mark.parametrize("many", range(1, 9))
def test_every_margin_has_a_colour_of_its_own(many):
    margins = [k / 255 for k in range(8 - many, 9 + many)]
    assert len(set(ordered_colours(margins, 8 / 255).values())) == len(margins)
    assert ordered_colours(CIFAR10.margins, 8 / 255)[max(CIFAR10.margins)] == ABOVE[-1]


@pytest.mark.parametrize("figure", ["fig3a", "fig5a", "lambda_2", "tradeoff", "acceptance"])
def test_no_axis_of_accuracies_goes_below_zero(figure):
    profile = profile_named("cifar10-rehearsal@x")
    low = Runs(run(profile, c) for c in profile.runs())
    for r in low:
        for e in r.record.epochs:
            for by_weights in (e.test, e.val):
                by_weights.update({w: replace(m, robust=_none_hit(m.robust)) for w, m in by_weights.items() if m})
        for by_attack in r.record.evaluations.values():
            by_attack.update({key: _none_hit(a) for key, a in by_attack.items()})
    for ax in FIGURE_CALLS[figure](low, profile).axes:
        assert ax.get_ylim()[0] >= 0


def test_margins_are_ticked_as_multiples_of_1_255():
    runs, profile = made("cifar10-rehearsal@x")
    fig = report.calibrated_values(runs, profile)
    fig.draw_without_rendering()
    assert all(re.fullmatch(r"\d+/255", t.get_text()) for t in fig.axes[0].get_yticklabels())
    table = report.calibration_table(["a"], [0.1], [0.8 * 8 / 255], [1.0], 8 / 255)
    assert table["margin"][0] == "6.4/255"


def test_a_label_is_nearest_to_its_own_marker():
    ax = plt.figure().add_subplot()
    places = [(0.50, 0.50), (0.52, 0.50), (0.51, 0.53), (0.9, 0.1), (0.1, 0.9)]
    ax.plot(*zip(*places), "o")
    label_points(ax, [(x, y, f"label {i}", {"fontsize": 9}) for i, (x, y) in enumerate(places)])
    centres = ax.transData.transform(places)
    for i, label in enumerate(ax.texts):
        assert nearest(Text.get_window_extent(label), centres) == i


def test_figure_4_says_what_it_does_not_show():
    never = report.fluctuation(all_runs(SMOKE, accepts=False), SMOKE, "fawa")
    assert [t.get_text() for t in never.axes[1].texts] == ["no average"]
    assert "no average" not in [t.get_text() for t in report.fluctuation(all_runs(SMOKE), SMOKE, "fawa").axes[1].texts]
    never.draw_without_rendering()
    assert not any("%" in t.get_text() for t in never.axes[1].get_yticklabels())
    runs, profile = made("cifar10-rehearsal@x")
    assert "no pair of adjacent epochs to judge it by" in report.fluctuation_caption(runs, profile, "live")


def test_hard_classes_that_share_their_room_are_said_only_where_they_do():
    profile = replace(SMOKE, margins=(0.15, 0.3))
    lifts = {2: 0.2, 3: -0.3}  # of the largest margin's hard classes: one gains, one loses more
    texts = {}
    for name, turned in (("falls", lifts), ("rises", {2: 0.2}), ("none gains", {3: -0.3})):
        margin_runs = []
        for config in (profile.config("at", 0, eps=eps) for eps in profile.margins):
            made_up = run(profile, config)
            for e in made_up.record.epochs if config.eps == 0.3 else ():
                old = e.test["live"].robust
                hits = [h + round(turned.get(k, 0) * n) for k, (h, n) in enumerate(zip(old.hits, old.n))]
                e.test["live"] = replace(e.test["live"], robust=replace(old, hits=tuple(hits)))
            margin_runs.append(made_up)
        texts[name] = report.room_text(Runs(margin_runs), profile)
    assert "their sum still falls" in texts["falls"]
    assert texts["rises"] == texts["none gains"] == ""


def test_ties_are_no_findings():
    runs = all_runs(SMOKE)
    assert "(all equal, " in report.sweep_caption(runs, SMOKE, "fig5")
    assert "at every margin (all equal)" in report.margin_text(runs, SMOKE)


def test_captions_name_attack_checkpoint_and_images():
    runs, profile = made("cifar10-rehearsal@x")
    assert "AA-fast, 1 image a class, best on test, one seed" in report.classwise_caption(runs, profile)
    assert "(AA-fast, 1 image a class, last epoch)" in report.class_change_caption(profile)
    assert "AA-fast, 1 image a class, last epoch" in report.rival_caption(runs, profile)
    at_run = row_runs(runs, profile, "at")[0]
    images = int(at_run.confusion(profile).sum())
    assert f"all {images:,} test images are taken for under PGD-20" in report.confusion_caption(at_run, profile)
    assert ", 1 seed. Last columns: the paper's values." in report.table_caption(runs, profile, 1, "best")
    assert "Table 2. " in report.table_caption(all_runs(SMOKE), SMOKE, 2)


def test_a_gain_of_live_weights_is_not_told_as_cfas():
    text = report.gain_text(all_runs(SMOKE, accepts=False), SMOKE)
    assert text.count("not run (FAWA accepted no epoch in 2 of 2 seeds: live weights stand in)") == 3


def test_one_of_a_thing_is_said_in_the_singular():
    runs, profile = made("cifar10-rehearsal@x")
    for call in TEXT_CALLS.values():
        result = call(runs, profile)
        text = result if isinstance(result, str) else result.to_csv()
        assert not re.search(r"\b1 (seeds|runs|epochs|test images)\b|epochs (\d+)–\2\b|all 1 ", text)


@pytest.mark.parametrize("values", [[0.1, 0.1, 0.1], [0.0, 0.05, 0.9], [0.95, 0.97, 0.99], [0.5]])
def test_labels_are_moved_apart_in_order(values):
    placed = spread(values, 0.1, 0.0, 1.0)
    assert all(b - a >= 0.1 - 1e-9 for a, b in pairwise(placed))
    assert placed[0] >= 0 - 1e-9
    assert placed[-1] <= 1 + 1e-9


def test_trailing_mean_by_hand():
    rows = [[1.0], [3.0], [5.0], [9.0]]
    assert trailing_mean(rows, 2).ravel().tolist() == [1, 2, 4, 7]


def test_margins_are_written_as_the_paper_does():
    assert [eps_text(e) for e in (8 / 255, 0.15, 0.0375, 0.2)] == ["8/255", "0.15", "0.0375", "0.2"]


def test_gains_are_told_only_where_the_interval_says_so(runs):
    lines = report.gain_text(runs, SMOKE).splitlines()
    assert "best on test **a gain** (+10.0 [" in lines[0]
    assert "no gain that can be told from zero" in lines[1]


def test_the_hard_digits_are_those_that_training_finds_hardest():
    published = Published(outputs_dir() / "digits")
    configs = [c for c in DIGITS.runs("fig4") if published.status(c).fresh]
    if not configs:
        pytest.skip("no published records of digits")
    at_runs = [Run(c, published.record(c), None) for c in configs]
    assert hardest_by_training(at_runs) == hard_classes(DIGITS)


def test_finding_runs_is_exact(runs):
    assert set(find(runs, SMOKE, "at")) == set(SMOKE.seeds)
    assert set(find(runs, SMOKE, "at", eps=0.075)) == set(SMOKE.study_seeds)
    assert find(runs, SMOKE, "at", eps=0.123) == {}
    assert hardest_by_training(row_runs(runs, SMOKE, "at").values()) == (2, 3, 4, 5)


def test_confusion_text_splits_the_errors_of_hard_classes():
    counts = np.diag([90] * 10)
    counts[2, 3], counts[2, 0] = 6, 4
    assert "60 % go to another hard class and 40 %" in report.confusion_text(counts, (2, 3, 4, 5))
    assert report.png(report.confusion_map(counts, NAMES, (2, 3, 4, 5)))


def test_rivals_margins_are_weighted_by_the_errors(runs):
    counts = np.diag([90] * 10)
    counts[2, 0] = 10  # the worst class is taken for an easy one, whose made-up margin is 1.2 eps
    table = report.rival_table(runs, SMOKE, counts)
    own_margins = table["own margin, % of ε, last 3 epochs"]
    assert (own_margins[2], table["rivals' margin"][2], table["gap"][2]) == ("80", "120", "+40")
    assert "80 % of ε" in report.rival_text(runs, SMOKE, counts)
    assert "hypothesis for differences between data sets" in report.gap_text(runs, SMOKE, counts)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (-np.arange(10.0), "Yes: the mechanism expects a negative rank correlation between them, and over the 10"),
        (np.arange(10.0), "+1.00 (a larger gap goes with a gain)"),
        (np.array([0, 1, 0, 2, 1, 0, 2, 1, 0, 1.0]), "too weak to tell from chance"),
        (np.zeros(10), "cannot be ranked"),
    ],
)
def test_the_gap_is_tested_against_the_change(change, words):
    assert words in _prediction(np.arange(10.0), change)


def test_adversarial_grid_shows_what_it_is_given():
    x = np.full((3, 1, 8, 8), 0.5)
    fig = report.adversarial_grid(x, x + 0.1, ["a", "b", "c"], ["a", "c", "c"], 0.15)
    assert len(fig.axes) == 9
    assert [ax.get_title(loc="center") for ax in fig.axes[3:6]] == ["→ a", "→ c", "→ c"]
    assert report.png(report.image_strip(x, ["a", "b", "c"]))


def test_intervals_of_classes_are_wilsons(runs):
    table = report.class_interval_table(runs, SMOKE)
    assert len(table) == 10
    assert set(table["kind"]) == {"hard", "easy"}
    assert "bootstrap" in report.worst_bias_text(runs, SMOKE)


@pytest.mark.parametrize(
    "text",
    ["margin_text", "margin_clean_text", "beta_text", "fairness_gain_text", "classwise_text", "oscillation_text"],
)
def test_texts_are_written_from_the_records(text, runs):
    assert any(c.isdigit() for c in getattr(report, text)(runs, SMOKE))


def test_captions_name_data_and_seeds(runs):
    assert SMOKE.data_label in report.margin_caption(runs, SMOKE, "a")
    assert "paper: 181–200" in report.margin_caption(runs, SMOKE, "c")
    assert "n = 1" in report.beta_caption(runs, SMOKE, "b")
    assert "nearly 10 points" in report.fluctuation_caption(runs, SMOKE, "live")
    assert "The paper finds 0.5 best" in report.sweep_caption(runs, SMOKE, "fig5")
    assert "8/255" in report.margins_caption(runs, SMOKE)
    assert "in the last epoch alone the hard classes train at 80 % of ε" in report.margins_caption(runs, SMOKE)
    uneven = Runs(run(SMOKE, c, 0.2 if c.recipe == "at_ccm" and c.lambda_1 == 0.5 else 0.0) for c in SMOKE.runs())
    assert "Here the best average is at λ₁ = 0.5 (" in report.sweep_caption(uneven, SMOKE, "fig5")
    assert "Epochs accepted: 3 in the shown seed, 6 over all 2 seeds" in report.fluctuation_caption(runs, SMOKE, "fawa")
    assert "The largest change of the worst class" in report.fluctuation_caption(all_runs(DEMO), DEMO, "live")


def test_a_trend_that_differs_from_the_papers_is_said(runs):
    assert "robust accuracy of the easy classes is nearly flat, in the paper it rises" in report.beta_text(runs, SMOKE)


def test_a_styled_table_has_a_fixed_id_and_words_to_the_left(runs):
    html = styled(report.table3(runs, SMOKE), "table3").to_html()
    assert 'id="T_table3"' in html
    assert "text-align: left" in html
    assert html == styled(report.table3(runs, SMOKE), "table3").to_html()


def test_class_accuracies_without_an_evaluation_are_left_out(runs):
    assert ClassAccuracy((1,), (2,)).overall == 0.5
    bare = [replace(r, record=replace(r.record, evaluations={})) for r in runs]
    assert by_seed(Runs(bare), SMOKE, "at", "best", "robust_avg") == {}
    assert report.table1(Runs(bare), SMOKE)["PGD-20"][0] == "– / –"


def test_on_the_papers_protocol_the_difference_to_the_paper_stands_beside():
    profile = replace(CIFAR10, ablation_seeds=None)
    runs = paper_runs(profile)
    best, last = (report.table1(runs, profile, s) for s in ("best", "last"))
    for table in (best, last, report.table2(runs, profile), report.table3(runs, profile)):
        assert set(table["ours − paper, points (AA)"]) == {"+0.0 / +0.0"}
    assert list(best.columns)[1:5] == ["clean", "AA", "AA, best on validation", "PGD-20, best on test"]
    assert "PGD-20, last epoch" in last.columns
    shifted = report.table1(paper_runs(profile, 3), profile, "best").set_index("Method")
    assert shifted["ours − paper, points (AA)"]["TRADES + CFA"] == "+3.6 / +9.6"  # twice its +1.8 / +4.8


@pytest.mark.parametrize("name", ["demo", "smoke", "cifar10-quick", "cifar10-rehearsal@x", "cifar100"])
def test_off_the_papers_protocol_no_difference_to_the_paper_is_computed(name):
    runs, profile = made(name)
    for table in (report.table1(runs, profile), report.table2(runs, profile), report.table3(runs, profile)):
        assert not any("ours" in c for c in table.columns)
        assert any(c.startswith("paper, CIFAR-10") for c in table.columns)


def test_heads_say_how_many_images_and_which_classes():
    assert attack_label(profile_named("cifar10")) == "AA"
    assert attack_label(profile_named("cifar10-quick")) == "AA, 100 images a class"
    assert attack_label(DEMO) == "PGD-20"
    assert worst_label(DEMO) == "worst class"
    runs, profile = made("tiny-imagenet")
    assert "AA, 10 images a class (average / worst 10 % of classes)" in report.table1(runs, profile).columns
    assert "worst 10 % of classes" in report.gain_text(runs, profile)
    assert "worst 10 % of classes, AA, 10 images a class" in report.comparisons(runs, profile, [("at_cfa", "at")])


def test_one_seed_is_said_in_comparisons():
    runs, profile = made("cifar10-quick")
    table = report.comparisons(runs, profile, [("at_cfa", "at")])
    assert table.iloc[0, 1].endswith("; test images, one seed]")
    assert "says nothing of how another seed would train" in report.comparison_caption(runs, profile)
    assert "test images" not in report.comparison_caption(all_runs(SMOKE), SMOKE)


def test_hard_classes_are_the_named_ones_or_those_that_training_finds():
    assert hard_classes(DEMO) == (2, 3, 4, 5)
    runs, profile = made("cifar10-rehearsal@x")
    assert hard_classes(profile) == ()
    assert class_groups(profile, ())["easy"] == ()
    assert hard_classes(profile, runs) == (2, 3, 4, 5)
    assert "40 % of the classes" in hardness_text(profile, runs)
    assert "of AT (mean of 1 run)" in hardness_text(profile, runs)
    assert "of TRADES (mean" in hardness_text(profile, Runs(r for r in runs if r.config.recipe == "trades"))
    assert hardness_text(profile, ()) == "Without a run no class is called hard."
    assert "named by the paper" in hardness_text(CIFAR10, made("cifar10")[0])


def test_a_folder_with_the_classes_of_cifar10_has_its_hard_classes():
    runs, profile = made("cifar10-rehearsal@x")
    names = ("truck", *class_names(CIFAR10)[:-1])  # another order, as a folder may give it
    other = Runs(replace(r, record=replace(r.record, class_names=names)) for r in runs)
    assert hard_classes(profile, other) == (3, 4, 5, 6)
    assert "as these are CIFAR-10's classes" in hardness_text(profile, other)


def test_two_fifths_are_hard_and_of_many_classes_the_ends_are_shown():
    runs, profile = made("tiny-imagenet")
    assert hard_classes(profile, runs) == tuple(range(2, 82))
    indices = shown_class_indices(profile, runs)
    assert len(indices) == len(set(indices)) == 20
    assert set(indices[:10]) <= set(hard_classes(profile, runs))
    assert not set(indices[10:]) & set(hard_classes(profile, runs))
    assert "10 hardest and 10 easiest of 200 classes" in report.margin_classes(runs, profile).axes[0].get_title("left")
    assert len(report.classwise_bars(runs, profile).axes[0].get_xticks()) == 20
    table = report.class_change_table(runs, profile, "at_cfa", "at")
    assert table.columns[0] == "Class (10 hardest and 10 easiest of 200 classes)"
    assert len(table) == 20


def test_long_names_are_cut():
    x = np.full((50, 3, 8, 8), 0.5)
    fig = report.image_strip(x, [LONG] * 50)
    assert len(fig.axes) == 60  # three rows of twenty
    assert fig.axes[0].get_title("center") == "a class wi…"
    assert fig.get_size_inches()[0] < 25


def test_sanity_holds_autoattack_against_pgd():
    runs, profile = made("cifar10-quick")
    text = report.sanity_text(runs, profile, TABLE_1)
    assert "PGD-20 leaves no more than PGD-10 on 33 of 33 checkpoints." in text
    assert "AA leaves no more than PGD-20 on the same 2,000 images on 33 of 33 checkpoints." in text
    assert "AA leaves 25.0 %" not in text
    assert "it leaves at most as much, but for two standard errors of a proportion" in text
    assert "in 7 of 7 runs" in text
    assert "At ε = 0.5 the highest accuracy of 7 runs is 0.0 %" in text
    assert "Square is stronger in 0" in text
    assert "Verdicts rest on AA, 100 images a class." in report.ranking(runs, profile, TABLE_1)


def test_sanity_finds_an_autoattack_that_leaves_too_much():
    runs, profile = made("cifar10-quick")
    weak = []
    for r in runs:
        evaluations = {c: {k: _all_hit(a) if k.startswith("aa") else a for k, a in e.items()}
                 for c, e in r.record.evaluations.items()}  # fmt: skip
        weak.append(replace(r, record=replace(r.record, evaluations=evaluations)))
    text = report.sanity_text(Runs(weak), profile, TABLE_1)
    assert "on 0 of 33 checkpoints (largest excess +" in text
    assert "in 0 of 7 runs it leaves at most as much" in text


def _none_hit(accuracy):
    return ClassAccuracy((0,) * len(accuracy.n), accuracy.n, accuracy.worst_share)


def _all_hit(accuracy):
    return ClassAccuracy(accuracy.n, accuracy.n, accuracy.worst_share)


def test_autoattack_is_set_against_pgd_on_the_same_images():
    runs = all_runs(DEMO)
    run = find(runs, DEMO, "at")[0]
    few, many = (a.key for a in (DEMO.white_box(run.config, n) for n in (DEMO.sanity_per_class, DEMO.aa_per_class)))
    run.record.evaluations["live/last"][few] = ClassAccuracy((0,) * 10, (20,) * 10)
    run.record.evaluations["live/last"][many] = ClassAccuracy((40,) * 10, (50,) * 10)
    assert "against 80.0 %" in report.sanity_text(runs, DEMO, TABLE_1)


def test_margins_that_the_attack_cannot_cross_are_named():
    runs, profile = made("cifar10")
    text = report.reach_text(runs, profile)
    assert "ε = 12/255, 14/255, 16/255" in text
    assert "10 steps of 2/255 cover 20/255" in text
    assert "`cifar10+scaled-alpha`" in text
    scaled = profile_named("cifar10-quick+scaled-alpha")
    assert report.reach_text(all_runs(scaled), scaled) == ""
    assert report.reach_text(all_runs(SMOKE), SMOKE) == ""


def test_averages_stand_side_by_side():
    runs, profile = made("cifar10-quick")
    table = report.average_table(runs, profile)
    assert list(table["Weights"][:3]) == ["live", "ema", "fawa"]
    assert (table["Training run"] == "AT").sum() == 1 + len(profile.averages) + len(profile.compared_averages)
    assert (table["Training run"] == "AT + CCM").sum() == 2 + len(profile.compared_averages)  # live, and no row of EMA
    row = table.set_index("Weights").loc["fawa release"].iloc[0]
    assert (row["decay"], row["threshold"], row["begins with"]) == ("0.88", "0.24", "random network")
    run = find(runs, profile, "at")[0]
    accepted = sum(e.accepted["fawa"] for e in run.record.epochs)
    assert table["epochs accepted"][2] == f"{accepted} of 40"
    assert best_epoch(run, "fawa") >= run.config.best_from
    assert "no difference that stands out of the noise" in report.average_text(runs, profile)


def test_averages_that_differ_or_never_were_are_said():
    profile = profile_named("cifar10-quick")
    never = all_runs(profile, accepts=False)
    assert "accepted no epoch, so nothing is compared" in report.average_text(never, profile)
    assert report.average_text(Runs(), profile) == ""
    assert len(report.average_table(Runs(), profile)) == 0
    runs = all_runs(profile)
    for r in runs:
        for e in r.record.epochs:
            if e.test.get("fawa_release"):
                e.test["fawa_release"] = replace(e.test["fawa_release"], robust=_all_hit(e.test["live"].robust))
    assert "it matters" in report.average_text(runs, profile)


def test_a_random_network_that_stands_in_is_said():
    profile = profile_named("cifar10-rehearsal+release@x")
    never = all_runs(profile, accepts=False)
    for r in never:  # the release's average is there from the first epoch on: another random network
        r.record.checkpoints.update({f"fawa/{s}": r.record.checkpoints["live/last"] for s in ("best", "last")})
    assert "their cells show a random network." in report.never_accepted_text(never, profile, TABLE_3)


def test_epochs_are_told_as_spans():
    assert [epochs_text(e) for e in ([], [7], [6, 8, 9, 10])] == ["no epoch", "epoch 7", "epochs 6, 8–10"]
