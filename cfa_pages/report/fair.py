"""Pictures of other methods (notebook 09): what they change over AT, what FAT and FRL give each class, and where the
difficulty of test images lies.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from cfa_nb.config import LIVE
from cfa_nb.method.calibration import Calibration
from cfa_nb.method.rivals import Frl
from cfa_nb.recipes import ROWS
from cfa_nb.runs.record import unpack_outcomes
from cfa_pages.report.lines import class_traces, epoch_axis, margin_axis, shown_classes
from cfa_pages.report.style import AVERAGED, CFA, HARD, INK, PLAIN, QUIET, label_ends, panels, plt
from cfa_pages.results.rows import accuracies, eps_text, find, row_runs, statistic_difference
from cfa_pages.results.runs import Results, Run

OVER_AT = {"fat": ("at", PLAIN), "at_cfa": ("at", CFA), "frl_ema": ("at", AVERAGED)}  # row: what it is compared with
WITH_CFA = {"at_cfa": ("at", CFA), "trades_cfa": ("trades", "#5aa195"), "fat_cfa": ("fat", "#b0d3cc")}
STEPS, ALL = (HARD[0], "#e0782f", "#f0b46b", "#f7d9ae"), "#dce3e9"  # few steps of an attack to many; all of them


def class_changes(results: Results, row: str, base: str = "at") -> np.ndarray:
    """(K,) by how much each class's robust accuracy (best) differs between two rows, mean over seeds; fractions."""
    ours, theirs = (accuracies(results, key, "best") for key in (row, base))
    return np.array([np.subtract(ours[s].per_class, theirs[s].per_class) for s in ours if s in theirs]).mean(axis=0)


def change_bars(results: Results, compared: Mapping[str, tuple[str, str]], selection: str = "best") -> Figure:
    """What methods change, class by class and on average, in points, with 95 % intervals.

    Args:
        compared: {row: (the row that it is compared with, colour)}.
    """
    classes = shown_classes(results)
    indices = list(classes.indices)
    fig, (ax,) = panels(1, height=3.9, width=8.2)
    at = np.array([*range(len(indices)), len(indices) + 0.5])
    for shift, (key, (base, colour)) in zip((-0.27, 0, 0.27), compared.items()):
        changes = [statistic_difference(results, key, base, selection, k) for k in (*indices, "overall")]
        means = 100 * np.array([change.mean for change in changes])
        ends = 100 * np.array([change.interval if change.n > 1 else [change.mean] * 2 for change in changes]).T
        ax.bar(at + shift, means, 0.26, color=colour, label=f"{ROWS[key].label} − {ROWS[base].label}")
        ax.errorbar(at + shift, means, abs(ends - means), fmt="none", ecolor=INK, elinewidth=0.8)
    classes.name(ax.xaxis)
    names = [label.get_text() for label in ax.get_xticklabels()]
    ax.set_xticks(at, [*names, "average"])
    ax.get_xticklabels()[-1].set(
        rotation=40, color=INK, ha="right", va="top", rotation_mode="anchor", fontweight="bold"
    )
    ax.axhline(0, color=INK, lw=1)
    ax.axvline(len(indices) - 0.25, color=QUIET, lw=1, ls=(0, (4, 3)))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:+.0f}".replace("-", "−") if v else "0"))
    ax.margins(y=0.08)
    ax.set_ylabel("change in robust accuracy, points")
    ax.set_xlabel(classes.note)
    legend_above(ax, 3)
    return fig


def legend_above(ax: Axes, columns: int, **options) -> None:
    """A legend in a row above the panel, at its left."""
    place = {"loc": "lower left", "bbox_to_anchor": (-0.01, 1.0), "borderaxespad": 0}
    ax.legend(ncols=columns, handlelength=1, **place, **options)


def steps_bars(taken: Sequence[int], labels: Sequence[int], results: Results, steps: int) -> Figure:
    """How many of its `steps` FAT's attack makes on the images of each class: shares, fewest steps to the left.

    Args:
        taken: (B,) steps of each image.
        labels: (B,) classes.
        results: runs that say which classes there are.
    """
    classes, taken, labels = shown_classes(results), np.asarray(taken), np.asarray(labels)
    indices = list(classes.indices)
    counts = sorted(set(taken.tolist()))
    fig, (ax,) = panels(1, height=0.3 * len(indices) + 1.3)
    left = np.zeros(len(indices))
    for i, s in enumerate(counts):
        colour = ALL if s == steps else STEPS[min(i, len(STEPS) - 1)]
        shares = np.array([100 * np.mean(taken[labels == k] == s) if (labels == k).any() else 0.0 for k in indices])
        ax.barh(np.arange(len(indices)), shares, 0.78, left=left, color=colour, label="all" if s == steps else str(s))
        left += shares
    classes.name(ax.yaxis)
    ax.invert_yaxis()
    ax.grid(False)
    ax.set_xlim(0, 100)
    ax.set_xlabel("share of the class's images, %")
    legend_above(ax, len(counts), title="steps of the attack", alignment="left")
    return fig


