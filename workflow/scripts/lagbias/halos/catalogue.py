"""Halos above a cut as points with weights, their field on a mesh, their Lagrangian radii."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from lagbias.base.stores import open_store
from lagbias.fields.grid import Grid
from lagbias.fields.mesh import Mesh
from lagbias.fields.painting import paint


def lagrangian_mass(radius: float, halos: Mapping) -> float:
    """Mass [Msun/h] of the mean density within a radius [Mpc/h], by the attributes of halos."""
    density = halos["particle_mass"] / halos["particle_volume"]
    return 4 / 3 * np.pi * radius**3 * density


def lagrangian_radii(*halos: str | Path) -> tuple[float, float]:
    """Lagrangian radii [Mpc/h] of the smallest halo and of the mass-weighted median halo.

    Parameters
    ----------
    halos : stores of one or several boxes
    """
    volume = np.sort(
        np.concatenate(
            [
                store["particle_count"].values * store.attrs["particle_volume"]
                for store in map(open_store, halos)
            ]
        )
    )
    median = volume[np.searchsorted(np.cumsum(volume), volume.sum() / 2)]
    smallest, median = ((3 * size / (4 * np.pi)) ** (1 / 3) for size in (volume[0], median))
    return float(smallest), float(median)


def halo_overdensity(position: np.ndarray, weight: np.ndarray, mesh: Mesh) -> np.ndarray:
    """Weighted halo overdensity by nearest grid point, float32 (cells, cells, cells).

    Parameters
    ----------
    position : (n, 3) [Mpc/h] in [-L/2, L/2]
    weight : (n,)
    mesh : Mesh
    """
    total = np.bincount(mesh.nearest_cell(position), weights=weight, minlength=mesh.size)
    overdensity = total / total.mean() - 1
    return overdensity.astype(np.float32).reshape((mesh.cells,) * 3)


def halo_points(halos: str | Path, box_size: float) -> tuple[np.ndarray, np.ndarray]:
    """Positions and weights of the halos of a store, as they are painted.

    Returns
    -------
    position : float32, (n, 3) in [0, L) [Mpc/h]
    weight : float64, (n,)
    """
    store = open_store(halos)
    position = (store["position"].values + np.float32(box_size / 2)) % np.float32(box_size)
    return position, store["weight"].values.astype(np.float64)


def paint_halos(halos: str | Path, grid: Grid, threads: int = 1) -> tuple[np.ndarray, float]:
    """Weighted halo overdensity on an evaluation grid, and its shot noise.

    Returns
    -------
    overdensity : float32, (n, n, n)
    shot_noise : float
        V sum(w^2) / sum(w)^2 [(Mpc/h)^3], the Poisson noise of points of weight w.
    """
    position, weight = halo_points(halos, grid.box_size)
    shot_noise = grid.box_size**3 * (weight**2).sum() / weight.sum() ** 2
    return paint([(position, weight.astype(np.float32))], grid, threads), float(shot_noise)


def number_shot_noise(halos: str | Path, box_size: float) -> float:
    """V / N [(Mpc/h)^3] of the halos of a store that have a weight, each counted once."""
    return float(box_size**3 / np.count_nonzero(open_store(halos)["weight"].values))
