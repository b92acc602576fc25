"""How every picture looks: one theme, one palette, and bytes that repeat from run to run."""

import io
import re
from collections.abc import Collection, Sequence

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.colors import LinearSegmentedColormap, to_hex
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter
from pandas.io.formats.style import Styler
from PIL import Image

DPI = 110
WIDTH, WIDE = 6.2, 7.6  # inches: read well on a telephone, 400 pixels wide; two panels with their titles side by side

INK = "#1f2a36"  # text, the line that matters
QUIET = "#8b98a5"  # axes, baselines, notes
GRID = "#e3e8ed"
# A name written in any of these colours has a contrast of at least 4.5 to 1 on white.
HARD = ("#b5121b", "#b3500a", "#8f3f97", "#86660a")  # the hard classes: warm, the hardest first
EASY = "#66717c"  # all others: their order says nothing
BELOW, ABOVE = (
    ("#46799e", "#3a6f99", "#2c628c", "#1f5478"),
    ("#946800", "#b3500a", "#b03a12", "#8f1d0f"),
)  # of a base value
PLAIN, AVERAGED, CFA = "#8593a0", "#4f8fc0", "#00695c"  # a plain method, its EMA, its calibrated form


def use_style() -> None:
    """Sets the theme for all figures; called once by `Page`."""
    sns.set_theme(context="notebook", style="ticks", font="DejaVu Sans", rc={
        "figure.dpi": DPI, "figure.constrained_layout.use": True, "savefig.bbox": "tight", "savefig.pad_inches": 0.12,
        "font.size": 10.5, "axes.titlesize": 11.5, "axes.labelsize": 10.5, "xtick.labelsize": 9.5,
        "ytick.labelsize": 9.5,
        "axes.titleweight": "bold", "axes.titlelocation": "left", "axes.titlepad": 10,
        "axes.spines.top": False, "axes.spines.right": False, "axes.edgecolor": QUIET, "axes.linewidth": 0.9,
        "axes.grid": True, "axes.grid.axis": "y", "grid.color": GRID, "grid.linewidth": 0.9, "axes.axisbelow": True,
        "xtick.color": QUIET, "ytick.color": QUIET, "xtick.labelcolor": INK, "ytick.labelcolor": INK,
        "xtick.major.size": 3.5, "ytick.major.size": 0, "text.color": INK, "axes.labelcolor": INK,
        "axes.titlecolor": INK, "lines.linewidth": 1.9, "lines.solid_capstyle": "round", "legend.frameon": False,
        "mathtext.fontset": "dejavusans", "svg.hashsalt": "cfa",
    })  # fmt: skip


def png(fig: Figure) -> bytes:
    """A figure as PNG bytes, two pixels for one, in 256 colours: equal figures give equal bytes (no name, no date)."""
    picture = Image.open(io.BytesIO(_drawn(fig, "png", dpi=2 * DPI))).convert("RGB")
    buffer = io.BytesIO()
    picture.quantize(256, dither=Image.Dither.NONE).save(buffer, format="png", optimize=True)
    return buffer.getvalue()


def svg(fig: Figure) -> bytes:
    """The same as SVG."""
    return _drawn(fig, "svg", metadata={"Date": None, "Creator": None})


def _drawn(fig, kind, **options):
    buffer = io.BytesIO()
    fig.savefig(buffer, format=kind, **options)
    return buffer.getvalue()


def class_colours(num_classes: int, hard: Collection[int]) -> list[str]:
    """(K,) colours in which the hard classes, named in this order, stand out warm from the grey others."""
    warm = {k: HARD[i % len(HARD)] for i, k in enumerate(hard)}
    return [warm.get(k, EASY) for k in range(num_classes)]


def ordered_colours(values: Sequence[float], base: float) -> dict[float, str]:
    """Colours of settings around a base value: cool below it, warm above, dark ink for the base itself."""
    below, above = (sorted(v for v in values if (v - base) * side > 1e-12) for side in (-1, +1))
    return {
        v: _shade(BELOW, below, v) if v in below else _shade(ABOVE, above, v) if v in above else INK for v in values
    }


def _shade(colours, group, value):
    """A colour of its own for each value of a group: the last has the last colour, four have the four colours."""
    back = (len(group) - 1 - group.index(value)) / max(len(colours) - 1, len(group) - 1)
    return to_hex(LinearSegmentedColormap.from_list("", colours)(1.0 - back))


def short_name(name: str, limit: int = 14) -> str:
    """A class name that fits beside a line or above an image: "n01443537", "great white s…"."""
    name = str(name)
    return name if len(name) <= limit else name[: limit - 1].rstrip() + "…"


