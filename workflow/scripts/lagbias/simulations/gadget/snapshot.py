"""One snapshot in Gadget's HDF5 format: its header, its units, its particles piece by piece."""

import logging
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from lagbias.base.errors import InputError
from lagbias.simulations.background import Background
from lagbias.simulations.lattice import first_identifier

log = logging.getLogger(__name__)

PARTICLES = "PartType1"
GAS = (0, 4)  # types of particles that hydrodynamical runs have besides: gas, stars
CHUNK_PARTICLES = 4_000_000  # read at a time: bounds memory
CM_PER_MPC = 3.0856775814913673e24
CM_PER_KM = 1e5
GRAMS_PER_MASS = 1.98841e43  # 1e10 solar masses
UNITS_AGREE = 1e-4  # relative; codes have the parsec to some 1e-5
FLAT = 2e-3  # of Omega_m + Omega_Lambda: radiation is left out


class GadgetFiles:
    """Files of one output, a snapshot or a group catalogue, as one.

    Parameters
    ----------
    paths : sequence of str
    box_size : float
        Expected side [Mpc/h].

    Raises
    ------
    InputError
        If files are missing, cannot be read, or are of another box.
    """

    COUNT = "NumFilesPerSnapshot"

    def __init__(self, paths: Sequence[str], box_size: float) -> None:
        self.paths, self.box_size = list(paths), box_size
        self.headers = [self._header(path) for path in self.paths]
        expected = int(self.headers[0].get(self.COUNT, 1))
        if len(self.paths) != expected:
            raise InputError(
                f"{self.where}: found {len(self.paths)} of its files, expected {expected} as the "
                f"header says ({self.COUNT}); write `*` for the number in the name, and fetch the "
                "missing ones"
            )
        self.length_unit = self._length_unit()

    @property
    def where(self) -> str:
        """The first file, named in errors."""
        return self.paths[0]

    def _header(self, path: str) -> dict[str, Any]:
        """Header and parameters of a file in one."""
        with opened(path) as file:
            if "Header" not in file:
                raise InputError(
                    f"{path}: found no group Header; expected an HDF5 snapshot or group catalogue "
                    "of Gadget or AREPO (SnapFormat 3); convert the file"
                )
            parameters = dict(file["Parameters"].attrs) if "Parameters" in file else {}
            return {**parameters, **dict(file["Header"].attrs)}

    @property
    def header(self) -> dict[str, Any]:
        """That of the first file."""
        return self.headers[0]

    def number(self, *names: str) -> float | None:
        """The first of some numbers of the header that is there."""
        return next((float(self.header[name]) for name in names if name in self.header), None)

    @property
    def redshift(self) -> float:
        """Of this output."""
        found = self.number("Redshift")
        return found if found is not None else 1 / float(self.header["Time"]) - 1

    def _length_unit(self) -> float:
        """Unit of positions [Mpc/h]: as the file says, or else by its box size."""
        side, centimetres = self.number("BoxSize"), self.number("UnitLength_in_cm")
        if side is None:
            raise InputError(
                f"{self.where}: the header lacks BoxSize; expected that of a periodic box"
            )
        if centimetres is not None:
            unit = centimetres / CM_PER_MPC
        else:
            unit = next((u for u in (1.0, 1e-3) if agree(side * u, self.box_size)), np.nan)
        if not agree(side * unit, self.box_size):
            said = f"UnitLength_in_cm {centimetres:g}" if centimetres else "no UnitLength_in_cm"
            hint = (
                "; a factor of 1000: one of the two is in kpc/h"
                if agree(side * unit, 1000 * self.box_size)
                or agree(1000 * side * unit, self.box_size)
                else ""
            )
            raise InputError(
                f"{self.where}: found BoxSize {side:g} and {said}, expected a box of "
                f"{self.box_size:g} Mpc/h as `box_size` says{hint}; write the side in Mpc/h, or "
                "use files of this box"
            )
        return self.box_size / side  # the parsec of the code left out

    @property
    def mass_unit(self) -> float:
        """[Msun/h]"""
        grams = self.number("UnitMass_in_g")
        return 1e10 * (grams / GRAMS_PER_MASS if grams else 1.0)

    @property
    def velocity_unit(self) -> float:
        """[km/s]"""
        found = self.number("UnitVelocity_in_cm_per_s")
        return found / CM_PER_KM if found else 1.0

    @cached_property
    def background(self) -> Background:
        """Expansion and growth, from the cosmology in Header or Parameters."""
        matter = self.number("Omega0", "OmegaMatter")
        dark = self.number("OmegaLambda", "OmegaDE")
        if matter is None or dark is None:
            raise InputError(
                f"{self.where}: found no Omega0 and OmegaLambda in Header or Parameters; expected "
                "the cosmology there: add it as attributes of Header"
            )
        if abs(matter + dark - 1) > FLAT:
            raise InputError(
                f"{self.where}: found Omega0 {matter:g} and OmegaLambda {dark:g}, expected a sum "
                "of 1: only flat universes are known here"
            )
        w0, wa = self.number("w0", "W0"), self.number("wa", "WA")
        return Background(matter, -1.0 if w0 is None else w0, wa or 0.0)

    def check_redshift(self, redshift: float) -> None:
        """Refuse files of another redshift."""
        if abs(self.redshift - redshift) > 0.005 * (1 + redshift):
            raise InputError(
                f"{self.where}: found redshift {self.redshift:.4g}, expected {redshift:g} as "
                "`redshift` says; use the output of that redshift, or write this one"
            )


