"""Figures of spectra: ratios to those of halos, by model."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.axes import Axes

from lagbias.base.stores import read_netcdf
from lagbias.config.names import parse_network
from lagbias.figures.labels import model_label
from lagbias.figures.style import draw_member_band, drawn_to, line_of, wavenumber_axis


def _ratio_axes(axes: Sequence[Axes]) -> None:
    top, bottom = axes
    for axis, value in ((top, 1.0), (bottom, 1.0)):
        axis.axhline(value, color="0.6", linewidth=0.8)
    top.axhspan(0.98, 1.02, color="0.9", zorder=0)
    top.set_ylabel(r"$P_{\rm model}\,/\,P_{\rm halo}$")
    bottom.set_ylabel(r"$r(k)$")
    wavenumber_axis(bottom)


def plot_spectra(spectra: Mapping[str, str | Path], outputs: Sequence[str | Path]) -> None:
    """P_model / P_halo and r(k) of several models on one box.

    Parameters
    ----------
    spectra : mapping
        Model's name to its spectra file; ``linear`` is drawn as a yardstick.
    outputs : files to write
    """
    with drawn_to(outputs, nrows=2, figsize=(6.4, 6), sharex=True, height_ratios=[1.4, 1]) as (
        _,
        axes,
    ):
        top, bottom = axes[:, 0]
        for index, (name, path) in enumerate(spectra.items()):
            data = read_netcdf(path)
            draw_member_band(top, data["k"], data["power_ratio"], index, model_label(name))
            draw_member_band(bottom, data["k"], data["correlation"], index)
        _ratio_axes((top, bottom))
        top.set_ylim(0.75, 1.3)
        bottom.set_ylim(0.9, 1.005)
        top.legend(ncols=2, title="smoothing scales [Mpc/h]; band: seeds; grey: ±2 %")


def plot_yardsticks(
    spectra: Mapping[str, str | Path],
    coefficients: Mapping[str, str | Path],
    outputs: Sequence[str | Path],
) -> None:
    """Spectra of the yardsticks and of one network, and the yardsticks' f against density.

    Parameters
    ----------
    spectra : mapping
        Model's name to its spectra; a network is drawn as one.
    coefficients : mapping
        Lagrangian yardstick's name to its coefficients.
    outputs : files to write
    """
    with drawn_to(outputs, nrows=2, ncols=3, figsize=(11.5, 6)) as (_, axes):
        (ratio, error, response), (correlation, legend, negative) = axes
        for index, (name, path) in enumerate(spectra.items()):
            data = read_netcdf(path)
            label = f"network, {model_label(name)}" if name.startswith("R") else model_label(name)
            draw_member_band(ratio, data["k"], data["power_ratio"], index, label)
            draw_member_band(correlation, data["k"], data["correlation"], index)
            draw_member_band(error, data["k"], data["error_over_shot"], index)
            if name in coefficients:
                _draw_response(response, negative, read_netcdf(coefficients[name]), index)
        _ratio_axes((ratio, correlation))
        for axis in (ratio, error):
            wavenumber_axis(axis)
        ratio.set_ylim(0.75, 1.3)
        correlation.set_ylim(0.9, 1.005)
        error.set(ylabel=r"$P_{\rm error}\,/\,P_{\rm shot}$", ylim=(5e-4, 1))
        error.set_yscale("log", nonpositive="mask")
        response.set(ylabel=r"$\langle f\,|\,\delta_R\rangle$", ylim=(-1.5, 12), xlim=(-4, 4))
        response.axhspan(-1.5, 0, color="0.9", zorder=0)
        negative.set(ylabel="share of particles with f < 0", ylim=(-0.03, 1.03), xlim=(-4, 4))
        for axis in (response, negative):
            axis.set_xlabel(r"$\delta_R\,/\,\sigma_R$")
        legend.axis("off")
        legend.legend(
            *ratio.get_legend_handles_labels(), loc="center", title="R in Mpc/h; grey bar: ±2 %"
        )


def _draw_response(response: Axes, negative: Axes, data, index: int) -> None:
    """Mean f of the training particles in bins of density; of a polynomial where f < 0."""
    enough = data["particles_of_delta"] >= 100  # fewer tell nothing
    response.plot(data["delta"], data["ratio_of_delta"].where(enough), **line_of(index))
    if data.attrs["kind"] == "poly":
        negative.plot(
            data["delta"], data["negative_share_of_delta"].where(enough), **line_of(index)
        )


def plot_full_against_projected(
    full: Mapping[str, str | Path], projected: Mapping[str, str | Path], outputs: Sequence
) -> None:
    """P_model / P_halo and P_error / P_shot of full models and of those on few directions.

    Parameters
    ----------
    full, projected : mappings
        Model's name to spectra; the same order.
    """
    with drawn_to(
        outputs, nrows=2, ncols=len(full), figsize=(2.6 * len(full) + 1, 4.8), sharex=True,
        sharey="row",
    ) as (_, axes):  # fmt: skip
        for column, (names, paths) in enumerate(
            zip(
                zip(full, projected, strict=True),
                zip(full.values(), projected.values(), strict=True),
                strict=True,
            )
        ):
            for index, (name, path) in enumerate(zip(names, paths, strict=True)):
                data = read_netcdf(path)
                directions = parse_network(name).directions or 0
                label = f"{directions} direction{'s' * (directions > 1)}" if index else "all inputs"
                draw_member_band(axes[0, column], data["k"], data["power_ratio"], index, label)
                draw_member_band(axes[1, column], data["k"], data["error_over_shot"], index)
            axes[0, column].axhspan(0.98, 1.02, color="0.9", zorder=0)
            axes[0, column].axhline(1, color="0.6", linewidth=0.8)
            axes[0, column].set_title(model_label(names[0]), fontsize=9)
            wavenumber_axis(axes[1, column])
        axes[0, 0].set(ylabel=r"$P_{\rm model}\,/\,P_{\rm halo}$", ylim=(0.8, 1.25))
        axes[1, 0].set(ylabel=r"$P_{\rm error}\,/\,P_{\rm shot}$", ylim=(0, None))
        axes[0, 0].legend()
