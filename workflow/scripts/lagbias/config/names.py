"""Names of models as people type them: scale sets, variants, directions, yardsticks."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from lagbias.base.errors import InputError
from lagbias.config.yardsticks import KINDS

YARDSTICKS = ("matter", "linear", "labels")


def parse_scales(scale_set: str) -> list[float]:
    """The smoothing scales [Mpc/h] of a set as typed in paths, ``R2-R2.83-R4``.

    Raises
    ------
    InputError
        If the set is not spelled in the one way that names its files.
    """
    parts = scale_set.split("-")
    if not all(re.fullmatch(r"R\d+(\.\d+)?", part) for part in parts):
        raise InputError(
            f"scale set {scale_set!r}: expected scales in Mpc/h joined by dashes, as R2-R2.83-R4"
            + _meant_scales(scale_set)
        )
    scales = [float(part[1:]) for part in parts]
    if not all(scales):
        raise InputError(f"scale set {scale_set!r}: found R=0, expected scales above 0 Mpc/h")
    canonical = "-".join(f"R{scale:g}" for scale in sorted(set(scales)))
    if canonical != scale_set:
        raise InputError(
            f"scale set {scale_set!r}: expected rising scales, each once, without idle zeros; "
            f"write {canonical}"
        )
    return scales


def _meant_scales(text: str) -> str:
    """What somebody may have meant who wrote scales otherwise; nothing where that is unclear."""
    parts = re.split(r"[\W_]+(?=[Rr])|[^\w.,]+", text.strip())
    found = [re.fullmatch(r"[Rr]?(\d+(?:\.\d+)?)", part) for part in parts]
    scales = {float(scale[1]) for scale in found if scale}
    if None in found or 0 in scales:
        return ""
    return f"; write {'-'.join(f'R{R:g}' for R in sorted(scales))}"


class NetworkName(NamedTuple):
    """The parts of a network's name, ``R2-R4_tenth-pc2``.

    Attributes
    ----------
    scale_set : str
        ``R2-R4``
    variant : str or None
        ``tenth``, a name of the config's section ``variants``; None is the training as configured.
    directions : int or None
        Gradient directions that it is trained on; None if not projected.
    """

    scale_set: str
    variant: str | None
    directions: int | None

    @property
    def base(self) -> str:
        """The name without its directions."""
        return f"{self.scale_set}_{self.variant}" if self.variant else self.scale_set


def parse_network(name: str) -> NetworkName:
    """The parts of a network's name, ``R2-R4``, ``R2-R4_tenth``, ``R2-R4-pc2``.

    Raises
    ------
    InputError
        If the name is not one of a network.
    """
    match = re.fullmatch(r"([^_]*?)(?:_([a-z][a-z0-9]*))?(?:-pc([1-9]\d*))?", name)
    if not match:
        raise InputError(
            f"network {name!r}: expected smoothing scales, perhaps a variant and directions, as "
            "R2-R4, R2-R4_tenth or R2-R4-pc2"
        )
    scale_set, variant, directions = match.groups()
    parse_scales(scale_set)
    return NetworkName(scale_set, variant, int(directions) if directions else None)


FEATURE_KINDS = ("delta", "laplacian", "g2")


def modes_kept(
    scales: int, modes: str | int | None = None, kinds: Sequence[str] = FEATURE_KINDS
) -> tuple[int, int]:
    """Modes of a network at so many scales: of delta and its Laplacian, and of G2.

    Parameters
    ----------
    scales : int
    modes : int, "all" or None
        Of delta and its Laplacian. None is the rule of arXiv:2212.08095, one more than there are
        scales, where both are inputs.
    kinds : sequence of str
        Features that are inputs.

    Raises
    ------
    InputError
        If there are not so many, or delta is not among the kinds.
    """
    if "delta" not in kinds:
        raise InputError(f"kinds: found {list(kinds)}; expected delta among them")
    most = scales * (1 + ("laplacian" in kinds))
    named = {None: min(scales + 1, most), "all": most}
    kept = modes if isinstance(modes, int) else named.get(modes, 0)
    if not 1 <= kept <= most:
        raise InputError(
            f"modes: {modes} modes of delta and its Laplacian at {scales} scales; expected 1 to "
            f"{most}, or `all`"
        )
    return kept, scales * ("g2" in kinds)


def parse_yardstick(model: str) -> tuple[str, list[float]]:
    """Kind and smoothing scales [Mpc/h] of a yardstick's name, ``poly-R2-R4`` or ``bins-lap-R2``.

    Raises
    ------
    InputError
        If the name is not one of a yardstick, or its scales are not spelled in the one way.
    """
    if model in YARDSTICKS:
        return model, []
    kind, _, scale_set = model.partition("-R")
    if kind not in KINDS or not scale_set:
        raise InputError(
            f"yardstick {model!r}: expected {', '.join(YARDSTICKS)}, or one of "
            f"{', '.join(KINDS)} with smoothing scales, as poly-R2-R4 or bins-lap-R2"
        )
    scales = parse_scales(f"R{scale_set}")
    if not KINDS[kind].several_scales and len(scales) > 1:
        raise InputError(f"yardstick {model!r}: {kind} takes one smoothing scale, as {kind}-R2")
    return kind, scales
