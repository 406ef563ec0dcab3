"""Settings of mini boxes are checked where Snakemake runs, which need not have what simulates."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from abacusnbody.metadata import abacussummit, get_meta
from lagbias.base.errors import InputError
from lagbias.simulations.mini.pysco import _on_points
from lagbias.simulations.mini.settings import COSMOLOGIES, MiniSimulation, check_mesh_ratio

SCRIPTS = Path(__file__).parents[2] / "workflow/scripts"


def test_cosmologies_are_those_of_abacusutils():
    get_meta("AbacusSummit_base_c000_ph000")  # reads what there is
    found = (re.fullmatch(r"AbacusSummit_base_(c\d{3})_ph000", n) for n in abacussummit.metadata)
    assert sorted(COSMOLOGIES) == sorted(match[1] for match in found if match)


@pytest.mark.parametrize(
    "module",
    ["simulations.mini.settings", "base.limits", "config.variants", "config.load", "plan.study"],
)
def test_checks_of_a_config_import_no_library_of_the_rules(module):
    code = f"import sys, lagbias.{module}; print(*sys.modules)"
    run = [sys.executable, "-c", code]
    done = subprocess.run(run, cwd=SCRIPTS, capture_output=True, text=True, check=True)
    assert not {"numpy", "scipy", "numba", "abacusnbody", "torch"} & set(done.stdout.split())


@pytest.mark.parametrize("grid", [7, 9, 18])
def test_density_grid_is_even_and_not_finer_than_the_particles(grid):
    with pytest.raises(InputError, match=f"density_grid={grid}; expected an even number, 8 to par"):
        MiniSimulation("a", 32.0, 16, 16, phase=0, master_seed=1, density_grid=grid)
    assert MiniSimulation("a", 32.0, 16, 16, 0, 1, density_grid=8).density_points == 8
    assert MiniSimulation("a", 32.0, 16, 16, 0, 1).density_points == 16


@pytest.mark.parametrize("full", [True, False])
@pytest.mark.parametrize("points", [12, 8, 6])
def test_density_on_fewer_points_has_the_waves_that_they_hold(rng, points, full):
    field = rng.normal(size=(12,) * 3)
    found = _on_points(np.fft.fftn(field) if full else np.fft.rfftn(field), points)
    if points == 12:
        np.testing.assert_allclose(found, field, atol=1e-12)
        return
    expected, there = (np.fft.fftn(one) / one.size for one in (field, found))
    half = points // 2
    for index in np.ndindex(*(points,) * 3):
        wave = [number - points * (number >= half) for number in index]
        kept = max(map(abs, wave)) < half
        truth = expected[tuple(wave)] if kept else 0
        assert there[tuple(wave)] == pytest.approx(truth, abs=1e-12), wave


@pytest.mark.parametrize(
    ("particles", "mesh", "refused"),
    [(192, 256, False), (96, 128, False), (128, 128, True), (128, 256, True), (170, 256, True)],
)
def test_a_force_mesh_with_which_halos_are_wrong_is_refused(particles, mesh, refused):
    box = MiniSimulation("a", 100.0, particles, mesh, phase=0, master_seed=1)
    if not refused:
        check_mesh_ratio(box)
        return
    with pytest.raises(InputError, match=f"mini.mesh: found {mesh}, .* expected 1.2 to 1.5 times"):
        check_mesh_ratio(box)
