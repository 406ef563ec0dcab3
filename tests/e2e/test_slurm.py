"""`snakemake --profile slurm`, typed at the root as a user types it, on a one-node Slurm."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
import torch
from conftest import wait_for
from test_faults_under_snakemake import WEIGHTS, folder, plant, undisturbed

__all__ = ["folder", "undisturbed"]  # fixtures


def slurm_answers() -> bool:
    if shutil.which("sinfo") is None:
        return False
    found = subprocess.run(
        ["sinfo", "--noheader"], capture_output=True, text=True, check=False, timeout=20
    )
    return found.returncode == 0 and bool(found.stdout.strip())


pytestmark = [pytest.mark.e2e, pytest.mark.slurm, pytest.mark.slow]


@pytest.fixture(scope="module", autouse=True)
def slurm():
    """Asked for once it is needed: where Slurm is down, `sinfo` takes 9 s to say so."""
    if not slurm_answers():
        pytest.skip("no Slurm answers `sinfo` here")


def command(*arguments: str) -> list[str]:
    return [
        sys.executable, "-m", "snakemake", "--profile", "slurm", "--jobs", "2", *arguments,
        # A cluster's accounting lags and is asked seldom; this one answers at once.
        "--slurm-init-seconds-before-status-checks", "2", "--latency-wait", "10",
    ]  # fmt: skip


def accounted(*columns: str, job: str | None = None) -> list[list[str]]:
    """Some columns of Slurm's accounting, of one job or of all of today."""
    done = subprocess.run(
        ["sacct", "--noheader", "--allocations", "--parsable2", "--format", ",".join(columns),
         *(["--jobs", job] if job else [])],
        capture_output=True, text=True, check=True, timeout=30,
    )  # fmt: skip
    return [line.split("|") for line in done.stdout.splitlines()]


def test_an_ablation_is_trained_by_jobs_on_the_cluster(tmp_path):
    plant(tmp_path)
    done = subprocess.run(
        command(
            WEIGHTS,
            # The lines of the profile that ask for a GPU; torch trains on the CPU all the same.
            "--set-resources", "train_network:gpu=1", "train_network:slurm_partition=gpu",
        ),
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=1200,
    )  # fmt: skip
    said = done.stdout + done.stderr
    assert done.returncode == 0, said[-4000:]
    assert "SLURM jobid" in said or "SLURM job" in said, said[-2000:]
    assert torch.load(tmp_path / WEIGHTS, weights_only=True)["state"]
    assert not list(tmp_path.rglob("was-run")), "a shell has run the name of the folder of the data"
    logged = accounted("Partition", "State", "AllocTRES")
    completed = [line for line in logged if line[1] == "COMPLETED"]
    assert {partition for partition, _, _ in completed} >= {"cpu", "gpu"}, logged
    on_gpus = [resources for partition, _, resources in completed if partition == "gpu"]
    assert all("gpu" in resources for resources in on_gpus), logged


def submitted(said: Path) -> list[str]:
    """Slurm's numbers of the jobs that Snakemake says it has submitted."""
    return re.findall(r"SLURM jobid (\d+)", said.read_text(encoding="utf-8"))


def training_job(folder: Path) -> psutil.Process | None:
    """The process that trains in a folder, wherever Slurm has started it."""
    for process in psutil.process_iter(["cmdline", "cwd", "name"]):
        words = process.info["cmdline"] or [""]
        ours = process.info["cwd"] == str(folder) and "python" in process.info["name"]
        if ours and words[-1].endswith("train_network.py"):
            return process
    return None


def test_training_that_hits_its_time_limit_is_retried_with_more_time_and_goes_on(folder):
    with (
        open(folder / "said", "w", encoding="utf-8") as said,
        subprocess.Popen(command(WEIGHTS), cwd=folder, stdout=said, stderr=said) as run,
    ):
        try:
            job = wait_for(lambda: training_job(folder), 300)
            wait_for((folder / WEIGHTS).with_name("checkpoint.ckpt").exists, 300)
            job.suspend()  # or it would be over before Slurm looks
            assert not (folder / WEIGHTS).exists(), "the training was over before it was halted"
            (first,) = submitted(folder / "said")
            update = ["scontrol", "update", f"JobId={first}", "EndTime=now+1"]
            subprocess.run(update, check=True, timeout=30)
            assert run.wait(300) == 0, (folder / "said").read_text()[-4000:]
        finally:
            run.kill()

    said = (folder / "said").read_text()
    assert "Error in rule train_network" in said
    assert "completed successfully, but some output files are missing" not in said
    _, second = submitted(folder / "said")
    limits = {}
    for job, state in ((first, "TIMEOUT"), (second, "COMPLETED")):
        ((found, limit),) = accounted("State", "TimelimitRaw", job=job)
        assert found == state
        limits[job] = int(limit)
    assert limits[second] == 2 * 240
    (log,) = (folder / ".snakemake/slurm_logs").rglob(f"{first}.log")
    # Of a suspended job whose shell has ended SIGHUP comes first.
    stopped = r"stopped by SIG(TERM|HUP): run the same command again to resume"
    assert re.search(stopped, log.read_text())
    fit = Path(WEIGHTS).parent.relative_to("results")
    assert "continuing from" in (folder / "logs" / fit / "train_network.log").read_text()
