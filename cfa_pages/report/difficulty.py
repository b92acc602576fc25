"""Where the difficulty of test images lies: between classes, between images of a class, or in the training run."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from cfa_nb.recipes import ROWS
from cfa_nb.runs.record import unpack_outcomes
from cfa_pages.report.fair import legend_above
from cfa_pages.report.style import AVERAGED, HARD, INK, panels, plt
from cfa_pages.results.rows import accuracies, row_runs
from cfa_pages.results.runs import Results

PARTS = {"class": HARD[1], "image": AVERAGED, "run": "#c9d2da"}  # of the variance of outcomes


def difficulty_shares(results: Results, key: str, selection: str = "last") -> dict[str, float]:
    """{"class", "image", "run": share} of the variance of whether a test image resists; {} where nobody can tell.

    Of the outcomes of all images in all training runs (seeds) of a table row: what its class explains, what the image
    explains beyond its class, and what changes from one training to the next.
    """
    runs = [run for _, run in sorted(row_runs(results, key).items())]
    attack = results.profile.final_attack(runs[0].config)
    texts = [run.outcomes(ROWS[key].weights, selection, attack) for run in runs]
    if len(runs) < 2 or not all(texts):
        return {}
    n = next(iter(accuracies(results, key, selection).values())).n
    right = np.array([np.concatenate(unpack_outcomes(text, n)) for text in texts], dtype=float)
    return variance_shares(right, np.repeat(np.arange(len(n)), n))


def variance_shares(right: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """The same of (runs, images) outcomes, 1 or 0, and (images,) labels: a nested analysis of variance."""
    image, run = right.mean(axis=0), right.var(axis=0, ddof=1).mean()
    groups = [image[labels == k] for k in np.unique(labels)]
    sizes = [len(g) for g in groups]
    within = max(0.0, np.average([g.var(ddof=1) for g in groups], weights=sizes) - run / len(right))
    between = np.average([(g.mean() - image.mean()) ** 2 for g in groups], weights=sizes)
    total = between + within + run
    return {"class": between / total, "image": within / total, "run": run / total} if total else {}


def difficulty_bars(results: Results, keys: Sequence[str], selection: str = "last") -> Figure:
    """The shares of `difficulty_shares`, a bar a table row; no bar where nobody can tell."""
    fig, (ax,) = panels(1, height=0.42 * len(keys) + 1.4)
    for y, key in enumerate(keys):
        left = 0.0
        for part, share in difficulty_shares(results, key, selection).items():
            ax.barh(y, 100 * share, 0.7, left=left, color=PARTS[part])
            ax.text(left + 50 * share, y, f"{100 * share:.0f}", ha="center", va="center", fontweight="bold",
                    color=INK if part == "run" else "white")  # fmt: skip
            left += 100 * share
    ax.set_yticks(range(len(keys)), [ROWS[key].label for key in keys])
    ax.set_xlim(0, 100)
    ax.invert_yaxis()
    ax.grid(False)
    ax.set_xlabel("share of the variance, %")
    labels = ("between classes", "between images of a class", "between training runs")
    handles = [plt.Rectangle((0, 0), 1, 1, color=colour) for colour in PARTS.values()]
    legend_above(ax, 3, handles=handles, labels=labels, fontsize=9, columnspacing=1.2)
    return fig
