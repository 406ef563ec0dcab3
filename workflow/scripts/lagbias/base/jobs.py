"""What every job does first: log to its file, and end with one clear line on bad input."""

import logging
import os
import resource
import signal
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lagbias.base.errors import InputError, RunError, StorageError
from lagbias.base.files import NOT_WRITABLE, alone

log = logging.getLogger("lagbias")

# Threads that wait for each other spin for some microseconds, then sleep. By default they spin for
# milliseconds, which on busy cores takes several times the work itself. Read as torch loads.
os.environ.setdefault("GOMP_SPINCOUNT", "5000")

# Level of how far a long job is: what the terminal shows of jobs that go well. INFO is for the log
# file alone.
PROGRESS = 25
FORMAT = "%(asctime)s %(name)s: %(message)s"
# How terminals and schedulers tell a job to stop: kill, Ctrl-C, a closed terminal, a time limit.
STOP_SIGNALS = ("SIGTERM", "SIGINT", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGXCPU")


class Stopped(BaseException):
    """A signal told the job to stop; no ``except Exception`` may take it for an error."""


@contextmanager
def stoppable() -> Iterator[list[signal.Signals]]:
    """Let a signal that asks to stop end the block, so that it cleans up behind itself.

    The first one raises ``Stopped`` in the block. The same one again is ignored, since schedulers
    send it twice; another one kills at once.

    Yields
    ------
    received : list of Signals
        Empty unless the job was told to stop, whatever exception comes of that in the end.
    """
    received = []

    def stop(number, _):
        received.append(signal.Signals(number))
        for other in before:
            signal.signal(other, signal.SIG_IGN if other == number else signal.SIG_DFL)
        log.error("stopped by %s: run the same command again to resume", received[0].name)
        raise Stopped

    found = {
        number: signal.getsignal(number) for number in map(signal.Signals.__getitem__, STOP_SIGNALS)
    }
    # What is ignored stays so: `nohup` lets a job outlive its terminal.
    before = {number: handler for number, handler in found.items() if handler != signal.SIG_IGN}
    try:
        for number in before:
            signal.signal(number, stop)
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def reporting(job) -> Iterator[None]:
    """Log to the job's log file and to the terminal; turn bad input into one message.

    A job that a signal tells to stop exits with 128 + its number, as a shell would say of a process
    that a signal ended: never with success. A job outlives a Snakemake that was killed: it holds a
    lock beside its log, so that the same job, started once more, does not write the same files.

    Parameters
    ----------
    job : the ``snakemake`` object of a script, or anything with ``log``, ``rule`` and ``wildcards``
    """
    log_to_terminal(job)
    with stoppable() as received:
        try:
            with alone(Path(job.log[0]).with_suffix(".lock")):
                file = logging.FileHandler(job.log[0], mode="w", encoding="utf-8")
                file.setFormatter(logging.Formatter(FORMAT, datefmt="%H:%M:%S"))
                logging.getLogger().addHandler(file)
                yield
                say_what_it_took()
        except BaseException as error:
            # Asked first: a library may have made another exception of it, as Lightning does.
            if received:
                sys.exit(128 + received[0])
            if not isinstance(error, Exception):
                raise
            say_what_went_wrong(error)
            sys.exit(1)


def log_to_terminal(job) -> None:
    """Log progress and warnings to the terminal, each line with the job's rule and wildcards."""
    terminal = logging.StreamHandler()
    terminal.setLevel(PROGRESS)
    label = " ".join(str(part) for part in (job.rule, *job.wildcards) if part)
    terminal.setFormatter(logging.Formatter(f"[{label}] %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[terminal], force=True)
    logging.raiseExceptions = False  # a log line lost on a full disk is not worth a traceback
    warnings.filterwarnings("ignore", module="pytorch_lightning|lightning_fabric")


def say_what_went_wrong(error: Exception) -> None:
    """Log one line of bad input or of a disk, and the traceback of anything else."""
    if isinstance(error, OSError) and error.errno in NOT_WRITABLE:
        error = StorageError.of(error)
    if isinstance(error, InputError | RunError):
        log.error("error: %s", error)
    else:
        log.exception("unexpected error")


def say_what_it_took() -> None:
    """Log peak memory and CPU time by the system's own count: Snakemake's looks now and then."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    unit = 1 if sys.platform == "darwin" else 1024  # KiB on Linux
    log.info(
        "peak memory %d MB, %d s of CPU",
        max(usage.ru_maxrss for usage in usages) * unit / 1e6,
        sum(usage.ru_utime + usage.ru_stime for usage in usages),
    )
