"""Model fields on a box: f on every Lagrangian grid point, carried by particles to final cells."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

from lagbias.errors import InputError
from lagbias.files import written_whole
from lagbias.grids import Grid
from lagbias.layout import MEAN
from lagbias.mesh import PAINT_CHUNK, Mesh, Particles, paint_particles
from lagbias.network import ROWS_PER_PASS, HaloToMassRatio
from lagbias.projection import Projection, slabs
from lagbias.stores import append_variable, open_store, provenance, set_attributes

log = logging.getLogger(__name__)


def ratio_on_grid(
    networks: Sequence[HaloToMassRatio],
    projection: Projection,
    features: Mapping[float, str | Path],
) -> np.ndarray:
    """f at every Lagrangian grid point, each evaluated once, float32 (networks, n^3)."""
    field = open_store(next(iter(features.values())))["delta"]
    ratio = np.empty((len(networks), field.size), dtype=np.float32)
    for slab in slabs(field):
        ratio[:, slab] = ratio_at(networks, projection, features, slab)
    return ratio


@torch.no_grad()
def ratio_at(
    networks: Sequence[HaloToMassRatio],
    projection: Projection,
    features: Mapping[float, str | Path],
    slab: slice,
) -> np.ndarray:
    """f at some Lagrangian grid points, float32 (networks, points)."""
    inputs = torch.from_numpy(projection.at(features, slab))
    return np.stack(
        [
            torch.cat([network(part) for part in inputs.split(ROWS_PER_PASS["cpu"])]).numpy()
            for network in networks
        ]
    )


def write_prediction(
    weights: Mapping[int, str | Path],
    projection: str | Path,
    features: Mapping[float, str | Path],
    particles: str | Path,
    cell_size: float,
    store: str | Path,
    threads: int = 1,
    **attributes,
) -> None:
    """Write the model field of a box, for every seed and for f averaged over seeds.

    Parameters
    ----------
    weights : mapping
        Seed to weights file.
    projection, particles : paths
    features : mapping
        Smoothing scale [Mpc/h] to feature store of the box.
    cell_size : float
        Of the evaluation mesh [Mpc/h].
    store : path of the zarr store
        See ``write_fields``.
    threads : int
    """
    torch.set_num_threads(threads)
    networks = [HaloToMassRatio.load(path) for path in weights.values()]
    ratio = ratio_on_grid(networks, Projection.read(projection), features)
    members, ratios = [f"seed{seed}" for seed in weights], list(ratio)
    if len(members) > 1:
        ratios.append(ratio.mean(axis=0, dtype=np.float32))
        members.append(MEAN)
    else:
        members = [MEAN]
    write_fields(
        Particles.read(particles), ratios, members, cell_size, store, threads, **attributes
    )


def write_fields(
    particles: Particles,
    ratios: Sequence[np.ndarray],
    members: Sequence[str],
    cell_size: float,
    store: str | Path,
    threads: int = 1,
    **attributes,
) -> None:
    """Paint particles that carry f and write the fields.

    Parameters
    ----------
    particles : Particles
    ratios : float32, (density_grid^3,) each
        f at Lagrangian grid points, of each member.
    members : names of the members
    cell_size : float
        Of the evaluation mesh [Mpc/h].
    store : path of the zarr store
        ``overdensity`` float32 (member, x, y, z); ``mean_ratio`` (member), <f> over this box's
        particles before it is divided out; ``sampling_noise`` (member) [(Mpc/h)^3], the power
        that a random subsample of the particles adds, (1 - s) V sum f^2 / (sum f)^2.

    Raises
    ------
    InputError
        If f is not on the grid that the particles count.
    """
    if len(ratios[0]) != particles.density_grid**3:
        raise InputError(
            f"f is given at {len(ratios[0])} points but particles count a grid of "
            f"{particles.density_grid}^3: make features and particles with one density_grid"
        )
    grid = evaluation_grid(cell_size, particles.mesh.box_size)
    fields = np.stack([paint_particles(particles, values, grid, threads) for values in ratios])
    sums, squares = np.array([ratio_moments(particles, values) for values in ratios]).T
    thinning = (1 - particles.sampled_fraction) * grid.box_size**3
    with written_whole(store) as partial:
        append_variable(partial, "overdensity", fields, ("member", "x", "y", "z"), units="1")
        append_variable(
            partial, "mean_ratio", sums / len(particles.lagrangian_index), ("member",), units="1"
        )
        append_variable(
            partial, "sampling_noise", thinning * squares / sums**2, ("member",), units="(Mpc/h)^3"
        )
        with_matter = np.full(len(sums), thinning / len(particles.lagrangian_index))
        append_variable(
            partial, "sampling_noise_with_matter", with_matter, ("member",), units="(Mpc/h)^3"
        )
        set_attributes(
            partial,
            **provenance(box_size=grid.box_size, **attributes),
            resolution=particles.mesh.resolution,
            members=list(members),
        )


def ratio_moments(particles: Particles, ratio: np.ndarray) -> tuple[float, float]:
    """Sums of f and f^2 over particles, in float64."""
    total, squares = 0.0, 0.0
    for start in range(0, len(particles.lagrangian_index), PAINT_CHUNK):
        values = ratio[particles.lagrangian_index[start : start + PAINT_CHUNK]].astype(np.float64)
        total += values.sum()
        squares += np.dot(values, values)
    return total, squares


def evaluation_grid(cell_size: float, box_size: float) -> Grid:
    """The grid on which fields are compared; its cells must divide the box."""
    return Grid(Mesh.of_cell_size(cell_size, box_size).cells, box_size)


def write_matter(
    particles: str | Path, cell_size: float, store: str | Path, threads: int = 1, **attributes
) -> None:
    """Paint the matter of a box: every particle with f = 1."""
    catalogue = Particles.read(particles)
    ones = np.ones(catalogue.density_grid**3, dtype=np.float32)
    write_fields(catalogue, [ones], [MEAN], cell_size, store, threads, **attributes)
