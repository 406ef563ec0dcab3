"""Projections: matrices from standardised features to the inputs of a network.

Orthogonalisation and the gradient PCA both make one; training and prediction do not know which
kind they are given. On disk a projection is a NetCDF file with

    matrix (input, feature)                inputs = matrix @ standardised features
    mean, standard_deviation (feature)     standardised = (feature - mean) / standard_deviation
    covariance (feature, feature_)         of the standardised features: their correlations

and coordinates ``kind`` and ``smoothing_scale`` [Mpc/h] of each feature.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xarray as xr

from lagbias.errors import InputError
from lagbias.features import KINDS
from lagbias.layout import MEAN, modes_kept
from lagbias.stores import open_store, provenance, read_netcdf, read_values, write_netcdf

log = logging.getLogger(__name__)

LARGEST_IN_FLOAT32 = 300  # of a projection's coefficients
SLAB_POINTS = 2_000_000  # grid points gathered at a time: bounds memory


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

        One feature grid is held at a time. The sum over features runs in float32 where no
        coefficient is above ``LARGEST_IN_FLOAT32``, so that its rounding is below 1e-4 of an
        input's unit variance, else in float64.

        Parameters
        ----------
        features : mapping
            Smoothing scale [Mpc/h] to the feature store of the box.
        points : integer array or slice
            Flat indices of grid points.
        wanted : bool, (points,), or slice
            Which of these points; all if not given.

        Raises
        ------
        InputError
            If a scale of this projection has no store.
        """
        precise = np.abs(self.matrix).max() > LARGEST_IN_FLOAT32
        dtype = np.float64 if precise else np.float32
        weights = self.matrix / self.standard_deviation
        offset = -weights @ self.mean
        inputs = None
        for column, (kind, scale) in enumerate(zip(self.kinds, self.scales, strict=True)):
            if scale not in features:
                raise InputError(
                    f"projection needs features at R={scale:g} Mpc/h; found only "
                    f"{', '.join(f'R={s:g}' for s in features)}; name that scale's store as well"
                )
            values = values_at(open_store(features[scale])[kind], points)[wanted]
            if inputs is None:
                inputs = np.tile(offset.astype(dtype), (len(values), 1))
            for start in range(0, len(values), SLAB_POINTS):  # products as large as the inputs
                part = slice(start, start + SLAB_POINTS)
                inputs[part] += values[part, None] * weights[:, column].astype(dtype)
        return inputs.astype(np.float32, copy=False)


def slabs(field: xr.DataArray) -> Iterator[slice]:
    """Slices of a flat grid, a chunk of its store each: a part of a chunk costs the whole."""
    points = field.encoding["chunks"][0] * field[0].size
    for start in range(0, field.size, points):
        yield slice(start, min(start + points, field.size))


def values_at(field: xr.DataArray, points: np.ndarray | slice) -> np.ndarray:
    """Values of a grid at flat indices; of a slice, only the planes that hold it are read."""
    if not isinstance(points, slice):
        grid, values = read_values(field).reshape(-1), np.empty(len(points), dtype=field.dtype)
        for start in range(0, len(points), SLAB_POINTS):  # numpy makes 64-bit indices of them
            part = slice(start, start + SLAB_POINTS)
            values[part] = grid[points[part]]
        return values
    plane = field[0].size
    start, stop, _ = points.indices(field.size)
    first, last = start // plane, -(-stop // plane)
    values = read_values(field[first:last]).reshape(-1)
    return values[start - first * plane : stop - first * plane]


