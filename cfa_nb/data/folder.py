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
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import PIL
from PIL import Image, features
from tqdm.std import tqdm

from cfa_nb.config import TrainConfig
from cfa_nb.data.dataset import Dataset, Pool, cut, stack
from cfa_nb.data.storage import cached, in_a_page

SUFFIXES = (".bmp", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")
VARIABLE = "CFA_NB_DATA_DIR"
DELAY_S = 1  # a progress bar is drawn for what takes longer


def load(config: TrainConfig) -> Dataset:
    """The `Dataset` of a run, images (3, H, W); a `ValueError` names a folder or a file that cannot be used."""
    name = config.dataset.partition(":")[2] or "images"
    if config.image_size is not None and config.image_size < 1:
        raise ValueError(f"image_size must be at least 1 pixel, not {config.image_size}")
    if not os.environ.get(VARIABLE):
        raise ValueError(f"no folder of images is named; give --data-dir DIR or set {VARIABLE}")
    root = Path(os.environ[VARIABLE]).absolute()
    if not root.is_dir():
        raise ValueError(f"{root}, which {VARIABLE} names, is not a folder")
    return cut(name, listing(root).pool(f"folder-{name}", config.image_size), config)


@dataclass(frozen=True)
class Listing:
    """The image files of a dataset, not read yet: (path, label) pairs, in dataset order."""

    class_names: tuple[str, ...]
    train: list[tuple[str, int]]
    test: list[tuple[str, int]]

    def pool(self, name: str, size: int | None = None, shape: tuple[int, int, int] | None = None) -> Pool:
        """The `Pool` of these files, from the cache where they were read before and none has changed.

        Args:
            name: of the dataset, for the cache.
            size: side in pixels that all images are resized to; None: they must be alike.
            shape: (H, W, 3) that every image must have; None: the first one's.
        Raises:
            ValueError: if a file is gone, is no image, or has another shape; the message names it.
        """
        return cached(name, self.fingerprint(size), lambda: self._read(size, shape))

    def fingerprint(self, size: int | None = None) -> str:
        """Text that changes with all that can change a pixel or a label: files, classes, size and decoder."""
        decoder = f"Pillow {PIL.__version__}, libjpeg {features.version('jpg')} {features.version('libjpeg_turbo')}"
        lines = [f"{size} {decoder}", repr(self.class_names), f"{len(self.train)} training files"]
        for file, label in self.train + self.test:
            try:
                stat = os.stat(file)
            except OSError as error:
                raise ValueError(f"{file} cannot be read ({error.strerror}); remove or replace it") from error
            # Both times: an edit may set back that of the modification, not that of the change.
            lines.append(f"{label} {stat.st_size} {stat.st_mtime_ns} {stat.st_ctime_ns} {file}")
        return "\n".join(lines)

    def _read(self, size, shape):
        advice = "" if shape else "; give --image-size (image_size), such as 32, to have all resized"
        files, labels = zip(*self.train, *self.test)
        shape = shape or read_image(files[0], size).shape
        images = np.empty((len(files), *shape), dtype=np.uint8)
        for i, file in enumerate(tqdm(files, "reading images", unit="file", delay=DELAY_S, disable=in_a_page())):
            image = read_image(file, size)
            if image.shape != shape:
                (h, w, _), (height, width, _) = image.shape, shape
                raise ValueError(f"{file} is {w}x{h}, not {width}x{height} as others are{advice}")
            images[i] = image
        n = len(self.train)
        return Pool(self.class_names, stack(images[:n], labels[:n]), stack(images[n:], labels[n:]))


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


def listing(root: Path) -> Listing:
    """The images of a folder in either layout; a `ValueError` says what is wrong with its class folders."""
    # A lone "train" or "test" that holds images, not folders, is a class like any other.
    parts = [part for part in ("train", "test") if (root / part).is_dir()]
    if len(parts) == 2:
        train, test = _classes(root / "train"), _classes(root / "test")
    elif parts and _folders(root / parts[0]):
        raise ValueError(f"{root} holds class folders in {parts[0]}/ alone; bring both train/ and test/, named so")
    else:
        classes = _classes(root, least=2)
        train = {name: files[: len(files) * 4 // 5] for name, files in classes.items()}
        test = {name: files[len(files) * 4 // 5 :] for name, files in classes.items()}
    if train.keys() != test.keys():
        odd = ", ".join(sorted(train.keys() ^ test.keys()))
        raise ValueError(f"{root}: train and test must have the same class folders; only one of them has {odd}")
    labelled = ([(file, k) for k, files in enumerate(part.values()) for file in files] for part in (train, test))
    return Listing(tuple(train), *labelled)


def _classes(root, least=1):
    """{class: its image files in the order of their names}, checked: 2 classes, and `least` images in each."""
    names = _folders(root)
    if len(names) < 2:
        state = f"only one class folder, {names[0]}" if names else "no class folders"
        raise ValueError(f"{root} has {state}; images belong in one folder a class, of 2 classes at least")
    classes = {c: [f"{root / c}/{n}" for n in _visible(root / c) if n.lower().endswith(SUFFIXES)] for c in names}
    for c, files in classes.items():
        if len(files) < least:
            kinds = ", ".join(SUFFIXES)
            raise ValueError(f"{root / c} has {len(files)} images and needs {least} ({kinds}); fill it or remove it")
    return classes


def _folders(root):
    return [name for name in _visible(root) if (root / name).is_dir()]


def _visible(folder):
    """Names in a folder, sorted; hidden ones are left out, as editors and file managers leave them there."""
    return sorted(name for name in os.listdir(folder) if not name.startswith("."))
