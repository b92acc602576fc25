"""Differences with their intervals, one row each: all claims, headline claims, what methods change over a base."""

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
    main = [pair for pair in judged if pair[0].section == "Sec. 5.2"]  # to the right, all else to the left
    columns = [judged] if keys else [[pair for pair in judged if pair not in main], main]
    rows = max(len(column) + 1.4 * len({claim.section for claim, _ in column}) for column in columns)
    fig, axes = panels(len(columns), height=ROW * rows + 0.9, width=8.6 if keys else 14.6)
    for ax, column in zip(axes, columns):
        _draw_claims(ax, column, other)
    statuses = {v.status for _, v in judged}
    marks = {s: (colour, s) for s, colour in COLOURS.items() if s in statuses}
    small = Line2D([], [], marker="o", ls="", mfc="white", mec=QUIET, ms=4)
    if beside:
        small.set_label(beside.profile.data_label)
    _legend(fig, marks, any(c.gap for c, _ in judged), [small] if beside else [], columns=3 if keys else 6)
    return fig


def _draw_claims(ax: Axes, judged: Iterable[tuple[Claim, Verdict]], other: dict[str, Verdict]):
    y, section, names, unjudged = 0.0, None, {}, []
    for claim, verdict in judged:
        if claim.section != section:
            section, y = claim.section, y + 0.4
            names[y] = TITLES.get(section, section)
            y += 1
        names[y] = claim.label
        _row(ax, y, verdict, claim.gap)
        if claim.key in other and other[claim.key].numbers:
            _interval(ax, y + 0.32, other[claim.key], small=True)
        if not verdict.numbers:
            unjudged.append((y, verdict.status, claim.gap))
        y += 1
    _axis(ax, names, y, TITLES.values(), unjudged)


def _row(ax, y, verdict, gap):
    """A row's diamond, the paper's own difference, and our interval, where there are any."""
    if gap is not None:
        ax.plot(_cut(100 * gap.mean), y, "D", mfc="white", mec=INK, ms=5.5, zorder=2)
    if verdict.numbers:
        _interval(ax, y, verdict)


def _axis(ax, names, end, titles=(), unjudged=(), fontsize=9.0):
    """Names of the rows, titles in bold; a word instead of a number where there is none (height, status, gap)."""
    ax.set_yticks(list(names), list(names.values()), fontsize=fontsize)
    for label in ax.get_yticklabels():
        label.set_fontweight("bold" if label.get_text() in titles else "normal")
    ax.set_ylim(end, -0.6)
    low, high = np.clip(ax.get_xlim(), -LIMIT - 1, LIMIT + 1)
    ax.set_xlim(low, high)
    ax.axvline(0, color=INK, lw=1, zorder=1)
    ax.set_xlabel("difference in points")
    ax.grid(True, axis="x")
    ax.grid(False, axis="y")
    for y, status, gap in unjudged:  # at the right edge, or left of a diamond that is there
        diamond = -np.inf if gap is None else _cut(100 * gap.mean)
        place = diamond if diamond > low + 0.75 * (high - low) else high
        ax.annotate(status, (place, y), (-8, 0), textcoords="offset points", ha="right", va="center", color=QUIET,
                    fontsize=fontsize - 1)  # fmt: skip


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


def _legend(fig, marks, diamonds, more=(), columns=3, fontsize=9.0):
    """Below the figure: {status: (colour, words)}, the paper's diamond where there is one, and further handles."""
    handles = [Line2D([], [], marker="o", ls="", color=colour, label=words) for colour, words in marks.values()]
    if diamonds:
        handles.append(Line2D([], [], marker="D", ls="", mfc="white", mec=INK, label="paper, CIFAR-10, AutoAttack"))
    handles += more
    fig.legend(handles=handles, loc="outside lower center", ncols=min(len(handles), columns), fontsize=fontsize)


#: The claims that the paper is read for, each in a few words: what page 00 shows before all others.
HEADLINES = {
    "worst class, last epoch": {
        "cfa_at_worst_last": "AT + CFA − AT", "cfa_trades_worst_last": "TRADES + CFA − TRADES",
        "cfa_fat_worst_last": "FAT + CFA − FAT", "ccm_over_at_mean_margin": "class-wise − one margin",
    },
    "average, last epoch": {
        "cfa_at_avg_last": "AT + CFA − AT", "cfa_trades_avg_last": "TRADES + CFA − TRADES",
        "cfa_fat_avg_last": "FAT + CFA − FAT",
    },
    "worst class, best epoch": {
        "cfa_at_worst": "AT + CFA − AT", "cfa_trades_worst": "TRADES + CFA − TRADES",
        "cfa_over_frl_worst": "TRADES + CFA − (FRL + EMA)",
    },
}  # fmt: skip


def headline_picture(results: Results) -> Figure:
    """Ten headline claims in large type, readable on a telephone: ours as dot and interval, the paper's a diamond."""
    verdicts = {c.key: (c.gap, v) for c, v in judge(results, [c for c in EXPERIMENTS if _is_headline(c.key)])}
    fig, (ax,) = panels(1, height=6.4, width=6.2)
    y, names, unjudged = 0.0, {}, []
    for title, claims in HEADLINES.items():
        names[y] = title
        for key, words in claims.items():
            y += 1
            names[y] = words
            gap, verdict = verdicts[key]
            _row(ax, y, verdict, gap)
            unjudged += [] if verdict.numbers else [(y, verdict.status, gap)]
        y += 1.3
    _axis(ax, names, y - 0.7, HEADLINES, unjudged, fontsize=13)
    ax.tick_params(axis="x", labelsize=13)
    ax.xaxis.label.set_size(13)
    marks = {s: (COLOURS[s], s) for s in COLOURS if s in {v.status for _, v in verdicts.values()}}
    _legend(fig, marks, True, columns=2, fontsize=12)
    return fig


def _is_headline(key):
    return any(key in claims for claims in HEADLINES.values())


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
    fig, axes = panels(2, height=0.36 * sum(map(len, groups)) + 1.7, sharex=True, sharey=True)
    for ax, statistic, name in zip(axes, ("worst", "avg"), (worst_label(results.profile).capitalize(), "Average")):
        names, y = {}, 0.0
        for group in groups:
            for pair in group:
                names[y] = versus(*pair)
                comparison = row_difference(results, *pair, selection, f"robust_{statistic}")
                _row(ax, y, verdict_of(comparison, ""), gap_between(*pair, statistic, selection))
                y += 1
            y += 0.6
        ax.set_title(name)
    for ax in axes:
        _axis(ax, names, max(names) + 0.6)
        ax.set_xlabel(f"points, {attack_label(results.profile)}")
    printed = any(gap_between(*pair, "avg", selection) for group in groups for pair in group)
    _legend(fig, {s: (COLOURS[s], words) for s, words in MEANINGS.items()}, printed, fontsize=9.5)
    return fig
