"""The data folder, `data_dir()`: archives are checked and unpacked there, and decoded images are cached.

    folder = unpacked(Archive("tiny-imagenet-200.zip", site, md5, "tiny-imagenet-200"))
    pool = cached("tiny-imagenet", fingerprint, read)  # calls read() unless a whole cache file is there

An archive is used if its MD5 is right. One process makes a folder or a file under another name, and renames it when
it is whole; the others wait meanwhile.
"""

import hashlib
import io
import os
import shutil
import socket
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from filelock import FileLock, Timeout

from cfa_nb.data.dataset import Pool, Split
from cfa_nb.files import StoreError, make_folder, write
from cfa_nb.paths import data_dir, slug

PATIENCE_S = 60  # a server that sends nothing for so long is given up; torchvision would wait for ever
FORMAT = 3  # of cache files; raised with any change of what they hold


@dataclass(frozen=True)
class Archive:
    """A published archive: its file name, the folder on the web that it lies in, its MD5, and what it unpacks to."""

    filename: str
    site: str
    md5: str
    folder: str

    @property
    def advice(self) -> str:
        """How to bring it by hand."""
        source = f"MD5 {self.md5}, from {self.site}{self.filename}"
        return f"Put {self.filename} ({source}) into {data_dir()}: it is checked and unpacked there"


def unpacked(archive: Archive) -> Path:
    """The folder of an archive below `data_dir()`; if it is not there, the archive is downloaded, checked and unpacked.

    Raises:
        ValueError: if the archive is missing or damaged and cannot be downloaded; the message says where to put it.
        StoreError: if it cannot be unpacked there (no space, read-only).
    """
    folder = data_dir() / archive.folder
    if not folder.is_dir():
        with locked(folder):
            if not folder.is_dir():  # another process may have unpacked it meanwhile
                _unpack(archive, folder)
    return folder


def _unpack(archive, folder):
    from torchvision.datasets.utils import download_url, extract_archive

    file, scratch = folder.with_name(archive.filename), folder.with_name(f".{folder.name}.unpacking")
    timeout = socket.getdefaulttimeout()
    try:
        socket.setdefaulttimeout(PATIENCE_S)
        download_url(archive.site + file.name, folder.parent, file.name, archive.md5)  # leaves a whole file alone
    except Exception as error:  # no network, a cut connection, a wrong checksum: as many types as ways to fail
        state = f"{'damaged' if file.exists() else 'missing'} and could not be downloaded"
        raise ValueError(f"{file} is {state} ({type(error).__name__}: {error}). {archive.advice}") from error
    finally:
        socket.setdefaulttimeout(timeout)
    say(f"unpacking {file}")
    shutil.rmtree(scratch, ignore_errors=True)  # a killed process may have left it
    try:
        extract_archive(file, scratch)
        os.replace(scratch / archive.folder, folder)
    except OSError as error:
        raise StoreError(f"cannot unpack {file} in {folder.parent}: {error.strerror or error}") from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def cached(name: str, fingerprint: str, make: Callable[[], Pool]) -> Pool:
    """The `Pool` that `make()` gives, kept as one .npz file: decoding tens of thousands of images takes long.

    Every array in the file has a checksum; a damaged file is made anew, and it may be removed at any time.

    Args:
        name: of the dataset, part of the file's name.
        fingerprint: text that changes when the source does.
        make: called where no whole file is there, by one process while the others wait.
    Raises:
        StoreError: if the cache cannot be written.
    """
    digest = hashlib.sha256(f"{FORMAT}\n{fingerprint}".encode("utf-8", "surrogateescape")).hexdigest()[:12]
    file = data_dir() / "cache" / f"{slug(name)}-{digest}.npz"
    pool = _read(file)
    if pool is None:
        with locked(file):
            pool = _read(file) or _write(file, make())
    return pool


def _read(file):
    """The `Pool` of a cache file; None if there is none, or it is damaged."""
    try:
        with np.load(file) as arrays:
            names, *splits = (arrays[f"arr_{i}"] for i in range(5))
    except Exception:  # a zip file may be broken in as many ways as its reader has exceptions; CRC-32 finds the rest
        return None
    images, labels, test_images, test_labels = map(torch.from_numpy, splits)
    return Pool(tuple(names.tolist()), Split(images, labels), Split(test_images, test_labels))


def _write(file, pool):
    blob = io.BytesIO()
    np.savez(blob, pool.class_names, *(t.numpy() for s in (pool.train, pool.test) for t in (s.images, s.labels)))
    write(file, blob.getbuffer())
    return pool


def locked(path: Path) -> AbstractContextManager:
    """A context for one process at a time and this file or folder; a `StoreError` if nothing can be written there."""
    make_folder(path.parent)
    lock = FileLock(path.with_name(f".{path.name}.lock"))  # the system frees it if its owner dies
    try:
        return lock.acquire(timeout=1)
    except Timeout:
        say(f"waiting for another process to prepare {path.name}")
        return lock.acquire()
    except OSError as error:
        raise StoreError(f"cannot write in {path.parent}: {error.strerror}; choose another CFA_NB_DATA") from error


def say(text: str) -> None:
    """One line on stderr, but not while a page is executed."""
    if not in_a_page():
        print(text, file=sys.stderr, flush=True)


def in_a_page() -> bool:
    """True while the runner executes a notebook: a progress line would make the saved page another one each time."""
    return bool(os.environ.get("CFA_NB_RUNNER"))
