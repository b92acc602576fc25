"""How much of a difference is chance of the test images: a bootstrap over images that all seeds and both methods share.

The test set is the same in every seed, so what its choice adds to a difference is not in the spread over seeds. And the
two methods meet the same images, so counts alone do not tell it: the outcome of each image does (`RunRecord.outcomes`).
"""

from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np

from cfa_nb.method.metrics import ClassAccuracy
from cfa_nb.runs.record import unpack_outcomes

DRAWS = 1000
Statistic = str | int  # "overall", "worst", "spread" (of the classes), or one class by index


def statistic_of(statistic: Statistic, accuracy: ClassAccuracy) -> Callable[[np.ndarray], np.ndarray]:
    """From class accuracies (..., K) to (...), with the numbers of images and the worst share of this accuracy."""
    n, share = np.array(accuracy.n), accuracy.worst_share
    if statistic == "overall":
        return lambda a: a @ n / n.sum()
    if statistic == "worst":
        size = max(1, round(share * len(n)))
        return lambda a: np.partition(a, size - 1, axis=-1)[..., :size].mean(axis=-1)
    return (lambda a: a.std(axis=-1)) if statistic == "spread" else (lambda a: a[..., statistic])


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


def first_of_each_class(outcomes: str, n: Sequence[int], few: int, share: float = 0.0) -> ClassAccuracy:
    """`ClassAccuracy` on the first `few` test images of each class, from the outcomes of all."""
    bits = [k[:few] for k in unpack_outcomes(outcomes, n)]
    return ClassAccuracy(tuple(int(k.sum()) for k in bits), tuple(map(len, bits)), share)
