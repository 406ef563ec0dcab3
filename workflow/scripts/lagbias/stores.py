"""Zarr stores and NetCDF files, through xarray."""

import warnings
from importlib.metadata import version
from pathlib import Path

import xarray as xr
import zarr

from lagbias.errors import InputError
from lagbias.files import written_whole

CHUNK_BYTES = 64 * 2**20  # few large chunks: one file per ~64 MiB


def provenance(**attributes) -> dict:
    """Attributes every product carries: what it was made from, and with which software."""
    software = {name: version(name) for name in ("numpy", "xarray", "abacusutils")}
    return attributes | {"software": " ".join(f"{k}={v}" for k, v in software.items())}


def append_variable(store: Path, name: str, values, dims: tuple[str, ...], **attributes) -> None:
    """Write one variable of a zarr store through xarray, in large chunks along its first axis.

    Parameters
    ----------
    store : path of the store, made if absent
    name : variable name
    values : array
    dims : names of its dimensions
    attributes : attributes of the variable, ``units`` among them
    """
    rows = max(1, int(CHUNK_BYTES // max(values[:1].nbytes, 1))) if len(values) else 1
    chunks = (min(rows, max(len(values), 1)), *(max(size, 1) for size in values.shape[1:]))
    dataset = xr.Dataset({name: xr.Variable(dims, values, attributes)})
    with zarr.config.set({"async.concurrency": 1}):  # each chunk on its way is a copy in memory
        dataset.to_zarr(
            store,
            mode="a" if store.exists() else "w",
            consolidated=False,
            zarr_format=3,
            encoding={name: {"chunks": chunks, "compressors": None}},
        )


def set_attributes(store: Path, **attributes) -> None:
    """Set the attributes of a zarr store."""
    zarr.open_group(store, mode="a").attrs.update(attributes)


def open_store(path: str | Path) -> xr.Dataset:
    """Open a zarr store lazily.

    Raises
    ------
    InputError
        If there is no store, or it cannot be read.
    """
    try:
        with warnings.catch_warnings():
            # Snakemake keeps a time stamp inside directory outputs, and zarr warns about it.
            warnings.filterwarnings("ignore", message=".*snakemake_timestamp.*")
            return xr.open_zarr(path, consolidated=False, chunks=None)
    except (FileNotFoundError, KeyError, ValueError) as error:
        raise InputError(f"zarr store {path} cannot be opened: {error}; make it again") from error


def write_netcdf(dataset: xr.Dataset, path: str | Path) -> None:
    """Write a dataset as NetCDF-4, whole or not at all."""
    with written_whole(path) as partial:
        dataset.to_netcdf(partial, engine="h5netcdf")


def read_netcdf(path: str | Path) -> xr.Dataset:
    """Read a NetCDF-4 file into memory."""
    with xr.open_dataset(path, engine="h5netcdf") as dataset:
        return dataset.load()
