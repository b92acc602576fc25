"""Any folder of images: `<dir>/train/<class>/*` and `<dir>/test/<class>/*`, classes in the order of their names.

The user names it: `dataset="folder:my-images"`; the name stands in every record. The folder itself is no part of a
run's identity and comes from `--data-dir` or the environment variable `CFA_NB_DATA_DIR`; the images' hash is.
Images are resized to `config.image_size`, or refused where they differ and none is given.
"""

import os
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from cfa_nb.data.pool import Pool, cached, cut, stack

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".ppm", ".webp")
VARIABLE = "CFA_NB_DATA_DIR"


def load(config):
    """The `Dataset` of a run on a folder of images.

    Raises:
        ValueError: if no folder is named, its layout is another one, or a file is no image; the message names it.
    """
    name = config.dataset.partition(":")[2] or "images"
    root = folder()
    files = {part: _files(root / part) for part in ("train", "test")}
    if list(files["train"]) != list(files["test"]):
        raise ValueError(f"{root}: train and test must have the same class folders; got {_names(files)}")
    pool = cached(f"folder-{name}", _fingerprint(files, config.image_size), lambda: _read(files, config.image_size))
    return cut(name, pool, config)


def folder():
    """The folder that `CFA_NB_DATA_DIR` names."""
    if VARIABLE not in os.environ:
        raise ValueError(f"no folder of images is named; give --data-dir DIR or set {VARIABLE}")
    root = Path(os.environ[VARIABLE])
    if not (root / "train").is_dir() or not (root / "test").is_dir():
        raise ValueError(f"{root} must hold train/<class>/ and test/<class>/ with the images")
    return root


def _files(root):
    """{class name: sorted image files}; other files are left out."""
    classes = sorted(p for p in root.iterdir() if p.is_dir())
    return {c.name: sorted(f for f in c.iterdir() if f.suffix.lower() in SUFFIXES) for c in classes}


def _names(files):
    return "; ".join(f"{part}: {', '.join(classes) or 'none'}" for part, classes in files.items())


def _fingerprint(files, image_size):
    listed = (f for classes in files.values() for members in classes.values() for f in members)
    stats = (
        f"{f.parent.parent.name}/{f.parent.name}/{f.name} {f.stat().st_size} {f.stat().st_mtime_ns}" for f in listed
    )
    return f"{image_size}\n" + "\n".join(stats)


def _read(files, image_size):
    return Pool(tuple(files["train"]), *(_read_part(files[part], image_size) for part in ("train", "test")))


def _read_part(classes, image_size):
    arrays, labels, shape = [], [], None
    for label, members in enumerate(classes.values()):
        for file in members:
            array = read_image(file, image_size)
            shape = shape or array.shape
            if array.shape != shape:
                raise ValueError(
                    f"{file} is {array.shape[1]}x{array.shape[0]}, others are {shape[1]}x{shape[0]}; give --image-size"
                )
            arrays.append(array)
            labels.append(label)
    if not arrays:
        raise ValueError(f"no images ({', '.join(SUFFIXES)}) in the class folders {', '.join(classes) or '(none)'}")
    return stack(arrays, labels)


def read_image(file, size=None):
    """(H, W, 3) uint8 pixels of one file, resized to size x size (bicubic) if given.

    Raises:
        ValueError: if the file cannot be read as an image; the message names it.
    """
    try:
        with Image.open(file) as image:
            image = image.convert("RGB")
            if size and image.size != (size, size):
                image = image.resize((size, size), Image.Resampling.BICUBIC)
            return np.asarray(image)
    except (UnidentifiedImageError, OSError) as error:
        raise ValueError(f"{file} cannot be read as an image ({error}); remove or replace it") from error
