"""Datasets as uint8 tensors: `load(config)` gives train, validation and test.

A dataset is one function `config -> Dataset`, entered in `LOADERS`. Pixels become floats in [0, 1] batch by batch, on
the device (`cfa_nb.data.batches`).
"""

import os
from functools import lru_cache

from cfa_nb.config import TrainConfig
from cfa_nb.data import downloaded, embedded, folder
from cfa_nb.data.dataset import Dataset
from cfa_nb.files import data_dir

LOADERS = {
    "fashion": embedded.fashion,
    "digits": embedded.digits,
    "fashion-mnist": downloaded.fashion_mnist,
    "cifar10": downloaded.cifar,
    "cifar100": downloaded.cifar,
    "tiny-imagenet": downloaded.tiny_imagenet,
    "folder": folder.load,
}

SEEDED = ("fashion", "digits")  # split by the run's seed; all others are split alike for every seed


def load(config: TrainConfig) -> Dataset:
    """The `Dataset` of a run: images (N, C, H, W) uint8 and labels (N,) int64. The 32 latest ones stay in memory.

    Raises:
        ValueError: for an unknown dataset, sizes that it cannot give, or files that are missing or damaged.
        StoreError: if the data folder cannot be made.
    """
    kind = config.dataset.partition(":")[0]
    names = ("dataset", "train_per_class", "val_per_class", "test_per_class", "image_size")
    fields = {name: getattr(config, name) for name in names} | {"seed": config.seed if kind in SEEDED else 0}
    source = os.environ.get(folder.VARIABLE) if kind == "folder" else None
    return _load(kind, TrainConfig(**fields), source)  # all that decides which data these are, and nothing else


@lru_cache(maxsize=32)
def _load(kind, config, source):
    if kind not in LOADERS:
        raise ValueError(f"unknown dataset {config.dataset!r}; there are {', '.join(LOADERS)}")
    return LOADERS[kind](config)


def at_hand(config: TrainConfig) -> bool:
    """True if the data can be read without downloading anything; whether they are whole, `load` says."""
    if config.dataset.partition(":")[0] == "folder":
        return folder.VARIABLE in os.environ
    places = downloaded.PLACES.get(config.dataset)
    return places is None or any((data_dir() / place).exists() for place in places)
