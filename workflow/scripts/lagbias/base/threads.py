"""How many threads a job takes: those of its config, or fewer where the machine has fewer cores.

A config is written for one machine and run on others, so a number above the cores is no error. Each
library takes such a number in its own way: numba and blosc raise, torch and FFTW take turns on the
cores. All are given the same number here.
"""

import logging
from functools import cache

import numba

log = logging.getLogger(__name__)


def usable(threads: int) -> int:
    """As many threads as asked for, but no more than there are cores.

    Parameters
    ----------
    threads : int
        As in the config.

    Returns
    -------
    int
        From 1 to the cores that this process may use; ``NUMBA_NUM_THREADS``, where it is set,
        takes the place of the cores.
    """
    cores = numba.config.NUMBA_NUM_THREADS  # pyright: ignore[reportAttributeAccessIssue]: set late
    found = max(1, min(threads, cores))
    if found < threads:
        _say_once(threads, found)
    return found


@cache
def _say_once(threads: int, found: int) -> None:
    log.info("%d threads asked for, %d used: no more cores here", threads, found)
