"""Projections: matrices from standardised features to the inputs of a network.

Orthogonalisation and the gradient PCA both make one; training and prediction do not know which
kind they are given. On disk a projection is a NetCDF file with

    matrix (input, feature)                inputs = matrix @ standardised features
    mean, standard_deviation (feature)     standardised = (feature - mean) / standard_deviation
    covariance (feature, feature_)         of the standardised features: their correlations

and coordinates ``kind`` and ``smoothing_scale`` [Mpc/h] of each feature.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xarray as xr

from lagbias.base.errors import InputError
from lagbias.base.stores import open_store, provenance, read_netcdf, write_netcdf
from lagbias.config.names import FEATURE_KINDS
from lagbias.features.slabs import SLAB_POINTS, values_at

LARGEST_IN_FLOAT32 = 300  # of a projection's coefficients


@dataclass(frozen=True)
class Projection:
    """A matrix from standardised features to network inputs.

    Attributes
    ----------
    matrix : float64, (inputs, features)
    mean, standard_deviation : float64, (features,)
    covariance : float64, (features, features)
        Of the standardised features, pooled over the boxes of the training set.
    kinds : tuple of str, (features,)
    scales : tuple of float, (features,) [Mpc/h]
    """

    matrix: np.ndarray
    mean: np.ndarray
    standard_deviation: np.ndarray
    covariance: np.ndarray
    kinds: tuple[str, ...]
    scales: tuple[float, ...]

    @classmethod
    def read(cls, path: str | Path) -> "Projection":
        """Read a projection file."""
        data = read_netcdf(path)
        return cls(
            data["matrix"].values,
            data["mean"].values,
            data["standard_deviation"].values,
            data["covariance"].values,
            tuple(str(kind) for kind in data["kind"].values),
            tuple(float(scale) for scale in data["smoothing_scale"].values),
        )

    def write(self, path: str | Path, **attributes) -> None:
        """Write a projection file, whole or not at all."""
        write_netcdf(
            xr.Dataset(
                {
                    "matrix": (("input", "feature"), self.matrix),
                    "mean": ("feature", self.mean),
                    "standard_deviation": ("feature", self.standard_deviation),
                    "covariance": (("feature", "feature_"), self.covariance),
                },
                coords={
                    "kind": ("feature", list(self.kinds)),
                    "smoothing_scale": ("feature", list(self.scales), {"units": "Mpc/h"}),
                },
                attrs=provenance(**attributes),
            ),
            path,
        )

    @property
    def inputs(self) -> int:
        """Number of network inputs."""
        return len(self.matrix)

    @property
    def shear(self) -> np.ndarray:
        """Which features are G2, bool (features,)."""
        return np.array([kind == "g2" for kind in self.kinds])

    @property
    def used(self) -> np.ndarray:
        """Which features have a coefficient in some input, bool (features,)."""
        return (self.matrix != 0).any(0)

    @property
    def kinds_used(self) -> list[str]:
        """Kinds of features that it needs: δ, which tells the grid, and all with a coefficient."""
        with_coefficient = {self.kinds[column] for column in np.flatnonzero(self.used)}
        return [kind for kind in FEATURE_KINDS if kind == "delta" or kind in with_coefficient]

    @property
    def linear(self) -> np.ndarray:
        """Which inputs are linear in the density, bool (inputs,): these are Gaussian."""
        return ~(self.matrix[:, self.shear] != 0).any(1)

    def with_matrix(self, matrix: np.ndarray) -> "Projection":
        """The same features under another matrix (inputs, features)."""
        return Projection(
            matrix, self.mean, self.standard_deviation, self.covariance, self.kinds, self.scales
        )

    def at(
        self,
        features: Mapping[float, str | Path],
        points: np.ndarray | slice,
        wanted: np.ndarray | slice = slice(None),
    ) -> np.ndarray:
        """Network inputs at grid points of one box, float32 (points, inputs).

        One feature grid is held at a time; features without coefficients are not read. The sum
        over features runs in float32 where no coefficient is above ``LARGEST_IN_FLOAT32``, so that
        its rounding is below 1e-4 of an input's unit variance, else in float64.

        Parameters
        ----------
        features : mapping
            Smoothing scale [Mpc/h] to the feature store of the box, for features that are used.
        points : integer array or slice
            Flat indices of grid points.
        wanted : bool, (points,), or slice
            Which of these points; all if not given.

        Raises
        ------
        InputError
            If a scale of a feature that is used has no store.
        """
        precise = np.abs(self.matrix).max() > LARGEST_IN_FLOAT32
        dtype = np.float64 if precise else np.float32
        weights = self.matrix / self.standard_deviation
        offset = -weights @ self.mean
        inputs, parts = np.empty((0, 0)), []
        # Of a matrix of zeros one feature is read: it tells how many points there are.
        columns = np.flatnonzero(self.used).tolist() or [0]
        for column in columns:
            kind, scale = self.kinds[column], self.scales[column]
            if scale not in features:
                raise InputError(
                    f"projection needs features at R={scale:g} Mpc/h; found only "
                    f"{', '.join(f'R={s:g}' for s in features)}; name that scale's store as well"
                )
            values = values_at(open_store(features[scale])[kind], points)[wanted]
            if column == columns[0]:
                inputs = np.empty((len(values), self.inputs), dtype)
                parts = [inputs[s : s + SLAB_POINTS] for s in range(0, len(values), SLAB_POINTS)]
                for part in parts:
                    _by_input(part)[:] = offset[:, None]
            for number, part in enumerate(parts):
                some = values[number * SLAB_POINTS :][: len(part)]
                for total, weight in zip(_by_input(part), weights[:, column], strict=True):
                    total += some * dtype(weight)
        for part in parts:
            part[:] = _by_input(part).T.copy()
        return inputs.astype(np.float32, copy=False)


def _by_input(part: np.ndarray) -> np.ndarray:
    """The memory of (points, inputs) as (inputs, points): sums over points are twice as fast."""
    return part.reshape(part.shape[::-1])
