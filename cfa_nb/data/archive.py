"""Archives of datasets: brought by hand or downloaded, checked by their MD5, unpacked whole or not at all.

    root = unpacked(Archive("tiny-imagenet-200.zip", url, md5, folder="tiny-imagenet-200"))

A process killed on the way leaves nothing under the final names; what it leaves under others goes with the next one.
"""

import os
import shutil
import socket
from contextlib import contextmanager
from dataclasses import dataclass

from cfa_nb.data.pool import locked, say
from cfa_nb.files import StoreError, make_folder
from cfa_nb.paths import data_dir

PATIENCE_S = 60  # without a byte from the server


@dataclass(frozen=True)
class Archive:
    """A published archive: its file name, where it comes from, its MD5, and the folder that it unpacks to."""

    filename: str
    url: str
    md5: str
    folder: str

    @property
    def advice(self):
        """How to bring it by hand."""
        return (
            f"Put {self.filename} (MD5 {self.md5}, from {self.url}) into {data_dir()}: it is checked and unpacked there"
        )


def unpacked(archive):
    """The folder of an archive below `data_dir()`: as it is there; else unpacked now, and downloaded before if need be.

    Raises:
        ValueError: if the archive is damaged or not to be had; the message says where to put it.
        StoreError: if it cannot be unpacked there (no space, read-only).
    """
    folder = data_dir() / archive.folder
    if not folder.is_dir():
        with locked(folder):
            if not folder.is_dir():  # nobody else has done it meanwhile
                _unpack(archive, folder)
    return folder


def _unpack(archive, folder):
    from torchvision.datasets.utils import extract_archive

    file = folder.with_name(archive.filename)
    if file.exists():
        _require_whole(archive, file)
    else:
        _download(archive, file)
    say(f"unpacking {file}")
    with _scratch(folder.with_name(f".{folder.name}.unpacking")) as scratch:
        try:
            extract_archive(file, scratch)
            os.replace(scratch / archive.folder, folder)
        except OSError as error:
            raise StoreError(f"cannot unpack {file} in {folder.parent}: {error.strerror or error}") from error


def _require_whole(archive, file):
    from torchvision.datasets.utils import calculate_md5

    if (md5 := calculate_md5(file)) != archive.md5:
        raise ValueError(
            f"{file} is truncated or another file ({file.stat().st_size} bytes, MD5 {md5} instead of {archive.md5}); "
            f"remove it and bring it again from {archive.url}"
        )


def _download(archive, file):
    from torchvision.datasets.utils import download_url

    with _scratch(file.with_name(f".{file.name}.download")) as scratch, _patience():
        try:
            download_url(archive.url, scratch, archive.filename, archive.md5)
        except Exception as error:  # no network, a cut connection, a wrong checksum: as many types as ways to fail
            reason = f"{type(error).__name__}: {error}"
            raise ValueError(f"{archive.filename} could not be downloaded ({reason}). {archive.advice}") from error
        os.replace(scratch / archive.filename, file)


@contextmanager
def _scratch(folder):
    """An empty folder that is gone afterwards; what a killed process left there goes first."""
    shutil.rmtree(folder, ignore_errors=True)
    make_folder(folder)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _patience():
    """Ends connections that say nothing for `PATIENCE_S`: torchvision would wait for ever."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(PATIENCE_S)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
