"""Training: particles carry f to their final cells; the squared difference from the halo field.

A step takes some blocks of cells of all boxes of the set, sums f over their particles
(``lagbias.training.cells``), compares with the halo field (``lagbias.training.loss``) and keeps <f>
at 1 (``lagbias.training.mean_ratio``). Every epoch ends with the losses of the training boxes and
of the validation box, and with a checkpoint from which a killed run continues.
"""

import logging
import time
from collections.abc import Iterator, Mapping
from typing import Any, cast

import numpy as np
import torch
from torch.optim.lr_scheduler import LRScheduler

from lagbias.base.errors import TrainingError
from lagbias.base.jobs import PROGRESS
from lagbias.config.training import TrainingSettings
from lagbias.training.cells import TrainingBoxes
from lagbias.training.lightning import LightningModule, LightningOptimizer
from lagbias.training.loss import squared_residual
from lagbias.training.mean_ratio import (
    PENALTY_FROM,
    PENALTY_PARTICLES,
    MeanRatio,
    mean_over_particles,
    penalty_on_mean,
    penalty_on_small,
)
from lagbias.training.network import HaloToMassRatio, generator_of, passes
from lagbias.training.optimiser import Soap
from lagbias.training.rows import ROWS_AT_ONCE

log = logging.getLogger(__name__)
OPTIMISERS = {"soap": Soap, "adam": torch.optim.Adam}
HELD_ACTIVATIONS = 2**26  # numbers kept between the two ways through a step: 256 MB


