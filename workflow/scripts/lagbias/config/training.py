"""How a network is trained: settings, checked when made, and their presets."""

from dataclasses import asdict, dataclass, fields, replace

from lagbias.base.errors import InputError

ESTIMATORS = ("unbiased", "plain")
NORMALISATIONS = ("exact", "penalty")
OBJECTIVES = ("field", "labels")
OPTIMISERS = ("soap", "adam")


@dataclass(frozen=True)
class TrainingSettings:
    """How a network is trained.

    Parameters
    ----------
    hidden_layers, neurons, activation : the network (see ``Architecture``).
    epochs : int
        Where ``steps`` is not given.
    steps : int or None
        At least so many training steps, in as many epochs as hold them: sets of few and of many
        boxes are trained alike.
    cells_per_batch : int
        Cells of a training step, drawn from all boxes.
    block : int
        Side, in cells, of the cubes over which residuals are taken; must divide the mesh.
    optimiser : str
        ``soap``, Adam in the eigenbasis of each layer's gradients (``lagbias.training.optimiser``),
        or ``adam``.
    learning_rate : float
        Of the optimiser, at first.
    learning_rate_decay : float or None
        Factor per epoch; None lets the rate fall to zero on a straight line, step by step.
    adam_beta2 : float
        Share of its mean squared gradient that the optimiser keeps in a step.
    particle_fraction : float
        Share of the particles that is used, drawn once per seed; 1 is all.
    estimator : str
        ``unbiased`` or ``plain`` (``lagbias.training.loss``). ``plain`` draws particles
        cell by cell, as the authors do; the others draw from the whole box.
    normalisation : str
        ``exact`` makes <f> = 1 over all particles of the set; ``penalty`` adds the authors'
        penalties to the squared residuals, summed over the batch (``lagbias.training.mean_ratio``).
    snapshot_epoch : int or None
        Keep the weights of this epoch; None keeps the last.
    objective : str
        ``field``: the halo field; ``labels``: which particles end in halos.

    Raises
    ------
    InputError
        If a value is out of its range.
    """

    hidden_layers: int = 3
    neurons: int = 20
    activation: str = "silu"
    epochs: int = 12
    steps: int | None = None
    cells_per_batch: int = 800
    block: int = 4
    optimiser: str = "soap"
    learning_rate: float = 0.02
    learning_rate_decay: float | None = None
    adam_beta2: float = 0.95
    particle_fraction: float = 1.0
    estimator: str = "unbiased"
    normalisation: str = "exact"
    snapshot_epoch: int | None = None
    objective: str = "field"

    def __post_init__(self):
        decay, snapshot = self.learning_rate_decay, self.snapshot_epoch
        checks = {
            "epochs": (self.epochs >= 1, "1 or more"),
            "steps": (self.steps is None or self.steps >= 1, "1 or more, or null for `epochs`"),
            "block": (self.block >= 1, "1 or more"),
            "cells_per_batch": (
                self.cells_per_batch >= self.block**3,
                f"{self.block**3} or more, the cells of a block (training.block {self.block}); "
                "use a larger batch or a smaller block",
            ),
            "optimiser": (self.optimiser in OPTIMISERS, f"one of {OPTIMISERS}"),
            "learning_rate": (self.learning_rate > 0, "above 0"),
            "learning_rate_decay": (
                decay is None or 0 < decay <= 1,
                "above 0 and at most 1, or null for a straight line",
            ),
            "adam_beta2": (0 <= self.adam_beta2 < 1, "0 or more and below 1"),
            "particle_fraction": (0 < self.particle_fraction <= 1, "above 0 and at most 1"),
            "estimator": (self.estimator in ESTIMATORS, f"one of {ESTIMATORS}"),
            "normalisation": (self.normalisation in NORMALISATIONS, f"one of {NORMALISATIONS}"),
            "objective": (self.objective in OBJECTIVES, f"one of {OBJECTIVES}"),
            "snapshot_epoch": (
                snapshot is None or self.steps is not None or 1 <= snapshot <= self.epochs,
                f"1 to {self.epochs}, the epochs of this training, or null for the last",
            ),
        }
        for field, (fine, expected) in checks.items():
            if not fine:
                raise InputError(
                    f"training.{field}: found {getattr(self, field)!r}, expected {expected}"
                )

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
