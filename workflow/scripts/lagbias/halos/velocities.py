"""Redshift space: particles move with the mean velocity of their surroundings, as halos do.

A halo moves with its centre. Its particles move within it besides, and an f that they carry would
be smeared along the line of sight by fingers of God that the halo field has not. So each particle
is displaced by the mean of its surroundings,

    u(x) = sum_p W(x - x_p) u_p / sum_p W(x - x_p),    u_p = v_z / (a H) of a particle,

where W is a triangular-shaped cloud on a mesh, painted and read back: nearly a Gaussian, of 0.71
cells. All particles count the same, so that one catalogue serves every model. Fingers of God, of
galaxies that orbit, come back with a share of what a particle moves within its surroundings.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numba
import numpy as np

from lagbias.base.errors import InputError
from lagbias.simulations.box import SimulationBox

FEWEST_CELLS = 4  # a side: a cloud covers three


@dataclass(frozen=True)
class Velocities:
    """How particles move in redshift space: the config's section ``redshift_space``.

    Parameters
    ----------
    velocity_cell : float or None
        Cells of the mesh over which velocities are averaged [Mpc/h]; None for a particle's own.
    own_velocity : float
        Share of a particle's velocity within its surroundings, or its halo, that it keeps.
    """

    velocity_cell: float | None
    own_velocity: float = 0.0

    def mixed(self, around: np.ndarray, own: np.ndarray) -> np.ndarray:
        """Displacements of particles whose surroundings and which themselves move so, (n,)."""
        return around + self.own_velocity * (own - around)


@numba.njit(cache=True)
def _cloud(x, cells, box_size, index, weight):
    """Cells that the cloud of one particle covers, and its shares in them, both (3, 3)."""
    for axis in range(3):
        place = (x[axis] / box_size + 0.5) * cells
        nearest = int(np.rint(place))
        off = place - nearest
        weight[axis, 0] = 0.5 * (0.5 - off) ** 2
        weight[axis, 1] = 0.75 - off**2
        weight[axis, 2] = 0.5 * (0.5 + off) ** 2
        for step in range(3):
            index[axis, step] = (nearest + step - 1) % cells


@numba.njit(cache=True)
def _paint(position, values, box_size, mesh):
    """Add particles to their cells: their number, and the sum of their values."""
    index, weight = np.empty((3, 3), np.int64), np.empty((3, 3))
    for p in range(len(position)):
        _cloud(position[p], len(mesh), box_size, index, weight)
        for a in range(3):
            for b in range(3):
                for c in range(3):
                    share = weight[0, a] * weight[1, b] * weight[2, c]
                    mesh[index[0, a], index[1, b], index[2, c], 0] += share
                    mesh[index[0, a], index[1, b], index[2, c], 1] += share * values[p]


@numba.njit(cache=True)
def _read(position, box_size, mesh, out):
    """The mean value around each particle."""
    index, weight = np.empty((3, 3), np.int64), np.empty((3, 3))
    for p in range(len(position)):
        _cloud(position[p], len(mesh), box_size, index, weight)
        number, total = 0.0, 0.0
        for a in range(3):
            for b in range(3):
                for c in range(3):
                    share = weight[0, a] * weight[1, b] * weight[2, c]
                    number += share * mesh[index[0, a], index[1, b], index[2, c], 0]
                    total += share * mesh[index[0, a], index[1, b], index[2, c], 1]
        out[p] = total / number


class MeanAround:
    """The mean of a quantity over the surroundings of particles.

    Parameters
    ----------
    box_size, cell_size : float
        [Mpc/h]; cells are rounded so that a whole number fits into the box.

    Raises
    ------
    InputError
        If too few cells fit.
    """

    def __init__(self, box_size: float, cell_size: float) -> None:
        cells = round(box_size / cell_size)
        if cells < FEWEST_CELLS:
            raise InputError(
                f"redshift_space.velocity_cell: found {cell_size:g} Mpc/h in a box of "
                f"{box_size:g}, expected at most a {FEWEST_CELLS}th of the box; take some 1 Mpc/h"
            )
        self.box_size = float(box_size)
        self._mesh = np.zeros((cells, cells, cells, 2), dtype=np.float32)

    def add(self, position: np.ndarray, values: np.ndarray) -> None:
        """Take in particles at positions (n, 3) [Mpc/h], wrapped into the box, with values (n,)."""
        _paint(position, values, self.box_size, self._mesh)

    def at(self, position: np.ndarray) -> np.ndarray:
        """The mean around particles that are taken in, float64 (n,)."""
        out = np.empty(len(position))
        _read(position, self.box_size, self._mesh, out)
        return out


def displacement(real: np.ndarray, displaced: np.ndarray, box_size: float) -> np.ndarray:
    """How far positions (n, 3) are displaced along z, v_z / (a H), float32 (n,) [Mpc/h]."""
    moved = displaced[:, 2] - real[:, 2]
    return moved - np.float32(box_size) * np.rint(moved / np.float32(box_size))


def displaced_along_z(position: np.ndarray, by: np.ndarray, box_size: float) -> np.ndarray:
    """Positions (n, 3) displaced along z by (n,), wrapped into -L/2 to L/2, float32."""
    moved = position.copy()
    z = position[:, 2].astype(np.float64) + by
    moved[:, 2] = (z + box_size / 2) % box_size - box_size / 2
    return moved


def check_order(box: SimulationBox, real: np.ndarray, displaced: np.ndarray) -> None:
    """Refuse a format that gives particles in another order in redshift space.

    Raises
    ------
    InputError
    """
    if not np.array_equal(real, displaced):
        raise InputError(
            f"{box.name}: found particles of {box.files} in another order in redshift space than "
            "in real space, expected the same; change the reader"
        )


def particles_in_redshift_space(
    box: SimulationBox, velocities: Velocities
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The particles of a box as of ``SimulationBox.particle_chunks``, where they are seen.

    Files are read two times to average velocities, and two times more.

    Parameters
    ----------
    box : SimulationBox
    velocities : Velocities

    Yields
    ------
    position : float32, (n, 3) [Mpc/h]
    lattice_index : int, (n, 3)

    Raises
    ------
    InputError
        If the box is too small for the cells of velocities, or its particles come in another
        order.
    """
    if velocities.velocity_cell is None:
        yield from box.particle_chunks(redshift_space=True)
        return

    def with_displacement():
        for (real, lattice_index), (displaced, same_index) in zip(
            box.particle_chunks(), box.particle_chunks(redshift_space=True), strict=True
        ):
            check_order(box, lattice_index, same_index)
            yield real, lattice_index, displacement(real, displaced, box.box_size)

    around = MeanAround(box.box_size, velocities.velocity_cell)
    for position, _, own in with_displacement():
        around.add(position, own)
    for position, lattice_index, own in with_displacement():
        by = velocities.mixed(around.at(position), own)
        yield displaced_along_z(position, by, box.box_size), lattice_index


def members_in_redshift_space(
    box: SimulationBox, more_than: int, velocities: Velocities
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """The particles of halos as of ``SimulationBox.member_positions``, where they are seen.

    Each moves with its own halo, and keeps a share of what it moves within it.
    """
    if velocities.velocity_cell is None:
        yield from box.member_positions(more_than, redshift_space=True)
        return
    real, displaced = (box.halos(more_than, space)[0] for space in (False, True))
    of_halo = displacement(real, displaced, box.box_size)
    for (place, halo, count), (seen, same_halo, _) in zip(
        box.member_positions(more_than), box.member_positions(more_than, True), strict=True
    ):
        check_order(box, halo, same_halo)
        own = displacement(place, seen, box.box_size)
        by = velocities.mixed(of_halo[halo], own)
        yield displaced_along_z(place, by, box.box_size), halo, count
