"""Fig. 4: overall and worst-class robustness from epoch to epoch, and how far the worst class jumps."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from cfa_pages.report.lines import epoch_axis
from cfa_pages.report.style import CFA, INK, QUIET, label_ends, percent_axis, points_axis
from cfa_pages.results import paper
from cfa_pages.results.measurements import CHANGE_EPOCHS, NO_CHANGE_EPOCHS, changes, mean_change
from cfa_pages.results.rows import row_runs, worst_label
from cfa_pages.results.runs import Results, Run
from cfa_pages.results.stats import count, mean_std, percent, points

NAMES = {"live": "AT", "ema": "AT + EMA", "fawa": "AT + FAWA"}


def fluctuation(results: Results, weights: str = "live", seed: int | None = None) -> Figure:
    """Fig. 4(a) ("live") and (b) ("fawa"), of one seed: overall, worst class, and |change of the worst class|.

    Thin lines are the worst class in the other seeds. An average is drawn from its first epoch on, with a triangle for
    each epoch that it accepted; where it does not exist yet there is nothing to draw.
    """
    at_runs = row_runs(results, "at")
    run = at_runs[results.profile.seeds[0] if seed is None else seed]
    fig, (top, bottom) = plt.subplots(2, 1, figsize=(7.6, 5.0), height_ratios=(2.4, 1), sharex=True)
    overall, worst = (series(run, weights, statistic) for statistic in ("overall", "worst"))
    epochs = np.arange(1, len(overall) + 1)
    for seed_run in at_runs.values():
        top.plot(epochs, series(seed_run, weights, "worst"), color=CFA, lw=0.8, alpha=0.3)
    _draw_curves(top, epochs, overall, worst, worst_label(results.profile))
    _mark_accepted(top, run, weights)
    _draw_changes(bottom, epochs, worst, worst_label(results.profile))
    for ax in (top, bottom):
        epoch_axis(ax, run.config)
    top.set_xlabel("")
    top.set_title(f"{NAMES[weights]}, seed {run.config.seed}")
    return fig


def series(run: Run, weights: str, statistic: str) -> np.ndarray:
    """(epochs,) "overall" or "worst" robust test accuracy; nan while these weights do not exist."""
    return np.array([np.nan if a is None else getattr(a, statistic) for a in run.curve(weights)])


def _draw_curves(ax, epochs, overall, worst, name):
    ax.plot(epochs, overall, "-o", color=INK, ms=3.5, mew=0)
    ax.plot(epochs, worst, "-o", color=CFA, ms=3.5, mew=0)
    percent_axis(ax, 0, 0.08 + (np.nanmax(overall) if np.isfinite(overall).any() else 0.6))
    if np.isfinite(overall[-1]):
        label_ends(ax, epochs[-1], [(overall[-1], "overall", INK), (worst[-1], name, CFA)])
    else:
        ax.annotate("no epoch was accepted", (0.5, 0.5), xycoords="axes fraction", ha="center", color=QUIET)


def _mark_accepted(ax, run, weights):
    accepted = [e.epoch for e in run.record.epochs if e.accepted.get(weights)]
    if weights == "fawa" and accepted:
        ax.plot(accepted, np.full(len(accepted), 0.025), "^", color=QUIET, ms=6, mew=0)
        place = {"xytext": (-8, 0), "textcoords": "offset points", "ha": "right", "va": "center"}
        ax.annotate("accepted", (accepted[0], 0.025), fontsize=9, color=QUIET, **place)


def _draw_changes(ax, epochs, worst, name):
    jumps = np.abs(np.diff(worst))
    ax.bar(epochs[1:], np.nan_to_num(jumps), width=0.62, color=CFA, alpha=0.55)
    points_axis(ax, max(0.12, np.nanmax(np.nan_to_num(jumps)) * 1.15))
    if not np.nan_to_num(jumps).any():
        note = "no change" if np.isfinite(jumps).any() else "no average" if np.isnan(worst).all() else "one epoch alone"
        ax.annotate(note, (0.5, 0.5), xycoords="axes fraction", ha="center", va="center", color=QUIET)
    ax.set_title(f"|change of the {name}| from the epoch before, points", fontsize=10, fontweight="normal")


def change_table(results: Results) -> pd.DataFrame:
    """Mean |change| between adjacent epochs, per weights, mean ± std over seeds, in points (see `change_caption`)."""
    at_runs, rows = row_runs(results, "at").values(), []
    for weights, name in NAMES.items():
        worst, overall = ([mean_change(r, weights, statistic) for r in at_runs] for statistic in ("worst", "overall"))
        largest = [max(moves["worst"] for _, moves in changes(r, weights)) for r in at_runs if changes(r, weights)]
        rows.append({
            "Weights": name, f"|change| of the {worst_label(results.profile)}": mean_std(worst),
            "largest one": mean_std(largest), "|change| of the average": mean_std(overall),
            "seeds": str(sum(v is not None for v in worst)),
        })  # fmt: skip
    return pd.DataFrame(rows)


def change_caption() -> str:
    """Caption of `change_table`: over which epochs the changes are taken."""
    return (
        f"Mean |change| between adjacent epochs, in points, mean ± std over seeds (PGD-10); {CHANGE_EPOCHS}. "
        f"–: {NO_CHANGE_EPOCHS}."
    )


def choice_table(results: Results) -> pd.DataFrame:
    """Per seed: the epoch of best overall accuracy against the epoch of best overall + worst class (Sec. 3.3)."""
    rows = [_choice(run) for _, run in sorted(row_runs(results, "at").items())]
    return pd.DataFrame([*rows, _choice_in_the_paper()])


def _choice_in_the_paper():
    best, fair = ({k: paper.QUOTED[f"fig4_{w}_{k}"].value for k in ("epoch", "avg", "worst")} for w in ("best", "fair"))
    return {
        "Seed": "paper, CIFAR-10",
        "epoch of best overall": str(best["epoch"]),
        "overall / worst there": f"{best['avg']} / {best['worst']}",
        "epoch of best sum": str(fair["epoch"]),
        "overall / worst": f"{fair['avg']} / {fair['worst']}",
    }


def _choice(run):
    curve = run.curve()
    late = range(run.config.best_from, run.config.epochs + 1)
    best = max(late, key=lambda e: curve[e - 1].overall)
    fair = max(late, key=lambda e: curve[e - 1].overall + curve[e - 1].worst)
    pairs = [f"{percent(curve[e - 1].overall)} / {percent(curve[e - 1].worst)}" for e in (best, fair)]
    return {
        "Seed": str(run.config.seed), "epoch of best overall": str(best), "overall / worst there": pairs[0],
        "epoch of best sum": str(fair), "overall / worst": pairs[1],
    }  # fmt: skip


def fluctuation_caption(results: Results, weights: str = "live") -> str:
    """Caption of Fig. 4(a) or (b): the paper's words and our mean |change|."""
    at_runs = row_runs(results, "at").values()
    worst, overall = ([mean_change(r, weights, statistic) for r in at_runs] for statistic in ("worst", "overall"))
    q = paper.QUOTED
    paper_text = (f"nearly {q['fig4_worst_change']} in the worst class, less than {q['fig4_avg_change']} overall"
            if weights == "live" else f"less than {q['fig4_fawa_change']}")  # fmt: skip
    last_sentence = _largest_text(at_runs, results.profile) if weights == "live" else _accepted_text(results, weights)
    seed_count = sum(v is not None for v in worst)
    ours = (
        f"{mean_std(worst)} points in the {worst_label(results.profile)}, {mean_std(overall)} overall, n = {seed_count}"
    )
    ours = f"{ours if seed_count else NO_CHANGE_EPOCHS} ({CHANGE_EPOCHS})"
    return (
        f"Fig. 4({'a' if weights == 'live' else 'b'}). {NAMES[weights]}. Change from epoch to epoch, paper: "
        f"{paper_text}; ours: {ours}. {last_sentence}".rstrip()
    )


