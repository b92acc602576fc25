"""Moves a finished page, with its figures and tables, to where readers find it; keeps what is left of a failed one."""

from contextlib import suppress

from cfa_nb.files import StoreError, write
from cfa_nb.paths import runs_dir, slug
from cfa_nb.reproduce.cache import digest_of
from cfa_nb.reproduce.staging import SAVED

_OWN_FOLDERS = ("notebooks", *SAVED)


def place(execution):
    """Writes the page and what it saved; returns {path below the page set's folder: digest}.

    Raises:
        StoreError: if the folder cannot be written; each file is there whole or as it was before.
    """
    job = execution.job
    files = execution.staging.saved() | {job.page: execution.staging.file("page.ipynb").read_bytes()}
    for name, blob in files.items():
        write(job.folder / name, blob)
    return {name: digest_of(blob) for name, blob in sorted(files.items())}


def keep_partial(execution):
    """Copies a failed notebook, as far as it came, to `runs/failed/`; returns the path, or None if there is none."""
    partial = execution.staging.file("partial.ipynb")
    if not partial.exists():
        return None
    path = runs_dir() / "failed" / slug(execution.job.page_set) / execution.job.source.name
    with suppress(StoreError):  # the notebook's own error matters more
        write(path, partial.read_bytes())
        return path
    return None


def remove(folder, names):
    """Removes files that pages of an earlier version saved; names outside the pages' own folders are left alone."""
    for name in names:
        kind, _, file = name.partition("/")
        if kind in _OWN_FOLDERS and file and "/" not in file and file not in (".", ".."):
            (folder / name).unlink(missing_ok=True)
