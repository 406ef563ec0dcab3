"""What a choice of training settings does to the loss and to the model's power.

    python benchmarks/training_choices.py block=1 block=2 block=4
    python benchmarks/training_choices.py --scales R2-R4 - learning_rate_decay=0.9,adam_beta2=0.999

Trains a model of a config once for each choice (``-`` changes nothing), on the stores that the
workflow has made, and prints losses (mean over seeds) and ratios of power (model and cross over
halo, error over shot) in bands of k, on the training boxes (mean) and the validation boxes. Test
boxes are not looked at.
"""

import argparse
import json
import logging
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

sys.path.insert(0, str(Path(__file__).parents[1] / "workflow/scripts"))

from lagbias.cells import Boxes
from lagbias.layout import MEAN, parse_scales
from lagbias.prediction import write_matter, write_prediction
from lagbias.spectra import band_average, write_spectra
from lagbias.stores import read_netcdf
from lagbias.tables import BANDS
from lagbias.training import train_network
from lagbias.training_settings import settings_from

RATIOS = {
    "P_model/P_halo": ("power_model", "power_halo"),
    "P_cross/P_halo": ("power_cross", "power_halo"),
    "P_error/P_shot": ("power_error", "shot_noise"),
}


def stores_of(box: str, scales: list[float], tracer: str) -> tuple[dict[float, Path], Path, Path]:
    """Feature, particle and halo stores of a box."""
    folder = Path("results") / box
    grids = {scale: folder / f"features/R{scale:g}.zarr" for scale in scales}
    return grids, folder / "particles.zarr", folder / f"halos/{tracer}.zarr"


def changes(choice: str) -> dict:
    """Settings in a choice: ``block=1,epochs=20``, or ``-`` for none."""
    parts = [] if choice == "-" else choice.split(",")
    return {name: as_number(value) for name, value in (part.split("=") for part in parts)}


def as_number(text: str) -> float | int | str | None:
    """A number or ``null`` as in JSON; any other text as it is."""
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


def ratios_on(
    box: str, weights: dict, projection: Path, config: dict, scales: list[float], folder: Path
) -> np.ndarray:
    """The three ratios in the bands, of f averaged over seeds, (ratios, bands)."""
    tracer = config["tracers"][0]
    grids, particles, halos = stores_of(box, scales, tracer)
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
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    warnings.filterwarnings("ignore")
    config = yaml.safe_load(Path(arguments.config).read_text())
    boxes = config["training_sets"][arguments.set]
    name = arguments.scales or config["showcase"]
    scales, tracer = parse_scales(name), config["tracers"][0]
    projection = Path(f"results/fits/{arguments.set}/{tracer}/{name}/projection.nc")
    parts = {
        part: Boxes(*zip(*(stores_of(box, scales, tracer) for box in boxes[part]), strict=True))
        for part in ("train", "validate")
    }
    bands = ", ".join(f"{low:g}–{high:g}" for low, high in BANDS)
    print(f"Scales {name}; k = {bands} h/Mpc\n")
    print(f"| choice | boxes | loss | {' | '.join(RATIOS)} |")
    print("|---" * (len(RATIOS) + 3) + "|")
    with tempfile.TemporaryDirectory() as temporary:
        for number, choice in enumerate(arguments.choices):
            folder = Path(temporary) / str(number)
            settings = settings_from(**(config["training"] | changes(choice)))
            weights = {seed: folder / f"seed{seed}/weights.pt" for seed in config["seeds"]}
            losses = []
            for seed, path in weights.items():
                log = path.with_name("losses.csv")
                train_network(
                    parts["train"], parts["validate"], projection, settings, seed, path, log
                )
                losses.append(pd.read_csv(log).iloc[-1])
            for part, column in (("train", "train_loss"), ("validate", "validation_loss")):
                found = [
                    ratios_on(box, weights, projection, config, scales, folder)
                    for box in boxes[part]
                ]
                cells = [" ".join(f"{v:.3f}" for v in row) for row in np.mean(found, axis=0)]
                loss = f"{np.mean([row[column] for row in losses]):.4f}"
                print(f"| {choice} | {part} | {loss} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
