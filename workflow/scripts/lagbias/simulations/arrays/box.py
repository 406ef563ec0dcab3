"""A box of plain arrays, as the rest of the library sees it."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lagbias.base.errors import InputError
from lagbias.simulations.arrays.density import read_density
from lagbias.simulations.arrays.file import ArrayFile
from lagbias.simulations.background import CRITICAL_DENSITY, Background
from lagbias.simulations.box import BoxOnDisk, Members
from lagbias.simulations.lattice import first_identifier, lattice_points

CHUNK_PARTICLES = 4_000_000  # read at a time: bounds memory


@dataclass
class ArraysBox(BoxOnDisk):
    """A box of one file of arrays (``lagbias.simulations.arrays.file.ARRAYS``).

    Files by name: ``box``; the density may be in a file of its own, ``initial``.
    """

    @cached_property
    def arrays(self) -> ArrayFile:
        """The file, refused where it is of another box or redshift than the config says."""
        file = ArrayFile(self.path("box"))
        for name in ("box_size", "redshift", "particles_per_side"):
            found, expected = file.attribute(name), getattr(self, name)
            if abs(found - expected) > 1e-4 * max(1, expected):
                raise InputError(
                    f"{file.path}: found {name} {found:g}, expected {expected:g} as "
                    f"simulations.{self.name} says; write the same in both"
                )
        return file

    @cached_property
    def background(self) -> Background | None:
        """Expansion and growth; None where the file does not say omega_m."""
        file = self.arrays
        if "omega_m" not in file.attributes:
            return None
        dark = {name: file.attribute(name) for name in ("w0", "wa") if name in file.attributes}
        return Background(file.attribute("omega_m"), **dark)

    @property
    def particle_mass(self) -> float:  # pyright: ignore[reportIncompatibleVariableOverride]
        if "particle_mass" in self.arrays.attributes:
            return self.arrays.attribute("particle_mass")
        spacing = self.box_size / self.particles_per_side
        return self.arrays.attribute("omega_m") * CRITICAL_DENSITY * spacing**3

    def linear_density(self) -> np.ndarray:
        path = self.path("initial" if "initial" in self.paths else "box")
        return read_density(path, self.background, self)

    def particle_chunks(
        self, redshift_space: bool = False
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for part in self._parts():
            yield self._positions("", part, redshift_space), self._points(part)

    def halos(
        self, more_than: int = 0, redshift_space: bool = False
    ) -> tuple[np.ndarray, np.ndarray]:
        count = self._halo_counts
        chosen = np.flatnonzero(count > more_than)
        if not len(chosen):
            raise InputError(
                f"halo cut N > {more_than} leaves none of the {len(count)} halos in {self.files} "
                f"(largest: {count.max(initial=0)} particles); use a lower cut"
            )
        position = self._positions("halo_", slice(None), redshift_space)
        return position[chosen], count[chosen]

    def member_points(self, more_than: int) -> Iterator[Members]:
        for part, inside, halo, count in self._members(more_than):
            yield Members(self._points(part)[inside], halo, count)

    def member_positions(self, more_than: int, redshift_space: bool = False) -> Iterator[Members]:
        for part, inside, halo, count in self._members(more_than):
            yield Members(self._positions("", part, redshift_space)[inside], halo, count)

    def _members(self, more_than: int):
        """Parts of the particles, which of each are in halos above the cut, and in which."""
        if "halo_of_particle" not in self.arrays:
            raise self._no_members()
        counts = self._halo_counts
        number = np.where(counts > more_than, np.cumsum(counts > more_than) - 1, -1)
        of_particle = self._of_particles("halo_of_particle")
        for part in self._parts():
            halo = np.asarray(of_particle[part]).astype(np.int64)
            if len(halo) and (halo.max() >= len(counts) or halo.min() < -1):
                raise InputError(
                    f"{self.files}: halo_of_particle has {halo.min()} to {halo.max()}, expected "
                    f"numbers of its {len(counts)} halos, from 0, or -1; write it again"
                )
            inside = (halo >= 0) & (number[halo] >= 0)
            yield part, inside, number[halo[inside]], counts[halo[inside]]

    @cached_property
    def _halo_counts(self) -> np.ndarray:
        """Particles of each halo, int64 (n,)."""
        name = self.arrays.first_of("halo_particle_count", "halo_mass")
        found = np.asarray(self.arrays[name][...])
        if name == "halo_mass":
            found = np.rint(found / self.particle_mass)
        return found.astype(np.int64)

    @cached_property
    def _index(self) -> str:
        return self.arrays.first_of("lattice_index", "identifier")

    @cached_property
    def _first(self) -> int:
        """The identifier from which the lattice is counted."""
        parts = [np.asarray(self.arrays["identifier"][part]) for part in self._parts()]
        ends = min(int(p.min()) for p in parts), max(int(p.max()) for p in parts)
        return first_identifier(*ends, self.particles_per_side, self.files)

    def _points(self, part: slice) -> np.ndarray:
        """Points of the particle lattice of some particles, int32 (n, 3)."""
        values = np.asarray(self._of_particles(self._index)[part])
        if self._index == "identifier":
            order = self.options.get("id_order", "xyz")
            return lattice_points(values, self._first, self.particles_per_side, order)
        if len(values) and not 0 <= values.min() <= values.max() < self.particles_per_side:
            raise InputError(
                f"{self.files}: lattice_index has {values.min()} to {values.max()}, expected 0 to "
                f"{self.particles_per_side - 1}; write it again"
            )
        return values.astype(np.int32)

    def _of_particles(self, name: str):
        """An array with a line for each particle."""
        array, particles = self.arrays[name], self.arrays["position"].shape[0]
        if array.shape[0] != particles:
            raise InputError(
                f"{self.files}: {name} has {array.shape[0]} lines, expected {particles}, one for "
                "each particle of position; write it again"
            )
        return array

    def _parts(self) -> Iterator[slice]:
        for start in range(0, self.arrays["position"].shape[0], CHUNK_PARTICLES):
            yield slice(start, start + CHUNK_PARTICLES)

    def _positions(self, prefix: str, part: slice, redshift_space: bool) -> np.ndarray:
        """Positions of particles or halos, float32 (n, 3) in [-L/2, L/2]."""
        position = np.asarray(self.arrays[f"{prefix}position"][part], dtype=np.float64)
        if redshift_space:
            position[:, 2] += self._displaced(f"{prefix}velocity", part)
        if not np.isfinite(position).all():
            raise InputError(
                f"{self.files}: {prefix}position has numbers that are not finite; write it again"
            )
        half = self.box_size / 2
        return (position % self.box_size - half).astype(np.float32)

    def _displaced(self, name: str, part: slice) -> np.ndarray:
        """Displacements along z by velocities [Mpc/h]."""
        if name not in self.arrays:
            raise InputError(
                f"{self.files}: {self.arrays.lacking(name)}, or write `lacks: [velocities]` in "
                f"simulations.{self.name}"
            )
        self.arrays.attribute("omega_m")  # refuse a file without it
        assert self.background is not None
        rate = 100 * self.background.hubble_rate(self.redshift)  # km/s / (Mpc/h)
        return np.asarray(self.arrays[name][part])[:, 2] * (1 + self.redshift) / rate
