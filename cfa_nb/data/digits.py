"""`digits`: scikit-learn's 1,797 real handwritten digits, 8x8, inside the package: nothing is downloaded.

Test is the last 60 images of each class, for every seed; the run's seed draws train and validation from the rest.
"""

import numpy as np
import torch

from cfa_nb.config import TrainConfig
from cfa_nb.data.dataset import Dataset, Split, balanced_split

TEST_PER_CLASS = 60
TRAIN_PER_CLASS = 90


def load(config: TrainConfig) -> Dataset:
    """90 train, `val_per_class` validation and 60 test images (1, 8, 8) a class, unless the config says otherwise."""
    from sklearn.datasets import load_digits  # takes seconds to import, and other datasets do not need it

    raw = load_digits()
    images = torch.from_numpy(np.rint(raw.images * (255 / 16)).astype(np.uint8)[:, None])  # 0..16 -> 0..255
    labels = raw.target.astype(np.int64)
    test_size = config.test_per_class or TEST_PER_CLASS
    backwards = np.arange(len(labels))[::-1]
    test, rest = balanced_split(labels, (test_size, None), backwards)
    order = np.random.default_rng(config.seed).permutation(len(rest))
    sizes = (config.val_per_class, config.train_per_class or TRAIN_PER_CLASS)
    val, train = (rest[part] for part in balanced_split(labels[rest], sizes, order))
    splits = (Split(images[i], torch.from_numpy(labels[i])) for i in (train, val, test))
    return Dataset("digits", tuple(str(k) for k in range(10)), *splits)
