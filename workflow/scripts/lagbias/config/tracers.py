"""Tracers: what stands in a path for a halo field, N150, N150-number, N150-galaxies, N150-LRG."""

import re
from dataclasses import dataclass

from lagbias.base.errors import InputError

HOD_TRACERS = ("LRG", "ELG")
WEIGHTINGS = ("number", "galaxies", *HOD_TRACERS)


@dataclass(frozen=True)
class Tracer:
    """What is traced: halos above a cut, and what each of them counts.

    Parameters
    ----------
    min_particles : int
        Halos with more particles than this.
    weighting : str
        ``mass``: as many as it has particles; ``number``: one; ``galaxies``: those it hosts, all at
        its centre; ``LRG`` or ``ELG``: galaxies by AbacusHOD.
    """

    min_particles: int
    weighting: str

    @property
    def of_galaxies(self) -> bool:
        """Are galaxies traced, which do not say which particles are in halos?"""
        return self.weighting == "galaxies" or self.by_hod

    @property
    def by_hod(self) -> bool:
        """Are they drawn by AbacusHOD?"""
        return self.weighting in HOD_TRACERS


def _any() -> str:
    """Any weighting that a name says, as a regular expression."""
    return "|".join(WEIGHTINGS)


def parse_tracer(name: str) -> Tracer:
    """A tracer by its name: ``N50``, ``N50-number``, ``N50-galaxies``, ``N50-LRG``, ``N50-ELG``.

    Raises
    ------
    InputError
        If the name is not one of a tracer.
    """
    match = re.fullmatch(rf"N([1-9]\d*)(?:-({_any()}))?", name)
    if not match:
        raise InputError(
            f"tracer {name!r}: expected halos by their least number of particles, as N50 (weighted "
            "by mass), N50-number, N50-galaxies, N50-LRG or N50-ELG" + _meant_tracer(name)
        )
    return Tracer(int(match.group(1)), match.group(2) or "mass")


def needs_occupation(name: str) -> str:
    """What is said of a tracer by AbacusHOD whose section is not in the config."""
    return (
        f"{name} needs the section `{parse_tracer(name).weighting}`, the occupation of halos by "
        "AbacusHOD; add it (docs/reference/config_keys.md)"
    )


def _meant_tracer(text: str) -> str:
    """What somebody may have meant who wrote a tracer otherwise; nothing where that is unclear."""
    if re.fullmatch(rf"[Nn]?0+(-({_any()}))?", text):
        return "; a cut of 0 is none: write the particles of the smallest halos, as N20"
    match = re.fullmatch(rf"[Nn]?[ >]*0*([1-9]\d*)(?:\.\d*)?(?:[-_ ](mass|{_any()}))?", text)
    if not match:
        return ""
    return f"; write N{match[1]}" + (f"-{match[2]}" if match[2] not in (None, "mass") else "")
