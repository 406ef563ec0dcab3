"""Each step of the workflow beside a plain re-statement of the published way of working.

    python benchmarks/authors.py [--points 192 384] [--trials 3] [--output docs/size/authors.md]

The authors' code is not here. The plain ways are written for this comparison, from the paper's
description (arXiv:2212.08095) and its settings (`preset: code`), as a typical script would be:
features in one script by scipy, a row of features for each particle, lists of the particles of
each cell, a loop of PyTorch. They say nothing of how fast the authors' own code is.

Runs after `make report`, on its boxes: the three scales 2, 2.83 and 4 Mpc/h. Both ways do the same
work on the same input, one thread each, one run of each in turn, and their answers are compared.
Seconds are of CPU. docs/results/size.md says what is compared and what is not.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"  # before numpy; processes begun here have it too

import numpy as np
import torch
from abacusnbody.analysis.tsc import tsc_parallel
from authors_training import (
    EPOCHS,
    PlainTraining,
    as_in_a_small_box,
    epoch_of,
    our_training,
    plain_network,
)
from in_turn import Pair, cpu_seconds, head, in_turn, machine

sys.path.insert(0, str(Path(__file__).parents[1] / "workflow/scripts"))

from lagbias.base.files import remove
from lagbias.base.stores import open_store
from lagbias.config.training import settings_from
from lagbias.evaluation.prediction import write_prediction
from lagbias.halos.particles import Particles
from lagbias.projection.projection import Projection
from lagbias.training.cells import Boxes, TrainingBoxes
from lagbias.training.fit import first_network
from lagbias.training.network import HaloToMassRatio

SCALES = ["2", "2.83", "4"]
FIT = Path("results/fits/mini/N50/R2-R2.83-R4")
CELL_SIZE, FINE_CELL_SIZE = 5.0, 2.5  # Mpc/h


def seconds_of_process(*arguments: str | Path) -> tuple[float, float]:
    """CPU seconds of ``authors_features.py``: of its work, and of the whole process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, Path(__file__).with_name("authors_features.py"), *arguments]
    work = float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return work, after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def compare_features(points: int, trials: int, folder: Path) -> Iterator[Pair]:
    """Features of three scales: three jobs, and one script."""
    random, ours, plain = np.random.default_rng(1), [], []
    np.save(folder / "density.npy", random.standard_normal((32,) * 3, dtype=np.float32))
    seconds_of_process("ours", folder, SCALES[0])  # compiled, where a change made that necessary
    np.save(folder / "density.npy", random.standard_normal((points,) * 3, dtype=np.float32))
    for _ in range(trials):
        for file in folder.glob("R*"):  # both ways write new files
            remove(file)
        ours.append(np.sum([seconds_of_process("ours", folder, r) for r in SCALES], axis=0))
        plain.append(seconds_of_process("plain", folder, *SCALES))
    for r in SCALES:
        store = open_store(folder / f"R{r}.zarr")
        for name in ("delta", "laplacian", "g2"):
            expected = np.load(folder / f"R{r}_{name}.npy", mmap_mode="r")[::7]
            found, scatter = store[name].values[::7], float(expected.std())
            np.testing.assert_allclose(found, expected, atol=1e-3 * scatter, rtol=1e-3)
    for number, what in enumerate(("the work alone", "whole processes: three jobs, one script")):
        seconds = ([float(run[number]) for run in way] for way in (ours, plain))
        yield Pair(f"features of three scales, {what}", f"{points}³ points", *seconds)


class PlainPrediction:
    """f of every particle of a box from a table of features, and two fields of these particles."""

    def __init__(self, sim: str, folder: Path):
        """Put particles and features into files of numpy, as scripts would have left them."""
        self.folder, self.projection = folder, Projection.read(FIT / "projection.nc")
        particles = Particles.read(f"results/{sim}/particles.zarr")
        self.box_size, self.count = particles.mesh.box_size, len(particles.final_cell)
        np.save(folder / "position.npy", particles.positions(slice(None)))
        np.save(folder / "point.npy", particles.lagrangian_index)
        for kind, scale in self.columns():
            field = open_store(f"results/{sim}/features/R{scale:g}.zarr")[kind].values
            np.save(folder / f"{kind}_{scale:g}.npy", field)

    def columns(self) -> list[tuple[str, float]]:
        return list(zip(self.projection.kinds, self.projection.scales, strict=True))

    @torch.no_grad()
    def __call__(self, networks: list[torch.nn.Sequential]) -> None:
        position, point = (np.load(self.folder / f"{name}.npy") for name in ("position", "point"))
        grids = (np.load(self.folder / f"{kind}_{scale:g}.npy") for kind, scale in self.columns())
        table = np.stack([grid.ravel()[point] for grid in grids], axis=1)
        scaled = (table - self.projection.mean) / self.projection.standard_deviation
        inputs = torch.from_numpy((scaled @ self.projection.matrix.T).astype(np.float32))
        f = np.mean(
            [
                torch.cat([10 ** network(part)[:, 0] for part in inputs.split(100_000)]).numpy()
                for network in networks
            ],
            axis=0,
        )
        side, fine = (round(self.box_size / size) for size in (CELL_SIZE, FINE_CELL_SIZE))
        nearest = np.rint(position / np.float32(CELL_SIZE)).astype(np.int64) % side
        cells = np.bincount(np.ravel_multi_index(nearest.T, (side,) * 3), f, side**3)
        clouds = np.zeros((fine,) * 3, dtype=np.float32)
        tsc_parallel(position, clouds, self.box_size, weights=f, nthread=1, npartition=1)
        np.save(self.folder / "cells.npy", cells / cells.mean() - 1)
        np.save(self.folder / "clouds.npy", clouds / clouds.mean() - 1)


