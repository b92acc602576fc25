"""Tiny-ImageNet (Appendix C.1): 200 classes, 64x64, 500 training images each; its validation folder is the test set.

The archive is downloaded on first use, or brought by hand into `data_dir()`, as it is or unpacked. Its validation
images lie in one folder, with their classes in a text file; classes are in the order of their WordNet ids.
"""

from collections import Counter
from pathlib import Path

from cfa_nb.config import TrainConfig
from cfa_nb.data.dataset import Dataset, cut
from cfa_nb.data.folder import Listing
from cfa_nb.data.storage import Archive, unpacked

ARCHIVE = Archive(
    filename="tiny-imagenet-200.zip",
    url="http://cs231n.stanford.edu/tiny-imagenet-200.zip",
    md5="90528d7ca1a48142e341f4ef8d21d0de",
    folder="tiny-imagenet-200",
)
CLASSES, TRAIN_PER_CLASS, TEST_PER_CLASS, SIDE = 200, 500, 50, 64


def load(config: TrainConfig) -> Dataset:
    """The `Dataset` of a run on Tiny-ImageNet.

    Raises:
        ValueError: if the archive is not to be had or the folder is not whole; the message names what is wrong.
    """
    folder = unpacked(ARCHIVE)
    try:
        pool = listing(folder).pool("tiny-imagenet", shape=(SIDE, SIDE, 3))
    except (ValueError, OSError) as error:
        raise ValueError(f"{error}. Tiny-ImageNet is not whole: remove {folder}. {ARCHIVE.advice}") from error
    return cut("tiny-imagenet", pool, config)


def listing(root: Path) -> Listing:
    """The `Listing` of the unpacked archive: the files that it must hold, with the classes that its text files give.

    Raises:
        ValueError: if a text file is not that of Tiny-ImageNet.
    """
    annotations = root / "val/val_annotations.txt"
    ids, words, rows = (
        sorted(c for c, _ in _rows(root / "wnids.txt")),
        dict(_rows(root / "words.txt")),
        _rows(annotations),
    )
    if not len(ids) == len(set(ids)) == CLASSES:
        raise ValueError(f"{root / 'wnids.txt'} lists {len(set(ids))} classes, not {CLASSES}")
    if nameless := [c for c in ids if not words.get(c)]:
        raise ValueError(f"{root / 'words.txt'} has no words for class {nameless[0]}")
    counts = Counter(c for _, c in rows)
    if wrong := [f"{c} has {counts[c]}" for c in sorted({*ids, *counts}) if counts[c] != TEST_PER_CLASS * (c in ids)]:
        raise ValueError(f"{annotations} must have {TEST_PER_CLASS} images of each class, but {', '.join(wrong[:5])}")
    if len(dict(rows)) < len(rows):
        raise ValueError(f"{annotations} names an image twice")
    names = tuple(words[c].split(",")[0] for c in ids)  # "bullfrog" of "bullfrog, Rana catesbeiana"
    in_order = sorted(range(TRAIN_PER_CLASS), key=str)  # as file names are sorted: 0, 1, 10, 100, ...
    train = [(f"{root}/train/{c}/images/{c}_{i}.JPEG", k) for k, c in enumerate(ids) for i in in_order]
    return Listing(names, train, [(f"{root}/val/images/{name}", ids.index(c)) for name, c in rows])


def _rows(file):
    """The first two columns of a text file with tabs."""
    text = file.read_text(encoding="utf-8", errors="replace")  # a foreign file is refused for its lines, not its bytes
    return [f"{line}\t".split("\t")[:2] for line in text.splitlines() if line.strip()]
