"""Painting points on a mesh with triangular-shaped clouds."""

from types import ModuleType

import numpy as np
from abacusnbody.analysis import tsc
from numba.core.dispatcher import Dispatcher

from lagbias.base.errors import InputError
from lagbias.base.threads import usable
from lagbias.fields.grid import Grid


def keep_compiled(module: ModuleType) -> None:
    """Let numba cache a module's compiled functions on disk, as ``cache=True`` would.

    abacusutils compiles its painting anew in every process. (Not its mode counting: numba
    keeps no function that asks for its thread's number.)

    Parameters
    ----------
    module : module with numba functions
    """
    for function in vars(module).values():
        if isinstance(function, Dispatcher) and function.py_func.__module__ == module.__name__:
            function.enable_caching()


keep_compiled(tsc)


def paint(positions_and_weights, grid: Grid, threads: int = 1) -> np.ndarray:
    """Overdensity of weighted points by triangular-shaped clouds (abacusutils).

    Parameters
    ----------
    positions_and_weights : iterable of (float32 (n, 3) in [0, L), float32 (n,) or None)
    grid : Grid
        Its point [0,0,0] is at position (0, 0, 0), which is (-L/2, -L/2, -L/2) of the box.
    threads : int
        One number gives the same bits each time; others differ from it by float32 rounding.

    Returns
    -------
    overdensity : float32, (n, n, n)

    Raises
    ------
    InputError
        If the weights add up to nothing.
    """
    density = np.zeros(grid.shape, dtype=np.float32)
    for position, weight in positions_and_weights:
        add_points(density, position, weight, grid, threads)
    return to_overdensity(density)


def add_points(
    density: np.ndarray, position: np.ndarray, weight: np.ndarray | None, grid: Grid, threads: int
) -> None:
    """Add weighted points to a density, in place, by triangular-shaped clouds (see ``paint``)."""
    tsc.tsc_parallel(
        position, density, grid.box_size, weights=weight,
        nthread=usable(threads), npartition=_stripes(grid.points, threads),
    )  # fmt: skip


def _stripes(cells: int, threads: int) -> int:
    """Stripes of a mesh, of which every other one is painted at once, for so many threads.

    A cloud is three cells wide, so a stripe has to be, or clouds of two threads overlap and what
    one of them adds is lost. abacusutils 2.1.2 makes stripes of two cells for many threads. The
    stripes, and so the order of the sums, follow the threads asked for and not the cores found.
    """
    return max(1, 2 * min(threads, cells // 6)) if threads > 1 else 1


def to_overdensity(density: np.ndarray) -> np.ndarray:
    """Turn a painted density into density / mean - 1, in place.

    Raises
    ------
    InputError
        If the mean is not positive.
    """
    mean = density.mean(dtype=np.float64)
    if not mean > 0:
        raise InputError("painting: the weights add up to zero; expected a positive total mass")
    density /= np.float32(mean)
    density -= 1
    return density