class CellBatches:
    """Batches of blocks of cells, drawn from (seed, epoch) alone, so a resumed run agrees.

    Every epoch shifts the grid of blocks and reshuffles it.
    """

    def __init__(self, boxes: TrainingBoxes, settings: TrainingSettings, seed: int):
        self.boxes, self.settings, self.seed, self.epoch = boxes, settings, seed, 0

    def __len__(self) -> int:
        return -(-self.boxes.cells // self.settings.cells_per_batch)

    def __iter__(self) -> Iterator[torch.Tensor]:
        side = self.settings.block
        generator = generator_of(self.seed, f"cells of epoch {self.epoch}")
        shift = torch.randint(side, (3,), generator=generator).tolist()
        blocks = self.boxes.blocks(side, shift)
        order = torch.randperm(len(blocks), generator=generator).to(blocks.device)
        # Equal batches: a short last one would weigh its cells more.
        yield from torch.tensor_split(blocks[order], len(self))


class WholeEpoch:
    """The batches of an epoch as one: Lightning's own work for each takes a tenth of a step."""

    def __init__(self, batches: CellBatches):
        self.batches = batches

    def __len__(self) -> int:
        return 1

    def __iter__(self) -> Iterator[CellBatches]:
        yield self.batches


class RatioTraining(LightningModule):
    """The training of one network.

    A step evaluates f in passes small enough for the cache, sums cells, differentiates the loss
    with respect to f, and goes through the passes backwards, evaluating them again where their
    activations do not fit: exact gradients of large batches in bounded memory.
    """

    penalty_rows: torch.Tensor
    _mean_ratio: MeanRatio  # of an epoch, where <f> = 1 is exact

    def __init__(
        self,
        network: HaloToMassRatio,
        boxes: TrainingBoxes,
        validation: TrainingBoxes,
        settings: TrainingSettings,
        seed: int,
    ):
        super().__init__()
        self.automatic_optimization = False
        self.network, self.settings = network, settings.for_cells(boxes.cells)
        # In lists, so that they are no part of the module's state.
        self.training_boxes, self.validation_boxes = [boxes], [validation]
        self.batches = CellBatches(boxes, settings, seed)
        rows = len(boxes.multiplicity)
        drawn = torch.randint(
            rows, (min(PENALTY_PARTICLES, rows),), generator=generator_of(seed, "penalty")
        )
        self.register_buffer("penalty_rows", drawn, persistent=False)
        self.history: list[dict[str, float]] = []
        self.snapshot: dict[str, torch.Tensor] = {}
        self.identity = ""
        self._last: torch.Tensor | None = None  # f of every row when the last epoch ended

    def on_fit_start(self) -> None:
        for boxes in (*self.training_boxes, *self.validation_boxes):
            boxes.move_to(self.device)

    def train_dataloader(self) -> "WholeEpoch":
        return WholeEpoch(self.batches)

    def configure_optimizers(self):
        settings = self.settings
        optimiser = OPTIMISERS[settings.optimiser](
            self.network.layers.parameters(),
            lr=settings.learning_rate,
            betas=(0.9, settings.adam_beta2),
        )
        # Both go by steps.
        if settings.learning_rate_decay is None:
            steps = settings.epochs * len(self.batches)
            schedule = torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, 0.0, steps)
        else:
            schedule = torch.optim.lr_scheduler.StepLR(
                optimiser, len(self.batches), settings.learning_rate_decay
            )
        return [optimiser], [schedule]

    @torch.no_grad()
    def all_ratios(self, boxes: TrainingBoxes) -> torch.Tensor:
        """Unnormalised f of every row of some boxes, (rows,)."""
        rows = len(boxes.multiplicity)
        ratio = torch.empty(rows, dtype=boxes.inputs.dtype, device=self.device)
        for part in passes(rows, self.device):
            ratio[part] = self.network(boxes.inputs_of(part))
        return ratio

    @property
    def kept_epoch(self) -> int:
        """The epoch whose weights are kept."""
        return self.settings.snapshot_epoch or self.settings.epochs

    @property
    def exact(self) -> bool:
        """Whether <f> = 1 is held exactly, rather than by a penalty."""
        return self.settings.normalisation == "exact"

    def on_train_epoch_start(self) -> None:
        self.batches.epoch = self.current_epoch
        self._started = time.monotonic()
        if self.exact:
            boxes = self.training_boxes[0]
            self.follow_mean(self.all_ratios(boxes) if self._last is None else self._last)

    def follow_mean(self, ratio: torch.Tensor) -> None:
        """Start an epoch of <f> with f of every row of the training boxes."""
        generator = generator_of(self.batches.seed, f"mean ratio of epoch {self.batches.epoch}")
        self._mean_ratio = MeanRatio(self.training_boxes[0], ratio, len(self.batches), generator)

    @torch.no_grad()
    def _anchor(self) -> None:
        """Shift the last bias so that <f> is about 1, by the last step's particles.

        The scale of the unnormalised f does not change the model, so nothing holds it but the
        rounding of its gradient, which Adam magnifies. A probability has no such scale.
        """
        if self.network.architecture.output == "sigmoid":
            return
        last = len(self.batches) - 1
        inputs = self.training_boxes[0].inputs_of(self._mean_ratio.rows(last))
        mean = self._mean_ratio.now(self.network(inputs), last)
        last_layer: Any = self.network.layers[-1]
        last_layer.bias -= torch.log10(mean)

    def rows_for_mean(self, step: int) -> torch.Tensor:
        """The rows of which a step sees <f>, besides those of its cells."""
        if self.exact:
            return self._mean_ratio.rows(step)
        return self.penalty_rows if self.current_epoch >= PENALTY_FROM else self.penalty_rows[:0]

    def loss_of_batch(
        self,
        values: torch.Tensor,
        cells: torch.Tensor,
        rows: torch.Tensor,
        lengths: torch.Tensor,
        step: int,
    ) -> torch.Tensor:
        """What a step makes small: the mean over blocks of the squared residual, or the authors'.

        ``values`` are the unnormalised f, or log10 f where <f> = 1 is a penalty, of ``rows`` and
        then of ``rows_for_mean``.
        """
        boxes, estimator = self.training_boxes[0], self.settings.estimator
        values, of_mean = values[: len(rows)], values[len(rows) :]
        if self.exact:
            ratio = values / self._mean_ratio.now(of_mean, step)
            return squared_residual(ratio, boxes, cells, rows, lengths, estimator).mean()
        loss = squared_residual(10**values, boxes, cells, rows, lengths, estimator).sum()
        loss = loss + penalty_on_small(values, boxes.drawn_of(cells, rows, lengths))
        if len(of_mean):
            particles = boxes.multiplicity[self.penalty_rows]
            loss = loss + penalty_on_mean(10**of_mean, particles, self.current_epoch)
        return loss

    def training_step(self, batches: CellBatches, _) -> None:
        """The steps of an epoch."""
        optimiser = cast(LightningOptimizer, self.optimizers())
        schedule = cast(LRScheduler, self.lr_schedulers())
        for number, batch in enumerate(batches):
            optimiser.zero_grad()
            self.differentiate(batch, number)
            optimiser.step()
            schedule.step()

    def differentiate(self, cells: torch.Tensor, step: int) -> None:
        """Add the gradient of the loss of a batch to that of the weights."""
        boxes = self.training_boxes[0]
        rows, lengths = boxes.rows_of(cells)
        inputs = boxes.inputs_of(torch.cat([rows, self.rows_for_mean(step)]))
        # A penalty on very small f pulls where f itself is zero in float32.
        evaluate = self.network if self.exact else self.network.log10_ratio
        held = len(inputs) * self.network.architecture.values_of_row <= HELD_ACTIVATIONS
        with torch.set_grad_enabled(held):
            evaluations = [evaluate(inputs[part]) for part in passes(len(inputs), self.device)]
        values = torch.cat([part.detach() for part in evaluations]).requires_grad_(True)
        self.loss_of_batch(values, cells, rows, lengths, step).backward()
        slopes = cast(torch.Tensor, values.grad)
        for number, part in enumerate(passes(len(inputs), self.device)):
            again = evaluations[number] if held else evaluate(inputs[part])
            torch.dot(again, slopes[part]).backward()  # of a vector, torch loads sympy first

    @torch.no_grad()
    def loss(self, boxes: TrainingBoxes, ratio: torch.Tensor, norm: float) -> float:
        """Mean squared residual of some boxes, given f of every row and what divides it."""
        blocks = boxes.blocks(self.settings.block)
        per_block = max(1, len(boxes.multiplicity) // len(blocks))
        residuals = []
        for cells in blocks.split(max(1, ROWS_AT_ONCE // per_block)):
            rows, lengths = boxes.rows_of(cells)
            residuals.append(
                squared_residual(
                    ratio[rows] / norm, boxes, cells, rows, lengths, self.settings.estimator
                )
            )
        return float(torch.cat(residuals).double().mean())

    def loss_at_own_mean(self, boxes: TrainingBoxes, ratio: torch.Tensor) -> float:
        """The loss of some boxes, given f of every row to a factor.

        ASSUME: boxes not trained on are judged at their own mean halo density, as their target is.
        """
        return self.loss(boxes, ratio, mean_over_particles(ratio, boxes))

    def losses(self, ratio: torch.Tensor, norm: float) -> dict[str, float]:
        """Losses at the end of an epoch.

        Parameters
        ----------
        ratio : (rows,), unnormalised f of every row of the training boxes
        norm : float
            What it is to be divided by.
        """
        validation = self.validation_boxes[0]
        return {
            "train_loss": self.loss(self.training_boxes[0], ratio, norm),
            "validation_loss": self.loss_at_own_mean(
                validation, self.all_ratios(validation).div_(norm)
            ),
        }

    def on_train_epoch_end(self) -> None:
        boxes = self.training_boxes[0]
        if self.exact:
            self._anchor()
        self._last = None  # before the next: there may be 1e9 rows
        self._last = self.all_ratios(boxes)
        mean = mean_over_particles(self._last, boxes)
        norm = mean if self.exact else 1.0
        epoch = self.current_epoch + 1
        self.history.append(
            {
                "epoch": epoch,
                **self.losses(self._last, norm),
                "mean_ratio": mean / norm,
                "seconds": time.monotonic() - self._started,
            }
        )
        self._stop_unless_finite(self.history[-1])
        if epoch == self.kept_epoch:
            self.snapshot = {k: v.detach().clone() for k, v in self.network.state_dict().items()}
            self.snapshot["log10_normalisation"] += float(np.log10(norm))
        self._say(self.history[-1])

    def _stop_unless_finite(self, row: Mapping[str, float]) -> None:
        for name in ("train_loss", "validation_loss", "mean_ratio"):
            if not np.isfinite(row[name]):
                raise TrainingError(
                    f"epoch {row['epoch']}: {name} is {row[name]}, expected a finite number; "
                    f"lower training.learning_rate ({self.settings.learning_rate})"
                )

    def _say(self, row: Mapping[str, float]) -> None:
        left = (self.settings.epochs - row["epoch"]) * row["seconds"]
        log.log(
            PROGRESS,
            "epoch %3d/%d  train %.4f  validation %.4f  <f> %.4f  %.1f s/epoch, %.0f s left",
            row["epoch"], self.settings.epochs, row["train_loss"], row["validation_loss"],
            row["mean_ratio"], row["seconds"], left,
        )  # fmt: skip

    def on_save_checkpoint(self, checkpoint: dict) -> None:
        checkpoint["identity"] = self.identity
        checkpoint["history"] = self.history
        checkpoint["snapshot"] = self.snapshot

    def on_load_checkpoint(self, checkpoint: dict) -> None:
        self.history = checkpoint["history"]
        self.snapshot = checkpoint["snapshot"]