def name_classes(axis: Axis, names: Sequence[str], hard: Collection[int]) -> None:
    """Class names as the ticks of an axis (`ax.xaxis` or `ax.yaxis`), the hard ones bold and red."""
    axis.set_ticks(range(len(names)), [short_name(n) for n in names])
    for k, label in enumerate(axis.get_ticklabels()):
        label.set(color=HARD[0] if k in hard else INK, fontweight="bold" if k in hard else "normal")
        if axis.axis_name == "x" and max(len(str(n)) for n in names) > 2:
            label.set(rotation=40 if len(names) <= 12 else 90, ha="right", rotation_mode="anchor")
            label.set(va="top" if len(names) <= 12 else "center")


def percent_axis(ax: Axes, low: float | None = 0, high: float | None = None) -> None:
    """A y axis of accuracies, written in percent from `low` (and up to `high`, where given).

    None for `low` begins where the data need it, but no accuracy lies below 0.
    """
    ax.set_ylim(max(0.0, ax.get_ylim()[0]) if low is None else low, high)
    ax.yaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{round(100 * v, 1):g} %"))


def points_axis(ax: Axes, high: float) -> None:
    """A y axis of changes of fractions, from 0, in percentage points."""
    ax.set_ylim(0, high)
    ax.yaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{round(100 * v, 1):g}"))


_LEAD = {"arrowstyle": "-", "lw": 0.7, "alpha": 0.6, "relpos": (0, 0.5), "shrinkA": 0, "shrinkB": 3}


def label_ends(ax: Axes, x: float, ends: Sequence[tuple[float, str, str]], gap: float = 0.035) -> None:
    """Writes each line's name beside its right end instead of a legend, led to it where names have to move apart.

    Args:
        x: where the lines end.
        ends: (y, text, colour) of each line.
        gap: least distance between two labels, as a share of the axis' height.
    """
    low, high = ax.get_ylim()
    ends = sorted(ends, key=lambda e: e[0])
    heights = spread([y for y, _, _ in ends], gap * (high - low), low, high)
    for height, (y, text, colour) in zip(heights, ends):
        ax.annotate(text, (x, y), (16, height), textcoords=("offset points", "data"), va="center", fontsize=9,
                    color=colour, annotation_clip=False,
                    arrowprops=_LEAD | {"color": colour})  # fmt: skip


def spread(values: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Sorted values moved apart to at least `gap`, as little as possible and within low..high where they fit."""
    blocks = []  # [sum of wished positions of the first member, members]
    for value in values:
        blocks.append([value, 1])
        while len(blocks) > 1 and blocks[-2][0] / blocks[-2][1] + blocks[-2][1] * gap > blocks[-1][0] / blocks[-1][1]:
            wish, count = blocks.pop()
            blocks[-1] = [blocks[-1][0] + wish - count * blocks[-1][1] * gap, blocks[-1][1] + count]
    placed = [wish / count + i * gap for wish, count in blocks for i in range(count)]
    overflow = max(0.0, placed[-1] - high) if placed else 0.0
    return [max(low + i * gap, p - overflow) for i, p in enumerate(placed)]


def panels(
    count: int, height: float = 3.9, width: float | None = None, stacked: bool = False, **options
) -> tuple[Figure, list[Axes]]:
    """A row of `count` panels, or a column of them, each of this height in inches: (figure, list of axes)."""
    shape = (count, 1) if stacked else (1, count)
    size = width or (WIDTH if shape[1] == 1 else WIDE), height * shape[0]
    fig, axes = plt.subplots(*shape, figsize=size, squeeze=False, **options)
    return fig, list(axes.flat)


_WITHIN = re.compile(r"(?<=±) | (?=[±/] )|(?<=,) (?=\S+\])")  # blanks at which no line breaks
_LINK = re.compile(r"\[([^]]+)\]\(([^)]+)\)")


def _linked(value):
    """Markdown links in a cell of words, as HTML: a table shows no Markdown."""
    return _LINK.sub(r'<a href="\2">\1</a>', value)


def styled(table: pd.DataFrame, uuid: str) -> Styler:
    """A DataFrame ready to show: no index, words to the left with their links, numbers to the right, a lasting id.

    Lines break before an interval and between "mean ± std" and the next one, never within.
    """
    left_aligned = [{"selector": "", "props": [("text-align", "left"), ("vertical-align", "top")]}]
    words = {c: left_aligned for c in table.columns if table[c].map(lambda v: any(x.isalpha() for x in str(v))).any()}
    top = [{"selector": "td", "props": [("vertical-align", "top")]}]
    linked = table.map(lambda v: _WITHIN.sub("\u00a0", _linked(v)) if isinstance(v, str) else v)
    return (
        linked.style.hide(axis="index")
        .set_uuid(uuid)
        .format(precision=1, na_rep="–")
        .set_table_styles(words)
        .set_table_styles(top, overwrite=False)
    )
