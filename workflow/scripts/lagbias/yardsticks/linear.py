"""Yardsticks: models that need no network, in the same form as a network's prediction."""

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import xarray as xr

from lagbias.base.errors import InputError
from lagbias.base.files import written_whole
from lagbias.base.stores import (
    MEAN,
    append_variable,
    open_store,
    provenance,
    read_netcdf,
    set_attributes,
    write_netcdf,
)
from lagbias.fields.grid import Grid
from lagbias.fields.shells import Shells, field_modes, shell_edges
from lagbias.halos.catalogue import paint_halos

log = logging.getLogger(__name__)


def fit_linear_bias(
    matter: Sequence[str | Path],
    halos: Sequence[str | Path],
    k_max: float,
    output: str | Path,
    threads: int = 1,
) -> None:
    """Fit the Eulerian linear bias b of the training boxes on large scales.

    b = sum P_halo,matter / sum P_matter over the shells of all boxes that end at ``k_max`` at most,
    the particles' sampling noise taken off P_matter.

    Parameters
    ----------
    matter, halos : stores of each training box
    k_max : float
        [h/Mpc]
    output : path of a NetCDF file with ``bias``
    threads : int

    Raises
    ------
    InputError
        If a box holds no such shell.
    """
    cross, auto = 0.0, 0.0
    for matter_store, halo_store in zip(matter, halos, strict=True):
        source = open_store(matter_store)
        grid = Grid(source.sizes["x"], source.attrs["box_size"])
        halo = field_modes(paint_halos(halo_store, grid, threads)[0], grid, threads)
        field = source["overdensity"][0].values
        mass = field_modes(field, grid, threads, source.attrs["resolution"])
        shells = Shells(grid, edges_below(grid, k_max))
        noise = float(source["sampling_noise"][0])
        cross += (shells.power(mass, halo) * shells.modes).sum()
        auto += ((shells.power(mass) - noise) * shells.modes).sum()
    log.info("linear bias b = %.4f from k < %g h/Mpc", cross / auto, k_max)
    bias = xr.Dataset({"bias": ((), cross / auto)}, attrs=provenance(k_max=k_max))
    write_netcdf(bias, output)


def edges_below(grid: Grid, k_max: float) -> np.ndarray:
    """Edges of the shells [h/Mpc] that end at ``k_max`` at most.

    Raises
    ------
    InputError
        If there is none.
    """
    edges = shell_edges(grid, k_max)
    edges = edges[edges <= k_max]
    if len(edges) < 2:
        raise InputError(
            f"evaluation.linear_k_max: found {k_max:g} h/Mpc, below which a box of "
            f"{grid.box_size:g} Mpc/h has no whole shell of modes; the first ends at "
            f"{1.5 * grid.fundamental:.3g}: use more than that, or larger boxes"
        )
    return edges


def write_linear_prediction(
    bias: str | Path, matter: str | Path, store: str | Path, **attributes
) -> None:
    """Write b delta_matter as a model field (see ``carried.write_fields``)."""
    b = float(read_netcdf(bias)["bias"])
    source = open_store(matter)
    with written_whole(store) as partial:
        # Noises are of degrees two and three in the field, that with matter of one.
        for name, factor in (
            ("overdensity", b), ("cell_overdensity", b), ("square_overdensity", 1),
            ("sampling_noise", b**2), ("sampling_noise_with_matter", b),
            ("sampling_noise_triple", b**3),
        ):  # fmt: skip
            values = (factor * source[name].values).astype(source[name].dtype)
            append_variable(
                partial, name, values, tuple(map(str, source[name].dims)), **source[name].attrs
            )
        append_variable(partial, "mean_ratio", np.ones(1), ("member",), units="1")
        set_attributes(
            partial,
            **provenance(box_size=source.attrs["box_size"], **attributes),
            bias=b, resolution=source.attrs["resolution"], members=[MEAN],
        )  # fmt: skip
