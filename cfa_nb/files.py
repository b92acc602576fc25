"""Where things lie, and how they are written: a file is there whole or not at all.

`CFA_NB_RUNS` and `CFA_NB_OUTPUTS` put local runs and published outputs elsewhere (`--runs`, `--outputs` of the command
line set them), `CFA_NB_DATA` the downloaded datasets.
"""

import os
import re
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def notebooks_dir() -> Path:
    """The notebooks' sources, without outputs."""
    return ROOT / "notebooks"


def runs_dir() -> Path:
    """The local run store: ignored by git, never published as it is."""
    return Path(os.environ.get("CFA_NB_RUNS", ROOT / "runs"))


def outputs_dir() -> Path:
    """Executed notebooks, figures, tables and records, by profile: what readers see."""
    return Path(os.environ.get("CFA_NB_OUTPUTS", ROOT / "outputs"))


def page_set_dir(name: str) -> Path:
    """Where a profile (or "theory") is published: below `outputs_dir()`, under a name that any file system takes."""
    return outputs_dir() / slug(name)


def slug(name: str) -> str:
    """A name as a file name: "cifar10-quick@CIFAR-10 (JPEG q75)" becomes "cifar10-quick@CIFAR-10-JPEG-q75"."""
    return re.sub(r"[^A-Za-z0-9._@+]+", "-", name).strip("-")


def data_dir() -> Path:
    """Downloaded datasets, and those read before: ignored by git."""
    return Path(os.environ.get("CFA_NB_DATA", ROOT / "data"))


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
