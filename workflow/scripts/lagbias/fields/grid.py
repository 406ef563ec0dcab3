"""Periodic cubic grids: wavenumbers, in-place FFTW transforms, float64 moments."""

from dataclasses import dataclass

import numpy as np
import pyfftw

from lagbias.base.errors import InputError
from lagbias.base.threads import usable


@dataclass(frozen=True)
class Grid:
    """A periodic cube of ``points`` cells a side.

    Parameters
    ----------
    points : int
        Grid points along each side.
    box_size : float
        Comoving side length [Mpc/h].

    Raises
    ------
    InputError
        If either number is not positive.
    """

    points: int
    box_size: float

    def __post_init__(self):
        if self.points < 2 or not self.box_size > 0:
            raise InputError(
                f"grid of {self.points} points a side in a box of {self.box_size} Mpc/h: "
                "expected at least 2 points and a positive box size"
            )

    @property
    def spacing(self) -> float:
        """Distance of neighbouring grid points [Mpc/h]."""
        return self.box_size / self.points

    @property
    def fundamental(self) -> float:
        """Smallest wavenumber of the box, 2 pi / L [h/Mpc]."""
        return 2 * np.pi / self.box_size

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of a real field."""
        return self.points, self.points, self.points

    def wavenumbers(self) -> np.ndarray:
        """Signed wavenumbers of a full axis, float64 (points,) [h/Mpc]."""
        return np.fft.fftfreq(self.points, d=1 / self.points) * self.fundamental

    def half_wavenumbers(self) -> np.ndarray:
        """Wavenumbers of the last, halved axis, float64 (points // 2 + 1,) [h/Mpc]."""
        return np.arange(self.points // 2 + 1) * self.fundamental

    def odd(self, wavenumbers: np.ndarray) -> np.ndarray:
        """Wavenumbers for odd powers: zero at the Nyquist frequency.

        A Nyquist mode stands for +k and -k at once. In a real field the odd powers of the two
        cancel, so the mean, zero, is the only choice that keeps the field real and isotropic.
        """
        odd = wavenumbers.copy()
        if self.points % 2 == 0:
            odd[self.points // 2] = 0.0
        return odd


class InPlaceTransform:
    """A real field and its half-complex spectrum in one piece of memory (FFTW, in place).

    Parameters
    ----------
    shape : three int
        Of the real field, (l, m, n).
    threads : int
        FFTW threads.

    Attributes
    ----------
    spectrum : complex64, (l, m, n // 2 + 1)
    field : float32, (l, m, n), a view of the same memory
    """

    def __init__(self, shape: tuple[int, int, int], threads: int = 1):
        *planes, n = shape
        self.spectrum = pyfftw.empty_aligned((*planes, n // 2 + 1), dtype="complex64")
        padded = self.spectrum.view("float32").reshape(*planes, 2 * (n // 2 + 1))
        self.field = padded[:, :, :n]
        plan = {"axes": (0, 1, 2), "flags": ("FFTW_ESTIMATE",), "threads": usable(threads)}
        self._forward = pyfftw.FFTW(self.field, self.spectrum, **plan)
        self._backward = pyfftw.FFTW(
            self.spectrum, self.field, direction="FFTW_BACKWARD", normalise_idft=False, **plan
        )

    def to_spectrum(self) -> np.ndarray:
        """Transform the field forward, normalised by 1 / size; returns ``spectrum``."""
        self._forward.execute()
        for plane in self.spectrum:  # plane by plane: no second grid in memory
            plane /= self.field.size
        return self.spectrum

    def to_field(self) -> np.ndarray:
        """Transform the spectrum backward, not normalised; returns ``field``."""
        self._backward.execute()
        return self.field


def moments(field: np.ndarray) -> tuple[float, float]:
    """Mean and standard deviation over a whole grid, summed in float64.

    Parameters
    ----------
    field : float32, (n, n, n)
        Any real field; summed plane by plane so that no second grid is needed.

    Returns
    -------
    mean, standard_deviation : float
    """
    mean = sum(np.sum(plane, dtype=np.float64) for plane in field) / field.size
    variance = sum(np.sum((plane.astype(np.float64) - mean) ** 2) for plane in field) / field.size
    return float(mean), float(np.sqrt(variance))