class Snapshot(GadgetFiles):
    """Particles of type 1 of a snapshot.

    Parameters
    ----------
    paths : sequence of str
    box_size : float
        [Mpc/h]
    per_side : int
        Particles a side.

    Raises
    ------
    InputError
        If there are not so many, or gas besides them.
    """

    def __init__(self, paths: Sequence[str], box_size: float, per_side: int) -> None:
        super().__init__(paths, box_size)
        self.per_side = per_side
        counts = np.sum([header["NumPart_ThisFile"] for header in self.headers], axis=0)
        baryons = [kind for kind in GAS if kind < len(counts) and counts[kind]]
        if baryons:
            raise InputError(
                f"{self.where}: found {counts[baryons[0]]} particles of type {baryons[0]}, "
                f"expected a run of dark matter alone, all matter in {PARTICLES}; use the twin of "
                "this run without gas"
            )
        found = int(counts[1]) if len(counts) > 1 else 0
        if found != per_side**3:
            near = round(found ** (1 / 3))
            advice = f"write {near}" if near**3 == found else "check the files"
            raise InputError(
                f"{self.where}: found {found} particles in {PARTICLES}, expected {per_side}^3 = "
                f"{per_side**3} as `particles_per_side` says; {advice}"
            )

    @property
    def particle_mass(self) -> float:
        """[Msun/h]"""
        mass = float(np.asarray(self.header.get("MassTable", [0, 0]))[1])
        if not mass:
            with opened(self.where) as file:
                masses = np.asarray(column(file, "Masses", self.where)[:])
            if masses.min() != masses.max():
                raise InputError(
                    f"{self.where}: found particles of {masses.min():g} to {masses.max():g}, "
                    "expected equal masses; zoom simulations cannot be used"
                )
            mass = float(masses[0])
        return mass * self.mass_unit

    def chunks(self, *names: str) -> Iterator[list[np.ndarray]]:
        """Columns of all particles, some millions at a time, file after file.

        Parameters
        ----------
        names : str
            ``Coordinates`` come in Mpc/h, from the box's corner, ``Velocities`` as peculiar ones
            in km/s, anything else as it is.
        """
        for path in self.paths:
            with opened(path) as file:
                columns = [column(file, name, path) for name in names]
                for start in range(0, len(columns[0]), CHUNK_PARTICLES):
                    part = slice(start, start + CHUNK_PARTICLES)
                    yield [
                        self._in_units(name, np.asarray(found[part]), path)
                        for name, found in zip(names, columns, strict=True)
                    ]

    def _in_units(self, name: str, values: np.ndarray, path: str) -> np.ndarray:
        if name == "Coordinates":
            if values.dtype.kind in "iu":  # Gadget-4 may write them as shares of the box
                return (values / 2.0 ** (8 * values.itemsize) * self.box_size).astype(np.float32)
            found = values * values.dtype.type(self.length_unit)
            check_finite(found, name, path)
            return found
        if name == "Velocities":  # u = v / sqrt(a), Gadget-2's users' guide
            check_finite(values, name, path)
            return values * values.dtype.type(self.velocity_unit / np.sqrt(1 + self.redshift))
        return values

    @cached_property
    def first_identifier(self) -> int:
        """The identifier from which the particle lattice is counted: 0 or 1."""
        ends = [(int(ids.min()), int(ids.max())) for (ids,) in self.chunks("ParticleIDs")]
        least, largest = min(low for low, _ in ends), max(high for _, high in ends)
        return first_identifier(least, largest, self.per_side, self.where)


def opened(path: str | Path) -> Any:
    """An HDF5 file to read (h5py's own types leave open what a name stands for).

    Raises
    ------
    InputError
        If it is none, or damaged.
    """
    try:
        return h5py.File(path, "r")
    except OSError as error:
        raise InputError(
            f"{path} cannot be read: {error}; expected an HDF5 file: fetch or make it again"
        ) from error


def column(file: Any, name: str, path: str) -> Any:
    """A column of the particles of type 1.

    Raises
    ------
    InputError
        If it is not there: what is.
    """
    group = file[PARTICLES] if PARTICLES in file else {}
    if name not in group:
        raise InputError(
            f"{path}: found {', '.join(group) or 'nothing'} in {PARTICLES}, expected {name}; write "
            "the snapshot again with it" + (
                ", or write `lacks: [velocities]`" if name == "Velocities" else ""
            )
        )  # fmt: skip
    return group[name]


def check_finite(values: np.ndarray, name: str, path: str) -> None:
    """Refuse numbers that are none."""
    bad = int((~np.isfinite(values)).sum())
    if bad:
        raise InputError(
            f"{path}: {bad} numbers of {name} are not finite; fetch or make the file again"
        )


def agree(found: float, expected: float) -> bool:
    """Are two lengths the same, but for the digits of units?"""
    return abs(found - expected) <= UNITS_AGREE * expected
