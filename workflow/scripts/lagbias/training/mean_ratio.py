"""<f> = 1: the mean of f over all particles, known at every step of the training; or a penalty.

Exactly (``normalisation: exact``)
----------------------------------
A step sees the particles of a few cells, whose mean scatters by a quarter, and the network moves
with every step. So <f> over all particles is summed at the start of an epoch, and followed within
it on particles drawn at random, independently of the step's cells:

    <f> = <f_0> sum_s (f / q) / sum_s (f_0 / q),    s drawn from q = f_0 + <f_0>

with f_0 the ratio at the start of the epoch. What is drawn is mostly what makes the mean, and no
particle weighs more than twice its share. Value and gradient are of one expression, so a common
factor of f drops out of f / <f> altogether: the free scale of the unnormalised f feels no force,
and the estimate is positive wherever f is.

By the authors' penalties (``normalisation: penalty``)
------------------------------------------------------
    sum_c (delta_model - delta_halo)^2 + sum_p (log10 f + 5)^4 + ((<f> - 1) / tol)^2

over the cells and the drawn particles of a batch, those with log10 f < -5; <f> is of 1e5 fixed
particles, from the third epoch on. tol = max(0.1 / e^3, 1e-4), where e counts epochs from 0.
"""

import torch

from lagbias.training.cells import TrainingBoxes
from lagbias.training.rows import ROWS_AT_ONCE

PENALTY_PARTICLES = 100_000
PENALTY_FROM = 2  # epochs before it, so its tolerance begins at 0.1 / 2^3
SMALLEST_LOG10 = -5
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


def penalty_on_mean(ratio: torch.Tensor, particles: torch.Tensor, epoch: int) -> torch.Tensor:
    """The authors' penalty on <f>, given f of some rows, their particles and the epoch, from 0."""
    particles = particles.double()  # as <f> nears 1 to 1e-4, what is left of float32 is noise
    mean = (ratio.double() * particles).sum() / particles.sum()
    return ((mean - 1) / max(0.1 / epoch**3, 1e-4)) ** 2


def penalty_on_small(log10_ratio: torch.Tensor, particles: torch.Tensor) -> torch.Tensor:
    """The authors' penalty on very small f, given log10 f of some rows and their particles."""
    return (torch.clamp(log10_ratio - SMALLEST_LOG10, max=0) ** 4 * particles).sum()


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
        draws, place = draws.to(cumulative.device).mul_(cumulative[-1]).flatten().sort()
        found = torch.searchsorted(cumulative, draws).clamp_(max=len(ratio) - 1)  # twice as fast
        rows = torch.empty_like(found).index_copy_(0, place, found)
        self._rows = rows.reshape(steps, ROWS_PER_STEP).to(ratio.device)
        drawn = ratio[self._rows].double() + self.at_start
        self._weight = (1 / drawn).to(ratio.dtype)
        self._then = (self._weight * ratio[self._rows]).sum(1)

    def rows(self, step: int) -> torch.Tensor:
        """The rows on which a step follows <f>, (rows of a step,)."""
        return self._rows[step]

    def now(self, ratio: torch.Tensor, step: int) -> torch.Tensor:
        """<f> of the network as it is, given f of ``rows(step)``; differentiable."""
        return self.at_start * (self._weight[step] * ratio).sum() / self._then[step]
