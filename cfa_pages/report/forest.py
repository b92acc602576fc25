"""Differences with their intervals, one row each: claims, headline claims, what methods change over a base."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from cfa_pages.claims import EXPERIMENTS, judge
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
from cfa_pages.report.style import INK, QUIET, WIDTH, panels, plt
from cfa_pages.results.paper import gap_between
from cfa_pages.results.rows import attack_label, row_difference, versus, worst_label
from cfa_pages.results.runs import Results

BLUE, ORANGE, PURPLE = "#0072B2", "#C14E00", "#8E44AD"  # which colour-blind readers tell apart
COLOURS = {
    SUPPORTED: BLUE, CONTRADICTED: ORANGE, NO_DIFFERENCE: "#333333", UNDECIDED: "#8c8c8c",
    REPRODUCED: BLUE, DIRECTION: "#6aaed6", NOT_REPRODUCED: ORANGE,
}  # fmt: skip
BORDER = {"marker": "|", "color": INK, "ms": 13, "mew": 1.6}  # where a claim's border is not 0
DIAMOND = {"marker": "D", "mfc": "white", "mec": INK, "ms": 5.5}  # the paper's own difference
RING = {"marker": "o", "mfc": "white", "mec": QUIET, "ms": 4}  # another study of ours
ROW, LIMIT = 0.215, 17.5  # inches of a row; points at which an interval is cut off
SECTIONS = {  # the paper's, and the controls
    "Sec. 3.1": "3.1 Margins", "Sec. 3.2": "3.2 Regularisation", "Sec. 3.3": "3.3 Fluctuation",
    "Sec. 4.1": "4.1 Class-wise margins", "Sec. 4.3": "4.3 Fair averages", "Sec. 5.2": "5.2 Main results",
    "Sec. 5.3": "5.3 Ablations", "Controls": "Our control",
}  # fmt: skip


def claims_picture(results: Results, keys: Sequence[str] = (), beside: Results | None = None) -> Figure:
    """The claims of these keys (or all), ours as dot and 95 % interval, the paper's number as a diamond.

    Under what is compared; claims in points, and below them those in percent of something, which their label names, on
    an axis of their own.

    Args:
        beside: another study, a grey ring below where a claim compares two rows that it has.
    """
    judged = judge(results, chosen := [c for c in EXPERIMENTS if c.key in keys or not keys])
    other = {c.key: v.numbers for c, v in judge(beside, [c for c in chosen if c.gap])} if beside else {}
    groups = {"points": {}, "percent, as named": {}}  # {unit: {what is compared: [(words, claim, verdict)]}}
    for claim, verdict in judged:
        title, _, words = claim.label.partition(": ")
        if claim.section == "Controls" or not keys:
            title = f"{SECTIONS[claim.section]}: {title}"
        unit = "percent, as named" if "%" in verdict.unit else "points"
        groups[unit].setdefault(title, []).append((words, claim, verdict))
    parts = {unit: group for unit, group in groups.items() if group}
    heights = [ROW * (sum(map(len, group.values())) + 1.3 * len(group)) + 0.5 for group in parts.values()]
    fig, axes = plt.subplots(len(parts), 1, figsize=(WIDTH, sum(heights) + 0.5), height_ratios=heights, squeeze=False)
    for ax, (unit, group) in zip(axes.flat, parts.items()):
        _draw_claims(ax, group, unit, 10, other)
    named = beside.profile.data_label if beside else ""
    diamonds, borders = any(c.gap for c in chosen), any(v.border for _, v in judged)
    _legend(fig, {v.status: v.status for _, v in judged}, diamonds, borders, named)
    return fig


def _draw_claims(ax, groups, unit, fontsize, other=None):
    y, names, limit = -0.7, {}, LIMIT if unit == "points" else np.inf
    for title, rows in groups.items():
        y += 0.3
        ax.annotate(title, (4, y), xycoords=("figure points", "data"), va="center", fontsize=fontsize,
                    fontweight="bold", in_layout=False, bbox=dict(fc="white", ec="none", pad=1))  # fmt: skip
        for words, claim, verdict in rows:
            y += 1
            names[y] = words if verdict.numbers else f"{words}: {verdict.status}"
            _row(ax, y, verdict, claim.gap, limit)
            if other and other.get(claim.key):
                mean, *ends = np.clip(other[claim.key], -limit, limit)
                ax.plot(ends, [y + 0.32] * 2, color=QUIET, lw=1, zorder=1.5)
                ax.plot(mean, y + 0.32, **RING, zorder=1.6)
        y += 1
    _axis(ax, names, y - 0.3, unit, fontsize, limit)


def _row(ax, y, verdict, gap, limit=LIMIT, colours=COLOURS):
    """A row's border, the paper's own difference (a diamond), and our interval, where there are any."""
    if verdict.border:
        ax.plot(verdict.border, y, **BORDER, zorder=1.5)
    if gap is not None:
        ax.plot(np.clip(100 * gap.mean, -limit, limit), y, **DIAMOND, zorder=2)
    if verdict.numbers:
        _interval(ax, y, verdict.numbers, limit, colours.get(verdict.status, QUIET))


def _axis(ax, names, end, unit, fontsize=9.5, limit=LIMIT):
    """Names of the rows; 0 is always in view."""
    ax.set_yticks(list(names), list(names.values()), fontsize=fontsize)
    ax.tick_params(axis="x", labelsize=fontsize)
    ax.axvline(0, color=INK, lw=1, zorder=1)
    ax.set(ylim=(end, -0.8), xlim=np.clip(ax.get_xlim(), -limit - 1, limit + 1))
    ax.set_xlabel(unit, fontsize=fontsize)
    ax.grid(True, axis="x")
    ax.grid(False, axis="y")


def _interval(ax, y, numbers, limit, colour):
    """A dot with its interval; one that is cut off ends in an arrow."""
    mean, low, high = np.clip(numbers, -limit, limit)
    ax.plot([low, high], [y, y], color=colour, lw=2.4, zorder=3, solid_capstyle="butt")
    if abs(numbers[0]) <= limit:
        return ax.plot(mean, y, "o", color=colour, ms=6.5, mew=0, zorder=4)
    ax.plot(mean, y, ">" if mean > 0 else "<", color=colour, ms=7, mew=0, zorder=4)
    return ax.annotate(f"{numbers[0]:+.0f}", (mean, y), xytext=(-8 if mean > 0 else 8, 0), va="center", fontsize=9,
                       textcoords="offset points", ha="right" if mean > 0 else "left", color=colour)  # fmt: skip


def _legend(fig, words, diamonds, borders=False, beside="", colours=COLOURS, fontsize=9.5):
    """Below the figure: {status: words}, the paper's diamond, the border and the other study where any are drawn."""
    handles = [Line2D([], [], marker="o", ls="", color=colours[s], label=words[s]) for s in colours if s in words]
    if diamonds:
        handles.append(Line2D([], [], **DIAMOND, ls="", label="paper, CIFAR-10, AutoAttack"))
    if borders:
        handles.append(Line2D([], [], **BORDER, ls="", label="border of the claim, where not 0"))
    if beside:
        handles.append(Line2D([], [], **RING, ls="", label=f"ours on {beside}"))
    fig.legend(handles=handles, loc="outside lower center", ncols=min(len(handles), 2), fontsize=fontsize)


