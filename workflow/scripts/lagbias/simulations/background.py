"""Expansion and linear growth of a flat universe with dark energy w = w0 + wa (1 - a).

Without radiation, as N-body codes have it. Growth is integrated by scipy: a cosmology library would
bring the same equation. The result is compared with AbacusSummit's own tables, among them those of
w0wa cosmologies, in tests/reference/test_minisim.py.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import solve_ivp

TABLE_START = 99.0  # redshift at which growth is 1: that of AbacusSummit's tables
# 3 (100 km/s/Mpc)^2 / (8 pi G) in h^2 Msun / Mpc^3
CRITICAL_DENSITY = 2.77536627e11


@dataclass(frozen=True)
class Background:
    """A flat universe.

    Parameters
    ----------
    omega_m : float
        Of all matter today.
    w0, wa : float
        w = w0 + wa (1 - a) (Chevallier & Polarski 2001, Linder 2003).
    omega_smooth : float
        Of the matter that does not cluster: neutrinos.
    """

    omega_m: float
    w0: float = -1.0
    wa: float = 0.0
    omega_smooth: float = 0.0

    def dark_energy(self, log_a: float) -> tuple[float, float]:
        """Density of dark energy in units of today's, and w, at a given ln a."""
        past = 1 - np.exp(log_a)
        density = np.exp(-3 * ((1 + self.w0 + self.wa) * log_a + self.wa * past))
        return density, self.w0 + self.wa * past

    def hubble_rate(self, redshift: float) -> float:
        """H(z) / H0."""
        dark, _ = self.dark_energy(-np.log1p(redshift))
        return float(np.sqrt(self.omega_m * (1 + redshift) ** 3 + (1 - self.omega_m) * dark))

    def growth(self, log_a: float) -> NDArray[np.float64]:
        """Growth factor and its derivative in ln a, 1 at z = 99."""
        return self._solution(log_a) / self._norm

    def growth_factor(self, redshift: float, initial_redshift: float) -> float:
        """D(z) / D(z_init)."""
        later, earlier = (self.growth(-np.log1p(z))[0] for z in (redshift, initial_redshift))
        return float(later / earlier)

    @cached_property
    def _norm(self) -> float:
        return self._solution(-np.log(TABLE_START + 1))[0]

    @cached_property
    def _solution(self):
        """Solution of D'' + (2 + H'/H) D' = 3/2 Omega_m(a) (1 - f) D in ln a, f the smooth part."""
        clustering = 1 - self.omega_smooth / self.omega_m

        def equation(log_a: float, growth: NDArray) -> list[float]:
            dark, w = self.dark_energy(log_a)
            omega = self.omega_m / (self.omega_m + (1 - self.omega_m) * np.exp(3 * log_a) * dark)
            slope = -1.5 * (omega + (1 + w) * (1 - omega))  # H'/H
            return [growth[1], 1.5 * omega * clustering * growth[0] - (2 + slope) * growth[1]]

        # The growing mode of an Einstein-de Sitter universe with a smooth part, D ~ a^p.
        exponent = (np.sqrt(1 + 24 * clustering) - 1) / 4
        first = -np.log(1e5)
        return solve_ivp(
            equation, (first, 0.0), [1.0, exponent], rtol=1e-9, atol=0, dense_output=True
        ).sol
