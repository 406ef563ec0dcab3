"""`snakemake --profile slurm`, typed at the root as a user types it, on a real Slurm."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from conftest import copy_repository

ROOT = Path(__file__).parents[2]

pytestmark = [pytest.mark.e2e, pytest.mark.slurm]


def slurm_answers() -> bool:
    if shutil.which("sinfo") is None:
        return False
    found = subprocess.run(
        ["sinfo", "--noheader"], capture_output=True, text=True, check=False, timeout=20
    )
    return found.returncode == 0 and bool(found.stdout.strip())


@pytest.mark.skipif(not slurm_answers(), reason="no Slurm answers `sinfo` here")
def test_an_ablation_is_trained_by_jobs_on_the_cluster(tmp_path):
    copy_repository(tmp_path, "test")
    target = "results/fits/tiny/N30/R3/seed1/weights.pt"
    done = subprocess.run(
        [
            sys.executable, "-m", "snakemake", "--profile", "slurm", "--jobs", "2", target,
            # A cluster's accounting lags and is asked seldom; this one answers at once.
            "--slurm-init-seconds-before-status-checks", "2", "--latency-wait", "10",
            # The lines of the profile that ask for a GPU; torch trains on the CPU all the same.
            "--set-resources", "train_network:gpu=1", "train_network:slurm_partition=gpu",
        ],
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=1200,
    )  # fmt: skip
    said = done.stdout + done.stderr
    assert done.returncode == 0, said[-4000:]
    assert "SLURM jobid" in said or "SLURM job" in said, said[-2000:]
    assert torch.load(tmp_path / target, weights_only=True)["state"]
    logged = subprocess.run(
        [
            "sacct", "--noheader", "--format", "Partition,State,AllocTRES", "--parsable2",
            "--allocations",
        ],
        capture_output=True, text=True, check=False, timeout=30,
    ).stdout  # fmt: skip
    completed = [line.split("|") for line in logged.splitlines() if "COMPLETED" in line]
    assert {partition for partition, _, _ in completed} >= {"cpu", "gpu"}, logged
    on_gpus = [resources for partition, _, resources in completed if partition == "gpu"]
    assert all("gpu" in resources for resources in on_gpus), logged
