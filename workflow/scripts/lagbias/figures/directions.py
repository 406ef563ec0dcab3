"""Figures of the gradient PCA: power by direction, directions as filters, how many suffice."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes

from lagbias.base.stores import MEAN, read_netcdf
from lagbias.config.names import parse_network
from lagbias.evaluation.bands import BANDS
from lagbias.figures.comparison import ERROR_BARS
from lagbias.figures.labels import NAMES_OF_KINDS, model_label
from lagbias.figures.style import (
    COLOURS,
    colour_of,
    draw_member_band,
    drawn_to,
    line_of,
    wavenumber_axis,
)
from lagbias.halos.catalogue import lagrangian_radii
from lagbias.projection.filters import GAUSSIAN_OF_TOP_HAT, gaussian, linear_filter, top_hat
from lagbias.projection.projection import Projection

FILTER_WAVENUMBERS = np.geomspace(0.01, 2.5, 300)  # h/Mpc, where filters are drawn


def plot_gradient_spectra(pca: Mapping[str, str | Path], outputs: Sequence[str | Path]) -> None:
    """Eigenvalues of the gradient PCA, of f and of log f, as shares of the gradient's power."""
    with drawn_to(outputs, ncols=2, figsize=(9, 3.8), sharey=True) as (_, axes):
        for index, (name, path) in enumerate(pca.items()):
            data = read_netcdf(path)
            share = data["eigenvalue"] / data["eigenvalue"].sum("direction")
            number = np.arange(1, share.sizes["direction"] + 1)
            power = data["eigenvalue"].sel(member=MEAN).sum("direction").values
            for axis, version, trace in zip(axes[0], share["version"].values, power, strict=True):
                draw_member_band(
                    axis, number, share.sel(version=version), index,
                    f"{model_label(name)}: {trace:.3g}", marker="o", markersize=3.5,
                )  # fmt: skip
        for axis, title in zip(axes[0], ("gradient of f", "gradient of log f"), strict=True):
            axis.set(title=title, xlabel="direction", yscale="log", ylim=(1e-5, 1.5))
        axes[0, 0].set_ylabel("share of the gradient's power")
        for axis in axes[0]:
            axis.xaxis.get_major_locator().set_params(integer=True)
            axis.legend(title="R [Mpc/h]: power in all; band: seeds")


def plot_directions(
    projection: str | Path,
    gradient_pca: str | Path,
    halos: Sequence[str | Path],
    outputs: Sequence[str | Path],
) -> None:
    """The first two directions as bars over features and as filters in k.

    Parameters
    ----------
    projection, gradient_pca : paths of one model
    halos : stores of the training boxes, for the halos' Lagrangian radii
    """
    mapping = Projection.read(projection)
    directions = read_netcdf(gradient_pca)["feature_direction"].sel(version="f")
    with drawn_to(outputs, nrows=2, ncols=2, figsize=(9, 5.6), sharex="col") as (_, axes):
        for row, (left, right) in enumerate(axes):
            mean, seeds = _signed(mapping, directions.isel(direction=row))
            _draw_coefficients(left, mapping, mean, seeds, row + 1)
            _draw_filters(right, mapping, mean, seeds, row + 1)
        _draw_windows(axes[0, 1], lagrangian_radii(*halos))
        axes[0, 1].legend()
        axes[1, 0].set_xlabel("feature, scale [Mpc/h]")
        axes[0, 1].set_xlabel("")


def _signed(mapping: Projection, direction: xr.DataArray) -> tuple[np.ndarray, np.ndarray]:
    """A direction, (features,), and that of each seed, (seeds, features), with one sign.

    A direction's sign is free: the average's filter has its peak up, and seeds go with the average.
    """
    mean, seeds = direction.sel(member=MEAN).values, direction.drop_sel(member=MEAN).values
    curve = linear_filter(mapping, mean, FILTER_WAVENUMBERS)
    if curve[np.abs(curve).argmax()] < 0:
        mean = -mean
    return mean, seeds * np.sign(seeds @ mapping.covariance @ mean)[:, None]


