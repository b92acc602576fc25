"""CIFAR-10, CIFAR-100, Fashion-MNIST and Tiny-ImageNet, downloaded into `data_dir()` on first use.

torchvision downloads, checks and reads them. CIFAR's files are pickles, which can run code when they are read: it reads
none before its MD5 is the published one. Without a network the files may be brought by hand; the message of the error
names them, their MD5 and where they go.
"""

import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from filelock import FileLock

from cfa_nb.config import TrainConfig
from cfa_nb.data.dataset import Dataset, cut, stack
from cfa_nb.data.folder import read_images
from cfa_nb.files import data_dir, make_folder

TINY_IMAGENET = "tiny-imagenet-200"
TINY_IMAGENET_ARCHIVE = (f"{TINY_IMAGENET}.zip", "90528d7ca1a48142e341f4ef8d21d0de")
TINY_IMAGENET_IMAGES = (100_000, 10_000)  # training, test
TINY_IMAGENET_SITE = "http://cs231n.stanford.edu/"

PATIENCE_S = 60  # a server that sends nothing for so long is given up; torchvision would wait for ever

#: One of these below `data_dir()`: the dataset can be read without a download.
PLACES = {
    "cifar10": ("cifar-10-batches-py", "cifar-10-python.tar.gz"),
    "cifar100": ("cifar-100-python", "cifar-100-python.tar.gz"),
    "fashion-mnist": ("FashionMNIST/raw",),
    "tiny-imagenet": (TINY_IMAGENET, TINY_IMAGENET_ARCHIVE[0]),
}


@contextmanager
def _available(name: str, files: Sequence[tuple[str, str]], folder: Path) -> Iterator[None]:
    """For one process at a time: a block that downloads, if need be, and reads.

    Args:
        name: of the dataset.
        files: (name, MD5) of what is published.
        folder: where they go.
    Raises:
        ValueError: if the block fails; it says which files to bring, and where.
    """
    make_folder(folder)
    timeout = socket.getdefaulttimeout()
    socket.setdefaulttimeout(PATIENCE_S)
    try:
        with FileLock(data_dir() / ".download.lock"):
            yield
    except Exception as error:  # no network, a wrong checksum, a damaged file: as many types as ways to fail
        wanted = ", ".join(f"{file} (MD5 {md5})" for file, md5 in files)
        reason = f"{name} cannot be downloaded or read ({type(error).__name__}: {error})"
        damaged = data_dir() / PLACES[name][0]
        raise ValueError(f"{reason}. Put {wanted} into {folder}; remove {damaged} if it is damaged") from error
    finally:
        socket.setdefaulttimeout(timeout)


def cifar(config: TrainConfig) -> Dataset:
    """CIFAR-10 or CIFAR-100, images (3, 32, 32); a `ValueError` says what to bring if it cannot be had."""
    from torchvision import datasets

    source = getattr(datasets, config.dataset.upper())
    with _available(config.dataset, [(source.filename, source.tgz_md5)], data_dir()):
        train, test = (source(data_dir(), train=is_train, download=True) for is_train in (True, False))
    splits = (stack(part.data, part.targets) for part in (train, test))
    return cut(config.dataset, tuple(train.classes), *splits, config)


def fashion_mnist(config: TrainConfig) -> Dataset:
    """All 70,000 images of Fashion-MNIST, (1, 28, 28); a `ValueError` says what to bring if they cannot be had."""
    from torchvision.datasets import FashionMNIST

    with _available(config.dataset, FashionMNIST.resources, data_dir() / "FashionMNIST" / "raw"):
        train, test = (FashionMNIST(data_dir(), train=is_train, download=True) for is_train in (True, False))
    splits = (stack(np.asarray(part.data)[..., None], part.targets.tolist()) for part in (train, test))
    return cut(config.dataset, tuple(train.classes), *splits, config)


def tiny_imagenet(config: TrainConfig) -> Dataset:
    """Tiny-ImageNet (Appendix C.1), images (3, 64, 64): its validation folder is the test set.

    A `ValueError` says what to bring if it cannot be had.
    """
    from torchvision.datasets.utils import download_and_extract_archive

    folder, scratch, (archive, md5) = data_dir() / TINY_IMAGENET, data_dir() / ".unpacking", TINY_IMAGENET_ARCHIVE
    with _available(config.dataset, [TINY_IMAGENET_ARCHIVE], data_dir()):
        if not folder.is_dir():
            download_and_extract_archive(TINY_IMAGENET_SITE + archive, data_dir(), scratch, archive, md5)
            os.replace(scratch / TINY_IMAGENET, folder)
        class_names, *parts = _tiny_imagenet_files(folder)
        train, test = map(read_images, parts)
    return cut(config.dataset, class_names, train, test, config)


def _tiny_imagenet_files(folder):
    """(class names, training files, test files) of the unpacked archive; files are (path, label).

    Classes are in the order of their WordNet ids. The test images lie in one folder, their classes in a text file.
    """
    ids, words = sorted((folder / "wnids.txt").read_text().split()), dict(_rows(folder / "words.txt"))
    names = tuple(words[c].split(",")[0] for c in ids)  # "bullfrog" of "bullfrog, Rana catesbeiana"
    train = [(file, k) for k, c in enumerate(ids) for file in sorted((folder / "train" / c / "images").iterdir())]
    rows = _rows(folder / "val" / "val_annotations.txt")
    test = [(folder / "val" / "images" / file, ids.index(c)) for file, c in rows]
    if (len(train), len(test)) != TINY_IMAGENET_IMAGES:
        counts = " and ".join(map(str, TINY_IMAGENET_IMAGES))
        raise ValueError(f"{folder} has {len(train)} training and {len(test)} test images, not {counts}")
    return names, train, test


def _rows(file):
    """The first two columns of a text file with tabs."""
    return [line.split("\t")[:2] for line in file.read_text().splitlines()]
