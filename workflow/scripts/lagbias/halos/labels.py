"""Labels of Lagrangian grid points: how many of their particles end in halos."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from lagbias.base.errors import InputError
from lagbias.base.stores import open_store, read_values
from lagbias.halos.particles import Particles, particles_of_points


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
