"""Tables: one line a model and box, numbers that a reader compares with the paper's."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from lagbias.files import written_whole
from lagbias.filters import (
    GAUSSIAN_OF_TOP_HAT,
    FilteredDirection,
    Window,
    gaussian,
    lagrangian_mass,
    lagrangian_radii,
    top_hat,
)
from lagbias.layout import MEAN
from lagbias.linear_power import LinearPower
from lagbias.losses import mean_losses
from lagbias.projection import Projection
from lagbias.spectra import BANDS, band_quantities
from lagbias.stores import open_store, read_netcdf

BIAS_WAVENUMBER = 0.1  # h/Mpc, of the response beside that to an endless wave


def with_seed_range(name: str, mean: float, seeds: Sequence[float]) -> dict[str, float]:
    """A column of the seed average, and two of the seeds' range (NaN where there are none)."""
    low, high = (min(seeds), max(seeds)) if len(seeds) else (np.nan, np.nan)
    return {name: mean, f"{name}_seed_min": low, f"{name}_seed_max": high}


def spectra_row(path: str | Path) -> dict[str, float]:
    """Band averages of one spectra file: those of the seed average, and the seeds' range."""
    spectra = read_netcdf(path)
    mean = list(spectra["member"].values).index(MEAN)
    row = {}
    for name, values in band_quantities(spectra).items():
        row |= with_seed_range(name, values[mean], np.delete(values, mean))
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
            row |= mean_losses(losses[model])
        rows.append(row)
    with written_whole(output) as partial:
        pd.DataFrame(rows).to_csv(partial, index=False, float_format="%.5g")


def weight_per_particle(halos: Sequence[str | Path]) -> float:
    """Weight of the halos of some boxes, over the number of all particles of these boxes."""
    stores = [open_store(path) for path in halos]
    weight = sum(float(store["weight"].sum()) for store in stores)
    particles = (store.attrs["box_size"] ** 3 / store.attrs["particle_volume"] for store in stores)
    return weight / sum(particles)


def write_transfers(
    cases: Sequence[Mapping[str, object]],
    spectra: Sequence[str | Path],
    halos: Sequence[str | Path],
    training_halos: Sequence[str | Path],
    output: str | Path,
) -> None:
    """Write one line a transfer: <f>, and what ``spectra_row`` gives, with r in the same bands.

    <f> over the box is 1 on the training boxes; where the model is right elsewhere, it is the
    weight of the halos a particle, over that of the training boxes.

    Parameters
    ----------
    cases : sequence of mappings
        Columns that say which model was held against which halos; ``fitted_to`` is its tracer.
    spectra, halos : paths
        Of each case: spectra, and the halos in the box of the tracer that the model was fitted to.
    training_halos : paths
        Of all training boxes and tracers that models were fitted to, as ``…/{tracer}.zarr``.
    output : path of a CSV file
    """
    rows = []
    for case, path, of_box in zip(cases, spectra, halos, strict=True):
        of_set = [store for store in training_halos if Path(store).stem == case["fitted_to"]]
        row = {
            **case,
            "mean_ratio": float(read_netcdf(path)["mean_ratio"].sel(member=MEAN)),
            "expected_mean_ratio": weight_per_particle([of_box]) / weight_per_particle(of_set),
            **spectra_row(path),
        }
        for low, high in BANDS:
            band = f"k{low:g}-{high:g}"
            # P_cross / sqrt(P_model P_halo) of the sums over modes, by their two ratios
            correlation = row[f"cross_ratio_{band}"] / np.sqrt(row[f"power_ratio_{band}"])
            row[f"correlation_{band}"] = correlation
        rows.append(row)
    with written_whole(output) as partial:
        pd.DataFrame(rows).to_csv(partial, index=False, float_format="%.5g")


