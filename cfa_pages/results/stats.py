"""Statistics of a page: comparisons paired by seed, mean and spread over seeds.

Everything is in fractions; pages write percent and percentage points.
"""

import math
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student

from cfa_nb.card.uncertainty import image_interval, percent, points, worst_bias
from cfa_pages.results.cells import Cell

ONE_SEED = "test images, one seed"  # what marks an interval that says nothing of training noise
NO_INTERVAL = "none (one seed)"
NO_WIDTH = "none (one seed, too few test images)"  # every test set drawn again has the same worst class
ROUNDING = 1e-9  # of floats: fractions that differ by less are equal
MANY_SEEDS = 100  # nobody is told to run more


@dataclass(frozen=True)
class Paired:
    """A method minus another one, seed by seed.

    image_error: standard error of the mean difference that comes from the test images, which all seeds share; None
        where the outcomes of single images are not known: the interval is then over seeds alone.
    images: interval over test images, where one seed gives none over seeds.
    """

    differences: tuple[float, ...]
    level: float = 0.95
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
        half = student.ppf((1 + self.level) / 2, self._freedom(self.n)) * self.error
        return self.mean - half, self.mean + half

    def p_value(self, border: float = 0.0) -> float:
        """Two-sided, of the mean lying where the border is; 1 for fewer than two seeds."""
        if self.n < 2:
            return 1.0
        if not self.error:
            return float(abs(self.mean - border) < ROUNDING)
        return float(2 * student.sf(abs(self.mean - border) / self.error, self._freedom(self.n)))

    def seeds_to_decide(self, border: float = 0.0, power: float = 0.8) -> int | None:
        """How many seeds would put the whole interval on one side of the border, with this power, if the mean and the
        spread stay as they are; None: more than `MANY_SEEDS`, or none, as the test images are too few.
        """  # fmt: skip
        if self.n < 2:
            return None
        enough = (n for n in range(2, MANY_SEEDS + 1) if self._decides(n, abs(self.mean - border), power))
        return next(enough, None)

    def _decides(self, n, distance, power):
        freedom = self._freedom(n)
        return distance > (student.ppf((1 + self.level) / 2, freedom) + student.ppf(power, freedom)) * self._error(n)

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


def extreme(values: dict[Hashable, float], least: bool = False) -> tuple[Hashable, str]:
    """The key of the largest (or least) value, and "", " (tied)" or "all equal" for what else has that value.

    Args:
        values: {key: fraction}; of several keys that share the value the first is given.
    """
    best = (min if least else max)(values.values())
    ties = [key for key, value in values.items() if abs(value - best) < ROUNDING]
    return ties[0], "" if len(ties) == 1 else "all equal" if len(ties) == len(values) else " (tied)"


__all__ = [
    "Paired", "count", "epoch_span", "extreme", "holm", "image_interval", "mean_std", "paired", "percent", "points",
    "spread_of", "worst_bias",
]  # fmt: skip
