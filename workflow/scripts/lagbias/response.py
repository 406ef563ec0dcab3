"""What the learned f looks like: against density at each scale, and over its two directions."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
import xarray as xr

from lagbias.errors import InputError
from lagbias.layout import MEAN
from lagbias.network import HaloToMassRatio
from lagbias.prediction import ratio_on_grid
from lagbias.projection import Projection
from lagbias.stores import open_store, provenance, read_netcdf, write_netcdf

BINS = np.linspace(-4, 6, 51)  # standard deviations
BINS_2D = np.linspace(-4, 6, 41)


def binned_mean(values: np.ndarray, bins: list[np.ndarray], *axes: np.ndarray) -> tuple:
    """Mean of values in bins of one or two coordinates, and the number in each bin.

    Returns
    -------
    mean : float64, NaN in empty bins
    count : int64
    """
    count, _ = np.histogramdd(axes, bins=bins)
    total, _ = np.histogramdd(axes, bins=bins, weights=values)
    with np.errstate(invalid="ignore"):
        return total / count, count.astype(np.int64)


def write_response(
    weights: Mapping[int, str | Path],
    projection: str | Path,
    gradient_pca: str | Path,
    features: Mapping[float, str | Path],
    output: str | Path,
    threads: int = 1,
) -> None:
    """Write f in bins of delta_R / sigma at each scale, and of the first two gradient directions.

    Every Lagrangian grid point of the box counts once.

    Parameters
    ----------
    weights : mapping
        Seed to weights file.
    projection, gradient_pca : paths
    features : mapping
        Smoothing scale [Mpc/h] to feature store.
    output : path
        NetCDF: ``ratio_of_delta`` (member, smoothing_scale, delta), ``count_of_delta``;
        ``ratio_of_directions`` (first, second) of the average f, ``count_of_directions``.

    Raises
    ------
    InputError
        If f has fewer than two inputs.
    """
    torch.set_num_threads(threads)
    mapping = Projection.read(projection)
    if mapping.inputs < 2:
        raise InputError(f"{projection} has one input: f over two directions needs two")
    networks = [HaloToMassRatio.load(path) for path in weights.values()]
    ratio = ratio_on_grid(networks, mapping, features)
    ratio = np.concatenate([ratio, ratio.mean(axis=0, keepdims=True)])
    scales = sorted(features)
    of_delta = np.full((len(ratio), len(scales), len(BINS) - 1), np.nan)
    counts = np.zeros((len(scales), len(BINS) - 1), dtype=np.int64)
    for s, scale in enumerate(scales):
        delta = open_store(features[scale])["delta"]
        standardised = delta.values.reshape(-1) / delta.attrs["standard_deviation"]
        for m, values in enumerate(ratio):
            of_delta[m, s], counts[s] = binned_mean(values, [BINS], standardised)
    vectors = read_netcdf(gradient_pca)["eigenvector"].sel(version="f", member=MEAN).values[:2]
    directions = mapping.with_matrix(vectors @ mapping.matrix).at(features, slice(None))
    surface, surface_count = binned_mean(ratio[-1], [BINS_2D, BINS_2D], *directions.T)
    centres, centres_2d = (0.5 * (bins[1:] + bins[:-1]) for bins in (BINS, BINS_2D))
    write_netcdf(
        xr.Dataset(
            {
                "ratio_of_delta": (("member", "smoothing_scale", "delta"), of_delta),
                "count_of_delta": (("smoothing_scale", "delta"), counts),
                "ratio_of_directions": (("first", "second"), surface),
                "count_of_directions": (("first", "second"), surface_count),
            },
            coords={
                "member": [*(f"seed{seed}" for seed in weights), MEAN],
                "smoothing_scale": ("smoothing_scale", scales, {"units": "Mpc/h"}),
                "delta": ("delta", centres, {"units": "standard deviations"}),
                "first": ("first", centres_2d, {"units": "standard deviations"}),
                "second": ("second", centres_2d, {"units": "standard deviations"}),
            },
            attrs=provenance(),
        ),
        output,
    )
