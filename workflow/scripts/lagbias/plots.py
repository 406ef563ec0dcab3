"""Figures: one function each, from files to a figure on disk (PDF and PNG)."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import scipy.fft
import xarray as xr
from matplotlib.colors import SymLogNorm
from matplotlib.ticker import FixedLocator, NullFormatter, ScalarFormatter

from lagbias.files import written_whole
from lagbias.filters import (
    GAUSSIAN_OF_TOP_HAT,
    gaussian,
    lagrangian_radii,
    linear_filter,
    top_hat,
)
from lagbias.grids import Grid
from lagbias.layout import MEAN, YARDSTICKS, parse_network, parse_yardstick
from lagbias.mesh import paint_halos
from lagbias.projection import Projection
from lagbias.stores import open_store, read_netcdf

logging.getLogger("fontTools").setLevel(logging.WARNING)  # it logs every glyph of a PDF

# Okabe & Ito's colours (safe for colour-blind readers), ordered so that they differ in grey too;
# line styles and markers repeat the distinction. Eight colours and seven lines: after eight curves
# a colour comes back with another line.
COLOURS = ["#000000", "#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#999999"]
LINES = ["-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (7, 2)), (0, (1, 1))]
STYLE = {
    "figure.dpi": 110,
    "savefig.dpi": 180,
    "font.size": 10,
    "axes.labelsize": 10,
    "legend.fontsize": 8.5,
    "legend.frameon": False,
    "xtick.direction": "in",
    "ytick.direction": "in",
    "xtick.top": True,
    "ytick.right": True,
    "axes.grid": False,
    "lines.linewidth": 1.5,
    "pdf.fonttype": 42,
    "svg.hashsalt": "lagbias",
    "figure.hooks": [],  # no default of matplotlib puts back
}
FIELD_COLOURS = "cividis"
DIFFERENCE_COLOURS = "PuOr_r"
LAGRANGIAN_LABELS = {
    "poly": "polynomial",
    "bins": "f(δ) in bins",
    "bins-lap": "f(δ, ∇²δ) in bins",
    "bins-g2": "f(δ, G₂) in bins",
}
NAMES_OF_KINDS = {"delta": "δ", "laplacian": "∇²δ", "g2": "G₂"}
TRACER_TITLES = {
    "mass": "halos (mass-weighted)",
    "number": "halos (each counts one)",
    "galaxies": "galaxies",
}
FILTER_WAVENUMBERS = np.geomspace(0.01, 2.5, 300)  # h/Mpc, where filters are drawn
SHOWN_SMOOTHING = 4.0  # Mpc/h, of the maps: shot noise hides the structure below it


@contextmanager
def drawn_to(outputs: Sequence[str | Path], **subplots) -> Iterator[tuple[plt.Figure, np.ndarray]]:
    """Give a figure in the house style and save it under all its names (suffix gives format)."""
    with plt.rc_context():
        matplotlib.rcdefaults()  # a user's own style, of a matplotlibrc, is for other figures
        plt.rcParams.update(STYLE)
        figure, axes = plt.subplots(layout="constrained", squeeze=False, **subplots)
        try:
            yield figure, axes
            for axis in axes.flat:
                say_if_empty(axis)
            for output in outputs:
                with written_whole(output) as partial:
                    suffix = Path(output).suffix[1:]
                    metadata = {"CreationDate": None} if suffix == "pdf" else {"Software": None}
                    figure.savefig(partial, format=suffix, metadata=metadata)
        finally:
            plt.close(figure)


def say_if_empty(axis: plt.Axes) -> None:
    """Say so in a panel that has nothing to show, as where a box is too small for a statistic.

    A logarithmic axis along which there is no positive number cannot be drawn.
    """
    empty = [
        along
        for along in "xy"
        if getattr(axis, f"get_{along}scale")() == "log"
        and not np.isfinite(getattr(axis.dataLim, f"minpos{along}"))
    ]
    for along in empty:
        axis.set(**{f"{along}scale": "linear", f"{along}ticks": []})
    if empty:
        axis.text(0.5, 0.5, "not measured in these boxes", transform=axis.transAxes, ha="center")


def model_label(name: str) -> str:
    """A model's name for people: ``R2-R4-pc2`` becomes ``2, 4 Mpc/h → 2 directions``."""
    if name in YARDSTICKS:
        return {"linear": "linear bias", "labels": "proto-halo labels"}.get(name, name)
    if not name.startswith("R"):
        kind, scales = parse_yardstick(name)
        return f"{LAGRANGIAN_LABELS[kind]}, R = {', '.join(f'{scale:g}' for scale in scales)}"
    network = parse_network(name)
    label = f"R = {', '.join(part[1:] for part in network.scale_set.split('-'))}"
    variant = f", {network.variant}" if network.variant else ""
    return label + variant + (f" → {network.directions} dir." if network.directions else "")


