"""Galaxies of halos: a mean occupation by halo mass, from which numbers are drawn."""

import logging
import math
from dataclasses import dataclass

import numpy as np
from scipy.special import erf

from lagbias.base.errors import InputError
from lagbias.base.seeds import seed_of
from lagbias.halos.selection import Weighting
from lagbias.simulations.box import SimulationBox

log = logging.getLogger(__name__)

# Of an occupation that names no mass of its own, relative to the halo cut [dex]. At twice the mass
# of the cut and a scatter of 0.2 dex, 2 % of the halos at the cut host a galaxy: few are cut off.
# Zheng et al. 2007 (astro-ph/0703457) find M1 15 to 20 times Mmin.
MIN_ABOVE_CUT = 0.3
SCATTER = 0.2
FIRST_SATELLITE_ABOVE_MIN = math.log10(17)
# Mean number of central galaxies at the halo cut above which it is said that they are cut off.
CUT_OFF = 0.05


@dataclass(frozen=True)
class GalaxyOccupation:
    """Mean numbers of galaxies in halos (Zheng et al. 2007, astro-ph/0703457).

    With M the halo's mass [Msun/h],

        <N_cen> = [1 + erf((log10 M - log10 Mmin) / sigma)] / 2,
        <N_sat> = <N_cen> ((M - M0) / M1)^alpha  for M > M0, else 0.

    Parameters
    ----------
    log10_m_min, log10_m_0, log10_m_1 : float
        Of masses in Msun/h.
    sigma_log10_m : float
        Above 0.
    alpha : float
    """

    log10_m_min: float
    sigma_log10_m: float
    log10_m_0: float
    log10_m_1: float
    alpha: float = 1.0

    @classmethod
    def above(cls, cut_mass: float, **given: float) -> "GalaxyOccupation":
        """An occupation of halos above a mass [Msun/h]; what is not given follows from it.

        Mmin is twice that mass, sigma 0.2, M0 = Mmin, M1 = 17 Mmin, alpha 1.
        """
        log10_m_min = given.get("log10_m_min", math.log10(cut_mass) + MIN_ABOVE_CUT)
        defaults = {
            "log10_m_min": log10_m_min, "sigma_log10_m": SCATTER, "log10_m_0": log10_m_min,
            "log10_m_1": log10_m_min + FIRST_SATELLITE_ABOVE_MIN,
        }  # fmt: skip
        return cls(**defaults | given)

    def centrals(self, mass: np.ndarray) -> np.ndarray:
        """Mean number of central galaxies, in [0, 1], of halos of these masses [Msun/h]."""
        return 0.5 * (1 + erf((np.log10(mass) - self.log10_m_min) / self.sigma_log10_m))

    def satellites(self, mass: np.ndarray) -> np.ndarray:
        """Mean number of satellite galaxies of halos of these masses [Msun/h]."""
        above = np.maximum(mass - 10**self.log10_m_0, 0) / 10**self.log10_m_1
        return np.where(above > 0, self.centrals(mass) * above**self.alpha, 0.0)

    def draw(self, mass: np.ndarray, random: np.random.Generator) -> np.ndarray:
        """Numbers of galaxies, int64, a central by its probability and satellites by Poisson.

        All centrals are drawn first, in the order of the halos, and then all satellites.
        """
        central = random.random(len(mass)) < self.centrals(mass)
        return central + random.poisson(self.satellites(mass))


def galaxies(settings: dict | None) -> Weighting:
    """Each halo counts for the galaxies that it hosts.

    Galaxies are put at their halo's centre of mass. Satellites at a distance r of it would have a
    share k^2 <r^2> / 6 less of their modes: 0.4 % at k = 0.3 h/Mpc for a root mean square of
    0.5 Mpc/h. In redshift space they move with their halo: there are no fingers of God.
    ``lagbias.halos.hod`` puts satellites on particles, where a format tells those of halos.

    Parameters
    ----------
    settings : dict
        ``master_seed`` and parameters of ``GalaxyOccupation.above``.

    Returns
    -------
    Weighting : of numbers of galaxies, which may be 0

    Raises
    ------
    InputError
        If there is no occupation; as halos are weighed, if none of them hosts a galaxy.
    """
    if settings is None:
        raise InputError(
            "galaxies of halos need an occupation: add the section `galaxies` to the config, "
            "{} for its defaults; see docs/reference/config_keys.md"
        )
    given = {name: value for name, value in settings.items() if name != "master_seed"}

    def weigh(particle_count: np.ndarray, box: SimulationBox, min_particles: int) -> np.ndarray:
        particle_mass = box.particle_mass
        occupation = GalaxyOccupation.above(min_particles * particle_mass, **given)
        lost = float(occupation.centrals(np.array(min_particles * particle_mass)))
        if lost > CUT_OFF:
            log.warning(
                "the halo cut N > %d takes galaxies away: %.2f a halo there; lower it or raise "
                "galaxies.log10_m_min", min_particles, lost,
            )  # fmt: skip
        seed = seed_of(settings["master_seed"], f"galaxies {box.name}")
        number = occupation.draw(particle_count * particle_mass, np.random.default_rng(seed))
        log.info("%d galaxies of %s in %d halos", number.sum(), occupation, len(number))
        if not number.any():
            raise InputError(
                f"galaxies: none in {len(number)} halos of up to "
                f"{particle_count.max() * particle_mass:.3g} Msun/h, with {occupation}; "
                "lower galaxies.log10_m_min"
            )
        return number

    return Weighting("galaxies", weigh)
