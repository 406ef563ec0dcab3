"""The Lagrangian bias expansion to second order, at one or several smoothing scales.

f = 1 + sum_R [ b1 delta_R + b2 (delta_R^2 - sigma_R^2) + bG2 (G2_R - <G2_R>) + bL lap delta_R ]

as in arXiv:2109.13948 (without a factor 1/2 of b2), G2 the squared traceless tidal tensor. sigma^2
and <G2> are of the training boxes' grids, so each term but the first averages to zero there; the
constant is fitted with <f> = 1 over the training particles and differs from 1 by their scatter.
Nothing keeps such an f from being negative. A long wave sees the sums over R: b1, 2 b2, bG2.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xarray as xr

from lagbias.base.stores import open_store
from lagbias.config.names import FEATURE_KINDS
from lagbias.features.slabs import values_in_parts
from lagbias.halos.particles import Particles
from lagbias.projection.orthogonal import feature_moments
from lagbias.yardsticks.least_squares import NormalEquations, solve_free
from lagbias.yardsticks.long_wave import long_wave_response

TERMS = ("delta", "delta_squared", "g2", "laplacian")  # of each scale, in this order
SLAB_POINTS = 500_000  # grid points whose terms are held at a time


@dataclass(frozen=True)
class Polynomial:
    """The terms of the expansion.

    Attributes
    ----------
    scales : tuple of float, (scales,) [Mpc/h]
    variance : float64, (scales,)
        sigma^2 of delta_R.
    mean_shear : float64, (scales,)
        <G2_R>.
    """

    scales: tuple[float, ...]
    variance: np.ndarray
    mean_shear: np.ndarray

    @classmethod
    def of_boxes(cls, boxes: Sequence[Mapping[float, str | Path]]) -> "Polynomial":
        """Terms centred on the grids of some boxes: smoothing scale to feature store of each."""
        mean, deviation, _, kinds, scales = feature_moments(boxes)
        kinds = np.array(kinds)
        delta, shear = kinds == "delta", kinds == "g2"
        variance = deviation[delta] ** 2 + mean[delta] ** 2
        return cls(tuple(np.array(scales)[delta].tolist()), variance, mean[shear])

    def __len__(self) -> int:
        return 1 + len(TERMS) * len(self.scales)

    def on(self, features: Mapping[float, str | Path]) -> "PolynomialOnBox":
        """The terms on one box: smoothing scale to feature store."""
        return PolynomialOnBox(self, features)

    def solve(self, equations: NormalEquations) -> np.ndarray:
        """The coefficients of the least loss with <f> = 1: the constant, then scale by scale."""
        return solve_free(equations)

    def to_dataset(
        self, coefficients: np.ndarray, errors: np.ndarray, equations: NormalEquations
    ) -> xr.Dataset:
        """Coefficients by scale and term, the constant, and what the terms are centred on."""
        shape = (len(self.scales), len(TERMS))
        by_term = ("smoothing_scale", "term")
        units = {"units": "1; of the laplacian (Mpc/h)^2"}
        return xr.Dataset(
            {
                "constant": ((), coefficients[0]),
                "coefficient": (by_term, coefficients[1:].reshape(shape), units),
                "standard_error": (by_term, errors[1:].reshape(shape), units),
                "variance": ("smoothing_scale", self.variance),
                "mean_shear": ("smoothing_scale", self.mean_shear),
            },
            coords={
                "smoothing_scale": ("smoothing_scale", list(self.scales), {"units": "Mpc/h"}),
                "term": list(TERMS),
            },
        )

    @classmethod
    def from_dataset(cls, data: xr.Dataset) -> tuple["Polynomial", np.ndarray]:
        """The terms and their coefficients as ``to_dataset`` made them."""
        scales = tuple(float(scale) for scale in data["smoothing_scale"].values)
        coefficients = np.append(float(data["constant"]), data["coefficient"].values.reshape(-1))
        return cls(scales, data["variance"].values, data["mean_shear"].values), coefficients

    def long_wave_response(self, coefficients: np.ndarray) -> xr.Dataset:
        """Its biases and b1(k) (``long_wave``): f averages 1, delta_R and its Laplacian 0."""
        by_term = dict(zip(TERMS, coefficients[1:].reshape(len(self.scales), -1).T, strict=True))
        kinds = [kind for kind in FEATURE_KINDS for _ in self.scales]
        gradient = np.concatenate([by_term[kind] for kind in FEATURE_KINDS])
        curvature = 2 * by_term["delta_squared"].sum()
        scales = self.scales * len(FEATURE_KINDS)
        response = long_wave_response(kinds, scales, gradient, curvature, 0.0)
        return response.drop_dims("feature")

    def columns(
        self, kind: str, number: int, values: np.ndarray
    ) -> Iterator[tuple[int, np.ndarray]]:
        """Terms made of one feature: their numbers and their values, float64."""
        first = 1 + len(TERMS) * number
        values = values.astype(np.float64)
        if kind == "delta":
            yield first + TERMS.index("delta"), values
            yield first + TERMS.index("delta_squared"), values**2 - self.variance[number]
        elif kind == "g2":
            yield first + TERMS.index("g2"), values - self.mean_shear[number]
        else:
            yield first + TERMS.index("laplacian"), values


@dataclass(frozen=True)
class PolynomialOnBox:
    """The terms on the grid of one box (see ``least_squares.BasisOnBox``)."""

    basis: Polynomial
    features: Mapping[float, str | Path]

    def __len__(self) -> int:
        return len(self.basis)

    def cell_sums(self, particles: Particles, planes: np.ndarray) -> np.ndarray:
        """Sums of the terms over each cell's particles; one feature grid is held at a time."""
        area = particles.mesh.cells**2
        sums = np.zeros((len(planes), area, len(self)))
        start = particles.cell_start[planes[:, None] * area + np.arange(area + 1)]
        sums[:, :, 0] = np.diff(start)
        for number, scale in enumerate(self.basis.scales):
            store = open_store(self.features[scale])
            for kind in FEATURE_KINDS:
                grid = store[kind].values.reshape(-1)
                for plane, edges in enumerate(start):
                    cell = np.repeat(np.arange(area), np.diff(edges))
                    values = grid[particles.lagrangian_index[edges[0] : edges[-1]]]
                    for column, term in self.basis.columns(kind, number, values):
                        sums[plane, :, column] = np.bincount(cell, term, area)
        return sums.reshape(len(planes), particles.mesh.cells, particles.mesh.cells, -1)

    def _slabs(self) -> Iterator[tuple[slice, np.ndarray]]:
        """All terms, slab by slab of the grid: float64 (points, terms)."""
        stores = [open_store(self.features[scale]) for scale in self.basis.scales]
        names = [(number, kind) for number in range(len(stores)) for kind in FEATURE_KINDS]
        fields = [stores[number][kind] for number, kind in names]
        for slab, parts in values_in_parts(fields, SLAB_POINTS):
            terms = np.ones((slab.stop - slab.start, len(self)))
            for (number, kind), values in zip(names, parts, strict=True):
                for column, term in self.basis.columns(kind, number, values):
                    terms[:, column] = term
            yield slab, terms

    def moments(self, multiplicity: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Sums of terms and of their products over particles."""
        total, products = np.zeros(len(self)), np.zeros((len(self), len(self)))
        for slab, terms in self._slabs():
            weighted = terms * multiplicity[slab, None]
            total += weighted.sum(axis=0)
            products += weighted.T @ terms
        return total, products

    def ratio(self, coefficients: np.ndarray) -> np.ndarray:
        """f at every grid point, float32 (points^3,)."""
        return np.concatenate(
            [(terms @ coefficients).astype(np.float32) for _, terms in self._slabs()]
        )
