"""A config of what is not there is refused as it is planned: one line that says what to write."""

from pathlib import Path

import forked
import pytest
import yaml
from conftest import copy_repository
from lagbias.simulations.abacus.tree import PRODUCTS, BoxFiles

ROOT = Path(__file__).parents[2]
BOX = "AbacusSummit_small_c000_ph3100"


@pytest.fixture(scope="module")
def repository(tmp_path_factory) -> Path:
    """A copy beside a tree with one box, of 420 Mpc/h and the particle mass of published ones.

    It has particles at z = 0.5, halos at 0.575 too.
    """
    folder = copy_repository(tmp_path_factory.mktemp("repository"))
    for redshift, products in ((0.5, PRODUCTS), (0.575, ("halo_info", "halo_pid_A"))):
        files = BoxFiles.under(folder / "tree", BOX, redshift, 576)
        places = [files.density, *(files.halos / name / f"{name}_000.asdf" for name in products)]
        for place in places:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(b"#ASDF 1.0.0\nheader:\n  BoxSize: 420.0\n  NP: 3061257408\n...\n")
    return folder


def refusal(repository: Path, config: dict | str) -> str:
    """What a dry run of a config says beside where Snakemake found it: one line."""
    file = repository / "changed.yaml"
    file.write_text(config if isinstance(config, str) else yaml.safe_dump(config))
    run = forked.run(forked.snakemake, "-n", "--configfile", str(file), cwd=repository)
    said = run.stdout + run.stderr
    assert run.returncode != 0, said
    assert "Traceback" not in said
    lines = [line for line in said.splitlines() if line and not line.startswith((" ", "host:"))]
    assert lines[0].startswith("WorkflowError in file"), said
    assert len(lines) == 2, said
    return lines[1]


def with_text(old: str, new: str) -> str:
    """The paper's config with some of its text changed, its training box the local one."""
    text = (ROOT / "config/abacus.yaml").read_text()
    text = text.replace(f"{BOX}: {{source: https,", f"{BOX}: {{source: local, root: tree,", 1)
    assert old in text
    return text.replace(old, new, 1)


def with_box(**simulation) -> dict:
    """The paper's config, its training box another one."""
    config = yaml.safe_load((ROOT / "config/abacus.yaml").read_text())
    config["simulations"][BOX] = {"density_grid": 576} | simulation
    return config


@pytest.mark.parametrize(
    ("simulation", "message"),
    [
        (
            {"source": "https", "redshift": 0.575},
            "all five products at z = 0.2, 0.3, 0.4, 0.5, 0.8",
        ),
        (
            {"source": "local", "root": "tree", "redshift": 0.575},
            "z0.575 has halo_info, halo_pid_A alone, no halo_rv_A, field_rv_A, field_pid_A. All fiv"
            "e products are needed; this box has them at z = 0.5: write `redshift: 0.5`",
        ),
        ({"source": "local", "root": "~/nowhere"}, f"root {Path.home()}/nowhere is not there"),
        ({"source": "local", "root": "$NO_SUCH"}, "the environment variable NO_SUCH is not set"),
    ],
    ids=["https", "secondary redshift", "home", "variable"],
)
def test_box_that_is_not_there_is_refused_before_anything_is_planned(
    repository, simulation, message
):
    assert message in refusal(repository, with_box(**simulation))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "  preset: seed ", "  block: 5\n  preset: seed ",
            f"training, on {BOX}: training.block: cubes of 5 cells do not tile a mesh of 84 cells",
        ),
        ("device: auto", "device: auto\nseeds: [1]", "seeds is given twice, first on line"),
        ("seeds: [1, 2, 3, 4, 5]", "seeds: 1", "seeds: 1 is not of type 'array'; write a list"),
        ("tracers: [N150]", "tracers: [N0]", "tracer 'N0': expected halos by"),
        ("  paper:", "  my-set:", "found the name 'my-set', expected letters, digits and _ alone"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_as_it_is_planned(repository, old, new, message):
    assert message in refusal(repository, with_text(old, new))


def test_numbers_as_people_write_them_plan(repository):
    changes = "  learning_rate: 1e-3\n  particle_fraction: 1e0\n"
    text = with_text("  preset: seed ", f"{changes}  preset: seed ")
    (repository / "changed.yaml").write_text(text.replace("k_max: 0.6", 'k_max: "6e-1"'))
    run = forked.run(forked.snakemake, "-n", "--configfile", "changed.yaml", cwd=repository)
    assert run.returncode == 0, run.stdout + run.stderr
