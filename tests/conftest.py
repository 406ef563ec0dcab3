"""Shared fixtures: the real data where they are at hand, a tiny planted box in their formats."""

import gc
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from filelock import FileLock
from lagbias.base.loading import load
from lagbias.base.stores import write_netcdf
from lagbias.config.yardsticks import KINDS
from lagbias.evaluation.bands import SUMMED
from lagbias.features import smoothed
from lagbias.fields import painting
from lagbias.fields import shells as field_shells
from lagbias.fields.grid import Grid
from lagbias.halos import indexing, selection
from lagbias.halos import particles as halo_particles
from lagbias.model.file import ModelFile
from lagbias.model.seen import inputs_seen
from lagbias.projection.orthogonal import orthogonalise
from lagbias.projection.projection import Projection
from lagbias.simulations.abacus import writer
from lagbias.simulations.abacus.box import AbacusBox
from lagbias.simulations.abacus.tree import BoxFiles
from lagbias.simulations.mini.pysco import warm_up
from lagbias.tables.evaluation import Evaluated, lines_of, models_in, write_evaluation
from lagbias.training.network import Architecture, HaloToMassRatio, generator_of

ROOT = Path(__file__).parents[1]
SANDBOX_NAME = "AbacusSandbox_small_c000_ph3000"
REDSHIFT = 0.5
GROWTH_TABLE = {0.5: 32.0, 1.0: 24.8, 49.0: 0.8}  # not normalised to any redshift
GROWTH = 40.0


# In the background of a shell SIGINT is ignored, by `nohup` SIGHUP. So they would be by all jobs
# that tests interrupt.
for ignored, handler in (
    (signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL),
):  # fmt: skip
    if signal.getsignal(ignored) == signal.SIG_IGN:
        signal.signal(ignored, handler)


def pytest_collection_finish() -> None:
    """Leave what is imported by now out of garbage collections.

    abacusutils asks for a whole one four times at each reading of halos.
    """
    gc.freeze()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what would else be alone at the end: Slurm's, which wait, and a whole box."""
    first = ("test_slurm.py", "test_shipped_models.py")
    items.sort(key=lambda item: item.path.name not in first)


def half_written(folder: str, names: list[str]) -> set[str]:
    """Names of files in caches that another process may be writing, to leave out of a copy.

    Compiled files are replaced as a whole. They are copied, since numba would take 30 s again.
    """
    whole = (".pyc", ".nbi", ".nbc")
    return {n for n in names if folder.endswith("__pycache__") and not n.endswith(whole)}


def copy_repository(folder: Path, config: str = "") -> Path:
    """A copy of what a user runs, with one of its configs, as ``test``, as the default one."""
    for part in ("workflow", "config", "envs", "slurm"):
        shutil.copytree(ROOT / part, folder / part, ignore=half_written, dirs_exist_ok=True)
    shutil.copy(ROOT / "Snakefile", folder)
    if config:
        shutil.copy(folder / f"config/{config}.yaml", folder / "config/config.yaml")
    return folder


