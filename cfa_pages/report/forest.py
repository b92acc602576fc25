"""Differences with their intervals, one row each: all claims in one picture, or what methods change over their base."""

from collections.abc import Iterable, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from cfa_pages.claims import EXPERIMENTS, Claim, Verdict, judge
from cfa_pages.claims.verdicts import (
    CONTRADICTED,
    DIRECTION,
    NO_DIFFERENCE,
    NOT_REPRODUCED,
    REPRODUCED,
    SUPPORTED,
    UNDECIDED,
    verdict_of,
)
from cfa_pages.report.style import INK, QUIET, panels
from cfa_pages.results.paper import gap_between
from cfa_pages.results.rows import attack_label, row_difference, versus, worst_label
from cfa_pages.results.runs import Results

BLUE, ORANGE = "#0072B2", "#C14E00"  # two that colour-blind readers tell apart
COLOURS = {
    SUPPORTED: BLUE, CONTRADICTED: ORANGE, NO_DIFFERENCE: "#333333", UNDECIDED: "#8c8c8c",
    REPRODUCED: BLUE, DIRECTION: "#6aaed6", NOT_REPRODUCED: ORANGE,
}  # fmt: skip
ROW, LIMIT = 0.215, 17.5  # inches of a row; points at which an interval is cut off
TITLES = {  # the paper's sections, as groups
    "Sec. 3.1": "Margins (Sec. 3.1, Fig. 2)", "Sec. 3.2": "Regularisation (Sec. 3.2, Fig. 3)",
    "Sec. 3.3": "Fluctuation (Sec. 3.3, Fig. 4)", "Sec. 4.1": "The loop of Eq. 6 (Sec. 4.1)",
    "Sec. 4.3": "FAWA (Sec. 4.3, Fig. 4)", "Sec. 5.2": "Main results (Sec. 5.2, Table 1, Appendix C.2)",
    "Sec. 5.3": "Ablations (Sec. 5.3, Tables 2 and 3, Fig. 5)", "Controls": "Controls (not in the paper)",
}  # fmt: skip


def claims_picture(results: Results, keys: Sequence[str] = (), beside: Results | None = None) -> Figure:
    """The claims of these keys (all: in two columns), ours as dot and 95 % interval, the paper's number as a diamond.

    Args:
        beside: another study, a small open circle below where a claim compares two rows that it has.
    """
    chosen = [c for c in EXPERIMENTS if c.key in keys or not keys]
    judged = judge(results, chosen)
    other = {c.key: v for c, v in judge(beside, [c for c in chosen if c.gap])} if beside else {}
    columns = [judged] if keys else _halves(judged)
    height = ROW * max(map(_rows_of, columns)) + 0.9
    fig, axes = panels(len(columns), height=height, width=8.6 if keys else 14.6)
    for ax, column in zip(axes, columns):
        _draw_claims(ax, column, other)
    _legend(fig, {v.status for _, v in judged}, any(c.gap for c, _ in judged), beside)
    return fig


def _halves(judged):
    """Main results to the right, all else to the left."""
    right = [pair for pair in judged if pair[0].section == "Sec. 5.2"]
    return [[pair for pair in judged if pair not in right], right]


def _rows_of(judged):
    return len(judged) + 1.4 * len({claim.section for claim, _ in judged})


def _draw_claims(ax: Axes, judged: Iterable[tuple[Claim, Verdict]], other: dict[str, Verdict]):
    y, section, names, unjudged = 0.0, None, {}, []
    for claim, verdict in judged:
        if claim.section != section:
            section, y = claim.section, y + 0.4
            names[y] = TITLES.get(section, section)
            y += 1
        names[y] = claim.label
        if claim.gap is not None:
            ax.plot(_cut(100 * claim.gap.mean), y, "D", mfc="white", mec=INK, ms=5, zorder=2)
        if claim.key in other and other[claim.key].numbers:
            _interval(ax, y + 0.32, other[claim.key], small=True)
        if verdict.numbers:
            _interval(ax, y, verdict)
        else:
            unjudged.append((y, claim, verdict.status))
        y += 1
    _axis(ax, names, y)
    for row, claim, status in unjudged:
        _status(ax, row, status, None if claim.gap is None else _cut(100 * claim.gap.mean))
    for label in ax.get_yticklabels():
        label.set_fontweight("bold" if label.get_text() in TITLES.values() else "normal")


def _status(ax, y, text, diamond):
    """A word instead of a number, at the right edge, or left of a diamond that is there."""
    low, high = ax.get_xlim()
    style = {"ha": "right", "va": "center", "fontsize": 8, "color": QUIET}
    if diamond is not None and diamond > low + 0.75 * (high - low):
        ax.annotate(text, (diamond, y), xytext=(-8, 0), textcoords="offset points", **style)
    else:
        ax.text(0.99, y, text, transform=ax.get_yaxis_transform(), **style)


def _axis(ax, names, end):
    ax.set_yticks(list(names), list(names.values()), fontsize=9)
    ax.set_ylim(end, -0.6)
    ax.set_xlim(*(np.clip(ax.get_xlim(), -LIMIT - 1, LIMIT + 1)))
    ax.axvline(0, color=INK, lw=1, zorder=1)
    ax.set_xlabel("difference in points")
    ax.grid(True, axis="x")
    ax.grid(False, axis="y")


