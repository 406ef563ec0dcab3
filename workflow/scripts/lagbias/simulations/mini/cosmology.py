"""Growth and linear power of AbacusSummit's cosmologies, as a mini simulation needs them."""

from functools import cache

import numpy as np
from abacusnbody.metadata import get_meta
from numpy.typing import NDArray

from lagbias.simulations.background import Background
from lagbias.simulations.mini.settings import DEFAULT_COSMOLOGY

# Whose metadata hold a cosmology: parameters, growth and CLASS's linear power spectrum.
COSMOLOGY_SIMULATION = "AbacusSummit_base_{cosmology}_ph000"


def growth_table(
    initial_redshift: float, *redshifts: float, cosmology: str = DEFAULT_COSMOLOGY
) -> dict[float, float]:
    """Abacus's linear growth factors, normalised to 1 at the initial redshift.

    AbacusSummit's table starts at z = 99; redshifts that it does not list come from the
    equation of growth with smooth neutrinos (``Background``), joined to the table at z = 99.

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
            table[redshift] = float(background_of(cosmology).growth(-np.log1p(redshift))[0])
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


@cache
def background_of(name: str) -> Background:
    """Expansion and growth of one of AbacusSummit's cosmologies."""
    found = cosmology_of(name)
    return Background(found["Omega_M"], found["w0"], found["wa"], found["Omega_Smooth"])
