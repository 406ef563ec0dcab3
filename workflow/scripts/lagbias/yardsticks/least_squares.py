"""Least squares for an f that is linear in its coefficients, by the loss that networks train on.

With f(q) = sum_j theta_j phi_j(q), the model's sum over a cube of cells b is linear too,

    1 + delta_model(b) = sum_j A_bj theta_j,   A_bj = (N_cells / N_particles / n) sum_{p in b} phi_j

for cubes of n = block^3 cells, and the loss of ``lagbias.training.loss`` is a quadratic form

    sum_b (A_b theta - t_b)^2 - (1 - s) sum_b (...)^2 sum_{p in b} f_p^2
        = theta^T (P - V) theta - 2 theta^T v + T,

    P = sum_b A_b A_b^T,  v = sum_b A_b t_b,  T = sum_b t_b^2,  t_b = 1 + delta_halo(b),
    V = (1 - s) (N_cells / N_particles / n)^2 sum_p phi(p) phi(p)^T,

V being what a random share s of the particles adds to P. A network's epochs shift the grid of cubes
at random; here every shift counts: the sums run over all cubes that begin at any cell, over n.

With m = <phi> over particles, <f> = 1 reads m^T theta = 1. Put into the loss (t = t m^T theta), it
leaves one matrix, loss = theta^T Q theta with Q = P - V - v m^T - m v^T + T m m^T, and then

    theta = Q^-1 m / (m^T Q^-1 m)               for any theta (Lagrange),
    theta = u / (m^T u), u = argmin_{u >= 0} u^T Q u + (m^T u - 1)^2     for theta >= 0.

The second is the quadratic programme as non-negative least squares, with no weight to choose: along
a ray u = tau theta with m^T theta = 1 its least value is q / (1 + q), q = theta^T Q theta, which
grows with q >= 0, so the best ray is that of the least loss on the plane. On the plane T is only an
additive constant: where V makes the loss negative, a larger one keeps q positive.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import scipy.optimize

from lagbias.base.errors import InputError
from lagbias.halos.particles import Particles

log = logging.getLogger(__name__)

SLAB_NUMBERS = 2**25  # sums held at a time (256 MB): bounds memory whatever the box
# Of the quadratic form of the sums, at least this share is kept in every direction when V is taken
# off: where few particles decide, P - V scatters below zero, and a parabola would open downwards.
LEAST_SHARE = 0.01


class BasisOnBox(Protocol):
    """The functions phi_j of which f is a sum, on the Lagrangian grid of one box."""

    def __len__(self) -> int:
        """Number of functions."""
        ...

    def cell_sums(self, particles: Particles, planes: np.ndarray) -> np.ndarray:
        """Sums of phi_j over the particles of each cell, float64 (planes, cells, cells, j)."""
        ...

    def moments(self, multiplicity: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Sums of phi_j and of phi_j phi_k over particles, ``multiplicity`` at each point."""
        ...

    def ratio(self, coefficients: np.ndarray) -> np.ndarray:
        """f at every grid point, float32 (points^3,)."""
        ...


@dataclass(frozen=True)
class NormalEquations:
    """The sums P, V, v and T of some boxes (see the module), and those over their particles.

    Attributes
    ----------
    products, variance : float64, (j, j)
        P and V.
    vector : float64, (j,)
    constant : float
    total : float64, (j,)
        Sums of phi_j over particles.
    particles : int
    """

    products: np.ndarray
    variance: np.ndarray
    vector: np.ndarray
    constant: float
    total: np.ndarray
    particles: int

    def __add__(self, other: "NormalEquations") -> "NormalEquations":
        return NormalEquations(
            *(getattr(self, name) + getattr(other, name) for name in self.__dataclass_fields__)
        )

    @property
    def mean(self) -> np.ndarray:
        """<phi_j> over particles, float64 (j,)."""
        return self.total / self.particles

    def loss(self, coefficients: np.ndarray) -> float:
        """The loss summed over cubes, averaged over the shifts of their grid."""
        quadratic = coefficients @ (self.products - self.variance) @ coefficients
        return float(quadratic - 2 * self.vector @ coefficients + self.constant)

    def of(self, columns: np.ndarray) -> "NormalEquations":
        """The equations of some of the functions."""
        pairs = np.ix_(columns, columns)
        return NormalEquations(
            self.products[pairs], self.variance[pairs], self.vector[columns], self.constant,
            self.total[columns], self.particles,
        )  # fmt: skip

    def root(self) -> tuple[np.ndarray, np.ndarray]:
        """A root of Q for functions scaled alike, F^T F = S Q S / T, and the scales S.

        Returns
        -------
        root : float64, (j, j)
        scale : float64, (j,)
        """
        scale = 1 / np.sqrt(np.diag(self.products))
        products = positive_part(
            self.products * np.outer(scale, scale), self.variance * np.outer(scale, scale)
        )
        vector, mean = self.vector * scale, self.mean * scale
        lowest = vector @ scipy.linalg.solve(products, vector, assume_a="pos")
        constant = max(self.constant, 1.01 * lowest)
        cross = np.outer(vector, mean)
        form = products - cross - cross.T + constant * np.outer(mean, mean)
        eigenvalues, vectors = np.linalg.eigh(form / constant)
        # Rounding alone can leave an eigenvalue below zero.
        floor = len(eigenvalues) * np.finfo(float).eps * eigenvalues[-1]
        return np.sqrt(np.maximum(eigenvalues, floor))[:, None] * vectors.T, scale


