"""Planted truth: a halo field of a known f, to see what training returns of it.

A known f of three directions stands in for that of the halos. The box's own particles carry it to
their final cells. Two kinds of noise are added, as real halos have them.

*Sampled particles.* Real halos are made of all particles of the simulation, of which a share s is
here: a sum of f over these scatters around that over all by (1 - s) sum f^2, which the loss takes
off (``lagbias.training.loss``). The planted field can only be made of what is here, so each
particle counts 1 + sqrt(1 - s) (n - 1) times, n a Poisson number of mean 1: mean 1, variance 1 - s.

*Halos that f does not tell.* A Gaussian number is added to each cell, with a share ``NOISE`` of the
variance that halos of the same weights would have there, were they thrown at random.

The directions are u = (delta_R, the Laplacian without its share of delta_R, G2) at one smoothing
scale, standardised: no two are correlated. With v = (u_2^2 - 1) / 2,

    f = softplus(2 (u_1 - 1/2)) exp(0.8 tanh v + 0.9 tanh u_3)

It is even in u_2 and steep in u_1, so that the shares of the gradient's power differ: about 68, 26
and 6 %.
"""

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from lagbias.base.files import written_whole
from lagbias.base.stores import append_variable, open_store, provenance, set_attributes
from lagbias.features.slabs import slabs, values_at
from lagbias.halos.particles import Particles, particles_of_points, points_of_cells

log = logging.getLogger(__name__)

STEEPNESS, THRESHOLD = 2.0, 0.5  # of f in delta
LAPLACIAN_STRENGTH, SHEAR_STRENGTH = 0.8, 0.9
# Of the halos' own scatter: what networks leave of it in cubes of 20 Mpc/h
# (docs/results/training.md).
NOISE = 0.055


class PlantedCoordinates:
    """The three uncorrelated, standardised coordinates that the planted f depends on.

    Parameters
    ----------
    features : path of a feature store
    """

    def __init__(self, features: str | Path):
        self.store = open_store(features)
        self.parts = list(slabs(self.store["delta"]))
        products = (
            np.sum(self._standardised("delta", part) * self._standardised("laplacian", part))
            for part in self.parts
        )
        self.correlation = float(sum(products)) / self.store["delta"].size

    def _standardised(self, kind: str, part: slice) -> np.ndarray:
        field = self.store[kind]
        values = values_at(field, part).astype(np.float64)
        return (values - field.attrs["mean"]) / field.attrs["standard_deviation"]

    def at(self, part: slice) -> np.ndarray:
        """Coordinates of some grid points, float64 (3, points)."""
        delta, laplacian, shear = (
            self._standardised(kind, part) for kind in ("delta", "laplacian", "g2")
        )
        laplacian -= self.correlation * delta
        laplacian /= np.sqrt(1 - self.correlation**2)
        return np.stack([delta, laplacian, shear])


def planted_on_grid(features: str | Path) -> np.ndarray:
    """The planted f of every grid point of a box, to a factor, float32 (points,)."""
    coordinates = PlantedCoordinates(features)
    ratio = np.empty(coordinates.store["delta"].size, dtype=np.float32)
    for part in coordinates.parts:
        ratio[part] = planted_ratio(coordinates.at(part))
    return ratio


def planted_ratio(coordinates: np.ndarray) -> np.ndarray:
    """The planted f, to a factor, (points,), of coordinates (3, points)."""
    first, second, third = coordinates
    steep = np.logaddexp(0, STEEPNESS * (first - THRESHOLD))
    modulation = LAPLACIAN_STRENGTH * np.tanh((second**2 - 1) / 2) + SHEAR_STRENGTH * np.tanh(third)
    return steep * np.exp(modulation)


def planted_gradient(coordinates: np.ndarray) -> np.ndarray:
    """Gradient of ``planted_ratio`` with respect to its coordinates, float64 (3, points)."""
    first, second, third = coordinates
    steep = STEEPNESS * (first - THRESHOLD)
    return planted_ratio(coordinates) * np.stack(
        [
            STEEPNESS / (1 + np.exp(-steep)) / np.logaddexp(0, steep),
            LAPLACIAN_STRENGTH * second / np.cosh((second**2 - 1) / 2) ** 2,
            SHEAR_STRENGTH / np.cosh(third) ** 2,
        ]
    )


def write_planted_halos(
    features: str | Path,
    particles: str | Path,
    halos: str | Path,
    store: str | Path,
    random: np.random.Generator,
) -> None:
    """Write a planted halo field, as ``selection.write_halos`` writes that of real halos.

    Parameters
    ----------
    features : path
        Of the scale at which f is planted.
    particles, halos : paths of the stores
        The halos' weights say how large the noise is.
    store : path of the zarr store
        ``overdensity`` float32 (x, y, z) on the training mesh.
    random : numpy.random.Generator
    """
    catalogue, real = Particles.open(particles), open_store(halos)
    ratio, mesh = planted_on_grid(features), catalogue.mesh
    extra = np.sqrt(1 - catalogue.sampled_fraction)
    total = np.zeros(mesh.size)
    for first, last, points in points_of_cells(catalogue):
        count = 1 + extra * (random.poisson(1.0, len(points)) - 1)
        cell = np.repeat(np.arange(last - first), np.diff(catalogue.cell_start[first : last + 1]))
        total[first:last] = np.bincount(cell, ratio[points] * count, minlength=last - first)
    weight = real["weight"].values.astype(np.float64)
    scatter = np.sqrt(NOISE * mesh.size * (weight**2).sum()) / weight.sum()
    overdensity = total / total.mean() - 1 + random.normal(0, scatter, mesh.size)
    overdensity = overdensity.astype(np.float32).reshape((mesh.cells,) * 3)
    log.info("noise of a cell: %.3g", scatter)
    with written_whole(store) as partial:
        append_variable(partial, "overdensity", overdensity, ("x", "y", "z"), units="1")
        attributes = {name: real.attrs[name] for name in ("simulation", "redshift", "box_size")}
        set_attributes(partial, **provenance(**attributes), cells=mesh.cells, noise=scatter)


def planted_covariance(features: str | Path, particles: str | Path) -> tuple[np.ndarray, float]:
    """Sum of grad f grad f^T over the particles of a box, and of f, of the unnormalised f.

    The coordinates are orthonormal in the space of whitened features, to the part of the Laplacian
    that the modes that are kept do not hold.

    Returns
    -------
    covariance : float64, (3, 3)
    ratio : float
    """
    coordinates = PlantedCoordinates(features)
    count = particles_of_points(Particles.open(particles))
    covariance, total = np.zeros((3, 3)), 0.0
    for part in coordinates.parts:
        place, number = coordinates.at(part), count[part].astype(np.float64)
        gradient = planted_gradient(place)
        covariance += (gradient * number) @ gradient.T
        total += float(planted_ratio(place) @ number)
    return covariance, total


def planted_eigenvalues(boxes: Sequence[tuple[str | Path, str | Path]]) -> np.ndarray:
    """Eigenvalues of <grad f grad f^T> of the planted f of mean 1, falling, float64 (3,).

    Parameters
    ----------
    boxes : sequence of (features, particles)
        Their particles are pooled.
    """
    sums = [planted_covariance(*box) for box in boxes]
    particles = sum(int(Particles.open(box[1]).cell_start[-1]) for box in boxes)
    mean = sum(ratio for _, ratio in sums) / particles
    covariance = np.sum([covariance for covariance, _ in sums], axis=0) / particles
    return np.linalg.eigvalsh(covariance / mean**2)[::-1]
