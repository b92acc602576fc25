"""`Split`: images and labels; `Dataset`: the three splits, checked at the door; class-balanced splitting."""

import hashlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch


@dataclass(frozen=True)
class Split:
    """Images (N, C, H, W) uint8 and labels (N,) int64, on one device."""

    images: torch.Tensor
    labels: torch.Tensor

    def __len__(self):
        return len(self.labels)

    def to(self, device):
        """The same on another device."""
        return Split(self.images.to(device), self.labels.to(device))

    def at(self, index):
        """The images at these positions (numpy or torch)."""
        index = torch.as_tensor(index, device=self.labels.device)
        return Split(self.images.index_select(0, index), self.labels.index_select(0, index))

    def feed(self, digest):
        """Updates a hash with the shape, the pixels and the labels."""
        digest.update(str(tuple(self.images.shape)).encode())
        digest.update(self.images.cpu().contiguous().numpy())
        digest.update(self.labels.cpu().contiguous().numpy())

    def first_per_class(self, n):
        """The first `n` images of each class, in the split's order; all where n is None."""
        if n is None:
            return self
        kept = [torch.nonzero(self.labels == k).flatten()[:n] for k in self.labels.unique()]
        return self.at(torch.cat(kept).sort().values)


@dataclass(frozen=True)
class Dataset:
    """What a run sees. Raises `ValueError` for wrong shapes or types, a label out of range, or an empty class."""

    name: str
    class_names: tuple[str, ...]
    train: Split
    val: Split
    test: Split

    def __post_init__(self):
        for part in ("train", "val", "test"):
            _check(getattr(self, part), f"{self.name}/{part}", len(self.class_names))
        shapes = {part: tuple(getattr(self, part).images.shape[1:]) for part in ("train", "val", "test")}
        if len(set(shapes.values())) > 1:
            raise ValueError(f"{self.name}: train, val and test must have images of one shape, got {shapes}")

    @property
    def num_classes(self):
        """K."""
        return len(self.class_names)

    @property
    def image_shape(self):
        """(C, H, W)."""
        return tuple(self.train.images.shape[1:])

    @cached_property
    def content_hash(self):
        """SHA-256 over pixels and labels of the three splits, 16 hex digits: every result carries it."""
        digest = hashlib.sha256()
        for split in (self.train, self.val, self.test):
            split.feed(digest)
        return digest.hexdigest()[:16]

    def to(self, device):
        """The same on another device."""
        return Dataset(self.name, self.class_names, *(s.to(device) for s in (self.train, self.val, self.test)))


def _check(split, where, num_classes):
    images, labels = split.images, split.labels
    if images.dtype != torch.uint8 or images.ndim != 4:
        raise ValueError(f"{where}: images must be uint8 (N, C, H, W), got {images.dtype} {tuple(images.shape)}")
    if labels.dtype != torch.int64 or labels.shape != images.shape[:1]:
        raise ValueError(f"{where}: labels must be int64 ({len(images)},), got {labels.dtype} {tuple(labels.shape)}")
    low, high = (int(labels.min()), int(labels.max())) if len(labels) else (0, 0)
    if not 0 <= low <= high < num_classes:
        raise ValueError(f"{where}: labels must lie in 0..{num_classes - 1}, got {low}..{high}")
    counts = torch.bincount(labels, minlength=num_classes)
    if (counts == 0).any():
        empty = ", ".join(str(k) for k in torch.nonzero(counts == 0).flatten().tolist())
        raise ValueError(f"{where}: no image of class {empty}; every class needs at least one")


def balanced_split(labels, sizes, order, names=None):
    """Index arrays with `sizes[i]` images of each class, disjoint, taken from each class along `order`.

    Args:
        labels: (N,) class of each image.
        sizes: images a class, one number a part; None (the last only) takes what is left.
        order: (N,) a permutation, such as a seeded one; within a part the original order is kept.
        names: (K,) what a message calls the classes; None: by number.
    Raises:
        ValueError: if a class has too few images; the message names it.
    """
    parts = [[] for _ in sizes]
    for k in np.unique(labels):
        members = order[labels[order] == k]
        need = sum(s for s in sizes if s is not None) + (sizes[-1] is None)
        if len(members) < need:
            name = names[k] if names else k
            raise ValueError(f"class {name} has {len(members)} images, {need} are asked for; ask for fewer a class")
        start = 0
        for part, size in zip(parts, sizes):
            stop = len(members) if size is None else start + size
            part.append(members[start:stop])
            start = stop
    return [np.sort(np.concatenate(part)) for part in parts]
