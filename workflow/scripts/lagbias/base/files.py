"""Files written beside their place and renamed, so that a killed job leaves nothing half."""

import errno
import fcntl
import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lagbias.base.errors import DISK_FULL, StorageError

log = logging.getLogger(__name__)

# What a disk says that does not take a file; other errors are not of the file being written.
NOT_WRITABLE = (
    *DISK_FULL,
    errno.EROFS,
    errno.EACCES,
    errno.EPERM,
    errno.EIO,
    errno.ENOTDIR,
    errno.EEXIST,
    errno.EISDIR,
)


@contextmanager
def written_whole(path: str | Path) -> Iterator[Path]:
    """Give a path beside ``path`` to write to; rename it into place when the block ends well.

    Works for files and for folders (zarr stores). If the block fails, what it wrote is removed and
    what stood at ``path`` before is untouched.

    Raises
    ------
    StorageError
        If the disk is full or must not be written.
    """
    path = Path(path)
    partial = path.parent / f".{path.name}.part{os.getpid()}"
    old = path.parent / f".{path.name}.old{os.getpid()}"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # One writer a path, so that what lies beside it is of a job that was killed.
        for kind in ("part", "old"):
            for rest in path.parent.glob(f".{path.name}.{kind}*"):
                remove(rest)
        yield partial
        if path.is_dir() and partial.exists():  # a folder cannot be replaced in one step
            os.replace(path, old)
        os.replace(partial, path)
        remove(old)
    except OSError as error:
        if error.errno in NOT_WRITABLE:
            raise StorageError.of(error, path) from error
        raise
    finally:
        remove(partial)


def remove(path: Path) -> None:
    """Delete a file or folder if it is there."""
    if path.is_dir():
        shutil.rmtree(path)
    elif path.exists():  # asked first: a read-only disk refuses to delete even what is not there
        path.unlink(missing_ok=True)


def check_writable(*folders: str | Path) -> None:
    """Refuse to begin where results cannot be written.

    Parameters
    ----------
    folders : paths; of one that is not there yet, its nearest parent counts

    Raises
    ------
    StorageError
        If one cannot be written to.
    """
    for folder in folders:
        places = (Path(folder), *Path(folder).absolute().parents)
        there = next(place for place in places if place.exists())
        if not (there.is_dir() and os.access(there, os.W_OK | os.X_OK)):
            raise StorageError(
                f"{folder}: found {'a folder' if there.is_dir() else 'a file'} that cannot be "
                "written to, expected a folder that you may write to: fix its permissions, or "
                "make it a link to one on a disk that is not read-only"
            )


@contextmanager
def alone(lock: str | Path) -> Iterator[None]:
    """Hold a lock file for a block of work; a process that dies lets go of it.

    Raises
    ------
    StorageError
        If another process holds it.
    """
    lock = Path(lock)
    lock.parent.mkdir(parents=True, exist_ok=True)
    with open(lock, "w", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StorageError(
                f"{lock} is held by another process that does this very job, perhaps left over "
                "from a Snakemake that was killed: wait for it or end it, then run again"
            ) from error
        except OSError as error:
            log.warning("%s cannot be locked (%s): let one Snakemake run at a time", lock, error)
        try:
            yield
        finally:
            lock.unlink(missing_ok=True)
