"""Modes of periodic fields, summed in shells of wavenumber.

Modes are summed by numpy's ``bincount``: abacusutils' counting, to which a test compares it,
compiles for several seconds in every process (numba refuses to keep it) and sums in float32.
"""

import functools

import numpy as np
import scipy.special

from lagbias.base.threads import usable
from lagbias.fields.grid import Grid

SHELL_GROWTH = 0.12  # relative width of a shell where it is wider than the fundamental mode


def next_edge(edge: float, fundamental: float) -> float:
    """Where the shell ends that begins at an edge, given the fundamental mode too [h/Mpc]."""
    return edge + max(fundamental, SHELL_GROWTH * edge)


def shell_edges(grid: Grid, k_max: float) -> np.ndarray:
    """Edges of shells [h/Mpc], from half the fundamental mode to at most ``k_max``.

    A shell is as wide as the fundamental mode or 12 % of its wavenumber, whichever is more, and
    ends at half the mesh's Nyquist frequency at the latest: beyond, aliasing is not negligible.
    """
    k_max = min(k_max, 0.5 * np.pi / grid.spacing)
    edges = [0.5 * grid.fundamental]
    while edges[-1] < k_max:
        edges.append(next_edge(edges[-1], grid.fundamental))
    return np.array(edges[:-1] if edges[-1] > k_max and len(edges) > 2 else edges)


class Shells:
    """Shells of wavenumbers on a grid; every mode of the full cube counts once.

    Parameters
    ----------
    grid : Grid
    edges : (shells + 1,) [h/Mpc], rising (see ``shell_edges``)

    Attributes
    ----------
    modes : int64, (shells,), how many modes of the full cube lie in each
    k : float64, (shells,), their mean wavenumber [h/Mpc]
    """

    def __init__(self, grid: Grid, edges: np.ndarray):
        self.grid = grid
        self.edges = edges
        full, half = grid.wavenumbers() ** 2, grid.half_wavenumbers() ** 2
        # The last axis is halved: its modes stand for their conjugates too, but for two planes.
        self._copies = np.where((half == 0) | (2 * np.arange(len(half)) == grid.points), 1.0, 2.0)
        self._shell = np.empty((grid.points, grid.points, len(half)), dtype=np.uint16)
        self._legendre_weights = functools.cache(self._make_legendre_weights)
        self.modes, self.k = np.zeros((2, len(self.edges) - 1))
        for number, square in enumerate(full):
            k = np.sqrt(square + full[:, None] + half)
            self._shell[number] = np.digitize(k, self.edges)
            self.modes += self._sum(number, self._copies)
            self.k += self._sum(number, k * self._copies)
        with np.errstate(invalid="ignore"):  # an empty shell has no mean
            self.k /= self.modes
        self.modes = self.modes.astype(np.int64)

    def _sum(self, plane: int, values: np.ndarray) -> np.ndarray:
        """Sums of a plane's modes (y, z) over the shells; below and above them left out."""
        shell = self._shell[plane]
        values = np.broadcast_to(values, shell.shape)
        # Numbers that ``digitize`` gives: 0 below the first edge, ``len(edges)`` above the last.
        return np.bincount(shell.ravel(), values.ravel(), len(self.edges) + 1)[1:-1]

    def only(self, modes: np.ndarray, shell: int) -> np.ndarray:
        """The modes of one shell, zero elsewhere, (n, n, n // 2 + 1)."""
        return np.where(self._shell == shell + 1, modes, modes.dtype.type(0))

    def power(
        self, first: np.ndarray, second: np.ndarray | None = None, multipole: int = 0
    ) -> np.ndarray:
        """Auto or cross power, V (2 l + 1) <L_l(k_z / k) Re(first second*)>, summed in float64.

        Parameters
        ----------
        first, second : complex64, (n, n, n // 2 + 1), modes of ``field_modes``
        multipole : int
            Even l of the Legendre polynomial in the cosine to the line of sight, which is z.

        Returns
        -------
        float64, (shells,) [(Mpc/h)^3]; NaN where a shell holds no mode
        """
        total = np.zeros(len(self.modes))
        for number, plane in enumerate(first):
            other = plane if second is None else second[number]
            product = plane.real * other.real + plane.imag * other.imag
            total += self._sum(number, product * self._copies * self._legendre(number, multipole))
        with np.errstate(invalid="ignore"):
            return total / self.modes * self.grid.box_size**3

    def _legendre(self, plane: int, multipole: int) -> np.ndarray | float:
        """(2 l + 1) L_l(k_z / k) of a plane's modes (y, z)."""
        if multipole == 0:
            return 1.0
        number = np.arange(self.grid.points)
        number = np.minimum(number, self.grid.points - number)  # of -k as of k
        return self._legendre_weights(multipole)[number[plane], number]

    def _make_legendre_weights(self, multipole: int) -> np.ndarray:
        """The same of the modes without negative wavenumbers, float64 (n // 2 + 1,)^3."""
        along = self.grid.half_wavenumbers()
        across = self.grid.wavenumbers()[: len(along)]
        weights = np.empty((len(along),) * 3)
        for plane, square in enumerate(across**2):
            k = np.sqrt(square + across[:, None] ** 2 + along**2)
            cosine = along / np.where(k > 0, k, 1)
            weights[plane] = scipy.special.eval_legendre(multipole, cosine)
        weights *= 2 * multipole + 1
        return weights


def tsc_window(grid: Grid) -> np.ndarray:
    """Fourier transform of a triangular-shaped cloud along an axis, float32 (points,).

    sinc(k_i spacing / 2)^3 (Hockney & Eastwood 1981, table 5-1), in the precision of abacusutils'
    ``get_W_compensated``, whose import takes as long as half of a small box's spectra.
    """
    k = (np.fft.fftfreq(grid.points, d=grid.spacing) * 2 * np.pi).astype(np.float32)
    return np.sinc(0.5 * k / (np.pi / grid.spacing)) ** 3.0


def field_modes(
    overdensity: np.ndarray, grid: Grid, threads: int = 1, resolution: float = 0.0
) -> np.ndarray:
    """Fourier modes of a TSC-painted overdensity, its window divided out.

    Parameters
    ----------
    overdensity : float32, (n, n, n)
    grid : Grid
    threads : int
    resolution : float
        Side of the cube [Mpc/h] within which the painted positions were known, their centre
        painted; its mean effect, a product of sinc(k_i resolution / 2), is divided out too.

    Returns
    -------
    modes : complex64, (n, n, n // 2 + 1), normalised by 1 / n^3
    """
    n = grid.points
    modes = scipy.fft.rfftn(overdensity, workers=usable(threads)) / np.float32(overdensity.size)
    window = tsc_window(grid) * np.sinc(grid.wavenumbers() * resolution / (2 * np.pi))
    window = window.astype(np.float32)
    modes /= window[:, None, None] * window[:, None] * window[: n // 2 + 1]
    return modes
