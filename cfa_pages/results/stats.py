"""Statistics of a page: comparisons paired by seed, chance of the test images, cells that carry their numbers.

    cell = mean_std([0.67, 0.68])                               # "67.5 ± 0.7", and cell.numbers
    with_numbers(pd.DataFrame({"AT": [cell]}, dtype=object))    # columns "AT: mean", "AT: std"

Everything is in fractions; pages write percent and percentage points.
"""

import math
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd
from scipy.stats import t as student

from cfa_nb.card.card import points
from cfa_nb.card.card import redrawn as redrawn_counts
from cfa_nb.method.metrics import ClassAccuracy
from cfa_nb.runs.record import unpack_outcomes

ONE_SEED = "test images, one seed"  # what marks an interval that says nothing of training noise
NO_INTERVAL = "none (one seed)"
NO_WIDTH = "none (one seed, too few test images)"  # every test set drawn again has the same worst class
ROUNDING = 1e-9  # of floats: fractions that differ by less are equal
LEVEL = (1 + 0.95) / 2  # quantile at which a two-sided interval of 95 % ends
MANY_SEEDS = 100  # nobody is told to run more
DRAWS = 1000
Statistic = str | int | tuple[int, ...]  # "overall", "worst", "spread" (of the classes), a class, a mean of classes


class Cell(str):
    """What a reader sees of some numbers."""

    numbers: dict[str, float | str]

    def __new__(cls, text: str, **numbers: float | str) -> "Cell":
        """The text, and its numbers by name; a unit may stand among them."""
        cell = super().__new__(cls, text)
        cell.numbers = numbers
        return cell


def with_numbers(table: pd.DataFrame) -> pd.DataFrame:
    """The same table with a column for each number of its cells; columns of words stay as they are.

    Args:
        table: of dtype object where it holds `Cell`.
    """
    columns = {}
    for name, cells in table.items():
        numbers = [getattr(cell, "numbers", {}) for cell in cells]
        parts = dict.fromkeys(part for of_cell in numbers for part in of_cell)
        columns |= {f"{name}: {part}": [of_cell.get(part) for of_cell in numbers] for part in parts} or {name: cells}
    return pd.DataFrame(columns)


@dataclass(frozen=True)
class Paired:
    """A method minus another one, seed by seed.

    image_error: standard error of the mean difference that comes from the test images, which all seeds share; None
        where the outcomes of single images are not known: the interval is then over seeds alone.
    images: interval over test images, where one seed gives none over seeds.
    """

    differences: tuple[float, ...]
    image_error: float | None = None
    images: tuple[float, float] | None = None

    @property
    def n(self) -> int:
        """Seeds that both methods have."""
        return len(self.differences)

    @property
    def mean(self) -> float:
        """Mean difference; nan without a seed."""
        return sum(self.differences) / self.n if self.n else math.nan

    @property
    def error(self) -> float:
        """Standard error of the mean: seeds and, where known, test images; inf for fewer than two seeds."""
        return self._error(self.n) if self.n > 1 else math.inf

    def _error(self, n):
        return math.hypot(spread_of(self.differences) / math.sqrt(n), self.image_error or 0.0)

    def _freedom(self, n):
        """Degrees of freedom of that error (Welch and Satterthwaite): the images' share is known far better."""
        of_seeds = spread_of(self.differences) / math.sqrt(n)
        return (n - 1) * (self._error(n) / of_seeds) ** 4 if of_seeds else math.inf

    @property
    def interval(self) -> tuple[float, float]:
        """Student's t interval of the mean difference; (-inf, inf) for fewer than two seeds."""
        if self.n < 2:
            return -math.inf, math.inf
        half = student.ppf(LEVEL, self._freedom(self.n)) * self.error
        return self.mean - half, self.mean + half

    def p_value(self, border: float = 0.0) -> float:
        """Two-sided, of the mean lying where the border is; 1 for fewer than two seeds."""
        if self.n < 2:
            return 1.0
        if not self.error:
            return float(abs(self.mean - border) < ROUNDING)
        return float(2 * student.sf(abs(self.mean - border) / self.error, self._freedom(self.n)))

    def seeds_to_decide(self, border: float = 0.0) -> int | None:
        """How many seeds would put the whole interval on one side of the border, with power 0.8, if the mean and the
        spread stay as they are; None: more than `MANY_SEEDS`, or none, as the test images are too few.
        """  # fmt: skip
        if self.n < 2:
            return None
        enough = (n for n in range(2, MANY_SEEDS + 1) if self._decides(n, abs(self.mean - border)))
        return next(enough, None)

    def _decides(self, n, distance):
        freedom = self._freedom(n)
        return distance > (student.ppf(LEVEL, freedom) + student.ppf(0.8, freedom)) * self._error(n)

    @property
    def interval_text(self) -> str | None:
        """ "+1.2 to +10.2"; of one seed the interval over test images, marked as such; None without a seed."""
        if self.n > 1:
            return " to ".join(points(v) for v in self.interval)
        if self.n == 0:
            return None
        if not self.images:
            return NO_INTERVAL
        return f"{' to '.join(points(v) for v in self.images)} ({ONE_SEED})" if self.has_width else NO_WIDTH

    @property
    def has_width(self) -> bool:
        """Whether the interval over test images says anything: one of no width does not."""
        return self.images is not None and self.images[1] - self.images[0] > ROUNDING

    @property
    def up(self) -> int:
        """Seeds in which the method is ahead."""
        return sum(d > 0 for d in self.differences)

    def __str__(self):
        """Such as "+5.7 points [+1.2, +10.2], 5 of 5 seeds up"."""
        if not self.n:
            return "not run"
        low, high = self.interval
        interval = f" [{points(low)}, {points(high)}]" if self.n > 1 else ""
        return f"{points(self.mean)} points{interval}, {self.up} of {count(self.n, 'seed')} up"