def colour_of(index: int) -> str:
    """Colour of the index-th curve, bar or band."""
    return COLOURS[index % len(COLOURS)]


def line_of(index: int) -> dict:
    """Colour and line style of the index-th curve."""
    return {"color": colour_of(index), "linestyle": LINES[index % len(LINES)]}


def plot_slices(
    prediction: str | Path,
    halos: str | Path,
    outputs: Sequence[str | Path],
    thickness: float = 20.0,
) -> None:
    """Maps of the halo field, the model field and their difference.

    Parameters
    ----------
    prediction, halos : zarr stores of one box
    outputs : files to write
    thickness : float
        Of the slice that is averaged [Mpc/h].
    """
    store = open_store(prediction)
    grid = Grid(store.sizes["x"], store.attrs["box_size"])
    model = store["overdensity"][store.attrs["members"].index(MEAN)].values
    halo, _ = paint_halos(halos, grid)
    planes = max(1, round(thickness / grid.spacing))
    maps = [smoothed(field, grid)[:planes].mean(axis=0) for field in (halo, model)]
    maps.append(maps[1] - maps[0])
    norm = SymLogNorm(linthresh=1, vmin=-1, vmax=float(np.percentile(maps[0], 99.8)))
    extent = (0, grid.box_size, 0, grid.box_size)
    tracer = TRACER_TITLES[open_store(halos).attrs["weighting"]]
    titles = (tracer, "model: particles × f", f"model − {tracer.partition(' ')[0]}")
    with drawn_to(outputs, ncols=3, figsize=(10.5, 3.7), sharey=True) as (figure, axes):
        for axis, field, title in zip(axes[0], maps, titles, strict=True):
            difference = title.startswith("model −")
            image = axis.imshow(
                field.T, origin="lower", extent=extent,
                norm=SymLogNorm(1, vmin=-norm.vmax, vmax=norm.vmax) if difference else norm,
                cmap=DIFFERENCE_COLOURS if difference else FIELD_COLOURS,
            )  # fmt: skip
            axis.set(title=title, xlabel="y [Mpc/h]")
            figure.colorbar(image, ax=axis, shrink=0.8, label="overdensity δ", location="bottom")
        axes[0, 0].set_ylabel("z [Mpc/h]")


def smoothed(field: np.ndarray, grid: Grid, scale: float = SHOWN_SMOOTHING) -> np.ndarray:
    """A field under a Gaussian of ``scale`` [Mpc/h]."""
    k, k_last = grid.wavenumbers(), grid.half_wavenumbers()
    window, window_last = (np.exp(-0.5 * (q * scale) ** 2) for q in (k, k_last))
    modes = scipy.fft.rfftn(field) * window[:, None, None] * window[:, None] * window_last
    return scipy.fft.irfftn(modes, s=field.shape, axes=(0, 1, 2))


def wavenumber_axis(axis: plt.Axes) -> None:
    """A logarithmic axis of wavenumbers with a few plain numbers."""
    axis.set(xlabel="k [h/Mpc]", xscale="log")
    axis.xaxis.set_major_locator(FixedLocator([0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2]))
    axis.xaxis.set_major_formatter(ScalarFormatter())
    axis.xaxis.set_minor_formatter(NullFormatter())


