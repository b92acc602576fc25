"""`Pool`: a dataset as it comes, train and test; how it is cut for a run, and how it is kept as one file.

Decoding tens of thousands of images takes long, so a pool is cached as uint8 tensors in one safetensors file.
"""

import hashlib
import json
import os
import sys
from dataclasses import dataclass

import numpy as np
import torch
from filelock import FileLock, Timeout
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from cfa_nb.data.dataset import Dataset, Split, balanced_split
from cfa_nb.files import StoreError, make_folder, write
from cfa_nb.paths import data_dir, slug

FORMAT = 2  # of cache files; raised with any change of what they hold


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
    in_order, sizes = np.arange(len(labels)), (config.val_per_class, config.train_per_class)
    val, train = balanced_split(labels, sizes, in_order, pool.class_names)
    test = pool.test.first_per_class(config.test_per_class)
    return Dataset(name, pool.class_names, pool.train.at(train), pool.train.at(val), test)


def cached(name, fingerprint, make):
    """The `Pool` that `make()` gives, kept below `data_dir()` under the name and what it was made from.

    A cache file is read only if its own SHA-256 is right, and made anew otherwise; it may be removed at any time.

    Args:
        name: of the dataset, part of the file's name.
        fingerprint: text that changes when the source does.
        make: called without arguments where no whole file is there, by one process while the others wait.
    Raises:
        StoreError: if the cache cannot be written.
    """
    digest = hashlib.sha256(f"{FORMAT}\n{fingerprint}".encode("utf-8", "surrogateescape")).hexdigest()[:12]
    file = data_dir() / "cache" / f"{slug(name)}-{digest}.safetensors"
    pool = _read(file)
    if pool is None:
        with locked(file):
            pool = _read(file) or _write(file, make())
    return pool


def _read(file):
    """The `Pool` of a cache file; None if there is none, or it is damaged."""
    if not file.exists():
        return None
    try:
        with safe_open(file, framework="pt") as f:
            header = json.loads(f.metadata()["pool"])
            get = f.get_tensor
            train, test = (Split(get(f"{part}.images"), get(f"{part}.labels")) for part in ("train", "test"))
        pool = Pool(tuple(header["class_names"]), train, test)
        return pool if _digest(pool) == header["sha256"] else None
    except (SafetensorError, KeyError, TypeError, ValueError, OSError):
        return None


def _write(file, pool):
    tensors = {f"{p}.images": getattr(pool, p).images for p in ("train", "test")}
    tensors |= {f"{p}.labels": getattr(pool, p).labels for p in ("train", "test")}
    header = json.dumps({"class_names": pool.class_names, "sha256": _digest(pool)})
    # One key: safetensors writes several in random order. Equal pools must give equal bytes, since a reader opens the
    # file twice, and another process may replace it in between.
    write(file, save({k: v.contiguous() for k, v in tensors.items()}, {"pool": header}))
    return pool


def _digest(pool):
    digest = hashlib.sha256(json.dumps(pool.class_names).encode())
    for split in (pool.train, pool.test):
        split.feed(digest)
    return digest.hexdigest()


def stack(arrays, labels):
    """A `Split` from (N, H, W, C) uint8 images and N labels."""
    images = torch.from_numpy(np.ascontiguousarray(np.asarray(arrays, dtype=np.uint8).transpose(0, 3, 1, 2)))
    return Split(images, torch.tensor(labels, dtype=torch.int64))


def locked(path):
    """A context that one process at a time may be in for this file or folder; the system frees a dead owner's lock.

    Raises:
        StoreError: if the folder around it cannot be written to.
    """
    make_folder(path.parent)
    lock = FileLock(path.with_name(f".{path.name}.lock"))
    try:
        return lock.acquire(timeout=1)
    except Timeout:
        say(f"waiting for another process to prepare {path.name}")
        return lock.acquire()
    except OSError as error:
        raise StoreError(
            f"cannot write in {path.parent}: {error.strerror}; name another folder in CFA_NB_DATA"
        ) from error


MANY = 2_000  # files, from which a bar is worth drawing


def say(text):
    """One line on stderr."""
    if not _in_a_page():
        print(text, file=sys.stderr, flush=True)


def bar(items, label):
    """The items of a list, under a progress bar where there are more than `MANY`."""
    from tqdm.std import tqdm

    quiet = len(items) <= MANY or _in_a_page()
    return tqdm(items, desc=label, unit="file", file=sys.stderr, mininterval=0.5, disable=quiet)


def _in_a_page():
    return os.environ.get("CFA_NB_RUNNER") == "1"  # a bar's speed would make the page another one each time