def write_directions(pca: Mapping[str, str | Path], output: str | Path) -> None:
    """Write the gradient's power along each direction and its share, with the seeds' range.

    ``eigenvalue`` is absolute, <(d f / d u)^2> of a whitened coordinate u; over directions it adds
    up to the trace. The share alone proves little (``lagbias.planted``).

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
                eigenvalue, values = (
                    part.sel(version=version).isel(direction=direction)
                    for part in (data["eigenvalue"], share)
                )
                seeds = values.drop_sel(member=MEAN)
                rows.append(
                    {
                        "model": model, "gradient_of": version, "direction": direction + 1,
                        "eigenvalue": float(eigenvalue.sel(member=MEAN)),
                        "share": float(values.sel(member=MEAN)),
                        "seed_min": float(seeds.min()), "seed_max": float(seeds.max()),
                    }
                )  # fmt: skip
    with written_whole(output) as partial:
        pd.DataFrame(rows).to_csv(partial, index=False, float_format="%.5g")


def filter_row(
    members: Mapping[str, FilteredDirection],
    window: Window,
    per_top_hat: float,
    scales: Sequence[float],
    radii: tuple[float, float],
) -> dict[str, float]:
    """How like a window the first direction is, at the best radius and at those of halos.

    Parameters
    ----------
    members : mapping
        Seeds and their average to the first direction of each.
    window : function
    per_top_hat : float
        Radius of the window in units of that of the top-hat that it is compared at.
    scales : sequence
        Smoothing scales of the model [Mpc/h]: radii from a quarter of the smallest to four times
        the largest are searched.
    radii : Lagrangian radii [Mpc/h] of the smallest halo and of the median halo by mass
    """
    best = {
        name: member.best_radius(window, min(scales) / 4, 4 * max(scales))
        for name, member in members.items()
    }
    cosine = {name: abs(members[name].cosine(window, radius)) for name, radius in best.items()}
    row = {}
    for name, values in (("radius", best), ("cosine", cosine)):
        seeds = [value for member, value in values.items() if member != MEAN]
        row |= with_seed_range(name, values[MEAN], seeds)
    mean = members[MEAN]
    row["linear_share"] = mean.linear_share
    row["cosine_of_linear_part"] = cosine[MEAN] / np.sqrt(mean.linear_share)
    for name, radius in zip(("smallest", "median"), radii, strict=True):
        row[f"{name}_halo_radius"] = per_top_hat * radius
        row[f"cosine_at_{name}_halo"] = abs(mean.cosine(window, per_top_hat * radius))
    return row


def write_filters(
    fits: Mapping[str, tuple[str | Path, str | Path]],
    power: Sequence[str | Path],
    halos: Sequence[str | Path],
    output: str | Path,
) -> None:
    """Write how like a top-hat and a Gaussian the first gradient direction of f is.

    Parameters
    ----------
    fits : mapping
        Model's name to its gradient PCA and its projection.
    power, halos : one entry for each training box
    output : path of a CSV file
        Radii [Mpc/h] and masses [Msun/h]. Of a Gaussian, ``mass`` and the halos' radii are those
        of the top-hat that falls off as it does at small k, sqrt(5) times as wide. Cosines are
        those of the whole direction, G2 and all; ``cosine_of_linear_part`` leaves G2 out.
    """
    linear_power = LinearPower.read(power)
    radii = lagrangian_radii(*halos)
    attributes = open_store(halos[0]).attrs
    rows = []
    for model, (gradient_pca, projection) in fits.items():
        mapping = Projection.read(projection)
        first = read_netcdf(gradient_pca)["feature_direction"].sel(version="f", direction=0)
        members = {
            str(name): FilteredDirection(mapping, first.sel(member=name).values, linear_power)
            for name in first["member"].values
        }
        for name, window, per_top_hat in (
            ("top-hat", top_hat, 1.0), ("Gaussian", gaussian, GAUSSIAN_OF_TOP_HAT),
        ):  # fmt: skip
            row = filter_row(members, window, per_top_hat, mapping.scales, radii)
            mass = {
                "mass": lagrangian_mass(row["radius"] / per_top_hat, attributes),
                "smallest_halo_mass": lagrangian_mass(radii[0], attributes),
                "median_halo_mass": lagrangian_mass(radii[1], attributes),
            }
            rows.append({"model": model, "filter": name} | row | mass)
    with written_whole(output) as partial:
        pd.DataFrame(rows).to_csv(partial, index=False, float_format="%.5g")


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
    network: str,
    explanation: str | Path,
    coefficients: Mapping[str, str | Path],
    linear: str | Path | None,
    output: str | Path,
) -> None:
    """Write the long-wave biases (``lagbias.biases``), one line a model and route.

    Parameters
    ----------
    network : name of the network
    explanation : its ``explain.nc``
    coefficients : mapping
        Polynomial yardstick's name to its coefficients.
    linear : path of the linear bias, or None
    output : path of a CSV file
    """
    explained = read_netcdf(explanation)
    rows = [
        {"model": network, "route": route, **bias_row(explained.sel(route=route))}
        for route in explained["route"].values
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
