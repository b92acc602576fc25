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
from cfa_pages.report.style import AVERAGED, CFA, HARD, INK, QUIET, label_ends, panels, plt, short_name
from cfa_pages.results.rows import accuracies, class_groups, eps_text, find, row_runs, statistic_difference, versus
from cfa_pages.results.runs import Results, Run

OVER_AT = {"at_cfa": "at", "fat": "at", "frl_ema": "at_ema"}  # row: the row that it is compared with
WITH_CFA = {"at_cfa": "at", "trades_cfa": "trades", "fat_cfa": "fat"}
DOTS = (("o", CFA), ("s", AVERAGED), ("D", HARD[1]))  # marker and colour of the first, second, third comparison
STEPS, ALL = (HARD[0], "#e0782f", "#f0b46b", "#f7d9ae"), "#dce3e9"  # few steps of an attack to many; all of them


def change_dots(results: Results, compared: Mapping[str, str]) -> Figure:
    """What methods change at the last epoch, class by class, in groups and on average: points, 95 % intervals.

    Args:
        compared: {row: the row that it is compared with}, up to three.
    """
    classes, groups, rows, y = shown_classes(results), class_groups(results), [], 0.0
    kinds = [[(classes.names[k], k) for k in classes.indices if (k in classes.hard) == hard] for hard in (True, False)]
    means = [(f"mean of {kind}", groups[kind]) for kind in ("hard", "easy") if groups[kind]]
    for block in (*kinds, [*means, ("average", "overall")]):
        for name, statistic in block:
            rows.append((y, name, statistic))
            y += 1
        y += 0.6
    fig, (ax,) = panels(1, height=0.34 * y + 1)
    for shift, (marker, colour), (row, base) in zip((-0.24, 0, 0.24), DOTS, compared.items()):
        for y, _, statistic in rows:
            change = statistic_difference(results, row, base, "last", statistic)
            low, high = change.interval if change.n > 1 else (change.mean, change.mean)
            ax.plot([100 * low, 100 * high], [y + shift] * 2, color=colour, lw=1.5, alpha=0.6)
            ax.plot(
                100 * change.mean, y + shift, marker, color=colour, mfc="white" if low < 0 < high else colour, ms=5.5
            )
        ax.plot([], [], marker, color=colour, label=versus(row, base))
    ax.set_yticks([y for y, *_ in rows], [short_name(name) for _, name, _ in rows])
    for label in ax.get_yticklabels()[: len(kinds[0])]:
        label.set(color=HARD[0], fontweight="bold")
    ax.invert_yaxis()
    ax.grid(True, axis="x")
    ax.axvline(0, color=INK, lw=1)
    ax.xaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:+.0f}".replace("-", "−") if v else "0"))
    ax.set_xlabel("change in robust accuracy, points")
    legend_above(ax, 3, columnspacing=1.2)
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


def frl_values(results: Results) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(epochs, K) weights of FRL's natural and boundary loss, 1 for equal ones, and recorded margins; seeds' means."""
    runs = list(row_runs(results, "frl").values())
    given = [[(c.ce_weight, c.kl_weight) for c in frl_calibrations(r, results)] for r in runs]
    natural, boundary = np.moveaxis(np.mean(given, axis=0), 1, 0) * len(given[0][0][0])
    return natural, boundary, np.mean([[e.class_eps for e in r.record.epochs] for r in runs], axis=0)


def frl_trace(results: Results) -> Figure:
    """The weights and margins that FRL gives the classes, epoch by epoch, mean over seeds."""
    config, classes = next(iter(row_runs(results, "frl").values())).config, shown_classes(results)
    fig, axes = panels(3, height=2.6, stacked=True, sharex=True)
    titles = ("weight in the natural loss (1: all equal)", "weight in the boundary loss", "margin in training")
    for ax, values, title, base in zip(axes, frl_values(results), titles, (1, 1, config.eps)):
        class_traces(ax, values, classes, thin=1.2)
        ax.axhline(base, color=INK, lw=1, ls=(0, (1, 2)))
        ax.set_title(classes.title(title))
        epoch_axis(ax, config)
        label_ends(ax, len(values), _ends(values[-1], classes), gap=min(0.09, 0.95 / len(classes.indices)))
        ax.set_xlabel("epoch" if ax is axes[-1] else "")
    margin_axis(axes[-1])
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
    pairs = [255 * values[list(classes.indices)] for values in (ccm_margins(results), frl_values(results)[-1][-1])]
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
