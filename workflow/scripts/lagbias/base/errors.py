"""Errors that tell a user what to change; a job prints their message alone, without a traceback."""

import errno
import os
from pathlib import Path

DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class InputError(ValueError):
    """Bad input: the message names the field, what was found, what was expected, what to do."""


class RunError(RuntimeError):
    """A job that could not do its work; the message says where and what to change."""


class TrainingError(RunError):
    """A training that came to nothing."""


class StorageError(RunError):
    """A disk that does not take or give what a job asks of it."""

    @classmethod
    def of(cls, error: OSError, path: str | Path | None = None) -> "StorageError":
        """What to tell a user of an error of the operating system.

        Parameters
        ----------
        error : OSError
        path : path, optional
            What was being written, if that is known; the error itself may name another file.
        """
        names = dict.fromkeys(str(name) for name in (path, error.filename) if name is not None)
        reason = os.strerror(error.errno) if error.errno else str(error)
        if error.errno in DISK_FULL:
            advice = "the disk or your quota is used up: make room"
        else:
            advice = "expected a folder that you may read and write: fix that or move it"
        return cls(
            f"{' at '.join(names) or 'a file of this job'}: {reason}; {advice} and run again; "
            "what was finished before is untouched"
        )
