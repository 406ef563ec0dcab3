"""f constant in bins of the smoothed density, and of a second feature within them.

The bins of arXiv:2109.13948: 40 of delta / sigma on [-4, 5], the end ones open, and in each of them
five of the Laplacian or of G2 between its percentiles there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import xarray as xr

from lagbias.base.stores import open_store
from lagbias.features.slabs import SLAB_POINTS, values_in_parts
from lagbias.halos.particles import Particles
from lagbias.projection.orthogonal import feature_moments
from lagbias.yardsticks.least_squares import NormalEquations, solve_nonnegative

DELTA_EDGES = np.linspace(-4, 5, 41)  # standard deviations
PERCENTILES = {"laplacian": (0, 5, 35, 65, 95, 100), "g2": (0, 10, 30, 70, 90, 100)}
PERCENTILE_POINTS = 20_000_000  # grid points of all boxes together that decide the percentiles


@dataclass(frozen=True)
class Bins:
    """Bins of the density, or of the density and a second feature.

    Attributes
    ----------
    scale : float
        [Mpc/h]
    sigma : float
        Standard deviation of delta_R.
    second : str or None
        ``laplacian`` or ``g2``.
    second_edges : float64, (40, inner edges)
        Inner edges of the second feature in each bin of the density; (40, 0) without one.
    """

    scale: float
    sigma: float
    second: str | None
    second_edges: np.ndarray

    # The second feature of a kind of bins.
    SECOND: ClassVar[str | None] = None

    @classmethod
    def of_boxes(cls, boxes: Sequence[Mapping[float, str | Path]]) -> Self:
        """Bins by the grids of some boxes, each with features at one smoothing scale."""
        second = cls.SECOND
        _, deviation, _, kinds, scales = feature_moments(boxes)
        sigma, scale = float(deviation[kinds.index("delta")]), scales[0]
        edges = np.zeros((len(DELTA_EDGES) - 1, 0))
        if second:
            edges = percentile_edges([box[scale] for box in boxes], sigma, second)
        return cls(scale, sigma, second, edges)

    @property
    def shape(self) -> tuple[int, int]:
        """Bins of the density, and of the second feature in each."""
        return len(self.second_edges), self.second_edges.shape[1] + 1

    def __len__(self) -> int:
        return self.second_edges.size + len(self.second_edges)

    def on(self, features: Mapping[float, str | Path]) -> "BinsOnBox":
        """The bins on one box: smoothing scale to feature store."""
        return BinsOnBox(self, features)

    def number(self, delta: np.ndarray, second: np.ndarray | None) -> np.ndarray:
        """Flat number of the bin of each point, uint8."""
        row = density_bin(delta / self.sigma)
        column = 0
        for edge in self.second_edges.T:
            column = column + (second >= edge[row])
        return (row * self.shape[1] + column).astype(np.uint8)

    def solve(self, equations: NormalEquations) -> np.ndarray:
        """f of every bin: the least loss with f >= 0 and <f> = 1; empty bins are ``filled``."""
        values = np.zeros(len(self))
        occupied = np.flatnonzero(equations.total)
        values[occupied] = solve_nonnegative(equations.of(occupied))
        return self.filled(values, equations.total)

    def to_dataset(
        self, coefficients: np.ndarray, errors: np.ndarray, equations: NormalEquations
    ) -> xr.Dataset:
        """f, its error and the training particles of every bin, and the bins' edges."""
        bins = ("delta_bin", "second_bin")
        return xr.Dataset(
            {
                "ratio": (bins, coefficients.reshape(self.shape)),
                "standard_error": (bins, errors.reshape(self.shape)),
                "particles": (bins, equations.total.reshape(self.shape)),
                "delta_edge": ("edge", DELTA_EDGES, {"units": "standard deviations"}),
                "second_edge": (("delta_bin", "inner_edge"), self.second_edges),
                "smoothing_scale": ((), self.scale, {"units": "Mpc/h"}),
                "sigma": ((), self.sigma),
            },
            attrs={"second": self.second or ""},
        )

    @classmethod
    def from_dataset(cls, data: xr.Dataset) -> tuple[Self, np.ndarray]:
        """The bins and f in them as ``to_dataset`` made them."""
        scale, sigma = float(data["smoothing_scale"]), float(data["sigma"])
        bins = cls(scale, sigma, data.attrs["second"] or None, data["second_edge"].values)
        return bins, data["ratio"].values.reshape(-1)

    def filled(self, values: np.ndarray, counts: np.ndarray) -> np.ndarray:
        """Values of all bins: an empty one takes that of the nearest density with particles.

        Parameters
        ----------
        values : float64, (bins,)
        counts : (bins,)
            Training particles of each bin.
        """
        values, counts = values.reshape(self.shape).copy(), counts.reshape(self.shape)
        # A column of the second feature without any particle has nothing to borrow from.
        for column in np.flatnonzero(counts.any(axis=0)):
            values[:, column] = values[nearest_filled(counts[:, column] > 0), column]
        return values.reshape(-1)


