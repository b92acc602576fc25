"""CIFAR-10 and CIFAR-100: downloaded on first use, or brought by hand into `data_dir()` as an archive or unpacked.

`data_dir()` is `data/` of the checkout, or `CFA_NB_DATA`. The files are pickles, which can run code when they are
read: nothing is read from one before its MD5 is the published one.
"""

from cfa_nb.data.archive import Archive, unpacked
from cfa_nb.data.pool import Pool, cached, cut, stack

_URL = "https://www.cs.toronto.edu/~kriz/"
ARCHIVES = {
    name: Archive(file, _URL + file, md5, folder)
    for name, file, md5, folder in (
        ("cifar10", "cifar-10-python.tar.gz", "c58f30108f718f92721af3b95e74349a", "cifar-10-batches-py"),
        ("cifar100", "cifar-100-python.tar.gz", "eb9058c3a382ffc7106e4002c42a8d85", "cifar-100-python"),
    )
}


def load(config):
    """The `Dataset` of a run on CIFAR-10 or CIFAR-100: 5,000 or 500 training images a class, less validation.

    Raises:
        ValueError: if the archive is not to be had, or a file is missing, truncated or another one; it is named.
    """
    name = config.dataset
    return cut(name, cached(name, ARCHIVES[name].md5, lambda: _read(name)), config)


def _read(name):
    from torchvision.datasets import CIFAR10, CIFAR100

    source = {"cifar10": CIFAR10, "cifar100": CIFAR100}[name]
    folder = unpacked(ARCHIVES[name])
    if damage := list(_damage(source, folder)):
        raise ValueError(f"{folder}: {'; '.join(damage)}. Remove this folder. {ARCHIVES[name].advice}")
    train, test = (source(folder.parent, train=is_train) for is_train in (True, False))
    return Pool(tuple(train.classes), stack(train.data, train.targets), stack(test.data, test.targets))


def _damage(source, folder):
    """What is wrong with the files of a CIFAR folder, file by file."""
    from torchvision.datasets.utils import calculate_md5

    published = dict([*source.train_list, *source.test_list, (source.meta["filename"], source.meta["md5"])])
    name_of = {md5: name for name, md5 in published.items()}
    for name, expected in published.items():
        file = folder / name
        if not file.is_file():
            yield f"{name} is missing"
        elif (md5 := calculate_md5(file)) in name_of and md5 != expected:
            yield f"{name} holds {name_of[md5]} (by its MD5)"
        elif md5 != expected:
            yield f"{name} is truncated or altered ({file.stat().st_size} bytes, MD5 {md5} instead of {expected})"
