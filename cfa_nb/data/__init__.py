"""Datasets as uint8 tensors: `load(config)` gives train, validation and test.

A dataset is one small file with a function `load(config) -> Dataset`, entered in `LOADERS`. Pixels become floats in
[0, 1] batch by batch, on the device (`cfa_nb.data.batches`).
"""

import os

from cfa_nb.data import cifar, demo, digits, folder, tiny_imagenet
from cfa_nb.data.dataset import Dataset, Split
from cfa_nb.paths import data_dir

LOADERS = {
    "demo": demo.load,
    "digits": digits.load,
    "cifar10": cifar.load,
    "cifar100": cifar.load,
    "tiny-imagenet": tiny_imagenet.load,
    "folder": folder.load,
}

SEEDED = ("demo", "digits")  # their splits are drawn by the run's seed; all others are split alike for every seed

_cache = {}


def load(config):
    """The `Dataset` of a run; the latest ones are kept.

    Raises:
        ValueError: for an unknown dataset, or sizes that it cannot give.
    """
    kind = config.dataset.partition(":")[0]
    if kind not in LOADERS:
        raise ValueError(f"unknown dataset {config.dataset!r}; there are {', '.join(LOADERS)}")
    key = _key(config)
    if key not in _cache:
        if len(_cache) >= 8:
            _cache.pop(next(iter(_cache)))
        _cache[key] = LOADERS[kind](config)
    return _cache[key]


def _key(config):
    """Whatever decides what `load` gives."""
    names = ("dataset", "train_per_class", "val_per_class", "test_per_class", "image_size")
    kind = config.dataset.partition(":")[0]
    seed = config.seed if kind in SEEDED else None
    source = os.environ.get(folder.VARIABLE) if kind == "folder" else None
    return seed, source, *(getattr(config, name) for name in names)


_hashes = {}


def content_hash(config):
    """SHA-256 (16 hex digits) of the data that a run sees; remembered for the life of the process."""
    key = _key(config)
    if key not in _hashes:
        _hashes[key] = load(config).content_hash
    return _hashes[key]


def at_hand(config):
    """True if the data can be read without downloading anything; whether it is whole, `load` says."""
    archives = cifar.ARCHIVES | {"tiny-imagenet": tiny_imagenet.ARCHIVE}
    if config.dataset.partition(":")[0] == "folder":
        return folder.VARIABLE in os.environ
    if config.dataset not in archives:
        return True
    root, archive = data_dir(), archives[config.dataset]
    brought = (root / archive.folder).exists() or (root / archive.filename).exists()
    return brought or any((root / "cache").glob(f"{config.dataset}-*.safetensors"))


__all__ = ["LOADERS", "Dataset", "Split", "at_hand", "content_hash", "load"]
