"""Spectra of model, halo and matter fields, and what is made of them.

Fields are painted with triangular-shaped clouds, whose window is divided out.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import xarray as xr

from lagbias.base.stores import open_store, provenance, write_netcdf
from lagbias.fields.grid import Grid
from lagbias.fields.shells import Shells, field_modes, shell_edges
from lagbias.halos.catalogue import number_shot_noise, paint_halos


def write_spectra(
    prediction: str | Path,
    halos: str | Path,
    matter: str | Path,
    k_max: float,
    output: str | Path,
    threads: int = 1,
    **attributes,
) -> None:
    """Compare a model field with the halo field of a box.

    Parameters
    ----------
    prediction, matter : zarr stores of ``write_fields``
    halos : zarr store of ``write_halos``
    k_max : float
        Largest wavenumber [h/Mpc].
    output : path
        NetCDF over (member, k): ``power_model`` and ``power_error`` (of model minus halos), both
        less the particles' sampling noise; ``power_cross`` (model x halos), ``power_model_matter``,
        ``power_halo``, ``power_halo_matter``; ``shot_noise``; and the ratios ``power_ratio`` =
        P_model / P_halo, ``cross_ratio`` = P_cross / P_halo, ``matter_cross_ratio`` =
        P_model,matter / P_halo,matter, ``correlation`` r = P_cross / sqrt(P_model P_halo),
        ``one_minus_r2`` = 1 - r^2, ``error_over_shot`` = P_error / shot noise and
        ``error_over_number_shot`` = P_error / (V / N). Of model, halos and cross, the quadrupole
        along z as well, and its ratios to the halos': in real space it is zero but for the scatter
        of few modes; sampling noise has none.
    threads : int
    """
    model_store = open_store(prediction)
    grid = Grid(model_store.sizes["x"], model_store.attrs["box_size"])
    shells = Shells(grid, shell_edges(grid, k_max))
    halo_field, shot_noise = paint_halos(halos, grid, threads)
    halo = field_modes(halo_field, grid, threads)
    matter_store = open_store(matter)
    field = matter_store["overdensity"][0].values
    mass = field_modes(field, grid, threads, matter_store.attrs["resolution"])
    number_noise = number_shot_noise(halos, grid.box_size)
    of_members = _spectra_of_members(model_store, shells, halo, mass, threads)
    volume = {"units": "(Mpc/h)^3"}
    of_halos = {
        "power_halo": shells.power(halo),
        "power_halo_matter": shells.power(halo, mass),
        "quadrupole_halo": shells.power(halo, multipole=2),
    }
    write_netcdf(
        xr.Dataset(
            {name: (("member", "k"), values, volume) for name, values in of_members.items()}
            | {name: ("k", values, volume) for name, values in of_halos.items()}
            | {
                "modes": ("k", shells.modes),
                "shot_noise": ((), shot_noise, volume),
                "mean_ratio": ("member", model_store["mean_ratio"].values),
            }
            | {
                name: (("member", "k"), values)
                for name, values in _ratios(of_members, of_halos, shot_noise, number_noise).items()
            },
            coords={
                "member": list(model_store.attrs["members"]),
                "k": ("k", shells.k, {"units": "h/Mpc"}),
            },
            attrs=provenance(box_size=grid.box_size, **attributes),
        ),
        output,
    )


def _spectra_of_members(
    store: xr.Dataset, shells: Shells, halo: np.ndarray, mass: np.ndarray, threads: int
) -> dict[str, np.ndarray]:
    """Spectra of each member of a model with itself, the halos and matter, (member, shells)."""
    rows = []
    for member in range(store.sizes["member"]):
        field = store["overdensity"][member].values
        model = field_modes(field, shells.grid, threads, store.attrs["resolution"])
        noise, with_matter = (
            float(store[name][member]) for name in ("sampling_noise", "sampling_noise_with_matter")
        )
        rows.append(
            {
                "power_model": shells.power(model) - noise,
                "power_error": shells.power(model - halo) - noise,
                "power_cross": shells.power(model, halo),
                "power_model_matter": shells.power(model, mass) - with_matter,
                "quadrupole_model": shells.power(model, multipole=2),
                "quadrupole_cross": shells.power(model, halo, multipole=2),
            }
        )
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def _ratios(
    members: Mapping[str, np.ndarray],
    halos: Mapping[str, np.ndarray],
    shot_noise: float,
    number_shot_noise: float,
) -> dict[str, np.ndarray]:
    """Ratios of ``write_spectra``, (member, shells)."""
    correlation = members["power_cross"] / np.sqrt(members["power_model"] * halos["power_halo"])
    return {
        "power_ratio": members["power_model"] / halos["power_halo"],
        "cross_ratio": members["power_cross"] / halos["power_halo"],
        "matter_cross_ratio": members["power_model_matter"] / halos["power_halo_matter"],
        "quadrupole_ratio": members["quadrupole_model"] / halos["quadrupole_halo"],
        "quadrupole_cross_ratio": members["quadrupole_cross"] / halos["quadrupole_halo"],
        "correlation": correlation,
        "one_minus_r2": 1 - correlation**2,
        "error_over_shot": members["power_error"] / shot_noise,
        "error_over_number_shot": members["power_error"] / number_shot_noise,
    }
