"""CIFAR-10 and CIFAR-100: downloaded on first use, or brought by hand into `data_dir()` as an archive or unpacked.

`data_dir()` is `data/` of the checkout, or `CFA_NB_DATA`. The files are pickles, which can run code when they are
read: nothing is read from one before its MD5 is the published one.
"""

from cfa_nb.config import TrainConfig
from cfa_nb.data.dataset import Dataset, Pool, cut, stack
from cfa_nb.data.storage import Archive, cached, unpacked

_URL = "https://www.cs.toronto.edu/~kriz/"
ARCHIVES = {
    name: Archive(file, _URL + file, md5, folder)
    for name, file, md5, folder in (
        ("cifar10", "cifar-10-python.tar.gz", "c58f30108f718f92721af3b95e74349a", "cifar-10-batches-py"),
        ("cifar100", "cifar-100-python.tar.gz", "eb9058c3a382ffc7106e4002c42a8d85", "cifar-100-python"),
    )
}


def load(config: TrainConfig) -> Dataset:
    """The `Dataset` of a run on CIFAR-10 or CIFAR-100: 5,000 or 500 training images a class, less validation.

    Raises:
        ValueError: if the archive is not to be had, or a file is missing or damaged; the message names it.
    """
    name = config.dataset
    return cut(name, cached(name, ARCHIVES[name].md5, lambda: _read(name)), config)


def _read(name):
    from torchvision import datasets
    from torchvision.datasets.utils import check_integrity

    source, folder = getattr(datasets, name.upper()), unpacked(ARCHIVES[name])
    files = [*source.train_list, *source.test_list, (source.meta["filename"], source.meta["md5"])]
    if damaged := [file for file, md5 in files if not check_integrity(folder / file, md5)]:
        states = (
            f"{file} is {'damaged or another file' if (folder / file).exists() else 'missing'}" for file in damaged
        )
        raise ValueError(f"{folder}: {'; '.join(states)}. Remove this folder. {ARCHIVES[name].advice}")
    train, test = (source(folder.parent, train=is_train) for is_train in (True, False))
    return Pool(tuple(train.classes), stack(train.data, train.targets), stack(test.data, test.targets))