def compare_prediction(sim: str, trials: int, folder: Path) -> Iterator[Pair]:
    """From features and networks to fields: two networks of the default run, and one of 5 x 64."""
    wide = folder / "wide.pt"
    plain = PlainPrediction(sim, folder)
    first_network(plain.projection.inputs, settings_from("code"), seed=1).save(wide)
    sets = {"two networks of 3 × 20": [*FIT.glob("seed*/weights.pt")], "one of 5 × 64": [wide]}
    features = {float(r): Path(f"results/{sim}/features/R{r}.zarr") for r in SCALES}
    store = folder / "prediction.zarr"
    for name, files in sets.items():
        networks = [plain_network(HaloToMassRatio.load(file)) for file in files]

        def ours(files=files):
            write_prediction(
                dict(enumerate(files)), FIT / "projection.nc", features,
                f"results/{sim}/particles.zarr", FINE_CELL_SIZE, store,
            )  # fmt: skip

        seconds = in_turn(
            lambda ours=ours: cpu_seconds(ours),
            lambda networks=networks: cpu_seconds(lambda: plain(networks)),
            trials,
        )
        for ours_name, name_of_plain in (("cell_overdensity", "cells"), ("overdensity", "clouds")):
            expected = np.load(folder / f"{name_of_plain}.npy")
            found = open_store(store)[ours_name].values[-1].reshape(expected.shape)
            np.testing.assert_allclose(found, expected, atol=1e-3 * expected.std(), rtol=1e-3)
        yield Pair(f"prediction, {name}", f"{plain.count} particles", *seconds)


def compare_training(sim: str, validation: str, trials: int) -> Iterator[Pair]:
    """An epoch, of the authors' settings, of a small network, and of our own settings."""
    projection = Projection.read(FIT / "projection.nc")

    def box(name: str, fraction: float) -> TrainingBoxes:
        folder = Path("results") / name
        features = {float(r): folder / f"features/R{r}.zarr" for r in SCALES}
        stores = Boxes([features], [folder / "particles.zarr"], [folder / "halos/N50.zarr"])
        return stores.load(projection, fraction, 1, in_cells=fraction < 1)

    ours = {"epochs": EPOCHS, "snapshot_epoch": None}
    code = settings_from("code", **ours)
    small = settings_from("code", **ours, hidden_layers=3, neurons=20, activation="silu")
    default = settings_from("seed", **ours)
    tenth, everything = ([box(name, share) for name in (sim, validation)] for share in (0.1, 1.0))
    dense = [as_in_a_small_box(seed) for seed in (1, 2)]
    for name, boxes, settings, cells_per_batch in (
        ("5 × 64, the authors' settings in both", tenth, code, 10_000),
        ("5 × 64, the same, cells as full as in a small box", dense, code, 10_000),
        ("3 × 20, the authors' settings in both", everything, small, 10_000),
        ("3 × 20, our default settings; plain: 10,000 cells a step", everything, default, 10_000),
        ("3 × 20, our default settings; plain: 800 cells a step, too", everything, default, 800),
    ):
        plain = PlainTraining(our_training(*boxes, settings), cells_per_batch)
        if settings is not default:
            module, expected = our_training(*boxes, settings), plain.validate()
            found = module.loss(boxes[1], module.all_ratios(boxes[1]), 1.0)
            np.testing.assert_allclose(found, expected, rtol=1e-4)
        seconds = in_turn(
            lambda boxes=boxes, settings=settings: epoch_of(our_training(*boxes, settings)),
            lambda plain=plain: cpu_seconds(plain.epoch),
            trials,
            warm_up=0,  # each of ours has an epoch before the one that counts
        )
        size = f"{boxes[0].cells} cells, {len(boxes[0].inputs)} particles"
        yield Pair(f"epoch of {name}", size, *seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--points", type=int, nargs="+", default=[192, 384], help="of a density")
    parser.add_argument("--trials", type=int, default=3)
    parser.add_argument("--output", type=Path, help="a file for the table, besides the terminal")
    arguments = parser.parse_args()
    if not (FIT / "projection.nc").exists():
        sys.exit(f"error: found no {FIT}/projection.nc, expected the default run: `make report`")
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    lines = []

    def say(line: str) -> None:
        lines.append(line)
        print(line, flush=True)

    say(head())
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for points in arguments.points:
            for pair in compare_features(points, arguments.trials, folder):
                say(pair.line())
        for pair in compare_prediction("mini_ph004", arguments.trials, folder):
            say(pair.line())
    for pair in compare_training("mini_ph000", "mini_ph003", arguments.trials):
        say(pair.line())
    say(f"\n{machine('numpy', 'scipy', 'torch')} {arguments.trials} trials.")
    if arguments.output:
        arguments.output.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
