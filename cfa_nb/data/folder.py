"""Any folder of images, one folder a class, classes in the order of their names. Two layouts are known:

    <dir>/train/<class>/*  and  <dir>/test/<class>/*
    <dir>/<class>/*        test is the last fifth of each class (rounded up, at least 1) in the order of file names

The user names it: `dataset="folder:my-images"`, or "folder" alone, which is called "images"; the name stands in every
record. The folder itself is no part of a run's identity and comes from `--data-dir` or the environment variable
`CFA_NB_DATA_DIR`; the images' hash is. Images are resized to `config.image_size`, or refused where they differ and
none is given. Other files, hidden ones and folders inside a class folder are left out.
"""

import os
from pathlib import Path

from cfa_nb.data.images import Listing, names_in
from cfa_nb.data.pool import cut

SUFFIXES = (".bmp", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")
VARIABLE = "CFA_NB_DATA_DIR"
PARTS = ("train", "test")


def load(config):
    """The `Dataset` of a run on a folder of images.

    Raises:
        ValueError: if no folder is named, its layout is another one, or a file is no image; the message names it.
    """
    name = config.dataset.partition(":")[2] or "images"
    if config.image_size is not None and config.image_size < 1:
        raise ValueError(f"image_size must be at least 1 pixel, not {config.image_size}")
    remedy = "give --image-size (image_size), such as 32, to have all resized"
    return cut(name, listing(folder()).pool(f"folder-{name}", config.image_size, remedy=remedy), config)


def folder():
    """The folder that `CFA_NB_DATA_DIR` names."""
    if not os.environ.get(VARIABLE):
        raise ValueError(f"no folder of images is named; give --data-dir DIR or set {VARIABLE}")
    root = Path(os.environ[VARIABLE]).absolute()
    if not root.is_dir():
        raise ValueError(f"{root}, which {VARIABLE} names, is not a folder")
    return root


def listing(root):
    """The `Listing` of a folder in either layout.

    Raises:
        ValueError: if there are fewer than 2 classes, a class is empty, or train and test have other classes.
    """
    files = _parts(root)
    train, test = (list(files[part]) for part in PARTS)
    if train != test:
        lack = "; ".join(f"{part} lacks {', '.join(names)}" for part, names in _lacking(train, test).items() if names)
        raise ValueError(f"{root}: train and test must have the same class folders; {lack}")
    labelled = ([(f, k) for k, members in enumerate(files[part].values()) for f in members] for part in PARTS)
    return Listing(tuple(train), *labelled)


def _lacking(train, test):
    return {"train": sorted(set(test) - set(train)), "test": sorted(set(train) - set(test))}


def _parts(root):
    """{part: {class: files}}; a lone "train" or "test" that holds images is a class like any other."""
    if all((root / part).is_dir() for part in PARTS):
        return {part: _classes(root / part) for part in PARTS}
    for part, other in (PARTS, PARTS[::-1]):
        if (root / part).is_dir() and _folders(root / part):
            raise ValueError(f"{root} holds {part}/ with class folders, but no {other}/; bring or name it so")
    return _fifths(root, _classes(root))


def _fifths(root, classes):
    """The same from class folders alone: the last fifth of each class, rounded up, is test."""
    if lone := [c for c, files in classes.items() if len(files) < 2]:
        raise ValueError(f"{root / lone[0]} holds 1 image; 2 are needed, the last fifth of each class is for the test")
    held_out = {c: -(-len(files) // 5) for c, files in classes.items()}
    return {
        "train": {c: files[: -held_out[c]] for c, files in classes.items()},
        "test": {c: files[-held_out[c] :] for c, files in classes.items()},
    }


def _classes(root):
    """{class: its image files in the order of their names}, checked: at least 2 classes, none of them empty."""
    names = _folders(root)
    if len(names) < 2:
        found = f"only one class folder, {names[0]}" if names else "no class folders"
        raise ValueError(f"{root} has {found}; images belong in one folder a class, of 2 classes at least")
    classes = {name: _files(root / name) for name in names}
    if empty := [name for name, files in classes.items() if not files]:
        raise ValueError(f"{root / empty[0]} holds no images ({', '.join(SUFFIXES)}); fill it or remove it")
    return classes


def _folders(root):
    return [name for name in names_in(root) if (root / name).is_dir()]


def _files(root):
    return [f"{root}/{name}" for name in names_in(root) if name.lower().endswith(SUFFIXES)]
