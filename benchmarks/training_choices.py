"""What a choice of training settings does to the loss and to the model's power.

    python benchmarks/training_choices.py block=1 block=2 block=4
    python benchmarks/training_choices.py --scales R2-R4 - learning_rate_decay=0.9,adam_beta2=0.999
    python benchmarks/training_choices.py --target particles block=1

Trains a model of a config once for each choice (``-`` changes nothing), on the stores that the
workflow has made, and prints losses of the halo field (mean over seeds; a training on labels has
none of its training boxes) and ratios of power (model and cross over halo, error over shot) in
bands of k, on the training boxes (mean) and the validation boxes. Test boxes are not looked at.
With ``--target particles`` the field that is fitted is that of the halos' particles, each in its
own cell, and not of the halos' centres, against which power is measured all the same.
"""

import argparse
import json
import logging
import shutil
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
import zarr

sys.path.insert(0, str(Path(__file__).parents[1] / "workflow/scripts"))

from lagbias.base.stores import MEAN, read_netcdf
from lagbias.config.names import parse_scales
from lagbias.config.training import TrainingSettings, settings_from
from lagbias.evaluation.bands import BANDS, band_average
from lagbias.evaluation.prediction import write_prediction
from lagbias.evaluation.spectra import write_spectra
from lagbias.halos.carried import write_matter
from lagbias.halos.labels import labelled_points
from lagbias.halos.particles import Particles
from lagbias.tables.losses import kept_losses
from lagbias.training.cells import Boxes
from lagbias.training.classifier import train_direct
from lagbias.training.fit import train_network

TRAIN = {"field": train_network, "labels": train_direct}  # by objective
RATIOS = {
    "P_model/P_halo": ("power_model", "power_halo"),
    "P_cross/P_halo": ("power_cross", "power_halo"),
    "P_error/P_shot": ("power_error", "shot_noise"),
}


def stores_of(
    box: str, scales: list[float], tracer: str
) -> tuple[dict[float, Path], Path, Path, Path]:
    """Feature, particle, halo and label stores of a box, as ``Boxes`` takes them."""
    folder = Path("results") / box
    grids = {scale: folder / f"features/R{scale:g}.zarr" for scale in scales}
    halos, labels = (folder / f"{kind}/{tracer}.zarr" for kind in ("halos", "labels"))
    return grids, folder / "particles.zarr", halos, labels


def halos_of_particles(
    particles: str | Path, halos: str | Path, labels: str | Path, store: Path
) -> Path:
    """A copy of a store of halos whose field is that of their particles, where these end."""
    found = Particles.read(particles)
    points, count, labelled = labelled_points(found, labels)
    share = np.zeros(found.density_grid**3)
    share[points] = labelled / count
    up_to = np.concatenate([[0.0], np.cumsum(share[found.lagrangian_index])])
    mass = np.diff(up_to[found.cell_start])
    shutil.copytree(halos, store)
    field = zarr.open_group(store)["overdensity"]
    field[...] = (mass / mass.mean() - 1).reshape(field.shape)
    return store


def changes(choice: str) -> dict:
    """Settings in a choice: ``block=1,epochs=20``, or ``-`` for none."""
    parts = [] if choice == "-" else choice.split(",")
    return {name: as_number(value) for name, value in (part.split("=") for part in parts)}


def settings_of(config: dict, training_set: str, choice: str) -> TrainingSettings:
    """The config's training, its set's and the choice on top, as the workflow does of a variant.

    Raises
    ------
    InputError
        If a setting is unknown or out of range.
    """
    of_set = config["training_sets"][training_set]
    steps = {key: of_set[key] for key in {"steps"} & of_set.keys()}
    chosen = changes(choice)
    if "epochs" in chosen:  # steps would go before them
        chosen = {"steps": None} | chosen
    settings = settings_from(**(config["training"] | steps | chosen))
    return settings