def _cut(value):
    return float(np.clip(value, -LIMIT, LIMIT))


def _interval(ax, y, verdict, small=False):
    """A dot with its interval in the verdict's colour; one that is cut off ends in an arrow."""
    colour, (mean, low, high) = COLOURS.get(verdict.status, QUIET), verdict.numbers
    ax.plot([_cut(low), _cut(high)], [y, y], color=colour, lw=1 if small else 2.4, zorder=3, solid_capstyle="butt")
    if abs(mean) > LIMIT:
        ax.plot(_cut(mean), y, ">" if mean > 0 else "<", color=colour, ms=7, mew=0, zorder=4)
        return ax.annotate(f"{mean:+.0f}", (_cut(mean), y), xytext=(-8 if mean > 0 else 8, 0), va="center", fontsize=8,
                           textcoords="offset points", ha="right" if mean > 0 else "left", color=colour)  # fmt: skip
    return ax.plot(mean, y, "o", color=colour, ms=4 if small else 6.5, mfc="white" if small else colour,
                   mew=1 if small else 0, zorder=4)  # fmt: skip


def _legend(fig, statuses, gaps, beside):
    marks = [Line2D([], [], marker="o", ls="", color=c, label=s) for s, c in COLOURS.items() if s in statuses]
    marks += [_diamond()] if gaps else []
    if beside:
        label = beside.profile.data_label
        marks.append(Line2D([], [], marker="o", ls="", mfc="white", mec=QUIET, ms=4, label=label))
    columns = min(len(marks), 3 if fig.get_figwidth() < 10 else 6)
    fig.legend(handles=marks, loc="outside lower center", ncols=columns, fontsize=9)


def _diamond():
    return Line2D([], [], marker="D", ls="", mfc="white", mec=INK, label="paper, CIFAR-10, AutoAttack")


#: (row, base) in groups with a gap between them: what pages 00 and 06 show, and page 07.
MAIN = (
    (("at_ccm", "at"), ("at_cfa", "at"), ("at_cfa", "at_ema")),
    (("trades_ccm_ccr", "trades"), ("trades_cfa", "trades"), ("trades_cfa", "trades_ema")),
    (("fat_ccm", "fat"), ("fat_cfa", "fat"), ("fat_cfa", "fat_ema")),
    (("frl_ema", "trades_ema"), ("trades_cfa", "frl_ema")),
    (("at_ccm", "at_mean_margin"), ("at_ccm", "at_shuffled_margins")),
)
PARTS = (
    (("at_ccm", "at"), ("fat_ccm", "fat"), ("trades_ccm", "trades")),
    (("trades_ccr", "trades"), ("trades_ccm_ccr", "trades")),
    (("at_fawa", "at_ema"), ("trades_fawa", "trades_ema"), ("fat_fawa", "fat_ema")),
    (("at_mean_margin", "at"), ("at_shuffled_margins", "at"), ("at_damped_ccm", "at")),
)
MEANINGS = {SUPPORTED: "above 0", CONTRADICTED: "below 0", NO_DIFFERENCE: "within 1 point of 0", UNDECIDED: "undecided"}


def differences_picture(
    results: Results, groups: Sequence[Sequence[tuple[str, str]]] = MAIN, selection: str = "last"
) -> Figure:
    """Differences of table rows, mean and 95 % interval in points; diamonds: the paper's own, where it prints them."""
    fig, axes = panels(2, height=0.36 * sum(map(len, groups)) + 1.7, width=9.6, sharex=True, sharey=True)
    for ax, quantity in zip(axes, ("robust_worst", "robust_avg")):
        names = _draw_differences(ax, results, groups, selection, quantity)
        name = worst_label(results.profile).capitalize() if quantity == "robust_worst" else "Average"
        ax.set_title(f"{name}, {attack_label(results.profile)}")
    _axis(axes[0], names, max(names) + 0.6)
    _axis(axes[1], names, max(names) + 0.6)
    marks = [Line2D([], [], marker="o", ls="", color=COLOURS[s], label=MEANINGS[s]) for s in MEANINGS]
    marks += [_diamond()] if any(gap_between(*pair, "avg", selection) for g in groups for pair in g) else []
    fig.legend(handles=marks, loc="outside lower center", ncols=3, fontsize=9.5)
    return fig


def _draw_differences(ax, results, groups, selection, quantity):
    """Draws one column; returns {height: name of the comparison}."""
    names, y = {}, 0.0
    for group in groups:
        for row, base in group:
            names[y] = versus(row, base)
            if paper := gap_between(row, base, quantity.removeprefix("robust_"), selection):
                ax.plot(_cut(100 * paper.mean), y, "D", mfc="white", mec=INK, ms=6, zorder=2)
            comparison = row_difference(results, row, base, selection, quantity)
            if comparison.n:
                _interval(ax, y, verdict_of(comparison, ""))
            y += 1
        y += 0.6
    return names
