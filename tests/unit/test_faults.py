"""What goes wrong in a job: one clear line, nothing half, and the mended run ends alike.

Every rule's adapter runs on the planted box as Snakemake would run it, with the same paths. What is
of Snakemake itself is in tests/e2e/test_faults_under_snakemake.py; docs/how-to/faults.md tells
users of each.
"""

import contextlib
import logging
import os
import re
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

import abacusnbody.data.asdf  # noqa: F401  registers the compression
import asdf
import forked
import numpy as np
import psutil
import pytest
import torch
from conftest import REDSHIFT, plant_box, wait_for
from lagbias.base.errors import StorageError
from lagbias.base.files import alone
from lagbias.base.jobs import STOP_SIGNALS, reporting, stoppable
from lagbias.simulations.abacus import writer
from lagbias.simulations.abacus.checksums import CHECKSUM_LIST
from lagbias.simulations.abacus.tree import BoxFiles
from lagbias.simulations.sources import SOURCES
from lagbias.training.network import HaloToMassRatio

SIM = "AbacusPlanted_small_c000_ph000"
FIT = "results/fits/planted/N50"
FILES = BoxFiles.under("resources", SIM, REDSHIFT, 24)
FEATURES = [f"results/{SIM}/features/R{scale}.zarr" for scale in (2, 4)]
PARTICLES, HALOS = f"results/{SIM}/particles.zarr", f"results/{SIM}/halos/N50.zarr"
MATTER, PROJECTION = f"results/{SIM}/matter.zarr", f"{FIT}/R2-R4/projection.nc"
WEIGHTS, LOSSES = (f"{FIT}/R2-R4/seed1/{name}" for name in ("weights.pt", "losses.csv"))
CHECKPOINT = f"{FIT}/R2-R4/seed1/checkpoint.ckpt"
PCA, ON_BOX = f"{FIT}/R2-R4/gradient_pca.nc", f"{FIT}/R2-R4/on_{SIM}"
PREDICTION, SPECTRA = f"{ON_BOX}/prediction.zarr", f"{ON_BOX}/spectra.nc"
MINI = {
    "box_size": 24.0, "particles_per_side": 24, "mesh": 32, "subsample": 0.5,
    "min_halo_particles": 20, "files_per_product": 2,
}  # fmt: skip
MINI_FILE = str(BoxFiles.under("resources", "mini_ph000", REDSHIFT, 24).expected(2)[8])


class Names(list):
    """Values by place and by name, as Snakemake hands them to a script."""

    def __init__(self, **values):
        super().__init__(values.values())
        self.__dict__.update(values)


@dataclass
class Job:
    """What a script sees as ``snakemake``."""

    rule: str
    output: Names
    input: Names = field(default_factory=Names)
    params: Names = field(default_factory=Names)
    wildcards: Names = field(default_factory=Names)
    threads: int = 1
    resources: Names = field(default_factory=lambda: Names(mem_mb=1000, resident_mb=1000))

    @property
    def log(self) -> list[str]:
        return [f"logs/{self.rule}.log"]

    def run(self, folder: Path) -> None:
        """Run the script in a folder; logging and the process are left as they were."""
        root = logging.getLogger()
        handlers, level, said = root.handlers[:], root.level, logging.raiseExceptions
        (folder / "logs").mkdir(exist_ok=True)
        try:
            with contextlib.chdir(folder):
                import_module(self.rule).run(self)
        finally:
            logging.basicConfig(handlers=handlers, level=level, force=True)
            logging.raiseExceptions = said


def box_params(**more):
    box = {"root": "resources", "density_grid": 24, "redshift": REDSHIFT}
    box["reader"] = SOURCES["local"].reader
    return Names(box=box, **more)


