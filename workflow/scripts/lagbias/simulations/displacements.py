"""Does each particle come from where its index says? Final displacements against Zel'dovich's.

The linear density moves a particle from q to q + psi(q), psi_k = (i k / k^2) delta_k (Zel'dovich
1970). Final minus Lagrangian positions of a sample of particles are compared with it axis by axis:
correlation, slope, and mean, which is the origin of the index. Waves shorter than 2 pi / K_MOST are
left out: few displacements come from them.

A correlation of 0.89 to 0.98 and a slope of 0.96 to 1.04 was found in boxes of 120 to 250 Mpc/h,
mini boxes, one of Abacus and one of Gadget-4 (docs/how-to/own-simulation.md); 0 with a density of
another phase, or with an index of another order.
"""

import itertools
import logging
from typing import NamedTuple

import numpy as np

from lagbias.base.errors import InputError
from lagbias.simulations.agreement import LONGEST
from lagbias.simulations.box import SimulationBox

log = logging.getLogger(__name__)

K_MOST = 0.3  # h/Mpc
MOST_WAVES = 64  # along an axis: bounds memory and time
SAMPLE = 10_000  # particles
AT_ONCE = 256  # of them: bounds memory
LEAST_CORRELATION = 0.5
LARGEST_OFFSET = 0.25  # of the spacing of the particle lattice: half a cell is 0.5
AXES = "xyz"


class Displacements(NamedTuple):
    """Final against Zel'dovich displacements of a sample, by axis.

    Attributes
    ----------
    correlation, slope : float64, (3,)
        Of final displacements, less their mean, on Zel'dovich's.
    offset : float64, (3,)
        Mean final displacement [Mpc/h]: 0 but for the origin of positions or of the index.
    error : float64, (3,)
        Of the offset, by the sample's scatter [Mpc/h].
    """

    correlation: np.ndarray
    slope: np.ndarray
    offset: np.ndarray
    error: np.ndarray


