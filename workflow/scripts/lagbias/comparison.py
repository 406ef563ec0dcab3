"""All models on all test boxes of a set: means, and errors from boxes and from seeds apart."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from lagbias.files import written_whole
from lagbias.layout import MEAN
from lagbias.spectra import BANDS, band_average, in_band
from lagbias.stores import read_netcdf
from lagbias.tables import last_losses

LOSSES = ("train_loss", "validation_loss")


def quantities(spectra: xr.Dataset) -> dict[str, np.ndarray]:
    """Band averages of one model on one box, of every member: float64 (member,) each."""
    values = {}
    for low, high in BANDS:
        band = f"k{low:g}-{high:g}"
        for name, power in (("power_ratio", "power_model"), ("cross_ratio", "power_cross")):
            values[f"{name}_{band}"] = band_average(spectra, power, "power_halo", low, high)
        inside = in_band(spectra, low, high)
        model, halo, cross = (
            (inside[f"power_{name}"] * inside["modes"]).sum("k")
            for name in ("model", "halo", "cross")
        )
        values[f"one_minus_r2_{band}"] = (1 - cross**2 / (model * halo)).values
        weight = inside["modes"] / inside["modes"].sum()
        values[f"error_over_shot_{band}"] = (inside["error_over_shot"] * weight).sum("k").values
    return values


def mean_and_errors(values: np.ndarray, members: Sequence[str]) -> dict[str, float]:
    """Mean over boxes of f averaged over seeds, and two errors of it.

    Parameters
    ----------
    values : (boxes, members)
    members : seeds, and ``layout.MEAN``

    Returns
    -------
    dict
        The mean by the name "", and two errors: ``_box_error`` is the standard error of the mean
        over boxes, whose scatter it is; ``_seed_deviation`` the standard deviation of the seeds'
        own means over the boxes. NaN where there is but one.
    """
    place = list(members).index(MEAN)
    mean = values[:, place]
    seeds = np.delete(values, place, axis=1).mean(axis=0)
    return {
        "": mean.mean(),
        "_box_error": mean.std(ddof=1) / np.sqrt(len(mean)) if len(mean) > 1 else np.nan,
        "_seed_deviation": seeds.std(ddof=1) if len(seeds) > 1 else np.nan,
    }


def over_boxes(boxes: Sequence[xr.Dataset]) -> dict[str, float]:
    """Means of all ``quantities`` over boxes, and errors (``mean_and_errors``)."""
    members = [str(member) for member in boxes[0]["member"].values]
    found = pd.DataFrame([quantities(box) for box in boxes])
    return {
        name + end: value
        for name, column in found.items()
        for end, value in mean_and_errors(np.stack(column), members).items()
    }


def mean_losses(paths: Sequence[str | Path]) -> dict[str, float]:
    """Losses at the end of the training, their means over seeds and deviations."""
    last = last_losses(paths)
    return {
        name + end: value
        for name in LOSSES
        for end, value in (("", last[name].mean()), ("_seed_deviation", last[name].std(ddof=1)))
    }


def write_comparison(
    spectra: Mapping[tuple[str, str], Sequence[str | Path]],
    losses: Mapping[tuple[str, str], Sequence[str | Path]],
    output: str | Path,
    **columns,
) -> None:
    """Write one line a model: means over the test boxes of a set, errors from boxes and seeds.

    Parameters
    ----------
    spectra : mapping
        Tracer and model's name to its spectra, a file a box.
    losses : mapping
        Tracer and network's name to the losses of its seeds.
    output : path of a CSV file
        See ``over_boxes`` and ``mean_losses``.
    columns
        Constant columns: training set.
    """
    rows = []
    for (tracer, model), paths in spectra.items():
        row = {"model": model, **columns, "tracer": tracer, "boxes": len(paths)}
        row |= over_boxes([read_netcdf(path) for path in paths])
        found = losses.get((tracer, model))
        rows.append(row | (mean_losses(found) if found else {}))
    table = pd.DataFrame(rows)
    for name in LOSSES:  # a table without networks has them too
        table[name] = table.get(name, np.nan)
    with written_whole(output) as partial:
        table.to_csv(partial, index=False, float_format="%.5g")
