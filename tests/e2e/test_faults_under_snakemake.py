"""Faults in which Snakemake has a part: killed, twice at once, its folders full or read-only.

Three planted boxes stand in for simulations, in a folder whose name a shell would run: jobs take
seconds. What a single job does about a fault is in tests/unit/test_faults.py.
"""

import contextlib
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
import torch
import yaml
from conftest import copy_repository, plant_box, wait_for

ROOT = Path(__file__).parents[2]
BOXES = [f"AbacusPlanted_small_c000_ph00{phase}" for phase in range(3)]
DATA = "data; touch was-run; $(touch was-run) `touch was-run`"
WEIGHTS = "results/fits/planted/N50/R2-R4/seed1/weights.pt"
STORE = f"results/{BOXES[0]}/features/R2.zarr"
CONFIG = {
    "master_seed": 1, "redshift": 0.5,
    "simulations": {
        box: {"source": "local", "root": DATA, "density_grid": 24} for box in BOXES
    },
    "training_sets": {
        "planted": {"train": BOXES[:1], "validate": BOXES[1:2], "test": BOXES[2:]}
    },
    "tracers": ["N50"], "scale_sets": ["R2-R4"], "showcase": "R2-R4", "directions": [2],
    "yardsticks": ["linear"], "seeds": [1], "mesh": {"cell_size": 6, "evaluation_cell_size": 3},
    "training": {"preset": "seed", "epochs": 40, "cells_per_batch": 64},
    "evaluation": {"k_max": 0.6, "linear_k_max": 0.3}, "device": "cpu",
    "threads": dict.fromkeys(
        ["simulation", "features", "particles", "training", "evaluation"], 1
    ),
}  # fmt: skip

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "snakemake", "--cores", "2", *arguments]


def snakemake(folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    """Run Snakemake to its end; ``stdout`` is all that it said."""
    return subprocess.run(
        command(*arguments), cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, check=False, timeout=300,
    )  # fmt: skip


def state(weights: Path) -> dict[str, torch.Tensor]:
    return torch.load(weights, weights_only=True)["state"]


def plant(folder: Path) -> None:
    """A copy of the repository with the boxes and the config that reads them."""
    copy_repository(folder)
    (folder / "config/config.yaml").write_text(yaml.safe_dump(CONFIG))
    for seed, box in enumerate(BOXES):
        plant_box(folder / DATA, box, seed=seed)


def train(folder: Path) -> None:
    """Train one network in a copy of the repository."""
    plant(folder)
    done = snakemake(folder, WEIGHTS)
    assert done.returncode == 0, done.stdout[-4000:]


@pytest.fixture(scope="session")
def undisturbed(made_once) -> Path:
    """A copy of the repository in which one network was trained without disturbance."""
    return made_once("undisturbed", train)


@pytest.fixture
def folder(undisturbed, tmp_path) -> Path:
    """A copy of it in which the network is to be trained again."""
    folder = shutil.copytree(undisturbed, tmp_path / "copy")
    shutil.rmtree((folder / WEIGHTS).parent)
    return folder


@contextlib.contextmanager
def training(folder: Path):
    """Snakemake and its training job, which is halted after its first epochs."""
    with open(folder / "said", "w", encoding="utf-8") as said:
        run = subprocess.Popen(command(WEIGHTS), cwd=folder, stdout=said, stderr=said)
    checkpoint = (folder / WEIGHTS).with_name("checkpoint.ckpt")
    job = None
    try:
        wait_for(checkpoint.exists)
        job = next(
            process
            for process in psutil.Process(run.pid).children(recursive=True)
            if any(word.endswith("train_network.py") for word in process.cmdline())
            and "python" in process.name()
        )
        job.suspend()
        assert not (folder / WEIGHTS).exists(), "the training was over before it was halted"
        yield run, job
    finally:
        for process in (run, job):
            with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError):
                if process is not None:
                    process.kill()
        run.wait()


def assert_ends_alike(folder: Path, undisturbed: Path, *arguments: str) -> None:
    """The re-run goes on where the training stood and ends in the same numbers."""
    done = snakemake(folder, WEIGHTS, *arguments)
    assert done.returncode == 0, done.stdout[-4000:]
    assert "continuing from" in done.stdout
    expected, found = state(undisturbed / WEIGHTS), state(folder / WEIGHTS)
    for name, tensor in expected.items():
        assert torch.equal(tensor, found[name]), name
    assert sorted(path.name for path in (folder / WEIGHTS).parent.iterdir()) == [
        "losses.csv", "weights.pt",
    ]  # fmt: skip


def test_job_killed_under_snakemake_is_named_and_the_rerun_ends_alike(undisturbed, folder):
    with training(folder) as (run, job):
        job.send_signal(signal.SIGKILL)
        assert run.wait(60) == 1
    assert "Error in rule train_network" in (folder / "said").read_text()
    assert not (folder / WEIGHTS).exists()
    assert_ends_alike(folder, undisturbed)


