"""A box in AbacusSummit's file formats, as the rest of the library sees it."""

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

import numpy as np

from lagbias.simulations.abacus.checks import check_same_box
from lagbias.simulations.abacus.members import labelled_lattice, labelled_positions
from lagbias.simulations.abacus.reader import (
    SNAPSHOT_FIELDS,
    lattice_side,
    particle_chunks,
    read_halos,
    read_header,
    read_linear_density,
)
from lagbias.simulations.abacus.tree import BoxFiles
from lagbias.simulations.box import Members, SimulationBox


class AbacusBox(SimulationBox):
    """A box in AbacusSummit's file formats.

    Parameters
    ----------
    files : BoxFiles
    redshift : float
        Expected redshift of the files.
    """

    def __init__(self, files: BoxFiles, redshift: float) -> None:
        self.tree, self.redshift = files, redshift
        self.files, self.density_file = str(files.halos), str(files.density)

    @classmethod
    def of_config(cls, name: str, **settings) -> "AbacusBox":
        """A box of a tree: root, redshift, density_grid, cleaned (``BoxFiles.under``)."""
        return cls(BoxFiles.under(name=name, **settings), settings["redshift"])

    @cached_property
    def density_header(self) -> dict:
        """Header of the initial density."""
        return read_header(self.tree.density)

    @cached_property
    def snapshot_header(self) -> dict:
        """Header of the first halo file."""
        return read_header(self.tree.product("halo_info")[0], SNAPSHOT_FIELDS)

    @property
    def name(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self.density_header["SimName"]

    @property
    def box_size(self) -> float:  # pyright: ignore[reportIncompatibleVariableOverride]
        return float(self.density_header["BoxSize"])

    @property
    def density_points(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        return density_points(self.tree.density)

    @property
    def particles_per_side(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        return lattice_side(self.snapshot_header, self.files)

    @property
    def particle_mass(self) -> float:  # pyright: ignore[reportIncompatibleVariableOverride]
        return float(self.snapshot_header["ParticleMassHMsun"])

    def linear_density(self) -> np.ndarray:
        return read_linear_density(self.tree.density, self.redshift)[0]

    def particle_chunks(
        self, redshift_space: bool = False
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for position, lattice_index, header in particle_chunks(self.tree, redshift_space):
            self._check(header)
            lattice_side(header, self.files)
            yield position, lattice_index

    def halos(
        self, more_than: int = 0, redshift_space: bool = False
    ) -> tuple[np.ndarray, np.ndarray]:
        position, particle_count, header = read_halos(
            self.tree.halos, more_than, redshift_space, self.tree.cleaning_tree
        )
        self._check(header)
        return position, particle_count

    def member_points(self, more_than: int) -> Iterator[Members]:
        for lattice_index, halo, halo_particles, header in labelled_lattice(self.tree, more_than):
            self._check(header)
            yield Members(lattice_index, halo, halo_particles)

    def member_positions(self, more_than: int, redshift_space: bool = False) -> Iterator[Members]:
        for found in labelled_positions(self.tree, more_than, redshift_space):
            yield Members(*found)

    def _check(self, header: dict) -> None:
        """Refuse files of another box or redshift."""
        check_same_box(header, self.density_header, self.redshift, self.files)


def density_points(density: Path) -> int:
    """Grid points a side, from the name ``ic_dens_N576.asdf``."""
    return int(density.stem.rsplit("_N", 1)[1])
