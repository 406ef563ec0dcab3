"""The proto-halo labels: each particle's own f, the ceiling that no local f can pass.

A particle of a halo above the cut carries its share w / N of the halo's weight, over its mean over
all particles, any other f = 0, so <f> = 1; with mass weighting w / N = 1. What is left of the error
is that the halo field has its weight at points and not on particles, and the sampling of the
particles; a local f has to guess the labels besides.
"""

import logging
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from lagbias.base.errors import InputError
from lagbias.base.files import written_whole
from lagbias.base.limits import MOST_TO_A_POINT
from lagbias.base.stores import (
    AGAIN,
    MEAN,
    append_variable,
    open_store,
    provenance,
    read_values,
    set_attributes,
)
from lagbias.config.tracers import Tracer
from lagbias.fields.grid import Grid
from lagbias.fields.mesh import Mesh
from lagbias.fields.painting import paint
from lagbias.fields.sampling_noise import append_sampling_noises
from lagbias.halos.catalogue import halo_overdensity
from lagbias.halos.particles import Particles, lagrangian_points, particles_of_points
from lagbias.simulations.abacus.members import labelled_lattice, labelled_positions
from lagbias.simulations.abacus.reader import check_same_box, lattice_side, read_header
from lagbias.simulations.abacus.tree import BoxFiles

log = logging.getLogger(__name__)


def label_of(tracer: Tracer, halo_particles: np.ndarray) -> np.ndarray:
    """What a particle of a halo counts, in [0, 1]: its share of what the halo does, to a factor.

    The factor is the same in every box: the largest share that the cut allows counts 1.

    Parameters
    ----------
    tracer : Tracer
    halo_particles : int64, (n,)
        N of the halos.

    Returns
    -------
    uint16 or float32, (n,)

    Raises
    ------
    InputError
        If what a halo counts is not known from N.
    """
    if tracer.weighting == "mass":
        return np.ones(len(halo_particles), dtype=np.uint16)
    if tracer.weighting == "number":
        return ((tracer.min_particles + 1) / halo_particles).astype(np.float32)
    raise InputError(
        f"labels of a tracer weighted by {tracer.weighting}: expected one in which a halo counts "
        "by its particles or one; train on labels of N50 or N50-number, or on the field"
    )


def write_labels(
    files: BoxFiles,
    redshift: float,
    particles: str | Path,
    tracer: Tracer,
    store: str | Path,
) -> None:
    """Write how many particles of each Lagrangian grid point end in halos above a cut.

    Parameters
    ----------
    files : BoxFiles
    redshift : float
        Expected redshift of the files.
    particles : path of the store of all particles
    tracer : Tracer
        Its halos are labelled; a particle counts as ``label_of`` says.
    store : path of the zarr store
        ``labelled`` uint16 or float32 (x, y, z), on the density grid; the attributes
        ``labelled_particles`` and ``particles`` are the numbers in all.

    Raises
    ------
    InputError
        If no particle is labelled, or halos and density are of different boxes.
    """
    catalogue = Particles.open(particles)
    density_header = read_header(files.density)
    points = catalogue.density_grid
    labelled = np.zeros(points**3, dtype=label_of(tracer, np.ones(0)).dtype)
    for lattice_index, halo_particles, header in labelled_lattice(files, tracer.min_particles):
        check_same_box(header, density_header, redshift, str(files.halos))
        ppd = lattice_side(header, files.halos)
        _check_counted(ppd, points, files.density)
        point = lagrangian_points(lattice_index, ppd, points)
        np.add.at(labelled, point, label_of(tracer, halo_particles))
    total = float(labelled.sum(dtype=np.float64))
    _check_labelled(total, files, tracer.min_particles)
    log.info("%g of %d particles are in halos", total, len(catalogue.final_cell))
    with written_whole(store) as partial:
        grid = labelled.reshape((points,) * 3)
        append_variable(partial, "labelled", grid, ("x", "y", "z"), units="1")
        set_attributes(
            partial,
            **provenance(
                simulation=header["SimName"], redshift=redshift, box_size=catalogue.mesh.box_size
            ),
            density_grid=points, min_particles=tracer.min_particles,
            weighting=tracer.weighting, labelled_particles=total,
            particles=len(catalogue.final_cell),
        )  # fmt: skip


def _check_counted(particles_per_side: int, points: int, density: Path) -> None:
    """Refuse a grid with more particles to a point than the labels of a point count."""
    found = math.ceil(particles_per_side / points) ** 3
    if found > MOST_TO_A_POINT:
        raise InputError(
            f"{density}: up to {found} of {particles_per_side}^3 particles belong to one of its "
            f"{points}^3 points, expected at most {MOST_TO_A_POINT}, as labels count them; use a "
            "finer ic_dens file"
        )


