"""What a choice of training settings returns of a known f: power and gradient shares.

    snakemake --cores 2 results/tables/mini_N50_planted.csv
    python benchmarks/planted_truth.py - optimiser=adam,learning_rate=0.01

Trains the showcase of a config once for each choice (``-`` changes nothing) on planted halos
(``lagbias.halos.planted``), which the first command makes, and prints a Markdown table: steps and
CPU seconds of a training, losses (mean over seeds) beside that of the planted f itself, shares of
the gradient's power along its first directions and that power, and the model's power over that of
the planted f in bands of k on the training boxes and on the validation boxes, f averaged over
seeds. Test boxes are not looked at.
"""

import argparse
import logging
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
import yaml

sys.path.insert(0, str(Path(__file__).parents[1] / "workflow/scripts"))

from lagbias.base.seeds import seed_of
from lagbias.base.stores import MEAN, read_netcdf
from lagbias.config.names import parse_scales
from lagbias.evaluation.prediction import write_prediction
from lagbias.halos.particles import Particles
from lagbias.halos.planted import planted_eigenvalues, write_planted_halos
from lagbias.interpretation.gradients import write_gradient_pca
from lagbias.tables.planted import power_of_planted
from lagbias.training.cells import Boxes
from training_choices import settings_of, train_seeds

SHARES = 3  # of so many directions
POWER_BANDS = ((0.0, 0.05), (0.0, 0.1), (0.1, 0.3))  # h/Mpc


class PlantedBoxes:
    """The planted boxes of a part of a set, and how a model's power on them is measured."""

    def __init__(
        self, names: list[str], scales: list[float], tracer: str, cell_size: float,
        draw: Path | None,
    ):  # fmt: skip
        folders = [Path("results") / name for name in names]
        self.features = [
            {scale: folder / f"features/R{scale:g}.zarr" for scale in scales} for folder in folders
        ]
        self.particles = [folder / "particles.zarr" for folder in folders]
        self.cell_size = cell_size
        self.planted_at = [grids[min(scales)] for grids in self.features]
        halos = [folder / f"halos/{tracer}-planted.zarr" for folder in folders]
        if draw is not None:
            real = [folder / f"halos/{tracer}.zarr" for folder in folders]
            halos = [self.planted_anew(names, number, real, draw) for number in range(len(names))]
        self.boxes = Boxes(self.features, self.particles, halos)

    def planted_anew(self, names: list[str], number: int, real: list[Path], draw: Path) -> Path:
        """Halos of the same f in a box with noise drawn anew, by the name of the draw."""
        store = draw / f"{names[number]}.zarr"
        write_planted_halos(
            self.planted_at[number], self.particles[number], real[number], store,
            np.random.default_rng(seed_of(0, f"{draw.name} {names[number]}")),
        )  # fmt: skip
        return store

    def power(self, weights: dict, projection: Path, folder: Path) -> np.ndarray:
        """Power over that of the planted f, f averaged over seeds, mean of boxes, (bands,)."""
        found = []
        for grids, particles, features in zip(
            self.features, self.particles, self.planted_at, strict=True
        ):
            store = folder / "prediction.zarr"
            write_prediction(weights, projection, grids, particles, self.cell_size, store)
            found.append(power_of_planted(store, features, particles, POWER_BANDS)[-1])
        return np.mean(found, axis=0)

    @property
    def cells(self) -> int:
        """Training cells of all boxes."""
        return sum(Particles.open(path).mesh.size for path in self.particles)


def line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def of_gradients(eigenvalue: np.ndarray) -> list[str]:
    """Shares of the first directions, and the sum."""
    shares = eigenvalue[:SHARES] / eigenvalue.sum()
    return [" ".join(f"{100 * share:.1f}" for share in shares), f"{eigenvalue.sum():.2f}"]


def trained(
    parts: dict[str, PlantedBoxes], projection: Path, settings, seeds: list[int], folder: Path
) -> list[str]:
    """Cells of the table: what a training by some settings takes, and what it returns."""
    started = time.process_time()
    of_parts = {name: part.boxes for name, part in parts.items()}
    weights, losses = train_seeds(of_parts, projection, settings, seeds, folder)
    seconds = (time.process_time() - started) / len(weights)
    training = parts["train"]
    pca = folder / "pca.nc"
    write_gradient_pca(weights, projection, training.features, training.particles, pca)
    found = read_netcdf(pca)["eigenvalue"].sel(version="f", member=MEAN)
    power = [part.power(weights, projection, folder) for part in parts.values()]
    return [
        f"{seconds:.0f}", f"{losses['train_loss']:.4f}", f"{losses['validation_loss']:.4f}",
        *of_gradients(found.values), *(" ".join(f"{v:.3f}" for v in part) for part in power),
    ]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("choices", nargs="+", help="as epochs=24,optimiser=adam, or -")
    parser.add_argument("--config", default="config/config.yaml")
    parser.add_argument("--set", default="mini")
    parser.add_argument("--draws", type=int, default=1, help="of the noise of planted halos")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    warnings.filterwarnings("ignore")
    config = yaml.safe_load(Path(arguments.config).read_text(encoding="utf-8"))
    boxes, tracer = config["training_sets"][arguments.set], config["tracers"][0]
    scales, cell_size = parse_scales(config["showcase"]), config["mesh"]["evaluation_cell_size"]
    fit = Path(f"results/fits/{arguments.set}/{tracer}-planted/{config['showcase']}")
    projection = fit / "projection.nc"
    names = ("train", "validate")
    parts = {name: PlantedBoxes(boxes[name], scales, tracer, cell_size, None) for name in names}
    truth = planted_eigenvalues(
        list(zip(parts["train"].planted_at, parts["train"].particles, strict=True))
    )
    cells = parts["train"].cells
    print(
        line(
            "choice", "draw", "steps", "CPU s", "training loss", "validation loss",
            f"shares of directions 1–{SHARES}, %", "gradient power",
            "P/P_planted, training boxes, k < 0.05, < 0.1, 0.1–0.3", "… validation boxes",
        )
    )  # fmt: skip
    print("|---" * 10 + "|")
    print(line("planted", "", "", "", "", "", *of_gradients(truth), "1", "1"))
    with tempfile.TemporaryDirectory() as temporary:
        for draw in range(arguments.draws):
            folder = Path(temporary) / f"draw {draw}"
            if draw:
                parts = {
                    name: PlantedBoxes(boxes[name], scales, tracer, cell_size, folder)
                    for name in names
                }
            for choice in arguments.choices:
                settings = settings_of(config, arguments.set, choice)
                found = trained(parts, projection, settings, config["seeds"], folder / choice)
                steps = settings.for_cells(cells).epochs * -(-cells // settings.cells_per_batch)
                print(line(choice, str(draw), str(steps), *found), flush=True)


if __name__ == "__main__":
    main()
