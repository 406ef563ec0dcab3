"""Statistics beyond the power of a few models on all test boxes of a set, one line each."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from lagbias.base.files import written_whole
from lagbias.base.stores import read_netcdf
from lagbias.evaluation.bands import BANDS, band_average
from lagbias.evaluation.estimators import RATIOS
from lagbias.tables.comparison import mean_and_errors


class Measured(NamedTuple):
    """One statistic of one model on one box.

    Attributes
    ----------
    statistic : str
    where : str
        Band of k [h/Mpc] or side of cubes [Mpc/h].
    values : float64, (members,)
    jackknife_error : float
        Of f averaged over seeds; NaN where none is made.
    """

    statistic: str
    where: str
    values: np.ndarray
    jackknife_error: float = np.nan


def band_name(low: float, high: float) -> str:
    return f"k {low:g}-{high:g}"


def beyond_power(data: xr.Dataset) -> Iterator[Measured]:
    """What ``statistics.write_statistics`` measured on a box, in bands and cubes.

    Ratios of bispectra are those of their sums over the triangles of a band. What the sampling of
    particles adds to the model is taken off these and the variance of cubes, not off the skewness
    and the distribution.
    """
    for name in RATIOS:
        for number, (low, high) in enumerate(BANDS):
            band = data.isel(band=number)
            error = float(band[f"band_{name}_jackknife_error"])
            yield Measured(name, band_name(low, high), band[f"band_{name}"].values, error)
    model = data["bispectrum_model"] - data["bispectrum_sampling_noise"]
    for triangle in data["triangle"].values:
        part = {"model": model, "halo": data["bispectrum_halo"], "modes": data["triangles"]}
        shells = xr.Dataset(part, attrs=data.attrs).sel(triangle=triangle)
        shells = shells.where(shells["modes"] > 0, 0)
        for low, high in BANDS:
            ratio = band_average(shells, "model", "halo", low, high)
            yield Measured(f"bispectrum_ratio_{triangle}", band_name(low, high), ratio)
    for side in data["cube_side"].values:
        cubes = data.sel(cube_side=side)
        where = f"cubes of {side:g} Mpc/h"
        variance = cubes["cell_variance_model"] - cubes["cell_sampling_variance"]
        ratio, error = (
            variance / cubes["cell_variance_halo"],
            cubes["cell_variance_ratio_jackknife_error"],
        )
        yield Measured("cell_variance_ratio", where, ratio.values, float(error))
        skewness = cubes["cell_skewness_model"] / cubes["cell_skewness_halo"]
        yield Measured("cell_skewness_ratio", where, skewness.values)
        apart = abs(cubes["cell_share_model"] - cubes["cell_share_halo"]).sum("contrast_bin") / 2
        yield Measured("cell_distribution_distance", where, apart.values)


def in_redshift_space(spectra: xr.Dataset) -> Iterator[Measured]:
    """Monopole and quadrupole of a model over the halos', and how far the second is off.

    That is over the monopole: the quadrupole of halos may cross zero within a band.
    """
    excess = spectra["quadrupole_model"] - spectra["quadrupole_halo"]
    spectra = spectra.assign(quadrupole_excess=excess)
    for low, high in BANDS:
        ratio = band_average(spectra, "power_model", "power_halo", low, high)
        yield Measured("monopole_ratio", band_name(low, high), ratio)
        ratio = band_average(spectra, "quadrupole_model", "quadrupole_halo", low, high)
        yield Measured("quadrupole_ratio", band_name(low, high), ratio)
        excess = band_average(spectra, "quadrupole_excess", "power_halo", low, high)
        yield Measured("quadrupole_excess_over_monopole", band_name(low, high), excess)


def rows_of(boxes: Sequence[xr.Dataset], measure) -> Iterator[dict]:
    """One line a statistic: mean over boxes, and three errors of it."""
    members = [str(member) for member in boxes[0]["member"].values]
    for found in zip(*map(measure, boxes), strict=True):
        errors = np.array([one.jackknife_error for one in found])
        summary = mean_and_errors(np.array([one.values for one in found]), members)
        yield {
            "statistic": found[0].statistic, "where": found[0].where, "boxes": len(boxes),
            **{f"mean{end}" if not end else end[1:]: value for end, value in summary.items()},
            "jackknife_error": np.sqrt((errors**2).sum()) / len(boxes),
        }  # fmt: skip


def write_statistics_table(
    statistics: Mapping[tuple[str, str], Sequence[str | Path]],
    redshift_space: Mapping[tuple[str, str], Sequence[str | Path]],
    output: str | Path,
    **columns,
) -> None:
    """Write one line a model and statistic: mean over the test boxes, errors of three kinds.

    Parameters
    ----------
    statistics : mapping
        Tracer and model's name to its statistics, a file a box.
    redshift_space : mapping
        The same of spectra in redshift space.
    output : path of a CSV file
        ``box_error`` and ``seed_deviation`` as of ``comparison.mean_and_errors``;
        ``jackknife_error`` is that of the mean of as many boxes with errors of their own.
        ``cell_distribution_distance`` is that of the distributions of cubes over bins of 1 + delta,
        half the sum of the differences of their shares: the least share of cubes that would have
        to change bins.
    columns
        Constant columns: training set.
    """
    rows = []
    for files, measure in ((statistics, beyond_power), (redshift_space, in_redshift_space)):
        for (tracer, model), paths in files.items():
            boxes = [read_netcdf(path) for path in paths]
            first = {"model": model, **columns, "tracer": tracer}
            rows += [first | row for row in rows_of(boxes, measure)]
    with written_whole(output) as partial:
        pd.DataFrame(rows).to_csv(partial, index=False, float_format="%.5g")
