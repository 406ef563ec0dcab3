"""Bands of wavenumber: sums of power over their modes, and ratios of these sums."""

from collections.abc import Mapping

import numpy as np
import xarray as xr

from lagbias.fields.shells import SHELL_GROWTH, next_edge

Band = tuple[float, float]  # h/Mpc
# Bands of the tables: the paper's claim is at k < 0.1; halos' structure begins beyond.
BANDS: tuple[Band, ...] = ((0.0, 0.1), (0.0, 0.2), (0.1, 0.3))
# What is summed over the modes of a band, and whose squares are, for intervals of few boxes.
SUMMED = (
    "power_model", "power_halo", "power_cross", "power_error", "power_model_matter",
    "power_halo_matter", "error_over_shot", "error_over_number_shot",
)  # fmt: skip
SQUARED = ("power_halo", "power_error")
# Ratios of two sums.
RATIOS = {
    "power_ratio": ("power_model", "power_halo"),
    "cross_ratio": ("power_cross", "power_halo"),
    "matter_cross_ratio": ("power_model_matter", "power_halo_matter"),
    "error_over_shot": ("error_over_shot", "modes"),
    "error_over_number_shot": ("error_over_number_shot", "modes"),
}


def shells_in(band: Band, k: np.ndarray, box_size: float) -> np.ndarray:
    """Which shells lie in a band, k_min <= k < k_max: none where they end well below its end.

    Shells end at the largest wavenumber of the config, or by the cells of spectra. If that is more
    than 12 % below a band's end, and the next shell would lie in the band, it is not measured: its
    sums would be of smaller wavenumbers than its name says.

    Parameters
    ----------
    k : float64, (shells,)
        Mean wavenumbers of all shells of ``lagbias.fields.shells.shell_edges`` [h/Mpc].
    box_size : float
        [Mpc/h]

    Returns
    -------
    bool, (shells,)
    """
    fundamental = 2 * np.pi / box_size
    edge = 0.5 * fundamental
    for _ in range(len(k)):
        edge = next_edge(edge, fundamental)
    next_centre = (edge + next_edge(edge, fundamental)) / 2
    measured = edge >= (1 - SHELL_GROWTH) * band[1] or next_centre >= band[1]
    return (band[0] <= k) & (k < band[1]) & measured


def in_band(spectra: xr.Dataset, k_min: float, k_max: float) -> xr.Dataset:
    """The shells of a band (``shells_in``)."""
    inside = shells_in((k_min, k_max), spectra["k"].values, spectra.attrs["box_size"])
    return spectra.isel(k=np.flatnonzero(inside))


def band_average(spectra: xr.Dataset, numerator: str, denominator: str, k_min: float, k_max: float):
    """Ratio of two spectra summed over the modes of k_min <= k < k_max, per member.

    Returns
    -------
    float64, (member,); NaN where the band holds no shell, or is not measured (``shells_in``)
    """
    band = in_band(spectra, k_min, k_max)
    return (
        ((band[numerator] * band["modes"]).sum("k") / (band[denominator] * band["modes"]).sum("k"))
        .broadcast_like(spectra["member"])
        .values
    )


def band_sums(spectra: xr.Dataset, band: Band) -> dict[str, np.ndarray]:
    """Sums over the modes of a band, k_min <= k < k_max, of one model on one box.

    Returns
    -------
    dict of (member,)
        ``modes``, ``SUMMED`` and, as ``{name}_squared``, ``SQUARED``; 0 where the band has no mode,
        or is not measured (``shells_in``).
    """
    modes, members = spectra["modes"].values, spectra["member"].shape
    inside = shells_in(band, spectra["k"].values, spectra.attrs["box_size"])
    powers = {name: spectra[name].values[..., inside] for name in SUMMED}
    powers |= {f"{name}_squared": powers[name] ** 2 for name in SQUARED}
    sums = {"modes": modes[inside].sum()}
    sums |= {name: np.nansum(power * modes[inside], axis=-1) for name, power in powers.items()}
    return {name: np.broadcast_to(found, members) for name, found in sums.items()}


def band_ratios(sums: Mapping[str, np.ndarray], band: Band) -> dict[str, np.ndarray]:
    """Ratios of the sums of a band, named ``{ratio}_k{low}-{high}``.

    ``power_ratio``, ``cross_ratio`` and ``matter_cross_ratio`` are ratios of powers summed over the
    modes of a band, ``one_minus_r2`` is of such sums, ``error_over_shot`` an average over modes.

    Parameters
    ----------
    sums : mapping
        Of ``band_sums``, arrays of one shape.
    band : k [h/Mpc]

    Returns
    -------
    dict of float64 of that shape; NaN where the band has no mode, or is not measured
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = {name: sums[over] / sums[under] for name, (over, under) in RATIOS.items()}
        ratios["one_minus_r2"] = 1 - ratios["cross_ratio"] ** 2 / ratios["power_ratio"]
    return {f"{name}_k{band[0]:g}-{band[1]:g}": values for name, values in ratios.items()}
