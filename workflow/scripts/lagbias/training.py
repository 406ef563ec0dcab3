"""Training: particles carry f to their final cells; the squared difference from the halo field.

Every training step takes whole cells, of all boxes of the set, and needs each cell's sum of f over
its particles. Particles are sorted by cell, so the sums are segment sums. The residual may be taken
over cubic blocks of cells, whose grid is shifted at random in every epoch: halos are points at
their centres but the particles of the model are spread over them, and the larger the cube, the
less of that enters the loss (docs/traps.md).

Loss and its sampling bias
--------------------------
With n_c sampled particles of a cell and sampled fraction s, the squared residual of a cell exceeds
that of the full particle set by (1 - s) sum_p f_p^2 / nbar^2 in the mean (the variance of a random
subsample), which pulls f flat. ``estimator`` says what is done about it:

    unbiased   subtract that variance, summed over the very particles (default)
    halves     product of the residuals of two disjoint random halves
    plain      the squared residual as it is (the authors' choice)
"""

import hashlib
import json
import logging
import time
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
import pandas as pd
import pytorch_lightning as lightning
import torch

from lagbias.errors import InputError
from lagbias.files import remove, written_whole
from lagbias.mesh import Particles
from lagbias.network import ROWS_PER_PASS, Architecture, HaloToMassRatio
from lagbias.projection import Projection
from lagbias.stores import open_store, provenance

log = logging.getLogger(__name__)
logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)  # its tips and advertisements

ESTIMATORS = ("unbiased", "halves", "plain")
NORMALISATIONS = ("exact", "penalty")
PENALTY_PARTICLES = 100_000  # the authors' fixed particles for the penalty on <f>
PENALTY_FROM_EPOCH = 3


@dataclass(frozen=True)
class TrainingSettings:
    """How a network is trained.

    Parameters
    ----------
    hidden_layers, neurons, activation : the network (see ``Architecture``).
    epochs : int
    cells_per_batch : int
        Cells of a training step, drawn from all boxes.
    block : int
        Side, in cells, of the cubes over which residuals are taken; must divide the mesh.
    learning_rate : float
        Of Adam, in the first epoch.
    learning_rate_decay : float
        Factor per epoch.
    particle_fraction : float
        Share of the particles that is used, drawn once per seed; 1 is all.
    estimator : str
        ``unbiased``, ``halves`` or ``plain`` (module docstring).
    normalisation : str
        ``exact`` makes <f> = 1 over all particles of the set; ``penalty`` is the authors'
        ((<f> - 1) / tol)^2, tol = max(0.1 / epoch^3, 1e-4), on 1e5 fixed particles from the third
        epoch on, and (log10 f + 5)^4 where log10 f < -5.
    snapshot_epoch : int or None
        Keep the weights of this epoch; None keeps the last.

    Raises
    ------
    InputError
        If a value is out of its range.
    """

    hidden_layers: int = 3
    neurons: int = 20
    activation: str = "silu"
    epochs: int = 14
    cells_per_batch: int = 1_600
    block: int = 2
    learning_rate: float = 0.01
    learning_rate_decay: float = 0.75
    particle_fraction: float = 1.0
    estimator: str = "unbiased"
    normalisation: str = "exact"
    snapshot_epoch: int | None = None

    def __post_init__(self):
        checks = {
            "epochs": self.epochs >= 1,
            "block": self.block >= 1,
            "cells_per_batch": self.cells_per_batch >= self.block**3,
            "learning_rate": self.learning_rate > 0,
            "learning_rate_decay": 0 < self.learning_rate_decay <= 1,
            "particle_fraction": 0 < self.particle_fraction <= 1,
            "estimator": self.estimator in ESTIMATORS,
            "normalisation": self.normalisation in NORMALISATIONS,
            "snapshot_epoch": self.snapshot_epoch is None
            or 1 <= self.snapshot_epoch <= self.epochs,
        }
        for field, fine in checks.items():
            if not fine:
                raise InputError(
                    f"training.{field}: found {getattr(self, field)!r}, out of its range "
                    f"(estimators {ESTIMATORS}, normalisations {NORMALISATIONS})"
                )


