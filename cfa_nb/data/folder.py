"""Any folder of images, one folder a class, classes in the order of their names. Two layouts are understood:

    <dir>/train/<class>/*  and  <dir>/test/<class>/*
    <dir>/<class>/*        test is the last fifth of each class (rounded up, at least 1) in the order of file names

The user names it: `dataset="folder:my-images"`, or "folder" alone, which is called "images"; the name stands in every
record. The folder itself is no part of a run's identity and comes from `--data-dir` or the environment variable
`CFA_NB_DATA_DIR`; the images' hash is. Images are resized to `config.image_size`, or refused where they differ and
none is given. Other files, hidden ones and folders inside a class folder are left out. An image that cannot be used is
named, never skipped.
"""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm.std import tqdm

from cfa_nb.config import TrainConfig
from cfa_nb.data.dataset import Dataset, Split, cut, stack

SUFFIXES = (".bmp", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")
VARIABLE = "CFA_NB_DATA_DIR"


def load(config: TrainConfig) -> Dataset:
    """The `Dataset` of a run, images (3, H, W); a `ValueError` names a folder or a file that cannot be used."""
    if not os.environ.get(VARIABLE):
        raise ValueError(f"no folder of images is named; give --data-dir DIR or set {VARIABLE}")
    root = Path(os.environ[VARIABLE]).absolute()
    if not root.is_dir():
        raise ValueError(f"{root}, which {VARIABLE} names, is not a folder")
    class_names, *parts = listing(root)
    splits = (read_images(files, config.image_size) for files in parts)
    return cut(config.dataset.partition(":")[2] or "images", class_names, *splits, config)


def listing(root: Path) -> tuple[tuple[str, ...], list[tuple[Path, int]], list[tuple[Path, int]]]:
    """Class names, training files and test files, as (path, label), of a folder in either layout.

    A `ValueError` says what is wrong with its class folders.
    """
    if (root / "train").is_dir() and (root / "test").is_dir():
        train, test = _classes(root / "train"), _classes(root / "test")
    else:
        classes = _classes(root, least=2)
        train = {name: files[: len(files) * 4 // 5] for name, files in classes.items()}
        test = {name: files[len(files) * 4 // 5 :] for name, files in classes.items()}
    if train.keys() != test.keys():
        odd = ", ".join(sorted(train.keys() ^ test.keys()))
        raise ValueError(f"{root}: train and test must have the same class folders; only one of them has {odd}")
    parts = ([(file, k) for k, files in enumerate(part.values()) for file in files] for part in (train, test))
    return tuple(train), *parts


def _classes(root, least=1):
    """{class: its image files in the order of their names}, checked: 2 classes, and `least` images in each."""
    folders = [path for path in _visible(root) if path.is_dir()]
    if len(folders) < 2:
        state = f"only one class folder, {folders[0].name}" if folders else "no class folders"
        raise ValueError(f"{root} has {state}; images belong in one folder a class, of 2 classes at least")
    classes = {f.name: [path for path in _visible(f) if path.suffix.lower() in SUFFIXES] for f in folders}
    for name, files in classes.items():
        if len(files) < least:
            problem = f"{root / name} has {len(files)} images and needs {least}"
            raise ValueError(f"{problem} ({', '.join(SUFFIXES)}); fill it or remove it")
    return classes


def _visible(folder):
    """What lies in a folder, sorted; hidden files are left out, as editors and file managers leave them there."""
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))


def read_images(files: Sequence[tuple[Path, int]], size: int | None = None) -> Split:
    """The `Split` of image files, given as (path, label), in RGB.

    Args:
        size: side in pixels that all are resized to; None: they must be alike.
    Raises:
        ValueError: if a file is no image, or has another shape than the first; the message names it.
    """
    shape = read_image(files[0][0], size).shape
    images = np.empty((len(files), *shape), dtype=np.uint8)
    bar = tqdm(files, "reading images", unit="file", delay=1, disable=None)  # in a terminal, from a second on
    for i, (file, _) in enumerate(bar):
        image = read_image(file, size)
        if image.shape != shape:
            (h, w, _), (height, width, _) = image.shape, shape
            advice = "give --image-size (image_size), such as 32, to have all resized"
            raise ValueError(f"{file} is {w}x{h}, not {width}x{height} as others are; {advice}")
        images[i] = image
    return stack(images, [label for _, label in files])


def read_image(file: str | Path, size: int | None = None) -> np.ndarray:
    """(H, W, 3) uint8 pixels of one file in RGB, resized to size x size (bicubic) if given.

    A `ValueError` names a file that is no image, or has more than 8 bits a channel.
    """
    try:
        with Image.open(file) as image:
            deep = image.mode[0] in "IF"  # 16 or 32 bits a pixel: a conversion to RGB would clip them to white
            image = image.convert("RGB")
            if size and image.size != (size, size):
                image = image.resize((size, size), Image.Resampling.BICUBIC)
            pixels = np.asarray(image)
    except Exception as error:  # decoders raise as many types as a file can be broken in ways
        raise ValueError(f"{file} cannot be read as an image ({error}); remove or replace it") from error
    if deep:
        raise ValueError(f"{file} has more than 8 bits a channel; convert it to 8 bits")
    return pixels
