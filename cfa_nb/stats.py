"""Statistics of a page: comparisons paired by seed, mean and spread over seeds, and the bias of a worst class.

Everything is in fractions; pages write percent and percentage points.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student


@dataclass(frozen=True)
class Paired:
    """A method minus another one, seed by seed."""

    differences: tuple[float, ...]
    level: float = 0.95

    @property
    def n(self):
        """Seeds that both methods have."""
        return len(self.differences)

    @property
    def mean(self):
        """Mean difference; nan without a seed."""
        return sum(self.differences) / self.n if self.n else math.nan

    @property
    def interval(self):
        """Student's t interval of the mean difference; (-inf, inf) for fewer than two seeds."""
        if self.n < 2:
            return -math.inf, math.inf
        half = student.ppf((1 + self.level) / 2, self.n - 1) * spread_of(self.differences) / math.sqrt(self.n)
        return self.mean - half, self.mean + half

    @property
    def up(self):
        """Seeds in which the method is ahead."""
        return sum(d > 0 for d in self.differences)

    def __str__(self):
        """Such as "+5.7 points [+1.2, +10.2], 5 of 5 seeds up"."""
        if not self.n:
            return "not run"
        low, high = self.interval
        interval = f" [{points(low)}, {points(high)}]" if self.n > 1 else ""
        return f"{points(self.mean)} points{interval}, {self.up} of {self.n} seeds up"


def paired(ours, theirs):
    """`ours` minus `theirs`, both {seed: value}, on the seeds that both have."""
    return Paired(tuple(ours[s] - theirs[s] for s in sorted(set(ours) & set(theirs))))


def spread_of(values):
    """Sample standard deviation (ddof 1, as everywhere on our pages); nan for fewer than two values."""
    return float(np.std(values, ddof=1)) if len(values) > 1 else math.nan


def mean_std(values):
    """ "56.8 ± 0.9" in percent; without the spread where there is one value, "–" where there is none."""
    values = [v for v in values if v is not None]
    if not values:
        return "–"
    spread = f" ± {100 * spread_of(values):.1f}" if len(values) > 1 else ""
    return f"{100 * float(np.mean(values)):.1f}{spread}"


def points(value):
    """A difference of fractions in percentage points, signed: "+5.7", "−0.3"."""
    return f"{round(100 * value, 1) + 0.0:+.1f}".replace("-", "−")  # + 0.0: never "−0.0"


def percent(value):
    """A fraction in percent, "56.8"."""
    return f"{100 * value:.1f}"


def worst_bias(accuracy, draws=4000, seed=0):
    """How far the least of K noisy class accuracies lies below the true least one: a parametric bootstrap.

    Each class's hits are drawn again, Binomial(n_k, hits_k / n_k); the bias is the mean of the redrawn minimum less
    the observed one. It is negative: the worst of K classes reads low, the more so the fewer test images there are.

    Args:
        accuracy: a `ClassAccuracy`.
    Returns:
        the bias, as a fraction, and the standard deviation of the redrawn minimum.
    """
    kept = [(h, n) for h, n in zip(accuracy.hits, accuracy.n) if n]
    hits, n = np.array(kept).T
    redrawn = np.random.default_rng(seed).binomial(n, hits / n, size=(draws, len(n))) / n
    least = redrawn.min(axis=1)
    return float(least.mean() - accuracy.worst), float(least.std(ddof=1))
