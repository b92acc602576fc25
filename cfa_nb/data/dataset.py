"""`Split`: images and labels. `Dataset`: the three splits of a run. `cut`: makes them of a dataset as it comes."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from cfa_nb.config import TrainConfig


@dataclass(frozen=True)
class Split:
    """Images (N, C, H, W) uint8 and labels (N,) int64, on one device."""

    images: torch.Tensor
    labels: torch.Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def to(self, device: torch.device | str) -> "Split":
        """The same on another device."""
        return Split(self.images.to(device), self.labels.to(device))

    def at(self, index: np.ndarray | torch.Tensor) -> "Split":
        """The images at these positions, index (n,)."""
        index = torch.as_tensor(index, device=self.labels.device)
        return Split(self.images.index_select(0, index), self.labels.index_select(0, index))

    def first_per_class(self, n: int | None) -> "Split":
        """The first `n` images of each class, in the split's order; all where n is None."""
        if n is None:
            return self
        members = [torch.nonzero(self.labels == k).flatten()[:n] for k in self.labels.unique()]
        return self.at(torch.cat(members).sort().values)


def stack(arrays: np.ndarray, labels: Sequence[int]) -> Split:
    """A `Split` from (N, H, W, C) uint8 images and N labels."""
    images = torch.from_numpy(np.ascontiguousarray(arrays.transpose(0, 3, 1, 2)))
    return Split(images, torch.tensor(labels, dtype=torch.int64))


@dataclass(frozen=True)
class Dataset:
    """What a run sees. Raises `ValueError` for wrong shapes or types, a label out of range, or an empty class."""

    name: str
    class_names: tuple[str, ...]
    train: Split
    val: Split
    test: Split

    def __post_init__(self):
        splits = {"train": self.train, "val": self.val, "test": self.test}
        for part, split in splits.items():
            _check(split, f"{self.name}/{part}", len(self.class_names))
        shapes = [tuple(split.images.shape[1:]) for split in splits.values()]
        if len(set(shapes)) > 1:
            raise ValueError(f"{self.name}: train, val and test must have images of one shape, got {shapes}")

    @property
    def num_classes(self) -> int:
        """K."""
        return len(self.class_names)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(C, H, W)."""
        return tuple(self.train.images.shape[1:])

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 over pixels and labels of the three splits, 16 hex digits: every result carries it."""
        digest = hashlib.sha256()
        for split in (self.train, self.val, self.test):
            digest.update(str(tuple(split.images.shape)).encode())
            digest.update(split.images.cpu().contiguous().numpy())
            digest.update(split.labels.cpu().contiguous().numpy())
        return digest.hexdigest()[:16]

    def to(self, device: torch.device | str) -> "Dataset":
        """The same on another device."""
        return Dataset(self.name, self.class_names, *(s.to(device) for s in (self.train, self.val, self.test)))


def _check(split, where, num_classes):
    images, labels = split.images, split.labels
    if images.dtype != torch.uint8 or images.ndim != 4:
        raise ValueError(f"{where}: images must be uint8 (N, C, H, W), got {images.dtype} {tuple(images.shape)}")
    if labels.dtype != torch.int64 or labels.shape != images.shape[:1]:
        raise ValueError(f"{where}: labels must be int64 ({len(images)},), got {labels.dtype} {tuple(labels.shape)}")
    if wrong := sorted(set(labels.unique().tolist()) ^ set(range(num_classes))):
        raise ValueError(f"{where}: each class 0..{num_classes - 1} needs an image, and no other has one; see {wrong}")


def cut(name: str, class_names: Sequence[str], train: Split, test: Split, config: TrainConfig) -> Dataset:
    """The `Dataset` of a run: validation is the first `val_per_class` images of each class, for every seed (Sec. 5.1).

    A `ValueError` names a class with too few images.
    """
    sizes = (config.val_per_class, config.train_per_class)
    val, rest = balanced_split(train.labels.numpy(), sizes, np.arange(len(train)), class_names)
    return Dataset(name, class_names, train.at(rest), train.at(val), test.first_per_class(config.test_per_class))


def balanced_split(labels: np.ndarray, sizes: Sequence, order: np.ndarray, names: Sequence = ()) -> list[np.ndarray]:
    """Index arrays with `sizes[i]` images of each class, disjoint, chosen from each class along `order`.

    Args:
        labels: (N,) class of each image.
        sizes: images a class, one number a part; None (the last only): all that the other parts leave.
        order: (N,) a permutation, such as a seeded one; within a part the original order is kept.
        names: (K,) what a message calls the classes; none: by number.
    Raises:
        ValueError: if a class has too few images; the message names it.
    """
    *first, last = sizes
    need = sum(first) + (1 if last is None else last)
    parts = []
    for k in np.unique(labels):
        members = order[labels[order] == k]
        if len(members) < need:
            name = names[k] if names else k
            raise ValueError(f"class {name} has {len(members)} images, {need} are asked for; ask for fewer a class")
        parts.append(np.split(members[: None if last is None else need], np.cumsum(first, dtype=int)))
    return [np.sort(np.concatenate(part)) for part in zip(*parts)]
