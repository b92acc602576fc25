"""Tiny-ImageNet (Appendix C.1): 200 classes, 64x64, 500 training images each; its validation folder is the test set.

The archive `tiny-imagenet-200.zip` is brought by hand and unpacked in `data_dir()`. Its validation images lie in one
folder, with their classes in a text file.
"""

from cfa_nb.data.folder import read_image
from cfa_nb.data.pool import Pool, cached, cut, stack
from cfa_nb.paths import data_dir

FOLDER = "tiny-imagenet-200"
TRAIN_PER_CLASS, TEST_IMAGES = 500, 10_000


def load(config):
    """The `Dataset` of a run on Tiny-ImageNet.

    Raises:
        ValueError: if the folder is missing or half-unpacked; the message says what lacks.
    """
    return cut(
        "tiny-imagenet", cached("tiny-imagenet", "200 classes, 64x64", lambda: _read(data_dir() / FOLDER)), config
    )


def _read(root):
    if not (root / "wnids.txt").is_file():
        raise ValueError(f"{root} is not there; bring {FOLDER}.zip and unpack it in {root.parent}")
    classes = sorted((root / "wnids.txt").read_text().split())
    words = dict(line.split("\t", 1) for line in (root / "words.txt").read_text().splitlines())
    return Pool(tuple(words[c].split(",")[0] for c in classes), _train(root, classes), _test(root, classes))


def _train(root, classes):
    arrays, labels = [], []
    for label, c in enumerate(classes):
        files = sorted((root / "train" / c / "images").glob("*.JPEG"))
        if len(files) != TRAIN_PER_CLASS:
            raise ValueError(f"{root}/train/{c}: {len(files)} of {TRAIN_PER_CLASS} images are there; unpack it again")
        arrays += [read_image(f) for f in files]
        labels += [label] * len(files)
    return stack(arrays, labels)


def _test(root, classes):
    lines = (root / "val" / "val_annotations.txt").read_text().splitlines()
    if len(lines) != TEST_IMAGES:
        raise ValueError(f"{root}/val: {len(lines)} of {TEST_IMAGES} annotations are there; unpack the archive again")
    named = [line.split("\t")[:2] for line in lines]
    return stack([read_image(root / "val" / "images" / f) for f, _ in named], [classes.index(c) for _, c in named])
