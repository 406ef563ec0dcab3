"""Nothing half is ever taken for whole: files and zarr stores, and what opens them."""

import os
import shutil
import warnings

import numpy as np
import pytest
import xarray as xr
from lagbias.base import files, stores
from lagbias.base.errors import InputError
from lagbias.base.files import written_whole
from lagbias.base.stores import (
    GrowingVariable,
    append_variable,
    open_store,
    provenance,
    read_netcdf,
    set_attributes,
    write_netcdf,
)


class Killed(BaseException):
    """Ends a block as a signal would."""


def write_store(path, value, name="overdensity"):
    with written_whole(path) as partial:
        append_variable(partial, name, np.full(6, value), ("cell",), units="1")


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, Killed])
def test_block_that_fails_leaves_neither_result_nor_rest(tmp_path, error):
    for write in (lambda p: p.write_text("half"), lambda p: (p.mkdir(), (p / "a").touch())):
        with pytest.raises(error), written_whole(tmp_path / "result") as partial:  # noqa: PT012
            write(partial)
            assert not (tmp_path / "result").exists()
            raise error
        assert list(tmp_path.iterdir()) == []


def test_block_that_fails_keeps_the_old_result(tmp_path):
    (tmp_path / "file").write_text("old")
    write_store(tmp_path / "old.zarr", 1.0)
    for name in ("file", "old.zarr"):
        with pytest.raises(Killed), written_whole(tmp_path / name) as partial:  # noqa: PT012
            partial.write_text("half")
            raise Killed
    assert (tmp_path / "file").read_text() == "old"
    np.testing.assert_array_equal(open_store(tmp_path / "old.zarr")["overdensity"], 1.0)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "old.zarr"]


def test_block_that_ends_well_replaces_the_old_result_wholly(tmp_path):
    for text in ("old", "new"):
        with written_whole(tmp_path / "deep" / "file") as partial:
            partial.write_text(text)
    assert (tmp_path / "deep" / "file").read_text() == "new"
    write_store(tmp_path / "a.zarr", 1.0, name="old_variable")
    write_store(tmp_path / "a.zarr", 2.0)
    store = open_store(tmp_path / "a.zarr")
    assert list(store) == ["overdensity"]
    np.testing.assert_array_equal(store["overdensity"], 2.0)


def test_block_that_wrote_nothing_keeps_the_old_store(tmp_path):
    write_store(tmp_path / "a.zarr", 1.0)
    with pytest.raises(FileNotFoundError), written_whole(tmp_path / "a.zarr"):
        pass
    np.testing.assert_array_equal(open_store(tmp_path / "a.zarr")["overdensity"], 1.0)


def test_job_killed_while_it_replaces_a_store_leaves_a_whole_one(tmp_path, monkeypatch):
    # A chunk that is missing reads as the fill value, without a word.
    write_store(tmp_path / "a.zarr", 1.0)
    rmtree = shutil.rmtree

    def die_midway(path, *args, **kwargs):
        rmtree(next(p for p in path.rglob("c") if p.is_dir()))
        raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):  # noqa: PT012
        with written_whole(tmp_path / "a.zarr") as partial:
            append_variable(partial, "overdensity", np.full(6, 2.0), ("cell",), units="1")
            patch.setattr(files.shutil, "rmtree", die_midway)
    if (tmp_path / "a.zarr").exists():
        values = open_store(tmp_path / "a.zarr")["overdensity"].values
        assert values.tolist() in ([1.0] * 6, [2.0] * 6), values


def test_rest_of_a_killed_job_is_not_mixed_into_the_result(tmp_path):
    rest = tmp_path / f".a.zarr.part{os.getpid()}"
    append_variable(rest, "stale", np.ones(3), ("cell",), units="1")
    write_store(tmp_path / "a.zarr", 2.0)
    assert list(open_store(tmp_path / "a.zarr")) == ["overdensity"]


def test_rest_of_a_killed_job_is_cleared_away_by_the_next(tmp_path):
    # One writer a store: a rest beside it is nobody's. At 1152^3 it is 18 GB.
    rest = tmp_path / ".a.zarr.part999999999"
    append_variable(rest, "stale", np.ones(3), ("cell",), units="1")
    (tmp_path / ".b.zarr.part999999999").mkdir()  # of another store: may be at work
    write_store(tmp_path / "a.zarr", 2.0)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == [".b.zarr.part999999999", "a.zarr"]


