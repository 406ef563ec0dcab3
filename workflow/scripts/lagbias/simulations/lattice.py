"""Identifiers that count a particle lattice, and the linear density from initial displacements."""

from collections.abc import Callable, Iterator

import numpy as np

from lagbias.base.errors import InputError
from lagbias.fields.grid import Grid, InPlaceTransform

ORDERS = {"xyz": (0, 1, 2), "zyx": (2, 1, 0)}  # the last axis counts fastest
LARGEST_INITIAL = 2.0  # displacement in initial conditions, in spacings: of wrong orders, n / 4


def lattice_points(identifier: np.ndarray, first: int, per_side: int, order: str) -> np.ndarray:
    """Points of the particle lattice that identifiers count.

    Parameters
    ----------
    identifier : int, (n,)
        Of any integer type.
    first : int
        The least of all.
    per_side : int
        Particles a side.
    order : str
        Of ``ORDERS``: ``xyz`` for ``first + (i n + j) n + k``.

    Returns
    -------
    int32, (n, 3)
    """
    number = identifier.astype(np.int64) - first
    points = np.empty((len(number), 3), dtype=np.int32)
    for axis in reversed(ORDERS[order]):
        number, points[:, axis] = np.divmod(number, per_side)
    return points


def first_identifier(least: int, largest: int, per_side: int, where: str) -> int:
    """The identifier from which a lattice is counted, 0 or 1.

    Parameters
    ----------
    least, largest : int
        Of all that were found.
    per_side : int
        Particles a side.
    where : str
        Named in the error.

    Raises
    ------
    InputError
        If they do not count a lattice of so many particles.
    """
    count = per_side**3
    if least in (0, 1) and largest - least < count:
        return least
    raise InputError(
        f"{where}: found identifiers from {least} to {largest}, expected 0 to {count - 1} or 1 to "
        f"{count}, the points of a lattice of {per_side}^3 particles; check `particles_per_side`, "
        "or write a file of arrays with the lattice index of each particle (`source: arrays`)"
    )


def nearest_images(separation: np.ndarray, box_size: float) -> np.ndarray:
    """Separations wrapped to half the box."""
    return separation - box_size * np.rint(separation / box_size)


def density_of_displacements(
    displacement: Callable[[int], np.ndarray], box_size: float
) -> np.ndarray:
    """Overdensity whose Zel'dovich displacements are those of a lattice: minus their divergence.

    In Fourier space delta_k = -i k . psi_k. What is of second order in the displacements stays in:
    in initial conditions it is smaller by the growth since. Three grids are held.

    Parameters
    ----------
    displacement : function
        Of an axis; returns float32 (n, n, n) [Mpc/h], on the particle lattice.
    box_size : float
        [Mpc/h]

    Returns
    -------
    float32, (n, n, n)
    """
    total = None
    for axis in range(3):
        along = displacement(axis)
        grid = Grid(len(along), box_size)
        transform = InPlaceTransform(grid.shape)
        transform.field[:] = along
        del along
        spectrum = transform.to_spectrum()
        k = [grid.odd(grid.wavenumbers())] * 2 + [grid.odd(grid.half_wavenumbers())]
        shape = [1, 1, 1]
        shape[axis] = -1
        spectrum *= (-1j * k[axis]).reshape(shape).astype(np.complex64)
        if total is None:
            total = transform
        else:
            total.spectrum += spectrum
    assert total is not None
    return np.ascontiguousarray(total.to_field())


def initial_displacements(
    chunks: Callable[[], Iterator[tuple[np.ndarray, np.ndarray]]],
    per_side: int,
    box_size: float,
    origin: np.ndarray,
) -> Callable[[int], np.ndarray]:
    """What ``density_of_displacements`` takes, of particles that come in any order.

    Parameters
    ----------
    chunks : function
        Gives all particles: positions (n, 3) [Mpc/h] from the box's corner, points of the lattice.
    per_side : int
    box_size : float
        [Mpc/h]
    origin : (3,)
        Position of lattice point [0, 0, 0] [Mpc/h].
    """
    spacing = box_size / per_side

    def along(axis: int) -> np.ndarray:
        field = np.zeros((per_side,) * 3, dtype=np.float32)
        for position, point in chunks():
            start = point[:, axis] * spacing + origin[axis]
            moved = nearest_images(position[:, axis].astype(np.float64) - start, box_size)
            field[tuple(point.T)] = moved
        return field

    return along


def lattice_origin(
    chunks: Iterator[tuple[np.ndarray, np.ndarray]], per_side: int, box_size: float, where: str
) -> np.ndarray:
    """Position of lattice point [0, 0, 0], from the mean displacement in initial conditions.

    Waves have no mean displacement, so what is left is the lattice's: 0, or half a cell.

    Parameters
    ----------
    chunks : see ``initial_displacements``
    per_side : int
    box_size : float
        [Mpc/h]
    where : str
        Named in the error.

    Returns
    -------
    float64, (3,) [Mpc/h]

    Raises
    ------
    InputError
        If particles are so far from their points that these are not where they began: the order
        of identifiers that would fit.
    """
    spacing = box_size / per_side
    sums = {order: np.zeros(3) for order in ORDERS}
    squares, count = dict.fromkeys(ORDERS, 0.0), 0
    for position, point in chunks:
        count += len(point)
        for order, axes in ORDERS.items():
            moved = nearest_images(position - point[:, axes] * spacing, box_size)
            sums[order] += moved.sum(axis=0, dtype=np.float64)
            squares[order] += float((moved.astype(np.float64) ** 2).sum())
    far = {order: (square / count) ** 0.5 / spacing for order, square in squares.items()}
    if far["xyz"] > LARGEST_INITIAL:
        fits = far["zyx"] <= LARGEST_INITIAL
        raise InputError(
            f"{where}: particles are {far['xyz']:.3g} spacings from the lattice points of their "
            f"identifiers, expected less than {LARGEST_INITIAL:g} in initial conditions; "
            + (
                f"with the axes in the other order it is {far['zyx']:.2g}: change `id_order`"
                if fits
                else "identifiers do not count the lattice, or positions have other units"
            )
        )
    return sums["xyz"] / count