PRESETS = {
    "seed": TrainingSettings(),
    "code": TrainingSettings(
        hidden_layers=5, neurons=64, activation="gelu", epochs=70, cells_per_batch=10_000, block=1,
        learning_rate=2e-3, particle_fraction=0.1, estimator="plain", normalisation="penalty",
        snapshot_epoch=50,
    ),
}  # fmt: skip


def settings_from(preset: str, **changes) -> TrainingSettings:
    """The settings of a preset, with changes.

    Raises
    ------
    InputError
        If the preset or a field is unknown.
    """
    if preset not in PRESETS:
        raise InputError(f"training.preset: found {preset!r}, expected one of {sorted(PRESETS)}")
    known = {field.name for field in fields(TrainingSettings)}
    for name in changes:
        if name not in known:
            raise InputError(f"training.{name}: unknown; expected one of {sorted(known)}")
    return TrainingSettings(**(asdict(PRESETS[preset]) | changes))


def seed_of(seed: int, purpose: str) -> int:
    """An independent 63-bit seed for one purpose."""
    sequence = np.random.SeedSequence([seed, zlib.crc32(purpose.encode())])
    return int(sequence.generate_state(1, np.uint64)[0] >> 1)


def generator_of(seed: int, purpose: str) -> torch.Generator:
    """A torch generator for one purpose; the global state is not touched."""
    return torch.Generator().manual_seed(seed_of(seed, purpose))


