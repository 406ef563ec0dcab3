"""The one-point distribution: how much mass the cubes of a box hold, by model and by halos."""

import numpy as np
import xarray as xr

from lagbias.fields.jackknife import (
    SUB_CUBES,
    SUB_CUBES_PER_SIDE,
    jackknife_error,
    named_errors,
    sub_cube_of_cells,
)

CUBE_SIDES = (10.0, 20.0)  # Mpc/h, sides that are wanted
# Bins of 1 + delta, fixed so that boxes compare; the first and last take what is beyond, the first
# empty cubes too.
CONTRAST_EDGES = np.concatenate([[-np.inf], np.geomspace(0.1, 31.6, 21).round(4), [np.inf]])


def cells_of_cubes(cells: int, cell_size: float) -> list[int]:
    """Mesh cells along the sides of cubes: of all that divide the box, the nearest to those wanted.

    Parameters
    ----------
    cells : int
        Cells along a side of the box.
    cell_size : float
        [Mpc/h]
    """
    divisors = [number for number in range(1, cells + 1) if cells % number == 0]
    nearest = (min(divisors, key=lambda n: abs(n * cell_size - side)) for side in CUBE_SIDES)
    return sorted(set(nearest))


def cube_means(overdensity: np.ndarray, cells: int) -> np.ndarray:
    """Mass in cubes over its mean, 1 + delta, from the overdensity of the cells in them.

    Parameters
    ----------
    overdensity : float32, (..., n, n, n), of sharp cells (nearest grid point)
    cells : int
        Cells along a cube's side; divides n.

    Returns
    -------
    float64, (..., n / cells, n / cells, n / cells)
    """
    *leading, n = overdensity.shape[:-2]
    blocks = (1 + overdensity.astype(np.float64)).reshape(*leading, *(n // cells, cells) * 3)
    return blocks.mean(axis=(-5, -3, -1))


def cube_statistics(model: np.ndarray, halo: np.ndarray, box_size: float, mean: int) -> xr.Dataset:
    """Shares of cubes by 1 + delta, its variance and its skewness.

    Parameters
    ----------
    model : float32, (members, n, n, n), overdensity in sharp cells
    halo : float32, (n, n, n)
    box_size : float
        [Mpc/h]
    mean : int
        The member whose jackknife errors are wanted.

    Returns
    -------
    xr.Dataset over (member, cube_side): ``cell_variance_model`` of 1 + delta, with what sampling
        adds, ``cell_skewness_model``, the third moment over the variance to 3/2,
        ``cell_variance_ratio`` of model over halos; ``cell_share_model`` over contrast_bin too; the
        same of halos without member.
    """
    cell_size = box_size / len(halo)
    sides = cells_of_cubes(len(halo), cell_size)
    found = [_of_cubes(cube_means(model, cells), cube_means(halo, cells), mean) for cells in sides]
    return xr.concat(found, "cube_side").assign_coords(
        cube_side=("cube_side", np.array(sides) * cell_size, {"units": "Mpc/h"}),
        contrast_low=("contrast_bin", CONTRAST_EDGES[:-1]),
        contrast_high=("contrast_bin", CONTRAST_EDGES[1:]),
    )


def _of_cubes(model: np.ndarray, halo: np.ndarray, mean: int) -> xr.Dataset:
    """Statistics of cubes of one size, (members, m, m, m) and (m, m, m)."""
    place = sub_cube_of_cells(len(halo))
    left_out = [
        _moments(model[mean : mean + 1, place != number], halo[place != number])
        for number in range(SUB_CUBES)
    ]
    errors = jackknife_error(xr.concat(left_out, "sub_cube")).isel(member=0)
    errors = errors.where(len(halo) >= SUB_CUBES_PER_SIDE)  # fewer cubes fill no sub-cubes
    shares = np.array([np.histogram(one, CONTRAST_EDGES)[0] / one.size for one in (*model, halo)])
    return (
        _moments(model.reshape(len(model), -1), halo.ravel())
        .merge(named_errors(errors))
        .assign(
            cell_share_model=(("member", "contrast_bin"), shares[:-1]),
            cell_share_halo=("contrast_bin", shares[-1]),
        )
    )


def _moments(model: np.ndarray, halo: np.ndarray) -> xr.Dataset:
    """Variance and skewness of 1 + delta, (members, cubes) and (cubes,), by their own means."""
    moments = xr.Dataset()
    for name, contrast, dims in (("model", model, ("member",)), ("halo", halo, ())):
        deviation = contrast / contrast.mean(axis=-1, keepdims=True) - 1
        variance = (deviation**2).mean(axis=-1)
        moments[f"cell_variance_{name}"] = dims, variance
        moments[f"cell_skewness_{name}"] = dims, (deviation**3).mean(axis=-1) / variance**1.5
    moments["cell_variance_ratio"] = moments["cell_variance_model"] / moments["cell_variance_halo"]
    return moments
