"""Tiny-ImageNet (Appendix C.1): 200 classes, 64x64, 500 training images each; its validation folder is the test set.

The archive is downloaded on first use, or brought by hand into `data_dir()`, as it is or unpacked. Its validation
images lie in one folder, with their classes in a text file; classes are in the order of their WordNet ids.
"""

import os
from collections import Counter

from cfa_nb.data.archive import Archive, unpacked
from cfa_nb.data.images import Listing, names_in
from cfa_nb.data.pool import cut

ARCHIVE = Archive(
    filename="tiny-imagenet-200.zip",
    url="http://cs231n.stanford.edu/tiny-imagenet-200.zip",
    md5="90528d7ca1a48142e341f4ef8d21d0de",
    folder="tiny-imagenet-200",
)
CLASSES, TRAIN_PER_CLASS, TEST_PER_CLASS, SIDE = 200, 500, 50, 64


def load(config):
    """The `Dataset` of a run on Tiny-ImageNet.

    Raises:
        ValueError: if the archive is not to be had or the folder is not whole; the message names what is wrong.
    """
    found = listing(unpacked(ARCHIVE))
    pool = found.pool("tiny-imagenet", shape=(SIDE, SIDE, 3), remedy=_remedy())
    return cut("tiny-imagenet", pool, config)


def listing(root):
    """The `Listing` of the unpacked archive, every file of it accounted for."""
    ids = _class_ids(root / "wnids.txt")
    names = _class_names(root / "words.txt", ids)
    train = [(file, label) for label, c in enumerate(ids) for file in _train_files(root / "train" / c)]
    return Listing(names, train, _test_files(root / "val", ids))


def _class_ids(file):
    ids = sorted(_lines(file))
    _require(len(set(ids)) == len(ids) == CLASSES, file, f"lists {len(set(ids))} classes, not {CLASSES}")
    return ids


def _class_names(file, ids):
    """The first word for each class: "bullfrog" of "bullfrog, Rana catesbeiana"."""
    words = dict(line.partition("\t")[::2] for line in _lines(file))
    for c in ids:
        _require(words.get(c), file, f"has no words for class {c}")
    return tuple(words[c].split(",")[0] for c in ids)


def _train_files(folder):
    """The 500 images of a class, in the order of their names."""
    names = _images_in(folder / "images")
    expected = {f"{folder.name}_{i}.JPEG" for i in range(TRAIN_PER_CLASS)}
    lack, odd = sorted(expected.difference(names)), sorted(set(names) - expected)
    _require(not lack, folder, f"lacks {len(lack)} of {TRAIN_PER_CLASS} images, such as {''.join(lack[:1])}")
    _require(not odd, folder, f"holds images that are not its own, such as {''.join(odd[:1])}")
    return [f"{folder}/images/{name}" for name in names]


def _test_files(folder, ids):
    """[(file, label)] in the order of the annotations; 50 a class."""
    file, label_of = folder / "val_annotations.txt", {c: label for label, c in enumerate(ids)}
    annotated = [f"{line}\t".split("\t")[:2] for line in _lines(file)]  # name, class and a box
    present = set(_images_in(folder / "images"))
    for number, (name, c) in enumerate(annotated, start=1):
        _require(c in label_of, file, f"line {number} gives {name} the class {c!r}, which wnids.txt does not list")
        _require(name in present, folder / "images" / name, "is missing")
    _require(len({name for name, _ in annotated}) == len(annotated), file, "names an image twice")
    counts = Counter(c for _, c in annotated)
    for c in ids:
        _require(counts[c] == TEST_PER_CLASS, file, f"has {counts[c]} images of class {c}, not {TEST_PER_CLASS}")
    return [(f"{folder}/images/{name}", label_of[c]) for name, c in annotated]


def _lines(file):
    """The lines of a text file that are not empty."""
    _require(file.is_file(), file, "is missing")
    text = file.read_text(encoding="utf-8", errors="replace")  # another file in its place is told by what it lacks
    return [line for line in text.splitlines() if line.strip()]


def _images_in(folder):
    _require(os.path.isdir(folder), folder, "is missing")
    return [name for name in names_in(folder) if name.endswith(".JPEG")]


def _require(good, file, problem):
    if not good:
        raise ValueError(f"{file} {problem}; {_remedy()}")


def _remedy():
    return f"remove the folder {ARCHIVE.folder}. {ARCHIVE.advice}"
