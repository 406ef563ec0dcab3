"""Directions of the gradient PCA: eigenvectors, projections on them, angles between them."""

from pathlib import Path

import numpy as np

from lagbias.base.errors import InputError
from lagbias.base.stores import MEAN, read_netcdf
from lagbias.projection.projection import Projection


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
    vectors = pca["eigenvector"].sel(version="f", member=MEAN).values[:directions]
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
