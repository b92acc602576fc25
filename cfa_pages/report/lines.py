"""Parts that several figures share: lines of classes, names at their ends, milestones, means over seeds."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MultipleLocator

from cfa_nb.config import TrainConfig
from cfa_pages.report.style import INK, QUIET, class_colours, label_ends, percent_axis, short_name
from cfa_pages.results.rows import eps_text, hard_classes, shown_class_indices, shown_note
from cfa_pages.results.runs import Results, Run


def mean_curves(
    runs: Sequence[Run], weights: str = "live", statistic: str = "overall"
) -> tuple[np.ndarray, np.ndarray]:
    """(epochs, mean over runs) of the "overall" or "worst" robust test accuracy; nan where no run has these weights."""
    rows = [[np.nan if a is None else getattr(a, statistic) for a in r.curve(weights)] for r in runs]
    rows = np.array(rows, dtype=float)
    is_number = ~np.isnan(rows)
    mean = np.where(is_number, rows, 0).sum(axis=0) / np.where(is_number.any(axis=0), is_number.sum(axis=0), np.nan)
    return np.arange(1, rows.shape[1] + 1), mean


@dataclass(frozen=True)
class ShownClasses:
    """The classes that a figure or table shows, in the order of their index, or the hardest and then the easiest."""

    indices: tuple[int, ...]
    names: tuple[str, ...]  # of all K classes
    hard: tuple[int, ...]
    note: str  # "10 hardest and 10 easiest of 200 classes", "" where all are shown

    @property
    def colours(self) -> list[str]:
        """(K,) colours of all classes: the hard ones warm."""
        return class_colours(len(self.names), self.hard)

    @property
    def heading(self) -> str:
        """Heading of a table's column of class names."""
        return f"Class ({self.note})" if self.note else "Class"

    def title(self, text: str) -> str:
        """A figure's title, which says so where not all classes are shown."""
        return f"{text}, {self.note}" if self.note else text

    def group(self, k: int) -> str:
        """ "hard" or "easy"."""
        return "hard" if k in self.hard else "easy"

    def ends(self, values: np.ndarray) -> list[tuple[float, str, str]]:
        """What `label_ends` writes beside the last of (N, K) values."""
        colours = self.colours
        return [(values[-1][k], short_name(self.names[k]), colours[k]) for k in self.indices]


def shown_classes(results: Results) -> ShownClasses:
    """The classes that a figure of these runs shows."""
    names = tuple(map(str, results[0].record.class_names))
    return ShownClasses(shown_class_indices(results), names, hard_classes(results), shown_note(results))


def class_lines(ax: Axes, x: Sequence[float], values: Sequence[np.ndarray], classes: ShownClasses) -> None:
    """One line a class over x, hard classes warm and strong, named at the right end; bars: one std over seeds.

    Args:
        x: (N,) positions.
        values: N of (seeds, K) fractions.
        classes: those to draw.
    """
    spread = np.array([np.std(v, axis=0, ddof=1) if len(v) > 1 else np.zeros(np.shape(v)[1]) for v in values])
    values, hard, colours = np.array([np.mean(v, axis=0) for v in values]), classes.hard, classes.colours
    for k in sorted(classes.indices, key=lambda k: k in hard):
        stroke = {"lw": 2.3, "ms": 4.5, "zorder": 3} if k in hard else {"lw": 1.5, "ms": 3, "zorder": 2}
        ax.errorbar(x, values[:, k], spread[:, k], fmt="-o", color=colours[k], mew=0, elinewidth=0.9, **stroke)
    drawn = values[:, list(classes.indices)]
    low, high = float(np.nanmin(drawn)), float(np.nanmax(drawn))
    pad = 0.06 * (high - low) + max(0.005, (0.12 - (high - low)) / 2)  # never zoomed in further than 12 points
    percent_axis(ax, max(0.0, low - pad), min(high + pad, 1.01))
    label_ends(ax, x[-1], classes.ends(values), gap=0.048)


def margin_axis(ax: Axes) -> None:
    """A y axis of margins, in the paper's unit."""
    ax.yaxis.set_major_locator(MultipleLocator(1 / 255 if np.ptp(ax.get_ylim()) * 255 < 8 else 2 / 255))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda v, _: eps_text(v)))


def mark_base(ax: Axes, x: float, text: str) -> None:
    """A dotted vertical line with a note at its top, such as the original margin."""
    ax.axvline(x, color=INK, lw=1, ls=(0, (1, 2)), zorder=1)
    ax.annotate(text, (x, 1), xycoords=("data", "axes fraction"), xytext=(4, -3), textcoords="offset points",
                va="top", fontsize=9, color=INK)  # fmt: skip


def mark_milestones(ax: Axes, config: TrainConfig) -> None:
    """Faint vertical lines where the learning rate falls (after the milestone epochs)."""
    for milestone in config.milestones:
        if milestone < config.epochs:
            ax.axvline(milestone + 0.5, color=QUIET, lw=0.9, ls=(0, (4, 3)), alpha=0.7, zorder=1)


def epoch_axis(ax: Axes, config: TrainConfig) -> None:
    """Epochs from 1, with whole-number ticks and the milestones marked."""
    ax.set_xlim(0.5, config.epochs + 0.5)
    step = max(1, round(config.epochs / 8))
    ax.set_xticks([1, *range(step if step > 1 else 2, config.epochs + 1, step)])
    ax.set_xlabel("epoch")
    mark_milestones(ax, config)
