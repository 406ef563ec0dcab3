"""How a network is trained: settings, checked when made, and their presets."""

from dataclasses import asdict, dataclass, fields, replace
from typing import Annotated, Literal

from lagbias.base.errors import InputError
from lagbias.config.keys import Count, OrNull, Range, Share, Unit, misfit

Estimator = Literal["unbiased", "plain"]
Normalisation = Literal["exact", "penalty"]


@dataclass(frozen=True)
class TrainingSettings:
    """How a network is trained: keys of the config's section ``training``.

    The text below a field is its meaning in the docs of the config.

    Raises
    ------
    InputError
        If a value is out of its range.
    """

    form: Literal["network", "gaussian"] = "network"
    """Form of log10 *f*. `network`: a neural network. `gaussian`: a polynomial of second order in δ
    and ∇²δ and of first order in G2 (arXiv:2405.01951); `hidden_layers`, `neurons` and `activation`
    are not used."""
    hidden_layers: Count = 3
    """Hidden layers of the network."""
    neurons: Count = 20
    """Neurons in each hidden layer."""
    activation: Literal["silu", "gelu"] = "silu"
    """Activation function of the hidden layers."""
    epochs: Count = 12
    """Passes through the cells of all training boxes, where `steps` is not given."""
    steps: OrNull[Count] = None
    """At least so many training steps, in whole epochs, instead of `epochs`. Sets of few and of
    many boxes are then trained alike."""
    cells_per_batch: Count = 800
    """Cells of a training step, drawn from all boxes; at least the cells of a block."""
    block: Annotated[Count, Unit("cells")] = 4
    """Residuals are taken over cubes of so many cells a side, on a grid that is shifted at random
    every epoch. It must divide the cells a side of every box."""
    optimiser: Literal["soap", "adam"] = "soap"
    """`soap`: Adam in the eigenbasis of each layer's gradients, as good as `adam` with three times
    the steps ([training](../results/training.md)). `adam`: as in the authors' code."""
    learning_rate: Annotated[float, Range(above=0)] = 0.02
    """Learning rate at the start."""
    learning_rate_decay: OrNull[Share] = None
    """Factor on the learning rate after each epoch. `null`: the rate falls to zero on a straight
    line, step by step."""
    adam_beta2: Annotated[float, Range(least=0, below=1)] = 0.95
    """Share of its mean squared gradient that the optimiser keeps in a step."""
    particle_fraction: Share = 1.0
    """Share of the particles that is used, drawn once for each seed: from the whole box, or, with
    `estimator: plain`, from each cell."""
    estimator: Estimator = "unbiased"
    """`unbiased`: the variance of particle sampling is subtracted from the loss. `plain`: it is
    not. Particles are then drawn as in the authors' code: of the n particles of a cell,
    max(int(`particle_fraction` n), 1) are drawn, and each counts n / n_drawn. `unbiased` cannot
    draw so: one particle does not tell the variance within a cell."""
    normalisation: Normalisation = "exact"
    """`exact`: ⟨f⟩ = 1 over all training particles. `penalty`: the authors' loss. Residuals are
    summed over a batch, and penalties on ⟨f⟩ and on very small *f* are added. `losses.csv` has the
    mean squared residual in both cases."""
    snapshot_epoch: OrNull[Count] = None
    """The weights of this epoch are kept. `null`: those of the last epoch."""
    objective: Literal["field", "labels"] = "field"
    """`field`: the halo field. `labels`: which particles end in halos, learnt directly by the mean
    log loss, with *f* = p(halo given the inputs) / p(halo). `losses.csv` then has log losses
    [nats], and the loss of the field as `validation_field_loss`."""

    def __post_init__(self):
        expected = {
            field.name: misfit(field.type, getattr(self, field.name)) for field in fields(self)
        }
        if self.cells_per_batch < self.block**3:
            expected["cells_per_batch"] = (
                f"{self.block**3} or more, the cells of a block (training.block {self.block}); "
                "use a larger batch or a smaller block"
            )
        if self.steps is None and (self.snapshot_epoch or 0) > self.epochs:
            expected["snapshot_epoch"] = (
                f"1 to {self.epochs}, the epochs of this training, or null for the last"
            )
        if self.form == "gaussian" and self.objective == "labels":
            expected["form"] = "network with `objective: labels`, whose f is a probability"
        for name, text in expected.items():
            if text:
                raise InputError(f"training.{name}: found {getattr(self, name)!r}, expected {text}")

    @property
    def draws_in_cells(self) -> bool:
        """Whether a share of the particles is drawn cell by cell, not from the whole box."""
        return self.estimator == "plain"

    def for_cells(self, cells: int) -> "TrainingSettings":
        """These settings for so many cells of training boxes: ``steps`` as epochs.

        Raises
        ------
        InputError
            If the epoch of the snapshot is never reached.
        """
        if self.steps is None:
            return self
        per_epoch = -(-cells // self.cells_per_batch)
        return replace(self, epochs=-(-self.steps // per_epoch), steps=None)


PRESETS = {
    "seed": TrainingSettings(),
    "code": TrainingSettings(
        hidden_layers=5, neurons=64, activation="gelu", epochs=70, cells_per_batch=10_000, block=1,
        optimiser="adam", learning_rate=2e-3, learning_rate_decay=0.9, adam_beta2=0.999,
        particle_fraction=0.1, estimator="plain", normalisation="penalty", snapshot_epoch=50,
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
