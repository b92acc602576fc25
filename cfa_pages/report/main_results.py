"""Pictures of the main results: class-wise bars (Appendix C.2), average against worst class (Table 1 at a glance)."""

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from cfa_nb.recipes import ROWS, rows_of
from cfa_pages.report.lines import shown_classes
from cfa_pages.report.style import AVERAGED, CFA, INK, PLAIN, QUIET, label_ends, panels, percent_axis
from cfa_pages.results.paper import TABLE_1
from cfa_pages.results.rows import (
    accuracies,
    added_rows,
    attack_label,
    base_row,
    by_seed,
    worst_label,
)
from cfa_pages.results.runs import Results
from cfa_pages.results.stats import spread_of

METHODS = {"at": "AT", "trades": "TRADES", "fat": "FAT"}
WHISKERS = {"color": INK, "linewidth": 0.8, "alpha": 0.6}
MARKS = {"at": "o", "trades": "s", "fat": "D", "frl": "^"}
STAGES = {"plain": PLAIN, "+ EMA": AVERAGED, "+ CFA": CFA}


def per_class(results: Results, key: str, selection: str = "best") -> pd.DataFrame:
    """(seeds, K) robust accuracy of a table row, a column a class."""
    by_seed = accuracies(results, key, selection)
    return pd.DataFrame([a.per_class for a in by_seed.values()], index=list(by_seed))


def classwise_bars(results: Results, selection: str = "best") -> Figure:
    """Appendix C.2: robust accuracy of each class with and without CFA, mean over seeds, whiskers of one std."""
    compared = [(method, f"{method}_cfa", title) for method, title in METHODS.items()]
    compared += [(base_row(key), key, ROWS[key].label) for key in added_rows()]  # rows that the paper does not have
    fig, axes = panels(len(compared), height=2.5, stacked=True, sharex=True, sharey=True)
    classes = shown_classes(results)
    for ax, (base, row, title) in zip(axes, compared):
        bars = {ROWS[key].label: per_class(results, key, selection)[list(classes.indices)] for key in (base, row)}
        data = pd.concat(bars, names=["method", "seed"]).melt(ignore_index=False, var_name="class").reset_index()
        sns.barplot(data, x="class", y="value", order=classes.indices, hue="method", palette=[PLAIN, CFA],
                    saturation=1, errorbar="sd", err_kws=WHISKERS, ax=ax)  # fmt: skip
        classes.name(ax.xaxis)
        ax.set_title(title, pad=22)
        ax.set(xlabel=classes.note, ylabel="robust accuracy")
        sns.move_legend(ax, "lower left", bbox_to_anchor=(-0.01, 0.985), ncols=2, title=None, fontsize=9,
                        handlelength=1, borderaxespad=0)  # fmt: skip
    percent_axis(axes[0], 0)
    return fig


def tradeoff(results: Results, selection: str = "best") -> Figure:
    """Average against worst-class robustness of each method: ours, and below the paper's, each on its own axes.

    A thin line leads from the plain method over its EMA to CFA; up and right is better. Whiskers: one std over seeds.
    """
    fig, (ours, theirs) = panels(2, height=4.2, stacked=True)
    _draw_paths(ours, {key: point for key in rows_of(1) if (point := _our_point(results, key, selection))})
    ours.set_title(f"Here: {results.profile.data_label}, {attack_label(results.profile)}")
    ours.set_ylabel(f"{worst_label(results.profile)}, robust accuracy")
    paper = {key: row[selection]["robust"] for key, row in TABLE_1.items()}
    _draw_paths(theirs, {k: [(v.mean / 100, v.std / 100) for v in (p.avg, p.worst)] for k, p in paper.items()})
    theirs.set_title("Paper: CIFAR-10, AutoAttack")
    theirs.set_ylabel("worst class, robust accuracy")
    marks = [Line2D([], [], marker="o", ls="", color=colour, label=stage) for stage, colour in STAGES.items()]
    fig.legend(handles=marks, loc="outside lower center", ncols=len(marks))
    return fig


def _our_point(results, key, selection):
    """((average, its std), (worst class, its std)); None without a run."""
    quantities = ("robust_avg", "robust_worst")
    values = [list(by_seed(results, key, selection, quantity).values()) for quantity in quantities]
    return [(float(np.mean(v)), spread_of(v) if len(v) > 1 else 0.0) for v in values] if values[0] else None


def _draw_paths(ax, rows):
    """A marker a row, a line a method, whose name stands at the right edge, led to the last of its rows."""
    paths = {m: [k for k in (m, f"{m}_ema", f"{m}_cfa") if k in rows] for m in MARKS}
    paths |= {key: [key] for key in added_rows() if key in rows}
    for method, path in paths.items():
        ax.plot([rows[k][0][0] for k in path], [rows[k][1][0] for k in path], color=QUIET, lw=1, zorder=1)
        for key in path:
            (avg, avg_std), (worst, worst_std) = rows[key]
            colour = STAGES["+ CFA" if key.endswith("cfa") else "+ EMA" if key.endswith("ema") else "plain"]
            options = {"color": colour, "ms": 8.5, "mew": 0, "ecolor": (colour, 0.45), "elinewidth": 0.9}
            ax.errorbar(avg, worst, worst_std, avg_std, fmt=MARKS.get(method, "P"), zorder=3, **options)
    ax.margins(0.12)
    percent_axis(ax, None)
    ax.set_xlim(max(0.0, ax.get_xlim()[0]))
    ax.xaxis.set_major_formatter(ax.yaxis.get_major_formatter())
    ax.grid(True, axis="both")
    ax.set_xlabel("average robust accuracy")
    ends = {method: [mean for mean, _ in rows[path[-1]]] for method, path in paths.items() if path}
    right = ax.get_xlim()[1]
    for avg, worst in ends.values():
        ax.plot([avg, right], [worst, worst], ":", color=INK, lw=0.8, zorder=1)
    ax.set_xlim(right=right)
    label_ends(ax, right, [(worst, ROWS[method].label, INK) for method, (_, worst) in ends.items()], gap=0.06)
