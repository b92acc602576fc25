"""Parts that several figures share: the classes that are shown, axes of margins and of epochs, milestones."""

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.ticker import FuncFormatter, MultipleLocator

from cfa_nb.config import TrainConfig
from cfa_pages.report.style import INK, QUIET, class_colours, name_classes, short_name
from cfa_pages.results.rows import CLASS_LIMIT, class_names, eps_text, hard_classes, hardest_first
from cfa_pages.results.runs import Results


@dataclass(frozen=True)
class ShownClasses:
    """The classes that a figure or table shows, in the order of their index, or the hardest and then the easiest."""

    indices: tuple[int, ...]
    names: tuple[str, ...]  # of all K classes
    hard: tuple[int, ...]  # the hardest first
    note: str  # "10 hardest and 10 easiest of 200 classes", "" where all are shown

    @property
    def colours(self) -> list[str]:
        """(K,) colours of all classes: the hard ones warm, the hardest red."""
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

    def name(self, axis: Axis) -> None:
        """Their names as the ticks of an axis (`ax.xaxis` or `ax.yaxis`), the hard ones bold and red."""
        hard = [i for i, k in enumerate(self.indices) if k in self.hard]
        name_classes(axis, [self.names[k] for k in self.indices], hard)

    def ends(self, values: np.ndarray) -> list[tuple[float, str, str]]:
        """What `label_ends` writes beside the last of (N, K) values."""
        colours = self.colours
        return [(values[-1][k], short_name(self.names[k]), colours[k]) for k in self.indices]


def shown_classes(results: Results) -> ShownClasses:
    """The classes that a figure of these runs shows."""
    names, half, note, order = class_names(results), CLASS_LIMIT // 2, "", hardest_first(results)
    indices = tuple(range(len(names)))
    if len(names) > CLASS_LIMIT:
        indices, note = (*order[:half], *order[-half:]), f"{half} hardest and {half} easiest of {len(names)} classes"
    hard = sorted(hard_classes(results), key=lambda k: order.index(k) if order else k)
    return ShownClasses(indices, names, tuple(hard), note)


def class_traces(ax: Axes, values: np.ndarray, classes: ShownClasses, thin: float = 1.4, **options) -> None:
    """A line a class over epochs from 1, hard classes strong and on top.

    Args:
        values: (epochs, K).
        thin: width of the other lines.
    """
    for k in sorted(classes.indices, key=lambda k: k in classes.hard):
        style = {"color": classes.colours[k], "lw": 2.4 if k in classes.hard else thin} | options
        ax.plot(np.arange(1, len(values) + 1), values[:, k], **style)


def margin_axis(ax: Axes) -> None:
    """A y axis of margins, in the paper's unit."""
    ax.yaxis.set_major_locator(MultipleLocator(1 / 255 if np.ptp(ax.get_ylim()) * 255 < 8 else 2 / 255))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda v, _: eps_text(v)))


def mark_base(ax: Axes, x: float, text: str) -> None:
    """A dotted vertical line with a note at its top, such as the original margin."""
    ax.axvline(x, color=INK, lw=1, ls=(0, (1, 2)), zorder=1)
    ax.annotate(text, (x, 1), xycoords=("data", "axes fraction"), xytext=(4, -3), textcoords="offset points",
                va="top", fontsize=9, color=INK)  # fmt: skip


def epoch_axis(ax: Axes, config: TrainConfig) -> None:
    """Epochs from 1, with whole-number ticks; faint lines where the learning rate falls (after the milestones)."""
    ax.set_xlim(0.5, config.epochs + 0.5)
    step = max(1, round(config.epochs / 8))
    ax.set_xticks([1, *range(step if step > 1 else 2, config.epochs + 1, step)])
    ax.set_xlabel("epoch")
    for milestone in config.milestones:
        if milestone < config.epochs:
            ax.axvline(milestone + 0.5, color=QUIET, lw=0.9, ls=(0, (4, 3)), alpha=0.7, zorder=1)
