"""What AbacusSummit has: its kinds of boxes, their sizes, and the redshifts with particles.

The numbers are those of the data portal's scan of the disk at NERSC
(abacussummit-data-portal, ``simulations.table.json``, 2021-09) and of AbacusSummit's ``docs/``.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from lagbias.base.errors import InputError

# Redshifts at which the simulations wrote particles, and those at which they wrote halos besides.
PRIMARY = (0.1, 0.2, 0.3, 0.4, 0.5, 0.8, 1.1, 1.4, 1.7, 2.0, 2.5, 3.0)
SECONDARY = (
    0.15, 0.25, 0.35, 0.45, 0.575, 0.65, 0.725, 0.875, 0.95, 1.025, 1.175,
    1.25, 1.325, 1.475, 1.55, 1.625, 1.85, 2.25, 2.75, 5.0, 8.0,
)  # fmt: skip
# Primary ones of which most large boxes have the field particles on disk; of others, on tape.
ON_DISK = (0.2, 0.5, 0.8, 1.1, 1.4, 2.0, 2.5)


@dataclass(frozen=True)
class BoxKind:
    """A kind of AbacusSummit's boxes.

    Parameters
    ----------
    box_size : float
        [Mpc/h]
    particles_per_side : int
    files : int
        Files a product.
    total_bytes : float
        Of the five products at z = 0.5.
    redshifts : tuple of float
        Those of which all five products can be fetched.
    density_grids : tuple of int
        Points a side of the initial densities; empty where they are not known.
    """

    box_size: float
    particles_per_side: int
    files: int
    total_bytes: float
    redshifts: tuple[float, ...]
    density_grids: tuple[int, ...] = ()


KINDS = {
    "small": BoxKind(500.0, 1728, 1, 2.95e9, (0.2, 0.3, 0.4, 0.5, 0.8, 1.1, 1.4), (576,)),
    "base": BoxKind(2000.0, 6912, 34, 180.2e9, ON_DISK, (576, 1152)),
    "highbase": BoxKind(1000.0, 3456, 16, 23.05e9, PRIMARY),
    "high": BoxKind(1000.0, 6300, 34, 128.9e9, ON_DISK),
    "fixedbase": BoxKind(1185.0, 4096, 18, 37.9e9, PRIMARY),
    "hugebase": BoxKind(2000.0, 2304, 9, 7.32e9, PRIMARY),
    "huge": BoxKind(7500.0, 8640, 34, 368.5e9, ON_DISK),
}
ALL_COSMOLOGIES = (*range(5), 9, 10, *range(12, 21), *range(100, 127), *range(130, 182))
# Phases by kind and cosmology. Large boxes: AbacusSummit's table of simulations and the metadata of
# abacusutils, which a test compares. Small ones: 1883 of these 2000 were there in 2021; which are
# not is known of a few (abacussummit-data-portal).
PHASES: dict[str, dict[int, range | tuple[int, ...]]] = {
    "small": {0: range(3000, 5000)},
    "base": {number: (0,) for number in ALL_COSMOLOGIES}
    | {0: range(25)}
    | dict.fromkeys(range(1, 5), range(6)),
    "highbase": {0: (100,), 21: (0,), 22: (0,)},
    "high": {0: (100,)},
    "fixedbase": {0: (98, 99), 1: (99,), 2: (99,), 3: (99,), 4: (99,)},
    "hugebase": {0: range(25)},
    "huge": {0: (201, 202)},
}
# Boxes of which less is there than of their kind: redshifts with particles.
LESS = {
    "AbacusSummit_small_c000_ph3008": (),
    "AbacusSummit_small_c000_ph3006": (0.3, 0.4, 0.5, 0.8, 1.1, 1.4),  # ends at 0.25
    "AbacusSummit_small_c000_ph3010": (1.1, 1.4),  # ends at 1.025
    "AbacusSummit_base_c103_ph000": (0.2, 0.5),
}
KIND_IN_NAME = re.compile(rf"_({'|'.join(KINDS)})_")
PUBLISHED = re.compile(rf"AbacusSummit_({'|'.join(KINDS)})_c\d{{3}}_ph\d{{3,4}}")


def published_kind(name: str) -> str:
    """The kind of a box of AbacusSummit, by its name: ``small``.

    Raises
    ------
    InputError
        If the name is not one of AbacusSummit's.
    """
    match = PUBLISHED.fullmatch(name)
    if not match:
        raise InputError(
            f"simulation {name}: expected AbacusSummit_{{{','.join(KINDS)}}}_cNNN_phNNN, the "
            "boxes that the public tree has; use `source: local` for others"
        )
    return match[1]


def files_per_product(name: str) -> int:
    """Files a product of an AbacusSummit box, by its name.

    Raises
    ------
    InputError
        If the name is not one of AbacusSummit's.
    """
    return KINDS[published_kind(name)].files


def check_published(name: str, redshift: float, density_grid: int) -> None:
    """Refuse to fetch what the public tree does not have.

    Of small boxes it is not known here which phases are missing: the server says it.

    Raises
    ------
    InputError
        If no box is named so or has this cosmology and phase, or boxes of this kind have no
        particles at the redshift or no initial density of so many points.
    """
    kind = published_kind(name)
    box = KINDS[kind]
    check_phase(name, kind)
    redshifts = LESS.get(name, box.redshifts)
    if redshift not in redshifts:
        nearest = min(redshifts, key=lambda there: abs(there - redshift))
        which = name if name in LESS else f"{kind} boxes"
        have = "has" if name in LESS else "have"
        raise InputError(
            f"simulations.{name}: {_why_no_particles(kind, redshift)}; {which} {have} all five "
            f"products at {listed(redshifts)}: write `redshift: {nearest:g}`, the nearest"
        )
    if box.density_grids and density_grid not in box.density_grids:
        raise InputError(
            f"simulations.{name}.density_grid: found {density_grid}; the initial densities of "
            f"{kind} boxes have {' or '.join(map(str, box.density_grids))} points a side: write "
            f"`density_grid: {box.density_grids[-1]}`"
        )


def check_phase(name: str, kind: str) -> None:
    """Refuse a cosmology or phase that AbacusSummit has not.

    Raises
    ------
    InputError
        Naming the nearest that it has.
    """
    cosmology, phase = (int(part) for part in re.findall(r"_(?:c|ph)(\d+)", name))
    phases = PHASES[kind]
    if cosmology not in phases:
        near = min(phases, key=lambda there: abs(there - cosmology))
        raise InputError(
            f"simulations.{name}: found cosmology c{cosmology:03d}, but AbacusSummit has {kind} "
            f"boxes of {_runs(phases, 'c', 3)}; write c{near:03d}, the nearest, or another box"
        )
    if phase in phases[cosmology] and LESS.get(name) != ():
        return
    digits = 4 if kind == "small" else 3
    there = [
        other
        for other in phases[cosmology]
        if other != phase and LESS.get(name.replace(f"ph{phase:0{digits}d}", f"ph{other}")) != ()
    ]
    near = min(there, key=lambda other: abs(other - phase))
    raise InputError(
        f"simulations.{name}: AbacusSummit has no ph{phase:0{digits}d} of these; {kind} boxes of "
        f"c{cosmology:03d} have {_runs(phases[cosmology], 'ph', digits)}"
        + (" (some of these are missing)" if kind == "small" else "")
        + f"; write ph{near:0{digits}d}, the nearest"
    )


def _runs(numbers: Iterable[int], letter: str, digits: int) -> str:
    """Numbers as runs, ``c000-c004, c009``."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ", ".join(
        "-".join(f"{letter}{end:0{digits}d}" for end in dict.fromkeys(run)) for run in runs
    )


def _why_no_particles(kind: str, redshift: float) -> str:
    if redshift in PRIMARY and kind != "small":
        return (
            f"the field particles of most {kind} boxes at redshift {redshift:g} are on tape only "
            "(if you have them, use `source: local`)"
        )
    if redshift in (*PRIMARY, *SECONDARY):
        return f"at redshift {redshift:g} AbacusSummit has halos, but not the particles needed here"
    return f"redshift {redshift:g} is none of AbacusSummit's"


def listed(redshifts: tuple[float, ...] | list[float]) -> str:
    """Redshifts for people: ``z = 0.2, 0.5``."""
    return f"z = {', '.join(f'{redshift:g}' for redshift in redshifts)}"


def check_sign_of_density(name: str) -> None:
    """Refuse the box whose published initial density has the wrong sign.

    Raises
    ------
    InputError
        If it is that one.
    """
    if re.fullmatch(r"AbacusSummit_fixedbase_c\d{3}_ph098", name):
        raise InputError(
            f"simulations.{name}: the published initial density of ph098 has the wrong sign (it "
            "must be multiplied by -1), and this workflow reads it as it is: use ph099"
        )
