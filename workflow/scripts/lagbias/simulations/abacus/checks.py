"""Do files belong together? One box, one redshift, numbers that are finite."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from lagbias.base.errors import InputError

SAME_REDSHIFT = 0.005  # of 1 + z: AbacusSummit's outputs are at most so far from their folder's


def check_finite(overdensity: np.ndarray, path: str | Path) -> None:
    """Refuse a density that holds values that are none.

    Raises
    ------
    InputError
        Naming the first such grid point.
    """
    for number, plane in enumerate(overdensity):
        bad = np.argwhere(~np.isfinite(plane))
        if len(bad):
            raise InputError(
                f"{path}: found a density of {plane[tuple(bad[0])]} at grid point "
                f"{[number, *bad[0].tolist()]}, expected finite overdensities; fetch or make the "
                "file again"
            )


def check_same_name(names: Mapping[Path, str], what: str) -> None:
    """Refuse files, given with the names in their headers, that are of several simulations.

    Raises
    ------
    InputError
        If the names differ.
    """
    if len(set(names.values())) > 1:
        found = ", ".join(f"{file} is of {name}" for file, name in names.items())
        raise InputError(f"{what} of different boxes: {found}; use files of one box")


def check_same_box(header: dict, density_header: dict, redshift: float, where: str) -> None:
    """Refuse particles and initial conditions that do not belong together.

    Raises
    ------
    InputError
        If simulation names, box sizes or redshift differ.
    """
    at = float(header["Redshift"])
    # Folders have the redshift that was planned: in z2.000 it is 2.0033.
    near = abs(at - redshift) <= SAME_REDSHIFT * (1 + redshift)
    expectations = {
        "SimName": (header.get("SimName"), density_header.get("SimName")),
        "BoxSize": (float(header["BoxSize"]), float(density_header["BoxSize"])),
        "Redshift": (redshift if near else round(at, 4), redshift),
    }
    for field, (found, expected) in expectations.items():
        if found != expected:
            raise InputError(
                f"{where}: header {field} is {found!r}, expected {expected!r} as the initial "
                "density and the config say; use files of one box at one redshift"
            )