def test_store_comes_back_with_names_units_and_attributes(tmp_path, rng):
    path = tmp_path / "a.zarr"
    field = rng.normal(size=(4, 3, 2)).astype(np.float32)
    count = np.arange(5, dtype=np.uint32)
    append_variable(path, "field", field, ("x", "y", "z"), units="Mpc/h", mean=0.5)
    append_variable(path, "count", count, ("particle",), units="1")
    set_attributes(path, **provenance(simulation="box7"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        store = open_store(path)
    assert store["field"].dims == ("x", "y", "z")
    assert store["field"].attrs == {"units": "Mpc/h", "mean": 0.5}
    assert store["count"].dtype == np.uint32
    np.testing.assert_array_equal(store["field"], field)
    np.testing.assert_array_equal(store["count"], count)
    assert store.attrs["simulation"] == "box7"
    assert "abacusutils=" in store.attrs["software"]


def test_store_of_no_rows_can_be_written_and_read(tmp_path):
    append_variable(tmp_path / "a.zarr", "position", np.empty((0, 3)), ("halo", "axis"), units="1")
    assert open_store(tmp_path / "a.zarr")["position"].shape == (0, 3)


def test_chunks_are_few_and_below_the_limit(tmp_path, monkeypatch):
    monkeypatch.setattr(stores, "CHUNK_BYTES", 1000)
    values = np.arange(100 * 10, dtype=np.float32).reshape(100, 10)  # 40 bytes a row
    append_variable(tmp_path / "a.zarr", "a", values, ("x", "y"), units="1")
    chunks = [path for path in (tmp_path / "a.zarr" / "a" / "c").rglob("*") if path.is_file()]
    assert len(chunks) == 4
    assert max(path.stat().st_size for path in chunks) == 1000
    np.testing.assert_array_equal(open_store(tmp_path / "a.zarr")["a"], values)


@pytest.mark.parametrize(
    ("length", "row_bytes", "expected"),
    [(384, 4 * 384**2, 96), (1152, 4 * 1152**2, 12), (192, 4 * 192**2, 192), (0, 4, 1), (7, 0, 7)],
)
def test_chunks_are_alike(length, row_bytes, expected):
    """A last chunk takes as much disk as the others, however little is in it."""
    assert stores.rows_of_a_chunk(length, row_bytes) == expected


def test_chunk_of_zeros_is_on_disk_and_a_lost_one_is_an_error(tmp_path):
    """zarr would leave it out, and then read a lost chunk as zeros."""
    append_variable(tmp_path / "a.zarr", "count", np.zeros(3, dtype=int), ("cell",), units="1")
    np.testing.assert_array_equal(open_store(tmp_path / "a.zarr")["count"], 0)
    (tmp_path / "a.zarr/count/c/0").unlink()
    with pytest.raises(InputError, match="is cut short: .*count/c/0 has 0 bytes, expected 24"):
        open_store(tmp_path / "a.zarr")


def test_absent_or_foreign_store_is_named(tmp_path):
    (tmp_path / "empty.zarr").mkdir()
    (tmp_path / "text.zarr").write_text("no store")
    for name in ("absent.zarr", "empty.zarr", "text.zarr"):
        with pytest.raises(InputError, match=f"zarr store .*{name} cannot be opened"):
            open_store(tmp_path / name)


def test_timestamp_of_snakemake_in_a_store_goes_unremarked(tmp_path):
    write_store(tmp_path / "a.zarr", 1.0)
    (tmp_path / "a.zarr" / ".snakemake_timestamp").touch()
    assert list(open_store(tmp_path / "a.zarr")) == ["overdensity"]


def test_dataset_comes_back_from_netcdf_and_a_failed_one_leaves_nothing(tmp_path, monkeypatch):
    dataset = xr.Dataset(
        {"power": ("k", [1.0, 2.0], {"units": "(Mpc/h)^3"})}, {"k": [0.1, 0.2]}, {"box_size": 5.0}
    )
    write_netcdf(dataset, tmp_path / "a.nc")
    xr.testing.assert_identical(read_netcdf(tmp_path / "a.nc"), dataset)
    with pytest.raises(ValueError, match="complex|dtype|object|set"):
        write_netcdf(xr.Dataset({"bad": ("k", np.array([{1}, {2}], dtype=object))}), tmp_path / "b")
    assert [path.name for path in tmp_path.iterdir()] == ["a.nc"]


@pytest.mark.parametrize("parts", [[0, 10], [0, 3, 3, 4, 10], [0, 9, 10], [0, 8, 10]])
def test_variable_written_in_parts_is_the_one_written_at_once(tmp_path, monkeypatch, parts):
    monkeypatch.setattr("lagbias.base.stores.CHUNK_BYTES", 16)  # four values a chunk
    values = np.arange(1, 11, dtype=np.uint32)
    append_variable(tmp_path / "a.zarr", "cell", values, ("particle",), units="1")
    growing = GrowingVariable(tmp_path / "b.zarr", "cell", 10, np.uint32, "particle", units="1")
    for start, stop in zip(parts, parts[1:], strict=False):
        growing.append(values[start:stop])
    written = {
        name: {
            file.relative_to(tmp_path / name): file.read_bytes()
            for file in sorted((tmp_path / name / "cell").rglob("*"))
            if file.is_file()
        }
        for name in ("a.zarr", "b.zarr")
    }
    assert len(written["a.zarr"]) == 4
    assert written["b.zarr"] == written["a.zarr"]
