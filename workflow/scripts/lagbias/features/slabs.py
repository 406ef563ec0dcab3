"""Grids of features read in slabs, so that no job holds all of them at once."""

from collections.abc import Iterator

import numpy as np
import xarray as xr

from lagbias.base.stores import read_values

SLAB_POINTS = 2_000_000  # grid points gathered at a time: bounds memory


def slabs(field: xr.DataArray) -> Iterator[slice]:
    """Slices of a flat grid, a chunk of its store each: a part of a chunk costs the whole."""
    points = field.encoding["chunks"][0] * field[0].size
    for start in range(0, field.size, points):
        yield slice(start, min(start + points, field.size))


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
