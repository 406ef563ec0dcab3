"""What every job does first: log to its file, and end with one clear line on bad input."""

import logging
import resource
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lagbias.errors import InputError, RunError, StorageError
from lagbias.files import NOT_WRITABLE, alone

FORMAT = "%(asctime)s %(name)s: %(message)s"


@contextmanager
def reporting(job) -> Iterator[None]:
    """Log to the job's log file and to the terminal; turn bad input into one message.

    A job outlives a Snakemake that was killed: it holds a lock beside its log, so that the same
    job, started once more, does not write the same files.

    Parameters
    ----------
    job : the ``snakemake`` object of a script, or anything with ``log``, ``rule`` and ``wildcards``
    """
    terminal = logging.StreamHandler()
    label = " ".join(str(value) for value in job.wildcards)
    terminal.setFormatter(logging.Formatter(f"[{job.rule} {label}] %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[terminal], force=True)
    logging.raiseExceptions = False  # a log line lost on a full disk is not worth a traceback
    warnings.filterwarnings("ignore", module="pytorch_lightning")
    log = logging.getLogger("lagbias")
    try:
        with alone(Path(job.log[0]).with_suffix(".lock")):
            file = logging.FileHandler(job.log[0], mode="w")
            file.setFormatter(logging.Formatter(FORMAT, datefmt="%H:%M:%S"))
            logging.getLogger().addHandler(file)
            yield
            say_what_it_took()
    except Exception as error:
        if isinstance(error, OSError) and error.errno in NOT_WRITABLE:
            error = StorageError.of(error)
        if isinstance(error, InputError | RunError):
            log.error("error: %s", error)
        else:
            log.exception("unexpected error")
        sys.exit(1)


def say_what_it_took() -> None:
    """Log peak memory and CPU time by the system's own count: Snakemake's looks now and then."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    unit = 1 if sys.platform == "darwin" else 1024  # KiB on Linux
    logging.getLogger("lagbias").info(
        "peak memory %d MB, %d s of CPU",
        max(usage.ru_maxrss for usage in usages) * unit / 1e6,
        sum(usage.ru_utime + usage.ru_stime for usage in usages),
    )
