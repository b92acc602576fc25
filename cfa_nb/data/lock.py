"""One process at a time prepares a dataset; the others wait for it, then find it done."""

from filelock import FileLock, Timeout

from cfa_nb.data.progress import say
from cfa_nb.files import StoreError, make_folder


def locked(path):
    """A context that one process at a time may be in for this file or folder; the system frees a dead owner's lock.

    Raises:
        StoreError: if the folder around it cannot be written to.
    """
    make_folder(path.parent)
    lock = FileLock(path.with_name(f".{path.name}.lock"))
    try:
        return lock.acquire(timeout=1)
    except Timeout:
        say(f"waiting for another process to prepare {path.name}")
        return lock.acquire()
    except OSError as error:
        raise StoreError(
            f"cannot write in {path.parent}: {error.strerror}; name another folder in CFA_NB_DATA"
        ) from error
