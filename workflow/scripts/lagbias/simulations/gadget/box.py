"""A Gadget or AREPO box, as the rest of the library sees it."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lagbias.base.errors import InputError
from lagbias.simulations.arrays.density import has_density, read_density
from lagbias.simulations.box import BoxOnDisk, Members
from lagbias.simulations.gadget.groups import Catalogue, GroupFiles, members, read_rockstar
from lagbias.simulations.gadget.snapshot import Snapshot
from lagbias.simulations.lattice import (
    density_of_displacements,
    initial_displacements,
    lattice_origin,
    lattice_points,
    nearest_images,
)

log = logging.getLogger(__name__)

GROUPS = {"groups": "Group", "subhalos": "Subhalo"}
FARTHEST_MEMBER = 5.0  # Mpc/h, mean distance of the particles of a halo from it


@dataclass
class GadgetBox(BoxOnDisk):
    """A box of HDF5 files as Gadget-2, -3, -4 and AREPO write them.

    Files by name: ``snapshot``; ``initial``, a snapshot of the initial conditions or a grid of the
    density (``source: arrays``); and one of ``groups``, ``subhalos`` and ``rockstar``.
    """

    @cached_property
    def snapshot(self) -> Snapshot:
        """The particles at the redshift of the box."""
        found = Snapshot(self.paths["snapshot"], self.box_size, self.particles_per_side)
        found.check_redshift(self.redshift)
        return found

    @cached_property
    def initial(self) -> Snapshot | None:
        """The particles in the initial conditions; None where these are a grid."""
        if has_density(self.path("initial")):
            return None
        return Snapshot(self.paths["initial"], self.box_size, self.particles_per_side)

    @property
    def particle_mass(self) -> float:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self.snapshot.particle_mass

    @cached_property
    def origin(self) -> np.ndarray:
        """Position of point [0, 0, 0] of the particle lattice, float64 (3,) [Mpc/h]."""
        if self.initial is None:
            return np.zeros(3)
        found = lattice_origin(
            self._initial_chunks(), self.particles_per_side, self.box_size, self.initial.where
        )
        spacing = self.box_size / self.particles_per_side
        log.info("the particle lattice begins at %s spacings", np.round(found / spacing, 3))
        return found

    def linear_density(self) -> np.ndarray:
        if self.initial is None:
            return read_density(self.path("initial"), self.snapshot.background, self)
        if self.density_points != self.particles_per_side:
            raise InputError(
                f"{self.name}: found density_grid {self.density_points}, expected "
                f"{self.particles_per_side}: the density is made of the displacements of as many "
                "particles; leave `density_grid` out"
            )
        displacement = initial_displacements(
            self._initial_chunks, self.particles_per_side, self.box_size, self.origin
        )
        density = density_of_displacements(displacement, self.box_size)
        growth = self.initial.background.growth_factor(self.redshift, self.initial.redshift)
        log.info("%s: %d^3, growth x %.5f", self.initial.where, len(density), growth)
        density *= np.float32(growth)
        return density

    def particle_chunks(
        self, redshift_space: bool = False
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        names = ["ParticleIDs", "Coordinates", *(["Velocities"] if redshift_space else [])]
        first = self.snapshot.first_identifier
        for identifier, position, *velocity in self.snapshot.chunks(*names):
            yield self._placed(position, *velocity), self._points(identifier, first)

    def halos(
        self, more_than: int = 0, redshift_space: bool = False
    ) -> tuple[np.ndarray, np.ndarray]:
        catalogue, chosen = self._catalogue, self._above(more_than)
        velocity = []
        if redshift_space:
            if catalogue.velocity is None:
                raise InputError(
                    f"{self.files}: found no velocities of halos, which redshift space needs; "
                    f"write `lacks: [velocities]` in simulations.{self.name}"
                )
            velocity = [catalogue.velocity[chosen]]
        position = self._placed(catalogue.position[chosen], *velocity)
        return position, catalogue.particle_count[chosen]

    def member_points(self, more_than: int) -> Iterator[Members]:
        first = self.snapshot.first_identifier
        identifiers = (ids for (ids,) in self.snapshot.chunks("ParticleIDs"))
        for identifier, halo, count in self._members(more_than, identifiers):
            yield Members(self._points(identifier, first), halo, count)

    def member_positions(self, more_than: int, redshift_space: bool = False) -> Iterator[Members]:
        names = ["Coordinates", *(["Velocities"] if redshift_space else [])]
        columns = (np.stack(found, axis=1) for found in self.snapshot.chunks(*names))
        halo_position = self._catalogue.position[self._above(more_than)]
        for found, halo, count in self._members(more_than, columns):
            self._check_near(found[:, 0], halo_position[halo])
            yield Members(self._placed(*np.moveaxis(found, 1, 0)), halo, count)

    def _members(self, more_than: int, particles: Iterator[np.ndarray]):
        catalogue = self._catalogue
        if catalogue.offset is None:
            raise self._no_members()
        last = (catalogue.offset + catalogue.particle_count).max(initial=0)
        there = self.particles_per_side**3
        if last > there:
            raise InputError(
                f"{self.files}: halos point to particle {last} of a snapshot of {there}; expected "
                "halos and particles of one snapshot"
            )
        return members(catalogue, self._above(more_than), particles)

    def _above(self, more_than: int) -> np.ndarray:
        """Numbers of the halos of more than so many particles; refused where there is none."""
        count = self._catalogue.particle_count
        chosen = self._catalogue.above(more_than)
        if not len(chosen):
            raise InputError(
                f"halo cut N > {more_than} leaves none of the {len(count)} halos in {self.files} "
                f"(largest: {count.max(initial=0)} particles); use a lower cut"
            )
        return chosen

    def _check_near(self, position: np.ndarray, halo_position: np.ndarray) -> None:
        """Refuse halos whose particles are not about them."""
        if not len(position):
            return
        away = np.sqrt(
            (nearest_images(position - halo_position, self.box_size) ** 2).sum(axis=1)
        ).mean()
        if away > FARTHEST_MEMBER:
            raise InputError(
                f"{self.files}: the particles of halos are {away:.3g} Mpc/h from them on average, "
                f"expected less than {FARTHEST_MEMBER:g}; use halos of this very snapshot"
            )

    @cached_property
    def _catalogue(self) -> Catalogue:
        """Halos of the one catalogue that the config names."""
        named = [name for name in (*GROUPS, "rockstar") if name in self.paths]
        if len(named) != 1:
            raise InputError(
                f"simulations.{self.name}.files: found {' and '.join(named) or 'no halos'}, "
                "expected one of groups, subhalos and rockstar"
            )
        if named[0] == "rockstar":
            return read_rockstar(self.path("rockstar"), self.box_size, self.redshift)
        files = GroupFiles(self.paths[named[0]], self.box_size)
        files.check_redshift(self.redshift)
        return files.read(GROUPS[named[0]])

    def _initial_chunks(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        assert self.initial is not None
        first = self.initial.first_identifier
        for identifier, position in self.initial.chunks("ParticleIDs", "Coordinates"):
            yield position, self._points(identifier, first)

    def _points(self, identifier: np.ndarray, first: int) -> np.ndarray:
        order = self.options.get("id_order", "xyz")
        return lattice_points(identifier, first, self.particles_per_side, order)

    def _placed(self, position: np.ndarray, velocity: np.ndarray | None = None) -> np.ndarray:
        """Positions from the box's corner as this library has them; displaced by velocities."""
        placed = position - self.origin
        if velocity is not None:
            rate = 100 * self.snapshot.background.hubble_rate(self.redshift)  # km/s/(Mpc/h)
            placed[:, 2] += velocity[:, 2] * (1 + self.redshift) / rate
        return (placed % self.box_size - self.box_size / 2).astype(np.float32)
