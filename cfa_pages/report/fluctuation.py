"""Fig. 4: overall and worst-class robustness from epoch to epoch, and how far the worst class jumps."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from cfa_nb.config import LIVE
from cfa_nb.method.metrics import ClassAccuracy
from cfa_pages.report.lines import epoch_axis
from cfa_pages.report.style import CFA, INK, QUIET, WIDTH, label_ends, panels, percent_axis, points_axis
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
    fig, (top, bottom) = plt.subplots(2, 1, figsize=(WIDTH, 5.0), height_ratios=(2.4, 1), sharex=True)
    overall, worst = (run.series(weights, statistic) for statistic in ("overall", "worst"))
    epochs = np.arange(1, len(overall) + 1)
    for seed_run in at_runs.values():
        top.plot(epochs, seed_run.series(weights, "worst"), color=CFA, lw=0.8, alpha=0.3)
    _draw_curves(top, epochs, overall, worst, worst_label(results.profile))
    _mark_accepted(top, run, weights)
    _draw_changes(bottom, epochs, worst, worst_label(results.profile))
    points_axis(bottom, max(0.12, 1.15 * np.abs(np.diff(run.series(LIVE, "worst"))).max()))  # one scale for (a) and (b)
    for ax in (top, bottom):
        epoch_axis(ax, run.config)
    top.set(xlabel="", ylabel="robust accuracy, PGD-10")
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
    """What choosing by average + worst class instead of the average changes: two lines a seed; and the paper's."""
    ours = [[(a.overall, a.worst) for a in choices(run)] for run in row_runs(results, "at").values()]
    quoted = {key: number.value / 100 for key, number in paper.QUOTED.items()}
    theirs = [[(quoted[f"fig4_{name}_avg"], quoted[f"fig4_{name}_worst"]) for name in ("best", "fair")]]
    fig, axes = panels(2, height=3.6, width=WIDTH, sharey=True)
    titles = f"Here: {results.profile.data_label}", "Paper: CIFAR-10"
    ends = ("best average", "best average\n+ worst class"), ("epoch 108:\nbest average", "epoch 110:\nfairer")
    for ax, title, ticks, lines in zip(axes, titles, ends, (ours, theirs)):
        for number, (name, colour) in enumerate((("average", INK), (worst_label(results.profile), CFA))):
            for line in lines:
                ax.plot([0, 1], [at[number] for at in line], "-o", color=colour, lw=1.4, ms=4.5)
            below = min((sum(at[number] for at in line) / 2 for line in lines), default=0.5) - 0.03
            ax.text(0.5, below, name, color=colour, fontsize=9, ha="center", va="top")
        ax.set_xticks([0, 1], ticks)
        ax.set(xlim=(-0.35, 1.35), title=title)
    percent_axis(axes[0], 0)
    axes[0].set_ylabel("robust accuracy, PGD-10")
    return fig


def choices(run: Run, images: str = "test") -> tuple[ClassAccuracy, ClassAccuracy]:
    """Robust test accuracy at the epoch of best average, and of best average + worst class, from `best_from` on.

    images: on which the two epochs are chosen, "test" or "val".
    """
    late = [e for e in run.record.epochs[run.config.best_from - 1 :] if getattr(e, images)[LIVE]]
    by_sum = max(late, key=lambda e: getattr(e, images)[LIVE].score)
    by_average = max(late, key=lambda e: getattr(e, images)[LIVE].robust.overall)
    return by_average.test[LIVE].robust, by_sum.test[LIVE].robust
