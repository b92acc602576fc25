"""Accuracy per class: counted on the device (`ClassCounts`), then asked (`ClassAccuracy`, `Measured`)."""

import math
from dataclasses import dataclass, replace

import torch


@dataclass(frozen=True)
class ClassAccuracy:
    """Hits and images of each class: whole numbers, from which every accuracy of a page is computed.

    worst_share: with 200 classes of 50 images the single worst one is noise; 0.1 makes `worst` the worst tenth's mean.

    Raises:
        ValueError: if the two differ in length, or a class has more hits than images.
    """

    hits: tuple[int, ...]
    n: tuple[int, ...]
    worst_share: float = 0.0

    def __post_init__(self):
        object.__setattr__(self, "hits", tuple(int(h) for h in self.hits))
        object.__setattr__(self, "n", tuple(int(n) for n in self.n))
        if len(self.hits) != len(self.n):
            raise ValueError(f"hits and n must have one entry a class, got {len(self.hits)} and {len(self.n)}")
        if any(not 0 <= h <= n for h, n in zip(self.hits, self.n)):
            raise ValueError(f"each class needs 0 <= hits <= n, got hits {self.hits} of {self.n}")

    @classmethod
    def of(cls, right: torch.Tensor, y: torch.Tensor, num_classes: int) -> "ClassAccuracy":
        """From which images are right, (N,) bool, and their labels (N,)."""
        return cls(*(torch.bincount(labels, minlength=num_classes).tolist() for labels in (y[right], y)))

    @property
    def per_class(self) -> tuple[float, ...]:
        """(K,) accuracies in [0, 1]; nan for a class without images."""
        return tuple(h / n if n else math.nan for h, n in zip(self.hits, self.n))

    @property
    def overall(self) -> float:
        """Accuracy over all images, in [0, 1]."""
        return sum(self.hits) / sum(self.n) if sum(self.n) else math.nan

    @property
    def worst(self) -> float:
        """The least class accuracy, or the mean over the `worst_share` of least ones; empty classes are left out."""
        accuracies = sorted(a for a in self.per_class if not math.isnan(a))
        worst = accuracies[: max(1, round(self.worst_share * len(accuracies)))]
        return sum(worst) / len(worst) if worst else math.nan

    def with_share(self, worst_share: float) -> "ClassAccuracy":
        """The same counts, whose `worst` is the mean over this share of the classes (0: the single worst one)."""
        return replace(self, worst_share=worst_share)

    @property
    def worst_class(self) -> int:
        """Index of the worst class (the first of equals)."""
        return min((a, k) for k, a in enumerate(self.per_class) if not math.isnan(a))[1]


@dataclass(frozen=True)
class Measured:
    """Accuracy of one set of weights on one split after an epoch: clean, and under the epoch's PGD attack."""

    clean: ClassAccuracy
    robust: ClassAccuracy

    @property
    def score(self) -> float:
        """Overall plus worst-class robust accuracy: what `best` maximises (Sec. 5.1, Metrics)."""
        return self.robust.overall + self.robust.worst


class ClassCounts:
    """Gathers hits per class on the device, without ever waiting for it.

    Args:
        num_classes: K.
        device: where the batches live.
    """

    def __init__(self, num_classes: int, device="cpu"):
        self.counts = torch.zeros(2, num_classes, dtype=torch.int64, device=device)

    def reset(self) -> None:
        """Back to nothing counted."""
        self.counts.zero_()

    def add(self, logits: torch.Tensor, y: torch.Tensor) -> None:
        """Counts a batch: `logits` (B, K), `y` (B,)."""
        hit = logits.argmax(dim=1) == y
        self.counts[0].index_add_(0, y, hit.long())
        self.counts[1].index_add_(0, y, torch.ones_like(y))

    def result(self) -> ClassAccuracy:
        """Copies the counts to the host, once: a `ClassAccuracy`."""
        hits, n = self.counts.tolist()
        return ClassAccuracy(tuple(hits), tuple(n))
