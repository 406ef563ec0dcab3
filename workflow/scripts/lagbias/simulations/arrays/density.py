"""The linear density of a file of arrays."""

import logging
from pathlib import Path

import h5py
import numpy as np

from lagbias.base.errors import InputError
from lagbias.simulations.abacus.checks import check_finite
from lagbias.simulations.arrays.file import ArrayFile
from lagbias.simulations.background import Background
from lagbias.simulations.box import SimulationBox
from lagbias.simulations.lattice import density_of_displacements

log = logging.getLogger(__name__)


def has_density(path: str) -> bool:
    """Is a file one of arrays with a density, rather than a snapshot of particles?"""
    return Path(path).is_dir() or (h5py.is_hdf5(path) and "linear_density" in ArrayFile(path))


def read_density(path: str, background: Background | None, box: SimulationBox) -> np.ndarray:
    """Linear overdensity at the redshift of a box, float32 (n, n, n).

    Parameters
    ----------
    path : str
        A file of arrays with ``linear_density`` or ``initial_displacement``.
    background : Background, or None where it is not known
        Whose growth brings a density of another redshift to that of the box.
    box : SimulationBox
        Whose redshift, size and ``density_points`` are expected.

    Raises
    ------
    InputError
        If the density is of another grid, is not finite, or its growth is not known.
    """
    file = ArrayFile(path)
    name = file.first_of("linear_density", "initial_displacement")
    array = file[name]
    if array.shape[0] != box.density_points:
        raise InputError(
            f"{path}: {name} has {array.shape[0]} points a side, expected {box.density_points}; "
            f"write `density_grid: {array.shape[0]}` in simulations.{box.name}"
        )
    if name == "linear_density":
        density = np.asarray(array[...], dtype=np.float32)
        check_finite(density, path)
    else:
        density = density_of_displacements(
            lambda axis: np.asarray(array[..., axis], dtype=np.float32), box.box_size
        )
        check_finite(density, path)
    at = array.attrs.get("redshift")
    if at is None and name == "initial_displacement":
        raise InputError(
            f"{path}: {name} has no attribute `redshift`, expected that of the initial conditions"
        )
    if at is None or float(at) == box.redshift:
        return density
    if background is None:
        raise InputError(
            f"{path}: {name} is of redshift {float(at):g}, expected {box.redshift:g} or the "
            "attribute omega_m, from which growth follows; write one of the two"
        )
    growth = background.growth_factor(box.redshift, float(at))
    log.info("%s: %d^3, growth x %.5f", path, len(density), growth)
    density *= np.float32(growth)
    return density