# In the order in which each finds what the others made.
JOBS = {
    job.rule: job
    for job in (
        Job(
            "simulate_mini",
            Names(file=MINI_FILE, settings="resources/mini_ph000/simulation.json"),
            params=Names(settings=MINI | {"master_seed": 7, "redshift": REDSHIFT, "phase": 0}),
            wildcards=Names(sim="mini_ph000"),
        ),
        Job(
            "compute_features",
            Names(store=FEATURES[0]),
            Names(density=str(FILES.density)),
            box_params(),
            Names(sim=SIM, R="2"),
        ),
        Job(
            "index_particles",
            Names(store=PARTICLES),
            params=box_params(cell_size=6.0, velocities=None),
            wildcards=Names(sim=SIM, space=""),
        ),
        Job(
            "select_halos",
            Names(store=HALOS),
            params=box_params(cell_size=6.0, galaxies=None),
            wildcards=Names(sim=SIM, tracer="N50", space=""),
        ),
        Job(
            "paint_matter",
            Names(store=MATTER),
            Names(particles=PARTICLES),
            Names(cell_size=3.0),
            Names(sim=SIM),
        ),
        Job(
            "orthogonalise_features",
            Names(file=PROJECTION),
            Names(features=FEATURES),
            params=Names(inputs={}),
            wildcards=Names(set="planted"),
        ),
        Job(
            "train_network",
            Names(weights=WEIGHTS, losses=LOSSES),
            Names(
                features=FEATURES, particles=[PARTICLES], halos=[HALOS],
                validation_features=FEATURES, validation_particles=[PARTICLES],
                validation_halos=[HALOS], projection=PROJECTION,
            ),
            Names(
                settings={"preset": "seed", "epochs": 3, "cells_per_batch": 64}, device="cpu",
                deterministic=False, code={},
            ),
            Names(seed="1"),
        ),
        Job(
            "find_gradient_directions",
            Names(file=PCA),
            Names(weights=[WEIGHTS], projection=PROJECTION, features=FEATURES,
                  particles=[PARTICLES]),
            Names(device="cpu", deterministic=False),
            Names(set="planted"),
        ),
        Job(
            "project_on_gradients",
            Names(file=f"{FIT}/R2-R4-pc2/projection.nc"),
            Names(projection=PROJECTION, gradient_pca=PCA),
            wildcards=Names(K="2"),
        ),
        Job(
            "predict_halo_field",
            Names(store=PREDICTION),
            Names(weights=[WEIGHTS], projection=PROJECTION, features=FEATURES,
                  particles=PARTICLES),
            Names(cell_size=3.0, device="cpu", deterministic=False),
            Names(network="R2-R4", sim=SIM),
        ),
        Job(
            "compare_spectra",
            Names(file=SPECTRA),
            Names(prediction=PREDICTION, halos=HALOS, matter=MATTER),
            Names(k_max=0.5),
            Names(model="R2-R4", sim=SIM),
        ),
    )
}  # fmt: skip


def run_all(folder: Path) -> None:
    """Run every job undisturbed."""
    plant_box(folder / "resources", SIM)
    for job in JOBS.values():
        if job.rule == "compute_features":  # the other scale, as another job of the rule
            Job(
                job.rule, Names(store=FEATURES[1]), job.input, job.params, Names(sim=SIM, R="4")
            ).run(folder)
        job.run(folder)


@pytest.fixture(scope="session")
def finished(compiled, made_once) -> Path:
    """A folder in which every job has run undisturbed."""
    return made_once("finished_jobs", run_all)


@pytest.fixture
def folder(finished, tmp_path) -> Path:
    """A copy of it, to be spoilt."""
    return shutil.copytree(finished, tmp_path / "copy")


def delete(path: Path) -> None:
    shutil.rmtree(path) if path.is_dir() else path.unlink()


def contents(path: Path) -> dict[str, bytes]:
    """Every file of a store, or the one file, by name."""
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    return {str(file.relative_to(path)): file.read_bytes() for file in files if file.is_file()}


def assert_alike(job: Job, folder: Path, finished: Path) -> None:
    """The same bytes as undisturbed (of weights: the same numbers), and nothing beside them."""
    for output in job.output:
        if output.endswith(".pt"):
            one, other = (
                torch.load(at / output, weights_only=True)["state"] for at in (folder, finished)
            )
            assert all(torch.equal(one[name], other[name]) for name in other), output
        else:
            assert contents(folder / output) == contents(finished / output), output
    assert rests(folder) == []


def rests(folder: Path) -> list[Path]:
    """What jobs should not leave."""
    patterns = (".*.part*", ".*.old*", "*.lock", "*.ckpt")
    return [path for pattern in patterns for path in folder.rglob(pattern)]


