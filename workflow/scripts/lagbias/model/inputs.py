"""Whether what a user hands to a model is what it takes; each fault is one clear error."""

import numbers
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from lagbias.base.errors import InputError

FLOATS = ("float32", "float64")


def checked_box_size(box_size: float) -> float:
    """A box size [Mpc/h] as a number.

    Raises
    ------
    InputError
        If it is not a positive number.
    """
    if not (isinstance(box_size, numbers.Real) and 0 < box_size < np.inf):
        raise InputError(f"box_size: found {box_size!r}, expected a positive number of Mpc/h")
    return float(box_size)


def check_shape(shape: Sequence[int], dtype: str, box_size: float, scales: Sequence[float]) -> None:
    """Refuse what is no density of a cube that holds the scales.

    Parameters
    ----------
    shape, dtype
        Of the density.
    box_size : float
        [Mpc/h]
    scales : sequence of float
        Smoothing scales of the model [Mpc/h].

    Raises
    ------
    InputError
    """
    if len(shape) != 3 or len(set(shape)) != 1 or shape[0] < 2:
        raise InputError(
            f"density: found an array of shape {tuple(shape)}, expected a cube (n, n, n); "
            "give the whole periodic box"
        )
    if dtype not in FLOATS:
        raise InputError(
            f"density: found values of type {dtype}, expected float32 or float64; "
            "give overdensities, for example density.astype('float32')"
        )
    spacing, least, greatest = box_size / shape[0], min(scales), max(scales)
    if spacing > least:
        raise InputError(
            f"density: its grid spacing is {spacing:.4g} Mpc/h ({box_size:g} Mpc/h / {shape[0]}), "
            f"above the model's smallest smoothing scale R={least:g} Mpc/h; expected at least "
            f"{int(np.ceil(box_size / least))} points a side; use a finer density or another model"
        )
    if greatest > box_size / 2:
        raise InputError(
            f"box_size: found {box_size:g} Mpc/h, expected at least {2 * greatest:g}, twice the "
            f"model's largest smoothing scale R={greatest:g} Mpc/h; use a larger box"
        )


def checked_density(density, box_size: float, scales: Sequence[float]) -> np.ndarray:
    """A linear density as an array.

    Raises
    ------
    InputError
        If it is not a finite float cube, or does not hold the scales (``check_shape``).
    """
    field = np.asarray(density)
    check_shape(field.shape, field.dtype.name, box_size, scales)
    lost = sum(int(np.count_nonzero(~np.isfinite(plane))) for plane in field)
    if lost:
        raise InputError(
            f"density: {lost} of {field.size} values are not finite; expected overdensities; "
            "find out where these come from"
        )
    return field


def check_folder(scratch: str | Path | None) -> None:
    """Refuse a folder for features that is not there.

    Raises
    ------
    InputError
    """
    if scratch is not None and not Path(scratch).is_dir():
        raise InputError(f"scratch: there is no folder {scratch}; make it or name another")


def checked_where(where: np.ndarray | None, points: int) -> np.ndarray:
    """Where f is wanted, bool (points^3,).

    Raises
    ------
    InputError
        If it is not on the grid of the density.
    """
    if where is None:
        return np.ones(points**3, dtype=bool)
    found = np.asarray(where)
    if found.dtype != bool or found.shape != (points,) * 3:
        raise InputError(
            f"where: found an array {found.shape} of {found.dtype}, expected {(points,) * 3} of "
            "bool, as the density"
        )
    return found.reshape(-1)


def checked_particles(
    ratio: np.ndarray, positions: np.ndarray, lagrangian_index: np.ndarray
) -> np.ndarray:
    """Lagrangian grid points of particles, flat indices (particles,).

    Raises
    ------
    InputError
        If f, positions and indices do not fit each other.
    """
    shape = np.shape(ratio)
    if len(shape) != 3 or len(set(shape)) != 1:
        raise InputError(
            f"ratio: found an array of shape {shape}, expected f (n, n, n) as `ratio` gives it; "
            "paint seeds one by one"
        )
    index = np.asarray(lagrangian_index)
    if not np.issubdtype(index.dtype, np.integer):
        raise InputError(f"lagrangian_index: found {index.dtype}, expected integers")
    if np.shape(positions) != (len(index), 3) or index.shape[1:] not in ((), (3,)):
        raise InputError(
            f"positions and lagrangian_index: found {np.shape(positions)} and {index.shape}, "
            "expected (particles, 3), and (particles,) or (particles, 3)"
        )
    most = shape[0] if index.ndim == 2 else shape[0] ** 3
    if len(index) and not (index.min() >= 0 and index.max() < most):
        raise InputError(
            f"lagrangian_index: found {index.min()} to {index.max()}, expected 0 to {most - 1}, "
            f"points of the grid of f, {shape}"
        )
    if not np.isfinite(positions).all():
        raise InputError("positions: found values that are not finite, expected Mpc/h")
    return np.asarray(np.ravel_multi_index(tuple(index.T), shape)) if index.ndim == 2 else index