def paired(ours: dict[int, float], theirs: dict[int, float]) -> Paired:
    """`ours` minus `theirs`, both {seed: value}, on the seeds that both have."""
    return Paired(tuple(ours[s] - theirs[s] for s in sorted(set(ours) & set(theirs))))


def holm(p_values: dict[Hashable, float]) -> dict[Hashable, float]:
    """Holm's adjusted p-values of several tests: the k-th smallest of m times m - k + 1, never falling."""
    adjusted, so_far = {}, 0.0
    for rank, (key, p) in enumerate(sorted(p_values.items(), key=lambda pair: pair[1])):
        adjusted[key] = so_far = min(1.0, max(so_far, (len(p_values) - rank) * p))
    return adjusted


def spread_of(values: Sequence[float]) -> float:
    """Sample standard deviation (ddof 1, as everywhere on our pages); nan for fewer than two values."""
    return float(np.std(values, ddof=1)) if len(values) > 1 else math.nan


def mean_std(values: Iterable[float | None]) -> Cell:
    """ "56.8 ± 0.9" in percent; without the spread where there is one value, "–" where there is none."""
    values = [v for v in values if v is not None]
    if not values:
        return Cell("–")
    mean, spread = 100 * float(np.mean(values)), 100 * spread_of(values)
    return Cell(f"{mean:.1f} ± {spread:.1f}" if len(values) > 1 else f"{mean:.1f}", mean=mean, std=spread)


def count(number: int, noun: str) -> str:
    """ "1 run", "5 runs"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def epoch_span(first: int, last: int) -> str:
    """ "epoch 2", "epochs 101–120"."""
    return f"epoch {first}" if first == last else f"epochs {first}–{last}"


# How much of a difference is chance of the test images. The test set is the same in every seed, so what its choice adds
# is not in the spread over seeds; and two methods meet the same images, so the outcome of each image has to be known
# (`RunRecord.outcomes`).


def statistic_of(statistic: Statistic, accuracy: ClassAccuracy) -> Callable[[np.ndarray], np.ndarray]:
    """From class accuracies (..., K) to (...), with the numbers of images and the worst share of this accuracy."""
    n, share = np.array(accuracy.n), accuracy.worst_share
    if statistic == "overall":
        return lambda a: a @ n / n.sum()
    if statistic == "worst":
        size = max(1, round(share * len(n)))
        return lambda a: np.partition(a, size - 1, axis=-1)[..., :size].mean(axis=-1)
    if statistic == "spread":
        return lambda a: a.std(axis=-1)
    classes = [statistic] if isinstance(statistic, int) else list(statistic)
    return lambda a: a[..., classes].mean(axis=-1)


@lru_cache(maxsize=256)
def redrawn(outcomes: tuple[str, ...], n: tuple[int, ...]) -> np.ndarray:
    """(draws, seeds, K) class accuracies on test sets drawn again, with replacement, from each class's images.

    Args:
        outcomes: of one row, a packed text a seed.
        n: test images of each class.
    """
    seeds = [unpack_outcomes(text, n) for text in outcomes]
    classes = [_weights(size, k) @ np.stack([bits[k] for bits in seeds], axis=1) for k, size in enumerate(n)]
    return np.stack(classes, axis=2)


@lru_cache(maxsize=64)
def _weights(size, k):
    """(draws, size): the share of each image of class k in each redrawn class."""
    counts = np.random.default_rng(k).multinomial(size, np.full(size, 1 / size), DRAWS)
    return counts.astype(np.float32) / size


@lru_cache(maxsize=4096)
def image_error(ours: tuple[str, ...], theirs: tuple[str, ...], statistic: Statistic, about: ClassAccuracy) -> float:
    """Standard error, over test images, of the mean over seeds of our statistic minus theirs.

    Args:
        ours, theirs: outcomes of the same seeds under the same attack.
        about: any accuracy of one of them, for its numbers of images and what it calls the worst.
    """
    value = statistic_of(statistic, about)
    drawn = (value(redrawn(ours, about.n)) - value(redrawn(theirs, about.n))).mean(axis=1)
    return float(drawn.std(ddof=1))


@lru_cache(maxsize=1024)
def image_interval(ours: ClassAccuracy, theirs: ClassAccuracy, which: str) -> tuple[float, float]:
    """95 % interval of our "overall" or "worst" accuracy minus theirs over test images, as fractions.

    It is centred on the measured difference, because the bias of a worst class is reported separately (`worst_bias`).
    Both are drawn independently though they share their images, so it is rather too wide. Other seeds are not in it.
    """
    generator = np.random.default_rng(0)
    drawn = redrawn_counts(ours, which, 2000, generator) - redrawn_counts(theirs, which, 2000, generator)
    centre = getattr(ours, which) - getattr(theirs, which)
    low, high = np.quantile(drawn - drawn.mean(), ((1 - 0.95) / 2, (1 + 0.95) / 2))
    return float(centre + low), float(centre + high)


def first_of_each_class(outcomes: str, n: Sequence[int], few: int, share: float = 0.0) -> ClassAccuracy:
    """`ClassAccuracy` on the first `few` test images of each class, from the outcomes of all."""
    bits = [k[:few] for k in unpack_outcomes(outcomes, n)]
    return ClassAccuracy(tuple(int(k.sum()) for k in bits), tuple(map(len, bits)), share)
