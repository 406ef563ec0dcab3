"""Direct f: the probability that a particle ends in a halo above the cut, over its mean.

A classifier is trained on the same inputs as the networks of the halo field, by the mean log loss
of all particles. That is a proper score (Gneiting & Raftery 2007, doi:10.1198/016214506000001437):
its least value is at the share of particles that are labelled where the inputs are the same, so

    f = p(halo | inputs) / p(halo),    <f> = 1

of particles' labels alone, with no field, mesh or cell in it.
"""

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch.nn.functional import binary_cross_entropy, binary_cross_entropy_with_logits

from lagbias.base.devices import deterministic_algorithms
from lagbias.base.seeds import seed_of
from lagbias.base.threads import usable
from lagbias.config.training import TrainingSettings
from lagbias.halos.labels import labelled_points
from lagbias.halos.particles import Particles
from lagbias.projection.projection import Projection
from lagbias.training.cells import Boxes, TrainingBoxes, check_density_grid, particles_name
from lagbias.training.field import RatioTraining
from lagbias.training.fit import first_network, fit, squared_inputs, write_network
from lagbias.training.network import HaloToMassRatio, generator_of, passes
from lagbias.training.rows import ROWS_AT_ONCE, Rows, digest_of

log = logging.getLogger(__name__)


class LabelledPoints(Rows):
    """The Lagrangian grid points of one or many boxes that hold particles, a row each.

    Parameters
    ----------
    boxes : sequence of mappings
        As of ``load_labelled_box``.

    Attributes
    ----------
    inputs : float32, (rows, inputs)
    multiplicity : float32, (rows,)
        Particles of the point.
    labelled_share : float32, (rows,)
        Share of them that end in halos above the cut, or what they count (``labelling.label_of``).
    cells : int
        Cells of the boxes' training meshes.
    """

    labelled_share: torch.Tensor

    def __init__(self, boxes: Sequence[Mapping[str, Any]]):
        super().__init__()
        for name in ("inputs", "multiplicity", "labelled_share"):
            joined = np.concatenate([box[name] for box in boxes]).astype(np.float32, copy=False)
            self.register_buffer(name, torch.from_numpy(joined))
        self.cells = sum(box["cells"] for box in boxes)

    def digest(self) -> str:
        """A digest of all numbers a network is trained on."""
        return digest_of(self, repr(self.cells))


def load_labelled_box(
    features: Mapping[float, str | Path],
    particles: str | Path,
    labels: str | Path,
    projection: Projection,
    fraction: float,
    seed: int,
) -> dict[str, Any]:
    """What a training on labels needs of one box (see ``LabelledPoints``).

    Parameters
    ----------
    features : mapping
        Smoothing scale [Mpc/h] to feature store.
    particles, labels : paths of the stores
    projection : Projection
    fraction : float
        Share of the particles to draw, once.
    seed : int
        Of that draw.

    Raises
    ------
    InputError
        If features, particles and labels are not of one box and grid.
    """
    catalogue = Particles.open(particles)
    for path in (*features.values(), labels):
        check_density_grid(path, particles, catalogue.density_grid)
    point, count, labelled = labelled_points(catalogue, labels)
    share = labelled / count
    if fraction < 1:
        random = np.random.default_rng(seed_of(seed, f"labels {particles_name(particles)}"))
        # ASSUME: of a point with several particles, those that are drawn have the point's share.
        count = thinned(count, fraction, random)
        point, count, share = (values[count > 0] for values in (point, count, share))
    return {
        "inputs": projection.at(features, point),
        "multiplicity": count,
        "labelled_share": share,
        "cells": catalogue.mesh.size,
    }


def thinned(count: np.ndarray, fraction: float, random: np.random.Generator) -> np.ndarray:
    """How many of some particles are drawn, int32, if each is with the same chance."""
    drawn = np.empty(len(count), dtype=np.int32)
    for start in range(0, len(count), ROWS_AT_ONCE):
        part = slice(start, start + ROWS_AT_ONCE)
        drawn[part] = random.binomial(count[part], fraction)
    return drawn


def load_labelled(
    boxes: Boxes, projection: Projection, fraction: float, seed: int
) -> LabelledPoints:
    """Everything a training on labels needs of some boxes (see ``load_labelled_box``)."""
    stores = zip(boxes.features, boxes.particles, boxes.labels, strict=True)
    return LabelledPoints([load_labelled_box(*box, projection, fraction, seed) for box in stores])


