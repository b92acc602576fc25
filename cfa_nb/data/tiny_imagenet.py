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

SITE = "http://cs231n.stanford.edu/"
ARCHIVE = Archive("tiny-imagenet-200.zip", SITE, "90528d7ca1a48142e341f4ef8d21d0de", "tiny-imagenet-200")
CLASSES, TRAIN_PER_CLASS, TEST_PER_CLASS, SIDE = 200, 500, 50, 64


def load(config: TrainConfig) -> Dataset:
    """The `Dataset` of a run, images (3, 64, 64); a `ValueError` names a missing or damaged archive or file."""
    folder = unpacked(ARCHIVE)
    try:
        pool = listing(folder).pool("tiny-imagenet", shape=(SIDE, SIDE, 3))
    except (ValueError, OSError) as error:
        raise ValueError(f"{error}. Tiny-ImageNet is not whole: remove {folder}. {ARCHIVE.advice}") from error
    return cut("tiny-imagenet", pool, config)


def listing(root: Path) -> Listing:
    """The files that the unpacked archive must hold; a `ValueError` names a text file that is not Tiny-ImageNet's."""
    ids, words = sorted(c for c, _ in _rows(root / "wnids.txt")), dict(_rows(root / "words.txt"))
    if not len(ids) == len(set(ids)) == CLASSES:
        raise ValueError(f"{root / 'wnids.txt'} lists {len(set(ids))} classes, not {CLASSES}")
    if nameless := [c for c in ids if not words.get(c)]:
        raise ValueError(f"{root / 'words.txt'} has no words for class {nameless[0]}")
    names = tuple(words[c].split(",")[0] for c in ids)  # "bullfrog" of "bullfrog, Rana catesbeiana"
    in_order = sorted(range(TRAIN_PER_CLASS), key=str)  # as file names are sorted: 0, 1, 10, 100, ...
    train = [(f"{root}/train/{c}/images/{c}_{i}.JPEG", k) for k, c in enumerate(ids) for i in in_order]
    file = root / "val/val_annotations.txt"
    class_of = dict(_rows(file))
    counts = Counter(class_of.values())
    if wrong := [f"{c} has {counts[c]}" for c in sorted({*ids, *counts}) if counts[c] != TEST_PER_CLASS * (c in ids)]:
        raise ValueError(f"{file} must name {TEST_PER_CLASS} images of each class, but {', '.join(wrong[:5])}")
    return Listing(names, train, [(f"{root}/val/images/{name}", ids.index(c)) for name, c in class_of.items()])


def _rows(file):
    """The first two columns of a text file with tabs."""
    text = file.read_text(encoding="utf-8", errors="replace")  # a foreign file is refused for its lines, not its bytes
    return [f"{line}\t".split("\t")[:2] for line in text.splitlines() if line.strip()]
