"""Halos of a Gadget box: FOF groups, SUBFIND subhalos, or a list of Rockstar's."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lagbias.base.errors import InputError
from lagbias.simulations.gadget.snapshot import GadgetFiles, opened

log = logging.getLogger(__name__)

KIND = 1  # of particles, PartType1


@dataclass(frozen=True)
class Catalogue:
    """Halos, the largest cut not yet taken.

    Attributes
    ----------
    position : float64, (n, 3)
        From the box's corner [Mpc/h].
    velocity : float64, (n, 3), or None where the files have none
        Peculiar [km/s].
    particle_count : int64, (n,)
    offset : int64, (n,), or None where the files do not tell the particles
        First particle of each halo, in the order of the snapshot.
    """

    position: np.ndarray
    velocity: np.ndarray | None
    particle_count: np.ndarray
    offset: np.ndarray | None

    def above(self, more_than: int) -> np.ndarray:
        """Numbers of the halos of more than so many particles, int64 (m,)."""
        return np.flatnonzero(self.particle_count > more_than)


class GroupFiles(GadgetFiles):
    """A group catalogue of Gadget-4 or AREPO.

    Parameters
    ----------
    paths, box_size : see ``GadgetFiles``
    """

    COUNT = "NumFiles"

    def read(self, name: str) -> Catalogue:
        """All halos.

        Parameters
        ----------
        name : {"Group", "Subhalo"}

        Raises
        ------
        InputError
            If what is needed is not there.
        """
        position = self._column(name, f"{name}CM", f"{name}Pos").astype(np.float64)
        length = self._optional(name, f"{name}LenType")
        count = (self._column(name, f"{name}Len") if length is None else length[:, KIND]).astype(
            np.int64
        )
        velocity = self._optional(name, f"{name}Vel")
        if velocity is not None:
            # GroupVel is v a, SubhaloVel v: measured on Gadget-4, and as IllustrisTNG says.
            factor = (1 + self.redshift) if name == "Group" else 1.0
            velocity = velocity.astype(np.float64) * (self.velocity_unit * factor)
        return Catalogue(position * self.length_unit, velocity, count, self._offsets(name, length))

    def _offsets(self, name: str, length: np.ndarray | None) -> np.ndarray | None:
        """First particle of each halo: as the file says; of groups, else by their lengths."""
        offset = self._optional(name, f"{name}OffsetType")
        if offset is not None:
            return offset[:, KIND].astype(np.int64)
        if name == "Group" and length is not None:
            return np.cumsum(length[:, KIND], dtype=np.int64) - length[:, KIND]
        return None

    def _optional(self, group: str, name: str) -> np.ndarray | None:
        parts = []
        for path in self.paths:
            with opened(path) as file:
                if group in file and name in file[group]:
                    parts.append(np.asarray(file[group][name]))
        return np.concatenate(parts) if parts else None

    def _column(self, group: str, *names: str) -> np.ndarray:
        for name in names:
            found = self._optional(group, name)
            if found is not None:
                return found
        raise InputError(
            f"{self.where}: found no {' or '.join(names)} in {group}; expected a group catalogue "
            "of Gadget-4 or AREPO with halos in it"
        )


def read_rockstar(path: str, box_size: float, redshift: float) -> Catalogue:
    """Halos of Rockstar's ``out_N.list``; without subhalos where parents are known (PID).

    Parameters
    ----------
    path : str
    box_size : float
        Expected side [Mpc/h].
    redshift : float
        Expected one.

    Raises
    ------
    InputError
        If columns are missing, or box or redshift are others.
    """
    names, found = _rockstar_head(path)
    for field, expected in (("a", 1 / (1 + redshift)), ("Box size", box_size)):
        if field in found and abs(found[field] - expected) > 5e-3 * expected:
            raise InputError(
                f"{path}: found {field} = {found[field]:g}, expected {expected:g}; use the list of "
                "this box at this redshift"
            )
    wanted = ["Np", "X", "Y", "Z", "VX", "VY", "VZ"]
    wanted += ["PID"] if "PID" in names else []
    lacking = [name for name in wanted if name not in names]
    if lacking:
        raise InputError(
            f"{path}: found the columns {', '.join(names) or 'of no header'}, expected "
            f"{', '.join(lacking)} too, as in Rockstar's out_N.list"
        )
    table = np.loadtxt(path, usecols=[names.index(name) for name in wanted], ndmin=2)
    if "PID" in names:
        table = table[table[:, -1] < 0]
    return Catalogue(table[:, 1:4], table[:, 4:7], table[:, 0].astype(np.int64), None)


def _rockstar_head(path: str) -> tuple[list[str], dict[str, float]]:
    """Names of the columns, and numbers of the comments."""
    names: list[str] = []
    found: dict[str, float] = {}
    with Path(path).open(encoding="utf-8", errors="replace") as file:
        for line in file:
            if not line.startswith("#"):
                break
            text = line[1:].strip()
            if not names and text.startswith("ID"):
                names = [name.partition("(")[0] for name in text.split()]
            for field in ("a", "Box size"):
                label, sign, rest = text.partition("=" if field == "a" else ":")
                if sign and label.strip() == field:
                    found[field] = float(rest.split()[0])
    return names, found


def members(
    catalogue: Catalogue, chosen: np.ndarray, particles: Iterator[np.ndarray]
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Which of the particles of a snapshot are in some halos, chunk by chunk.

    Parameters
    ----------
    catalogue : Catalogue
        With offsets.
    chosen : int64, (m,)
        Numbers of the halos.
    particles : iterator of arrays, (n, ...)
        Of all particles, in the order of the snapshot.

    Yields
    ------
    values : (p, ...)
        Of the particles that are in one.
    halo, halo_particles : int64, (p,)
        Place of their halo in ``chosen``, and its N.
    """
    assert catalogue.offset is not None
    order = np.argsort(catalogue.offset[chosen], kind="stable")
    start = catalogue.offset[chosen][order]
    count = catalogue.particle_count[chosen][order]
    first = 0
    for values in particles:
        row = np.arange(first, first + len(values))
        first += len(values)
        place = np.searchsorted(start, row, side="right") - 1
        inside = (place >= 0) & (row < (start + count)[place])
        yield values[inside], order[place[inside]], count[place[inside]]
