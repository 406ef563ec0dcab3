"""What every job does first: log to its file, and end with one clear line on bad input."""

import logging
import resource
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from lagbias.errors import InputError, TrainingError

FORMAT = "%(asctime)s %(name)s: %(message)s"


@contextmanager
def reporting(job) -> Iterator[None]:
    """Log to the job's log file and to the terminal; turn bad input into one message.

    Parameters
    ----------
    job : the ``snakemake`` object of a script, or anything with ``log`` and ``rule``
    """
    file = logging.FileHandler(job.log[0], mode="w")
    file.setFormatter(logging.Formatter(FORMAT, datefmt="%H:%M:%S"))
    terminal = logging.StreamHandler()
    label = " ".join(str(value) for value in job.wildcards)
    terminal.setFormatter(logging.Formatter(f"[{job.rule} {label}] %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[file, terminal], force=True)
    warnings.filterwarnings("ignore", module="pytorch_lightning")
    try:
        yield
    except (InputError, TrainingError) as error:
        logging.getLogger("lagbias").error("error: %s", error)
        sys.exit(1)
    except Exception:
        logging.getLogger("lagbias").exception("unexpected error")
        sys.exit(1)
    finally:
        usage = resource.getrusage(resource.RUSAGE_SELF)
        # The system's own count: Snakemake's benchmark looks only now and then. KiB on Linux.
        peak = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e6
        logging.getLogger("lagbias").info(
            "peak memory %d MB, %d s of CPU", peak, usage.ru_utime + usage.ru_stime
        )