def frl_calibrations(run: Run, results: Results) -> list[Calibration]:
    """What an FRL run gave each class in each epoch, computed again from the validation accuracies in the records.

    Before its first epoch the network is its parent's best on validation, and so is that measurement.
    """
    parent = next(r for r in results if r.config == run.config.parent).record
    first = parent.measured(LIVE, "val", parent.checkpoints[f"{LIVE}/best_val"].epoch)
    state, calibrations = Frl.start(len(parent.class_names)), []
    for seen in (first, *(e.val[LIVE] for e in run.record.epochs[:-1])):
        state = state.update(seen.clean.per_class, seen.robust.per_class, run.config)
        calibrations.append(state.calibration(run.config))
    return calibrations


def frl_values(results: Results) -> tuple[np.ndarray, np.ndarray]:
    """(epochs, K) weights of FRL's natural loss, 1 for equal weights, and margins as recorded; means over seeds."""
    runs = list(row_runs(results, "frl").values())
    weights = np.mean([[c.ce_weight for c in frl_calibrations(r, results)] for r in runs], axis=0)
    return weights * weights.shape[1], np.mean([[e.class_eps for e in r.record.epochs] for r in runs], axis=0)


def frl_trace(results: Results) -> Figure:
    """The weights and margins that FRL gives the classes, epoch by epoch, mean over seeds."""
    config, classes = next(iter(row_runs(results, "frl").values())).config, shown_classes(results)
    fig, axes = plt.subplots(2, 1, figsize=(7.6, 5.6), sharex=True)
    titles = ("weight in the natural loss (1: all classes equal)", "margin of the training attack")
    for ax, values, title, base in zip(axes, frl_values(results), titles, (1, config.eps)):
        class_traces(ax, values, classes, thin=1.2)
        ax.axhline(base, color=INK, lw=1, ls=(0, (1, 2)))
        ax.set_title(classes.title(title))
        epoch_axis(ax, config)
        label_ends(ax, len(values), _ends(values[-1], classes), gap=min(0.085, 0.95 / len(classes.indices)))
    axes[0].set_xlabel("")
    margin_axis(axes[1])
    return fig


def _ends(values, classes):
    """A name beside each line's end; lines that end together have one in common."""
    together = {}
    for k in classes.indices:
        together.setdefault(round(values[k] / np.mean(values), 2), []).append(k)
    names = {v: classes.names[ks[0]] if len(ks) == 1 else f"{len(ks)} others" for v, ks in together.items()}
    return [(values[ks[0]], names[v], classes.colours[ks[0]] if len(ks) == 1 else INK) for v, ks in together.items()]


def ccm_margins(results: Results) -> np.ndarray:
    """(K,) margins that CCM gives the classes in AT + CFA: mean over seeds and the second half of training."""
    runs = find(results, "at_ccm").values()
    return np.mean([[e.class_eps for e in r.record.epochs[r.config.epochs // 2 :]] for r in runs], axis=(0, 1))


def opposite_margins(results: Results) -> Figure:
    """Each class's margin under CCM (AT + CFA) and, in the last epoch, under FRL."""
    classes, eps = shown_classes(results), row_runs(results, "at")[results.seeds[0]].config.eps
    rows = np.arange(len(classes.indices))
    pairs = [255 * values[list(classes.indices)] for values in (ccm_margins(results), frl_values(results)[1][-1])]
    fig, (ax,) = panels(1, height=0.29 * len(rows) + 1.2)
    ax.hlines(rows, *pairs, color=QUIET, lw=1.2, zorder=1)
    for values, colour, marker, label in zip(pairs, (CFA, AVERAGED), "os", ("CFA", "FRL, last epoch")):
        ax.plot(values, rows, marker, color=colour, ms=8, mew=0, label=label, clip_on=False)
    classes.name(ax.yaxis)
    ax.invert_yaxis()
    ax.axvline(255 * eps, color=INK, lw=1, ls=(0, (1, 2)), zorder=1)
    ax.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:g}/255"))
    ax.set_xlabel(f"margin of the training attack (dotted: ε₀ = {eps_text(eps)})")
    legend_above(ax, 2)
    return fig


PARTS = {"class": HARD[1], "image": AVERAGED, "run": "#c9d2da"}  # of the variance of outcomes


def difficulty_shares(results: Results, key: str) -> dict[str, float]:
    """{"class", "image", "run": share} of the variance of whether a test image resists; {} where nobody can tell.

    Of the outcomes of all images in all training runs (seeds) of a row at the last epoch: what its class explains, what
    the image explains beyond its class, and what changes from one training to the next.
    """
    runs = [run for _, run in sorted(row_runs(results, key).items())]
    attack = results.profile.final_attack(runs[0].config)
    texts = [run.outcomes(ROWS[key].weights, "last", attack) for run in runs]
    if len(runs) < 2 or not all(texts):
        return {}
    n = next(iter(accuracies(results, key, "last").values())).n
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


def difficulty_bars(results: Results, keys: Sequence[str]) -> Figure:
    """The shares of `difficulty_shares`, a bar a table row; no bar where nobody can tell."""
    fig, (ax,) = panels(1, height=0.42 * len(keys) + 1.4)
    for y, key in enumerate(keys):
        left = 0.0
        for part, share in difficulty_shares(results, key).items():
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
