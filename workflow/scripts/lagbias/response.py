"""What the learned f looks like: against density at each scale, and over its two directions."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
import xarray as xr

from lagbias.errors import InputError
from lagbias.layout import MEAN
from lagbias.network import HaloToMassRatio
from lagbias.prediction import ratio_at
from lagbias.projection import Projection, slabs, values_at
from lagbias.stores import open_store, provenance, read_netcdf, write_netcdf

BINS = np.linspace(-4, 6, 51)  # standard deviations
BINS_2D = np.linspace(-4, 6, 41)


def binned_sums(values: np.ndarray, bins: list[np.ndarray], *axes: np.ndarray) -> np.ndarray:
    """Sum of values in bins of one or two coordinates, and the number in each bin.

    Returns
    -------
    float64, (2, bins...)
    """
    total, _ = np.histogramdd(axes, bins=bins, weights=values)
    count, _ = np.histogramdd(axes, bins=bins)
    return np.stack([total, count])


def binned_mean(sums: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean, NaN in empty bins, and int64 count, of what ``binned_sums`` returns."""
    with np.errstate(invalid="ignore"):
        return sums[0] / sums[1], sums[1].astype(np.int64)


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
    scales = sorted(features)
    deltas = [open_store(features[scale])["delta"] for scale in scales]
    vectors = read_netcdf(gradient_pca)["eigenvector"].sel(version="f", member=MEAN).values[:2]
    on_directions = mapping.with_matrix(vectors @ mapping.matrix)
    by_delta = np.zeros((len(networks) + 1, len(scales), 2, len(BINS) - 1))
    by_directions = np.zeros((2, len(BINS_2D) - 1, len(BINS_2D) - 1))
    for slab in slabs(deltas[0]):
        ratio = ratio_at(networks, mapping, features, slab)
        ratio = np.concatenate([ratio, ratio.mean(axis=0, keepdims=True)])
        for s, delta in enumerate(deltas):
            standardised = values_at(delta, slab) / delta.attrs["standard_deviation"]
            for m, values in enumerate(ratio):
                by_delta[m, s] += binned_sums(values, [BINS], standardised)
        directions = on_directions.at(features, slab)
        by_directions += binned_sums(ratio[-1], [BINS_2D, BINS_2D], *directions.T)
    of_delta, counts = binned_mean(np.moveaxis(by_delta, 2, 0))
    counts = counts[0]  # the same for every member
    surface, surface_count = binned_mean(by_directions)
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