def _ratio_axes(axes: Sequence[plt.Axes]) -> None:
    top, bottom = axes
    for axis, value in ((top, 1.0), (bottom, 1.0)):
        axis.axhline(value, color="0.6", linewidth=0.8)
    top.axhspan(0.98, 1.02, color="0.9", zorder=0)
    top.set_ylabel(r"$P_{\rm model}\,/\,P_{\rm halo}$")
    bottom.set_ylabel(r"$r(k)$")
    wavenumber_axis(bottom)


def draw_member_band(
    axis: plt.Axes, along, curve: xr.DataArray, index: int, label: str | None = None, **style
) -> None:
    """The average's curve, and the range of the seeds as a band.

    Parameters
    ----------
    axis : where to
    along : (points,)
        Places of the points.
    curve : dimensions ``member`` and one of the points
    index : int
        Which curve of the figure it is: its colour and line.
    label, style : of the average's curve
    """
    seeds = curve.drop_sel(member=MEAN)
    if seeds.sizes["member"] > 1:
        low, high = seeds.min("member"), seeds.max("member")
        axis.fill_between(along, low, high, color=colour_of(index), alpha=0.2, linewidth=0)
    axis.plot(along, curve.sel(member=MEAN), **line_of(index), label=label, **style)


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


def _draw_response(response: plt.Axes, negative: plt.Axes, data, index: int) -> None:
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
                label = (
                    "all inputs" if index == 0 else f"{parse_network(name).directions} directions"
                )
                draw_member_band(axes[0, column], data["k"], data["power_ratio"], index, label)
                draw_member_band(axes[1, column], data["k"], data["error_over_shot"], index)
            axes[0, column].axhspan(0.98, 1.02, color="0.9", zorder=0)
            axes[0, column].axhline(1, color="0.6", linewidth=0.8)
            axes[0, column].set_title(model_label(names[0]), fontsize=9)
            wavenumber_axis(axes[1, column])
        axes[0, 0].set(ylabel=r"$P_{\rm model}\,/\,P_{\rm halo}$", ylim=(0.8, 1.25))
        axes[1, 0].set(ylabel=r"$P_{\rm error}\,/\,P_{\rm shot}$", ylim=(0, None))
        axes[0, 0].legend()


def plot_losses(losses: Mapping[str, Sequence[str | Path]], outputs: Sequence[str | Path]) -> None:
    """Training and validation losses of the ablations, an epoch a point.

    Parameters
    ----------
    losses : mapping
        Model's name to the loss files of its seeds.
    """
    with drawn_to(outputs, ncols=2, figsize=(9, 3.8)) as (_, axes):
        for index, (name, paths) in enumerate(losses.items()):
            tables = [pd.read_csv(path).set_index("epoch") for path in paths]
            for axis, column in zip(axes[0], ("train_loss", "validation_loss"), strict=True):
                seeds = pd.concat([table[column] for table in tables], axis=1)
                axis.fill_between(
                    seeds.index, seeds.min(axis=1), seeds.max(axis=1),
                    color=colour_of(index), alpha=0.2, linewidth=0,
                )  # fmt: skip
                axis.plot(
                    seeds.index, seeds.mean(axis=1), **line_of(index), label=model_label(name)
                )
        for axis, title in zip(axes[0], ("training boxes", "validation boxes"), strict=True):
            axis.set(title=title, xlabel="epoch")
            low, high = _last_epochs_range(axis)
            axis.set_ylim(low - 0.1 * (high - low), high + 0.5 * (high - low))
        axes[0, 0].set_ylabel("loss")
        axes[0, 1].legend(title="R [Mpc/h]; band: seeds")


def _last_epochs_range(axis: plt.Axes) -> tuple[float, float]:
    """Range of the curves over the last three quarters: the first epochs would flatten them."""
    values = np.concatenate([line.get_ydata()[len(line.get_ydata()) // 4 :] for line in axis.lines])
    return float(values.min()), float(values.max())


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
    axis: plt.Axes, mapping: Projection, mean: np.ndarray, seeds: np.ndarray, number: int
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
    axis: plt.Axes, mapping: Projection, mean: np.ndarray, seeds: np.ndarray, number: int
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


def _draw_windows(axis: plt.Axes, radii: tuple[float, float]) -> None:
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
