"""CIFAR-10 and CIFAR-100: downloaded on first use, or brought by hand into `data_dir()` as an archive or unpacked.

`data_dir()` is `data/` of the checkout, or `CFA_NB_DATA`. The files are pickles, which can run code when they are
read: nothing is read from one before its MD5 is the published one.
"""

from cfa_nb.config import TrainConfig
from cfa_nb.data.dataset import Dataset, Pool, cut, stack
from cfa_nb.data.storage import Archive, cached, unpacked

SITE = "https://www.cs.toronto.edu/~kriz/"
ARCHIVES = {
    "cifar10": Archive("cifar-10-python.tar.gz", SITE, "c58f30108f718f92721af3b95e74349a", "cifar-10-batches-py"),
    "cifar100": Archive("cifar-100-python.tar.gz", SITE, "eb9058c3a382ffc7106e4002c42a8d85", "cifar-100-python"),
}


def load(config: TrainConfig) -> Dataset:
    """The `Dataset` of a run, images (3, 32, 32); a `ValueError` names a missing or damaged archive or file."""
    name = config.dataset
    return cut(name, cached(name, ARCHIVES[name].md5, lambda: _read(name)), config)


def _read(name):
    from torchvision import datasets
    from torchvision.datasets.utils import check_integrity

    source, folder = getattr(datasets, name.upper()), unpacked(ARCHIVES[name])
    files = [*source.train_list, *source.test_list, (source.meta["filename"], source.meta["md5"])]
    if damaged := [file for file, md5 in files if not check_integrity(folder / file, md5)]:
        states = (f"{file} is {'damaged' if (folder / file).exists() else 'missing'}" for file in damaged)
        raise ValueError(f"{folder}: {'; '.join(states)}. Remove this folder. {ARCHIVES[name].advice}")
    train, test = (source(folder.parent, train=is_train) for is_train in (True, False))
    return Pool(tuple(train.classes), stack(train.data, train.targets), stack(test.data, test.targets))
