"""Model fields on a box: f of Lagrangian grid points, carried by particles to final cells."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

from lagbias.devices import deterministic_algorithms, device_of
from lagbias.errors import InputError
from lagbias.files import written_whole
from lagbias.grids import Grid
from lagbias.layout import MEAN
from lagbias.mesh import Mesh, Particles, add_points, to_overdensity
from lagbias.network import HaloToMassRatio, passes
from lagbias.projection import Projection, slabs
from lagbias.sampling import append_sampling_noises
from lagbias.stores import append_variable, open_store, provenance, set_attributes
from lagbias.threads import usable

log = logging.getLogger(__name__)


def ratio_on_grid(
    networks: Sequence[HaloToMassRatio],
    projection: Projection,
    features: Mapping[float, str | Path],
    needed: np.ndarray,
) -> np.ndarray:
    """f at Lagrangian grid points, each evaluated once, on the networks' device.

    Parameters
    ----------
    networks : sequence
    projection : Projection
    features : mapping
        Smoothing scale [Mpc/h] to feature store of the box.
    needed : bool, (n^3,)
        Where f is wanted.

    Returns
    -------
    float32, (networks, n^3), 0 where f is not needed

    Raises
    ------
    InputError
        If the features are on another grid.
    """
    field = open_store(next(iter(features.values())))["delta"]
    _check_points(field.size, len(needed))
    ratio = np.zeros((len(networks), field.size), dtype=np.float32)
    for slab in slabs(field):
        inputs = projection.at(features, slab, needed[slab])
        ratio[:, slab][:, needed[slab]] = evaluated(networks, inputs)
    return ratio


@torch.no_grad()
def evaluated(networks: Sequence[HaloToMassRatio], inputs: np.ndarray) -> np.ndarray:
    """f of some inputs, float32 (networks, points)."""
    # Written where it belongs: small tensors kept until the end would split the freed memory.
    ratio = np.empty((len(networks), len(inputs)), dtype=np.float32)
    device = networks[0].device
    for part in passes(len(inputs), device):
        on_device = torch.from_numpy(inputs[part]).to(device)
        for values, network in zip(ratio, networks, strict=True):
            values[part] = network(on_device).cpu().numpy()
    return ratio


def _check_points(given: int, counted: int) -> None:
    if given != counted:
        raise InputError(
            f"f is given at {given} points but particles count a grid of "
            f"{round(counted ** (1 / 3))}^3: make features and particles with one density_grid"
        )


def occupied(particles: Particles) -> np.ndarray:
    """Which Lagrangian grid points have particles, bool (density_grid^3,)."""
    found = np.zeros(particles.density_grid**3, dtype=bool)
    for _, points in particles.index_chunks():
        found[points] = True
    return found


def write_prediction(
    weights: Mapping[int, str | Path],
    projection: str | Path,
    features: Mapping[float, str | Path],
    particles: str | Path,
    cell_size: float,
    store: str | Path,
    threads: int = 1,
    device: str = "cpu",
    deterministic: bool = False,
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
    device : str
        ``cpu``, ``cuda`` or ``auto``: where f is evaluated.
    deterministic : bool
        Use only operations that give the same bits every time.
    """
    torch.set_num_threads(usable(threads))
    mapping, catalogue = Projection.read(projection), Particles.open(particles)
    networks = [HaloToMassRatio.load(path).to(device_of(device)) for path in weights.values()]
    with deterministic_algorithms(deterministic):
        ratios = ratio_on_grid(networks, mapping, features, occupied(catalogue))
    members = [f"seed{seed}" for seed in weights]
    write_fields(catalogue, ratios, members, cell_size, store, threads, **attributes)