def plan_of(folder: Path) -> dict:
    """The default plan of a folder: ``jobs`` with what they ask for, ``outputs`` by rule."""
    run = subprocess.run(
        [sys.executable, ROOT / "tests/dag/asked.py"],
        cwd=folder, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr
    return json.loads(run.stdout.splitlines()[-1])


def wait_for(found, seconds: float = 60):
    """What ``found`` returns once that is something."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if result := found():
            return result
        time.sleep(0.01)
    raise AssertionError(f"nothing came in {seconds} s")


def carried_field(particles: halo_particles.Particles, ratio: np.ndarray, grid: Grid) -> np.ndarray:
    """Overdensity of particles that carry f of their Lagrangian points, painted all at once."""
    weight = ratio[np.asarray(particles.lagrangian_index)]
    return painting.paint([(particles.positions(slice(None)), weight)], grid)


def functions_of(model: str) -> type:
    """The class of the functions of a Lagrangian yardstick, by its name or kind."""
    return load(KINDS[model.partition("-R")[0]].basis)


def evaluation_power(overdensity: np.ndarray, grid: Grid, k_max: float) -> np.ndarray:
    """Power of one painted field in the shells of an evaluation."""
    shells = field_shells.Shells(grid, field_shells.shell_edges(grid, k_max))
    return shells.power(field_shells.field_modes(overdensity, grid))


@pytest.fixture(scope="session")
def made_once(tmp_path_factory) -> Callable[[str, Callable[[Path], None]], Path]:
    """Call with a name and what fills a folder: the folder, filled once for all processes."""
    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent

    def made(name: str, fill: Callable[[Path], None]) -> Path:
        folder, part = base / name, base / f"{name}.part"
        with FileLock(f"{folder}.lock"):
            if not folder.exists():
                shutil.rmtree(part, ignore_errors=True)
                part.mkdir()
                fill(part)
                part.rename(folder)
        return folder

    return made


@pytest.fixture(scope="session")
def compiled(made_once) -> None:
    """PySCo is compiled: a simulation that compiles first ends in other last bits."""
    made_once("compiled", lambda folder: warm_up(threads=1))


def complete(spectra: xr.Dataset) -> xr.Dataset:
    """Spectra with all that is summed over bands; what a test does not say is zero.

    Of a box so small that few shells cover all bands, if a test does not say.
    """
    zero = xr.zeros_like(spectra["power_model"])
    spectra = spectra.assign({name: zero for name in SUMMED if name not in spectra})
    return spectra.assign_attrs({"box_size": 50.0} | spectra.attrs)


def evaluated(boxes: list[xr.Dataset]) -> Evaluated:
    """A model of some spectra, a dataset a box."""
    lines = [
        {**line, "file": f"{box}.nc"}
        for box, spectra in enumerate(boxes)
        for line in lines_of(complete(spectra), model="model", box=str(box), tracer="N50")
    ]
    return models_in(pd.DataFrame(lines).assign(training_set="one"))["model"]


def evaluation_table(models: dict[str, list[xr.Dataset]], folder: Path) -> Path:
    """The evaluation table of some models, whose spectra are written, a file a box."""
    files = []
    for name, boxes in models.items():
        for number, spectra in enumerate(boxes):
            files.append(folder / f"fits/one/N50/{name}/on_{number}/spectra.nc")
            files[-1].parent.mkdir(parents=True, exist_ok=True)
            write_netcdf(complete(spectra), files[-1])
    write_evaluation(files, folder / "evaluation.csv")
    return folder / "evaluation.csv"


@pytest.fixture
def sandbox() -> Path:
    """The root of the real Abacus simulation that lies beside the repository, read-only."""
    root = Path(__file__).parents[2] / "shared" / "abacus"
    if not (root / "small" / SANDBOX_NAME).is_dir():
        pytest.skip("no real Abacus data: expected ../shared/abacus beside the repository")
    return root


@pytest.fixture
def sandbox_files(sandbox) -> BoxFiles:
    """Its files, with the initial density at the resolution of its particles."""
    return BoxFiles.under(sandbox, SANDBOX_NAME, REDSHIFT, 192)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20221208)


@dataclass
class PlantedBox:
    """A made-up box, as written to disk, and what was planted in it.

    Particles are the first ones of a shuffled lattice, two files a product; both ends of the box
    are among the positions.
    """

    files: BoxFiles
    header: dict
    linear_density: np.ndarray  # at REDSHIFT
    position: np.ndarray  # [Mpc/h], zero-centred
    lagrangian_index: np.ndarray
    halo_position: np.ndarray
    particle_count: np.ndarray
    velocity: np.ndarray  # [km/s]
    halo_velocity: np.ndarray

    @property
    def opened(self) -> AbacusBox:
        """It as the library reads it."""
        return AbacusBox(self.files, REDSHIFT)


def gaussian_field(points: int, random: np.random.Generator, slope: float = -2.0) -> np.ndarray:
    """A Gaussian overdensity of unit variance, power k^slope, without a mean."""
    modes = np.fft.rfftn(random.normal(size=(points,) * 3))
    k = np.fft.fftfreq(points, 1 / points)
    k2 = k[:, None, None] ** 2 + k[:, None] ** 2 + np.arange(points // 2 + 1) ** 2
    modes *= np.where(k2 > 0, k2, np.inf) ** (slope / 4)
    field = np.fft.irfftn(modes, s=(points,) * 3, axes=(0, 1, 2))
    return field / field.std()


def zeldovich(linear_density: np.ndarray, box_size: float) -> np.ndarray:
    """Displacement of each grid point whose divergence is minus the density, (n, n, n, 3)."""
    points = len(linear_density)
    k = 2 * np.pi / box_size * np.fft.fftfreq(points, 1 / points)
    along = np.stack(np.meshgrid(k, k, k, indexing="ij"), axis=-1)
    along[points // 2] = along[:, points // 2] = along[:, :, points // 2] = 0  # no odd Nyquist
    square = np.where((along == 0).all(-1), np.inf, (along**2).sum(-1))[..., None]
    modes = np.fft.fftn(linear_density)[..., None] * 1j * along / square
    return np.fft.ifftn(modes, axes=(0, 1, 2)).real


def plant_box(
    root: Path,
    name: str = "AbacusPlanted_small_c000_ph000",
    box_size: float = 48.0,
    particles_per_side: int = 24,
    density_grid: int = 24,
    particles: int = 8000,
    halos: int = 300,
    seed: int = 1,
    speed: float = 0.0,
    scatter: float = 0.8,
) -> PlantedBox:
    """Write a made-up box under ``root`` in AbacusSummit's layout and formats.

    Particles are displaced by Zel'dovich, and at random besides, by ``scatter`` [Mpc/h] an axis.
    """
    random = np.random.default_rng(seed)
    velocity, halo_velocity = (
        speed * np.random.default_rng([seed, count]).normal(size=(count, 3))
        for count in (particles, halos)
    )
    files = BoxFiles.under(root, name, REDSHIFT, density_grid)
    header = {
        "SimName": name, "BoxSize": box_size, "BoxSizeHMpc": box_size, "Redshift": REDSHIFT,
        "ppd": float(particles_per_side), "NP": particles_per_side**3, "InitialRedshift": 49.0,
        "ParticleMassHMsun": 2.0e11, "VelZSpace_to_kms": 5000.0,
    }  # fmt: skip
    initial = (gaussian_field(density_grid, random) / GROWTH).astype(np.float32)
    writer.write_initial_density(files.density.parent, header, initial, GROWTH_TABLE)

    lattice = np.stack(np.unravel_index(np.arange(header["NP"]), (particles_per_side,) * 3), axis=1)
    index = random.permutation(lattice)[:particles]
    position = (index / particles_per_side - 0.5) * box_size + random.normal(
        0, scatter, index.shape
    )
    point = np.rint(index * (density_grid / particles_per_side)).astype(int) % density_grid
    position += zeldovich(initial * GROWTH, box_size)[tuple(point.T)]
    position = (position + box_size / 2) % box_size - box_size / 2
    position[0], position[1] = box_size / 2, -box_size / 2
    packed = writer.pack_pids(index)
    split = particles * 3 // 4
    for kind, part in (("field", slice(0, split)), ("halo", slice(split, None))):
        writer.write_particles(
            files.halos, kind, header, position[part], velocity[part], packed[part],
            [0, 500],
        )  # fmt: skip

    halo_position = random.uniform(-box_size / 2, box_size / 2, (halos, 3))
    particle_count = np.sort(np.rint(30 * random.pareto(1.5, halos) + 30).astype(np.int64))[::-1]
    columns = {
        "id": np.arange(halos), "N": particle_count, "x_com": halo_position,
        "v_com": halo_velocity, "npstartA": np.zeros(halos), "npoutA": np.zeros(halos),
    }  # fmt: skip
    writer.write_halos(files.halos, header, columns, [0, halos // 3])
    return PlantedBox(
        files, header, initial * np.float32(GROWTH), position, index, halo_position,
        particle_count, velocity, halo_velocity,
    )  # fmt: skip


def plant_halo_particles(box: PlantedBox, owned: np.ndarray, seed: int = 1) -> None:
    """Rewrite a box so that just some of its particles are in halos of more than 50 particles.

    Two files a product. The halo files also hold particles outside of halos, and of halos of 20.

    Parameters
    ----------
    box : PlantedBox
    owned : bool, (particles,)
    """
    random = np.random.default_rng(seed)
    large = np.array_split(random.permutation(np.flatnonzero(owned)), owned.sum() // 60)
    others = random.permutation(np.flatnonzero(~owned))
    used = min(25 * len(large), len(others))
    runs, number, start, of_file = [], [], [], []
    place = np.zeros(2, dtype=np.int64)
    for index, (members, rest) in enumerate(
        zip(large, np.array_split(others[:used], len(large)), strict=True)
    ):
        file = int(index >= len(large) // 2)
        small = rest[:20]
        runs.append(np.concatenate([members, rest]))  # the last ones of `rest` are in no halo
        number += [len(members), len(small)]
        start += [place[file], place[file] + len(members)]
        of_file += [file, file]
        place[file] += len(runs[-1])
    in_files, field = np.concatenate(runs), others[used:]
    first = [box.position[run[:1]] for run in runs for _ in range(2)]
    columns = {
        "id": np.arange(len(number)), "N": np.array(number), "x_com": np.concatenate(first),
        "v_com": np.zeros((len(number), 3)), "npstartA": np.array(start),
        "npoutA": np.array(number),
    }  # fmt: skip
    writer.write_halos(box.files.halos, box.header, columns, [0, int(np.searchsorted(of_file, 1))])
    packed = writer.pack_pids(box.lagrangian_index)
    for kind, rows, second in (("halo", in_files, place[0]), ("field", field, len(field) // 2)):
        writer.write_particles(
            box.files.halos, kind, box.header, box.position[rows], np.zeros((len(rows), 3)),
            packed[rows], [0, int(second)],
        )  # fmt: skip


@pytest.fixture(scope="session")
def planted_box(tmp_path_factory) -> PlantedBox:
    return plant_box(tmp_path_factory.mktemp("planted"))


@dataclass
class Stores:
    """The stores that the library makes of a box."""

    features: dict[float, Path]
    particles: Path
    halos: Path
    projection: Path


def make_stores(box: PlantedBox, folder: Path, scales: tuple[float, float] = (2.0, 4.0)) -> Stores:
    """Features at two scales, particles, halos and projection of a planted box."""
    grids = {scale: folder / f"features/R{scale:g}.zarr" for scale in scales}
    smoothed.write_features(box.linear_density, box.header["BoxSize"], grids)
    made = Stores(grids, folder / "particles.zarr", folder / "halos.zarr", folder / "projection.nc")
    indexing.write_particles(box.opened, 6.0, made.particles)
    selection.write_halos(box.opened, 50, 6.0, made.halos)
    orthogonalise([grids]).write(made.projection)
    return made


@pytest.fixture(scope="session")
def stores(planted_box, tmp_path_factory) -> Stores:
    """The stores of the planted box."""
    return make_stores(
        planted_box, tmp_path_factory.mktemp("results") / planted_box.header["SimName"]
    )


def made_up_model(stores: Stores, seeds=(1, 2)) -> ModelFile:
    """A model of networks that nobody trained, of the stores of a box."""
    projection = Projection.read(stores.projection)
    networks = {}
    for seed in seeds:
        architecture = Architecture(projection.inputs, 2, 8)
        networks[seed] = HaloToMassRatio(architecture, generator_of(seed, "weights"))
        networks[seed].log10_normalisation.fill_(0.1 * seed)
    about = {
        "name": "made_up",
        "trained_on": {
            "training_boxes": ["a"], "validation_boxes": ["b"], "test_boxes": ["c"],
            "sources": ["mini"], "cosmologies": ["c000"], "training": {"preset": "seed"},
            "redshift": REDSHIFT, "box_size": 48.0, "min_particles": 50, "weighting": "mass",
            "particle_mass": 2e11, "density_grid": 24, "cell_size": 6.0,
        },
        "accuracy": [
            {
                "k_min": 0.1, "k_max": 0.3, "power_ratio": 1.01, "power_ratio_box_error": 0.02,
                "power_ratio_seed_deviation": 0.003, "error_over_shot": 0.02,
            }
        ],
        "inputs": inputs_seen([(stores.features, stores.particles)], projection),
        "software": "numpy=2",
    }  # fmt: skip
    return ModelFile(networks, projection, about)


@pytest.fixture
def model_file(stores, tmp_path) -> Path:
    """The file of a made-up model."""
    path = tmp_path / "made_up.safetensors"
    made_up_model(stores).write(path)
    return path


@pytest.fixture
def drawn_by(monkeypatch):
    """Call with a module of figures: a list that gets the figures it draws, unsaved."""
    figures = []

    @contextmanager
    def drawn_to(outputs, **subplots):
        figure, axes = plt.subplots(squeeze=False, **subplots)
        figures.append(figure)
        yield figure, axes

    def kept(module):
        monkeypatch.setattr(module, "drawn_to", drawn_to)
        return figures

    yield kept
    for figure in figures:
        plt.close(figure)