def message_of(job: Job, folder: Path, capsys) -> str:
    """The one line with which a job ends; its log has the same line."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as stopped:
        job.run(folder)
    assert stopped.value.code == 1
    said = capsys.readouterr().err
    assert "Traceback" not in said, said
    (line,) = [line for line in said.splitlines() if "error:" in line]
    assert said.splitlines()[-1] == line, "something was said after the message"
    return line


# --- kill -9 -----------------------------------------------------------------------------------

RUN = """
import sys
from test_faults import JOBS, Path
JOBS[sys.argv[1]].run(Path.cwd())
"""


def signalled(rule: str, output: str, number: int) -> None:
    """Run a job that gets a signal when an output is whole and about to be renamed."""
    replace = os.replace

    def replace_when_signalled(source, target, **more):
        if os.fspath(target) == output:
            os.kill(os.getpid(), number)
        replace(source, target, **more)

    os.replace = replace_when_signalled
    JOBS[rule].run(Path.cwd())


def in_own_process(script: str, *arguments) -> dict:
    """What ``subprocess`` needs to run a script in which this module can be imported."""
    search = [Path(__file__).parent, Path(__file__).parents[1], *map(Path, sys.path)]
    return {
        "args": [sys.executable, "-c", script, *map(str, arguments)],
        "env": os.environ | {"PYTHONPATH": os.pathsep.join(map(str, search))},
    }


def run_signalled(
    job: Job, folder: Path, target: str, number: signal.Signals
) -> subprocess.CompletedProcess:
    """Run a job in a process of its own that gets a signal just before it puts a file in place."""
    return forked.run(signalled, job.rule, target, int(number), cwd=folder)


def run_killed(job: Job, folder: Path, target: str) -> None:
    """Run a job in a process of its own that is killed just before it puts a file in place."""
    done = run_signalled(job, folder, target, signal.SIGKILL)
    assert done.returncode == -signal.SIGKILL, done.stderr[-3000:]


@pytest.mark.parametrize("rule", [r for r in JOBS if r not in ("simulate_mini", "train_network")])
def test_job_killed_while_it_writes_leaves_nothing_and_its_rerun_ends_alike(finished, folder, rule):
    job = JOBS[rule]
    (target,) = job.output
    delete(folder / target)
    run_killed(job, folder, target)
    assert not (folder / target).exists()
    assert any(".part" in path.name for path in rests(folder)), "it was not killed while writing"
    job.run(folder)
    assert_alike(job, folder, finished)


@pytest.mark.parametrize("target", [LOSSES, WEIGHTS])
def test_training_killed_between_its_outputs_ends_alike(finished, folder, target):
    job = JOBS["train_network"]
    for output in job.output:
        delete(folder / output)
    run_killed(job, folder, target)
    assert not (folder / WEIGHTS).exists()
    assert (folder / LOSSES).exists() == (target == WEIGHTS)
    assert (folder / CHECKPOINT).exists()
    job.run(folder)
    assert_alike(job, folder, finished)


@pytest.mark.slow
def test_simulation_killed_half_way_has_only_whole_files_and_its_rerun_ends_alike(finished, folder):
    """The files of a box are written one by one, each whole."""
    box, density = (Path("resources") / part for part in ("mini_ph000", "ic/mini_ph000"))
    for path in (box, density):
        shutil.rmtree(folder / path)
    run_killed(JOBS["simulate_mini"], folder, MINI_FILE)
    left = list((folder / box).rglob("[!.]*.asdf"))
    assert 0 < len(left) < 10
    for path in left:
        assert path.read_bytes() == (finished / path.relative_to(folder)).read_bytes(), path
    JOBS["simulate_mini"].run(folder)
    for path in (box, density):
        assert contents(folder / path) == contents(finished / path)
    assert rests(folder) == []


# --- told to stop ------------------------------------------------------------------------------

WRITERS = [rule for rule in JOBS if rule != "simulate_mini"]
STOPPED = [(rule, "SIGTERM") for rule in WRITERS]
STOPPED += [("train_network", name) for name in STOP_SIGNALS if name != "SIGTERM"]


@pytest.mark.parametrize(("rule", "name"), STOPPED)
def test_job_told_to_stop_says_so_fails_and_its_rerun_ends_alike(finished, folder, rule, name):
    """Snakemake and Slurm take an exit status of zero for success."""
    job, number = JOBS[rule], signal.Signals[name]
    for output in job.output:
        delete(folder / output)
    done = run_signalled(job, folder, job.output[0], number)
    assert done.returncode == 128 + number, done.stderr[-3000:]
    line = f"stopped by {name}: run the same command again to resume"
    assert done.stderr.splitlines()[-1].endswith(line), done.stderr
    assert (folder / job.log[0]).read_text().splitlines()[-1].endswith(line)
    assert "Traceback" not in done.stderr
    assert not (folder / job.output[0]).exists()
    assert rests(folder) == ([folder / CHECKPOINT] if rule == "train_network" else [])
    job.run(folder)
    assert_alike(job, folder, finished)


def test_stopped_job_fails_even_where_a_library_makes_a_success_of_it(tmp_path, monkeypatch):
    """Lightning exits with 0 of its own accord after a SIGTERM."""
    monkeypatch.chdir(tmp_path)

    def run():
        with reporting(Job("any", Names())):
            try:
                signal.raise_signal(signal.SIGTERM)
            except BaseException:
                raise SystemExit(0) from None

    with pytest.raises(SystemExit) as stopped:
        run()
    assert stopped.value.code == 128 + signal.SIGTERM


def test_signal_that_was_ignored_stays_so_and_others_are_given_back(tmp_path):
    """``nohup`` starts jobs that ignore SIGHUP."""
    hangup = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    before = signal.getsignal(signal.SIGTERM)
    try:
        with stoppable() as received:
            signal.raise_signal(signal.SIGHUP)
            assert signal.getsignal(signal.SIGTERM) != before
        assert received == []
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
        assert signal.getsignal(signal.SIGTERM) == before
    finally:
        signal.signal(signal.SIGHUP, hangup)


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGKILL"])
def test_simulation_that_is_stopped_leaves_no_nbody_process(folder, name):
    """PySCo runs in a process of its own, which nobody else would end."""
    for path in ("mini_ph000", "ic/mini_ph000"):
        shutil.rmtree(folder / "resources" / path)
    (folder / "tmp").mkdir()
    process = in_own_process(RUN, "simulate_mini")
    process["env"]["TMPDIR"] = str(folder / "tmp")
    with subprocess.Popen(**process, cwd=folder, stderr=subprocess.PIPE, text=True) as run:
        child = wait_for(psutil.Process(run.pid).children)[0]
        wait_for(lambda: "_pysco_worker(" in " ".join(child.cmdline()))
        run.send_signal(signal.Signals[name])
        _, said = run.communicate(timeout=60)
    gone, alive = psutil.wait_procs([child], timeout=60)
    for process in alive:
        process.kill()
    assert gone == [child]
    if name != "SIGKILL":
        assert run.returncode == 128 + signal.Signals[name], said
        assert "Traceback" not in said
        assert list((folder / "tmp").iterdir()) == []


# --- other schedulers' variables ----------------------------------------------------------------

# What a job finds in its environment when Snakemake runs within an allocation of several tasks.
SCHEDULERS = {
    "slurm": {
        "SLURM_NTASKS": "8", "SLURM_JOB_ID": "12", "SLURM_JOB_NAME": "wrap", "SLURM_NNODES": "2",
        "SLURM_PROCID": "3", "SLURM_LOCALID": "3", "SLURM_NODEID": "1",
        "SLURM_JOB_NODELIST": "n[1-2]",
    },
    "torchrun": {
        "TORCHELASTIC_RUN_ID": "7", "RANK": "3", "LOCAL_RANK": "3", "GROUP_RANK": "1",
        "WORLD_SIZE": "8", "LOCAL_WORLD_SIZE": "4", "MASTER_ADDR": "nowhere", "MASTER_PORT": "none",
    },
    "lsf": {
        "LSB_JOBID": "12", "LSB_DJOB_RANKFILE": "no-such-file", "JSM_NAMESPACE_SIZE": "8",
        "JSM_NAMESPACE_RANK": "3", "JSM_NAMESPACE_LOCAL_RANK": "3",
    },
    "mpi": {
        "OMPI_COMM_WORLD_SIZE": "8", "OMPI_COMM_WORLD_RANK": "3", "PMI_SIZE": "8", "PMI_RANK": "3",
        "OMPI_COMM_WORLD_LOCAL_RANK": "3", "PMIX_RANK": "3", "NODE_RANK": "x",
    },
    "kubeflow": {
        "KUBERNETES_PORT": "tcp://1.2.3.4:5", "MASTER_ADDR": "nowhere", "MASTER_PORT": "none",
        "WORLD_SIZE": "8", "RANK": "3",
    },
}  # fmt: skip


@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_training_is_one_process_whatever_the_scheduler_has_set(finished, folder, scheduler):
    job = JOBS["train_network"]
    for output in job.output:
        delete(folder / output)
    process = in_own_process(RUN, job.rule)
    (folder / "srun").touch(0o755)  # Lightning asks for it where it finds it
    found = {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}
    process["env"] |= SCHEDULERS[scheduler] | found
    done = subprocess.run(**process, cwd=folder, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "srun" not in done.stderr
    assert_alike(job, folder, finished)


# --- two at once -------------------------------------------------------------------------------


def test_job_that_is_running_already_is_refused_and_its_files_are_left_alone(
    finished, folder, capsys
):
    """A job outlives a Snakemake that was killed; the next Snakemake starts it again."""
    job = JOBS["compute_features"]
    before = contents(folder / FEATURES[0])
    with alone(folder / "logs/compute_features.lock"):
        line = message_of(job, folder, capsys)
    assert "logs/compute_features.lock is held by another process" in line
    assert "wait for it or end it, then run again" in line
    assert contents(folder / FEATURES[0]) == before
    job.run(folder)
    assert_alike(job, folder, finished)


def test_lock_of_a_dead_process_holds_nothing_up(finished, folder):
    (folder / "logs/compute_features.lock").touch()
    JOBS["compute_features"].run(folder)
    assert_alike(JOBS["compute_features"], folder, finished)


# --- damaged, foreign or senseless input -------------------------------------------------------


def truncate(path: Path, keep: float = 0.6) -> None:
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * keep)])


def flip_bit(path: Path, at: float = 0.7) -> None:
    content = bytearray(path.read_bytes())
    content[int(len(content) * at)] ^= 4
    path.write_bytes(content)


def flip_bit_of_header(path: Path) -> None:
    """A number in the text of the header, which no MD5 sum of ASDF covers."""
    content = path.read_bytes()
    place = content.index(b"BoxSize: 48") + len(b"BoxSize: ")
    path.write_bytes(content[:place] + b"5" + content[place + 1 :])


def without_list(damage):
    """The same, in a folder that has no list of checksums, as one that was downloaded."""

    def spoil(path: Path) -> None:
        damage(path)
        (path.parent / CHECKSUM_LIST).unlink()

    spoil.__name__ = f"{damage.__name__}_without_list"
    return spoil


@pytest.mark.parametrize(
    "damage",
    [
        truncate, flip_bit, flip_bit_of_header, without_list(truncate), without_list(flip_bit),
    ],
    ids=lambda damage: damage.__name__,
)  # fmt: skip
@pytest.mark.parametrize(
    ("rule", "file"),
    [
        ("compute_features", FILES.density),
        ("index_particles", FILES.halos / "field_rv_A/field_rv_A_001.asdf"),
        ("index_particles", FILES.halos / "halo_pid_A/halo_pid_A_000.asdf"),
        ("select_halos", FILES.halos / "halo_info/halo_info_001.asdf"),
    ],
    ids=lambda value: Path(value).stem,
)
def test_damaged_asdf_file_is_named(finished, folder, capsys, rule, file, damage):
    job = JOBS[rule]
    delete(folder / job.output[0])
    damage(folder / file)
    line = message_of(job, folder, capsys)
    assert f"{file} cannot be read" in line
    assert CHECKSUM_LIST in line
    assert not (folder / job.output[0]).exists()
    mend(folder, finished, file.parent)
    job.run(folder)
    assert_alike(job, folder, finished)


def mend(folder: Path, finished: Path, path: Path | str) -> None:
    """Put back what was there before."""
    if (folder / path).exists():
        delete(folder / path)
    whole = finished / path
    (shutil.copytree if whole.is_dir() else shutil.copy)(whole, folder / path)


def rewrite(path: Path, change) -> None:
    """Change the contents of an ASDF file as its own maker would, its checksum with it."""
    with asdf.open(path, memmap=False, lazy_load=False) as file:
        tree = {
            "header": dict(file["header"]),
            "data": {name: np.array(column) for name, column in file["data"].items()},
        }
    change(tree)
    writer.write_asdf(path, tree)
    writer.write_checksums(path.parent)


def nan_in_density(folder: Path) -> None:
    rewrite(
        folder / FILES.density, lambda tree: tree["data"]["density"].__setitem__((3, 4, 5), np.nan)
    )


def nan_in_halos(folder: Path) -> None:
    rewrite(
        folder / FILES.halos / "halo_info/halo_info_001.asdf",
        lambda tree: tree["data"]["x_com"].__setitem__((7, 1), np.nan),
    )


def header_change(file: Path, **values):
    """A fault: other values, or none, in the header of a file."""

    def spoil(folder: Path) -> None:
        def change(tree):
            tree["header"].update(values)
            for name in [name for name, value in values.items() if value is None]:
                del tree["header"][name]

        rewrite(folder / file, change)

    return spoil


def no_massive_halo(folder: Path) -> None:
    for number in (0, 1):
        rewrite(
            folder / FILES.halos / f"halo_info/halo_info_00{number}.asdf",
            lambda tree: tree["data"].update(N=np.minimum(tree["data"]["N"], 40)),
        )


def no_halo_at_all(folder: Path) -> None:
    plant_box(folder / "resources", SIM, halos=0)


RV, PID = (FILES.halos / f"field_{kind}_A/field_{kind}_A_001.asdf" for kind in ("rv", "pid"))
HALO_INFO = FILES.halos / "halo_info/halo_info_001.asdf"


@pytest.mark.parametrize(
    ("rule", "spoil", "message"),
    [
        (
            "compute_features", nan_in_density,
            r"ic_dens_N\d+.asdf: found a density of nan at grid point \[3, 4, 5\], expected finite",
        ),
        (
            "select_halos", nan_in_halos,
            "halo_info_001.asdf: x_com of 1 of 200 halos is not finite; expected positions",
        ),
        ("select_halos", no_massive_halo, r"N > 50 leaves none of the 300 .*\(largest: 40 .*lower"),
        ("select_halos", no_halo_at_all, "N > 50 leaves none of the 0 halos"),
        (
            "index_particles", header_change(FILES.density, SimName="Other"),
            f"header SimName is '{SIM}', expected 'Other' as the initial density",
        ),
        (
            "select_halos", header_change(FILES.density, BoxSize=96.0),
            "header BoxSize is 48.0, expected 96.0 as the initial density",
        ),
        (
            "index_particles", header_change(RV, SimName="Other"),
            "positions and identifiers of different boxes: .*field_rv_A_001.asdf is of Other",
        ),
        (
            "index_particles", header_change(PID, SimName="Other"),
            "positions and identifiers of different boxes: .*field_pid_A_001.asdf is of Other",
        ),
        (
            "select_halos", header_change(HALO_INFO, SimName="Other"),
            "halos of different boxes: .*halo_info_001.asdf is of Other; use files of one box",
        ),
        (
            "index_particles", header_change(RV, Redshift=0.8),
            "header Redshift is 0.8, expected 0.5 as .* config",
        ),
        (
            "compute_features",
            header_change(FILES.density, GrowthTable={"1.0": 24.8, "49.0": 0.8}),
            "redshift 0.5 is not in the growth table .* has 1, 49; use one of these",
        ),
        (
            "compute_features", header_change(FILES.density, GrowthTable=None),
            "ic_dens_N24.asdf: the header lacks GrowthTable; expected",
        ),
        (
            "index_particles", header_change(RV, ppd=None),
            "field_rv_A_001.asdf: the header lacks ppd; expected",
        ),
    ],
)  # fmt: skip
def test_input_that_makes_no_sense_is_named(finished, folder, capsys, rule, spoil, message):
    job = JOBS[rule]
    delete(folder / job.output[0])
    spoil(folder)
    line = message_of(job, folder, capsys)
    assert re.search(message, line), line
    assert not (folder / job.output[0]).exists()
    mend(folder, finished, "resources")
    job.run(folder)
    assert_alike(job, folder, finished)


# --- stores cut short --------------------------------------------------------------------------


def first_chunk(store: Path) -> Path:
    return next(path for path in sorted(store.rglob("c/**/0")) if path.is_file())


def cut_chunk(store: Path) -> None:
    truncate(first_chunk(store))


def lose_chunk(store: Path) -> None:
    first_chunk(store).unlink()


def lose_variable(store: Path) -> None:
    shutil.rmtree(next(path for path in sorted(store.iterdir()) if path.is_dir()))


def cut_metadata(store: Path) -> None:
    truncate(store / "zarr.json", 0.5)


def lose_all_but_metadata(store: Path) -> None:
    for path in store.iterdir():
        if path.is_dir():
            shutil.rmtree(path)


@pytest.mark.parametrize(
    ("rule", "store"),
    [
        ("orthogonalise_features", FEATURES[1]), ("paint_matter", PARTICLES),
        ("train_network", HALOS), ("compare_spectra", PREDICTION), ("compare_spectra", MATTER),
    ],
    ids=lambda value: Path(value).stem,
)  # fmt: skip
@pytest.mark.parametrize(
    "damage", [cut_chunk, lose_chunk, lose_variable, lose_all_but_metadata, cut_metadata]
)
def test_store_cut_short_is_named_and_never_read_as_empty(
    finished, folder, capsys, rule, store, damage
):
    job = JOBS[rule]
    for output in job.output:
        delete(folder / output)
    damage(folder / store)
    line = message_of(job, folder, capsys)
    assert f"zarr store {store} " in line
    assert "delete it and run again" in line
    assert not any((folder / output).exists() for output in job.output)
    mend(folder, finished, store)
    job.run(folder)
    assert_alike(job, folder, finished)


@pytest.mark.parametrize(
    ("rule", "file"),
    [
        ("project_on_gradients", PROJECTION), ("project_on_gradients", PCA),
        ("predict_halo_field", WEIGHTS),
    ],
    ids=lambda value: Path(value).stem,
)  # fmt: skip
@pytest.mark.parametrize("keep", [0.0, 0.3, 0.98])
def test_file_cut_short_is_named(finished, folder, capsys, rule, file, keep):
    job = JOBS[rule]
    delete(folder / job.output[0])
    truncate(folder / file, keep)
    line = message_of(job, folder, capsys)
    assert file in line
    assert re.search("delete it and (run|train) again", line)
    mend(folder, finished, file)
    job.run(folder)
    assert_alike(job, folder, finished)


# --- disks -------------------------------------------------------------------------------------


class Disk:
    """A small file system of its own, mounted on a folder."""

    def __init__(self, path: Path):
        self.path, self.filler = path, path / "filler"

    def fill(self) -> None:
        with open(self.filler, "wb", buffering=0) as file, contextlib.suppress(OSError):
            while file.write(bytes(4096)):
                pass

    def make_room(self) -> None:
        self.filler.unlink()

    def protect(self) -> None:
        subprocess.run(["mount", "-o", "remount,ro", self.path], check=True)

    def permit(self) -> None:
        subprocess.run(["mount", "-o", "remount,rw", self.path], check=True)


@pytest.fixture
def disk(folder):
    """The results of a copy, on a disk of their own."""
    results = folder / "results"
    kept = results.rename(folder / "kept")
    results.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(results)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no disk can be mounted here, which takes root: {done.stderr.strip()}")
    try:
        shutil.copytree(kept, results, dirs_exist_ok=True)
        yield Disk(results)
    finally:
        subprocess.run(["umount", "--lazy", results], check=True)


WRITERS = ["compute_features", "orthogonalise_features", "train_network", "predict_halo_field"]


@pytest.mark.parametrize("rule", WRITERS)
def test_disk_that_is_full_is_named_and_the_rerun_ends_alike(finished, folder, disk, capsys, rule):
    job = JOBS[rule]
    for output in job.output:
        delete(folder / output)
    disk.fill()
    line = message_of(job, folder, capsys)
    named = CHECKPOINT if rule == "train_network" else job.output[0]
    assert re.search(f"error: {named}[ :]", line), line
    assert "No space left on device; the disk or your quota is used up: make room" in line
    assert not any((folder / output).exists() for output in job.output)
    assert rests(folder) == []
    disk.make_room()
    job.run(folder)
    assert_alike(job, folder, finished)


@pytest.mark.parametrize("rule", WRITERS)
def test_disk_that_is_read_only_is_named_and_nothing_is_lost(finished, folder, disk, capsys, rule):
    job = JOBS[rule]
    disk.protect()
    line = message_of(job, folder, capsys)
    assert "Read-only file system; expected a folder that you may read and write" in line
    named = CHECKPOINT if rule == "train_network" else job.output[0]
    assert re.search(f"error: {named}[ :]", line), line
    assert_alike(job, folder, finished)
    disk.permit()
    job.run(folder)
    assert_alike(job, folder, finished)


def test_training_on_a_disk_that_fills_goes_on_from_its_last_checkpoint(
    finished, folder, disk, capsys, monkeypatch
):
    from lagbias.training.fit import SaveEveryEpoch

    job = JOBS["train_network"]
    for output in job.output:
        delete(folder / output)
    save = SaveEveryEpoch.on_train_epoch_end

    def save_on_a_disk_that_fills(self, trainer, module):
        if module.current_epoch == 1:
            disk.fill()
        save(self, trainer, module)

    with monkeypatch.context() as patch:
        patch.setattr(SaveEveryEpoch, "on_train_epoch_end", save_on_a_disk_that_fills)
        line = message_of(job, folder, capsys)
    assert re.search(f"error: {CHECKPOINT}[ :].*No space left on device", line), line
    disk.make_room()
    job.run(folder)
    assert "continuing from" in (folder / job.log[0]).read_text()
    assert_alike(job, folder, finished)


def test_weights_that_do_not_fit_on_the_disk_are_named(finished, folder, disk):
    """torch's own writing would end in an error that says nothing of the disk."""
    network = HaloToMassRatio.load(folder / WEIGHTS)
    before = (folder / WEIGHTS).read_bytes()
    disk.fill()
    with pytest.raises(StorageError, match=f"{WEIGHTS}: No space left on device"):
        network.save(folder / WEIGHTS)
    assert (folder / WEIGHTS).read_bytes() == before
    assert rests(folder) == []


