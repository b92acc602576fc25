"""Datasets as uint8 tensors: `load(config)` gives train, validation and test, split by the run's seed.

A dataset is one small file with a function `load(config) -> Dataset`, entered in `LOADERS`. Pixels become floats in
[0, 1] batch by batch, on the device (`cfa_nb.data.batches`).
"""

from cfa_nb.data import cifar, demo, digits, folder, tiny_imagenet
from cfa_nb.data.dataset import Dataset, Split

LOADERS = {
    "demo": demo.load,
    "digits": digits.load,
    "cifar10": cifar.load,
    "cifar100": cifar.load,
    "tiny-imagenet": tiny_imagenet.load,
    "folder": folder.load,
}

_KEY = ("dataset", "seed", "train_per_class", "val_per_class", "test_per_class", "image_size")
_cache = {}


def load(config):
    """The `Dataset` of a run; the latest ones are kept.

    Raises:
        ValueError: for an unknown dataset, or sizes that it cannot give.
    """
    kind = config.dataset.partition(":")[0]
    if kind not in LOADERS:
        raise ValueError(f"unknown dataset {config.dataset!r}; there are {', '.join(LOADERS)}")
    key = tuple(getattr(config, name) for name in _KEY)
    if key not in _cache:
        if len(_cache) >= 8:
            _cache.pop(next(iter(_cache)))
        _cache[key] = LOADERS[kind](config)
    return _cache[key]


_hashes = {}


def content_hash(config):
    """SHA-256 (16 hex digits) of the data that a run sees; remembered for the life of the process."""
    key = tuple(getattr(config, name) for name in _KEY)
    if key not in _hashes:
        _hashes[key] = load(config).content_hash
    return _hashes[key]


__all__ = ["LOADERS", "Dataset", "Split", "content_hash", "load"]
