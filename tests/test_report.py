"""Tables, texts and figures from made-up runs: each number where it belongs, each figure drawn, PNGs that repeat."""

from dataclasses import replace
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import pytest

from cfa_nb import report
from cfa_nb.metrics import ClassAccuracy
from cfa_nb.paper import TABLE_1, TABLE_3
from cfa_nb.paths import outputs_dir
from cfa_nb.profiles import DEMO, DIGITS, SMOKE
from cfa_nb.published import Published
from cfa_nb.report.comparisons import paper_difference
from cfa_nb.report.figures_ablation import trailing_mean
from cfa_nb.report.header import duration, seeds_text
from cfa_nb.report.lines import eps_text
from cfa_nb.report.overview import PLACES
from cfa_nb.report.rivals import _prediction
from cfa_nb.report.sanity import _order
from cfa_nb.report.style import HARD, class_colours, ordered_colours, spread, styled
from cfa_nb.rows import by_seed, find, hard_classes, hardest_by_training, row_runs
from cfa_nb.runs import Run, Runs
from cfa_nb.study import FIGURES
from tests.factories import NAMES, all_runs, provenance


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
}


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
    at = by_seed(runs, SMOKE, "at", "best", "robust_worst")
    assert f"/ {100 * np.mean(list(at.values())):.1f} ±" in best["PGD-20"][0]


def test_tables_2_and_3_show_all_selections(runs):
    for table, length in ((report.table2(runs, SMOKE), 8), (report.table3(runs, SMOKE), 6)):
        assert len(table) == length
        assert sum(c.startswith("PGD-20") for c in table.columns) == 3


def test_a_comparison_is_paired_and_knows_the_papers(runs):
    table = report.comparisons(runs, SMOKE, report.TABLE_2_PAIRS)
    assert table["worst class, PGD-20"][0].startswith("+10.0 [")
    assert table["worst class: seeds up"][0] == "2 of 2"
    assert paper_difference("at_cfa", "at") == "+3.4 / +4.3"
    assert paper_difference("at_fawa", "at_ema") == "−0.3 / +1.8"
    assert paper_difference("at_fawa", "frl") == "–"


def test_an_average_that_never_accepted_is_said():
    never = all_runs(SMOKE, accepts=False)
    assert "AT + FAWA in seed 0, 1" in report.never_accepted_text(never, SMOKE, TABLE_3)
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
    turned = _order(DEMO, ("at", 0, weak, weak), ("at_cfa", 0, weakest, strong))
    assert turned.startswith("PGD-20 ranks AT + CFA above AT by 10.0 points; AutoAttack **reverses the order** (−10.0")
    kept = _order(DEMO, ("at", 0, weakest, weak), ("at_cfa", 0, weak, strong))
    assert "AutoAttack keeps the order (+10.0 points; 100 images, one seed, no interval)" in kept


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
    assert set(PLACES) == set(FIGURES)
    table = report.map_table(SMOKE, runs)
    assert table["Runs"].iloc[-1] == str(len(SMOKE.runs()))
    assert len(table) == len(PLACES) + 2


def test_hard_classes_stand_out():
    colours = class_colours(10, (2, 3, 4, 5))
    assert {colours[k] for k in (2, 3, 4, 5)} == set(HARD)
    assert not {colours[k] for k in (0, 1, 6, 7, 8, 9)} & set(HARD)
    assert len(ordered_colours((0.1, 0.2, 0.3), 0.2)) == 3


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
    at = [c for c in DIGITS.runs("fig4") if published.status(c).fresh]
    if not at:
        pytest.skip("no published records of digits")
    found = [Run(c, published.record(c), None) for c in at]
    assert hardest_by_training(found) == hard_classes(DIGITS)


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
    own = table["own margin, % of ε, mean of last 8 epochs"]
    assert (own[2], table["rivals' margin"][2], table["gap"][2]) == ("80", "120", "+40")
    assert "80 % of ε" in report.rival_text(runs, SMOKE, counts)
    assert "hypothesis for differences between data sets" in report.gap_text(runs, SMOKE, counts)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (-np.arange(10.0), "Yes: the mechanism expects a negative rank correlation between them, and over the 10"),
        (np.arange(10.0), "+1.00 (a larger gap goes with a gain)"),
        (np.array([0, 1, 0, 2, 1, 0, 2, 1, 0, 1.0]), "too weak to tell from chance"),
        (np.zeros(10), "cannot be ranked"),
    ],
)
def test_the_gap_is_tested_against_the_change(change, said):
    assert said in _prediction(np.arange(10.0), change)


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
    assert "Here the best average is at λ₁ = " in report.sweep_caption(runs, SMOKE, "fig5")
    assert "Epochs accepted: 3 in the shown seed, 6 over all 2 seeds" in report.fluctuation_caption(runs, SMOKE, "fawa")
    assert "The largest change of the worst class" in report.fluctuation_caption(runs, SMOKE, "live")


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
