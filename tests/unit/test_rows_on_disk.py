"""Network inputs on disk: the same rows and weights; when, and what a full disk says."""

import re
import sys
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import train_network as adapter
from lagbias.base.errors import StorageError
from lagbias.config.training import settings_from
from lagbias.projection.projection import Projection
from lagbias.training import rows
from lagbias.training.cells import Boxes
from lagbias.training.rows import InputsOnDisk, Rows
from test_training import assert_same_bits, train


def load(stores, **where):
    boxes = Boxes([stores.features] * 2, [stores.particles] * 2, [stores.halos] * 2)
    return boxes.load(Projection.read(stores.projection), 1.0, 1, **where)


def test_rows_on_disk_are_those_in_memory(stores, tmp_path):
    in_memory, on_disk = load(stores), load(stores, folder=tmp_path)
    assert on_disk.digest() == in_memory.digest()
    some = torch.randperm(len(in_memory.inputs))[:999]
    for part in (some, slice(7, 77), slice(0)):
        np.testing.assert_array_equal(on_disk.inputs_of(part), in_memory.inputs_of(part))
    assert list(tmp_path.iterdir()) == []  # the file ends with the job, even if that is killed


@pytest.mark.parametrize("preset", ["seed", "code"])
def test_training_from_disk_ends_in_the_same_bits(stores, tmp_path, preset, monkeypatch):
    monkeypatch.setattr(rows, "BYTES_KEPT", 20_000)  # gives its pages back again and again
    settings = settings_from(
        preset, epochs=2, snapshot_epoch=None, cells_per_batch=100, learning_rate=0.01
    )
    (tmp_path / "inputs").mkdir()
    in_memory, losses = train(stores, tmp_path / "in_memory", settings)
    on_disk, again = train(stores, tmp_path / "disk", settings, inputs_in=tmp_path / "inputs")
    assert_same_bits(in_memory, on_disk)
    assert losses.equals(again)


def resident_bytes(folder: Path) -> int:
    """Memory that pages of mapped files of a folder take."""
    found, counts = 0, False
    for line in Path("/proc/self/smaps").read_text(encoding="utf-8").splitlines():
        if re.match("[0-9a-f]+-[0-9a-f]+ ", line):
            counts = str(folder) in line
        elif counts and line.startswith("Rss:"):
            found += 1024 * int(line.split()[1])
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="/proc/self/smaps is Linux's")
def test_what_was_read_does_not_stay_in_memory(tmp_path, monkeypatch):
    on_disk = InputsOnDisk(tmp_path, 3)
    on_disk.write(lambda points: np.stack([points] * 3, 1), np.arange(2**20, dtype=np.float32))
    values, size = on_disk.tensor(), 12 * 2**20
    kept = {}
    for limit in (2 * size, size // 8):
        monkeypatch.setattr(rows, "BYTES_KEPT", limit)
        for part in values.split(2**15):
            on_disk.touched(part.nbytes)
            part.sum()
        kept[limit] = resident_bytes(tmp_path)
    assert kept[2 * size] == size
    assert kept[size // 8] <= size // 4

    some_rows = Rows()
    some_rows.on_disk = on_disk
    some_rows.inputs, some_rows.multiplicity = values, torch.ones(len(values))
    found = some_rows.inputs_of(torch.arange(0, len(values), 500))  # a row in each page and a half
    assert resident_bytes(tmp_path) == 0
    np.testing.assert_array_equal(found[:, 2], np.arange(0, len(values), 500))
    np.testing.assert_array_equal(values[:, 1], np.arange(2**20))


def test_a_full_disk_is_one_line(stores, tmp_path, monkeypatch):
    # Every write to it fails as on a full disk.
    monkeypatch.setattr(rows.tempfile, "TemporaryFile", lambda dir: open("/dev/full", "wb"))
    with pytest.raises(StorageError, match=f"network inputs in {tmp_path}.*make room"):
        load(stores, folder=tmp_path)


@pytest.mark.parametrize(("mem_mb", "expected"), [(32_000, "/scratch"), (82_000, None)])
def test_a_job_with_less_memory_than_all_takes_reads_from_disk(monkeypatch, mem_mb, expected):
    found = {}
    monkeypatch.setattr(adapter, "train_network", lambda *_, **options: found.update(options))
    monkeypatch.setattr(adapter, "reporting", lambda job: nullcontext())
    job = SimpleNamespace(
        input=SimpleNamespace(
            features=[], particles=[], halos=[], validation_features=[], validation_particles=[],
            validation_halos=[], projection="projection.nc",
        ),
        output=SimpleNamespace(weights="weights.pt", losses="losses.csv"),
        params=SimpleNamespace(
            settings={"preset": "seed"}, device="cpu", deterministic=False, code={}
        ),
        resources=SimpleNamespace(mem_mb=mem_mb, resident_mb=82_000, tmpdir="/scratch"),
        wildcards=SimpleNamespace(seed="1"), threads=1,
    )  # fmt: skip
    adapter.run(job)
    assert found["inputs_in"] == expected
