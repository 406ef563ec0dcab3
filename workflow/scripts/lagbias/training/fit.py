"""A training from its stores to its weights: the loop, its checkpoint, what is written.

``lagbias.training.field`` says what a step and an epoch do.
"""

import json
import logging
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from lagbias.base.devices import deterministic_algorithms, device_of
from lagbias.base.files import remove, written_whole
from lagbias.base.jobs import PROGRESS
from lagbias.base.stores import provenance
from lagbias.base.threads import usable
from lagbias.config.training import TrainingSettings
from lagbias.projection.projection import Projection
from lagbias.training.cells import Boxes
from lagbias.training.field import RatioTraining
from lagbias.training.lightning import Checkpoint, LightningEnvironment, LightningModule, Trainer
from lagbias.training.network import Architecture, HaloToMassRatio, generator_of
from lagbias.training.rows import digest_of

log = logging.getLogger(__name__)


class SaveEveryEpoch(Checkpoint):
    """Keep one checkpoint, replaced whole after each epoch.

    A ``Checkpoint``, because Lightning calls those after the module's own end of an epoch (learning
    rate, history, snapshot), and every other callback before it.
    """

    def __init__(self, path: Path):
        self.path = path

    def on_train_epoch_end(self, trainer: Trainer, module: LightningModule):
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
        log.warning(
            "checkpoint %s is of another training, or of other code: training starts again",
            checkpoint,
        )
        return False
    return True


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
    deterministic: bool = False,
    inputs_in: str | Path | None = None,
    code: Mapping[str, str] | None = None,
) -> None:
    """Train one network on the boxes of a set and write its weights and losses.

    Parameters
    ----------
    training, validation : Boxes
    projection : path of the projection
    settings : TrainingSettings
    seed : int
    weights, losses : paths of the outputs
        Weights (``HaloToMassRatio.load``); CSV of losses, an epoch a line, ``kept`` where the
        weights are of it.
    threads : int
        Threads of torch.
    device : str
        ``cpu``, ``cuda`` or ``auto``.
    deterministic : bool
        Use only operations that give the same bits every time.
    inputs_in : path of a folder, optional
        Network inputs are written there, and read from there batch by batch, to save memory
        (``lagbias.training.rows``). The weights are the same.
    code : mapping, optional
        Digests of the code that trains (``lagbias.plan.code``).

    Notes
    -----
    A checkpoint stands beside ``weights`` while training runs, keyed by a digest of all it is
    trained on, and by the code; a killed run continues from it and ends in the same weights.
    """
    torch.set_num_threads(usable(threads))
    mapping = Projection.read(projection)
    boxes, held_out = (
        part.load(mapping, settings.particle_fraction, seed, settings.draws_in_cells, inputs_in)
        for part in (training, validation)
    )
    log.info(
        "%d boxes, %d cells, %.3g particles in %.3g rows, %d inputs",
        len(training.halos), boxes.cells, boxes.particles, len(boxes.multiplicity), mapping.inputs,
    )  # fmt: skip
    network = first_network(mapping.inputs, settings, seed, squared_inputs(mapping))
    module = RatioTraining(network, boxes, held_out, settings, seed)
    with deterministic_algorithms(deterministic):
        fit(module, seed, Path(weights), device, code)
    write_network(module, seed, Path(weights), losses)


def squared_inputs(mapping: Projection) -> tuple[int, ...]:
    """The inputs of which a Gaussian f has squares: those linear in the density, or else all."""
    linear = mapping.linear if mapping.linear.any() else np.ones(mapping.inputs, dtype=bool)
    return tuple(np.flatnonzero(linear).tolist())


def first_network(
    inputs: int, settings: TrainingSettings, seed: int, squared: tuple[int, ...] = ()
) -> HaloToMassRatio:
    """The network that a training begins with, drawn from the seed.

    ``squared`` are the inputs of which a Gaussian f has squares; a network has none.
    """
    output = "sigmoid" if settings.objective == "labels" else "exponential"
    architecture = Architecture(
        inputs, settings.hidden_layers, settings.neurons, settings.activation, output,
        settings.form, squared if settings.form == "gaussian" else (),
    )  # fmt: skip
    return HaloToMassRatio(architecture, generator_of(seed, "weights"))


def checkpoint_beside(weights: Path) -> Path:
    """Where the checkpoint of a running training stands."""
    return weights.with_name("checkpoint.ckpt")


def fit(
    module: RatioTraining,
    seed: int,
    weights: Path,
    device: str = "cpu",
    code: Mapping[str, str] | None = None,
) -> None:
    """Run the training loop, from a checkpoint beside ``weights`` where there is a fitting one."""
    settings = module.settings
    recipe = json.dumps(
        [asdict(settings), asdict(module.network.architecture), seed, torch.__version__, code]
    )
    digests = [part.digest() for part in (*module.training_boxes, *module.validation_boxes)]
    module.identity = " ".join([*digests, digest_of(module.network), recipe])
    checkpoint = checkpoint_beside(weights)
    resume = resumable(checkpoint, module.identity)
    if resume:
        log.log(PROGRESS, "continuing from %s", checkpoint)
    trainer = Trainer(
        max_epochs=settings.epochs,
        accelerator=device_of(device).type,
        devices=1,
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[SaveEveryEpoch(checkpoint)],
        # One process, whatever scheduler it runs under: Lightning looks for Slurm's, LSF's or MPI's
        # tasks otherwise, and refuses to train, waits for the others, or requeues the job.
        plugins=[LightningEnvironment()],
        default_root_dir=checkpoint.parent,  # where it looks for its own of a requeued job
    )
    trainer.fit(
        module, ckpt_path=str(checkpoint) if resume else None, weights_only=True if resume else None
    )


def write_network(module: RatioTraining, seed: int, weights: Path, losses: str | Path) -> None:
    """Write the weights and losses of a finished training, and drop its checkpoint."""
    module.network.load_state_dict(module.snapshot)
    history = pd.DataFrame(module.history).drop(columns="seconds")
    history["kept"] = history["epoch"] == module.kept_epoch
    with written_whole(losses) as partial:
        history.to_csv(partial, index=False)
    module.network.cpu().save(
        weights,
        **provenance(seed=seed, settings=asdict(module.settings), identity=module.identity),
    )
    remove(checkpoint_beside(weights))
