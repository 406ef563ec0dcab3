"""Grids of features read in slabs, so that no job holds all of them at once."""

from collections.abc import Iterator, Sequence

import numpy as np
import xarray as xr

from lagbias.base.stores import read_values

SLAB_POINTS = 2_000_000  # grid points gathered at a time: bounds memory


def slabs(field: xr.DataArray) -> Iterator[slice]:
    """Slices of a flat grid, a chunk of its store each: a part of a chunk costs the whole."""
    points = field.encoding["chunks"][0] * field[0].size
    for start in range(0, field.size, points):
        yield slice(start, min(start + points, field.size))


def values_in_parts(
    fields: Sequence[xr.DataArray], points: int = SLAB_POINTS
) -> Iterator[tuple[slice, list[np.ndarray]]]:
    """Values of some grids of one size, part by part; each chunk of their stores is read once.

    Where parts begin does not depend on the chunks, and so sums over them do not either.

    Parameters
    ----------
    fields : variables of feature stores
    points : int
        Grid points of a part.

    Yields
    ------
    part : slice
        Of the flat grid.
    values : arrays (points,), a field each
    """
    size, start = fields[0].size, 0
    held = [np.empty(0, dtype=field.dtype) for field in fields]
    for chunk in slabs(fields[0]):
        for number, field in enumerate(fields):
            held[number] = np.concatenate([held[number], values_at(field, chunk)])
        stop = size if chunk.stop == size else chunk.stop // points * points
        for first in range(start, stop, points):
            last = min(first + points, stop)
            yield slice(first, last), [values[first - start : last - start] for values in held]
        held = [values[stop - start :].copy() for values in held]
        start = stop


def values_at(field: xr.DataArray, points: np.ndarray | slice) -> np.ndarray:
    """Values of a grid at flat indices; of a slice, only the planes that hold it are read."""
    if not isinstance(points, slice):
        grid, values = read_values(field).reshape(-1), np.empty(len(points), dtype=field.dtype)
        for start in range(0, len(points), SLAB_POINTS):  # numpy makes 64-bit indices of them
            part = slice(start, start + SLAB_POINTS)
            values[part] = grid[points[part]]
        return values
    plane = field[0].size
    start, stop, _ = points.indices(field.size)
    first, last = start // plane, -(-stop // plane)
    values = read_values(field[first:last]).reshape(-1)
    return values[start - first * plane : stop - first * plane]
