"""The seam: what a simulation must offer. The rest of the library knows nothing of file formats.

A format is one class and one line in ``lagbias.simulations.sources``, or a file of your own that a
config names (docs/how-to/own-simulation.md). Lengths are comoving Mpc/h, masses Msun/h, velocities
peculiar km/s.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from lagbias.base.errors import InputError


class Members(NamedTuple):
    """Particles of halos above a cut.

    Attributes
    ----------
    place : (n, 3)
        What was asked for: final positions, or points of the particle lattice.
    halo : int64, (n,)
        Number of the halo that each is of, in the order in which ``halos`` gives them.
    halo_particles : int64, (n,)
        N of that halo.
    """

    place: np.ndarray
    halo: np.ndarray
    halo_particles: np.ndarray


class SimulationBox(ABC):
    """One periodic box at one redshift.

    Coordinates run from -L/2 to L/2. Point [0, 0, 0] of the particle lattice and of the density
    grid lies at (-L/2, -L/2, -L/2), without a shift of half a cell.

    Attributes
    ----------
    name : str
    redshift : float
        Of particles and halos.
    box_size : float
        [Mpc/h]
    particles_per_side : int
        Of the lattice on which all particles of the simulation began.
    particle_mass : float
        [Msun/h]
    density_points : int
        Points a side of the grid of ``linear_density``.
    files : str
        Where particles and halos come from, named in errors.
    density_file : str
        Where the linear density comes from, named in errors.
    """

    name: str
    redshift: float
    box_size: float
    particles_per_side: int
    particle_mass: float
    density_points: int
    files: str
    density_file: str

    @classmethod
    @abstractmethod
    def of_config(cls, name: str, **settings) -> "SimulationBox":
        """A box by its name and what its section of the config says."""

    @abstractmethod
    def linear_density(self) -> np.ndarray:
        """Linear overdensity delta_1(q) at the redshift of the box, float32 (n, n, n)."""

    @abstractmethod
    def particle_chunks(
        self, redshift_space: bool = False
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Every particle, or every one of a fair sample, exactly once; some millions at a time.

        In the same chunks and order in real and in redshift space; so with particles of halos.

        Parameters
        ----------
        redshift_space : bool
            Whether positions are displaced along z, x + z^ v_z / (a H).

        Yields
        ------
        position : float32, (n, 3)
            Final position [Mpc/h], in [-L/2, L/2].
        lattice_index : int, (n, 3)
            Point of the particle lattice, from 0.
        """

    @abstractmethod
    def halos(
        self, more_than: int = 0, redshift_space: bool = False
    ) -> tuple[np.ndarray, np.ndarray]:
        """Halos of more than so many particles.

        Returns
        -------
        position : float32, (n, 3)
            [Mpc/h], in [-L/2, L/2].
        particle_count : int64, (n,)

        Raises
        ------
        InputError
            If none is left.
        """

    def member_points(self, more_than: int) -> Iterator[Members]:
        """Where the particles of halos began: points of the particle lattice.

        Raises
        ------
        InputError
            If this format does not tell the particles of halos.
        """
        raise self._no_members()

    def member_positions(self, more_than: int, redshift_space: bool = False) -> Iterator[Members]:
        """Where the particles of halos are: final positions, as in ``particle_chunks``.

        Raises
        ------
        InputError
            If this format does not tell the particles of halos.
        """
        raise self._no_members()

    def _no_members(self) -> InputError:
        return InputError(
            f"{self.name}: found no list of the particles of each halo in {self.files}, which "
            f"labels need; write `lacks: [members]` in simulations.{self.name}"
        )

    @property
    def particle_count(self) -> float:
        """Particles of the whole simulation."""
        return float(self.particles_per_side) ** 3


@dataclass
class BoxOnDisk(SimulationBox):
    """A box of which the config says size and files: what formats of your own inherit from.

    Parameters
    ----------
    name : str
    redshift : float
    box_size : float
        [Mpc/h]
    particles_per_side, density_points : int
    paths : mapping
        By the names that the config gives them in ``files``.
    options : mapping
        Other keys of the box in the config.
    """

    name: str
    redshift: float
    box_size: float
    particles_per_side: int
    density_points: int
    paths: Mapping[str, Sequence[str]]
    options: Mapping[str, str]

    @classmethod
    def of_config(cls, name: str, **settings) -> "BoxOnDisk":
        return cls(name, **settings)

    def __post_init__(self) -> None:
        self.files = self._listed([key for key in self.paths if key != "initial"])
        self.density_file = self._listed(["initial"] if "initial" in self.paths else self.paths)

    def path(self, name: str) -> str:
        """The one file of a name in ``files``."""
        return self.paths[name][0]

    def _listed(self, names) -> str:
        return ", ".join(self.paths[name][0] for name in names)