def test_log_that_cannot_be_written_is_named(finished, folder, capsys):
    job = JOBS["compute_features"]
    shutil.rmtree(folder / "logs")
    (folder / "logs").mkdir()
    (folder / "logs/compute_features.log").mkdir()
    with pytest.raises(SystemExit):
        job.run(folder)
    said = capsys.readouterr().err
    assert "Traceback" not in said
    assert "logs/compute_features.log: Is a directory" in said


# --- nothing is executed -----------------------------------------------------------------------


class Malicious:
    """A pickle that runs code when it is loaded."""

    def __init__(self, witness: Path):
        self.witness = witness

    def __reduce__(self):
        return open, (str(self.witness), "w")


def test_checkpoint_with_code_in_it_is_not_run_and_training_starts_again(finished, folder, capsys):
    job = JOBS["train_network"]
    for output in job.output:
        delete(folder / output)
    witness = folder / "was-run"
    torch.save({"identity": Malicious(witness)}, folder / CHECKPOINT)
    job.run(folder)
    assert "is unreadable" in capsys.readouterr().err
    assert not witness.exists()
    assert_alike(job, folder, finished)


ROOT = Path(__file__).parents[2]
EXECUTES = (
    r"(?<![.])\beval\(", r"\bexec\(", r"os\.system", r"shell=True", r"\bpickle\b",
    r"weights_only=False", r"yaml\.(unsafe_|full_)?load\b", r"allow_pickle=True",
    r"os\.popen", r"^\s*shell:",
)  # fmt: skip


RULE_FILES = [ROOT / "workflow/Snakefile", *(ROOT / "workflow").rglob("*.smk")]


@pytest.mark.parametrize(
    "source",
    sorted([ROOT / "Snakefile", *(ROOT / "workflow").rglob("*.py"), *RULE_FILES]),
    ids=lambda path: path.name,
)
def test_nothing_in_the_workflow_executes_text(source):
    for pattern in EXECUTES:
        assert not re.search(pattern, source.read_text(), flags=re.M), (source, pattern)
