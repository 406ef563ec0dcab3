"""The figure of statistics beyond the power: bispectra, cell counts, redshift space."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from lagbias.base.stores import MEAN, read_netcdf
from lagbias.figures.labels import model_label
from lagbias.figures.style import draw_member_band, drawn_to, line_of, wavenumber_axis

HALOS = {"color": "0.4", "marker": "o", "markersize": 4, "linestyle": "none", "label": "halos"}


def plot_statistics(
    statistics: Mapping[str, str | Path],
    redshift_space: Mapping[str, str | Path],
    outputs: Sequence[str | Path],
) -> None:
    """1 - r^2, bispectra, cell counts and redshift-space multipoles of a few models.

    Bands are the seeds' range, the bars of 1 - r^2 the first model's jackknife errors.

    Parameters
    ----------
    statistics : mapping
        Model's name to its statistics (``statistics.write_statistics``).
    redshift_space : mapping
        The same names, or some of them, to spectra in redshift space.
    outputs : files to write
    """
    models = {name: read_netcdf(path) for name, path in statistics.items()}
    displaced = {name: read_netcdf(path) for name, path in redshift_space.items()}
    with drawn_to(outputs, nrows=3, ncols=3, figsize=(11.5, 9.6)) as (figure, axes):
        _draw_decorrelation(axes[0, 0], models)
        for column, triangle in enumerate(("equilateral", "squeezed"), start=1):
            of_triangle = {name: data.sel(triangle=triangle) for name, data in models.items()}
            _draw_bispectra(axes[0, column], axes[1, column], of_triangle)
            axes[0, column].set_title(f"{triangle} triangles")
        for axis, cube in zip(axes[1:, 0], (0, -1), strict=True):
            _draw_counts(axis, {name: data.isel(cube_side=cube) for name, data in models.items()})
        _draw_multipoles(axes[2, 1], axes[2, 2], displaced, list(models))
        for axis in (*axes[0], *axes[1, 1:], *axes[2, 1:]):
            wavenumber_axis(axis)
        figure.legend(
            *axes[0, 0].get_legend_handles_labels(), loc="outside upper center",
            ncols=len(models), title="bands: seeds; bars of 1 − r²: jackknife",
        )  # fmt: skip


def _draw_decorrelation(axis: Axes, models: Mapping[str, xr.Dataset]) -> None:
    """1 - r^2 of all models, with jackknife bars for the first model."""
    for index, (model, data) in enumerate(models.items()):
        draw_member_band(axis, data["k"], data["one_minus_r2"], index, model_label(model))
        if index == 0:
            axis.errorbar(
                data["k"], data["one_minus_r2"].sel(member=MEAN),
                data["one_minus_r2_jackknife_error"],
                fmt="none", ecolor=line_of(index)["color"], elinewidth=1, capsize=2,
            )  # fmt: skip
    axis.set(ylabel=r"$1-r^2$", ylim=(1e-4, 0.5))
    axis.set_yscale("log", nonpositive="mask")


def _draw_bispectra(top: Axes, bottom: Axes, models: Mapping[str, xr.Dataset]) -> None:
    """Bispectra, the model's sampling noise taken off, and their ratio to the halos'."""
    for index, data in enumerate(models.values()):
        model = data["bispectrum_model"].sel(member=MEAN) - data["bispectrum_sampling_noise"]
        positive = model[np.flatnonzero(model > 0)]
        top.plot(positive["k"], positive, **line_of(index))
    top.plot(data["k"], data["bispectrum_halo"], **HALOS)
    top.plot(
        data["k"], data["bispectrum_shot_noise"], color="0.7", linewidth=1, zorder=0,
        label="shot noise of the halos",
    )  # fmt: skip
    top.set(ylabel=r"$B$ [(Mpc/h)$^6$]")
    top.set_yscale("log", nonpositive="mask")
    top.legend()
    for index, data in enumerate(models.values()):
        # Where the halos' bispectrum is that of their shot noise, the ratio is noise.
        known = data["bispectrum_halo"] > data["bispectrum_shot_noise"]
        shown = data.isel(k=np.flatnonzero(known))
        draw_member_band(bottom, shown["k"], shown["bispectrum_ratio"], index)
    _draw_unity(bottom)
    bottom.set(ylabel=r"$B_{\rm model}\,/\,B_{\rm halo}$", ylim=(0, 2))


def _draw_unity(axis: Axes) -> None:
    axis.axhline(1, color="0.6", linewidth=0.8, zorder=0)


def _draw_counts(axis: Axes, models: Mapping[str, xr.Dataset]) -> None:
    """Share of cubes by their mass over its mean; the first bin holds empty cubes too."""
    for index, data in enumerate(models.values()):
        edges = np.append(data["contrast_low"], data["contrast_high"][-1])
        edges[[0, -1]] = edges[1] ** 2 / edges[2], edges[-2] ** 2 / edges[-3]
        if index == 0:
            axis.stairs(data["cell_share_halo"], edges, fill=True, color="0.85", label="halos")
        share = data["cell_share_model"].sel(member=MEAN)
        axis.stairs(share, edges, **line_of(index), linewidth=1.5)
    axis.legend()
    axis.set(
        xscale="log", yscale="log", xlabel=r"$1+\delta$", ylabel="share of cubes", ylim=(8e-4, 1),
        title=f"cubes of {float(data['cube_side']):g} Mpc/h",
    )  # fmt: skip


def _draw_multipoles(
    left: Axes, right: Axes, models: Mapping[str, xr.Dataset], order: Sequence[str]
) -> None:
    """Monopole over that of halos; quadrupoles over the halos' monopole. Redshift space."""
    if not models:  # of boxes without velocities
        left.set_axis_off()
        right.set_axis_off()
        return
    for name, data in models.items():
        index = order.index(name)
        draw_member_band(left, data["k"], data["power_ratio"], index)
        quadrupole = data["quadrupole_model"] / data["power_halo"]
        draw_member_band(right, data["k"], quadrupole, index)
    right.plot(data["k"], data["quadrupole_halo"] / data["power_halo"], **HALOS)
    right.legend()
    _draw_unity(left)
    left.axhspan(0.98, 1.02, color="0.9", zorder=0)
    left.set(ylabel=r"$P_0$ model / halos", ylim=(0, 1.3), title="redshift space: monopole")
    right.set(ylabel=r"$P_2$ / $P_0$ of halos", title="redshift space: quadrupole")
    right.axhline(0, color="0.6", linewidth=0.8, zorder=0)
