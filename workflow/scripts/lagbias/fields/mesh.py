"""The mesh of final positions, its cells and sub-cells."""

from dataclasses import dataclass

import numpy as np

from lagbias.base.errors import InputError
from lagbias.base.limits import MOST_PAINTED, check_mesh

MAX_SUBCELLS = 256
PAINT_CHUNK = 4_000_000  # particles painted at a time: bounds the memory of positions


@dataclass(frozen=True)
class Mesh:
    """The training mesh, whose grid point [0,0,0] is at (-L/2, -L/2, -L/2).

    Parameters
    ----------
    cells : int
        Cells a side.
    box_size : float
        [Mpc/h]
    """

    cells: int
    box_size: float

    @classmethod
    def of_cell_size(cls, cell_size: float, box_size: float) -> "Mesh":
        """A mesh whose cells are ``cell_size`` [Mpc/h], which must divide the box.

        Raises
        ------
        InputError
            If the box is not a whole number of cells, or of too many to be painted.
        """
        cells = round(box_size / cell_size)
        if cells < 2 or abs(cells * cell_size - box_size) > 1e-6 * box_size:
            raise InputError(
                f"cell size {cell_size:g} Mpc/h does not divide the box of {box_size:g} Mpc/h: "
                f"expected a whole number of cells, found {box_size / cell_size:.4g}; "
                f"use {box_size / max(cells, 2):.6g} Mpc/h"
            )
        check_mesh(f"cell size {cell_size:g} Mpc/h", cells, box_size, MOST_PAINTED)
        return cls(cells, box_size)

    @property
    def subcells(self) -> int:
        """Sub-cells along a cell's side: as many, a power of two up to 256, as fit 32 bits."""
        subcells = MAX_SUBCELLS
        while (self.cells * subcells) ** 3 > 2**32:
            subcells //= 2
        return max(subcells, 1)

    @property
    def resolution(self) -> float:
        """Side of a sub-cell [Mpc/h], to which particle positions are known."""
        return self.box_size / (self.cells * self.subcells)

    @property
    def size(self) -> int:
        """Cells in all."""
        return self.cells**3

    def nearest_cell(self, position: np.ndarray) -> np.ndarray:
        """Flat index of the nearest grid point of each position, int64 (n,).

        Parameters
        ----------
        position : (n, 3) [Mpc/h], in [-L/2, L/2], both ends included
        """
        across = np.asarray(position, dtype=np.float64) / self.box_size + 0.5
        index = np.floor(across * self.cells + 0.5)
        index = index.astype(np.int64) % self.cells
        return (index[:, 0] * self.cells + index[:, 1]) * self.cells + index[:, 2]
