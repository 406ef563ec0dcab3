"""Halos above a cut, written with what each of them counts for and with their field."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from lagbias.base.files import written_whole
from lagbias.base.stores import append_variable, provenance, set_attributes
from lagbias.fields.mesh import Mesh
from lagbias.halos.catalogue import halo_overdensity
from lagbias.simulations.box import SimulationBox

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Weighting:
    """What each halo of a box counts for in the halo field.

    Parameters
    ----------
    name : str
        In the name of a tracer, ``N50-number``; ``mass`` is left out of it.
    weigh : function
        Of the halos' particle counts, int64 (halo), of their box and of the halo cut, in particles;
        returns int64 (halo).
    """

    name: str
    weigh: Callable[[np.ndarray, SimulationBox, int], np.ndarray]


class Points(NamedTuple):
    """A catalogue.

    Attributes
    ----------
    position : float32, (n, 3)
        [Mpc/h], in [-L/2, L/2].
    particle_count : int64, (n,)
        Of the halo.
    weight : int64, (n,)
        What each counts for in the halo field.
    """

    position: np.ndarray
    particle_count: np.ndarray
    weight: np.ndarray


BY_MASS = Weighting("mass", lambda particle_count, box, cut: particle_count)
BY_NUMBER = Weighting("number", lambda particle_count, box, cut: np.ones_like(particle_count))
# Those that follow from the catalogue alone.
WEIGHTINGS = {weighting.name: weighting for weighting in (BY_MASS, BY_NUMBER)}


def write_halos(
    box: SimulationBox,
    min_particles: int,
    cell_size: float,
    store: str | Path,
    weighting: Weighting = BY_MASS,
    redshift_space: bool = False,
) -> None:
    """Write the halos with more than ``min_particles`` particles, and their overdensity.

    Parameters
    ----------
    box : SimulationBox
    min_particles : int
        Halos with N > min_particles are kept.
    cell_size : float
        Training cell [Mpc/h].
    store : path of the zarr store, as ``write_points`` writes it
    weighting : Weighting
    redshift_space : bool
        Whether positions are displaced along z by velocities.

    Raises
    ------
    InputError
        If no halo is above the cut, or halos and density are of different boxes.
    """
    position, particle_count = box.halos(min_particles, redshift_space)
    log.info("%d halos with N > %d", len(position), min_particles)
    points = Points(position, particle_count, weighting.weigh(particle_count, box, min_particles))
    write_points(box, points, min_particles, cell_size, store, weighting.name, redshift_space)


def write_points(
    box: SimulationBox,
    points: Points,
    min_particles: int,
    cell_size: float,
    store: str | Path,
    weighting: str,
    redshift_space: bool,
) -> None:
    """Write a catalogue and its overdensity.

    Parameters
    ----------
    box : SimulationBox
    points : Points
    min_particles : int
        Of the halos.
    cell_size : float
        Training cell [Mpc/h].
    store : path of the zarr store
        ``overdensity`` float32 (x, y, z) on the training mesh, weighted, nearest grid point;
        ``position`` float32 (halo, axis) [Mpc/h]; ``particle_count``, ``weight`` int64 (halo).
        An item is a halo, or a galaxy by AbacusHOD.
    weighting : str
        As in the name of the tracer.
    redshift_space : bool
        Whether positions are displaced along z by velocities.
    """
    mesh = Mesh.of_cell_size(cell_size, box.box_size)
    position, particle_count, weight = points
    with written_whole(store) as partial:
        overdensity = halo_overdensity(position, weight, mesh)
        append_variable(partial, "overdensity", overdensity, ("x", "y", "z"), units="1")
        append_variable(partial, "position", position, ("halo", "axis"), units="Mpc/h")
        append_variable(partial, "particle_count", particle_count, ("halo",), units="1")
        append_variable(partial, "weight", weight, ("halo",), units="1")
        set_attributes(
            partial,
            **provenance(simulation=box.name, redshift=box.redshift, box_size=box.box_size),
            min_particles=min_particles, weighting=weighting, cells=mesh.cells,
            redshift_space=redshift_space,
            particle_mass=box.particle_mass, particle_mass_units="Msun/h",
            particle_volume=box.box_size**3 / box.particle_count,
            particle_volume_units="(Mpc/h)^3",
        )  # fmt: skip
