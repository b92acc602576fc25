"""`fashion-mnist`: all 70,000 images of Fashion-MNIST at 28x28, downloaded by torchvision into `data_dir()` (30 MB).

Brought by hand, its four files (`train-images-idx3-ubyte.gz` and so on) go into `data_dir()/FashionMNIST/raw`.
"""

import numpy as np

from cfa_nb.config import TrainConfig
from cfa_nb.data.dataset import Dataset, Pool, cut, stack
from cfa_nb.data.storage import cached, locked
from cfa_nb.paths import data_dir


def load(config: TrainConfig) -> Dataset:
    """The `Dataset` of a run, images (1, 28, 28); a `ValueError` says where the files go if they cannot be had."""
    return cut("fashion-mnist", cached("fashion-mnist", "torchvision, MD5 checked", _read), config)


def _read():
    from torchvision.datasets import FashionMNIST

    try:
        with locked(data_dir() / "FashionMNIST"):
            train, test = (FashionMNIST(data_dir(), train=is_train, download=True) for is_train in (True, False))
    except Exception as error:  # no network, a cut connection, a wrong checksum: as many types as ways to fail
        files = ", ".join(name for name, _ in FashionMNIST.resources)
        folder = data_dir() / "FashionMNIST" / "raw"
        raise ValueError(f"Fashion-MNIST could not be downloaded ({error}). Put {files} into {folder}") from error
    return Pool(
        tuple(train.classes), *(stack(np.asarray(s.data)[..., None], s.targets.tolist()) for s in (train, test))
    )
