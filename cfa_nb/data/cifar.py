"""CIFAR-10 and CIFAR-100 through torchvision, which downloads them with a checksum on first use.

Files brought by hand belong in `data_dir()` (`data/` of the checkout, or `CFA_NB_DATA`). Their checksums are looked at
before anything is read from them.
"""

from cfa_nb.data.pool import Pool, cached, cut, stack
from cfa_nb.paths import data_dir


def load(config):
    """The `Dataset` of a run on CIFAR-10 or CIFAR-100: 5,000 or 500 training images a class, less validation.

    Raises:
        ValueError: if the files are neither there nor to be had, or are not what they should be.
    """
    return cut(config.dataset, cached(config.dataset, "torchvision", lambda: _read(config.dataset)), config)


def _read(name):
    from torchvision.datasets import CIFAR10, CIFAR100

    source = {"cifar10": CIFAR10, "cifar100": CIFAR100}[name]
    train, test = (_open(source, is_train) for is_train in (True, False))
    return Pool(tuple(train.classes), stack(train.data, train.targets), stack(test.data, test.targets))


def _open(source, is_train):
    root = data_dir()
    try:
        return source(root, train=is_train, download=not (root / source.base_folder).exists())
    except Exception as error:  # no network, a truncated archive, a wrong checksum
        raise ValueError(
            f"{source.__name__} is not to be had ({error}). Bring {source.filename} (MD5 {source.tgz_md5}), unpack it "
            f"in {root}, so that {root / source.base_folder} is there; a damaged copy must be removed first"
        ) from error
