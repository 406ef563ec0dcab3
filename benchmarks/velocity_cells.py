"""Over what size velocities are to be averaged in redshift space: monopole and quadrupole.

    python benchmarks/velocity_cells.py own 0.8 1.0 1.2 1.4
    python benchmarks/velocity_cells.py --config config/volume.yaml --set twelve own 0.8 1.0 1.2
    python benchmarks/velocity_cells.py --config config/galaxies.yaml --set paper --tracer N50-LRG \
        0.7 0.7+0.3 0.7+0.6

Displaces the particles of the validation boxes of a set by mean velocities on cells of each size
[Mpc/h] (``own``: by their own; ``0.7+0.3``: and by a share of 0.3 of their velocity within them),
lets the showcase paint its field on them, and prints ratios to the
halos in bands of k: means over the boxes with their standard errors. Of halos by mass, the first
line is of labels that move with them. Test boxes are not looked at. Features, particles, halos and
the network must be there: ask for the showcase's ``on_{box}/spectra.nc`` and for
``results/{box}/redshift_space/halos/{tracer}.zarr`` of these boxes first.
"""

import argparse
import logging
import sys
import tempfile
import warnings
from itertools import chain
from pathlib import Path

import numpy as np
import yaml

sys.path.insert(0, str(Path(__file__).parents[1] / "workflow/scripts"))

from lagbias.base.stores import MEAN, read_netcdf
from lagbias.config.names import parse_scales
from lagbias.config.tracers import parse_tracer
from lagbias.evaluation.prediction import write_prediction
from lagbias.evaluation.spectra import write_spectra
from lagbias.halos.carried import write_matter
from lagbias.halos.indexing import write_particles
from lagbias.halos.velocities import Velocities
from lagbias.plan.study import Study
from lagbias.simulations.box import SimulationBox
from lagbias.simulations.sources import open_box
from lagbias.tables.statistics import in_redshift_space
from lagbias.yardsticks.protohalos import write_label_prediction

SHOWN = {"monopole_ratio": "monopole", "quadrupole_ratio": "quadrupole"}


class Boxes:
    """The boxes of a part of a set, and how a model's field on them compares with halos."""

    def __init__(self, config: dict, training_set: str, tracer: str, folder: Path) -> None:
        self.study, self.folder = Study(config), folder
        self.config = self.study.config
        self.names = self.study.sets[training_set]["validate"]
        self.tracer = tracer
        self.scales = parse_scales(config["showcase"])
        self.fit = Path(f"results/fits/{training_set}/{tracer}/{config['showcase']}")

    @property
    def cells(self) -> dict:
        return self.config["mesh"]

    def opened(self, name: str) -> SimulationBox:
        return open_box(name, **self.study.planned(name).opened())

    def measured(self, name: str, velocities: Velocities, labels: bool) -> dict:
        """Ratios on one box by statistic and band."""
        box, evaluation_cell = self.opened(name), self.cells["evaluation_cell_size"]
        particles, matter, model = (
            self.folder / f"{name}.{kind}" for kind in ("particles", "matter", "model")
        )
        write_particles(box, self.cells["cell_size"], particles, velocities=velocities)
        write_matter(particles, evaluation_cell, matter)
        halos = Path(f"results/{name}/redshift_space/halos/{self.tracer}.zarr")
        if labels:
            write_label_prediction(
                box, particles, halos, evaluation_cell, model, velocities=velocities
            )
        else:
            weights = {seed: self.fit / f"seed{seed}/weights.pt" for seed in self.config["seeds"]}
            grids = {r: Path(f"results/{name}/features/R{r:g}.zarr") for r in self.scales}
            write_prediction(
                weights, self.fit / "projection.nc", grids, particles, evaluation_cell, model
            )
        spectra = self.folder / "spectra.nc"
        write_spectra(model, halos, matter, self.config["evaluation"]["k_max"], spectra)
        data = read_netcdf(spectra)
        place = list(data["member"].values).index(MEAN)
        return {
            f"{SHOWN[found.statistic]}, {found.where}": found.values[place]
            for found in in_redshift_space(data)
            if found.statistic in SHOWN
        }

    def line(self, what: str, velocities: Velocities, labels: bool = False) -> dict[str, str]:
        """Means over the boxes, and their standard errors."""
        found = [self.measured(name, velocities, labels) for name in self.names]
        cells = {"moved by": what}
        for key in sorted(found[0]):
            values = np.array([one[key] for one in found])
            error = values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.nan
            cells[key] = f"{values.mean():.3f}" + ("" if np.isnan(error) else f" ± {error:.3f}")
        return cells


def moved(cell: str) -> tuple[str, Velocities]:
    """What an argument means, in words and as velocities."""
    if cell == "own":
        return "network, own velocities", Velocities(None)
    size, _, share = cell.partition("+")
    within = f", {share} of the velocity within" if share else ""
    return f"network, cells of {size} Mpc/h{within}", Velocities(float(size), float(share or 0))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cells", nargs="+", help="[Mpc/h], or own")
    parser.add_argument("--config", default="config/config.yaml")
    parser.add_argument("--set", default="mini")
    parser.add_argument("--tracer", help="the first of the config, if not given")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    warnings.filterwarnings("ignore")
    config = yaml.safe_load(Path(arguments.config).read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as temporary:
        tracer = arguments.tracer or config["tracers"][0]
        boxes = Boxes(config, arguments.set, tracer, Path(temporary))
        lines = (boxes.line(*moved(cell)) for cell in arguments.cells)
        if parse_tracer(tracer).weighting == "mass":
            of_labels = boxes.line("labels, by their halos", Velocities(1.0), labels=True)
            lines = chain([of_labels], lines)
        for number, line in enumerate(lines):
            if number == 0:
                print(f"| {' | '.join(line)} |")
                print("|---" * len(line) + "|")
            print(f"| {' | '.join(line.values())} |", flush=True)


if __name__ == "__main__":
    main()
