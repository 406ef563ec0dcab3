"""`make report` in a folder whose name a shell takes apart: Snakemake quotes no path to Python."""

import re
import shutil
import site
import subprocess
import venv
from pathlib import Path

import pytest
import yaml
from conftest import copy_repository, plant_box
from lagbias.base.stores import open_store

ROOT = Path(__file__).parents[2]
BOX = "AbacusPlanted_small_c000_ph000"
TARGET = f"results/{BOX}/halos/N50.zarr"

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


def with_environment(folder: Path) -> Path:
    """A copy of the repository, with a `.venv` that has all that this one has."""
    copy_repository(folder, "test")
    for name in ("Makefile", "requirements.lock"):
        shutil.copy(ROOT / name, folder)
    venv.create(folder / ".venv", symlinks=True)
    (packages,) = (folder / ".venv/lib").glob("python*/site-packages")
    (packages / "shared.pth").write_text("\n".join(site.getsitepackages()))
    (folder / ".venv/installed").touch()
    return folder


@pytest.mark.parametrize("name", ["J. Smith (2)/lag bias", 'O\'Neil & Söhne/"a" $HOME'])
def test_a_job_runs_as_make_report_runs_it(tmp_path, name):
    folder = with_environment(tmp_path / name)
    plant_box(folder / "boxes", BOX, box_size=50.0)
    file = folder / "config/config.yaml"
    config = yaml.safe_load(file.read_text())
    config["simulations"][BOX] = {"source": "local", "root": "boxes", "density_grid": 24}
    file.write_text(yaml.safe_dump(config, sort_keys=False))
    said = {"cwd": folder, "capture_output": True, "text": True, "check": False}
    dry = subprocess.run(["make", "-n", "report"], **said)
    (command,) = re.findall(r"^.*snakemake .*$", dry.stdout, flags=re.M)
    run = subprocess.run(["sh", "-c", f"{command} -- {TARGET}"], **said)
    assert run.returncode == 0, run.stdout + run.stderr
    assert open_store(folder / TARGET).attrs["simulation"] == BOX
