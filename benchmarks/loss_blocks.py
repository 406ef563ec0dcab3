"""How the size of the cubes in the loss moves the model's power.

    python benchmarks/loss_blocks.py [--blocks 1 2 4] [--config config/config.yaml] [--set mini]

Trains the showcase model of a config with residuals over cubes of so many cells a side, on the
stores that the workflow has made, and prints ratios of power (model and cross over halo, error over
shot) in bands of k on the training boxes (mean) and the validation boxes. Test boxes are not looked
at.
"""

import argparse
import logging
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np
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


def stores_of(box: str, scales: list[float], nmin: int) -> tuple[dict[float, Path], Path, Path]:
    """Feature, particle and halo stores of a box."""
    folder = Path("results") / box
    grids = {scale: folder / f"features/R{scale:g}.zarr" for scale in scales}
    return grids, folder / "particles.zarr", folder / f"halos/N{nmin}.zarr"


def ratios_on(box: str, weights: dict, projection: Path, config: dict, folder: Path) -> np.ndarray:
    """The three ratios in the bands, of f averaged over seeds, (ratios, bands)."""
    scales, nmin = parse_scales(config["showcase"]), config["halo_cuts"][0]
    grids, particles, halos = stores_of(box, scales, nmin)
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
    parser.add_argument("--blocks", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--config", default="config/config.yaml")
    parser.add_argument("--set", default="mini")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    warnings.filterwarnings("ignore")
    config = yaml.safe_load(Path(arguments.config).read_text())
    boxes = config["training_sets"][arguments.set]
    scales, nmin = parse_scales(config["showcase"]), config["halo_cuts"][0]
    projection = Path(f"results/fits/{arguments.set}/N{nmin}/{config['showcase']}/projection.nc")
    parts = {
        part: Boxes(*zip(*(stores_of(box, scales, nmin) for box in boxes[part]), strict=True))
        for part in ("train", "validate")
    }
    bands = ", ".join(f"{low:g}–{high:g}" for low, high in BANDS)
    print(f"| cubes [cells a side] | boxes | {' | '.join(RATIOS)} (k = {bands}) |")
    print("|---" * (len(RATIOS) + 2) + "|")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for block in arguments.blocks:
            settings = settings_from(**(config["training"] | {"block": block}))
            weights = {seed: folder / f"b{block}/seed{seed}/w.pt" for seed in config["seeds"]}
            for seed, path in weights.items():
                train_network(
                    parts["train"], parts["validate"], projection, settings, seed, path,
                    path.with_name("losses.csv"),
                )  # fmt: skip
            for part in ("train", "validate"):
                found = [ratios_on(box, weights, projection, config, folder) for box in boxes[part]]
                cells = [" ".join(f"{v:.3f}" for v in row) for row in np.mean(found, axis=0)]
                print(f"| {block} | {part} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
