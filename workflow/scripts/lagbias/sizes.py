"""How large a box is: what the memory of jobs follows from, cheap to know as a run is planned."""

import re
from dataclasses import dataclass

from lagbias.layout import FILES_PER_PRODUCT

# Side [Mpc/h] and particles a side of AbacusSummit's boxes, of which subsample A holds 3 %.
SIDES = {"small": (500.0, 1728), "highbase": (1000.0, 3456), "base": (2000.0, 6912)}
SUBSAMPLE_A = 0.03


@dataclass(frozen=True)
class BoxSizes:
    """How large a box is, known before any job has run.

    Parameters
    ----------
    box_size : float
        [Mpc/h]
    particles : int
        Of the subsample.
    files : int
        Files a product.
    """

    box_size: float
    particles: int
    files: int

    @classmethod
    def of_name(cls, name: str) -> "BoxSizes":
        """Sizes of a box by its name, as ``AbacusSummit_small_c000_ph3100``.

        ASSUME: a name that says no size is that of a small box.
        """
        match = re.search(r"_(small|highbase|base)_", name)
        kind = match.group(1) if match else "small"
        box_size, side = SIDES[kind]
        return cls(box_size, round(SUBSAMPLE_A * side**3), FILES_PER_PRODUCT[kind])