def _draw_coefficients(
    axis: Axes, mapping: Projection, mean: np.ndarray, seeds: np.ndarray, number: int
) -> None:
    """The coefficient of each feature a bar, the range of the seeds a line."""
    names = [
        f"{NAMES_OF_KINDS[kind]}\n{scale:g}"
        for kind, scale in zip(mapping.kinds, mapping.scales, strict=True)
    ]
    place = np.arange(len(names))
    axis.bar(place, mean, color=colour_of(number), alpha=0.8)
    axis.vlines(place, seeds.min(0), seeds.max(0), color="k", linewidth=1)
    axis.axhline(0, color="0.6", linewidth=0.8)
    axis.set_xticks(place, names)
    axis.set_ylabel(f"direction {number}: coefficients")


def _draw_filters(
    axis: Axes, mapping: Projection, mean: np.ndarray, seeds: np.ndarray, number: int
) -> None:
    """A direction as a filter on the linear density, thin lines for the seeds."""
    k, thin = FILTER_WAVENUMBERS, {"color": colour_of(number), "alpha": 0.4, "linewidth": 0.8}
    learned = line_of(number) | {"label": "learned direction"}
    for vector, style in [(mean, learned), *((seed, thin) for seed in seeds)]:
        curve = linear_filter(mapping, vector, k)
        axis.plot(k, curve / np.abs(curve).max(), **style)
    axis.axhline(0, color="0.6", linewidth=0.8)
    axis.set_ylabel("filter on δ (peak = 1)")
    wavenumber_axis(axis)


def _draw_windows(axis: Axes, radii: tuple[float, float]) -> None:
    """Top-hats of two Lagrangian radii [Mpc/h], and the Gaussians that fall off alike."""
    k = FILTER_WAVENUMBERS
    for radius, grey, of in zip(
        radii, ("0.25", "0.6"), ("smallest halo", "median halo by mass"), strict=True
    ):
        axis.plot(
            k, top_hat(k, radius), color=grey, linestyle=":", zorder=1,
            label=f"top-hat of {radius:.1f} Mpc/h\n({of})",
        )  # fmt: skip
        size = GAUSSIAN_OF_TOP_HAT * radius
        axis.plot(
            k, gaussian(k, size), color=grey, linewidth=0.8, zorder=1,
            label=f"Gaussian of {size:.1f} Mpc/h",
        )  # fmt: skip


def inputs_label(name: str) -> str:
    """What a network is trained on, for an axis: so many directions, all inputs, a variant's."""
    network = parse_network(name)
    if network.directions:
        return str(network.directions)
    return f"by hand:\n{network.variant}" if network.variant else "all inputs"


def plot_by_directions(
    comparison: str | Path, models: Sequence[str], outputs: Sequence[str | Path]
) -> None:
    """P_model / P_halo, 1 - r^2 and P_error / P_shot against the number of directions.

    Parameters
    ----------
    comparison : path of the table that ``comparison.write_comparison`` wrote
    models : networks on few directions, on all inputs, on others made by hand
    outputs : files to write
    """
    table = pd.read_csv(comparison).set_index("model").loc[list(models)]
    quantities = {
        "power_ratio": r"$P_{\rm model}\,/\,P_{\rm halo}$",
        "one_minus_r2": r"$1-r^2$",
        "error_over_shot": r"$P_{\rm error}\,/\,P_{\rm shot}$",
    }
    with drawn_to(outputs, nrows=len(quantities), figsize=(6.4, 6.8), sharex=True) as (_, axes):
        for axis, (name, label) in zip(axes[:, 0], quantities.items(), strict=True):
            for index, (low, high) in enumerate(BANDS):
                column = f"{name}_k{low:g}-{high:g}"
                place = np.arange(len(models)) + 0.18 * (index - (len(BANDS) - 1) / 2)
                drawn = {"color": COLOURS[index], "marker": "osD"[index], "linestyle": "none"}
                for end, style in ERROR_BARS.items():
                    width = table[column + end].fillna(0)
                    axis.errorbar(place, table[column], yerr=width, ms=4, **drawn, **style)
                axis.plot(place, table[column], **drawn, ms=4, label=f"k = {low:g}–{high:g} h/Mpc")
            axis.set_ylabel(label)
        axes[0, 0].axhspan(0.98, 1.02, color="0.9", zorder=0)
        axes[0, 0].axhline(1, color="0.6", linewidth=0.8)
        for axis in axes[1:, 0]:
            axis.set_ylim(0, None)
        axes[2, 0].legend(title="thick bars: boxes, thin: seeds; grey: ±2 %")
        axes[2, 0].set_xticks(range(len(models)), map(inputs_label, models))
        axes[2, 0].set_xlabel("directions that are kept")
