"""Settings of the small simulations made here, checked when made.

The standard library alone: a config is compared with them wherever Snakemake runs.
"""

import math
import re
from dataclasses import dataclass
from typing import get_type_hints

from lagbias.base.errors import InputError
from lagbias.base.limits import MOST_SIMULATED

DEFAULT_COSMOLOGY = "c000"  # AbacusSummit's, of a mini box that names none
# AbacusSummit's cosmologies whose linear power abacusutils has.
COSMOLOGIES = tuple(
    f"c{number:03d}"
    for first, last in ((0, 4), (9, 10), (12, 20), (100, 126), (130, 181))
    for number in range(first, last + 1)
)
# Where PySCo's own table of the expansion begins.
PYSCO_FIRST_REDSHIFT = 200.0
# Mesh cells for each particle along a side. Measured against Watson13: at 1 halos below 100
# particles are too few by 10 to 40 %, at 2 too many by 40 %, at 4/3 right within 10 %.
MESH_RATIO_RANGE = (1.2, 1.5)


@dataclass(frozen=True)
class MiniSimulation:
    """Settings of one mini simulation.

    Parameters
    ----------
    name : str
        Name of the simulation, used as a folder name.
    box_size : float
        Side of the periodic box [Mpc/h].
    particles_per_side : int
        Particles along a side, even.
    mesh : int
        Cells of the force mesh along a side, a power of two; 4/3 of the particles is best.
    phase : int
        Which realisation of the initial density.
    master_seed : int
        Seed from which, with the phase, all randomness is derived.
    redshift : float
        Redshift of the snapshot.
    initial_redshift : float
        Redshift at which the particles are displaced.
    subsample : float
        Fraction of the particles that is written ("subsample A"), in (0, 1].
    linking_length : float
        Friends-of-friends linking length in units of the mean particle spacing.
    min_halo_particles : int
        Smallest group that counts as a halo.
    files_per_product : int
        Into how many files, slabs of equal width in x, each product is split.
    cosmology : str
        One of AbacusSummit's, ``c000``.
    density_grid : int
        Side of the initial density that is written, even; 0 for that of the particles.

    Raises
    ------
    InputError
        If a value makes no simulation.
    """

    name: str
    box_size: float
    particles_per_side: int
    mesh: int
    phase: int
    master_seed: int
    redshift: float = 0.5
    initial_redshift: float = 49.0
    subsample: float = 1.0
    linking_length: float = 0.2
    min_halo_particles: int = 20
    files_per_product: int = 1
    cosmology: str = DEFAULT_COSMOLOGY
    density_grid: int = 0

    @property
    def density_points(self) -> int:
        """Points along a side of the initial density."""
        return self.density_grid or self.particles_per_side

    def __post_init__(self) -> None:
        self._check_types()
        self._check_values()

    def _check_types(self) -> None:
        for name, kind in get_type_hints(MiniSimulation).items():
            value = getattr(self, name)
            accepted = (int, float) if kind is float else kind
            if not isinstance(value, accepted) or isinstance(value, bool):
                raise InputError(
                    f"mini simulation {self.name!r}: {name}={value!r} is a "
                    f"{type(value).__name__}; expected {kind.__name__}"
                )

    def _check_values(self) -> None:
        n, mesh = self.particles_per_side, self.mesh
        grid_is_even = self.density_grid % 2 == 0
        checks = (
            ("name", re.fullmatch(r"\w[\w.+-]*", self.name), "letters, digits and . _ + -"),
            ("box_size", 0 < self.box_size < math.inf, "a length above 0 Mpc/h"),
            (
                "particles_per_side",
                8 <= n <= MOST_SIMULATED and n % 2 == 0,
                f"an even number, 8 to {MOST_SIMULATED}",
            ),
            (
                "particles_per_side",
                _pysco_finds_side(n),
                "a side that PySCo finds from its cube; take "
                f"{next(filter(_pysco_finds_side, range(n + 2, 2 * n, 2)), 64)}",
            ),
            ("mesh", mesh >= 8 and mesh & (mesh - 1) == 0, "a power of two, 8 or more"),
            ("phase", self.phase >= 0, "0 or more"),
            ("master_seed", self.master_seed >= 0, "0 or more"),
            (
                "initial_redshift",
                self.redshift < self.initial_redshift < PYSCO_FIRST_REDSHIFT,
                f"more than redshift={self.redshift} and less than {PYSCO_FIRST_REDSHIFT:g}",
            ),
            ("redshift", self.redshift >= 0, "0 or more"),
            ("subsample", 0 < self.subsample <= 1, "a fraction in (0, 1]"),
            ("linking_length", 0 < self.linking_length < 1, "a fraction of the spacing, < 1"),
            ("min_halo_particles", self.min_halo_particles >= 2, "2 or more"),
            ("files_per_product", 1 <= self.files_per_product <= 999, "1 to 999"),
            (
                "density_grid",
                self.density_grid == 0 or (8 <= self.density_grid <= n and grid_is_even),
                f"an even number, 8 to particles_per_side={n}",
            ),
            ("cosmology", self.cosmology in COSMOLOGIES, f"one of {', '.join(COSMOLOGIES)}"),
        )
        for field, passed, expected in checks:
            if not passed:
                raise InputError(
                    f"mini simulation {self.name!r}: {field}={getattr(self, field)!r}; "
                    f"expected {expected}"
                )


def check_mesh_ratio(settings: MiniSimulation) -> None:
    """Refuse a force mesh with which the number of halos is wrong.

    Raises
    ------
    InputError
        If its cells are not 1.2 to 1.5 times the particles a side.
    """
    ratio = settings.mesh / settings.particles_per_side
    lowest, highest = MESH_RATIO_RANGE
    if not lowest <= ratio <= highest:
        raise InputError(
            f"mini.mesh: found {settings.mesh}, {ratio:.3g} times mini.particles_per_side "
            f"{settings.particles_per_side}; expected {lowest:g} to {highest:g} times, elsewhere "
            "the number of halos is wrong by up to 40 %; take 3/4 of a power of two as particles"
        )


def _pysco_finds_side(side: int) -> bool:
    """Whether PySCo's truncated cube root gives the side; it fails for 30, 54, 60, 240, ..."""
    return int(math.cbrt(side**3)) == side
