"""Files written beside their place and renamed, so that a killed job leaves nothing half."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def written_whole(path: str | Path) -> Iterator[Path]:
    """Give a path beside ``path`` to write to; rename it into place when the block ends well.

    Works for files and for folders (zarr stores). If the block fails, what it wrote is removed and
    what stood at ``path`` before is untouched.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # One writer a path, so that what lies beside it is of a job that was killed.
    for rest in (*path.parent.glob(f".{path.name}.part*"), *path.parent.glob(f".{path.name}.old*")):
        remove(rest)
    partial = path.parent / f".{path.name}.part{os.getpid()}"
    old = path.parent / f".{path.name}.old{os.getpid()}"
    try:
        yield partial
        if path.is_dir() and partial.exists():  # a folder cannot be replaced in one step
            os.replace(path, old)
        os.replace(partial, path)
        remove(old)
    finally:
        remove(partial)


def remove(path: Path) -> None:
    """Delete a file or folder if it is there."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
