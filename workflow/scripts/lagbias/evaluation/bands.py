"""Bands of wavenumber, and averages of the ratios of spectra over them."""

import numpy as np
import xarray as xr

# Bands of wavenumbers [h/Mpc]: the paper's claim is at k < 0.1; halos' structure begins beyond.
BANDS = ((0.0, 0.1), (0.0, 0.2), (0.1, 0.3))
# What is averaged over a band: sums of the first over those of the second.
AVERAGES = {
    "power_ratio": ("power_model", "power_halo"),
    "cross_ratio": ("power_cross", "power_halo"),
    "matter_cross_ratio": ("power_model_matter", "power_halo_matter"),
    "error_over_shot": ("error_over_shot", "one"),
}


def in_band(spectra: xr.Dataset, k_min: float, k_max: float) -> xr.Dataset:
    """The shells of k_min <= k < k_max."""
    return spectra.sel(k=spectra["k"][(spectra["k"] >= k_min) & (spectra["k"] < k_max)])


def band_average(spectra: xr.Dataset, numerator: str, denominator: str, k_min: float, k_max: float):
    """Ratio of two spectra summed over the modes of k_min <= k < k_max, per member.

    Returns
    -------
    float64, (member,); NaN where the band holds no shell
    """
    band = in_band(spectra, k_min, k_max)
    return (
        ((band[numerator] * band["modes"]).sum("k") / (band[denominator] * band["modes"]).sum("k"))
        .broadcast_like(spectra["member"])
        .values
    )


def band_quantities(spectra: xr.Dataset) -> dict[str, np.ndarray]:
    """Band averages of one model on one box, ``{quantity}_k{low}-{high}`` of every band.

    ``power_ratio``, ``cross_ratio`` and ``matter_cross_ratio`` are ratios of powers summed over the
    modes of a band, ``one_minus_r2`` is of such sums, ``error_over_shot`` an average over modes.

    Returns
    -------
    dict of float64, (member,); NaN where the band holds no shell
    """
    spectra = spectra.assign(one=xr.ones_like(spectra["modes"], dtype=float))
    values = {}
    for low, high in BANDS:
        found = {
            name: band_average(spectra, numerator, denominator, low, high)
            for name, (numerator, denominator) in AVERAGES.items()
        }
        found["one_minus_r2"] = 1 - found["cross_ratio"] ** 2 / found["power_ratio"]
        values |= {f"{name}_k{low:g}-{high:g}": value for name, value in found.items()}
    return values
