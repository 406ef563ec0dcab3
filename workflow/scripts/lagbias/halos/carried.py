"""Fields of what particles carry from Lagrangian points to final cells."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from lagbias.base.errors import InputError
from lagbias.base.files import written_whole
from lagbias.base.stores import MEAN, append_variable, provenance, set_attributes
from lagbias.fields.grid import Grid
from lagbias.fields.mesh import Mesh
from lagbias.fields.painting import add_points, to_overdensity
from lagbias.fields.sampling_noise import append_sampling_noises
from lagbias.halos.particles import Particles


def check_points(file: str | Path, given: int, counted: int) -> None:
    """Refuse f on a grid that is not the one that the particles count; ``file`` has or gets it.

    Raises
    ------
    InputError
        If they differ.
    """
    if given != counted:
        points, expected = (round(number ** (1 / 3)) for number in (given, counted))
        raise InputError(
            f"{file}: f is given on a grid of {points} points a side, expected {expected}, which "
            "the particles count; make features and particles of this box again with one "
            "density_grid"
        )


def write_fields(
    particles: Particles,
    ratios: Sequence[np.ndarray | None] | np.ndarray,
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
        ``sampling_noise.append_sampling_noises``.

    Raises
    ------
    InputError
        If f is not on the grid that the particles count.
    """
    for ratio in ratios:
        if ratio is not None:
            check_points(store, len(ratio), particles.density_grid**3)
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


def _carried(
    ratios: Sequence[np.ndarray | None] | np.ndarray, points: np.ndarray
) -> Iterator[np.ndarray]:
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
