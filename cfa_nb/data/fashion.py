"""`fashion`: 13,000 images of Fashion-MNIST, pooled to 14x14, inside the package: nothing is downloaded.

How `fashion.npz` was cut from the originals (Xiao, Rasul and Vollgraf, 2017; MIT licence, fashion-LICENSE.txt): the
first 800 images of each class of the training file make the pool, the first 500 of each class of the test file (t10k)
the test set, in file order, class after class; each block of 2x2 pixels is its mean, rounded half to even. The file
holds both, and the position of each image in the original files.

The run's seed draws training and validation from the pool, so that seeds differ in their data too. The test set is the
same for every seed.
"""

import hashlib
from functools import cache
from pathlib import Path

import numpy as np
import torch

from cfa_nb.config import TrainConfig
from cfa_nb.data.dataset import Dataset, Split, balanced_split

FILE = Path(__file__).with_name("fashion.npz")
SHA256 = "5f653ad5c90cdea32ed7c2679a4573a7cefdb98f4353e1229ba641d48a8fec78"  # of its arrays, in the order of ARRAYS
ARRAYS = ("pool", "test", "pool_index", "test_index")
CLASS_NAMES = ("T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot")
TRAIN_PER_CLASS = 400


def load(config: TrainConfig) -> Dataset:
    """400 training, `val_per_class` validation and 500 test images (1, 14, 14) a class, unless the config says less.

    Raises:
        ValueError: if the file is damaged, or a class has fewer images than are asked for.
    """
    pool, test, *_ = arrays()
    everything = Split(*_with_labels(pool))
    sizes = (config.train_per_class or TRAIN_PER_CLASS, config.val_per_class)
    order = np.random.default_rng(config.seed).permutation(len(pool))
    train, val = balanced_split(everything.labels.numpy(), sizes, order, CLASS_NAMES)
    test = Split(*_with_labels(test)).first_per_class(config.test_per_class)
    return Dataset("fashion", CLASS_NAMES, everything.at(train), everything.at(val), test)


@cache
def arrays(file: Path = FILE) -> tuple[np.ndarray, ...]:
    """Pool (8000, 1, 14, 14) and test (5000, 1, 14, 14), uint8, class after class; the originals' positions.

    Raises:
        ValueError: if the file is not the one of this version of the package.
    """
    try:
        with np.load(file) as content:
            images = tuple(content[name] for name in ARRAYS)
        whole = hashlib.sha256(b"".join(a.tobytes() for a in images)).hexdigest() == SHA256
    except Exception:  # a zip file may be broken in as many ways as its reader has exceptions
        whole = False
    if not whole:
        raise ValueError(f"{file} is damaged; install cfa-nb again, or restore the file from git")
    return images


def _with_labels(images):
    labels = np.repeat(np.arange(len(CLASS_NAMES)), len(images) // len(CLASS_NAMES))
    return torch.from_numpy(images), torch.from_numpy(labels)
