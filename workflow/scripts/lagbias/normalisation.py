"""<f> = 1: the mean of f over all particles, known at every step of the training.

A step sees the particles of a few cells, whose mean scatters by a quarter, and the network moves
with every step. So <f> over all particles is summed at the start of an epoch, and followed within
it on particles drawn at random, independently of the step's cells:

    <f> = <f_0> sum_s (f / q) / sum_s (f_0 / q),    s drawn from q = f_0 + <f_0>

with f_0 the ratio at the start of the epoch. What is drawn is mostly what makes the mean, and no
particle weighs more than twice its share. Value and gradient are of one expression, so a common
factor of f drops out of f / <f> altogether: the free scale of the unnormalised f feels no force,
and the estimate is positive wherever f is.
"""

import torch

from lagbias.cells import ROWS_AT_ONCE, TrainingBoxes

ROWS_PER_STEP = 1024  # the followed <f> scatters by a per cent or two in the first epoch, then less


def mean_over_particles(ratio: torch.Tensor, boxes: TrainingBoxes) -> float:
    """<f> over all particles, summed in float64, for f of every row."""
    total, particles = 0.0, 0.0
    parts = (values.split(ROWS_AT_ONCE) for values in (ratio, boxes.multiplicity))
    for f, count in zip(*parts, strict=True):
        count = count.double()
        total += (f.double() * count).sum()
        particles += count.sum()
    return float(total / particles)


class MeanRatio:
    """<f> over all particles of a set, followed through one epoch.

    Parameters
    ----------
    boxes : TrainingBoxes
    ratio : float32, (rows,)
        f of every row at the start of the epoch.
    steps : int
        Training steps of the epoch.
    generator : torch.Generator
        Draws the particles of the steps.

    Attributes
    ----------
    at_start : float
        <f> at the start of the epoch.
    """

    def __init__(
        self, boxes: TrainingBoxes, ratio: torch.Tensor, steps: int, generator: torch.Generator
    ):
        self.at_start = mean_over_particles(ratio, boxes)
        # One array of float64, not four: there may be 1e8 rows.
        cumulative = ratio.double()
        cumulative += self.at_start
        parts = (values.split(ROWS_AT_ONCE) for values in (cumulative, boxes.multiplicity))
        for values, count in zip(*parts, strict=True):
            values *= count  # torch makes a float64 of what it multiplies with
        if torch.are_deterministic_algorithms_enabled():
            cumulative = cumulative.cpu()  # a GPU adds up in no fixed order
        torch.cumsum(cumulative, 0, out=cumulative)
        draws = torch.rand((steps, ROWS_PER_STEP), generator=generator, dtype=torch.float64)
        draws = draws.to(cumulative.device) * cumulative[-1]
        rows = torch.searchsorted(cumulative, draws).clamp_(max=len(ratio) - 1)
        self._rows = rows.to(ratio.device)
        drawn = ratio[self._rows].double() + self.at_start
        self._weight = (1 / drawn).to(ratio.dtype)
        self._then = (self._weight * ratio[self._rows]).sum(1)

    def rows(self, step: int) -> torch.Tensor:
        """The rows on which a step follows <f>, (rows of a step,)."""
        return self._rows[step]

    def now(self, ratio: torch.Tensor, step: int) -> torch.Tensor:
        """<f> of the network as it is, given f of ``rows(step)``; differentiable."""
        return self.at_start * (self._weight[step] * ratio).sum() / self._then[step]
