"""Threads: any number serves, and painting loses nothing, however many there are."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import numba
import numpy as np
import pytest
from lagbias.base.stores import open_store
from lagbias.base.threads import usable
from lagbias.features.smoothed import SmoothedFeatures
from lagbias.fields.bispectrum import Triangles
from lagbias.fields.grid import Grid
from lagbias.fields.painting import paint
from lagbias.fields.shells import field_modes, shell_edges
from lagbias.halos.indexing import write_particles
from lagbias.simulations.mini.pysco import _pysco_parameters
from lagbias.simulations.mini.settings import MiniSimulation

ROOT = Path(__file__).parents[2]
MANY = 10_000  # more than any machine has cores, and than blosc takes (256)


def paint_many_ways() -> None:
    """Paint meshes of many sizes with many threads; the process ends in an error if one differs.

    Points are on grid points and half-way between: their clouds are multiples of 2^-9, which
    float32 adds without rounding, so that the order of the sums does not matter.
    """
    random = np.random.default_rng(1)
    differing = {}
    for cells in (2, 3, 5, 6, 8, 12, 13, 20, 80):
        grid = Grid(cells, cells)
        points = random.integers(0, 2 * cells, (200_000, 3)).astype(np.float32) / 2
        one = paint([(points, None)], grid, threads=1)
        for threads in (2, 3, 8, 24):
            many = [paint([(points, None)], grid, threads) for _ in range(3)]
            lost = max(float(np.abs(field - one).max()) for field in many)
            if lost:
                differing[cells, threads] = lost
    if differing:
        sys.exit(f"largest differences by (cells, threads): {differing}")


@pytest.mark.slow
def test_painting_with_many_threads_is_painting_with_one():
    done = subprocess.run(
        [sys.executable, "-c", "import test_threads; test_threads.paint_many_ways()"],
        env=os.environ
        | {"NUMBA_NUM_THREADS": "24", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.slow
def test_bits_of_a_painted_field_follow_the_threads_asked_for_and_not_the_cores(monkeypatch, rng):
    grid = Grid(40, 100.0)
    points = rng.uniform(0, 100, (100_000, 3)).astype(np.float32)
    fields = []
    for cores in (1, numba.config.NUMBA_NUM_THREADS):
        monkeypatch.setattr(numba.config, "NUMBA_NUM_THREADS", cores)
        fields += [paint([(points, None)], grid, threads=4) for _ in range(2)]
    for field in fields[1:]:
        np.testing.assert_array_equal(field, fields[0])


def test_threads_are_at_least_one_and_at_most_the_cores(monkeypatch):
    monkeypatch.setattr(numba.config, "NUMBA_NUM_THREADS", 4)
    assert [usable(threads) for threads in (0, 1, 3, 4, 5, MANY)] == [1, 1, 3, 4, 4, 4]


def test_any_number_of_threads_serves_every_kernel(rng, planted_box, stores, tmp_path):
    grid = Grid(16, 32.0)
    field = rng.normal(size=grid.shape).astype(np.float32)
    modes = field_modes(field, grid)
    edges = shell_edges(grid, 0.8)
    points = rng.uniform(0, 32, (900, 3)).astype(np.float32)
    made = {
        "paint": lambda threads: paint([(points, None)], grid, threads),
        "modes": lambda threads: field_modes(field, grid, threads),
        "triangles": lambda threads: Triangles(grid, edges, threads).bispectrum(modes),
        "features": lambda threads: SmoothedFeatures(field, 32.0, threads).tidal_shear(4.0),
    }
    for name, make in made.items():
        expected = make(1)
        np.testing.assert_allclose(make(MANY), expected, rtol=1e-4, atol=1e-4, err_msg=name)
    write_particles(planted_box.opened, 6.0, tmp_path / "particles.zarr", MANY)
    assert open_store(tmp_path / "particles.zarr").identical(open_store(stores.particles))


def test_a_simulation_takes_no_more_threads_than_there_are_cores(tmp_path):
    settings = MiniSimulation("mini", 50.0, 48, 64, phase=0, master_seed=1)
    parameters = _pysco_parameters(settings, tmp_path, MANY)
    assert parameters["nthreads"] == numba.config.NUMBA_NUM_THREADS


TAKES_THREADS = ("set_num_threads", "set_nthreads")
NAMED_THREADS = ("workers", "nthread")


@pytest.mark.parametrize("file", sorted((ROOT / "workflow/scripts").rglob("*.py")), ids=str)
def test_every_number_of_threads_is_one_that_the_machine_has(file):
    """What hands a number of threads to a library asks `usable` for it."""
    for call in ast.walk(ast.parse(file.read_text())):
        if not isinstance(call, ast.Call):
            continue
        given = [word.value for word in call.keywords if word.arg in NAMED_THREADS]
        if isinstance(call.func, ast.Attribute) and call.func.attr in TAKES_THREADS:
            given += call.args
        for value in given:
            assert "usable(" in ast.unparse(value), f"line {call.lineno}: {ast.unparse(call)}"


@pytest.mark.parametrize(("own", "expected"), [({}, "5000"), ({"GOMP_SPINCOUNT": "7"}, "7")])
def test_threads_of_a_job_sleep_while_they_wait(own, expected):
    """What the OpenMP library says of itself as torch loads it."""
    environment = {n: v for n, v in os.environ.items() if n != "GOMP_SPINCOUNT"}
    said = subprocess.run(
        [sys.executable, "-c", "import predict_halo_field"],
        cwd=ROOT / "workflow/scripts",
        env={**environment, "OMP_DISPLAY_ENV": "verbose", **own},
        capture_output=True,
        text=True,
        check=True,
    ).stderr
    if "GOMP_" not in said:
        pytest.skip("torch has another OpenMP library than GNU's here")
    assert f"GOMP_SPINCOUNT = '{expected}'" in said