def feature_moments(
    boxes: Sequence[Mapping[float, str | Path]],
) -> tuple[np.ndarray, np.ndarray, np.ndarray, tuple[str, ...], tuple[float, ...]]:
    """Pooled mean, deviation and correlation of all features over all boxes, in float64.

    Parameters
    ----------
    boxes : sequence of mappings
        For each box, smoothing scale [Mpc/h] to feature store.

    Returns
    -------
    mean, standard_deviation : float64, (features,)
    correlation : float64, (features, features)
    kinds, scales : of the features: all delta, then all laplacian, then all g2
    """
    scales = sorted(boxes[0])
    kinds = tuple(kind for kind in KINDS for _ in scales)
    all_scales = tuple(scale for _ in KINDS for scale in scales)
    count, total, products = 0, 0.0, 0.0
    reference = None  # the first slab's mean: keeps the products from cancelling
    for features in boxes:
        stores = {scale: open_store(path) for scale, path in features.items()}
        sides = {store.sizes["x"] for store in stores.values()}
        if len(sides) > 1:
            raise InputError(
                f"features of one box have {sorted(sides)} points a side: expected one grid; "
                f"make {', '.join(map(str, features.values()))} again with one density_grid"
            )
        (points,) = sides
        planes = max(1, SLAB_POINTS // points**2)
        fields = [stores[scale][kind] for kind, scale in zip(kinds, all_scales, strict=True)]
        for chunk in slabs(fields[0]):
            values = np.empty((len(fields), chunk.stop - chunk.start), dtype=np.float32)
            for row, field in zip(values, fields, strict=True):
                row[:] = values_at(field, chunk)
            for start in range(0, values.shape[1], planes * points**2):
                slab = values[:, start : start + planes * points**2].astype(np.float64)
                if reference is None:
                    reference = slab.mean(axis=1)
                    unit = slab.std(axis=1)
                slab -= reference[:, None]
                slab /= unit[:, None]
                count += slab.shape[1]
                total = total + slab.sum(axis=1)
                products = products + slab @ slab.T
    mean = total / count
    covariance = products / count - np.outer(mean, mean)
    deviation = np.sqrt(np.diag(covariance))
    correlation = covariance / np.outer(deviation, deviation)
    return reference + unit * mean, unit * deviation, correlation, kinds, all_scales


def feature_covariance(boxes: Sequence[Mapping[float, str | Path]]) -> Projection:
    """The standardised features themselves, pooled over some boxes: a matrix of ones.

    Parameters
    ----------
    boxes : sequence of mappings
        For each box, smoothing scale [Mpc/h] to feature store.
    """
    mean, deviation, correlation, kinds, scales = feature_moments(boxes)
    return Projection(np.eye(len(kinds)), mean, deviation, correlation, kinds, scales)


def whiten(correlation: np.ndarray, keep: int) -> tuple[np.ndarray, np.ndarray]:
    """The ``keep`` largest eigenmodes of a correlation matrix, scaled to unit variance.

    Parameters
    ----------
    correlation : float64, (n, n)
    keep : int

    Returns
    -------
    matrix : float64, (keep, n)
        Rows of V / sqrt(eigenvalue); a row's largest coefficient is positive.
    eigenvalues : float64, (n,)
        All of them, falling.
    """
    eigenvalues, vectors = np.linalg.eigh(correlation)
    eigenvalues, vectors = eigenvalues[::-1], vectors[:, ::-1]
    if not eigenvalues[keep - 1] > 0:
        raise InputError(
            f"orthogonalisation keeps {keep} modes but eigenvalue {keep} is "
            f"{eigenvalues[keep - 1]:.2g}: the features are linearly dependent; use fewer or "
            "further-spaced smoothing scales"
        )
    matrix = (vectors[:, :keep] / np.sqrt(eigenvalues[:keep])).T
    largest = matrix[np.arange(keep), np.abs(matrix).argmax(axis=1)]
    return matrix * np.sign(largest)[:, None], eigenvalues


def orthogonalise(
    boxes: Sequence[Mapping[float, str | Path]], modes: str | int | None = None
) -> Projection:
    """Decorrelated inputs from collinear features (arXiv:2212.08095, section on inputs).

    Two blocks, all G2 in one, all delta and laplacian in the other. Each block's correlation
    matrix is eigen-decomposed in float64 and whitened. Every G2 mode is kept, and the n + 1
    largest delta/laplacian modes for n scales: the others carry variances of 1e-5 and less.

    Parameters
    ----------
    boxes : sequence of mappings
        For each training box, smoothing scale [Mpc/h] to feature store.
    modes : int, "all" or None
        Of delta and laplacian; None keeps n + 1.

    Returns
    -------
    Projection
        Inputs: delta/laplacian modes, then n G2 modes.

    Raises
    ------
    InputError
        If there are not so many modes, or one of them has no variance.
    """
    mean, deviation, correlation, kinds, scales = feature_moments(boxes)
    count = len(set(scales))
    shear = np.array([kind == "g2" for kind in kinds])
    kept = modes_kept(count, modes)
    matrix = np.zeros((kept + count, 3 * count))
    for block, keep, rows in (
        (~shear, kept, slice(0, kept)),
        (shear, count, slice(kept, kept + count)),
    ):
        modes, eigenvalues = whiten(correlation[np.ix_(block, block)], keep)
        matrix[rows, block] = modes
        log.info("block of %d: keeps %d modes, eigenvalues %s", block.sum(), keep, eigenvalues)
    return Projection(matrix, mean, deviation, correlation, kinds, scales)


def eigen_directions(covariance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues, falling, and unit eigenvectors as rows; a row's largest entry is positive.

    Parameters
    ----------
    covariance : float64, (..., n, n)
    """
    eigenvalues, vectors = np.linalg.eigh(covariance)
    eigenvalues = eigenvalues[..., ::-1]
    rows = np.swapaxes(vectors[..., ::-1], -1, -2)
    largest = np.take_along_axis(rows, np.abs(rows).argmax(-1)[..., None], axis=-1)
    return eigenvalues, rows * np.sign(largest)


def project_on_gradients(
    projection: str | Path,
    gradient_pca: str | Path,
    directions: int,
    output: str | Path,
    gradient_of: str = "f",
) -> None:
    """Write the projection on the first gradient directions of the average f.

    Parameters
    ----------
    projection : path
        The projection that the networks were trained with.
    gradient_pca : path
    directions : int
        How many to keep.
    output : path
    gradient_of : str
        Whose gradients: ``f`` or ``log10 f``.

    Raises
    ------
    InputError
        If there are fewer inputs than directions.
    """
    mapping = Projection.read(projection)
    if not 1 <= directions <= mapping.inputs:
        raise InputError(
            f"pc{directions}: {projection} has {mapping.inputs} inputs; "
            f"expected 1 to {mapping.inputs} directions"
        )
    pca = read_netcdf(gradient_pca)
    vectors = pca["eigenvector"].sel(version=gradient_of, member=MEAN).values[:directions]
    mapping.with_matrix(vectors @ mapping.matrix).write(output, directions=directions)


def principal_cosines(first: np.ndarray, second: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """Cosines of the principal angles between two subspaces, in the feature-covariance metric.

    A direction is a linear combination of features; two are alike when the *fields* they make
    are, whatever their coefficients: <a, b> = a^T C b.

    Parameters
    ----------
    first, second : (k, features) and (m, features)
        Rows span the subspaces.
    covariance : (features, features)

    Returns
    -------
    cosines : (min(k, m),), falling from at most 1
    """

    def orthonormal(rows: np.ndarray) -> np.ndarray:
        gram = rows @ covariance @ rows.T
        return np.linalg.solve(np.linalg.cholesky(gram), rows)

    overlap = orthonormal(np.atleast_2d(first)) @ covariance @ orthonormal(np.atleast_2d(second)).T
    return np.clip(np.linalg.svd(overlap, compute_uv=False), 0, 1)
