"""How sure an accuracy is: the bias of a worst class, by a parametric bootstrap."""

from functools import lru_cache

import numpy as np

from cfa_nb.method.metrics import ClassAccuracy


def points(value: float) -> str:
    """A difference of fractions in percentage points, signed: "+5.7", "−0.3"."""
    return f"{round(100 * value, 1) + 0.0:+.1f}".replace("-", "−")  # + 0.0: never "−0.0"


def percent(value: float) -> str:
    """A fraction in percent, "56.8"."""
    return f"{100 * value:.1f}"


@lru_cache(maxsize=1024)
def worst_bias(accuracy: ClassAccuracy) -> tuple[float, float]:
    """Bias and standard deviation of the worst of K noisy class accuracies, as fractions: a parametric bootstrap.

    The bias is the mean of the redrawn worst accuracy minus the worst of the accuracies it was drawn from. It is
    negative: the worst of K classes reads low, and the more so the fewer test images there are. If the accuracy has a
    `worst_share`, both are about the mean of that share.
    """
    worst = redrawn(accuracy, "worst", 4000, np.random.default_rng(0))
    source = _worst(np.array([[jeffreys(h, n)] for h, n in _counts(accuracy)]), accuracy.worst_share)
    return float(worst.mean() - source[0]), float(worst.std(ddof=1))


def redrawn(accuracy: ClassAccuracy, which: str, draws: int, generator: np.random.Generator) -> np.ndarray:
    """(draws,) "overall" or "worst" accuracies of test sets drawn again, Binomial(n_k, `jeffreys`) for each class."""
    counts = _counts(accuracy)
    hits = [generator.binomial(n, jeffreys(h, n), draws) for h, n in counts]  # per class: its p is set up once
    if which == "overall":
        return np.sum(hits, axis=0) / sum(n for _, n in counts)
    return _worst(np.array([drawn / n for drawn, (_, n) in zip(hits, counts)]), accuracy.worst_share)


def jeffreys(hits: int, n: int) -> float:
    """Jeffreys' estimate of a proportion: unlike hits / n never 0 or 1, where a binomial has no width."""
    return (hits + 0.5) / (n + 1)


def _counts(accuracy):
    """(hits, n) of each class that has images."""
    return [(h, n) for h, n in zip(accuracy.hits, accuracy.n) if n]


def _worst(accuracies, worst_share):
    """(draws,) worst of (K, draws) accuracies, or the mean of their worst share, as in `ClassAccuracy.worst`."""
    size = max(1, round(worst_share * len(accuracies)))
    return np.partition(accuracies, size - 1, axis=0)[:size].mean(axis=0)
