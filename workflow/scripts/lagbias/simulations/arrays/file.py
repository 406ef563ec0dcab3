"""The file of arrays that a box of any origin may be written as: what is in it, and its units."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import zarr

from lagbias.base.errors import InputError


@dataclass(frozen=True)
class Array:
    """An array of the file.

    Parameters
    ----------
    shape : str
        In words, ``particle, 3``.
    unit : str
    meaning : str
    """

    shape: str
    unit: str
    meaning: str


ARRAYS = {
    "linear_density": Array("n, n, n", "1", "linear overdensity on the Lagrangian grid, point "
        "[0, 0, 0] at the corner of the box; its attribute `redshift` says when, the redshift of "
        "the box if it has none"),
    "initial_displacement": Array("n, n, n, 3", "Mpc/h", "instead of `linear_density`: "
        "displacement of each lattice point in the initial conditions; needs the attribute "
        "`redshift`"),
    "position": Array("particle, 3", "Mpc/h", "final positions, from 0 to the box size"),
    "velocity": Array("particle, 3", "km/s", "peculiar velocities; may be left out"),
    "lattice_index": Array("particle, 3", "1", "where each particle began: its point of the "
        "particle lattice, from 0"),
    "identifier": Array("particle", "1", "instead of `lattice_index`: identifiers from 0 or 1 "
        "that count the lattice; `id_order` of the config says how"),
    "halo_position": Array("halo, 3", "Mpc/h", "positions of halos, from 0 to the box size"),
    "halo_velocity": Array("halo, 3", "km/s", "peculiar velocities of halos; may be left out"),
    "halo_particle_count": Array("halo", "1", "particles of each halo"),
    "halo_mass": Array("halo", "Msun/h", "instead of `halo_particle_count`: masses"),
    "halo_of_particle": Array("particle", "1", "halo of each particle, its number from 0, -1 for "
        "none; may be left out"),
}  # fmt: skip
ATTRIBUTES = {
    "box_size": "side of the box [Mpc/h]",
    "redshift": "of positions and halos",
    "particles_per_side": "of the whole simulation",
    "omega_m": "matter today, in a flat universe; `w0` and `wa` if dark energy is not constant",
}
# One of each must be there.
NEEDED = (
    ("linear_density", "initial_displacement"), ("position",), ("lattice_index", "identifier"),
    ("halo_position",), ("halo_particle_count", "halo_mass"),
)  # fmt: skip


class ArrayFile:
    """An HDF5 file or a zarr store of named arrays.

    Parameters
    ----------
    path : str

    Attributes
    ----------
    attributes : mapping

    Raises
    ------
    InputError
        If it cannot be read.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        try:
            # Kept open: arrays are read piece by piece.
            self.group: Any = (
                zarr.open_group(path, mode="r") if Path(path).is_dir() else h5py.File(path, "r")
            )
        except (OSError, ValueError, KeyError) as error:
            raise InputError(
                f"{path} cannot be read: {error}; expected an HDF5 file or a zarr store of arrays, "
                "as docs/how-to/own-simulation.md shows: make it again"
            ) from error
        self.attributes: Mapping[str, Any] = dict(self.group.attrs)

    def __contains__(self, name: str) -> bool:
        return name in self.group

    def __getitem__(self, name: str) -> Any:
        """An array that is read where it is sliced.

        Raises
        ------
        InputError
            If it is not there, or has another shape.
        """
        if name not in self:
            raise InputError(f"{self.path}: {self.lacking(name)}")
        array, wanted = self.group[name], ARRAYS[name].shape.split(", ")
        shape = array.shape
        cubic = "n" not in wanted or len(set(shape[: wanted.count("n")])) == 1
        if len(shape) != len(wanted) or ("3" in wanted and shape[-1] != 3) or not cubic:
            raise InputError(
                f"{self.path}: {name} has the shape {tuple(shape)}, expected "
                f"({ARRAYS[name].shape}): {ARRAYS[name].meaning}; write it so"
            )
        return array

    def lacking(self, *names: str) -> str:
        """What to say of an array that is not there."""
        found = ", ".join(name for name in self.group if name in ARRAYS) or "no known array"
        wanted = " or ".join(names)
        return (
            f"found {found}, expected {wanted} ({ARRAYS[names[0]].meaning}); write it into the "
            "file: `lagbias check-box` lists what is missing"
        )

    def attribute(self, name: str) -> float:
        """A number of the file.

        Raises
        ------
        InputError
            If it is not there.
        """
        if name not in self.attributes:
            raise InputError(
                f"{self.path}: found no attribute {name}, expected {ATTRIBUTES[name]}; write it"
            )
        return float(np.asarray(self.attributes[name]))

    def first_of(self, *names: str) -> str:
        """The name of the first of some arrays that is there.

        Raises
        ------
        InputError
            If none is.
        """
        found = next((name for name in names if name in self), None)
        if found is None:
            raise InputError(f"{self.path}: {self.lacking(*names)}")
        return found
