"""Zarr stores and NetCDF files, through xarray."""

import itertools
import math
import os
import warnings
from importlib.metadata import version
from pathlib import Path

import numpy as np
import xarray as xr
import zarr

from lagbias.base.errors import InputError
from lagbias.base.files import written_whole

AGAIN = "delete it and run again, which makes it anew"
# Stores do not depend on what ~/.config/zarr or ZARR_* variables say for other programs.
zarr.config.clear()
for defaults in zarr.config.defaults:
    zarr.config.update(defaults)
CHUNK_BYTES = 64 * 2**20  # few large chunks: one file per ~64 MiB


def provenance(**attributes) -> dict:
    """Attributes every product carries: what it was made from, and with which software."""
    software = {name: version(name) for name in ("numpy", "xarray", "abacusutils")}
    return attributes | {"software": " ".join(f"{k}={v}" for k, v in software.items())}


def rows_of_a_chunk(length: int, row_bytes: int) -> int:
    """Rows of each chunk of an array: chunks alike, so that the last is not padded with much."""
    most = max(1, CHUNK_BYTES // max(row_bytes, 1))
    return -(-length // -(-length // most)) if length else 1


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
    rows = rows_of_a_chunk(len(values), values[:1].nbytes)
    chunks = (rows, *(max(size, 1) for size in values.shape[1:]))
    dataset = xr.Dataset({name: xr.Variable(dims, values, attributes)})
    with zarr.config.set({"async.concurrency": 1}):  # each chunk on its way is a copy in memory
        dataset.to_zarr(
            store,
            mode="a" if store.exists() else "w",
            consolidated=False,
            zarr_format=3,
            encoding={name: {"chunks": chunks, "compressors": None}},
            write_empty_chunks=True,  # a chunk that is not there is then always a lost one
        )


class GrowingVariable:
    """A one-dimensional variable of a zarr store, written part by part in whole chunks.

    The store is that which ``append_variable`` writes of the whole array.

    Parameters
    ----------
    store : path of the store, made if absent
    name : variable name
    length : int
        Values that will be appended in all.
    dtype : of the values
    dim : name of its dimension
    attributes : attributes of the variable, ``units`` among them
    """

    def __init__(self, store: Path, name: str, length: int, dtype, dim: str, **attributes):
        self._chunk = rows_of_a_chunk(length, np.dtype(dtype).itemsize)
        self._array = zarr.open_group(store, mode="a").create_array(
            name, shape=(length,), dtype=dtype, chunks=(self._chunk,), compressors=None,
            attributes=attributes, dimension_names=(dim,), fill_value=np.dtype(dtype).type(0),
        )  # fmt: skip
        self._waiting: list[np.ndarray] = []
        self._length, self._written = length, 0

    def append(self, values: np.ndarray) -> None:
        """Add values; they are written once they fill a chunk, or the variable."""
        self._waiting.append(values)
        ready = sum(map(len, self._waiting))
        if self._written + ready < self._length:
            ready -= ready % self._chunk
        if ready:
            values = np.concatenate(self._waiting)
            with zarr.config.set({"async.concurrency": 1}):
                self._array[self._written : self._written + ready] = values[:ready]
            self._waiting = [values[ready:]]
            self._written += ready


def set_attributes(store: Path, **attributes) -> None:
    """Set the attributes of a zarr store, and note the variables that it holds by now."""
    group = zarr.open_group(store, mode="a")
    group.attrs.update(attributes | {"variables": sorted(group.array_keys())})


def open_store(path: str | Path) -> xr.Dataset:
    """Open a zarr store lazily.

    Raises
    ------
    InputError
        If there is no store, or it cannot be read, or a part of it is missing or cut short.
    """
    try:
        with warnings.catch_warnings():
            # Snakemake keeps a time stamp inside directory outputs, and zarr warns about it.
            warnings.filterwarnings("ignore", message=".*snakemake_timestamp.*")
            # xarray's own type of `chunks` knows its default alone.
            store = xr.open_zarr(path, consolidated=False, chunks=None)  # pyright: ignore[reportArgumentType]
    except (FileNotFoundError, KeyError, ValueError) as error:
        raise InputError(f"zarr store {path} cannot be opened: {error}; {AGAIN}") from error
    check_whole(store, Path(path))
    return store


def check_whole(store: xr.Dataset, path: Path) -> None:
    """Hold the files of a store against its metadata: zarr reads a lost chunk as zeros or NaN.

    Raises
    ------
    InputError
        If a variable or a chunk is missing, or a chunk is not of its size.
    """
    lost = sorted(set(store.attrs.get("variables", ())) - set(store.variables))
    if lost:
        raise InputError(f"zarr store {path} has lost its variables {', '.join(lost)}; {AGAIN}")
    for name, variable in store.variables.items():
        chunks = variable.encoding["chunks"]
        expected = math.prod(chunks) * variable.encoding["dtype"].itemsize  # not compressed
        counts = (-(-size // chunk) for size, chunk in zip(variable.shape, chunks, strict=True))
        for place in itertools.product(*map(range, counts)):
            file = os.path.join(path, str(name), "c", *map(str, place))
            found = os.stat(file).st_size if os.path.exists(file) else 0
            if found != expected:
                raise InputError(
                    f"zarr store {path} is cut short: {file} has {found} bytes, expected "
                    f"{expected}; {AGAIN}"
                )


def read_values(variable: xr.DataArray) -> np.ndarray:
    """The values of a lazy variable, its chunks read one after the other: each is a copy."""
    with zarr.config.set({"async.concurrency": 1}):
        return variable.values


def write_netcdf(dataset: xr.Dataset, path: str | Path) -> None:
    """Write a dataset as NetCDF-4, whole or not at all."""
    with written_whole(path) as partial:
        dataset.to_netcdf(partial, engine="h5netcdf")


def read_netcdf(path: str | Path) -> xr.Dataset:
    """Read a NetCDF-4 file into memory.

    Raises
    ------
    InputError
        If there is none, or it is not whole.
    """
    try:
        with xr.open_dataset(path, engine="h5netcdf") as dataset:
            return dataset.load()
    except (OSError, RuntimeError, KeyError, ValueError) as error:
        raise InputError(f"{path} cannot be read as NetCDF: {error}; {AGAIN}") from error


MEAN = "mean"  # name of the member of a prediction that is f averaged over seeds
