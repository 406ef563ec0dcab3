"""Estimators of power and bispectra of a model field and a halo field, and of their ratios."""

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr

from lagbias.evaluation.bands import BANDS, shells_in
from lagbias.fields.bispectrum import Triangles
from lagbias.fields.grid import Grid
from lagbias.fields.jackknife import CROSS_PAIRS_OUT
from lagbias.fields.shells import Shells, field_modes, shell_edges

RATIOS = ("power_ratio", "cross_ratio", "correlation", "one_minus_r2", "error_over_shot")


class Estimators:
    """Shells, bands and triangles in which two fields of a box are compared.

    Parameters
    ----------
    grid : Grid
        Of the painted fields.
    k_max : float
        [h/Mpc]; shells end at half the grid's Nyquist wavenumber at the latest.
    threads : int
    """

    def __init__(self, grid: Grid, k_max: float, threads: int = 1):
        edges = shell_edges(grid, k_max)
        self.grid = grid
        self.shells = Shells(grid, edges)
        self.triangles = Triangles(grid, edges, threads)
        self.threads = threads
        in_band = [shells_in(band, self.shells.k, grid.box_size) for band in BANDS]
        weight = np.array(in_band) * self.shells.modes
        with np.errstate(invalid="ignore"):  # a band may hold no shell
            self._band_weight = weight / weight.sum(axis=1, keepdims=True)

    def modes(self, overdensity: np.ndarray, resolution: float = 0.0) -> np.ndarray:
        """Modes of a painted field (see ``shells.field_modes``)."""
        return field_modes(overdensity, self.grid, self.threads, resolution)

    def powers(self, model: np.ndarray, halo: np.ndarray) -> dict[str, np.ndarray]:
        """Raw power (shells,) of the modes of two fields."""
        return {
            "power_model": self.shells.power(model),
            "power_halo": self.shells.power(halo),
            "power_cross": self.shells.power(model, halo),
        }

    def of_halos(self, halo: np.ndarray) -> dict[str, np.ndarray]:
        """Raw power (shells,) and bispectra (triangles, shells) of the modes of the halos."""
        return {
            "power_halo": self.shells.power(halo),
            "bispectrum_halo": self.triangles.bispectrum(halo),
        }

    def of_model(self, model: np.ndarray, halo: np.ndarray) -> dict[str, np.ndarray]:
        """The same of a model, and its cross power with the halos."""
        return {
            "power_model": self.shells.power(model),
            "power_cross": self.shells.power(model, halo),
            "bispectrum_model": self.triangles.bispectrum(model),
        }

    def powers_without(
        self, model: Sequence[np.ndarray], halo: Sequence[np.ndarray]
    ) -> dict[str, np.ndarray]:
        """Raw power without a part of the box (``jackknife.CROSS_PAIRS_OUT``), (shells,).

        Parameters
        ----------
        model, halo : modes of the rest and of the part
        """
        found = self.powers(model[0], halo[0])
        stays = 1 - CROSS_PAIRS_OUT
        for name, (first, second) in (
            ("model", (model, model)), ("halo", (halo, halo)), ("cross", (model, halo)),
        ):  # fmt: skip
            pairs = self.shells.power(first[0], second[1])
            pairs += pairs if first is second else self.shells.power(first[1], second[0])
            found[f"power_{name}"] += stays * pairs
        return found

    def power_ratios(
        self, powers: Mapping[str, np.ndarray], sampling_noise: float, shot_noise: float
    ) -> xr.Dataset:
        """Ratios of a model's power to the halos' by shell and in bands.

        Parameters
        ----------
        powers : of ``powers``
        sampling_noise : float
            Of the model's power [(Mpc/h)^3], taken off it.
        shot_noise : float
            Of the halos' power [(Mpc/h)^3].
        """
        raw = powers["power_model"], powers["power_halo"], powers["power_cross"]
        # An empty shell has no power and no weight.
        model, halo, cross = (self._band_weight @ np.nan_to_num(power) for power in raw)
        by_shell = ratios_of_power(*raw, sampling_noise, shot_noise)
        by_band = ratios_of_power(model, halo, cross, sampling_noise, shot_noise)
        return xr.Dataset(
            {name: ("k", values) for name, values in by_shell.items()}
            | {f"band_{name}": ("band", values) for name, values in by_band.items()}
        )

    def ratios(
        self,
        measured: Mapping[str, np.ndarray],
        sampling_noise: float,
        sampling_bispectrum: np.ndarray,
        shot_noise: float,
    ) -> xr.Dataset:
        """The same, and ratios of bispectra by triangle and shell.

        Parameters
        ----------
        measured : of ``of_halos`` and ``of_model``
        sampling_bispectrum : (triangles, shells)
            Of the model's bispectrum [(Mpc/h)^6], taken off it.
        """
        bispectrum = measured["bispectrum_model"] - sampling_bispectrum
        ratio = (("triangle", "k"), bispectrum / measured["bispectrum_halo"])
        found = self.power_ratios(measured, sampling_noise, shot_noise)
        return found.assign(bispectrum_ratio=ratio)


def ratios_of_power(
    model: np.ndarray,
    halo: np.ndarray,
    cross: np.ndarray,
    sampling_noise: float,
    shot_noise: float,
) -> dict[str, np.ndarray]:
    """The statistics of ``RATIOS`` (``spectra.write_spectra``) from raw auto and cross power."""
    model = model - sampling_noise
    correlation = cross / np.sqrt(model * halo)
    error = model + halo - 2 * cross
    ratios = (model / halo, cross / halo, correlation, 1 - correlation**2, error / shot_noise)
    return dict(zip(RATIOS, ratios, strict=True))