class TrainingBoxes(torch.nn.Module):
    """Particles and halos of one or many boxes as one list of cells, ready for the device.

    Particles that share cell and Lagrangian point are one row with a multiplicity.

    Attributes
    ----------
    inputs : float32, (rows, inputs)
    multiplicity : float32, (rows,)
        Particles of the row.
    first_half : float32, (rows,)
        Of them, those in the first half-sample.
    cell_start : int64, (cells + 1,)
        Rows of cell c are ``cell_start[c]:cell_start[c + 1]``.
    per_mean_cell : float32, (cells,)
        N_cells / N_particles of the cell's box: turns sums of f into 1 + delta.
    halo_overdensity : float32, (cells,)
    sampled_fraction : float
        Share of the simulation's particles that is here, over all boxes.
    """

    def __init__(self, boxes: Sequence[dict[str, np.ndarray | float]]):
        super().__init__()
        for name in ("inputs", "multiplicity", "first_half", "per_mean_cell", "halo_overdensity"):
            joined = np.concatenate([box[name] for box in boxes]).astype(np.float32)
            self.register_buffer(name, torch.from_numpy(joined))
        lengths = np.concatenate([np.diff(box["cell_start"]) for box in boxes])
        start = torch.zeros(len(lengths) + 1, dtype=torch.int64)
        torch.cumsum(torch.from_numpy(lengths), 0, out=start[1:])
        self.register_buffer("cell_start", start)
        particles = sum(box["multiplicity"].sum(dtype=np.float64) for box in boxes)
        everything = sum(
            box["multiplicity"].sum(dtype=np.float64) / box["sampled_fraction"] for box in boxes
        )
        self.sampled_fraction = float(particles / everything)
        self.sides = [round(len(box["halo_overdensity"]) ** (1 / 3)) for box in boxes]

    def blocks(self, side: int, shift: Sequence[int] = (0, 0, 0)) -> torch.Tensor:
        """Cubes of cells that tile all boxes.

        Parameters
        ----------
        side : int
            Of a cube, in cells.
        shift : three int
            Of the grid of cubes, in cells; it wraps around the box.

        Returns
        -------
        int64, (cubes, side^3)
            Numbers of the cells of each cube.

        Raises
        ------
        InputError
            If the cubes do not tile a box.
        """
        tiled, first = [], 0
        for cells in self.sides:
            if cells % side:
                raise InputError(
                    f"training.block: cubes of {side} cells do not tile a mesh of {cells} cells a "
                    "side; use a divisor of it, or another mesh.cell_size"
                )
            number = torch.arange(cells**3).reshape((cells,) * 3) + first
            number = number.roll(tuple(shift), (0, 1, 2))
            per_side = cells // side
            number = number.reshape(per_side, side, per_side, side, per_side, side)
            tiled.append(number.permute(0, 2, 4, 1, 3, 5).reshape(per_side**3, side**3))
            first += cells**3
        return torch.cat(tiled).to(self.cell_start.device)

    @property
    def cells(self) -> int:
        """Cells of all boxes."""
        return len(self.halo_overdensity)

    def rows_of(self, cells: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Row numbers of the particles of some cells, cell after cell, and rows per cell.

        Parameters
        ----------
        cells : int64, any shape

        Returns
        -------
        rows : int64, (rows,)
        lengths : int64, (cells,), flat
        """
        cells = cells.reshape(-1)
        start = self.cell_start[cells]
        lengths = self.cell_start[cells + 1] - start
        ends = torch.cumsum(lengths, 0)
        shift = torch.repeat_interleave(start - (ends - lengths), lengths)
        return torch.arange(len(shift), device=shift.device) + shift, lengths

    def digest(self) -> str:
        """A digest of all numbers a network is trained on."""
        digest = hashlib.blake2b(repr(self.sampled_fraction).encode(), digest_size=16)
        for name, tensor in sorted(self.named_buffers()):
            digest.update(name.encode())
            digest.update(np.ascontiguousarray(tensor.cpu().numpy()).view(np.uint8).data)
        return digest.hexdigest()


def load_box(
    features: Mapping[float, str | Path],
    particles: str | Path,
    halos: str | Path,
    projection: Projection,
    fraction: float,
    seed: int,
) -> dict[str, np.ndarray | float]:
    """What training needs of one box (see ``TrainingBoxes``).

    Parameters
    ----------
    features : mapping
        Smoothing scale [Mpc/h] to feature store.
    particles, halos : paths of the stores
    projection : Projection
    fraction : float
        Share of the particles to draw, once.
    seed : int
        Of that draw and of the half-samples.

    Raises
    ------
    InputError
        If halos and particles are on different meshes, or features on another grid.
    """
    catalogue = Particles.read(particles)
    halo_store = open_store(halos)
    overdensity = halo_store["overdensity"].values.reshape(-1)
    if halo_store.attrs["cells"] != catalogue.mesh.cells:
        raise InputError(
            f"{halos} has {halo_store.attrs['cells']} cells a side, {particles} "
            f"{catalogue.mesh.cells}: expected one mesh; make both again with one mesh.cell_size"
        )
    for path in features.values():
        points = open_store(path).sizes["x"]
        if points != catalogue.density_grid:
            raise InputError(
                f"{path} has {points} points a side, {particles} counts {catalogue.density_grid}: "
                "expected one density grid; make both again with one density_grid"
            )
    cell = np.repeat(np.arange(catalogue.mesh.size), np.diff(catalogue.cell_start))
    point = catalogue.lagrangian_index
    if fraction < 1:
        random = np.random.default_rng(seed_of(seed, f"subsample {particles_name(particles)}"))
        drawn = random.random(len(cell)) < fraction
        cell, point = cell[drawn], point[drawn]
    # Particles of one cell are already together; order them by point within the cell.
    pair = (cell.astype(np.uint64) << np.uint64(32)) | point.astype(np.uint64)
    pair, multiplicity = np.unique(pair, return_counts=True)
    point = (pair & np.uint64(2**32 - 1)).astype(np.int64)
    edges = np.arange(catalogue.mesh.size + 1, dtype=np.uint64) << np.uint64(32)
    random = np.random.default_rng(seed_of(seed, f"halves {particles_name(particles)}"))
    return {
        "inputs": projection.at(features, point),
        "multiplicity": multiplicity.astype(np.float32),
        "first_half": random.binomial(multiplicity, 0.5).astype(np.float32),
        "cell_start": np.searchsorted(pair, edges),
        "per_mean_cell": np.full(
            catalogue.mesh.size, catalogue.mesh.size / multiplicity.sum(), dtype=np.float32
        ),
        "halo_overdensity": overdensity,
        "sampled_fraction": catalogue.sampled_fraction * fraction,
    }


def particles_name(path: str | Path) -> str:
    """The simulation's name, from ``results/{sim}/particles.zarr``: a seed may not hang on more."""
    return Path(path).parent.name


def cell_sums(values: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """Sum of the values of each cell, (cells,), where ``lengths`` rows belong to each cell."""
    return torch.segment_reduce(values, "sum", lengths=lengths, unsafe=True)


def squared_residual(
    ratio: torch.Tensor,
    boxes: TrainingBoxes,
    cells: torch.Tensor,
    rows: torch.Tensor,
    lengths: torch.Tensor,
    estimator: str,
) -> torch.Tensor:
    """(delta_model - delta_halo)^2 of each cell or block, by one of the estimators.

    delta_model(c) = (N_cells / N_particles) sum_{p in c} f_p - 1.

    Parameters
    ----------
    ratio : (rows,), f of each row
    boxes : TrainingBoxes
    cells : int64, (cells,) or (blocks, cells of a block)
    rows, lengths : as of ``boxes.rows_of(cells)``
    estimator : str

    Returns
    -------
    (cells,) or (blocks,)
    """
    cells = cells.reshape(len(cells), -1)
    lengths = lengths.reshape(cells.shape).sum(1)
    per_mean_cell = boxes.per_mean_cell[cells[:, 0]] / cells.shape[1]
    target = boxes.halo_overdensity[cells].mean(1) + 1
    weight = boxes.multiplicity[rows]
    if estimator == "halves":
        first = boxes.first_half[rows]
        one = 2 * per_mean_cell * cell_sums(ratio * first, lengths) - target
        two = 2 * per_mean_cell * cell_sums(ratio * (weight - first), lengths) - target
        # No particle is in both halves, so the product lacks the full set's sum f^2.
        own = boxes.sampled_fraction * per_mean_cell**2
        return one * two + own * cell_sums(ratio**2 * weight, lengths)
    residual = per_mean_cell * cell_sums(ratio * weight, lengths) - target
    if estimator == "plain":
        return residual**2
    variance = (1 - boxes.sampled_fraction) * per_mean_cell**2
    return residual**2 - variance * cell_sums(ratio**2 * weight, lengths)


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


class RatioTraining(lightning.LightningModule):
    """The training of one network.

    A step evaluates f in passes small enough for the cache, sums cells, differentiates the loss
    with respect to f, and runs the passes again backwards: exact gradients of large batches in
    bounded memory.
    """

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
        self.network, self.settings = network, settings
        self.training_boxes, self.validation_boxes = (
            [boxes],
            [validation],
        )  # lists: not in the state
        self.batches = CellBatches(boxes, settings, seed)
        rows = len(boxes.multiplicity)
        drawn = torch.randint(
            rows, (min(PENALTY_PARTICLES, rows),), generator=generator_of(seed, "penalty")
        )
        self.register_buffer("penalty_rows", drawn, persistent=False)
        self.history: list[dict[str, float]] = []
        self.snapshot: dict[str, torch.Tensor] = {}
        self.identity = ""
        self._epoch_ratio: torch.Tensor | None = None
        self._epoch_mean = 1.0

    def on_fit_start(self) -> None:
        for boxes in (*self.training_boxes, *self.validation_boxes):
            boxes.to(self.device)

    def train_dataloader(self) -> CellBatches:
        return self.batches

    def configure_optimizers(self):
        optimiser = torch.optim.Adam(
            self.network.layers.parameters(), lr=self.settings.learning_rate
        )
        schedule = torch.optim.lr_scheduler.ExponentialLR(
            optimiser, gamma=self.settings.learning_rate_decay
        )
        return [optimiser], [schedule]

    def _passes(self, count: int) -> Iterator[slice]:
        size = ROWS_PER_PASS["cuda" if self.device.type == "cuda" else "cpu"]
        for start in range(0, count, size):
            yield slice(start, min(start + size, count))

    @torch.no_grad()
    def all_ratios(self, boxes: TrainingBoxes) -> torch.Tensor:
        """Unnormalised f of every row of some boxes, (rows,)."""
        inputs = boxes.inputs
        return torch.cat([self.network(inputs[part]) for part in self._passes(len(inputs))])

    def mean_over_particles(self, ratio: torch.Tensor, boxes: TrainingBoxes) -> float:
        """<f> over all particles, summed in float64."""
        weight = boxes.multiplicity.double()
        return float((ratio.double() * weight).sum() / weight.sum())

    def on_train_epoch_start(self) -> None:
        boxes = self.training_boxes[0]
        self.batches.epoch = self.current_epoch
        self._started = time.monotonic()
        if self._epoch_ratio is None and self.settings.normalisation == "exact":
            # <f> over all particles now; within the epoch a batch follows its change.
            self._remember(self.all_ratios(boxes))

    def _remember(self, ratio: torch.Tensor) -> None:
        """Keep f of every row at the start of an epoch, and its mean over particles."""
        self._epoch_ratio = ratio
        self._epoch_mean = self.mean_over_particles(ratio, self.training_boxes[0])

    @torch.no_grad()
    def _anchor(self) -> None:
        """Shift the last bias so that <f> = 1.

        The scale of the unnormalised f does not change the model, so nothing holds it; left alone
        it drifts by orders of magnitude until float32 overflows.
        """
        boxes = self.training_boxes[0]
        mean = self.mean_over_particles(self.all_ratios(boxes), boxes)
        self.network.layers[-1].bias -= float(np.log10(mean))

    def _normalised(self, ratio: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        """f / <f>, with the value of <f> from all particles and its gradient from the batch.

        The value is <f> at the epoch's start times the factor by which the batch's mean has moved
        since: little noise, since f has moved little, and positive, though the scale of the
        unnormalised f drifts. The gradient is that of the batch's mean, which is unbiased; that of
        the factor is not, since a batch of whole cells has a mean that scatters by a quarter.
        """
        weight = self.training_boxes[0].multiplicity[rows]
        mean = (ratio * weight).sum() / weight.sum()
        with torch.no_grad():
            then = (self._epoch_ratio[rows] * weight).sum() / weight.sum()
            value = self._epoch_mean * mean / then
        return ratio / (value + mean - mean.detach())

    def loss_of_batch(
        self, ratio: torch.Tensor, cells: torch.Tensor, rows: torch.Tensor, lengths: torch.Tensor
    ) -> torch.Tensor:
        """Mean over cells of the squared residual, given the unnormalised f of the rows."""
        if self.settings.normalisation == "exact":
            ratio = self._normalised(ratio, rows)
        residual = squared_residual(
            ratio, self.training_boxes[0], cells, rows, lengths, self.settings.estimator
        )
        return residual.mean()

    def training_step(self, cells: torch.Tensor, batch_index: int) -> None:
        boxes, optimiser = self.training_boxes[0], self.optimizers()
        rows, lengths = boxes.rows_of(cells)
        inputs = boxes.inputs[rows]
        with torch.no_grad():
            ratio = torch.cat([self.network(inputs[part]) for part in self._passes(len(rows))])
        ratio.requires_grad_(True)
        self.loss_of_batch(ratio, cells, rows, lengths).backward()
        optimiser.zero_grad()
        for part in self._passes(len(rows)):
            self.network(inputs[part]).backward(ratio.grad[part])
        if self.settings.normalisation == "penalty":
            self._penalty().backward()
        optimiser.step()

    def _penalty(self) -> torch.Tensor:
        """The authors' penalty on <f> and on very small f."""
        boxes = self.training_boxes[0]
        weight = boxes.multiplicity[self.penalty_rows]
        log10_ratio = self.network.log10_ratio(boxes.inputs[self.penalty_rows])
        small = torch.clamp(log10_ratio + 5, max=0) ** 4
        penalty = (small * weight).sum() / weight.sum()
        epoch = self.current_epoch + 1
        if epoch >= PENALTY_FROM_EPOCH:
            mean = (10**log10_ratio * weight).sum() / weight.sum()
            penalty = penalty + ((mean - 1) / max(0.1 / epoch**3, 1e-4)) ** 2
        return penalty

    @torch.no_grad()
    def loss(self, boxes: TrainingBoxes, ratio: torch.Tensor) -> float:
        """Mean squared residual of some boxes, given normalised f of every row."""
        cells = boxes.blocks(self.settings.block)
        rows, lengths = boxes.rows_of(cells)
        residual = squared_residual(
            ratio[rows], boxes, cells, rows, lengths, self.settings.estimator
        )
        return float(residual.double().mean())

    def on_train_epoch_end(self) -> None:
        self.lr_schedulers().step()
        boxes, validation = self.training_boxes[0], self.validation_boxes[0]
        if self.settings.normalisation == "exact":
            self._anchor()
        ratio = self.all_ratios(boxes)
        self._remember(ratio)
        mean = self._epoch_mean
        norm = mean if self.settings.normalisation == "exact" else 1.0
        on_validation = self.all_ratios(validation) / norm
        epoch = self.current_epoch + 1
        self.history.append(
            {
                "epoch": epoch,
                "train_loss": self.loss(boxes, ratio / norm),
                # ASSUME: each box is judged at its own mean halo density, as its target is.
                "validation_loss": self.loss(
                    validation, on_validation / self.mean_over_particles(on_validation, validation)
                ),
                "mean_ratio": mean / norm,
                "seconds": time.monotonic() - self._started,
            }
        )
        if epoch == (self.settings.snapshot_epoch or self.settings.epochs):
            self.snapshot = {k: v.detach().clone() for k, v in self.network.state_dict().items()}
            self.snapshot["log10_normalisation"].fill_(float(np.log10(norm)))
        self._say(self.history[-1])

    def _say(self, row: Mapping[str, float]) -> None:
        left = (self.settings.epochs - row["epoch"]) * row["seconds"]
        log.info(
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


class SaveEveryEpoch(lightning.callbacks.Checkpoint):
    """Keep one checkpoint, replaced whole after each epoch.

    A ``Checkpoint``, because Lightning calls those after the module's own end of an epoch (learning
    rate, history, snapshot), and every other callback before it.
    """

    def __init__(self, path: Path):
        self.path = path

    def on_train_epoch_end(self, trainer: lightning.Trainer, module: lightning.LightningModule):
        with written_whole(self.path) as partial:
            trainer.save_checkpoint(partial)


def resumable(checkpoint: Path, identity: str) -> bool:
    """Whether a checkpoint is whole and was made by the very same training."""
    if not checkpoint.exists():
        return False
    try:
        found = torch.load(checkpoint, weights_only=True, map_location="cpu")["identity"]
    except Exception as error:  # half-written, or not ours: start again rather than stop
        log.warning("checkpoint %s is unreadable (%s): training starts again", checkpoint, error)
        return False
    if found != identity:
        log.warning("checkpoint %s is of another training: training starts again", checkpoint)
        return False
    return True


@dataclass(frozen=True)
class Boxes:
    """The stores of some boxes, an entry a box.

    Parameters
    ----------
    features : mappings of smoothing scale [Mpc/h] to feature store
    particles, halos : paths of the stores
    """

    features: Sequence[Mapping[float, str | Path]]
    particles: Sequence[str | Path]
    halos: Sequence[str | Path]

    def load(self, projection: Projection, fraction: float, seed: int) -> TrainingBoxes:
        """Everything training needs of them (see ``load_box``)."""
        stores = zip(self.features, self.particles, self.halos, strict=True)
        return TrainingBoxes([load_box(*box, projection, fraction, seed) for box in stores])


def train_network(
    training: Boxes,
    validation: Boxes,
    projection: str | Path,
    settings: TrainingSettings,
    seed: int,
    weights: str | Path,
    losses: str | Path,
    threads: int = 1,
    device: str = "cpu",
) -> None:
    """Train one network on the boxes of a set and write its weights and losses.

    Parameters
    ----------
    training, validation : Boxes
    projection : path of the projection
    settings : TrainingSettings
    seed : int
    weights, losses : paths of the outputs
        Weights (``HaloToMassRatio.load``); CSV of losses, an epoch a line.
    threads : int
        Threads of torch.
    device : str
        ``cpu``, ``cuda`` or ``auto``.

    Notes
    -----
    A checkpoint stands beside ``weights`` while training runs, keyed by a digest of all it is
    trained on; a killed run continues from it and ends in the same weights.
    """
    torch.set_num_threads(threads)
    mapping = Projection.read(projection)
    boxes, held_out = (
        part.load(mapping, settings.particle_fraction, seed) for part in (training, validation)
    )
    log.info(
        "%d boxes, %d cells, %.3g particles in %.3g rows, %d inputs",
        len(training.halos), boxes.cells, float(boxes.multiplicity.double().sum()),
        len(boxes.multiplicity), mapping.inputs,
    )  # fmt: skip
    weights = Path(weights)
    module = fit(boxes, held_out, mapping.inputs, settings, seed, weights, device)
    module.network.load_state_dict(module.snapshot)
    with written_whole(losses) as partial:
        pd.DataFrame(module.history).drop(columns="seconds").to_csv(partial, index=False)
    module.network.cpu().save(
        weights, **provenance(seed=seed, settings=asdict(settings), identity=module.identity)
    )
    remove(checkpoint_beside(weights))


def checkpoint_beside(weights: Path) -> Path:
    """Where the checkpoint of a running training stands."""
    return weights.with_name("checkpoint.ckpt")


def fit(
    boxes: TrainingBoxes,
    validation: TrainingBoxes,
    inputs: int,
    settings: TrainingSettings,
    seed: int,
    weights: Path,
    device: str = "cpu",
) -> RatioTraining:
    """Run the training loop, from a checkpoint beside ``weights`` where there is a fitting one."""
    architecture = Architecture(
        inputs, settings.hidden_layers, settings.neurons, settings.activation
    )
    network = HaloToMassRatio(architecture, generator_of(seed, "weights"))
    module = RatioTraining(network, boxes, validation, settings, seed)
    recipe = json.dumps([asdict(settings), asdict(architecture), seed, torch.__version__])
    module.identity = f"{boxes.digest()} {validation.digest()} {recipe}"
    checkpoint = checkpoint_beside(weights)
    resume = resumable(checkpoint, module.identity)
    if resume:
        log.info("continuing from %s", checkpoint)
    trainer = lightning.Trainer(
        max_epochs=settings.epochs,
        accelerator=device,
        devices=1,
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[SaveEveryEpoch(checkpoint)],
    )
    trainer.fit(
        module, ckpt_path=str(checkpoint) if resume else None, weights_only=True if resume else None
    )
    return module
