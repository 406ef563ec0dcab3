"""The range of inputs that a training saw, and what share of other inputs is beyond it."""

import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from lagbias.base.stores import open_store
from lagbias.evaluation.prediction import occupied
from lagbias.features.slabs import slabs
from lagbias.halos.particles import Particles
from lagbias.projection.projection import Projection

log = logging.getLogger(__name__)

QUANTILES = (0.001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999)
SAMPLED = 1_000_000  # points, evenly spaced, that quantiles are taken of
# Points beyond the range are the highest peaks, where f is 10 to 20. So many of them hold some
# 0.1 % of the halo mass. A box like those of the training has fewer.
WORTH_A_WARNING = 1e-4


class OutOfRange(UserWarning):
    """Inputs of a network are beyond the range that its training saw."""


def inputs_seen(
    boxes: Sequence[tuple[Mapping[float, str | Path], str | Path]], projection: Projection
) -> dict:
    """Least, greatest and quantiles of each input, at the grid points that have particles.

    Parameters
    ----------
    boxes : sequence
        Feature stores by smoothing scale [Mpc/h], and particle store, of each training box.
    projection : Projection

    Returns
    -------
    dict
        ``minimum`` and ``maximum``, a list of one number an input, of all points; ``quantiles``,
        such a list by quantile, of at most ``SAMPLED`` points.
    """
    least, greatest, sample = np.inf, -np.inf, []
    counts = [(features, occupied(Particles.open(particles))) for features, particles in boxes]
    step = -(-sum(int(needed.sum()) for _, needed in counts) // SAMPLED)
    for features, needed in counts:
        for inputs in _inputs_of(features, needed, projection):
            least = np.minimum(least, inputs.min(axis=0))
            greatest = np.maximum(greatest, inputs.max(axis=0))
            sample.append(inputs[::step])
    found = np.quantile(np.concatenate(sample), QUANTILES, axis=0)
    return {
        "minimum": np.asarray(least).tolist(),
        "maximum": np.asarray(greatest).tolist(),
        "quantiles": {f"{q:g}": row for q, row in zip(QUANTILES, found.tolist(), strict=True)},
    }


def _inputs_of(
    features: Mapping[float, str | Path], needed: np.ndarray, projection: Projection
) -> Iterator[np.ndarray]:
    """Inputs at the needed points of a box, slab by slab, where a slab has some."""
    field = open_store(next(iter(features.values())))["delta"]
    for slab in slabs(field):
        if needed[slab].any():
            yield projection.at(features, slab, needed[slab])


class Outside:
    """Counts the points of which an input is beyond the range that a training saw.

    Parameters
    ----------
    seen : mapping
        See ``inputs_seen``.
    """

    def __init__(self, seen: Mapping) -> None:
        self._least = np.array(seen["minimum"], dtype=np.float32)
        self._greatest = np.array(seen["maximum"], dtype=np.float32)
        self._outside, self._points = np.zeros(len(self._least) + 1, dtype=np.int64), 0

    def add(self, inputs: np.ndarray) -> None:
        """Count some points, (points, inputs)."""
        beyond = (inputs < self._least) | (inputs > self._greatest)
        self._outside += [*beyond.sum(axis=0), beyond.any(axis=1).sum()]
        self._points += len(inputs)

    def tell(self) -> None:
        """Log the share; warn of one that matters."""
        *of_inputs, share = self._outside / max(self._points, 1)
        log.info("%.2g of the points have an input beyond the range of the training", share)
        if share > WORTH_A_WARNING:
            worst = int(np.argmax(of_inputs))
            warnings.warn(
                f"{share:.2%} of the points have an input beyond the range that the training saw "
                f"(input {worst + 1} most often, at {of_inputs[worst]:.2%}): f is extrapolated "
                "there. Is this the linear overdensity at the model's redshift? Is box_size in "
                "Mpc/h?",
                OutOfRange,
                stacklevel=4,
            )
