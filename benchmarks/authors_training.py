"""An epoch of training for ``authors.py``: ours, and a plain loop of PyTorch."""

import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1] / "workflow/scripts"))

from lagbias.config.training import TrainingSettings
from lagbias.training.cells import TrainingBoxes, drawn_in_each, per_drawn
from lagbias.training.field import RatioTraining
from lagbias.training.fit import first_network, fit
from lagbias.training.network import HaloToMassRatio

PENALTY_PARTICLES = 100_000
EPOCHS = 2  # the second is timed: the first has more to do


def plain_network(network: HaloToMassRatio) -> torch.nn.Sequential:
    """The layers of a network with the same weights, rows first; gives log10 f."""
    layers = [
        torch.nn.Linear(layer.in_features, layer.out_features)
        if isinstance(layer, torch.nn.Linear) else type(layer)()
        for layer in network.layers
    ]  # fmt: skip
    copy = torch.nn.Sequential(*layers)
    copy.load_state_dict(network.layers.state_dict())
    with torch.no_grad():
        copy[-1].bias -= network.log10_normalisation.float()
    return copy


class PlainTraining:
    """The authors' loss in a loop of PyTorch over batches of cells (`preset: code`)."""

    def __init__(self, module: RatioTraining, cells_per_batch: int):
        self.network = plain_network(module.network)
        self.boxes = [self.lists(module.training_boxes[0]), self.lists(module.validation_boxes[0])]
        self.fixed = torch.randint(len(self.boxes[0][0]), (PENALTY_PARTICLES,))
        self.fixed = self.fixed[: len(self.boxes[0][0])]
        self.optimiser = torch.optim.Adam(self.network.parameters(), lr=2e-3)
        self.cells_per_batch = cells_per_batch

    @staticmethod
    def lists(boxes: TrainingBoxes) -> tuple:
        """Inputs and weights of particles, a list of particles a cell, cells' constants."""
        indices = torch.arange(len(boxes.inputs)).split(torch.diff(boxes.cell_start).tolist())
        weight = boxes.multiplicity.float()
        return boxes.inputs, weight, indices, boxes.per_mean_cell, boxes.halo_overdensity + 1

    def data_loss(self, box: tuple, batch: torch.Tensor) -> torch.Tensor:
        """Squared residuals of some cells, and the penalty on very small f."""
        inputs, weights, indices, per_mean, target = box
        members = [indices[cell] for cell in batch.tolist()]
        particle = torch.cat(members)
        cell = torch.repeat_interleave(torch.tensor([len(member) for member in members]))
        log10_f, weight = self.network(inputs[particle])[:, 0], weights[particle]
        sums = torch.zeros(len(batch)).index_add(0, cell, weight * 10**log10_f)
        residual = per_mean[batch] * sums - target[batch]
        return (residual**2).sum() + (weight * (log10_f + 5).clamp(max=0) ** 4).sum()

    def epoch(self) -> float:
        """The third epoch, the first with a penalty on <f>; the mean loss of the validation box."""
        inputs, weights = self.boxes[0][:2]
        for batch in torch.randperm(len(self.boxes[0][2])).split(self.cells_per_batch):
            loss = self.data_loss(self.boxes[0], batch)
            weight = weights[self.fixed]
            mean = (weight * 10 ** self.network(inputs[self.fixed])[:, 0]).sum() / weight.sum()
            loss = loss + ((mean - 1) / (0.1 / 2**3)) ** 2
            self.optimiser.zero_grad()
            loss.backward()
            self.optimiser.step()
        return self.validate()

    @torch.no_grad()
    def validate(self) -> float:
        cells = torch.arange(len(self.boxes[1][2]))
        parts = [self.data_loss(self.boxes[1], batch) for batch in cells.split(10_000)]
        return float(sum(parts)) / len(cells)


class TimedTraining(RatioTraining):
    """Ours, with the CPU time when the last epoch begins and when all is done."""

    @property
    def current_epoch(self) -> int:
        """One more than it is, so that the second epoch has the penalty on <f> of the third."""
        return super().current_epoch + 1

    def on_train_epoch_start(self) -> None:
        self.began = time.process_time()
        super().on_train_epoch_start()

    def on_train_end(self) -> None:
        self.ended = time.process_time()


def our_training(
    training: TrainingBoxes, validation: TrainingBoxes, settings: TrainingSettings
) -> TimedTraining:
    """A training that has not begun."""
    network = first_network(training.inputs.shape[1], settings, seed=1)
    return TimedTraining(network, training, validation, settings, seed=1)


def epoch_of(module: TimedTraining) -> float:
    """CPU seconds of an epoch of a training, its losses and its checkpoint included."""
    with tempfile.TemporaryDirectory() as fresh:
        fit(module, 1, Path(fresh) / "weights.pt")
    return module.ended - module.began


def as_in_a_small_box(seed: int, side: int = 27) -> TrainingBoxes:
    """Two batches of cells with as many particles as those of an AbacusSummit small box.

    ASSUME: 155 particles a cell of 5 Mpc/h (3 % of 1728³), scattered as a lognormal density.
    """
    random = np.random.default_rng(seed)
    particles = random.poisson(155 * random.lognormal(-0.5, 1, side**3))
    drawn, each = drawn_in_each(particles, 0.1), per_drawn(particles, 0.1)
    inputs = random.standard_normal((drawn.sum(), 7), dtype=np.float32)
    box = {
        "inputs": inputs, "multiplicity": np.repeat(each, drawn), "per_drawn": each,
        "cell_start": np.concatenate([[0], np.cumsum(drawn)]),
        "per_mean_cell": np.full(side**3, side**3 / particles.sum()),
        "halo_overdensity": random.standard_normal(side**3), "sampled_fraction": 0.003,
    }  # fmt: skip
    return TrainingBoxes([box])
