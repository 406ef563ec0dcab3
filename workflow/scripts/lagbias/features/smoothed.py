"""Smoothed features of the linear density: delta_R, its Laplacian, its tidal shear G2."""

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numba
import numpy as np

from lagbias.base.errors import InputError
from lagbias.base.files import written_whole
from lagbias.base.limits import check_scale
from lagbias.base.stores import append_variable, provenance, set_attributes
from lagbias.base.threads import usable
from lagbias.config.names import FEATURE_KINDS
from lagbias.fields.grid import Grid, InPlaceTransform, moments

log = logging.getLogger(__name__)

UNITS = {"delta": "1", "laplacian": "(h/Mpc)^2", "g2": "1"}
# An orthonormal basis of the symmetric traceless 3x3 matrices, as quadratic forms in the unit
# wave vector: coefficients of (x^2, y^2, z^2, xy, xz, yz). G2 is the sum of five squares.
TRACELESS_BASIS = np.array(
    [
        [0, 0, 0, np.sqrt(2), 0, 0],
        [0, 0, 0, 0, np.sqrt(2), 0],
        [0, 0, 0, 0, 0, np.sqrt(2)],
        [1 / np.sqrt(2), -1 / np.sqrt(2), 0, 0, 0, 0],
        [-1 / np.sqrt(6), -1 / np.sqrt(6), 2 / np.sqrt(6), 0, 0, 0],
    ]
)
MINUS_K_SQUARED = np.array([-1.0, -1.0, -1.0, 0.0, 0.0, 0.0])


@numba.njit(parallel=True, cache=True)
def _filter_spectrum(
    spectrum, filtered, phase, form, per_k2, k, k_odd, k_last, k_odd_last, window, window_last
):
    """Spectrum * W(k) * form(k) [/ k^2], folded to the planes that ``filtered`` holds.

    An all-zero form means W(k) alone. The modes i, i + l, i + 2 l, ... of the first axis, l the
    planes of ``filtered``, are one and the same wave to every (n / l)-th plane, after ``phase``.
    """
    plain = not form.any()
    planes = len(filtered)
    for i in numba.prange(planes):
        for j in range(spectrum.shape[1]):
            for m in range(spectrum.shape[2]):
                filtered[i, j, m] = 0
            for a in range(i, len(spectrum), planes):
                for m in range(spectrum.shape[2]):
                    factor = window[a] * window[j] * window_last[m]
                    if not plain:
                        factor *= (
                            form[0] * k[a] ** 2
                            + form[1] * k[j] ** 2
                            + form[2] * k_last[m] ** 2
                            + form[3] * k_odd[a] * k_odd[j]
                            + form[4] * k_odd[a] * k_odd_last[m]
                            + form[5] * k_odd[j] * k_odd_last[m]
                        )
                        if per_k2:
                            k2 = k[a] ** 2 + k[j] ** 2 + k_last[m] ** 2
                            factor = factor / k2 if k2 > 0 else 0.0
                    filtered[i, j, m] += spectrum[a, j, m] * phase[a] * np.float32(factor)


@numba.njit(parallel=True, cache=True)
def _put(field, part, square):
    """field = part, or field += part^2."""
    for i in numba.prange(field.shape[0]):
        for j in range(field.shape[1]):
            for m in range(field.shape[2]):
                if square:
                    field[i, j, m] += part[i, j, m] ** 2
                else:
                    field[i, j, m] = part[i, j, m]


