"""Sections of the config that put galaxies into halos."""

from dataclasses import dataclass
from typing import Annotated

from lagbias.config.keys import Range, Share, Unit


@dataclass(frozen=True, kw_only=True)
class Galaxies:
    """Mean number of galaxies in a halo of mass M (Zheng et al. 2007).

    Centrals: ½[1 + erf((log10 M − `log10_m_min`)/`sigma_log10_m`)]. Satellites: the mean number of
    centrals times ((M − M0)/M1)^`alpha`. Galaxies are drawn once a box, from `master_seed` and the
    name of the box. What is not given follows from the halo cut. `{}` takes all of it so.
    """

    log10_m_min: Annotated[float, Unit("log10 Msun/h")] | None = None
    """Mmin, at which half of the halos have a central. If not given: twice that of the halo cut."""
    sigma_log10_m: Annotated[float, Range(above=0), Unit("dex")] | None = None
    """Width of the step of centrals; 0.2 if not given."""
    log10_m_0: Annotated[float, Unit("log10 Msun/h")] | None = None
    """M0, below which halos have no satellites; Mmin if not given."""
    log10_m_1: Annotated[float, Unit("log10 Msun/h")] | None = None
    """M1 of satellites; 17 Mmin if not given."""
    alpha: float | None = None
    """Slope of satellites; 1 if not given."""


@dataclass(frozen=True, kw_only=True)
class LrgOccupation:
    """Luminous red galaxies by AbacusHOD of abacusutils, the tracer `N50-LRG`.

    Centrals: ½ erfc((`logM_cut` − log10 M)/(√2 `sigma`)). Satellites: the mean number of centrals
    times ((M − `kappa` Mcut)/M1)^`alpha`. Names are AbacusHOD's (arXiv:2110.11412). Satellites are
    put on particles of their halo, which the files must tell. Galaxies are drawn once a box, from
    `master_seed` and the name of the box.
    """

    logM_cut: Annotated[float, Unit("log10 Msun/h")]
    """Mcut, at which half of the halos have a central."""
    logM1: Annotated[float, Unit("log10 Msun/h")]
    """M1 of satellites."""
    sigma: Annotated[float, Range(above=0), Unit("dex")]
    """Width of the step of centrals."""
    alpha: float
    """Slope of satellites."""
    kappa: float
    """Satellites begin at `kappa` Mcut."""
    ic: Share = 1.0
    """Completeness: share of the galaxies that is kept."""
    alpha_c: Annotated[float, Range(least=0)] = 0.0
    """Velocity bias of centrals: their velocity within the halo, in units of the dispersion of its
    particles."""
    alpha_s: Annotated[float, Range(least=0)] = 1.0
    """Velocity bias of satellites: their velocity within the halo, in units of that of their
    particle."""


@dataclass(frozen=True, kw_only=True)
class ElgOccupation:
    """Emission-line galaxies by AbacusHOD, the tracer `N50-ELG`, drawn independently of `LRG`.

    Centrals: 2 (`p_max` − 1/`Q`) φ Φ, with φ a Gaussian of log10 M around `logM_cut` of width
    `sigma`, and Φ = ½[1 + erf(`gamma` (log10 M − `logM_cut`)/(√2 `sigma`))]. Satellites: `A_s`
    ((M − `kappa` Mcut)/M1)^`alpha`.
    """

    p_max: float
    """Sets the height of the peak of centrals."""
    Q: Annotated[float, Range(above=0)]
    """Quenching efficiency."""
    logM_cut: Annotated[float, Unit("log10 Msun/h")]
    """Mcut, near the peak of centrals."""
    sigma: Annotated[float, Range(above=0), Unit("dex")]
    """Width of the peak."""
    gamma: float
    """Its skewness."""
    logM1: Annotated[float, Unit("log10 Msun/h")]
    """M1 of satellites."""
    alpha: float
    """Slope of satellites."""
    kappa: float
    """Satellites begin at `kappa` Mcut."""
    A_s: Annotated[float, Range(least=0)] = 1.0
    """Factor on the number of satellites."""
    logM1_EE: Annotated[float, Unit("log10 Msun/h")] | None = None
    """M1 where the central is an ELG, too (conformity); `logM1` if not given."""
    alpha_EE: float | None = None
    """Slope there; `alpha` if not given."""
    ic: Share = 1.0
    """Completeness: share of the galaxies that is kept."""
    alpha_c: Annotated[float, Range(least=0)] = 0.0
    """Velocity bias of centrals, as of LRGs."""
    alpha_s: Annotated[float, Range(least=0)] = 1.0
    """Velocity bias of satellites, as of LRGs."""
