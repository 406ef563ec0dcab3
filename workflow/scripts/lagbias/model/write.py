"""A finished fit as one file and its card."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from lagbias.base.stores import open_store, provenance
from lagbias.halos.particles import Particles
from lagbias.model.accuracy import accuracy_on
from lagbias.model.card import write_card
from lagbias.model.file import ModelFile
from lagbias.model.seen import inputs_seen
from lagbias.projection.projection import Projection
from lagbias.training.network import HaloToMassRatio


def write_model(
    weights: Mapping[int, str | Path],
    projection: str | Path,
    boxes: Sequence[tuple[Mapping[float, str | Path], str | Path]],
    halos: str | Path,
    spectra: Sequence[str | Path],
    model: str | Path,
    card: str | Path,
    **trained_on: Any,
) -> None:
    """Write a model's file and its card, from the same numbers.

    Parameters
    ----------
    weights : mapping
        Seed to weights file.
    projection : path
    boxes : sequence
        Feature stores by smoothing scale [Mpc/h], and particle store, of each training box.
    halos : path
        Halo store of the first training box: its cut and particle mass.
    spectra : paths
        Of the model on each test box.
    model, card : paths to write
    trained_on
        What the stores do not know: names of boxes, cosmologies, settings of the training.
    """
    mapping = Projection.read(projection)
    told, particles = open_store(halos).attrs, Particles.open(boxes[0][1])
    halo_keys = ("redshift", "box_size", "min_particles", "weighting", "particle_mass")
    document = {
        "name": Path(model).stem,
        "trained_on": {
            **trained_on,
            **{key: told[key] for key in halo_keys},
            "density_grid": particles.density_grid,
            "cell_size": particles.mesh.box_size / particles.mesh.cells,
        },
        "accuracy": accuracy_on(spectra),
        "inputs": inputs_seen(boxes, mapping),
        "software": f"{provenance()['software']} torch={torch.__version__}",
    }
    networks = {seed: HaloToMassRatio.load(path) for seed, path in weights.items()}
    ModelFile(networks, mapping, document).write(model)
    write_card(ModelFile.read(model).about, card)
