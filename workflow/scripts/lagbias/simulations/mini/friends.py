"""Friends-of-friends groups of particles in a periodic box."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import KDTree

from lagbias.base.errors import InputError
from lagbias.base.limits import MOST_LINKS


def friends_of_friends(
    position: NDArray[np.floating],
    box_size: float,
    linking_length: float,
    min_particles: int,
) -> NDArray[np.int32]:
    """Group particles that are chained by links shorter than the linking length.

    Parameters
    ----------
    position : float, (n, 3)
        Positions in a periodic box, in [-L/2, L/2] [Mpc/h].
    box_size : float
        Side L of the box [Mpc/h].
    linking_length : float
        Longest link [Mpc/h].
    min_particles : int
        Smallest group kept.

    Returns
    -------
    int32, (n,)
        Number of the group of each particle, groups counted by their first particle, -1 for
        the particles of none.

    Raises
    ------
    InputError
        If there are more links than can be counted.
    """
    wrapped = np.mod(position.astype(np.float64), box_size)
    wrapped[wrapped >= box_size] = 0.0
    tree = KDTree(wrapped, boxsize=box_size, balanced_tree=False, compact_nodes=False)
    del wrapped
    pairs = tree.query_pairs(linking_length, output_type="ndarray").astype(np.int32)
    del tree
    if len(pairs) > MOST_LINKS:
        raise InputError(
            f"halo finding: found {len(pairs)} links of {len(position)} particles, expected at "
            f"most {MOST_LINKS}; use fewer mini.particles_per_side"
        )
    graph = coo_array(
        (np.ones(len(pairs), dtype=np.int8), (pairs[:, 0], pairs[:, 1])),
        shape=(len(position), len(position)),
    )
    _, component = connected_components(graph, directed=False)
    sizes = np.bincount(component)
    kept = np.flatnonzero(sizes >= min_particles)
    number = np.full(len(sizes), -1, dtype=np.int32)
    number[kept] = np.arange(len(kept), dtype=np.int32)
    return number[component]


def halo_properties(
    position: NDArray[np.floating],
    velocity: NDArray[np.floating],
    label: NDArray[np.integer],
    box_size: float,
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Particle number, periodic centre of mass and mean velocity of each halo.

    Parameters
    ----------
    position, velocity : float, (n, 3)
        Zero-centred positions [Mpc/h] and velocities [km/s] of the particles.
    label : int, (n,)
        Halo of each particle, -1 for none; every halo is smaller than half the box.
    box_size : float
        Side of the box [Mpc/h].

    Returns
    -------
    number : int64, (n_halos,)
    centre : float64, (n_halos, 3), in [-L/2, L/2] [Mpc/h]
    mean_velocity : float64, (n_halos, 3) [km/s]
    """
    member = np.flatnonzero(label >= 0)
    halo = label[member]
    number = np.bincount(halo)
    _, first = np.unique(halo, return_index=True)
    centre = np.empty((len(number), 3))
    mean_velocity = np.empty_like(centre)
    for axis in range(3):
        along = position[member, axis].astype(np.float64)
        origin = along[first]
        offset = wrap(along - origin[halo], box_size)
        mean_offset = np.bincount(halo, offset, len(number)) / number
        centre[:, axis] = wrap(origin + mean_offset, box_size)
        mean_velocity[:, axis] = np.bincount(halo, velocity[member, axis], len(number)) / number
    return number, centre, mean_velocity


def wrap(length: NDArray[np.floating], box_size: float) -> NDArray[np.floating]:
    """Bring lengths into [-L/2, L/2] by whole boxes."""
    return length - box_size * np.rint(length / box_size)
