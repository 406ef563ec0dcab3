"""Yardsticks that give every Lagrangian point an f: how each kind is named, and where it is.

A yardstick of your own is one class (``lagbias.yardsticks.lagrangian.Basis``) and one line here,
or one line in the section ``own_yardsticks`` of a config.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from lagbias.base.registry import Registry


@dataclass(frozen=True)
class LagrangianKind:
    """A kind of yardstick.

    Parameters
    ----------
    basis : str
        Place of the class of its functions (``lagbias.base.loading``).
    label : str
        What figures call it.
    several_scales : bool
        Does it take more than one smoothing scale?
    """

    basis: str
    label: str
    several_scales: bool = False


KINDS: Registry[LagrangianKind] = {
    "poly": LagrangianKind("lagbias.yardsticks.polynomial:Polynomial", "polynomial", True),
    "bins": LagrangianKind("lagbias.yardsticks.bins:DensityBins", "f(δ) in bins"),
    "bins-lap": LagrangianKind("lagbias.yardsticks.bins:LaplacianBins", "f(δ, ∇²δ) in bins"),
    "bins-g2": LagrangianKind("lagbias.yardsticks.bins:ShearBins", "f(δ, G₂) in bins"),
}


def add_own(kinds: Mapping[str, Mapping]) -> None:
    """Take the kinds of a config in."""
    KINDS.update({name: LagrangianKind(**given) for name, given in kinds.items()})
