"""Growth and linear power of AbacusSummit's cosmologies, as a mini simulation needs them."""

from collections.abc import Callable
from functools import cache

import numpy as np
from abacusnbody.metadata import get_meta
from numpy.typing import NDArray
from scipy.integrate import solve_ivp

from lagbias.simulations.mini.settings import DEFAULT_COSMOLOGY

# Whose metadata hold a cosmology: parameters, growth and CLASS's linear power spectrum.
COSMOLOGY_SIMULATION = "AbacusSummit_base_{cosmology}_ph000"
# 3 (100 km/s/Mpc)^2 / (8 pi G) in h^2 Msun / Mpc^3
CRITICAL_DENSITY = 2.77536627e11


def growth_table(
    initial_redshift: float, *redshifts: float, cosmology: str = DEFAULT_COSMOLOGY
) -> dict[float, float]:
    """Abacus's linear growth factors, normalised to 1 at the initial redshift.

    AbacusSummit's table starts at z = 99; redshifts that it does not list come from the
    equation of growth with smooth neutrinos, D'' + (2 + H'/H) D' = 3/2 Omega_m(a) (1 - f) D in
    ln a, f the smooth fraction of matter, joined to the table at z = 99.

    Parameters
    ----------
    initial_redshift : float
        Redshift at which the growth factor is 1.
    *redshifts : float
        Redshifts wanted beside those of the table.
    cosmology : str

    Returns
    -------
    dict
        Growth factor by redshift, in the order of redshift.
    """
    table = dict(cosmology_of(cosmology)["GrowthTable"])
    for redshift in (initial_redshift, *redshifts):
        if redshift not in table:
            table[redshift] = float(growth_solution(cosmology)(-np.log1p(redshift))[0])
    norm = table[initial_redshift]
    return {redshift: table[redshift] / norm for redshift in sorted(table)}


def linear_power(
    redshift: float, cosmology: str = DEFAULT_COSMOLOGY
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Linear power spectrum of cold matter that AbacusSummit starts from.

    Above 1 h/Mpc the table's steps are 26 %: interpolate in the logarithms.

    Parameters
    ----------
    redshift : float
        Redshift of the spectrum.
    cosmology : str

    Returns
    -------
    wavenumber : float64, (n,) [h/Mpc], n = 7328 for c000
    power : float64, (n,) [(Mpc/h)^3]
    """
    spectrum = cosmology_of(cosmology)["CLASS_power_spectrum"]
    class_redshift = cosmology_of(cosmology)["CLASS_Redshift"]
    table = growth_table(class_redshift, redshift, cosmology=cosmology)
    power = np.asarray(spectrum["P (Mpc/h)^3"], dtype=np.float64) * table[redshift] ** 2
    return np.asarray(spectrum["k (h/Mpc)"], dtype=np.float64), power


@cache
def cosmology_of(name: str) -> dict:
    """Parameters, growth table and linear power of one of AbacusSummit's cosmologies."""
    return get_meta(COSMOLOGY_SIMULATION.format(cosmology=name))


def dark_energy(cosmology: dict, log_a: float) -> tuple[float, float]:
    """Density of dark energy in units of today's, and its equation of state w, at a given ln a.

    w = w0 + wa (1 - a) (Chevallier & Polarski 2001, Linder 2003).
    """
    w0, wa, past = cosmology["w0"], cosmology["wa"], 1 - np.exp(log_a)
    return np.exp(-3 * ((1 + w0 + wa) * log_a + wa * past)), w0 + wa * past


def hubble_rate(cosmology: dict, redshift: float) -> float:
    """H(z)/H0 of a flat background without radiation, as in Abacus."""
    omega_m = cosmology["Omega_M"]
    dark, _ = dark_energy(cosmology, -np.log1p(redshift))
    return float(np.sqrt(omega_m * (1 + redshift) ** 3 + (1 - omega_m) * dark))


@cache
def growth_solution(name: str) -> Callable[[float], NDArray[np.float64]]:
    """Growth factor and its derivative in ln a, 1 at z = 99, as a function of ln a."""
    cosmology = cosmology_of(name)
    omega_m = cosmology["Omega_M"]
    clustering = 1 - cosmology["Omega_Smooth"] / omega_m

    def equation(log_a: float, growth: NDArray) -> list[float]:
        dark, w = dark_energy(cosmology, log_a)
        omega = omega_m / (omega_m + (1 - omega_m) * np.exp(3 * log_a) * dark)
        slope = -1.5 * (omega + (1 + w) * (1 - omega))  # H'/H
        return [growth[1], 1.5 * omega * clustering * growth[0] - (2 + slope) * growth[1]]

    # The growing mode of an Einstein-de Sitter universe with a smooth part, D ~ a^p.
    exponent = (np.sqrt(1 + 24 * clustering) - 1) / 4

    first, table_start = -np.log(1e5), -np.log(100.0)
    solution = solve_ivp(
        equation, (first, 0.0), [1.0, exponent], rtol=1e-9, atol=0, dense_output=True
    ).sol
    norm = solution(table_start)[0]
    return lambda log_a: solution(log_a) / norm
