"""Pictures of the main results: class-wise bars (Appendix C.2), average against worst class (Table 1 at a glance)."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from cfa_nb.recipes import ROWS, rows_of
from cfa_nb.runs.study import Profile
from cfa_pages.report.lines import shown_classes
from cfa_pages.report.style import AVERAGED, CFA, INK, PLAIN, QUIET, label_points, name_classes, panels, percent_axis
from cfa_pages.results.cells import Cell
from cfa_pages.results.paper import TABLE_1
from cfa_pages.results.rows import (
    SELECTIONS,
    accuracies,
    added_rows,
    attack_label,
    base_row,
    by_seed,
    worst_label,
)
from cfa_pages.results.runs import Results
from cfa_pages.results.stats import mean_std, points, spread_of

METHODS = {"at": "AT", "trades": "TRADES", "fat": "FAT"}
WHISKERS = {"ecolor": INK, "elinewidth": 0.8, "capsize": 0, "alpha": 0.6}
MARKS = {"at": "o", "trades": "s", "fat": "D", "frl": "^"}


def per_class(results: Results, key: str, selection: str = "best") -> np.ndarray:
    """(seeds, K) robust accuracy of a table row, class by class."""
    return np.array([a.per_class for a in accuracies(results, key, selection).values()])


def classwise_bars(results: Results, selection: str = "best") -> Figure:
    """Appendix C.2: robust accuracy of each class with and without CFA, mean over seeds, whiskers of one std."""
    compared = _compared()
    fig, axes = panels(len(compared), height=3.6, width=14.5 / 3 * len(compared), sharey=True)
    classes = shown_classes(results)
    indices = list(classes.indices)
    for ax, (base, row, title) in zip(axes, compared):
        for key, colour, shift in ((base, PLAIN, -0.21), (row, CFA, 0.21)):
            values = per_class(results, key, selection)[:, indices]
            spread = values.std(axis=0, ddof=1) if len(values) > 1 else None
            options = {"color": colour, "label": ROWS[key].label, "error_kw": WHISKERS}
            ax.bar(np.arange(len(indices)) + shift, values.mean(axis=0), 0.4, yerr=spread, **options)
        names, hard = [classes.names[k] for k in indices], [i for i, k in enumerate(indices) if k in classes.hard]
        name_classes(ax.xaxis, names, hard)
        ax.set_title(title, pad=22)
        ax.set_xlabel(classes.note)
        ax.legend(loc="lower left", bbox_to_anchor=(-0.01, 0.985), ncols=2, fontsize=9, handlelength=1, borderaxespad=0)
    percent_axis(axes[0], 0)
    return fig


def _compared():
    """(base, row, title) of each panel: a method without and with CFA, and each row that the paper does not have."""
    rows = [(method, f"{method}_cfa", title) for method, title in METHODS.items()]
    return rows + [(base_row(key), key, ROWS[key].label) for key in added_rows()]


def class_change_caption(profile: Profile, row: str = "at_cfa", base: str = "at", selection: str = "last") -> str:
    """Caption of `class_change_table`: attack and checkpoint."""
    return (
        f"{ROWS[base].label} and {ROWS[row].label}, class by class: robust accuracy in percent "
        f"({attack_label(profile)}, {SELECTIONS[selection]}), change in points (paired by seed)."
    )


def class_change_table(results: Results, row: str, base: str, selection: str = "best") -> pd.DataFrame:
    """Robust accuracy of each class under two rows, and the change, paired by seed, in points."""
    ours, theirs = (per_class(results, key, selection) for key in (row, base))
    classes, rows = shown_classes(results), []
    for k in classes.indices:
        change = ours[:, k] - theirs[:, k]
        spread = f" ± {100 * spread_of(change):.1f}" if len(change) > 1 else ""
        numbers = {"mean": 100 * change.mean(), "std": 100 * spread_of(change)}
        rows.append({
            classes.heading: classes.names[k], "kind": classes.group(k), ROWS[base].label: mean_std(theirs[:, k]),
            ROWS[row].label: mean_std(ours[:, k]), "change": Cell(points(change.mean()) + spread, **numbers),
        })  # fmt: skip
    return pd.DataFrame(rows, dtype=object)


def tradeoff(results: Results, selection: str = "best") -> Figure:
    """Average against worst-class robustness of each method: ours (left) and the paper's (right), each on its own axes.

    A thin line leads from the plain method over its EMA to CFA; up and right is better. Whiskers: one std over seeds.
    """
    fig, (ours, theirs) = panels(2, height=4.6, width=11.5)
    points = {key: _our_point(results, key, selection) for key in rows_of(1)}
    points = _draw_paths(ours, points, f"{worst_label(results.profile)}, robust accuracy")
    ours.set_title(f"Here: {results.profile.data_label}, {attack_label(results.profile)}")
    paper = {key: tuple((v.mean / 100, v.std / 100) for v in _paper_pair(key, selection)) for key in TABLE_1}
    paper = _draw_paths(theirs, paper, "worst class, robust accuracy")
    theirs.set_title("Paper: CIFAR-10, AutoAttack")
    _name_points(theirs, paper)
    _name_points(ours, points)  # last: names at the right edge have changed the widths
    return fig


def _our_point(results, key, selection):
    quantities = ("robust_avg", "robust_worst")
    values = [list(by_seed(results, key, selection, quantity).values()) for quantity in quantities]
    return tuple((float(np.mean(v)), spread_of(v) if len(v) > 1 else 0.0) for v in values) if values[0] else None


def _paper_pair(key, selection):
    pair = TABLE_1[key][selection]["robust"]
    return pair.avg, pair.worst


def _draw_paths(ax, rows, worst_name):
    rows = {key: point for key, point in rows.items() if point is not None}
    for method in MARKS:
        path = [k for k in (method, f"{method}_ema", f"{method}_cfa") if k in rows]
        ax.plot([rows[k][0][0] for k in path], [rows[k][1][0] for k in path], color=QUIET, lw=1, zorder=1)
    for key, ((avg, avg_std), (worst, worst_std)) in rows.items():
        ax.errorbar(
            avg, worst, worst_std, avg_std, fmt="none", ecolor=_colour(key), elinewidth=0.9, alpha=0.45, zorder=2
        )
        marker = MARKS.get(key.split("_")[0], "P")
        ax.plot(avg, worst, marker, color=_colour(key), ms=8.5, mew=0, zorder=3, clip_on=False)
    ax.margins(0.16)
    percent_axis(ax, None)
    ax.set_xlim(max(0.0, ax.get_xlim()[0]))
    ax.xaxis.set_major_formatter(ax.yaxis.get_major_formatter())
    ax.grid(True, axis="both")
    ax.set_xlabel("average robust accuracy")
    ax.set_ylabel(worst_name)
    return rows


def _name_points(ax, rows):
    ordered_keys = sorted(rows, key=lambda k: not k.endswith("cfa"))
    label_points(ax, [(rows[k][0][0], rows[k][1][0], ROWS[k].label, _label_style(k)) for k in ordered_keys])


def _colour(key):
    return CFA if key.endswith("cfa") else AVERAGED if key.endswith("ema") else PLAIN


def _label_style(key):
    ours = key.endswith("cfa")
    return {"fontsize": 9, "color": CFA if ours else INK, "fontweight": "bold" if ours else "normal"}
