"""The figure of what a learned f is."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from lagbias.base.stores import MEAN, read_netcdf
from lagbias.figures.labels import NAMES_OF_KINDS, model_label
from lagbias.figures.style import FIELD_COLOURS, colour_of, draw_member_band, drawn_to, line_of

ENOUGH = 300  # particles in a bin: fewer tell nothing
SHOWN_WAVENUMBERS = slice(0, 0.301)  # h/Mpc, of the linear response


def plot_explanation(
    explanation: str | Path,
    coefficients: Mapping[str, str | Path],
    linear: str | Path | None,
    outputs: Sequence[str | Path],
) -> None:
    """f along and across its directions, what features tell beyond them, and the biases.

    Parameters
    ----------
    explanation : path of ``write_explanation``
    coefficients : mapping
        Polynomial yardstick's name to its coefficients.
    linear : path of the linear bias, or None
    outputs : files to write
    """
    data = read_netcdf(explanation)
    polynomials = {name: read_netcdf(path) for name, path in coefficients.items()}
    with drawn_to(outputs, nrows=2, ncols=4, figsize=(15, 7)) as (figure, axes):
        _draw_along_features(axes[0, 0], data)
        _draw_along_directions(axes[0, 1], data)
        _draw_across_directions(figure, axes[0, 2], data)
        _draw_linear_response(axes[0, 3], data, polynomials, linear)
        for axis, kind in zip(axes[1], NAMES_OF_KINDS, strict=False):
            _draw_beyond_first(axis, data, kind)
        _draw_biases(axes[1, 3], data, polynomials)


def _draw_along_features(axis: Axes, data: xr.Dataset) -> None:
    """Mean f against the density at each scale."""
    for index, feature in enumerate(np.flatnonzero(data["kind"].values == "delta")):
        scale = float(data["smoothing_scale"][feature])
        one = data.isel(feature=feature)
        curve = one["ratio_of_feature"].where(one["particles_of_feature"] >= ENOUGH)
        draw_member_band(axis, curve["value"], curve, index, f"R = {scale:g} Mpc/h")
    _ratio_scale(axis, r"$\delta_R\,/\,\sigma_R$", r"$\langle f\,|\,\delta_R\rangle$")
    axis.legend(loc="lower right")


def _draw_along_directions(axis: Axes, data: xr.Dataset) -> None:
    """Mean f against each direction; of the first also its scatter and f on the axis itself."""
    mean = data.sel(member=MEAN)
    error = mean["spread_along"] / np.sqrt(mean["particles_along"])
    enough = (mean["particles_along"] >= ENOUGH) & (error < 0.1 * mean["ratio_along"])
    for index in range(data.sizes["direction"]):
        curve = data["ratio_along"].where(enough).isel(direction=index)
        draw_member_band(axis, data["coordinate"], curve, index, f"direction {index + 1}")
    first = mean.where(enough).isel(direction=0)
    low, high = (first["ratio_along"] + sign * first["spread_along"] for sign in (-1, 1))
    axis.fill_between(
        data["coordinate"], np.maximum(low, 1e-6), high, color=colour_of(0), alpha=0.15,
        linewidth=0, label="its scatter",
    )  # fmt: skip
    axis.plot(
        data["coordinate"], first["ratio_on_axis"], color="0.5", linestyle=":",
        label="on the first axis",
    )  # fmt: skip
    _ratio_scale(axis, r"gradient direction $a$ [σ]", r"$\langle f\,|\,a\rangle$")
    axis.legend(loc="upper left")


def _ratio_scale(axis: Axes, xlabel: str, ylabel: str) -> None:
    axis.axhline(1, color="0.6", linewidth=0.8)
    axis.set(xlabel=xlabel, ylabel=ylabel, yscale="log", ylim=(3e-3, 60), xlim=(-4.2, 5.2))


def _draw_across_directions(figure: Figure, axis: Axes, data: xr.Dataset) -> None:
    """The average f over the first two directions."""
    shown = data["ratio_of_directions"].sel(member=MEAN)
    shown = shown.where(data["particles_of_directions"] >= ENOUGH)
    axis.set(xlabel="first direction [σ]", ylabel="second direction [σ]")
    if not shown.notnull().any():
        axis.text(0.5, 0.5, f"no bin of {ENOUGH} particles", ha="center", transform=axis.transAxes)
        return
    highest = float(shown.max())
    image = axis.pcolormesh(
        data["first"], data["second"], shown.T, cmap=FIELD_COLOURS,
        norm=LogNorm(vmin=max(float(shown.min()), 1e-3), vmax=highest), rasterized=True,
    )  # fmt: skip
    axis.contour(
        data["first"], data["second"], shown.T, levels=[0.1, 1, 10], colors="white", linewidths=1
    )
    axis.set(xlim=range_shown(shown, "first", "second"), ylim=range_shown(shown, "second", "first"))
    figure.colorbar(image, ax=axis, label="f (contours 0.1, 1, 10)")


def _draw_beyond_first(axis: Axes, data: xr.Dataset, kind: str) -> None:
    """<f | feature> over what it were if f knew the first direction only, by scale."""
    shown = data["ratio_of_feature"] / data["ratio_expected_of_feature"]
    # A departure of per cents takes more particles to tell, and means little where f is small.
    enough = data["particles_of_feature"] >= 3 * ENOUGH
    shown = shown.where(enough & (data["ratio_of_feature"].sel(member=MEAN) >= 0.1))
    for index, feature in enumerate(np.flatnonzero(data["kind"].values == kind)):
        scale = float(data["smoothing_scale"][feature])
        curve = shown.isel(feature=feature)
        draw_member_band(axis, curve["value"], curve, index, f"R = {scale:g} Mpc/h")
    axis.axhline(1, color="0.6", linewidth=0.8)
    axis.set(
        xlabel=f"{NAMES_OF_KINDS[kind]} [σ]", ylim=(0.8, 1.2),
        ylabel=f"⟨f | {NAMES_OF_KINDS[kind]}⟩ / expected from direction 1",
    )  # fmt: skip
    axis.legend()


def _draw_linear_response(
    axis: Axes, data: xr.Dataset, polynomials: Mapping[str, xr.Dataset], linear: str | Path | None
) -> None:
    """b1 against the wavenumber of the wave, by derivatives of the network and of polynomials."""
    network = data["linear_response"].sel(route="derivatives", wavenumber=SHOWN_WAVENUMBERS)
    draw_member_band(axis, network["wavenumber"], network, 0, "network")
    for index, (name, polynomial) in enumerate(polynomials.items(), start=1):
        shown = polynomial.sel(wavenumber=SHOWN_WAVENUMBERS)
        curve, error = shown["linear_response"], shown["linear_response_error"]
        axis.fill_between(
            curve["wavenumber"], curve - error, curve + error, color=colour_of(index), alpha=0.2,
            linewidth=0,
        )  # fmt: skip
        axis.plot(curve["wavenumber"], curve, **line_of(index), label=model_label(name))
    if linear:
        bias = read_netcdf(linear)
        axis.hlines(
            bias["bias"] - 1, 0, bias.attrs["k_max"], color="0.5", linewidth=3,
            label="Eulerian linear bias − 1",
        )  # fmt: skip
    axis.set(xlabel="k [h/Mpc]", ylabel=r"$b_1(k)$, Lagrangian", xlim=(0, 0.3))
    axis.legend()


def _draw_biases(axis: Axes, data: xr.Dataset, polynomials: Mapping[str, xr.Dataset]) -> None:
    """b1 and b2 with errors: of the network by both routes, of the polynomials."""
    rows = {f"network,\n{route}": data.sel(route=route) for route in data["route"].values}
    rows |= {
        model_label(name).replace(", R", ",\nR"): one.expand_dims(member=[MEAN])
        for name, one in polynomials.items()
    }
    for place, one in enumerate(rows.values()):
        for index, name in enumerate(("b1", "b2")):
            height, colour = -place + 0.1 * (1 - 2 * index), colour_of(index)
            values = one.sel(bias=name)
            axis.errorbar(
                values["biases"].sel(member=MEAN), height, marker="os"[index], capsize=3,
                color=colour, xerr=values["biases_error"].sel(member=MEAN), linestyle="none",
                label=("$b_1$", "$b_2$")[index] if place == 0 else None,
            )  # fmt: skip
            seeds = values["biases"].drop_sel(member=MEAN)
            axis.plot(
                seeds, np.full(len(seeds), height), "os"[index], markerfacecolor="none",
                markersize=9, linestyle="none", color=colour,
            )  # fmt: skip
    axis.set_yticks(-np.arange(len(rows)), list(rows))
    axis.set(xlabel="Lagrangian bias", ylim=(-len(rows) + 0.4, 0.6))
    axis.legend()


def range_shown(values: xr.DataArray, axis: str, other: str) -> tuple[float, float]:
    """Where along an axis there are values, with a little room."""
    places = values[axis].values[xr.apply_ufunc(np.isfinite, values).any(other).values]
    return places.min() - 0.4, places.max() + 0.4