class PointBatches:
    """Batches of grid points, drawn from (seed, epoch) alone; as many a epoch as of cells."""

    def __init__(self, points: LabelledPoints, settings: TrainingSettings, seed: int):
        self.points, self.settings, self.seed, self.epoch = points, settings, seed, 0

    def __len__(self) -> int:
        return -(-self.points.cells // self.settings.cells_per_batch)

    def __iter__(self) -> Iterator[torch.Tensor]:
        generator = generator_of(self.seed, f"points of epoch {self.epoch}")
        share = self.points.labelled_share
        order = torch.randperm(len(share), generator=generator).to(share.device)
        yield from torch.tensor_split(order, len(self))


class LabelTraining(RatioTraining):
    """The training of one classifier, whose unnormalised f is the probability.

    Parameters
    ----------
    network : HaloToMassRatio
        Of sigmoid output.
    points, validation : LabelledPoints
    field : TrainingBoxes
        The validation boxes as the halo field sees them: the loss that other networks train on.
    settings : TrainingSettings
    seed : int
    """

    def __init__(
        self,
        network: HaloToMassRatio,
        points: LabelledPoints,
        validation: LabelledPoints,
        field: TrainingBoxes,
        settings: TrainingSettings,
        seed: int,
    ):
        super().__init__(network, cast(Any, points), cast(Any, validation), settings, seed)
        self.batches = PointBatches(points, settings, seed)
        self.field = [field]  # in a list, so that it is no part of the module's state

    @property
    def exact(self) -> bool:
        """True: f is p over its mean, whatever the settings say of f of the halo field."""
        return True

    def on_fit_start(self) -> None:
        super().on_fit_start()
        self.field[0].move_to(self.device)

    def on_train_epoch_start(self) -> None:
        self.batches.epoch = self.current_epoch
        self._started = time.monotonic()

    def differentiate(self, rows: torch.Tensor, _) -> None:
        """Add the gradient of the mean log loss of a batch to that of the weights."""
        points = cast(LabelledPoints, self.training_boxes[0])
        particles = points.multiplicity[rows].sum()
        for part in passes(len(rows), self.device):
            chosen = rows[part]
            loss = binary_cross_entropy_with_logits(
                self.network.last_layer(points.inputs_of(chosen)), points.labelled_share[chosen],
                points.multiplicity[chosen], reduction="sum",
            )  # fmt: skip
            (loss / particles).backward()

    def log_loss(self, points: LabelledPoints, ratio: torch.Tensor) -> float:
        """Mean log loss of the particles [nats], given the unnormalised f of every row."""
        probability = ratio * 10 ** self.network.log10_normalisation.to(ratio.dtype)
        total, particles = 0.0, 0.0
        values = (probability, points.labelled_share, points.multiplicity)
        for p, share, count in zip(*(v.split(ROWS_AT_ONCE) for v in values), strict=True):
            total += float(
                binary_cross_entropy(p, share, reduction="none").double() @ count.double()
            )
            particles += float(count.double().sum())
        return total / particles

    def losses(self, ratio: torch.Tensor, norm: float) -> dict[str, float]:
        """Log losses at the end of an epoch, and the loss of the halo field of other networks."""
        points, validation = cast(Any, self.training_boxes[0]), cast(Any, self.validation_boxes[0])
        field = self.field[0]
        return {
            "train_loss": self.log_loss(points, ratio),
            "validation_loss": self.log_loss(validation, self.all_ratios(validation)),
            "validation_field_loss": self.loss_at_own_mean(field, self.all_ratios(field)),
        }


def train_direct(
    training: Boxes,
    validation: Boxes,
    projection: str | Path,
    settings: TrainingSettings,
    seed: int,
    weights: str | Path,
    losses: str | Path,
    threads: int = 1,
    device: str = "cpu",
    deterministic: bool = False,
    code: Mapping[str, str] | None = None,
) -> None:
    """Train one classifier on the labels of a set's boxes and write its weights and losses.

    Parameters
    ----------
    training, validation : Boxes
        With labels.
    projection, settings, seed, weights, threads, device, deterministic, code
        As of ``lagbias.training.fit.train_network``.
    losses : path of a CSV file
        As of ``lagbias.training.fit.train_network``, but mean log losses of particles [nats], and
        ``validation_field_loss``, the loss that other networks train on.
    """
    torch.set_num_threads(usable(threads))
    mapping = Projection.read(projection)
    points, held_out = (
        load_labelled(part, mapping, settings.particle_fraction, seed)
        for part in (training, validation)
    )
    field = validation.load(mapping, settings.particle_fraction, seed, settings.draws_in_cells)
    log.info("%d boxes, %d grid points", len(training.labels), len(points.multiplicity))
    network = first_network(mapping.inputs, settings, seed, squared_inputs(mapping))
    module = LabelTraining(network, points, held_out, field, settings, seed)
    with deterministic_algorithms(deterministic):
        fit(module, seed, Path(weights), device, code)
    write_network(module, seed, Path(weights), losses)