def _largest_text(at_runs, profile):
    largest = [max(moves["worst"] for _, moves in changes(r)) for r in at_runs if changes(r)]
    if not largest:
        return ""
    return f"The largest change of the {worst_label(profile)}, mean over seeds: {mean_std(largest)} points."


def _accepted_text(results, weights):
    """How many epochs the average accepted: in the seed that is shown, and over all seeds."""
    at_runs = row_runs(results, "at")
    counts = {s: sum(bool(e.accepted.get(weights)) for e in r.record.epochs) for s, r in at_runs.items()}
    if not any(counts.values()):
        return "No epoch was accepted, so there is no average."
    scope = f" in the shown seed, {sum(counts.values())} over all {len(counts)} seeds" if len(counts) > 1 else ""
    first = counts[results.profile.seeds[0]]
    return f"Epochs accepted: {first}{scope}; between accepted epochs the average does not change."


def fairness_gain_text(results: Results) -> str:
    """One sentence: what choosing by overall + worst costs on average and gains in the worst class."""
    gains, costs = [], []
    for run in row_runs(results, "at").values():
        curve, late = run.curve(), range(run.config.best_from - 1, run.config.epochs)
        best = max(late, key=lambda e: curve[e].overall)
        fair = max(late, key=lambda e: curve[e].overall + curve[e].worst)
        gains.append(curve[fair].worst - curve[best].worst)
        costs.append(curve[fair].overall - curve[best].overall)
    q = paper.QUOTED
    paper_gain = (q["fig4_fair_worst"].value - q["fig4_best_worst"].value) / 100
    paper_cost = (q["fig4_fair_avg"].value - q["fig4_best_avg"].value) / 100
    basis = f"mean of {count(len(gains), 'seed')}, on the test set that chose"
    return (
        f"Choosing the epoch by overall + worst instead of overall alone changes the {worst_label(results.profile)} by "
        f"{points(np.mean(gains))} points and the average by {points(np.mean(costs))} ({basis}); "
        f"in the paper's example by {points(paper_gain)} and {points(paper_cost)}."
    )