class DensityBins(Bins):
    """f(delta): ``bins-R2``."""


class LaplacianBins(Bins):
    """f(delta, laplacian): ``bins-lap-R2``."""

    SECOND = "laplacian"


class ShearBins(Bins):
    """f(delta, G2): ``bins-g2-R2``."""

    SECOND = "g2"


def density_bin(standardised: np.ndarray) -> np.ndarray:
    """Bin of delta / sigma; values outside [-4, 5] fall into the end bins."""
    return np.searchsorted(DELTA_EDGES[1:-1], standardised, side="right")


def nearest_filled(filled: np.ndarray) -> np.ndarray:
    """For each bin, the nearest filled one, itself if it is; a tie goes to the lower."""
    there = np.flatnonzero(filled)
    distance = np.abs(np.arange(len(filled))[:, None] - there)
    return there[distance.argmin(axis=1)]


def percentile_edges(stores: Sequence[str | Path], sigma: float, second: str) -> np.ndarray:
    """Inner edges of the second feature between its percentiles in each bin of the density.

    Every n-th plane of the grids, so that about ``PERCENTILE_POINTS`` points count in all.

    Parameters
    ----------
    stores : feature stores of one smoothing scale, a box each
    sigma : float
        Of the density.
    second : str
        A key of ``PERCENTILES``.

    Returns
    -------
    float64, (density bins, inner edges)
    """
    rows, values = [], []
    for path in stores:
        store = open_store(path)
        step = -(-len(stores) * store["delta"].size // PERCENTILE_POINTS)
        rows.append(density_bin(store["delta"][::step].values.reshape(-1) / sigma).astype(np.uint8))
        values.append(store[second][::step].values.reshape(-1))
    rows, values = np.concatenate(rows), np.concatenate(values)
    values = values[np.argsort(rows, kind="stable")]
    ends = np.cumsum(np.bincount(rows, minlength=len(DELTA_EDGES) - 1))
    # ASSUME: percentiles within a bin of the density, not of all points (arXiv:2109.13948): the
    # Laplacian follows the density so closely that bins of all points would mostly be empty.
    inner = PERCENTILES[second][1:-1]
    filled = np.diff(ends, prepend=0) > 0
    edges = np.zeros((len(ends), len(inner)))
    parts = np.split(values, ends[:-1])
    for row in np.flatnonzero(filled):
        edges[row] = np.percentile(parts[row], inner)
    return edges[nearest_filled(filled)]


@dataclass(frozen=True)
class BinsOnBox:
    """The bins on the grid of one box (see ``least_squares.BasisOnBox``)."""

    basis: Bins
    features: Mapping[float, str | Path] = field(repr=False)

    def __len__(self) -> int:
        return len(self.basis)

    @cached_property
    def number(self) -> np.ndarray:
        """Bin of every grid point, uint8 (points^3,)."""
        store = open_store(self.features[self.basis.scale])
        number = np.empty(store["delta"].size, dtype=np.uint8)
        kinds = ["delta", self.basis.second] if self.basis.second else ["delta"]
        for slab, (delta, *second) in values_in_parts([store[kind] for kind in kinds]):
            number[slab] = self.basis.number(delta, second[0] if second else None)
        return number

    def cell_sums(self, particles: Particles, planes: np.ndarray) -> np.ndarray:
        """Particles of each cell in each bin."""
        cells = particles.mesh.cells
        sums = np.empty((len(planes), cells, cells, len(self)))
        for plane, edges in enumerate(planes[:, None] * cells**2 + np.arange(cells**2 + 1)):
            start = particles.cell_start[edges]
            cell = np.repeat(np.arange(cells**2), np.diff(start))
            number = self.number[particles.lagrangian_index[start[0] : start[-1]]]
            counts = np.bincount(cell * len(self) + number, minlength=cells**2 * len(self))
            sums[plane] = counts.reshape(cells, cells, -1)
        return sums

    def moments(self, multiplicity: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Particles of each bin, as a vector and as a diagonal."""
        total = np.zeros(len(self))
        for start in range(0, len(self.number), SLAB_POINTS):
            slab = slice(start, start + SLAB_POINTS)
            total += np.bincount(self.number[slab], multiplicity[slab], len(self))
        return total, np.diag(total)

    def ratio(self, coefficients: np.ndarray) -> np.ndarray:
        """f at every grid point, float32 (points^3,)."""
        return coefficients.astype(np.float32)[self.number]
