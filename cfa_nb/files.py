"""Files that are there whole or not at all: written under a temporary name, then renamed."""

import os
import tempfile
from pathlib import Path


class StoreError(RuntimeError):
    """The store cannot do what was asked; the message says what to do."""


def write(path: str | Path, blob: bytes) -> None:
    """Writes bytes so that the file is there whole or not at all.

    Raises:
        StoreError: if the folder cannot be written (read-only, full); what was there stays as it was.
    """
    path = Path(path)
    make_folder(path.parent)
    temporary = None
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp", delete=False) as f:
            temporary = f.name
            f.write(blob)
            f.flush()
            os.fsync(f.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except OSError as error:
        if temporary:
            Path(temporary).unlink(missing_ok=True)
        raise StoreError(f"cannot write {path}: {error.strerror}; free some space or name another folder") from error


def make_folder(path: str | Path) -> None:
    """Makes a folder and its parents; raises `StoreError` where that cannot be."""
    try:
        Path(path).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"cannot make the folder {path}: {error.strerror}; name another one") from error
