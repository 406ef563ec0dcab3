"""Power of the linear density of a box, mode by mode: what filters of that density are weighed by.

Two filters F and W make fields of it whose covariance is sum_k |delta_k|^2 F(k) W(k). The modes
are those of the box itself, so no cosmology is assumed; they are summed over equal |k|, of which
a filter is a function, so the sum is exact.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xarray as xr

from lagbias.base.stores import provenance, read_netcdf, write_netcdf
from lagbias.fields.grid import Grid, InPlaceTransform

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class LinearPower:
    """Variance of the linear density at each wavenumber.

    Attributes
    ----------
    wavenumber : float64, (k,) [h/Mpc]
        Above zero; any order, and of several boxes any number of times.
    variance : float64, (k,)
        Of the modes of this wavenumber; their sum is the variance of the density.
    """

    wavenumber: np.ndarray
    variance: np.ndarray

    @classmethod
    def read(cls, paths: Sequence[str | Path]) -> "LinearPower":
        """The power of several boxes, each grid point counting once."""
        boxes = [read_netcdf(path) for path in paths]
        points = np.array([box.attrs["points_per_side"] for box in boxes], dtype=np.float64) ** 3
        return cls(
            np.concatenate([box["k"].values for box in boxes]),
            np.concatenate(
                [
                    box["variance"].values * share
                    for box, share in zip(boxes, points / points.sum(), strict=True)
                ]
            ),
        )

    def covariance(self, first: np.ndarray, second: np.ndarray) -> float:
        """Covariance of the fields that two filters (k,) make of the linear density."""
        return float((self.variance * first) @ second)


def variance_by_wavenumber(spectrum: np.ndarray, grid: Grid) -> tuple[np.ndarray, np.ndarray]:
    """Sums of |delta_k|^2 over modes of equal wavenumber, in float64; the mean is left out.

    Parameters
    ----------
    spectrum : complex64, (n, n, n // 2 + 1), normalised by 1 / n^3
    grid : Grid

    Returns
    -------
    wavenumber : float64, (k,) [h/Mpc], rising
    variance : float64, (k,)
    """
    number = np.rint(grid.wavenumbers() / grid.fundamental).astype(np.int64)
    last = np.arange(grid.points // 2 + 1)
    # The last axis is halved: its modes stand for their conjugates too, but for two planes.
    copies = np.where((last == 0) | (2 * last == grid.points), 1, 2)
    length = 3 * (grid.points // 2) ** 2 + 1
    modes, variance = np.zeros((2, length))
    for n, plane in zip(number, spectrum, strict=True):
        square = (n**2 + number[:, None] ** 2 + last**2).ravel()
        power = (plane.real.astype(np.float64) ** 2 + plane.imag.astype(np.float64) ** 2) * copies
        variance += np.bincount(square, power.ravel(), length)
        modes += np.bincount(square, np.broadcast_to(copies, plane.shape).ravel(), length)
    there = np.flatnonzero(modes)[1:]
    return np.sqrt(there) * grid.fundamental, variance[there]


def write_linear_power(
    linear_density: Callable[[], np.ndarray],
    box_size: float,
    output: str | Path,
    threads: int = 1,
    **attributes,
) -> None:
    """Write the power of the linear density of a box.

    Parameters
    ----------
    linear_density : function
        Returns float32 (n, n, n), freed once it is transformed: two grids at most are held.
    box_size : float
        [Mpc/h]
    output : path
        NetCDF: ``variance`` (k), the sum of |delta_k|^2 over the modes of each wavenumber.
    threads : int
    """
    density = linear_density()
    grid = Grid(len(density), box_size)
    transform = InPlaceTransform(grid.shape, threads)
    transform.field[:] = density
    del density
    wavenumber, variance = variance_by_wavenumber(transform.to_spectrum(), grid)
    log.info("deviation of the linear density on its grid: %.4f", np.sqrt(variance.sum()))
    write_netcdf(
        xr.Dataset(
            {"variance": ("k", variance, {"units": "1"})},
            coords={"k": ("k", wavenumber, {"units": "h/Mpc"})},
            attrs=provenance(box_size=box_size, points_per_side=grid.points, **attributes),
        ),
        output,
    )
