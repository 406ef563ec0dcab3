"""Orthogonal inputs: moments of features over boxes, and whitening by blocks."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from lagbias.base.errors import InputError
from lagbias.base.stores import open_store
from lagbias.config.names import FEATURE_KINDS, modes_kept
from lagbias.features.slabs import SLAB_POINTS, slabs, values_at
from lagbias.projection.projection import Projection

log = logging.getLogger(__name__)


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
    kinds = tuple(kind for kind in FEATURE_KINDS for _ in scales)
    all_scales = tuple(scale for _ in FEATURE_KINDS for scale in scales)
    count, total, products = 0, 0.0, 0.0
    reference = unit = np.empty(0)  # the first slab's: its mean keeps the products from cancelling
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
                if not count:
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
    boxes: Sequence[Mapping[float, str | Path]],
    modes: str | int | None = None,
    kinds: Sequence[str] = FEATURE_KINDS,
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
    kinds : sequence of str
        Features that are inputs; the coefficients of the others are 0.

    Returns
    -------
    Projection
        Inputs: delta/laplacian modes, then n G2 modes.

    Raises
    ------
    InputError
        If there are not so many modes, or one of them has no variance.
    """
    mean, deviation, correlation, of_features, scales = feature_moments(boxes)
    count = len(set(scales))
    shear = np.array([kind == "g2" for kind in of_features])
    wanted = np.isin(of_features, list(kinds))
    kept, of_shear = modes_kept(count, modes, kinds)
    matrix = np.zeros((kept + of_shear, 3 * count))
    for block, keep, rows in (
        (~shear & wanted, kept, slice(0, kept)),
        (shear, of_shear, slice(kept, kept + of_shear)),
    ):
        if not keep:
            continue
        whitened, eigenvalues = whiten(correlation[np.ix_(block, block)], keep)
        matrix[rows, block] = whitened
        log.info("block of %d: keeps %d modes, eigenvalues %s", block.sum(), keep, eigenvalues)
    return Projection(matrix, mean, deviation, correlation, of_features, scales)
