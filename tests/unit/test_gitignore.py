"""What a run makes is not git's, be it a folder or a link to another disk."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("linked", [True, False])
def test_git_sees_nothing_that_a_run_makes(tmp_path, linked):
    repository, scratch = tmp_path / "repository", tmp_path / "scratch"
    subprocess.run(["git", "init", "-q", repository], check=True)
    shutil.copy(ROOT / ".gitignore", repository)
    for name in ("resources", "logs", ".snakemake", ".venv", "results/fits", "results/mini_ph000"):
        (scratch / name).mkdir(parents=True)
        (scratch / name / "file").touch()
        (repository / name).parent.mkdir(exist_ok=True)
        if linked:
            (repository / name).symlink_to(scratch / name)
        else:
            shutil.copytree(scratch / name, repository / name)
    seen = subprocess.run(
        ["git", "status", "--porcelain"], cwd=repository, check=True, capture_output=True, text=True
    )
    assert seen.stdout.splitlines() == ["?? .gitignore"]