def positive_part(products: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """P - V where it is positive; ``LEAST_SHARE`` of P in the directions where it is not.

    Directions are those in which P and V are diagonal together, so that the result does not depend
    on how the functions are scaled.
    """
    rounding = 1e-10 * np.trace(products)
    share, vectors = scipy.linalg.eigh(variance, products + rounding * np.eye(len(products)))
    bounded = np.minimum(share, 1 - LEAST_SHARE)
    if (bounded < share).any():
        log.info("sampling variance bounded in %d of %d directions", (bounded < share).sum(),
                 len(share))  # fmt: skip
    inverse = np.linalg.inv(vectors)
    return inverse.T @ ((1 - bounded)[:, None] * inverse)


def solve_free(equations: NormalEquations) -> np.ndarray:
    """The coefficients of the least loss with <f> = 1, of any sign, float64 (j,)."""
    root, scale = equations.root()
    mean = equations.mean * scale
    solution = scipy.linalg.cho_solve((np.linalg.qr(root, mode="r"), False), mean)
    return scale * solution / (mean @ solution)


def solve_nonnegative(equations: NormalEquations) -> np.ndarray:
    """The coefficients of the least loss with <f> = 1, none below zero, float64 (j,).

    Raises
    ------
    InputError
        If no function has a positive mean, so that <f> = 1 cannot be reached.
    """
    root, scale = equations.root()
    mean = equations.mean * scale
    rows = np.concatenate([root, mean[None]])
    solution, _ = scipy.optimize.nnls(rows, np.append(np.zeros(len(root)), 1.0))
    if not mean @ solution > 0:
        raise InputError(
            "binned f: <f> = 1 cannot be reached with f >= 0; expected particles in some bin; "
            "check that features and particles are of one box"
        )
    return scale * solution / (mean @ solution)


def moving_sums(values: np.ndarray, block: int, axis: int) -> np.ndarray:
    """Sums over ``block`` cells from each one on, around the box along ``axis``."""
    return np.asarray(sum(np.roll(values, -shift, axis) for shift in range(block)))


def box_equations(
    basis: BasisOnBox,
    particles: Particles,
    halo_overdensity: np.ndarray,
    block: int,
    unbiased: bool,
) -> NormalEquations:
    """The normal equations of one box, slab by slab of its cells.

    Parameters
    ----------
    basis : BasisOnBox
    particles : Particles
    halo_overdensity : float, (cells, cells, cells)
    block : int
        Side, in cells, of the cubes over which residuals are taken.
    unbiased : bool
        Whether the particles' sampling variance is taken off (``lagbias.training.loss``).

    Raises
    ------
    InputError
        If a cube is larger than the box.
    """
    cells, size = particles.mesh.cells, len(basis)
    if block > cells:
        raise InputError(
            f"training.block: cubes of {block} cells in a mesh of {cells} cells a side; use a "
            "smaller block"
        )
    multiplicity = np.bincount(particles.lagrangian_index, minlength=particles.density_grid**3)
    total, squares = basis.moments(multiplicity)
    per_mean = particles.mesh.size / len(particles.lagrangian_index) / block**3
    target = 1 + halo_overdensity.astype(np.float64)
    for axis in range(3):
        target = moving_sums(target, block, axis)
    target /= block**3
    products, vector = np.zeros((size, size)), np.zeros(size)
    planes = max(1, SLAB_NUMBERS // (cells**2 * size) - block)
    for start in range(0, cells, planes):
        stop = min(start + planes, cells)
        sums = basis.cell_sums(particles, np.arange(start, stop + block - 1) % cells)
        sums = np.asarray(sum(sums[shift : shift + stop - start] for shift in range(block)))
        for axis in (1, 2):
            sums = moving_sums(sums, block, axis)
        sums = per_mean * sums.reshape(-1, size)
        products += sums.T @ sums
        vector += sums.T @ target[start:stop].reshape(-1)
    share = (1 - particles.sampled_fraction) * unbiased
    # Each particle is in block^3 of the cubes, as the products are of block^3 grids of them.
    return NormalEquations(
        products / block**3, share * per_mean**2 * squares, vector / block**3,
        float((target**2).sum() / block**3), total, len(particles.lagrangian_index),
    )  # fmt: skip


def add_up(equations: Iterable[NormalEquations]) -> NormalEquations:
    """The equations of several boxes together."""
    first, *others = equations
    for other in others:
        first = first + other
    return first
