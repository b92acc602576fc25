"""Image files: `Listing` says which there are, with their classes, before any is read; `read_image` reads one.

    listing = Listing(class_names, train=[("cat/0.png", 0), ...], test=[...])
    pool = listing.pool("my-images", size=32)

Nothing listed is skipped, guessed or repaired: a file that cannot be used is named.
"""

import os
from dataclasses import dataclass

import numpy as np
import PIL
from PIL import Image, features

from cfa_nb.data.pool import Pool, bar, cached, stack


@dataclass(frozen=True)
class Listing:
    """The image files of a dataset, not read yet: (path, label) pairs, in dataset order."""

    class_names: tuple[str, ...]
    train: list[tuple[str, int]]
    test: list[tuple[str, int]]

    def pool(self, name, size=None, shape=None, remedy="remove or replace it"):
        """The `Pool` of these files, from the cache where they were read before and none has changed.

        Args:
            name: of the dataset, for the cache.
            size: side that all images are resized to; None: they must be alike.
            shape: (H, W, 3) that every image must have; None: the first one's.
            remedy: what to do about an image of another shape.
        Raises:
            ValueError: if a file is gone, is no image, or has another shape; the message names it.
        """
        return cached(name, self.fingerprint(size), lambda: self._read(size, shape, remedy))

    def fingerprint(self, size=None):
        """Text that changes with all that can change a pixel or a label: files, classes, size and decoder.

        A file is known by path, bytes and both times: an edit may set back the time of modification, not that of
        the change.
        """
        lines = [f"{size} {_decoder()}", repr(self.class_names)]
        for part in (self.train, self.test):
            lines += [f"{len(part)} files", *(f"{label} {_stat(file)} {file}" for file, label in part)]
        return "\n".join(lines)

    def _read(self, size, shape, remedy):
        images = read_images([file for file, _ in self.train + self.test], size, shape, remedy)
        n = len(self.train)
        train, test = ([label for _, label in part] for part in (self.train, self.test))
        return Pool(self.class_names, stack(images[:n], train), stack(images[n:], test))


def _decoder():
    return f"Pillow {PIL.__version__}, libjpeg {features.version('jpg')} {features.version('libjpeg_turbo')}"


def _stat(file):
    try:
        stat = os.stat(file)
    except OSError as error:
        raise ValueError(f"{file} cannot be read ({error.strerror}); remove or replace it") from error
    return f"{stat.st_size} {stat.st_mtime_ns} {stat.st_ctime_ns}"


def read_images(files, size=None, shape=None, remedy="remove or replace it"):
    """(N, H, W, 3) uint8 pixels of N files; a progress bar is shown where there are many (see `Listing.pool`)."""
    images = None
    for i, file in enumerate(bar(files, "reading images")):
        image = read_image(file, size)
        shape = shape or image.shape
        if image.shape != shape:
            (h, w, _), (height, width, _) = image.shape, shape
            raise ValueError(f"{file} is {w}x{h}, not {width}x{height} as others are; {remedy}")
        if images is None:
            images = np.empty((len(files), *shape), dtype=np.uint8)
        images[i] = image
    return images


def read_image(file, size=None):
    """(H, W, 3) uint8 pixels of one file in RGB, resized to size x size (bicubic) if given.

    Raises:
        ValueError: if the file is no image, or has more than 8 bits a channel; the message names it.
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


def names_in(folder):
    """Names in a folder, sorted; hidden ones are left out, as editors and file managers leave them there."""
    with os.scandir(folder) as entries:
        return sorted(entry.name for entry in entries if not entry.name.startswith("."))
