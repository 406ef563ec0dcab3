"""Particles as two integers: a Lagrangian grid point and a final cell.

The final cell is kept to a sub-cell, ``final_cell = cell * subcells^3 + subcell``: its quotient is
the nearest grid point of the training mesh, its remainder holds the position to a fraction of a
cell, fine enough to paint the particle on any evaluation mesh later without reading positions
again.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numba
import numpy as np
import xarray as xr

from lagbias.base.errors import InputError
from lagbias.base.stores import open_store, read_values, rows_of_a_chunk
from lagbias.fields.mesh import PAINT_CHUNK, Mesh

PARTICLES_AT_ONCE = 4_000_000  # whose points are held: bounds memory


@dataclass(frozen=True)
class Particles:
    """The particles of one box, sorted by final cell.

    Attributes
    ----------
    final_cell, lagrangian_index : uint32, (n,)
        Arrays, or what reads a slice when asked for one.
    cell_start : int64, (cells^3 + 1,)
    mesh : Mesh
    density_grid : int
        Points a side of the grid that ``lagrangian_index`` counts.
    sampled_fraction : float
        Share of all simulation particles that are here.
    """

    final_cell: np.ndarray | xr.DataArray
    lagrangian_index: np.ndarray | xr.DataArray
    cell_start: np.ndarray
    mesh: Mesh
    density_grid: int
    sampled_fraction: float

    @classmethod
    def open(cls, path: str | Path) -> "Particles":
        """Open a store of :func:`write_particles`: particles are read slice by slice.

        Raises
        ------
        InputError
            If it was written with another division of cells.
        """
        store = open_store(path)
        mesh = Mesh(store.attrs["cells"], store.attrs["box_size"])
        if store.attrs["subcells"] != mesh.subcells:
            raise InputError(
                f"{path} counts {store.attrs['subcells']} sub-cells a cell, expected "
                f"{mesh.subcells}: it was written by another version; delete it and make it again"
            )
        return cls(
            store["final_cell"],
            store["lagrangian_index"],
            read_values(store["cell_start"]),
            mesh,
            store.attrs["density_grid"],
            store.attrs["sampled_fraction"],
        )

    @classmethod
    def read(cls, path: str | Path) -> "Particles":
        """Read a store of :func:`write_particles` into memory (errors: see ``open``)."""
        particles = cls.open(path)
        columns = {name: getattr(particles, name) for name in ("final_cell", "lagrangian_index")}
        return replace(particles, **{name: read_values(one) for name, one in columns.items()})

    def index_chunks(self) -> Iterator[tuple[slice, np.ndarray]]:
        """Lagrangian grid points of the particles, each chunk of the store read once."""
        particles = len(self.lagrangian_index)
        step = rows_of_a_chunk(particles, self.lagrangian_index.dtype.itemsize)
        for start in range(0, particles, step):
            part = slice(start, min(start + step, particles))
            yield part, np.asarray(self.lagrangian_index[part])

    def chunks(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """All particles, ``PAINT_CHUNK`` at a time.

        Yields
        ------
        position : float32, (n, 3), see ``positions``
        lagrangian_index : uint32, (n,)
        """
        for part, index in self.index_chunks():
            held = replace(self, final_cell=np.asarray(self.final_cell[part]))
            for start in range(0, len(index), PAINT_CHUNK):
                piece = slice(start, start + PAINT_CHUNK)
                yield held.positions(piece), index[piece]

    def positions(self, part: slice) -> np.ndarray:
        """Centres of the particles' sub-cells, float32 (n, 3) in [0, L) [Mpc/h]."""
        cells, subcells = self.mesh.cells, self.mesh.subcells
        cell, sub = np.divmod(np.asarray(self.final_cell[part]).astype(np.int64), subcells**3)
        coarse = np.stack(np.unravel_index(cell, (cells,) * 3), axis=1)
        fine = np.stack(np.unravel_index(sub, (subcells,) * 3), axis=1)
        position = (coarse - 0.5 + (fine + 0.5) / subcells) * (self.mesh.box_size / cells)
        return (position % self.mesh.box_size).astype(np.float32)


def particles_of_points(particles: Particles) -> np.ndarray:
    """Number of particles of each Lagrangian grid point, int32 (density_grid^3,)."""
    count = np.zeros(particles.density_grid**3, dtype=np.int32)
    for _, points in particles.index_chunks():
        _count(points, count)
    return count


@numba.njit(cache=True)
def _count(points, count):
    for point in points:
        count[point] += 1


def points_of_cells(
    catalogue: Particles, at_once: int = PARTICLES_AT_ONCE
) -> Iterator[tuple[int, int, np.ndarray]]:
    """Ranges of cells (see ``cell_ranges``) and the Lagrangian points of their particles.

    A chunk of the store is read once, and what is left of it held until its cells come.
    """
    chunks, held, begin = catalogue.index_chunks(), np.empty(0, dtype=np.uint32), 0
    for first, last in cell_ranges(catalogue.cell_start, at_once):
        end = catalogue.cell_start[last]
        while begin + len(held) < end:
            held = np.concatenate([held, next(chunks)[1]])
        yield first, last, held[: end - begin]
        held, begin = held[end - begin :], end


def cell_ranges(cell_start: np.ndarray, at_once: int) -> Iterator[tuple[int, int]]:
    """Ranges of cells that hold at most so many particles each, or a single cell."""
    first, cells = 0, len(cell_start) - 1
    while first < cells:
        last = int(np.searchsorted(cell_start, cell_start[first] + at_once, "right")) - 1
        last = min(max(last, first + 1), cells)
        yield first, last
        first = last