def _check_labelled(count: float, files: BoxFiles, min_particles: int) -> None:
    if not count:
        raise InputError(
            f"labels: no particle in halos with N > {min_particles} in {files.halos}; expected "
            "npstartA and npoutA in halo_info and particles in halo_rv_A; use a lower cut"
        )


def labelled_points(
    particles: Particles, labels: str | Path
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The grid points that hold particles, how many, and how many of them are labelled.

    Returns
    -------
    point : int64, (points,)
    count : int32, (points,)
    labelled : uint16 or float32, (points,)

    Raises
    ------
    InputError
        If more particles are labelled somewhere than there are.
    """
    count = particles_of_points(particles)
    labelled = read_values(open_store(labels)["labelled"]).reshape(-1)
    more = np.flatnonzero(labelled > count)
    if len(more):
        raise InputError(
            f"{labels}: {labelled[more[0]]} particles labelled at grid point {more[0]}, where "
            f"there are {count[more[0]]}: expected labels of the same box as the particles; make "
            "both again from the same files"
        )
    point = np.flatnonzero(count)
    return point, count[point], labelled[point]


def share_labelled(labels: Sequence[str | Path]) -> float:
    """p(halo): the share of the particles of some boxes that are labelled."""
    attributes = [open_store(path).attrs for path in labels]
    labelled = sum(found["labelled_particles"] for found in attributes)
    return labelled / sum(found["particles"] for found in attributes)


def shares(halos: str | Path, halo: np.ndarray, halo_particles: np.ndarray) -> np.ndarray:
    """The share w / N of each particle in the weight of its halo, float64 (n,).

    Parameters
    ----------
    halos : path of the store of the halos
    halo, halo_particles : int64, (n,), see ``labelled_rows``

    Raises
    ------
    InputError
        If the store is not of the halos that are numbered.
    """
    store = open_store(halos)
    count = store["particle_count"].values
    if halo.max() >= len(count) or (count[halo] != halo_particles).any():
        raise InputError(
            f"labels: {halos} has not the halos of the particles' files: expected those of one "
            f"box; {AGAIN}"
        )
    return (store["weight"].values / count)[halo]


def write_label_prediction(
    files: BoxFiles,
    particles: str | Path,
    halos: str | Path,
    cell_size: float,
    store: str | Path,
    threads: int = 1,
    **attributes,
) -> None:
    """Write the labels of a box as a model field (see ``prediction.write_fields``).

    Parameters
    ----------
    files : BoxFiles
    particles, halos : paths of the stores of all particles, and of the halos that are labelled
        Where the particles are of redshift space, so is the field.
    cell_size : float
        Of the evaluation mesh [Mpc/h].
    store : path of the zarr store
    threads : int

    Raises
    ------
    InputError
        If no particle is labelled, or the halos are not those of the files.
    """
    catalogue = open_store(particles)
    box_size, everything = catalogue.attrs["box_size"], catalogue.sizes["particle"]
    mesh = Mesh(catalogue.attrs["cells"], box_size)
    min_particles = open_store(halos).attrs["min_particles"]
    displaced = catalogue.attrs["redshift_space"]
    labelled = zip(*labelled_positions(files, min_particles, displaced), strict=True)
    position, halo, halo_particles = map(np.concatenate, labelled)
    _check_labelled(len(position), files, min_particles)
    carried = shares(halos, halo, halo_particles)
    log.info("%d of %d particles are in halos", len(position), everything)
    # Centres of sub-cells, as all other particles are known and as their window is taken off.
    position = (np.floor(position / mesh.resolution) + 0.5) * mesh.resolution + box_size / 2
    grid = Grid(Mesh.of_cell_size(cell_size, box_size).cells, box_size)
    wrapped = (position % box_size).astype(np.float32)
    field, square = (
        paint([(wrapped, (carried**power).astype(np.float32))], grid, threads) for power in (1, 2)
    )
    cells = halo_overdensity(position - box_size / 2, carried, mesh)
    sums = np.array([[(carried**power).sum()] for power in (1, 2, 3)])
    share = catalogue.attrs["sampled_fraction"]
    evaluation = ("x", "y", "z")
    with written_whole(store) as partial:
        append_variable(partial, "overdensity", field[None], ("member", *evaluation), units="1")
        append_variable(partial, "square_overdensity", square, evaluation, units="1")
        append_variable(
            partial, "cell_overdensity", cells[None], ("member", "cell_x", "cell_y", "cell_z"),
            units="1",
        )  # fmt: skip
        append_variable(partial, "mean_ratio", np.ones(1), ("member",), units="1")
        append_sampling_noises(partial, sums, everything, share, box_size)
        set_attributes(
            partial,
            **provenance(box_size=box_size, **attributes),
            resolution=mesh.resolution, members=[MEAN],
        )  # fmt: skip
