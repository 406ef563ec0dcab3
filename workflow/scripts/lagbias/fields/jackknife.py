"""Spatial jackknife: errors from leaving out one of 27 sub-cubes of a box at a time."""

import numpy as np
import xarray as xr

SUB_CUBES_PER_SIDE = 3
SUB_CUBES = SUB_CUBES_PER_SIDE**3
# Share of the pairs between a sub-cube and the rest that goes with it. If all went, each pair of
# sub-cubes would be left out twice, and the variance that is due to such pairs come out doubled
# (Mohammad & Percival 2022, arXiv:2109.07071).
CROSS_PAIRS_OUT = SUB_CUBES / (2 + np.sqrt(2) * (SUB_CUBES - 1))


def sub_cube_of_cells(cells: int) -> np.ndarray:
    """The sub-cube that each cell of a mesh lies in, int64 (cells, cells, cells).

    Where three does not divide the cells, sub-cubes differ by one cell a side.
    """
    part = np.arange(cells) * SUB_CUBES_PER_SIDE // cells
    return np.ravel_multi_index(
        np.meshgrid(part, part, part, indexing="ij"), (SUB_CUBES_PER_SIDE,) * 3
    )


def split_off(overdensity: np.ndarray, out: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Overdensity of what is left of a box without some of its cells, and of these cells.

    Parameters
    ----------
    overdensity : float32, (n, n, n)
    out : bool, (n, n, n)

    Returns
    -------
    rest, part : float32, (n, n, n)
        Relative to the mean of the cells that are left; each 0 in the cells of the other.
    """
    mean = (1 + overdensity).mean(where=~out, dtype=np.float64)
    whole = (1 + overdensity) / np.float32(mean) - 1
    return np.where(out, np.float32(0), whole), np.where(out, whole, np.float32(0))


def jackknife_error(samples: xr.Dataset, dim: str = "sub_cube") -> xr.Dataset:
    """Standard errors from statistics of all sub-cubes but one.

    sigma^2 = (n - 1) / n sum (theta_i - <theta>)^2 (Tukey 1958; Norberg et al. 2009,
    arXiv:0810.1885, eq. 5).
    """
    count = samples.sizes[dim]
    return np.sqrt((count - 1) * samples.var(dim, skipna=False))


def named_errors(errors: xr.Dataset) -> xr.Dataset:
    """The same under names that say what they are."""
    return errors.rename({name: f"{name}_jackknife_error" for name in errors})
