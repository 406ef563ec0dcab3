"""Yardsticks: models that need no network, in the same form as a network's prediction."""

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import xarray as xr

from lagbias.files import written_whole
from lagbias.layout import MEAN
from lagbias.mesh import Particles
from lagbias.stores import (
    append_variable,
    open_store,
    provenance,
    read_netcdf,
    set_attributes,
    write_netcdf,
)

log = logging.getLogger(__name__)


def fit_linear_bias(
    particles: Sequence[str | Path], halos: Sequence[str | Path], output: str | Path
) -> None:
    """Fit the Eulerian linear bias b of the training boxes at field level.

    Minimises sum_c (b delta_m - delta_h)^2 on the training mesh, the loss of the networks:
    b = sum delta_m delta_h / sum delta_m^2, with the particles' sampling variance taken off the
    denominator.

    Parameters
    ----------
    particles, halos : stores of each training box
    output : path of a NetCDF file with ``bias``
    """
    cross, auto = 0.0, 0.0
    for particle_store, halo_store in zip(particles, halos, strict=True):
        catalogue = Particles.read(particle_store)
        count = np.diff(catalogue.cell_start).astype(np.float64)
        matter = count / count.mean() - 1
        halo = open_store(halo_store)["overdensity"].values.reshape(-1).astype(np.float64)
        noise = (1 - catalogue.sampled_fraction) / count.mean()
        cross += (matter * halo).mean()
        auto += (matter**2).mean() - noise
    log.info("linear bias b = %.4f", cross / auto)
    write_netcdf(xr.Dataset({"bias": ((), cross / auto)}, attrs=provenance()), output)


def write_linear_prediction(
    bias: str | Path, matter: str | Path, store: str | Path, **attributes
) -> None:
    """Write b delta_matter as a model field (see ``prediction.write_fields``)."""
    b = float(read_netcdf(bias)["bias"])
    source = open_store(matter)
    with written_whole(store) as partial:
        field = np.float32(b) * source["overdensity"].values
        append_variable(partial, "overdensity", field, ("member", "x", "y", "z"), units="1")
        append_variable(partial, "mean_ratio", np.ones(1), ("member",), units="1")
        noise = b**2 * source["sampling_noise"].values
        append_variable(partial, "sampling_noise", noise, ("member",), units="(Mpc/h)^3")
        with_matter = b * source["sampling_noise_with_matter"].values
        append_variable(
            partial, "sampling_noise_with_matter", with_matter, ("member",), units="(Mpc/h)^3"
        )
        set_attributes(
            partial,
            **provenance(box_size=source.attrs["box_size"], **attributes),
            bias=b, resolution=source.attrs["resolution"], members=[MEAN],
        )  # fmt: skip
