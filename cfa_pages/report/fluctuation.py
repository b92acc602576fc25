"""Fig. 4: overall and worst-class robustness from epoch to epoch, and how far the worst class jumps."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from cfa_nb.method.metrics import ClassAccuracy
from cfa_pages.report.lines import epoch_axis
from cfa_pages.report.style import CFA, INK, QUIET, label_ends, panels, percent_axis, points_axis
from cfa_pages.results import paper
from cfa_pages.results.measurements import CHANGE_EPOCHS, NO_CHANGE_EPOCHS, changes, mean_change
from cfa_pages.results.rows import row_runs, worst_label
from cfa_pages.results.runs import Results, Run
from cfa_pages.results.stats import mean_std

NAMES = {"live": "AT", "ema": "AT + EMA", "fawa": "AT + FAWA"}


def fluctuation(results: Results, weights: str = "live") -> Figure:
    """Fig. 4(a) ("live") and (b) ("fawa"), of the first seed: overall, worst class, and |change of the worst class|.

    Thin lines are the worst class in the other seeds. An average is drawn from its first epoch on, with a triangle for
    each epoch that it accepted; where it does not exist yet there is nothing to draw.
    """
    at_runs = row_runs(results, "at")
    run = at_runs[results.profile.seeds[0]]
    fig, (top, bottom) = plt.subplots(2, 1, figsize=(7.6, 5.0), height_ratios=(2.4, 1), sharex=True)
    overall, worst = (run.series(weights, statistic) for statistic in ("overall", "worst"))
    epochs = np.arange(1, len(overall) + 1)
    for seed_run in at_runs.values():
        top.plot(epochs, seed_run.series(weights, "worst"), color=CFA, lw=0.8, alpha=0.3)
    _draw_curves(top, epochs, overall, worst, worst_label(results.profile))
    _mark_accepted(top, run, weights)
    _draw_changes(bottom, epochs, worst, worst_label(results.profile))
    for ax in (top, bottom):
        epoch_axis(ax, run.config)
    top.set_xlabel("")
    top.set_title(f"{NAMES[weights]}, seed {run.config.seed}")
    return fig


def _draw_curves(ax, epochs, overall, worst, name):
    ax.plot(epochs, overall, "-o", color=INK, ms=3.5, mew=0)
    ax.plot(epochs, worst, "-o", color=CFA, ms=3.5, mew=0)
    percent_axis(ax, 0, 0.08 + (np.nanmax(overall) if np.isfinite(overall).any() else 0.6))
    if np.isfinite(overall[-1]):
        label_ends(ax, epochs[-1], [(overall[-1], "average", INK), (worst[-1], name, CFA)])
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
    if np.isnan(worst).all():
        ax.annotate("no average", (0.5, 0.5), xycoords="axes fraction", ha="center", va="center", color=QUIET)
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
    return pd.DataFrame(rows, dtype=object)


def change_caption() -> str:
    """Caption of `change_table`: over which epochs the changes are taken."""
    return (
        f"Mean |change| between adjacent epochs, in points, mean ± std over seeds (PGD-10); {CHANGE_EPOCHS}. "
        f"–: {NO_CHANGE_EPOCHS}."
    )


def choice_picture(results: Results) -> Figure:
    """An arrow from the epoch of best average to that of best average + worst class, one a seed; and the paper's."""
    fig, axes = panels(2, height=3.5, stacked=True)
    for (best, fair), seed in zip(map(choices, row_runs(results, "at").values()), sorted(row_runs(results, "at"))):
        _arrow(axes[0], *((a.overall, a.worst) for a in (best, fair)), f"seed {seed}")
    best, fair = (
        tuple(paper.QUOTED[f"fig4_{name}_{statistic}"].value / 100 for statistic in ("avg", "worst"))
        for name in ("best", "fair")
    )
    _arrow(axes[1], best, fair, "its example")
    for ax, title in zip(axes, (f"Here: {results.profile.data_label}", "Paper: CIFAR-10")):
        ax.margins(0.25)
        percent_axis(ax, None)
        ax.xaxis.set_major_formatter(ax.yaxis.get_major_formatter())
        ax.set(xlabel="average robust accuracy, PGD-10", ylabel=f"{worst_label(results.profile)}, PGD-10")
        ax.set_title(title)
    return fig


def choices(run: Run) -> tuple[ClassAccuracy, ClassAccuracy]:
    """Robust test accuracy at the epoch of best average, and of best average + worst class, from `best_from` on."""
    late = run.curve()[run.config.best_from - 1 :]
    return max(late, key=lambda a: a.overall), max(late, key=lambda a: a.overall + a.worst)


def _arrow(ax, start, end, text):
    ax.annotate("", end, start, arrowprops={"arrowstyle": "-|>", "color": CFA, "lw": 1.6, "shrinkA": 5, "shrinkB": 5})
    ax.plot(*start, "o", color=QUIET, ms=7, mew=0)
    ax.plot(*end, "o", color=CFA, ms=7, mew=0)
    ax.annotate(text, end, (7, 4), textcoords="offset points", fontsize=9, color=INK)
