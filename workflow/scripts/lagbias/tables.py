"""Tables: one line a model and box, numbers that a reader compares with the paper's."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from lagbias.files import written_whole
from lagbias.layout import MEAN
from lagbias.spectra import band_average, in_band
from lagbias.stores import read_netcdf

# Bands of wavenumbers [h/Mpc]: the paper's claim is at k < 0.1; halos' structure begins beyond.
BANDS = ((0.0, 0.1), (0.0, 0.2), (0.1, 0.3))


def losses_of(paths: Sequence[str | Path]) -> dict[str, float]:
    """Last training and validation losses, averaged over seeds, and their spread."""
    last = pd.concat([pd.read_csv(path).tail(1) for path in paths])
    return {
        f"{name}_{what}": value
        for name in ("train_loss", "validation_loss")
        for what, value in (("mean", last[name].mean()), ("seed_std", last[name].std(ddof=1)))
    }


def spectra_row(path: str | Path) -> dict[str, float]:
    """Band averages of the ratios of one spectra file: the seed average, and the seeds' range."""
    spectra = read_netcdf(path)
    row = {}
    members = list(spectra["member"].values)
    for low, high in BANDS:
        for name, numerator, denominator in (
            ("power_ratio", "power_model", "power_halo"),
            ("cross_ratio", "power_cross", "power_halo"),
        ):
            values = band_average(spectra, numerator, denominator, low, high)
            label = f"{name}_k{low:g}-{high:g}"
            row[label] = values[members.index(MEAN)]
            seeds = np.delete(values, members.index(MEAN))
            row[f"{label}_seed_min"] = seeds.min() if len(seeds) else np.nan
            row[f"{label}_seed_max"] = seeds.max() if len(seeds) else np.nan
    mean = spectra.sel(member=MEAN)
    for low, high in BANDS:
        band = in_band(mean, low, high)
        weight = band["modes"] / band["modes"].sum()
        error = float((band["error_over_shot"] * weight).sum())
        row[f"error_over_shot_k{low:g}-{high:g}"] = error
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
            row |= losses_of(losses[model])
        rows.append(row)
    with written_whole(output) as partial:
        pd.DataFrame(rows).to_csv(partial, index=False, float_format="%.5g")


def write_directions(pca: Mapping[str, str | Path], output: str | Path) -> None:
    """Write the shares of the gradient's power along each direction, with the seeds' range.

    Parameters
    ----------
    pca : mapping
        Model's name to its gradient PCA.
    output : path of a CSV file
    """
    rows = []
    for model, path in pca.items():
        data = read_netcdf(path)
        share = data["eigenvalue"] / data["eigenvalue"].sum("direction")
        for version in share["version"].values:
            for direction in range(share.sizes["direction"]):
                values = share.sel(version=version).isel(direction=direction)
                seeds = values.drop_sel(member=MEAN)
                rows.append(
                    {
                        "model": model, "gradient_of": version, "direction": direction + 1,
                        "share": float(values.sel(member=MEAN)),
                        "seed_min": float(seeds.min()), "seed_max": float(seeds.max()),
                    }
                )  # fmt: skip
    with written_whole(output) as partial:
        pd.DataFrame(rows).to_csv(partial, index=False, float_format="%.5g")
