"""What a forge and the workflow catalog read: one set of versions, of steps, of packages."""

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
LIBRARY = ROOT / "workflow/scripts/lagbias"
FOLDERS = sorted({file.parent for file in LIBRARY.rglob("*.py")})


def read(name: str):
    return yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_folder_of_the_library_is_installed(folder):
    """`pip install .` takes packages alone."""
    assert (folder / "__init__.py").exists()


@pytest.mark.parametrize("tool", ["ruff", "snakefmt"])
def test_hooks_have_the_versions_of_the_lock(tool):
    (hook,) = [hook for hook in read(".pre-commit-config.yaml")["repos"] if tool in hook["repo"]]
    locked = re.search(rf"^{tool}==(.*)$", (ROOT / "requirements.lock").read_text(), re.M)[1]
    assert hook["rev"] == f"v{locked}"


def test_the_forge_runs_what_ci_runs():
    commands = re.findall(r"^make (.+)$", (ROOT / ".ci/run").read_text(), re.M)
    words = " ".join(commands).split()
    steps = [word for word in words if re.fullmatch("[a-z][a-z-]*", word)]  # no options, no files
    job = read(".github/workflows/ci.yml")["jobs"]["check"]
    alone = [step for step in steps if step != "snakedeploy"]  # of the job of `make test`
    assert sorted(job["strategy"]["matrix"]["target"]) == sorted(alone)
    assert "make snakedeploy" in [step.get("run") for step in job["steps"]]


def test_the_catalog_finds_what_it_asks_for():
    assert (ROOT / "workflow/Snakefile").exists()
    assert (ROOT / "config/README.md").exists()
    usage = read(".snakemake-workflow-catalog.yml")["usage"]
    assert usage["software-stack-deployment"]["conda"] is True
    assert usage["report"] is True