def as_number(text: str) -> float | int | str | None:
    """A number or ``null`` as in JSON; any other text as it is."""
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


def train_seeds(
    parts: dict[str, Boxes], projection: Path, settings: TrainingSettings, seeds: list, folder: Path
) -> tuple[dict[int, Path], pd.Series]:
    """Train a network of each seed: their weights, and the losses' means over them."""
    weights = {seed: folder / f"seed{seed}/weights.pt" for seed in seeds}
    logs = [path.with_name("losses.csv") for path in weights.values()]
    for (seed, path), log in zip(weights.items(), logs, strict=True):
        TRAIN[settings.objective](
            parts["train"], parts["validate"], projection, settings, seed, path, log
        )
    return weights, kept_losses(logs).mean(numeric_only=True)


def ratios_on(
    box: str, weights: dict, projection: Path, config: dict, scales: list[float], folder: Path
) -> np.ndarray:
    """The three ratios in the bands, of f averaged over seeds, (ratios, bands)."""
    tracer = config["tracers"][0]
    grids, particles, halos, _ = stores_of(box, scales, tracer)
    cell_size = config["mesh"]["evaluation_cell_size"]
    matter, prediction = folder / f"{box}_matter.zarr", folder / f"{box}.zarr"
    write_prediction(weights, projection, grids, particles, cell_size, prediction)
    if not matter.exists():
        write_matter(particles, cell_size, matter)
    write_spectra(prediction, halos, matter, config["evaluation"]["k_max"], folder / "s.nc")
    spectra = read_netcdf(folder / "s.nc")
    mean = list(spectra["member"].values).index(MEAN)
    return np.array(
        [[band_average(spectra, *pair, *band)[mean] for band in BANDS] for pair in RATIOS.values()]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("choices", nargs="+", help="as block=1,epochs=20, or - for no change")
    parser.add_argument("--config", default="config/config.yaml")
    parser.add_argument("--set", default="mini")
    parser.add_argument("--scales", help="as R2-R4; the config's showcase if not given")
    parser.add_argument("--target", choices=["centres", "particles"], default="centres")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    warnings.filterwarnings("ignore")
    config = yaml.safe_load(Path(arguments.config).read_text(encoding="utf-8"))
    boxes = config["training_sets"][arguments.set]
    name = arguments.scales or config["showcase"]
    scales, tracer = parse_scales(name), config["tracers"][0]
    projection = Path(f"results/fits/{arguments.set}/{tracer}/{name}/projection.nc")
    stores = {
        part: [list(stores_of(box, scales, tracer)) for box in boxes[part]]
        for part in ("train", "validate")
    }
    bands = ", ".join(f"{low:g}–{high:g}" for low, high in BANDS)
    print(f"Scales {name}; k = {bands} h/Mpc\n")
    print(f"| choice | boxes | loss | {' | '.join(RATIOS)} |")
    print("|---" * (len(RATIOS) + 3) + "|")
    with tempfile.TemporaryDirectory() as temporary:
        if arguments.target == "particles":
            for number, box in enumerate(stores["train"] + stores["validate"]):
                box[2] = halos_of_particles(*box[1:], Path(temporary) / f"halos{number}.zarr")
        parts = {part: Boxes(*zip(*found, strict=True)) for part, found in stores.items()}
        for number, choice in enumerate(arguments.choices):
            folder = Path(temporary) / str(number)
            settings = settings_of(config, arguments.set, choice)
            weights, losses = train_seeds(parts, projection, settings, config["seeds"], folder)
            for part, column in (("train", "train_loss"), ("validate", "validation_loss")):
                found = [
                    ratios_on(box, weights, projection, config, scales, folder)
                    for box in boxes[part]
                ]
                cells = [" ".join(f"{v:.3f}" for v in row) for row in np.mean(found, axis=0)]
                loss = "" if np.isnan(losses[column]) else f"{losses[column]:.4f}"
                print(f"| {choice} | {part} | {loss} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
