"""Table of biases to a long wave, by two routes."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd
import xarray as xr

from lagbias.base.files import written_whole
from lagbias.base.stores import MEAN, read_netcdf

BIAS_WAVENUMBER = 0.1  # h/Mpc, of the response beside that to an endless wave


def bias_row(data: xr.Dataset) -> dict[str, float]:
    """Biases of one model, their errors, and of a network the range of its seeds."""
    mean, seeds = data, None
    if "member" in data.dims:
        mean, seeds = data.sel(member=MEAN), data.drop_sel(member=MEAN)
    row = {}
    for bias in data["bias"].values:
        row[bias] = float(mean["biases"].sel(bias=bias))
        row[f"{bias}_error"] = float(mean["biases_error"].sel(bias=bias))
        if seeds is not None:
            row[f"{bias}_seed_min"] = float(seeds["biases"].sel(bias=bias).min())
            row[f"{bias}_seed_max"] = float(seeds["biases"].sel(bias=bias).max())
    at_k = mean["linear_response"].sel(wavenumber=BIAS_WAVENUMBER, method="nearest")
    return row | {f"b1_at_k{BIAS_WAVENUMBER:g}": float(at_k), "eulerian_b1": 1 + row["b1"]}


def write_biases(
    explanations: Mapping[str, str | Path],
    coefficients: Mapping[str, str | Path],
    linear: str | Path | None,
    output: str | Path,
) -> None:
    """Write the long-wave biases (``lagbias.yardsticks.long_wave``), one line a model and route.

    Parameters
    ----------
    explanations : mapping
        Network's name to its ``explain.nc``.
    coefficients : mapping
        Polynomial yardstick's name to its coefficients.
    linear : path of the linear bias, or None
    output : path of a CSV file
    """
    explained = {name: read_netcdf(path) for name, path in explanations.items()}
    rows = [
        {"model": name, "route": route, **bias_row(data.sel(route=route))}
        for name, data in explained.items()
        for route in data["route"].values
    ]
    rows += [
        {"model": name, "route": "coefficients", **bias_row(read_netcdf(path))}
        for name, path in coefficients.items()
    ]
    if linear:
        bias = float(read_netcdf(linear)["bias"])
        rows.append({"model": "linear", "route": "power", "b1": bias - 1, "eulerian_b1": bias})
    with written_whole(output) as partial:
        pd.DataFrame(rows).to_csv(partial, index=False, float_format="%.5g")
