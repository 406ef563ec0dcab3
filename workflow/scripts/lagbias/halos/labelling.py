"""Labels: which particles of a box end in halos, counted by Lagrangian grid point."""

import logging
import math
from pathlib import Path

import numpy as np

from lagbias.base.errors import InputError
from lagbias.base.files import written_whole
from lagbias.base.limits import MOST_TO_A_POINT
from lagbias.base.stores import append_variable, provenance, set_attributes
from lagbias.config.tracers import Tracer
from lagbias.halos.indexing import lagrangian_points
from lagbias.halos.particles import Particles
from lagbias.simulations.box import SimulationBox

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
    box: SimulationBox,
    particles: str | Path,
    tracer: Tracer,
    store: str | Path,
) -> None:
    """Write how many particles of each Lagrangian grid point end in halos above a cut.

    Parameters
    ----------
    box : SimulationBox
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
    points = catalogue.density_grid
    _check_counted(box.particles_per_side, points, box.density_file)
    labelled = np.zeros(points**3, dtype=label_of(tracer, np.ones(0)).dtype)
    for lattice_index, _, halo_particles in box.member_points(tracer.min_particles):
        point = lagrangian_points(lattice_index, box.particles_per_side, points)
        np.add.at(labelled, point, label_of(tracer, halo_particles))
    total = float(labelled.sum(dtype=np.float64))
    check_labelled(total, box, tracer.min_particles)
    log.info("%g of %d particles are in halos", total, len(catalogue.final_cell))
    with written_whole(store) as partial:
        grid = labelled.reshape((points,) * 3)
        append_variable(partial, "labelled", grid, ("x", "y", "z"), units="1")
        set_attributes(
            partial,
            **provenance(
                simulation=box.name, redshift=box.redshift, box_size=catalogue.mesh.box_size
            ),
            density_grid=points, min_particles=tracer.min_particles,
            weighting=tracer.weighting, labelled_particles=total,
            particles=len(catalogue.final_cell),
        )  # fmt: skip


def _check_counted(particles_per_side: int, points: int, density: str) -> None:
    """Refuse a grid with more particles to a point than the labels of a point count."""
    found = math.ceil(particles_per_side / points) ** 3
    if found > MOST_TO_A_POINT:
        raise InputError(
            f"{density}: up to {found} of {particles_per_side}^3 particles belong to one of its "
            f"{points}^3 points, expected at most {MOST_TO_A_POINT}, as labels count them; use a "
            "finer ic_dens file"
        )


def check_labelled(count: float, box: SimulationBox, min_particles: int) -> None:
    """Refuse halos without particles.

    Raises
    ------
    InputError
        If ``count`` is none.
    """
    if not count:
        raise InputError(
            f"labels: no particle in halos with N > {min_particles} in {box.files}; expected "
            "halos that tell where their particles are (AbacusSummit: npstartA and npoutA in "
            "halo_info, particles in halo_rv_A); use a lower cut"
        )
