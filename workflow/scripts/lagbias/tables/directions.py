"""Tables of the gradient's power by direction, and of directions as filters."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from lagbias.base.files import written_whole
from lagbias.base.stores import MEAN, open_store, read_netcdf
from lagbias.features.linear_power import LinearPower
from lagbias.halos.catalogue import lagrangian_mass, lagrangian_radii
from lagbias.projection.by_hand import top_hat_combination
from lagbias.projection.filters import (
    GAUSSIAN_OF_TOP_HAT,
    FilteredDirection,
    Window,
    gaussian,
    top_hat,
)
from lagbias.projection.projection import Projection
from lagbias.tables.summary import with_seed_range


def write_directions(pca: Mapping[str, str | Path], output: str | Path) -> None:
    """Write the gradient's power along each direction and its share, with the seeds' range.

    ``eigenvalue`` is absolute, <(d f / d u)^2> of a whitened coordinate u; over directions it adds
    up to the trace. The share alone proves little (``lagbias.halos.planted``).

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


def expected_radius(
    projection: Projection, power: LinearPower, radius: float, window: Window = top_hat
) -> float:
    """What `best_radius` finds if *f* depends on the density under a window, and on nothing else.

    The inputs of a network hold only a part of that density: the smallest smoothing scale hides
    what is smaller. So a small radius looks larger.

    Parameters
    ----------
    projection : Projection, of the network
    power : LinearPower
    radius : float
        Of the window [Mpc/h].
    window : function
    """
    nearest, _ = top_hat_combination(projection, power, radius, window)
    return best_radius(FilteredDirection(projection, nearest, power), projection, window)


def best_radius(direction: FilteredDirection, projection: Projection, window: Window) -> float:
    """From a quarter of the smallest smoothing scale to four times the largest [Mpc/h]."""
    scales = projection.scales
    return direction.best_radius(window, min(scales) / 4, 4 * max(scales))


def filter_row(
    members: Mapping[str, FilteredDirection],
    window: Window,
    per_top_hat: float,
    projection: Projection,
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
    projection : Projection, of the model
    radii : Lagrangian radii [Mpc/h] of the smallest halo and of the median halo by mass
    """
    best = {name: best_radius(member, projection, window) for name, member in members.items()}
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
        ``expected_radius_of_…`` is what ``radius`` would be if f depended on the density under a
        window of the halo's radius alone (``expected_radius``).
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
            row = filter_row(members, window, per_top_hat, mapping, radii)
            expected = {
                f"expected_radius_of_{halo}_halo": expected_radius(
                    mapping, linear_power, per_top_hat * radius, window
                )
                for halo, radius in zip(("smallest", "median"), radii, strict=True)
            }
            mass = {
                "mass": lagrangian_mass(row["radius"] / per_top_hat, attributes),
                "smallest_halo_mass": lagrangian_mass(radii[0], attributes),
                "median_halo_mass": lagrangian_mass(radii[1], attributes),
            }
            rows.append({"model": model, "filter": name} | row | expected | mass)
    with written_whole(output) as partial:
        pd.DataFrame(rows).to_csv(partial, index=False, float_format="%.5g")