#: The claims that the paper is read for, each in a few words: what page 00 shows before all others.
HEADLINES = {
    "worst class, last epoch": {
        "cfa_at_worst_last": "AT + CFA − AT", "cfa_trades_worst_last": "TRADES + CFA − TRADES",
        "cfa_fat_worst_last": "FAT + CFA − FAT",
    },
    "class that loses most, last epoch": {
        "cfa_at_no_harm": "AT + CFA − AT", "cfa_trades_no_harm": "TRADES + CFA − TRADES",
        "cfa_fat_no_harm": "FAT + CFA − FAT",
    },
    "average, last epoch": {
        "cfa_at_avg_last": "AT + CFA − AT", "cfa_trades_avg_last": "TRADES + CFA − TRADES",
        "cfa_fat_avg_last": "FAT + CFA − FAT",
    },
    "worst class, best epoch": {
        "cfa_at_worst": "AT + CFA − AT", "cfa_ema_at_worst": "AT + CFA − (AT + EMA)",
        "cfa_trades_worst": "TRADES + CFA − TRADES", "cfa_ema_trades_worst": "TRADES + CFA − (TRADES + EMA)",
        "cfa_fat_worst": "FAT + CFA − FAT", "cfa_ema_fat_worst": "FAT + CFA − (FAT + EMA)",
        "cfa_over_frl_worst": "TRADES + CFA − (FRL + EMA)",
    },
}  # fmt: skip


