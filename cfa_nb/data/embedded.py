"""`fashion` and `digits`: real images inside the package and inside scikit-learn, so that nothing is downloaded.

How `fashion.npz` was cut from Fashion-MNIST (Xiao, Rasul and Vollgraf, 2017; MIT licence, fashion-LICENSE.txt): the
first 800 images of each class of the training file make the pool, the first 500 of each class of the test file (t10k)
the test set, in file order, class after class; each block of 2x2 pixels is its mean, rounded half to even. The file
holds both, and the position of each image in the original files.

The run's seed draws training and validation, so that seeds differ in their data too. The test set is the same for every
seed.
"""

import hashlib
from functools import cache
from pathlib import Path

import numpy as np
import torch

from cfa_nb.config import TrainConfig
from cfa_nb.data.dataset import Dataset, Split, balanced_split

FASHION_FILE = Path(__file__).with_name("fashion.npz")
FASHION_ARRAYS = ("pool", "test", "pool_index", "test_index")
FASHION_SHA256 = "5f653ad5c90cdea32ed7c2679a4573a7cefdb98f4353e1229ba641d48a8fec78"  # of these arrays, in this order
CLOTHES = ("T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot")


def fashion(config: TrainConfig) -> Dataset:
    """400 training, `val_per_class` validation and 500 test images (1, 14, 14) a class, unless the config says less.

    A `ValueError` names a damaged file, or a class that has fewer images than are asked for.
    """
    pool, test, *_ = fashion_arrays()
    everything = _class_after_class(pool)
    order = np.random.default_rng(config.seed).permutation(len(pool))
    sizes = (config.train_per_class or 400, config.val_per_class)
    train, val = balanced_split(everything.labels.numpy(), sizes, order, CLOTHES)
    test = _class_after_class(test).first_per_class(config.test_per_class)
    return Dataset("fashion", CLOTHES, everything.at(train), everything.at(val), test)


@cache
def fashion_arrays(file: Path = FASHION_FILE) -> tuple[np.ndarray, ...]:
    """Pool (8000, 1, 14, 14) and test (5000, 1, 14, 14), uint8, class after class; the originals' positions.

    Raises:
        ValueError: if the file is not the one of this version of the package.
    """
    try:
        with np.load(file) as content:
            arrays = tuple(content[name] for name in FASHION_ARRAYS)
        whole = hashlib.sha256(b"".join(a.tobytes() for a in arrays)).hexdigest() == FASHION_SHA256
    except Exception:  # a zip file may be broken in as many ways as its reader has exceptions
        whole = False
    if not whole:
        raise ValueError(f"{file} is damaged; install cfa-nb again, or restore the file from git")
    return arrays


def _class_after_class(images):
    labels = np.repeat(np.arange(len(CLOTHES)), len(images) // len(CLOTHES))
    return Split(torch.from_numpy(images), torch.from_numpy(labels))


def digits(config: TrainConfig) -> Dataset:
    """90 train, `val_per_class` validation and 60 test images (1, 8, 8) a class, unless the config says otherwise.

    Test is the last 60 of scikit-learn's 1,797 handwritten digits of each class.
    """
    from sklearn.datasets import load_digits  # takes seconds to import, and other datasets do not need it

    raw = load_digits()
    images = torch.from_numpy(np.rint(raw.images * (255 / 16)).astype(np.uint8)[:, None])  # 0..16 -> 0..255
    labels = raw.target.astype(np.int64)
    test, rest = balanced_split(labels, (config.test_per_class or 60, None), np.arange(len(labels))[::-1])
    order = np.random.default_rng(config.seed).permutation(len(rest))
    sizes = (config.val_per_class, config.train_per_class or 90)
    val, train = (rest[part] for part in balanced_split(labels[rest], sizes, order))
    splits = (Split(images[i], torch.from_numpy(labels[i])) for i in (train, val, test))
    return Dataset("digits", tuple(str(k) for k in range(10)), *splits)
