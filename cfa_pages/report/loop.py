"""Eq. 6 as a loop: how far margins move from epoch to epoch, and why they settle (Sec. 4.1)."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from cfa_pages.report.lines import shown_classes
from cfa_pages.report.style import INK, name_classes, panels
from cfa_pages.results.measurements import margin_moves, slopes_by_seed
from cfa_pages.results.rows import row_runs
from cfa_pages.results.runs import Results
from cfa_pages.results.stats import mean_std


def slope_bars(results: Results) -> Figure:
    """By how much each class's t_k falls as its training margin grows by eps; above 1 the loop would not settle."""
    slopes, classes = np.array(list(slopes_by_seed(results).values())), shown_classes(results)
    fig, (ax,) = panels(1, height=3.4, width=8)
    indices = list(classes.indices)
    ax.bar(np.arange(len(indices)), slopes.mean(axis=0)[indices], 0.6, color=[classes.colours[k] for k in indices])
    for position, k in enumerate(indices):
        ax.plot([position] * len(slopes), slopes[:, k], "o", color=INK, ms=3, mew=0, alpha=0.6)
    ax.axhline(1, color=INK, lw=1.2, ls=(0, (1, 2)))
    ax.annotate("unstable above 1", (len(indices) - 0.5, 1), xytext=(0, -12), textcoords="offset points", ha="right")
    ax.set_ylim(min(0, slopes.min() - 0.03), 1.1)
    names = [classes.names[k] for k in indices]
    name_classes(ax.xaxis, names, [i for i, k in enumerate(indices) if k in classes.hard])
    ax.set_ylabel("fall of $t_k$ per ε")
    ax.set_title(classes.title("How sharply a class reacts to its margin"), pad=14)
    return fig


def moves_table(results: Results) -> pd.DataFrame:
    """Mean |change| of a class's margin from epoch to epoch, in % of eps: CCM, and CCM damped."""
    rows = []
    for recipe, name in (("at_ccm", "AT + CCM"), ("at_damped_ccm", "AT + CCM, damped")):
        moves = [margin_moves(run) for run in row_runs(results, recipe).values()]
        rows.append({"Training run": name, "|change| of a margin, % of ε": mean_std(moves), "seeds": str(len(moves))})
    return pd.DataFrame(rows, dtype=object)
