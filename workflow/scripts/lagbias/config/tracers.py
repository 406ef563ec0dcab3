"""Tracers: what stands in a path for a halo field, N150, N150-number or N150-galaxies."""

import re
from dataclasses import dataclass

from lagbias.base.errors import InputError


@dataclass(frozen=True)
class Tracer:
    """What is traced: halos above a cut, and what each of them counts.

    Parameters
    ----------
    min_particles : int
        Halos with more particles than this.
    weighting : str
        ``mass``: as many as it has particles; ``number``: one; ``galaxies``: those it hosts.
    """

    min_particles: int
    weighting: str


def parse_tracer(name: str) -> Tracer:
    """A tracer by its name: ``N50``, ``N50-number``, ``N50-galaxies``.

    Raises
    ------
    InputError
        If the name is not one of a tracer.
    """
    match = re.fullmatch(r"N([1-9]\d*)(?:-(number|galaxies))?", name)
    if not match:
        raise InputError(
            f"tracer {name!r}: expected halos by their least number of particles, as N50 (weighted "
            "by mass), N50-number or N50-galaxies" + _meant_tracer(name)
        )
    return Tracer(int(match.group(1)), match.group(2) or "mass")


def _meant_tracer(text: str) -> str:
    """What somebody may have meant who wrote a tracer otherwise; nothing where that is unclear."""
    if re.fullmatch(r"[Nn]?0+(-number|-galaxies)?", text):
        return "; a cut of 0 is none: write the particles of the smallest halos, as N20"
    match = re.fullmatch(r"[Nn]?[ >]*0*([1-9]\d*)(?:\.\d*)?(?:[-_ ](mass|number|galaxies))?", text)
    if not match:
        return ""
    return f"; write N{match[1]}" + (f"-{match[2]}" if match[2] not in (None, "mass") else "")
