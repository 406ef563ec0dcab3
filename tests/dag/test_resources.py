"""What jobs ask a cluster for: memory by the sizes of their boxes, more at a second attempt."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from conftest import copy_repository, plan_of, plant_box
from lagbias.plan.needs import PEAK
from lagbias.plan.resources import GriddedBox, asked_mb, fit_linear_bias, index_particles
from lagbias.simulations.abacus.sizes import BoxSizes

ROOT = Path(__file__).parents[2]
RULES = sorted((ROOT / "workflow/rules").glob("*.smk"))
PLANTED = "AbacusPlanted_base_c000_ph000"  # by its name 2 Gpc/h; it has 480 Mpc/h
SIDE = 460  # the particle mass of the tiny boxes
POINTS = 240  # a side of its initial density


def first_attempt(jobs: list[dict], rule: str) -> list[int]:
    """Memory [MB] that the jobs of a rule ask for at first."""
    return [job["attempts"][0]["mem_mb"] for job in jobs if job["rule"] == rule]


@pytest.fixture(scope="module")
def repository(tmp_path_factory) -> Path:
    """The tiny config, with a large local box as the second one that its set is trained on."""
    folder = copy_repository(tmp_path_factory.mktemp("repository"), "test")
    density = plant_box(
        folder / "planted", PLANTED, box_size=480.0, particles_per_side=SIDE
    ).files.density
    # Nothing reads it here; 24 points would not hold the scales of the config.
    density.rename(density.with_name(f"ic_dens_N{POINTS}.asdf"))
    file = folder / "config/config.yaml"
    config = yaml.safe_load(file.read_text())
    config["simulations"][PLANTED] = {"source": "local", "root": "planted", "density_grid": POINTS}
    config["training_sets"]["tiny"]["train"] = ["tiny_ph000", PLANTED]
    file.write_text(yaml.safe_dump(config, sort_keys=False))
    return folder


@pytest.fixture(scope="module")
def jobs(repository) -> list[dict]:
    return plan_of(repository)["jobs"]


@pytest.fixture(scope="module")
def planted(repository) -> GriddedBox:
    mesh = yaml.safe_load((repository / "config/config.yaml").read_text())["mesh"]
    sizes = BoxSizes(480.0, round(0.03 * SIDE**3), 2)  # its header names no subsample
    return GriddedBox(sizes, POINTS, mesh["cell_size"], mesh["evaluation_cell_size"])


def test_a_job_that_was_killed_asks_for_twice_as_much_memory_and_time(jobs):
    sized = [job for job in jobs if job["attempts"][0]["mem_mb"] is not None]
    assert len({job["rule"] for job in sized}) > 20
    for job in sized:
        first, second = job["attempts"]
        assert second["runtime"] == 2 * first["runtime"], job
        assert 2 * first["mem_mb"] - 1 <= second["mem_mb"] <= 2 * first["mem_mb"], job


def test_other_jobs_take_what_the_profile_gives_and_are_small(jobs):
    """Figures and tables: they read tables and spectra, no grids."""
    others = {job["rule"] for job in jobs if job["attempts"][0]["mem_mb"] is None}
    compared = r"compare_(models|tracers|with_showcase)|evaluate_models"
    small = rf"plot_\w+|tabulate_\w+|{compared}|make_report|all"
    assert all(re.fullmatch(rf"{small}|project_on_gradients", rule) for rule in others), others
    profile = yaml.safe_load((ROOT / "slurm/config.yaml").read_text())["default-resources"]
    assert all("attempt" in str(profile[name]) for name in ("mem_mb", "runtime"))


def test_memory_goes_by_the_size_that_a_local_box_has(jobs, planted):
    of_planted = [job for job in jobs if job["wildcards"].get("sim") == PLANTED]
    assert first_attempt(of_planted, "index_particles") == [asked_mb(index_particles(planted))]


def test_linear_bias_takes_its_memory_from_the_largest_box_of_a_set(jobs, planted):
    needed = asked_mb(fit_linear_bias([planted]))
    assert set(first_attempt(jobs, "fit_linear_bias")) == {needed}
    assert needed > asked_mb(fit_linear_bias([replace(planted, sizes=BoxSizes(50.0, 1, 2))]))


@pytest.mark.parametrize("file", RULES, ids=lambda path: path.stem)
def test_a_rule_that_asks_for_resources_asks_by_its_own_name_or_that_of_a_like_one(file):
    named = re.findall(r"needs\.of\(\"(\w+)\"\)", file.read_text())
    assert set(named) <= PEAK.keys()
    assert "mem_mb=" not in file.read_text() or file.stem == "download"