def headline_picture(results: Results) -> Figure:
    """Sixteen claims in large type: ours as dot and interval, the paper's difference as a diamond."""
    keys = [key for claims in HEADLINES.values() for key in claims]
    judged = {c.key: (c, v) for c, v in judge(results, [c for c in EXPERIMENTS if c.key in keys])}
    groups = {title: [(w, *judged[key]) for key, w in claims.items()] for title, claims in HEADLINES.items()}
    fig, (ax,) = panels(1, height=8.8)
    _draw_claims(ax, groups, "points", 13)
    _legend(fig, {v.status: v.status for _, v in judged.values()}, True, True, fontsize=12)
    return fig


#: (row, base) in groups with a gap between them: what page 06 shows, and page 07.
MAIN = (
    (("at_ccm", "at"), ("at_cfa", "at"), ("at_cfa", "at_ema")),
    (("trades_ccm_ccr", "trades"), ("trades_cfa", "trades"), ("trades_cfa", "trades_ema")),
    (("fat_ccm", "fat"), ("fat_cfa", "fat"), ("fat_cfa", "fat_ema")),
    (("frl_ema", "trades_ema"), ("trades_cfa", "frl_ema")),
)
PARTS = (
    (("at_ccm", "at"), ("fat_ccm", "fat"), ("trades_ccm", "trades")),
    (("trades_ccr", "trades"), ("trades_ccm_ccr", "trades")),
    (("at_fawa", "at_ema"), ("trades_fawa", "trades_ema"), ("fat_fawa", "fat_ema")),
    (("at_mean_margin", "at"), ("at_shuffled_margins", "at"), ("at_damped_ccm", "at")),
)
DECIDED = COLOURS | {SUPPORTED: PURPLE, CONTRADICTED: PURPLE}  # here the side of 0 is the sign, and no verdict
MEANINGS = {SUPPORTED: "above or below 0", NO_DIFFERENCE: "within 1 point of 0", UNDECIDED: "undecided"}


def differences_picture(
    results: Results, groups: Sequence[Sequence[tuple[str, str]]] = MAIN, selection: str = "last"
) -> Figure:
    """Differences of table rows, mean and 95 % interval in points; diamonds: the paper's own, where it prints them."""
    fig, axes = panels(2, height=0.32 * sum(map(len, groups)) + 1.7, width=WIDTH, sharex=True, sharey=True)
    for ax, statistic, name in zip(axes, ("worst", "avg"), (worst_label(results.profile).capitalize(), "Average")):
        names, y = {}, 0.0
        for group in groups:
            for row, base in group:
                names[y] = versus(row, base).replace("AT at CCM's ", "AT, ").replace("margins, ", "")
                comparison = row_difference(results, row, base, selection, f"robust_{statistic}")
                verdict, gap = verdict_of(comparison, ""), gap_between(row, base, statistic, selection)
                _row(ax, y, verdict, gap, colours=DECIDED)
                y += 1
            y += 0.6
        ax.set_title(name)
    for ax in axes:
        _axis(ax, names, max(names) + 0.6, f"points, {attack_label(results.profile)}")
    printed = any(gap_between(*pair, "avg", selection) for group in groups for pair in group)
    _legend(fig, MEANINGS, printed, colours=DECIDED)
    return fig
