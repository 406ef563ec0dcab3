"""`make report` where Python is missing, old, or not whole: one line, and a clean second try.

Made-up Pythons: a script that answers as a version, and makes an environment whose `python` writes
down what it is called with.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PYTHON = """#!{executable}
import os, pathlib, sys
if sys.argv[1] == "-c":
    sys.version_info = {version}
    sys.modules |= dict.fromkeys({without})
    exec(sys.argv[2])
else:
    assert sys.argv[1:] == ["-m", "venv", "--clear", ".venv"], sys.argv
    os.system("rm -rf .venv; mkdir -p .venv/bin")
    python = pathlib.Path(".venv/bin/python")
    python.write_text('''{environment}''')
    python.chmod(0o755)
"""
ENVIRONMENT = """#!/bin/sh
echo {name} "$@" >> called
if [ "$1" = -c ]; then if [ -e .venv/snakemake ]; then echo ModuleSpec; else echo None; fi; fi
if [ "$3" = install ]; then if [ -e stop ]; then exit 1; fi; touch .venv/snakemake; fi
"""


def python(file: Path, version: tuple[int, ...], without: tuple[str, ...] = ()) -> Path:
    """A made-up Python of a version, without some modules."""
    environment = ENVIRONMENT.format(name=file.name)
    text = PYTHON.format(
        executable=sys.executable, version=version, without=without, environment=environment
    )
    file.write_text(text, encoding="utf-8")
    file.chmod(0o755)
    return file


@pytest.fixture
def folder(tmp_path) -> Path:
    if not shutil.which("make"):
        pytest.skip("no make")
    for name in ("Makefile", "requirements.lock"):
        shutil.copy(ROOT / name, tmp_path)
    python(tmp_path / "new", (3, 11, 2))
    return tmp_path


def make(folder: Path, *arguments: str, target="report") -> subprocess.CompletedProcess:
    # These tests run under `make test`, which would count itself as an outer make in every message.
    of_outer = {"MAKEFLAGS", "MAKELEVEL", "MFLAGS", "MAKEOVERRIDES"}
    return subprocess.run(
        ["make", target, *arguments], cwd=folder, capture_output=True, text=True, check=False,
        env={name: value for name, value in os.environ.items() if name not in of_outer},
    )  # fmt: skip


def called(folder: Path) -> list[str]:
    """What the environment's Python was called with, but for the look at its packages."""
    lines = (folder / "called").read_text().splitlines()
    (folder / "called").unlink()
    return [line for line in lines if " -c " not in line]


def installs(name: str) -> list[str]:
    return [
        f"{name} -m pip install --quiet -r requirements.lock",
        f"{name} -m pip install --quiet --no-deps pysco-nbody==1.0.9",
    ]


SNAKEMAKE = "-m snakemake --cores 2 --scheduler greedy --scheduler-subsample 8 --logger lines"


@pytest.mark.parametrize(
    ("version", "without", "message"),
    [
        ((3, 9, 18), (), "old is Python 3.9, expected 3.11 or later"),
        ((3, 10, 12), ("ensurepip",), "old is Python 3.10, expected 3.11 or later"),
        ((3, 11, 2), ("ensurepip",), "old has no module venv; install it"),
        (None, (), "found no ./old, expected 3.11 or later"),
    ],
)
def test_a_python_that_will_not_do_is_refused_in_one_line(folder, version, without, message):
    if version:
        python(folder / "old", version, without)
    run = make(folder, "PYTHON=./old")
    assert run.returncode != 0
    error, stopped = run.stderr.splitlines()
    assert error.startswith("error: ")
    assert message in error
    assert stopped.startswith("make: ***")
    assert not (folder / ".venv").exists()
    assert make(folder, "PYTHON=./new").returncode == 0
    assert called(folder) == [*installs("new"), f"new {SNAKEMAKE}"]


def test_an_environment_is_made_once(folder):
    for _ in range(2):
        assert make(folder, "PYTHON=./new").returncode == 0
    assert called(folder) == [*installs("new"), *[f"new {SNAKEMAKE}"] * 2]


def test_what_a_stopped_pip_left_is_not_kept(folder):
    (folder / "stop").touch()
    assert make(folder, "PYTHON=./new").returncode != 0
    left = folder / ".venv/left"
    left.touch()
    (folder / "stop").unlink()
    called(folder)
    assert make(folder, "PYTHON=./new").returncode == 0
    assert called(folder) == [*installs("new"), f"new {SNAKEMAKE}"]
    assert not left.exists()


@pytest.mark.parametrize("lost", ["bin/python", "snakemake"])
def test_an_environment_that_lost_its_python_or_packages_is_made_again(folder, lost):
    assert make(folder, "PYTHON=./new").returncode == 0
    (folder / ".venv" / lost).unlink()
    called(folder)
    assert make(folder, "PYTHON=./new").returncode == 0
    assert called(folder) == [*installs("new"), f"new {SNAKEMAKE}"]


@pytest.mark.parametrize(
    ("cores", "options"),
    [("8", "--cores 8 --scheduler greedy --scheduler-subsample 8"),
     ("16", "--cores 16 --scheduler greedy"), ("all", "--cores all --scheduler greedy")],
)  # fmt: skip
def test_as_many_jobs_are_looked_at_as_there_are_cores(folder, cores, options):
    assert make(folder, "PYTHON=./new", f"CORES={cores}").returncode == 0
    assert called(folder)[-1] == f"new -m snakemake {options} --logger lines"


def test_packages_of_the_docs_are_installed_once_and_change_no_other(folder):
    (folder / "docs").mkdir()
    shutil.copy(ROOT / "docs/requirements.txt", folder / "docs")
    for _ in range(2):
        assert make(folder, "PYTHON=./new", target="docs").returncode == 0
    assert called(folder) == [
        *installs("new"),
        "new -m pip install --quiet -r docs/requirements.txt --constraint requirements.lock",
        *["new -m sphinx -W --keep-going --quiet docs docs/_build/html"] * 2,
    ]
