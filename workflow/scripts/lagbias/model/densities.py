"""Linear densities in the files that people have: NumPy, zarr, NetCDF, AbacusSummit's own."""

from pathlib import Path

import numpy as np
import xarray as xr
from zarr.errors import BaseZarrError

from lagbias.base.errors import InputError
from lagbias.simulations.abacus.reader import read_linear_density

FORMATS = ".npy, .zarr, .nc or .asdf"


def read_density(
    path: str | Path, redshift: float, box_size: float | None = None, variable: str | None = None
) -> tuple[np.ndarray, float]:
    """A linear density and its box size [Mpc/h].

    Parameters
    ----------
    path : path
        ``.npy``: an array. ``.zarr``, ``.nc``: a variable. ``.asdf``: AbacusSummit's ``ic_dens``,
        which is scaled to the redshift by its own growth table, and knows its box.
    redshift : float
        Of the model; what is not ``.asdf`` has to be at it.
    box_size : float, optional
        [Mpc/h]; needed unless the file knows it, as an attribute ``box_size`` or in its header.
    variable : str, optional
        Of a zarr or NetCDF file; needed if it has several.

    Raises
    ------
    InputError
        If there is no such file or variable, or no box size.
    """
    path = Path(path)
    if not path.exists():
        raise InputError(f"density: there is no file {path}; expected {FORMATS}")
    if path.suffix == ".asdf":
        density, known = read_linear_density(path, redshift)
    elif path.suffix == ".npy":
        density, known = _of_numpy(path), None
    elif path.suffix in (".zarr", ".nc"):
        density, known = _of_xarray(path, variable)
    else:
        raise InputError(f"density: found {path}, expected a file that ends in {FORMATS}")
    side = known if box_size is None else box_size
    if side is None:
        raise InputError(f"--box-size: {path} does not say its box; give the side in Mpc/h")
    if box_size is not None and known is not None and not np.isclose(box_size, known):
        raise InputError(
            f"--box-size: found {box_size:g}, but {path} says {known:g} Mpc/h; leave it out"
        )
    return density, float(side)


def _of_numpy(path: Path) -> np.ndarray:
    try:
        return np.load(path, allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise InputError(
            f"density: {path} is not a whole NumPy file ({error}); write it by numpy.save"
        ) from error


def _of_xarray(path: Path, variable: str | None) -> tuple[np.ndarray, float | None]:
    engine = "zarr" if path.suffix == ".zarr" else "h5netcdf"
    options = {"consolidated": False} if engine == "zarr" else None
    try:
        with xr.open_dataset(path, engine=engine, backend_kwargs=options) as dataset:
            names = [str(name) for name in dataset.data_vars]
            name = variable or (names[0] if len(names) == 1 else None)
            if name not in names:
                raise InputError(
                    f"--variable: found {variable or 'none'}, expected one of {path}: "
                    f"{', '.join(names) or 'it has none'}"
                )
            known = dataset.attrs.get("box_size")
            return dataset[name].values, None if known is None else float(known)
    except (OSError, KeyError, BaseZarrError) as error:
        raise InputError(f"density: {path} cannot be read ({error}); copy it again") from error
