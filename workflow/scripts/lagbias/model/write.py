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
    halos: Sequence[str | Path],
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
    halos : paths
        Halo store of each training box.
    spectra : paths
        Of the model on each test box.
    model, card : paths to write
    trained_on
        What the stores do not know: names of boxes, cosmologies, settings of the training.
    """
    mapping = Projection.read(projection)
    first, *others = map(_said_by_stores, halos, [particles for _, particles in boxes])
    unlike = {
        key: [value, *(other[key] for other in others)]
        for key, value in first.items()
        if any(other[key] != value for other in others)
    }
    document = {
        "name": Path(model).stem,
        "trained_on": {**trained_on, **first} | ({"unlike": unlike} if unlike else {}),
        "accuracy": accuracy_on(spectra),
        "inputs": inputs_seen(boxes, mapping),
        "software": f"{provenance()['software']} torch={torch.__version__}",
    }
    networks = {seed: HaloToMassRatio.load(path) for seed, path in weights.items()}
    ModelFile(networks, mapping, document).write(model)
    write_card(ModelFile.read(model).about, card)


def _said_by_stores(halos: str | Path, particles: str | Path) -> dict[str, Any]:
    """What the stores of a training box say of it."""
    said, catalogue = open_store(halos).attrs, Particles.open(particles)
    halo_keys = ("redshift", "box_size", "min_particles", "weighting", "particle_mass")
    return {
        **{key: said[key] for key in halo_keys},
        "density_grid": catalogue.density_grid,
        "cell_size": catalogue.mesh.box_size / catalogue.mesh.cells,
    }