def waves_along(box_size: float, points: int) -> int:
    """Fundamental modes along an axis that displacements are made of."""
    wanted = int(np.ceil(K_MOST * box_size / (2 * np.pi)))
    return min(max(wanted, LONGEST), MOST_WAVES, (points - 1) // 2)


def zeldovich(modes: np.ndarray, place: np.ndarray, box_size: float) -> np.ndarray:
    """Zel'dovich displacements at some places.

    Parameters
    ----------
    modes : complex64, of ``agreement.long_modes`` of the linear density
    place : float, (n, 3)
        In units of the box, from grid point [0, 0, 0].
    box_size : float
        [Mpc/h]

    Returns
    -------
    float64, (n, 3) [Mpc/h]
    """
    reach = modes.shape[2] - 1
    number, last = np.arange(-reach, reach + 1), np.arange(reach + 1)
    k = np.stack(np.meshgrid(number, number, last, indexing="ij")) * (2 * np.pi / box_size)
    square = (k**2).sum(axis=0)
    square[reach, reach, 0] = np.inf
    # The last axis is halved: its modes stand for their conjugates too, but for the first plane.
    kernel = 1j * k / square * np.where(last == 0, 1, 2)
    amplitude = (kernel * modes).astype(np.complex64)
    found = np.empty((len(place), 3))
    for start in range(0, len(place), AT_ONCE):
        part = slice(start, start + AT_ONCE)
        waves = [
            np.exp(2j * np.pi * np.outer(place[part, axis], along)).astype(np.complex64)
            for axis, along in enumerate((number, number, last))
        ]
        for axis in range(3):
            over_last = amplitude[axis] @ waves[2].T
            over_two = np.einsum("abn,nb->an", over_last, waves[1])
            found[part, axis] = np.einsum("an,na->n", over_two, waves[0]).real
    return found


class Sample:
    """A sample of the particles of a box, every n-th as they come, however many there are.

    Attributes
    ----------
    position : float32, (n, 3) [Mpc/h]
    lattice_index : int, (n, 3)
    """

    def __init__(self) -> None:
        self.position = np.empty((0, 3), dtype=np.float32)
        self.lattice_index = np.empty((0, 3), dtype=np.int64)
        self._stride, self._passed = 1, 0

    def add(self, position: np.ndarray, lattice_index: np.ndarray) -> None:
        """Take some of the particles in; where the sample grows too large, leave every other."""
        first = -self._passed % self._stride
        self._passed += len(position)
        self.position = np.concatenate([self.position, position[first :: self._stride]])
        self.lattice_index = np.concatenate(
            [self.lattice_index, lattice_index[first :: self._stride]]
        )
        while len(self.position) >= 2 * SAMPLE:
            self.position, self.lattice_index = self.position[::2], self.lattice_index[::2]
            self._stride *= 2


def compared(
    modes: np.ndarray, position: np.ndarray, place: np.ndarray, box_size: float
) -> Displacements:
    """Final displacements of some particles against Zel'dovich's.

    Parameters
    ----------
    modes : see ``zeldovich``
    position : (n, 3)
        Final positions [Mpc/h], in [-L/2, L/2].
    place : (n, 3)
        Where they began, in units of the box, from 0.
    box_size : float
        [Mpc/h]
    """
    expected = zeldovich(modes, place, box_size)
    moved = position - (place - 0.5) * box_size
    moved -= box_size * np.rint(moved / box_size)
    offset = moved.mean(axis=0)
    error = moved.std(axis=0) / np.sqrt(len(moved))
    moved, expected = moved - offset, expected - expected.mean(axis=0)
    product = (moved * expected).sum(axis=0)
    square = (expected**2).sum(axis=0)
    with np.errstate(invalid="ignore"):
        correlation = product / np.sqrt((moved**2).sum(axis=0) * square)
        return Displacements(correlation, product / square, offset, error)


def check_displacements(sample: Sample, modes: np.ndarray, box: SimulationBox) -> Displacements:
    """Refuse particles that did not come from where their index says.

    Parameters
    ----------
    sample : Sample
    modes : see ``zeldovich``
    box : SimulationBox
        Named in the error.

    Raises
    ------
    InputError
        If a correlation is below ``LEAST_CORRELATION``: the likely causes, and the order of axes
        that would fit; if positions are off by part of a cell.
    """
    place = sample.lattice_index / box.particles_per_side
    found = compared(modes, sample.position, place, box.box_size)
    log.info(
        "final displacements of %d particles on Zel'dovich's: correlation %s, slope %s by axis",
        len(place), _listed(found.correlation), _listed(found.slope),
    )  # fmt: skip
    if not (found.correlation > LEAST_CORRELATION).all():
        fit = _what_would_fit(sample, modes, box)
        causes = (
            "the order in which identifiers count the lattice, their first number, the origin or "
            "the units of positions, a density of another phase"
        )
        raise InputError(
            f"{box.files} and {box.density_file} do not fit: final displacements of "
            f"{len(place)} particles have a correlation of {_listed(found.correlation)} (x, y, z) "
            f"with the Zel'dovich displacements of the density, expected more than "
            f"{LEAST_CORRELATION:g} (0.9 where they fit); "
            + (fit or f"likely causes: {causes}; check these")
        )
    spacing = box.box_size / box.particles_per_side
    off = np.abs(found.offset) - 4 * found.error > LARGEST_OFFSET * spacing
    if off.any():
        raise InputError(
            f"{box.files}: particles are displaced by {_listed(found.offset)} Mpc/h (x, y, z) on "
            f"average, expected 0: {_listed(found.offset / spacing)} of the spacing of the "
            "particle lattice; the lattice begins elsewhere (half a cell, say) or positions have "
            "another origin: shift the positions"
        )
    return found


def _what_would_fit(sample: Sample, modes: np.ndarray, box: SimulationBox) -> str:
    """What would make the displacements fit: another order of axes, origin or sign."""
    for shift, order in itertools.product((0.0, 0.5), itertools.permutations(range(3))):
        place = (sample.lattice_index[:, order] / box.particles_per_side + shift) % 1
        found = compared(modes, sample.position, place, box.box_size).correlation
        if (found > LEAST_CORRELATION).all() or (found < -LEAST_CORRELATION).all():
            axes = "".join(AXES[axis] for axis in order)
            parts = [
                ""
                if axes == AXES
                else f"axes of the index in the order {axes}"
                + (" (write `id_order: zyx`, or leave it out)" if axes == "zyx" else ""),
                "positions shifted by half the box" if shift else "",
                "the density of the other sign (multiply it by -1)" if found[0] < 0 else "",
            ]
            return f"what would fit: {', '.join(filter(None, parts))}"
    return ""


def _listed(numbers: np.ndarray) -> str:
    return " ".join(f"{number:.2f}" for number in numbers)
