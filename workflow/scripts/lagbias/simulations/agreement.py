"""Do the final particles come from this initial density? Headers do not tell its sign or phase.

The longest waves of a box grow linearly: final matter has nearly those of the initial density.
Their cross-correlation coefficient is 0.71 to 0.80 in four mini boxes of 50 Mpc/h (k < 0.38 h/Mpc)
and 0.98 to 0.99 in boxes of 200 and 250 Mpc/h, two mini boxes and one of Abacus. It is at most 0.03
less in redshift space. With a density of another phase it is 0, with a scatter of 0.11 (0.13 to
0.19 in 50 Mpc/h); with one of the other sign it is as large and negative.
"""

import logging

import numpy as np

from lagbias.base.errors import InputError
from lagbias.simulations.box import SimulationBox

log = logging.getLogger(__name__)

LONGEST = 3  # fundamental modes of the box: 61 independent modes, sampled by 7 cells a side
LEAST_CORRELATION = 0.5  # 4.5 times the scatter of other phases in 200 Mpc/h


def long_modes(field: np.ndarray, reach: int = LONGEST) -> np.ndarray:
    """The longest Fourier modes along each axis, plane by plane: no second grid is held.

    Parameters
    ----------
    field : (n, n, n)
    reach : int
        How many along each axis, at most.

    Returns
    -------
    complex64, (2 m + 1, 2 m + 1, m + 1)
        Normalised by 1 / n^3, wavenumbers -m to m and 0 to m; m is less than ``reach`` where the
        grid holds less.
    """
    points = len(field)
    reach = min(reach, (points - 1) // 2)
    phase = np.outer(np.arange(-reach, reach + 1), np.arange(points)) * (-2j * np.pi / points)
    wave = np.exp(phase).astype(np.complex64)
    half = wave[reach:].T
    planes = np.stack([wave @ (plane.astype(np.float32) @ half) for plane in field])
    return np.tensordot(wave, planes, 1) / np.float32(points) ** 3


def correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Cross-correlation coefficient of two fields on their longest waves.

    Parameters
    ----------
    first, second : complex64, of ``long_modes``

    Returns
    -------
    float
        sum Re(a b*) / sqrt(sum |a|^2 sum |b|^2) over modes up to ``LONGEST``, the mean left out;
        NaN where a grid has no such mode, with two cells a side.
    """
    reach = min(first.shape[2] - 1, second.shape[2] - 1, LONGEST)
    first, second = (_central(modes, reach) for modes in (first, second))
    number, last = np.arange(-reach, reach + 1), np.arange(reach + 1)
    square = number[:, None, None] ** 2 + number[:, None] ** 2 + last**2
    # The last axis is halved: its modes stand for their conjugates too, but for the first plane.
    copies = np.where(last == 0, 1, 2) * ((square > 0) & (square <= LONGEST**2))
    with np.errstate(invalid="ignore"):
        return float(
            (copies * np.real(first * second.conj())).sum()
            / np.sqrt((copies * abs(first) ** 2).sum() * (copies * abs(second) ** 2).sum())
        )


def _central(modes: np.ndarray, reach: int) -> np.ndarray:
    """The modes of a smaller reach, in float64."""
    kept = slice(modes.shape[2] - 1 - reach, modes.shape[2] + reach)
    return modes[kept, kept, : reach + 1].astype(np.complex128)


def check_same_waves(found: float, box: SimulationBox) -> None:
    """Refuse particles that did not come from the initial density.

    Parameters
    ----------
    found : float
        Correlation of final matter and linear density on their longest waves.
    box : SimulationBox
        Named in the error.

    Raises
    ------
    InputError
        If it is below ``LEAST_CORRELATION``.
    """
    longest = f"waves longer than {box.box_size / LONGEST:.3g} Mpc/h"
    log.info("final matter and linear density: correlation %.4f on %s", found, longest)
    if found < LEAST_CORRELATION:
        advice = "use an initial density and particles of one phase"
        if found <= -LEAST_CORRELATION:
            advice = (
                "the initial density has the other sign: multiply it by -1 (AbacusSummit's "
                "fixedbase ph098 is known for it)"
            )
        raise InputError(
            f"{box.files} and {box.density_file} do not belong together: found a correlation of "
            f"{found:.2f} between final matter and linear density on {longest}, expected at least "
            f"{LEAST_CORRELATION:g} (0.7 to 1 where they do, 0 with another phase); {advice}"
        )
