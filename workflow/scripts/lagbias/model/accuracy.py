"""How well a model gives the power of the halos on boxes that it never saw."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import xarray as xr

from lagbias.base.stores import MEAN, read_netcdf
from lagbias.evaluation.bands import BANDS, band_average, in_band

FEWEST_BOXES = 3  # whose scatter tells an error


def accuracy_on(spectra: Sequence[str | Path]) -> list[dict]:
    """P_model / P_halo and P_error / P_shot in bands of wavenumber, with standard errors.

    Parameters
    ----------
    spectra : paths
        Of the model on each untouched box.

    Returns
    -------
    list of dict, one a band that has modes
        ``k_min``, ``k_max`` [h/Mpc]; ``power_ratio`` and ``error_over_shot``, means over the boxes;
        ``power_ratio_box_error``, by the scatter of the boxes or, of fewer than ``FEWEST_BOXES``,
        by the number of their modes; ``power_ratio_seed_deviation``, None of a single seed.
    """
    boxes = [read_netcdf(path) for path in spectra]
    boxes = [box.assign(one=xr.ones_like(box["modes"], dtype=float)) for box in boxes]
    seeds = boxes[0]["member"].values != MEAN
    bands = []
    for low, high in BANDS:
        ratio, error = (
            np.array([band_average(box, *names, low, high) for box in boxes])
            for names in (("power_model", "power_halo"), ("error_over_shot", "one"))
        )
        mean = ratio[:, ~seeds][:, 0]
        if not np.isfinite(mean).all():
            continue
        of_seeds = ratio[:, seeds].mean(axis=0)
        bands.append({
            "k_min": low,
            "k_max": high,
            "power_ratio": float(mean.mean()),
            "power_ratio_box_error": box_error(mean, boxes, (low, high)),
            "power_ratio_seed_deviation": float(of_seeds.std(ddof=1)) if seeds.sum() > 1 else None,
            "error_over_shot": float(error[:, ~seeds].mean()),
        })  # fmt: skip
    return bands


def box_error(ratio: np.ndarray, boxes: Sequence[xr.Dataset], band: tuple[float, float]) -> float:
    """Standard error of the mean of a ratio of powers over boxes.

    Of few boxes, that of two Gaussian fields of correlation r with N modes (a mode and its
    conjugate counted as two): var(ln ratio) = 4 (1 - r^2) / N.
    """
    if len(ratio) >= FEWEST_BOXES:
        return float(ratio.std(ddof=1) / np.sqrt(len(ratio)))
    inside = [in_band(box, *band) for box in boxes]
    unshared, weight, squares = (
        sum(float((part * box["modes"]).sum()) for part, box in zip(parts, inside, strict=True))
        for parts in (
            [box["one_minus_r2"].sel(member=MEAN) * box["power_halo"] for box in inside],
            [box["power_halo"] for box in inside],
            [box["power_halo"] ** 2 for box in inside],
        )
    )
    return float(ratio.mean() * np.sqrt(4 * max(unshared / weight, 0) * squares) / weight)
