"""Table of all models on one box."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from lagbias.base.files import written_whole
from lagbias.base.stores import MEAN, read_netcdf
from lagbias.evaluation.bands import band_quantities
from lagbias.tables.losses import mean_losses


def with_seed_range(
    name: str, mean: float, seeds: Sequence[float] | np.ndarray
) -> dict[str, float]:
    """A column of the seed average, and two of the seeds' range (NaN where there are none)."""
    low, high = (min(seeds), max(seeds)) if len(seeds) else (np.nan, np.nan)
    return {name: mean, f"{name}_seed_min": low, f"{name}_seed_max": high}


def spectra_row(path: str | Path) -> dict[str, float]:
    """Band averages of one spectra file: those of the seed average, and the seeds' range."""
    spectra = read_netcdf(path)
    mean = list(spectra["member"].values).index(MEAN)
    row = {}
    for name, values in band_quantities(spectra).items():
        row |= with_seed_range(name, values[mean], np.delete(values, mean))
    return row


def write_summary(
    spectra: Mapping[str, str | Path],
    losses: Mapping[str, Sequence[str | Path]],
    output: str | Path,
    **columns,
) -> None:
    """Write one line a model: ratios of power in bands, errors over shot noise, losses.

    Parameters
    ----------
    spectra : mapping
        Model's name to its spectra on one box.
    losses : mapping
        Model's name to the losses of its seeds (networks only).
    output : path of a CSV file
    columns
        Constant columns: training set, halo cut, box.
    """
    rows = []
    for model, path in spectra.items():
        row = {"model": model, **columns, **spectra_row(path)}
        if model in losses:
            row |= mean_losses(losses[model])
        rows.append(row)
    with written_whole(output) as partial:
        pd.DataFrame(rows).to_csv(partial, index=False, float_format="%.5g")
