"""Bispectra of painted fields by fast Fourier transforms: equilateral and squeezed triangles.

A shell's modes alone, transformed back, are a field I(x); the mean of I_1 I_2 I_3 over the box is
the sum of delta(k_1) delta(k_2) delta(k_3) over all closed triangles with a side in each shell, and
the same product of fields of ones counts them (Scoccimarro 2015, arXiv:1506.02729, section II).
"""

from collections.abc import Iterator

import numpy as np
import scipy.fft

from lagbias.base.threads import usable
from lagbias.fields.grid import Grid
from lagbias.fields.shells import Shells

TRIANGLES = ("equilateral", "squeezed")
FIRST_EQUILATERAL = 1  # shell: two fundamental modes; the first holds hardly a triangle
SQUEEZED = 2  # short sides are at least so many times the long mode


class Triangles:
    """Closed triangles of the modes in shells: equilateral, and squeezed on the first shell.

    A squeezed triangle has its long mode in the first shell and both its short sides in one other
    that begins at twice the first shell's end or later.

    Parameters
    ----------
    grid : Grid
        Of the painted fields.
    edges : (shells + 1,) [h/Mpc], rising, up to half the Nyquist wavenumber (``shell_edges``)
    threads : int

    Attributes
    ----------
    k : float64, (shells,) [h/Mpc]
    count : float64, (triangles, shells)
        Triangles by ``TRIANGLES``, each in every order of its sides that the shells allow; 0 where
        a shell is not used.
    """

    def __init__(self, grid: Grid, edges: np.ndarray, threads: int = 1):
        # Sides of three modes below k add up to a triangle again, shifted by the grid's own
        # wavenumber, unless that is above 3 k: no finer grid is needed.
        sides = 2 * (int(1.5 * edges[-1] / grid.fundamental) + 2)
        fast: int = scipy.fft.next_fast_len(sides, real=True)  # pyright: ignore[reportAssignmentType]
        self.grid = Grid(min(grid.points, fast), grid.box_size)
        self._threads = threads
        self._shells = Shells(self.grid, edges)
        self.k = self._shells.k
        self._used = np.zeros((len(TRIANGLES), len(self.k)), dtype=bool)
        self._used[0, FIRST_EQUILATERAL:] = True
        self._used[1] = edges[:-1] >= SQUEEZED * edges[1]
        self._ones = np.ones((self.grid.points,) * 2 + (self.grid.points // 2 + 1,))
        self.count = np.rint(self._sums(self._ones))

    def _fields(self, modes: np.ndarray) -> Iterator[np.ndarray]:
        """The field of each shell's modes alone, float32 or float64 (n, n, n)."""
        for shell in range(len(self.k)):
            yield scipy.fft.irfftn(  # pyright: ignore[reportReturnType]
                self._shells.only(modes, shell), s=self.grid.shape, norm="forward",
                workers=usable(self._threads),
            )  # fmt: skip

    def _sums(self, modes: np.ndarray) -> np.ndarray:
        """Sums over triangles of the product of three modes, float64 (triangles, shells)."""
        sums = np.zeros(self._used.shape)
        for shell, field in enumerate(self._fields(modes)):
            if shell == 0:
                long = field
            square = field * field
            sums[:, shell] = [_mean(square, field), _mean(square, long)]
        return np.where(self._used, sums, 0)

    def bispectrum(self, modes: np.ndarray) -> np.ndarray:
        """Bispectrum V^2 <Re(delta delta delta)>.

        Parameters
        ----------
        modes : complex64, (n, n, n // 2 + 1), of ``field_modes``

        Returns
        -------
        float64, (triangles, shells) [(Mpc/h)^6]; NaN where there is no triangle
        """
        return self._average(self._sums(self._cropped(modes))) * self.grid.box_size**6

    def power_of_sides(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Cross power of two fields, summed over the three sides: its mean over triangles.

        Parameters
        ----------
        first, second : complex64, (n, n, n // 2 + 1), modes of ``field_modes``

        Returns
        -------
        float64, (triangles, shells) [(Mpc/h)^3]
        """
        first, second = self._cropped(first), self._cropped(second)
        power = np.real(first) * np.real(second) + np.imag(first) * np.imag(second)
        power = power.astype(np.float64)
        sums = np.zeros(self._used.shape)
        pairs = zip(self._fields(power), self._fields(self._ones), strict=True)
        for shell, (field, ones) in enumerate(pairs):
            if shell == 0:
                long, long_ones = field, ones
            both = ones * ones
            squeezed = _mean(both, long) + 2 * _mean(field * ones, long_ones)
            sums[:, shell] = [3 * _mean(both, field), squeezed]
        return self._average(np.where(self._used, sums, 0)) * self.grid.box_size**3

    def _average(self, sums: np.ndarray) -> np.ndarray:
        with np.errstate(invalid="ignore"):
            return sums / self.count

    def _cropped(self, modes: np.ndarray) -> np.ndarray:
        """The modes that a coarser grid has."""
        n = self.grid.points
        index = np.fft.fftfreq(n, 1 / n).round().astype(int)
        return modes[np.ix_(index, index, np.arange(n // 2 + 1))]


def _mean(first: np.ndarray, second: np.ndarray) -> float:
    """Mean over the box of the product of two fields, plane by plane in float64."""
    total = sum(np.vdot(a.astype(np.float64), b) for a, b in zip(first, second, strict=True))
    return float(total) / first.size
