"""`Pool`: a dataset as it comes, train and test; how it is cut for a run, and how it is kept as one file.

Reading 60,000 images takes half a minute, so a pool is cached as uint8 tensors in one safetensors file.
"""

import hashlib
import json
from dataclasses import dataclass

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from cfa_nb.data.dataset import Dataset, Split, balanced_split
from cfa_nb.paths import data_dir


@dataclass(frozen=True)
class Pool:
    """All images of a dataset: class names, the training images in dataset order, the test images."""

    class_names: tuple[str, ...]
    train: Split
    test: Split


def cut(name, pool, config):
    """The `Dataset` of a run: validation is the first `val_per_class` images of each class, for every seed (Sec. 5.1).

    Raises:
        ValueError: if a class has too few images.
    """
    labels = pool.train.labels.numpy()
    in_order = np.arange(len(labels))
    val, train = balanced_split(labels, (config.val_per_class, config.train_per_class), in_order)
    test = pool.test.first_per_class(config.test_per_class)
    return Dataset(name, pool.class_names, pool.train.at(train), pool.train.at(val), test)


def cached(name, fingerprint, make):
    """The `Pool` that `make()` gives, kept below `data_dir()` under the name and what it was made from.

    Args:
        name: of the dataset, part of the file's name.
        fingerprint: text that changes when the source does.
        make: called without arguments where no whole file is there.
    """
    digest = hashlib.sha256(fingerprint.encode()).hexdigest()[:12]
    file = data_dir() / "cache" / f"{name}-{digest}.safetensors"
    if file.exists():
        try:
            return _read(file)
        except (SafetensorError, KeyError, TypeError, ValueError):
            pass  # damaged: made anew below
    pool = make()
    _write(file, pool)
    return pool


def _read(file):
    with safe_open(file, framework="pt") as f:
        names = tuple(json.loads(f.metadata()["class_names"]))
        get = f.get_tensor
        train, test = (Split(get(f"{part}.images"), get(f"{part}.labels")) for part in ("train", "test"))
    return Pool(names, train, test)


def _write(file, pool):
    from cfa_nb.files import write

    tensors = {f"{p}.images": getattr(pool, p).images for p in ("train", "test")}
    tensors |= {f"{p}.labels": getattr(pool, p).labels for p in ("train", "test")}
    write(file, save({k: v.contiguous() for k, v in tensors.items()}, {"class_names": json.dumps(pool.class_names)}))


def stack(arrays, labels):
    """A `Split` from (N, H, W, C) uint8 images and N labels."""
    images = torch.from_numpy(np.ascontiguousarray(np.asarray(arrays, dtype=np.uint8).transpose(0, 3, 1, 2)))
    return Split(images, torch.tensor(labels, dtype=torch.int64))