class SmoothedFeatures:
    """The three features of one linear density, at any number of smoothing scales.

    One forward transform serves all scales. A backward transform is done for the even and the odd
    planes in turn, which halves its work space. Memory: the spectrum, the feature and the work
    space, 2.5 float32 grids in all (3 where the points a side are odd).

    Parameters
    ----------
    linear_density : float32, (n, n, n), or a function that returns it
        Linear overdensity delta_1(q) at the redshift of interest. What a function returns is
        freed once it is transformed.
    box_size : float
        [Mpc/h]
    threads : int
        Threads of FFTW and of the filters.
    """

    def __init__(
        self,
        linear_density: np.ndarray | Callable[[], np.ndarray],
        box_size: float,
        threads: int = 1,
    ):
        numba.set_num_threads(usable(threads))
        density = linear_density() if callable(linear_density) else linear_density
        self.grid = Grid(len(density), box_size)
        source = InPlaceTransform(self.grid.shape, threads)
        source.field[:] = density
        del density
        self._spectrum = source.to_spectrum()
        n = self.grid.points
        self._parts = 2 if n % 2 == 0 else 1
        self._work = InPlaceTransform((n // self._parts, n, n), threads)
        self._field = np.empty(self.grid.shape, dtype=np.float32)

    @property
    def finite(self) -> bool:
        """Whether the density is: its mean mode is a sum that any other value spoils."""
        return bool(np.isfinite(self._spectrum[0, 0, 0]))

    def _filtered(
        self, smoothing_scale: float, form: np.ndarray, per_k2: bool, square: bool = False
    ) -> np.ndarray:
        """Set the field to the filtered density, or add its square to it."""
        check_scale(smoothing_scale, self.grid.box_size, self.grid.points)
        k, k_last = self.grid.wavenumbers(), self.grid.half_wavenumbers()
        window, window_last = (np.exp(-0.5 * (q * smoothing_scale) ** 2) for q in (k, k_last))
        odd, odd_last = self.grid.odd(k), self.grid.odd(k_last)
        for part in range(self._parts):
            phase = np.exp(1j * k * part * self.grid.spacing).astype(np.complex64)
            _filter_spectrum(
                self._spectrum, self._work.spectrum, phase, form, per_k2,
                k, odd, k_last, odd_last, window, window_last,
            )  # fmt: skip
            _put(self._field[part :: self._parts], self._work.to_field(), square)
        return self._field

    def delta(self, smoothing_scale: float) -> np.ndarray:
        """delta_R, float32 (n, n, n): Gaussian window W(k) = exp(-k^2 R^2 / 2).

        The array is the work space of this object: the next call overwrites it.
        """
        return self._filtered(smoothing_scale, np.zeros(6), per_k2=False)

    def laplacian(self, smoothing_scale: float) -> np.ndarray:
        """Laplacian of delta_R, float32 (n, n, n) [(h/Mpc)^2]: -k^2 in Fourier space.

        The array is the work space of this object: the next call overwrites it.
        """
        return self._filtered(smoothing_scale, MINUS_K_SQUARED, per_k2=False)

    def tidal_shear(self, smoothing_scale: float) -> np.ndarray:
        """Tidal shear scalar G2 of delta_R, float32 (n, n, n).

        G2 = sum_ij [ (k_i k_j / k^2 - delta_ij / 3) delta_R ]^2, the squared *traceless* tidal
        tensor (arXiv:2109.13948; elsewhere K^2 or s^2), not the Galileon, which is lower by
        (2/3) delta_R^2. Five transforms, in an orthonormal basis of traceless tensors. The array
        is the work space of this object: the next call overwrites it.
        """
        self._field.fill(0)
        for form in TRACELESS_BASIS:
            self._filtered(smoothing_scale, form, per_k2=True, square=True)
        return self._field

    def compute(self, kind: str, smoothing_scale: float) -> np.ndarray:
        """One feature by its name in ``FEATURE_KINDS``."""
        methods = {"delta": self.delta, "laplacian": self.laplacian, "g2": self.tidal_shear}
        return methods[kind](smoothing_scale)


def write_features(
    linear_density: np.ndarray | Callable[[], np.ndarray],
    box_size: float,
    stores: Mapping[float, str | Path],
    threads: int = 1,
    kinds: Sequence[str] = FEATURE_KINDS,
    **attributes,
) -> None:
    """Write the features of a box, one zarr store per smoothing scale, each field once it is made.

    Parameters
    ----------
    linear_density : float32, (n, n, n), or a function that returns it
        A function's array is freed once it is transformed: at most 2.5 grids are held.
    box_size : float
        [Mpc/h]
    stores : mapping
        Smoothing scale [Mpc/h] to the path of its store.
    threads : int
    kinds : sequence of str
        Which features, names of ``FEATURE_KINDS``.
    attributes
        Kept in the stores: simulation, redshift.

    Raises
    ------
    InputError
        If a scale does not fit the grid, or the density is not finite.
    """
    features = SmoothedFeatures(linear_density, box_size, threads)
    for smoothing_scale in stores:
        check_scale(smoothing_scale, box_size, features.grid.points)
    if not features.finite:
        raise InputError(
            f"linear density of {attributes.get('simulation', 'the box')} holds values that are "
            "not finite; expected overdensities; check the ic_dens file against its checksum"
        )
    for smoothing_scale, path in stores.items():
        with written_whole(path) as store:
            for kind in kinds:
                field = features.compute(kind, smoothing_scale)
                mean, deviation = moments(field)
                append_variable(
                    store, kind, field, ("x", "y", "z"),
                    units=UNITS[kind], mean=mean, standard_deviation=deviation,
                )  # fmt: skip
                log.info(
                    "R=%g %s: mean %.4g, deviation %.4g", smoothing_scale, kind, mean, deviation
                )
            set_attributes(
                store,
                **provenance(smoothing_scale=smoothing_scale, box_size=box_size, **attributes),
                length_units="Mpc/h",
                origin="grid point [0,0,0] is at Lagrangian position (-L/2, -L/2, -L/2)",
            )