def write_fields(
    particles: Particles,
    ratios: Sequence[np.ndarray | None],
    members: Sequence[str],
    cell_size: float,
    store: str | Path,
    threads: int = 1,
    **attributes,
) -> None:
    """Paint particles that carry f and write the fields.

    The particles pass through once, some millions at a time.

    Parameters
    ----------
    particles : Particles
    ratios : float32, (density_grid^3,) each, or None
        f at Lagrangian grid points, of each member; None is f = 1.
    members : names of the members
        One is written as ``mean``; of several, their mean f is one more member, of that name.
    cell_size : float
        Of the evaluation mesh [Mpc/h].
    store : path of the zarr store
        ``overdensity`` float32 (member, x, y, z); ``cell_overdensity`` float32 (member, cell_x,
        cell_y, cell_z), in the sharp cells of the training mesh; ``square_overdensity`` float32
        (x, y, z), of particles that carry the square of the last member's f; ``mean_ratio``
        (member), <f> over this box's particles before it is divided out; and the noises of
        ``sampling.append_sampling_noises``.

    Raises
    ------
    InputError
        If f is not on the grid that the particles count.
    """
    for ratio in ratios:
        if ratio is not None:
            _check_points(len(ratio), particles.density_grid**3)
    members = [*members, MEAN] if len(members) > 1 else [MEAN]
    grid = evaluation_grid(cell_size, particles.mesh.box_size)
    mesh = particles.mesh
    fields = np.zeros((len(members), *grid.shape), dtype=np.float32)
    squared = np.zeros(grid.shape, dtype=np.float32)
    cells = np.zeros((len(members), mesh.size))
    sums = np.zeros((3, len(members)))  # of f, f^2 and f^3
    for position, points in particles.chunks():
        cell = mesh.nearest_cell(position - np.float32(mesh.box_size / 2))
        for number, carried in enumerate(_carried(ratios, points)):
            add_points(fields[number], position, carried, grid, threads)
            cells[number] += np.bincount(cell, carried, mesh.size)
            powers = np.power.outer(carried.astype(np.float64), [1, 2, 3])
            sums[:, number] += powers.sum(axis=0)
        add_points(squared, position, carried**2, grid, threads)
    for field in (*fields, squared):
        to_overdensity(field)
    cells = np.stack([to_overdensity(field) for field in cells]).astype(np.float32)
    count = len(particles.final_cell)
    evaluation = ("x", "y", "z")
    with written_whole(store) as partial:
        append_variable(partial, "overdensity", fields, ("member", *evaluation), units="1")
        append_variable(partial, "square_overdensity", squared, evaluation, units="1")
        append_variable(
            partial, "cell_overdensity", cells.reshape(-1, *(mesh.cells,) * 3),
            ("member", "cell_x", "cell_y", "cell_z"), units="1",
        )  # fmt: skip
        append_variable(partial, "mean_ratio", sums[0] / count, ("member",), units="1")
        append_sampling_noises(partial, sums, count, particles.sampled_fraction, grid.box_size)
        set_attributes(
            partial,
            **provenance(box_size=grid.box_size, **attributes),
            resolution=mesh.resolution,
            members=members,
        )


def _carried(ratios: Sequence[np.ndarray | None], points: np.ndarray) -> Iterator[np.ndarray]:
    """f of some particles, of each member and last, if there are several, of their mean."""
    total = np.zeros(len(points), dtype=np.float32)
    for ratio in ratios:
        carried = np.ones(len(points), dtype=np.float32) if ratio is None else ratio[points]
        total += carried
        yield carried
    if len(ratios) > 1:
        yield total / np.float32(len(ratios))


def evaluation_grid(cell_size: float, box_size: float) -> Grid:
    """The grid on which fields are compared; its cells must divide the box."""
    return Grid(Mesh.of_cell_size(cell_size, box_size).cells, box_size)


def write_matter(
    particles: str | Path, cell_size: float, store: str | Path, threads: int = 1, **attributes
) -> None:
    """Paint the matter of a box: every particle with f = 1."""
    write_fields(Particles.open(particles), [None], [MEAN], cell_size, store, threads, **attributes)