def test_training_told_to_stop_has_failed_and_the_rerun_ends_alike(undisturbed, folder):
    """Snakemake took it for a success without output files, which it put down to a slow disk."""
    with training(folder) as (run, job):
        job.send_signal(signal.SIGTERM)
        job.resume()
        assert run.wait(60) == 1
    said = (folder / "said").read_text()
    assert "stopped by SIGTERM: run the same command again to resume" in said
    assert "Error in rule train_network" in said
    assert "completed successfully" not in said
    assert 'train_network.py", line' not in said, "a traceback of the job"
    assert not (folder / WEIGHTS).exists()
    assert_ends_alike(folder, undisturbed)


def test_ctrl_c_stops_snakemake_and_its_job_and_the_rerun_ends_alike(undisturbed, folder):
    """A terminal sends SIGINT to all of them at once."""
    with training(folder) as (run, job):
        shells = psutil.Process(run.pid).children(recursive=True)
        for process in (run, *shells):
            process.send_signal(signal.SIGINT)
        job.resume()
        assert run.wait(60) == 1
    said = (folder / "said").read_text()
    assert "stopped by SIGINT: run the same command again to resume" in said
    assert "Traceback" not in said
    assert not job.is_running()
    assert_ends_alike(folder, undisturbed)


def test_two_at_once_and_snakemake_killed_while_its_job_lives_on(undisturbed, folder):
    with training(folder) as (run, job):
        second = snakemake(folder, WEIGHTS)
        assert second.returncode == 1
        assert "Directory cannot be locked" in second.stdout
        assert "--unlock" in second.stdout

        run.send_signal(signal.SIGKILL)
        run.wait()
        assert job.is_running(), "the job is no orphan: nothing to show"
        assert snakemake(folder, "--unlock").returncode == 0
        again = snakemake(folder, WEIGHTS, "--rerun-incomplete")
        assert again.returncode == 1
        assert "train_network.lock is held by another process" in again.stdout
        assert "wait for it or end it, then run again" in again.stdout
        assert "Traceback" not in again.stdout
        assert not (folder / WEIGHTS).exists()
    assert_ends_alike(folder, undisturbed, "--rerun-incomplete")


def contents(store: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(store)): path.read_bytes()
        for path in store.rglob("*")
        if path.is_file() and path.name != ".snakemake_timestamp"
    }


@contextlib.contextmanager
def disk(path: Path, *options: str):
    """An empty file system of its own on a folder."""
    path.mkdir(exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", ",".join(options), "tmpfs", str(path)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no disk can be mounted here, which takes root: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", path], check=True)


def test_disk_that_fills_under_snakemake_and_then_has_room(undisturbed, folder):
    results = folder / "results"
    with disk(results, "size=64k"):
        done = snakemake(folder, STORE)
        assert done.returncode == 1, done.stdout
        assert f"error: {STORE}: No space left on device; the disk or your quota" in done.stdout
        assert "Traceback" not in done.stdout
        assert [path for path in results.rglob("*") if path.is_file()] == []
        subprocess.run(["mount", "-o", "remount,size=10m", results], check=True)
        done = snakemake(folder, STORE)
        assert done.returncode == 0, done.stdout
        assert contents(folder / STORE) == contents(undisturbed / STORE)


@pytest.mark.parametrize("place", ["results", "logs"])
def test_read_only_folder_is_named_before_anything_runs(folder, place):
    with disk(folder / place, "ro"):
        done = snakemake(folder, STORE, "--force")
    assert done.returncode == 1, done.stdout
    assert f"{place}: found a folder that cannot be written to" in done.stdout
    assert "Traceback" not in done.stdout
    assert "rule compute_features" not in done.stdout


def test_results_that_are_a_file_are_named(folder):
    shutil.rmtree(folder / "results")
    (folder / "results").touch()
    done = snakemake(folder, STORE)
    assert done.returncode == 1, done.stdout
    assert "results: found a file that cannot be written to, expected a folder" in done.stdout
    assert "Traceback" not in done.stdout


def test_names_in_a_config_are_never_run_by_a_shell(undisturbed):
    assert not list(undisturbed.rglob("was-run"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("seeds: !!python/object/apply:os.system ['touch was-run']", "not valid JSON or YAML"),
        ("seeds: [1", "not valid JSON or YAML"),
    ],
    ids=["code", "no YAML"],
)
def test_config_that_is_no_plain_yaml_is_refused_and_not_run(undisturbed, tmp_path, text, message):
    config = tmp_path / "config.yaml"
    config.write_text(text)
    done = snakemake(undisturbed, "-n", "--configfile", str(config))
    assert done.returncode == 1
    assert message in done.stdout
    assert not list(undisturbed.rglob("was-run"))
