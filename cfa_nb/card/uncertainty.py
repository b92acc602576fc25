"""How sure an accuracy is: the bias of a worst class, and intervals over test images, by a parametric bootstrap.

Everything is in fractions; `percent` and `points` write them as readers see them.
"""

from functools import lru_cache

import numpy as np


def points(value):
    """A difference of fractions in percentage points, signed: "+5.7", "−0.3"."""
    return f"{round(100 * value, 1) + 0.0:+.1f}".replace("-", "−")  # + 0.0: never "−0.0"


def percent(value):
    """A fraction in percent, "56.8"."""
    return f"{100 * value:.1f}"


@lru_cache(maxsize=1024)
def worst_bias(accuracy, draws=4000, seed=0):
    """How far the least of K noisy class accuracies lies below the true least one: a parametric bootstrap.

    Each class's hits are drawn again (`redrawn`); the bias is the mean of the redrawn minimum less the least of the
    accuracies that it was drawn from. It is negative: the worst of K classes reads low, the more so the fewer test
    images there are. Where the worst share of the classes counts, the same is said of its mean.

    Args:
        accuracy: a `ClassAccuracy`.
    Returns:
        the bias, as a fraction, and the standard deviation of the redrawn minimum.
    """
    least = redrawn(accuracy, "worst", draws, np.random.default_rng(seed))
    source = _least_of(np.array([[jeffreys(h, n)] for h, n in _measured(accuracy)]), accuracy.worst_share)
    return float(least.mean() - source[0]), float(least.std(ddof=1))


def jeffreys(hits, n):
    """Jeffreys' estimate of a proportion: unlike hits / n never 0 or 1, where a binomial has no width."""
    return (hits + 0.5) / (n + 1)


def _measured(accuracy):
    return [(h, n) for h, n in zip(accuracy.hits, accuracy.n) if n]


def redrawn(accuracy, which, draws, generator):
    """(draws,) the "overall" or "worst" accuracy of test sets drawn again, Binomial(n_k, `jeffreys`) a class."""
    kept = _measured(accuracy)
    drawn = [generator.binomial(n, jeffreys(h, n), draws) for h, n in kept]  # a class at a time: its p is set up once
    if which == "overall":
        return np.sum(drawn, axis=0) / sum(n for _, n in kept)
    return _least_of(np.array([row / n for row, (_, n) in zip(drawn, kept)]), accuracy.worst_share)


def _least_of(shares, worst_share):
    """(draws,) least of (K, draws) class accuracies, or the mean of their worst share, as in `ClassAccuracy.worst`."""
    kept = max(1, round(worst_share * len(shares)))
    return np.partition(shares, kept - 1, axis=0)[:kept].mean(axis=0)


@lru_cache(maxsize=1024)
def image_interval(ours, theirs, which, draws=2000, seed=0, level=0.95):
    """Interval of one run's accuracy minus another one's over test images: a parametric bootstrap of both.

    It is centred on the measured difference, as the bias of a minimum is told on its own (`worst_bias`); `jeffreys`
    gives it a width at 0 and n hits too. Both rows are drawn independently though they share their images, so it errs
    on the wide side. It says nothing of how another seed would train.

    Args:
        ours, theirs: `ClassAccuracy`.
        which: "overall" or "worst".
    Returns:
        (low, high) as fractions.
    """
    generator = np.random.default_rng(seed)
    drawn = redrawn(ours, which, draws, generator) - redrawn(theirs, which, draws, generator)
    centre = getattr(ours, which) - getattr(theirs, which)
    low, high = np.quantile(drawn - drawn.mean(), ((1 - level) / 2, (1 + level) / 2))
    return float(centre + low), float(centre + high)
