"""Directions of feature space as filters of the linear density, beside a top-hat and a Gaussian.

A direction's delta and laplacian parts together are one filter in k; its G2 part is none, but has
its share of the variance. Two filters are as alike as the fields that they make of the linear
density: the cosine is the correlation of these fields.
"""

from collections.abc import Callable

import numpy as np
from scipy.optimize import OptimizeResult, minimize_scalar

from lagbias.features.linear_power import LinearPower
from lagbias.projection.projection import Projection

Window = Callable[[np.ndarray, float], np.ndarray]
# A Gaussian of R / sqrt(5) falls off as a top-hat of R does at small k: 1 - (k R)^2 / 10.
GAUSSIAN_OF_TOP_HAT = 5**-0.5


def top_hat(k: np.ndarray, radius: float) -> np.ndarray:
    """Fourier transform of a top-hat of ``radius`` [Mpc/h], 1 at k = 0."""
    x = k * radius
    return 3 * (np.sin(x) - x * np.cos(x)) / x**3


def gaussian(k: np.ndarray, radius: float) -> np.ndarray:
    """Fourier transform of a Gaussian of scale ``radius`` [Mpc/h], 1 at k = 0."""
    return np.exp(-0.5 * (k * radius) ** 2)


def linear_filter(projection: Projection, direction: np.ndarray, k: np.ndarray) -> np.ndarray:
    """A direction's delta and laplacian parts as one filter on the linear density.

    F(k) = sum_R [ a_R / sigma(delta_R) - b_R k^2 / sigma(laplacian_R) ] exp(-k^2 R^2 / 2)

    Parameters
    ----------
    projection : Projection
    direction : (features,), coefficients of standardised features
    k : wavenumbers [h/Mpc]
    """
    total = np.zeros_like(k)
    for kind, scale, weight, deviation in zip(
        projection.kinds, projection.scales, direction, projection.standard_deviation, strict=True
    ):
        power_of_k = {"delta": 1.0, "laplacian": -(k**2), "g2": 0.0}[kind]
        total += weight / deviation * power_of_k * gaussian(k, scale)
    return total


class FilteredDirection:
    """A direction beside windows in k.

    Parameters
    ----------
    projection : Projection
    direction : (features,), coefficients of standardised features
    power : LinearPower, of the boxes of the projection

    Attributes
    ----------
    linear_share : float
        Share of the direction's variance in its delta and laplacian parts. G2 does not correlate
        with a Gaussian field and has the rest, so that the cosine of the whole direction with any
        filter is at most the root of this.
    """

    def __init__(self, projection: Projection, direction: np.ndarray, power: LinearPower):
        self._power = power
        self._filter = linear_filter(projection, direction, power.wavenumber)
        self._variance = direction @ projection.covariance @ direction
        self.linear_share = power.covariance(self._filter, self._filter) / self._variance

    def cosine(self, window: Window, radius: float) -> float:
        """Correlation of the field of the whole direction with the density under a window."""
        values = window(self._power.wavenumber, radius)
        variance = self._power.covariance(values, values)
        covariance = self._power.covariance(self._filter, values)
        return float(covariance / np.sqrt(self._variance * variance))

    def best_radius(self, window: Window, low: float, high: float) -> float:
        """Radius [Mpc/h] between two bounds at which the window is most like the direction."""
        radii = np.geomspace(low, high, 60)  # 5 % apart over a factor of 20: one maximum between
        best = int(np.argmax([abs(self.cosine(window, radius)) for radius in radii]))
        bounds = radii[max(best - 1, 0)], radii[min(best + 1, len(radii) - 1)]
        found: OptimizeResult = minimize_scalar(
            lambda radius: -abs(self.cosine(window, radius)), bounds=bounds, method="bounded"
        )
        return float(found.x)
