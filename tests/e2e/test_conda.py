"""`snakemake --use-conda` where Snakemake is alone in its environment, with a stand-in for conda.

The stand-in (tests/stand_in_conda) makes venvs from envs/ by pip; conda itself is not run. Jobs
find Snakemake's own packages behind those of their environment, since its script preamble extends
`sys.path`: only a bare Snakemake shows what an environment file lacks.
"""

import os
import re
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest
import yaml
from conftest import copy_repository
from lagbias.base.stores import open_store

ROOT = Path(__file__).parents[2]
STAND_IN = ROOT / "tests/stand_in_conda/bin"
LOCK = ROOT / "requirements.lock"
TARGET = "results/tiny_ph000/features/R2.zarr"

pytestmark = [pytest.mark.e2e, pytest.mark.conda, pytest.mark.slow]


def said_by(*command: str | Path, **options) -> subprocess.CompletedProcess:
    return subprocess.run(
        list(map(str, command)), capture_output=True, text=True, check=False, timeout=1200,
        **options,
    )  # fmt: skip


@pytest.fixture
def bare(tmp_path) -> Path:
    """The `bin` of an environment with Snakemake and what it brings."""
    (pin,) = re.findall(r"^snakemake==.+$", LOCK.read_text(), flags=re.M)
    pip = [sys.executable, "-m", "pip", "--quiet"]
    asked = said_by(*pip, "download", "--no-deps", "--dest", tmp_path / "asked", pin)
    if asked.returncode:
        pytest.skip(f"pip reaches no index with {pin}: {asked.stderr.strip()[-300:]}")
    venv.create(tmp_path / "bare", symlinks=True, with_pip=True)
    folder = tmp_path / "bare/bin"
    done = said_by(
        folder / "python", "-m", "pip", "--quiet", "install", "--no-compile", "-c", LOCK, pin
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return folder


@pytest.fixture
def repository(tmp_path) -> Path:
    """A copy with the tiny config."""
    folder = copy_repository(tmp_path / "repository", "test")
    yield folder
    shutil.rmtree(folder / ".snakemake", ignore_errors=True)  # environments: a GB


def test_jobs_run_in_environments_made_of_their_files(bare, repository):
    for package in ("numpy", "numba", "xarray"):
        assert said_by(bare / "python", "-c", f"import {package}").returncode, "it is not bare"
    path = os.pathsep.join([str(STAND_IN), str(bare), os.environ["PATH"]])
    done = said_by(
        bare / "python", "-m", "snakemake", "--use-conda", "--cores", "2", TARGET,
        cwd=repository, env=os.environ | {"PATH": path},
    )  # fmt: skip
    said = done.stdout + done.stderr
    assert done.returncode == 0, said[-4000:]

    made = {
        file.read_text(): file.with_suffix("").name
        for file in (repository / ".snakemake/conda").glob("*.yaml")
    }
    wanted = [(ROOT / f"envs/{name}.yaml").read_text() for name in ("simulation", "analysis")]
    assert set(made) == set(wanted), "environments of the rules that run, and no others"
    entered = set(re.findall(r"Activating conda environment: \.snakemake/conda/(\w+)", said))
    assert entered == set(made.values())

    # What wrote the store had numpy and xarray, so it was not Snakemake's own interpreter.
    store = open_store(repository / TARGET)
    assert store["delta"].dims == ("x", "y", "z")
    pins = dict(line.split("=") for line in yaml.safe_load(wanted[1])["dependencies"])
    for name in ("numpy", "xarray", "abacusutils"):
        assert f"{name}={pins[name]}" in store.attrs["software"]
