"""All that matters in one picture: what each method changes over its base, in the worst class and in the average."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from cfa_nb.recipes import ROWS
from cfa_pages.claims.base import CONTRADICTED, NO_DIFFERENCE, SUPPORTED, UNDECIDED
from cfa_pages.claims.verdicts import verdict_of
from cfa_pages.report.style import INK, QUIET, panels
from cfa_pages.results.paper import TABLE_1, TABLE_2, difference
from cfa_pages.results.rows import attack_label, row_difference, worst_label
from cfa_pages.results.runs import Results
from cfa_pages.results.stats import count

#: (row, base), in groups with a gap between them.
SHOWN = (
    (("at_ccm", "at"), ("at_cfa", "at"), ("at_cfa", "at_ema")),
    (("trades_ccm_ccr", "trades"), ("trades_cfa", "trades"), ("trades_cfa", "trades_ema")),
    (("fat_ccm", "fat"), ("fat_cfa", "fat"), ("fat_cfa", "fat_ema")),
    (("frl_ema", "trades_ema"), ("trades_cfa", "frl_ema")),
    (("at_ccm", "at_mean_margin"), ("at_ccm", "at_shuffled_margins")),
)
COLOURS = {SUPPORTED: "#0072B2", CONTRADICTED: "#D55E00", NO_DIFFERENCE: "#333333", UNDECIDED: "#8c8c8c"}
MEANINGS = {SUPPORTED: "above 0", CONTRADICTED: "below 0", NO_DIFFERENCE: "within 1 point of 0", UNDECIDED: "undecided"}


def glance(results: Results, selection: str = "last") -> Figure:
    """Differences of table rows, mean and 95 % interval in points; diamonds: the paper's own, where it prints them."""
    fig, axes = panels(2, height=6.4, width=12.5, sharey=True)
    titles = (("robust_worst", worst_label(results.profile).capitalize()), ("robust_avg", "Average"))
    for ax, (quantity, title) in zip(axes, titles):
        names = _draw(ax, results, selection, quantity)
        ax.axvline(0, color=INK, lw=1)
        ax.set_title(f"{title}, {attack_label(results.profile)}")
        ax.set_xlabel("difference in points")
        ax.grid(True, axis="x")
        ax.grid(False, axis="y")
    axes[0].set_yticks(list(names), list(names.values()))
    axes[0].invert_yaxis()
    dots = [Line2D([], [], marker="o", ls="", color=COLOURS[s], label=MEANINGS[s]) for s in COLOURS]
    diamond = Line2D([], [], marker="D", ls="", mfc="white", mec=QUIET, label="paper, CIFAR-10, AA")
    fig.legend(handles=[*dots, diamond], loc="outside lower center", ncols=5, frameon=False)
    return fig


def _draw(ax: Axes, results, selection, quantity):
    """Draws one column; returns {height: name of the comparison}."""
    names, y = {}, 0.0
    for group in SHOWN:
        for row, base in group:
            comparison = row_difference(results, row, base, selection, quantity)
            names[y] = f"{ROWS[row].label} − {ROWS[base].label}"
            paper = _paper(row, base, selection, quantity)
            if paper is not None:
                ax.plot(100 * paper, y, "D", mfc="white", mec=QUIET, ms=6, zorder=2)
            if comparison.n:
                colour = COLOURS[verdict_of(comparison, "").status]
                bounds = comparison.interval if comparison.n > 1 else comparison.images
                ax.plot([100 * bound for bound in bounds], [y, y], color=colour, lw=2.4, zorder=3)
                ax.plot(100 * comparison.mean, y, "o", color=colour, ms=7, mew=0, zorder=4)
            y += 1
        y += 0.6
    return names


def _paper(row, base, selection, quantity):
    """The paper's own difference as a fraction; Table 2 prints the best checkpoint alone; None where it prints none."""
    checkpoint, statistic = "last" if selection == "last" else "best", quantity.removeprefix("robust_")
    if row in TABLE_1 and base in TABLE_1:
        return difference(TABLE_1, row, base, statistic, checkpoint, "robust").mean
    both = row in TABLE_2 and base in TABLE_2 and checkpoint == "best"
    return difference(TABLE_2, row, base, statistic).mean if both else None


def glance_caption(results: Results, selection: str = "last") -> str:
    """Caption of `glance`."""
    checkpoint = "last epoch" if selection == "last" else "best checkpoint"
    of_many, of_one = "mean and 95 % interval over seeds and test images", "95 % interval over test images alone"
    seeds = len(results.seeds)
    return (
        f"What each method changes over its base: {results.profile.data_label}, {checkpoint}, {count(seeds, 'seed')}, "
        f"{of_many if seeds > 1 else of_one}. "
        f"Diamonds: the paper's differences on CIFAR-10 at the same checkpoint, another data set and network."
    )
