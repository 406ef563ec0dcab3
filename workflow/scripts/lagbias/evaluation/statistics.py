"""Statistics of a model field and the halo field of a box beyond their power, with errors."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xarray as xr

from lagbias.base.stores import MEAN, open_store, provenance, write_netcdf
from lagbias.evaluation.bands import BANDS
from lagbias.evaluation.estimators import Estimators
from lagbias.fields.bispectrum import TRIANGLES
from lagbias.fields.cubes import cube_statistics
from lagbias.fields.grid import Grid
from lagbias.fields.jackknife import (
    SUB_CUBES,
    jackknife_error,
    named_errors,
    split_off,
    sub_cube_of_cells,
)
from lagbias.fields.painting import paint
from lagbias.fields.sampling_noise import sampling_bispectrum
from lagbias.halos.catalogue import halo_points


@dataclass(frozen=True)
class WeightedPoints:
    """Points that are painted: the halos of a box.

    Attributes
    ----------
    position : float32, (n, 3) in [0, L) [Mpc/h]
    weight : float64, (n,)
    """

    position: np.ndarray
    weight: np.ndarray

    def painted(self, grid: Grid, threads: int, power: int = 1) -> np.ndarray:
        """Overdensity of the points with a power of their weights, float32 (n, n, n)."""
        weight = (self.weight / self.weight.mean()) ** power
        return paint([(self.position, weight.astype(np.float32))], grid, threads)

    def pair_noise(self, volume: float) -> float:
        """Shot noise of their power, V sum w^2 / (sum w)^2 [(Mpc/h)^3]."""
        return float(volume * (self.weight**2).sum() / self.weight.sum() ** 2)

    def triple_noise(self, volume: float) -> float:
        """2 V^2 sum w^3 / (sum w)^3 [(Mpc/h)^6]: ``sampling_noise.sampling_bispectrum``, s = 0."""
        return float(2 * volume**2 * (self.weight**3).sum() / self.weight.sum() ** 3)

    def without(self, out: np.ndarray, grid: Grid) -> "WeightedPoints":
        """The points whose nearest grid points are not among ``out``, bool (n, n, n)."""
        nearest = np.rint(self.position / grid.spacing).astype(int) % grid.points
        kept = ~out[tuple(nearest.T)]
        return WeightedPoints(self.position[kept], self.weight[kept])


def write_statistics(
    prediction: str | Path,
    halos: str | Path,
    k_max: float,
    output: str | Path,
    threads: int = 1,
    **attributes,
) -> None:
    """Compare a model field with the halo field of a box beyond their power.

    Parameters
    ----------
    prediction : zarr store of ``write_fields``
    halos : zarr store of ``write_halos``
    k_max : float
        Largest wavenumber [h/Mpc].
    output : path
        NetCDF. ``bispectrum_model`` (member, triangle, k) and ``bispectrum_halo`` (triangle, k) are
        raw, of equilateral triangles and of squeezed ones at their short sides' k; what points add
        to them, ``bispectrum_shot_noise`` of the halos and ``bispectrum_sampling_noise`` of the
        particles of the member ``mean``, stands beside them. In ``bispectrum_ratio`` the
        latter is taken off the model (off every member), nothing off the halos.
        The names of ``estimators.RATIOS`` over (member, k) and, with ``band_`` before, over
        (member, band); cubes of cells as of ``cubes.cube_statistics``, with
        ``cell_sampling_variance`` and ``cell_shot_variance``, what particles of the member
        ``mean`` and halos as points add to the variances.
        Names that end in ``_jackknife_error``: errors of the member ``mean`` by leaving out one of
        27 sub-cubes at a time; the members' range is the seeds'. Bispectra have none.
    threads : int
    """
    store = open_store(prediction)
    grid = Grid(store.sizes["x"], store.attrs["box_size"])
    points = WeightedPoints(*halo_points(halos, grid.box_size))
    mean = list(store.attrs["members"]).index(MEAN)
    estimators = Estimators(grid, k_max, threads)
    cell_overdensity = open_store(halos)["overdensity"].values
    cubes = cube_statistics(store["cell_overdensity"].values, cell_overdensity, grid.box_size, mean)
    volume = cubes["cube_side"].values ** 3
    noise = {
        "cell_sampling_variance": float(store["sampling_noise"][mean]),
        "cell_shot_variance": points.pair_noise(grid.box_size**3),
    }
    cubes = cubes.assign({name: ("cube_side", power / volume) for name, power in noise.items()})
    low, high = np.transpose(BANDS)
    wavenumber = {"units": "h/Mpc"}
    coordinates = {
        "member": list(store.attrs["members"]),
        "triangle": list(TRIANGLES),
        "k": ("k", estimators.shells.k, wavenumber),
        "band_low": ("band", low, wavenumber),
        "band_high": ("band", high, wavenumber),
    }
    statistics = xr.merge([_fourier_statistics(store, points, estimators, mean), cubes])
    write_netcdf(
        statistics.assign_coords(coordinates).assign_attrs(
            provenance(box_size=grid.box_size, **attributes)
        ),
        output,
    )


def _fourier_statistics(
    store: xr.Dataset, points: WeightedPoints, estimators: Estimators, mean: int
) -> xr.Dataset:
    """Bispectra, and ratios of power and bispectra, of all members; errors of the mean."""
    grid, resolution = estimators.grid, store.attrs["resolution"]
    halo_field = points.painted(grid, estimators.threads)
    halo = estimators.modes(halo_field)
    sampled = _sampling_bispectrum(store, estimators, mean)
    shot = points.pair_noise(grid.box_size**3)
    noises = store["sampling_noise"].values
    of_halos = estimators.of_halos(halo)
    measured, ratios = [], []
    for field, noise in zip(store["overdensity"], noises, strict=True):
        model = estimators.modes(field.values, resolution)
        measured.append(of_halos | estimators.of_model(model, halo))
        ratios.append(estimators.ratios(measured[-1], noise, sampled, shot))
    left = [
        estimators.power_ratios(raw, noises[mean], shot_left)
        for raw, shot_left in _powers_left_out(
            store["overdensity"][mean].values, halo_field, points, estimators, resolution
        )
    ]
    errors = named_errors(jackknife_error(xr.concat(left, "sub_cube")))
    triangles, units = ("triangle", "k"), {"units": "(Mpc/h)^6"}
    bispectrum = np.array([raw["bispectrum_model"] for raw in measured])
    shot_bispectrum = _shot_bispectrum(points, halo, estimators)
    return (
        xr.concat(ratios, "member")
        .merge(errors)
        .assign(
            bispectrum_model=(("member", *triangles), bispectrum, units),
            bispectrum_halo=(triangles, of_halos["bispectrum_halo"], units),
            bispectrum_shot_noise=(triangles, shot_bispectrum, units),
            bispectrum_sampling_noise=(triangles, sampled, units),
            triangles=(triangles, estimators.triangles.count),
            modes=("k", estimators.shells.modes),
        )
    )


def _shot_bispectrum(
    points: WeightedPoints, halo: np.ndarray, estimators: Estimators
) -> np.ndarray:
    """What the halos add to their bispectrum as weighted points, (triangles, shells)."""
    volume = estimators.grid.box_size**3
    squared = estimators.modes(points.painted(estimators.grid, estimators.threads, power=2))
    sides = estimators.triangles.power_of_sides(squared, halo)
    return sampling_bispectrum(sides, points.pair_noise(volume), points.triple_noise(volume))


def _sampling_bispectrum(store: xr.Dataset, estimators: Estimators, mean: int) -> np.ndarray:
    """What the sampling of particles adds to the model's bispectrum, (triangles, shells)."""
    model, squared = (
        estimators.modes(field.values, store.attrs["resolution"])
        for field in (store["overdensity"][mean], store["square_overdensity"])
    )
    pair, triple = (
        float(store[name][mean]) for name in ("sampling_noise", "sampling_noise_triple")
    )
    return sampling_bispectrum(estimators.triangles.power_of_sides(squared, model), pair, triple)


def _powers_left_out(
    model: np.ndarray,
    halo: np.ndarray,
    points: WeightedPoints,
    estimators: Estimators,
    resolution: float,
) -> Iterator[tuple[dict[str, np.ndarray], float]]:
    """Power without each sub-cube, per volume that is left, and its shot noise.

    ASSUME: the sampling noise of particles, some per cent of the power, is the same everywhere.
    """
    grid = estimators.grid
    place = sub_cube_of_cells(grid.points)
    for number in range(SUB_CUBES):
        out = place == number
        share = 1 - out.mean()
        powers = estimators.powers_without(
            [estimators.modes(field, resolution) for field in split_off(model, out)],
            [estimators.modes(field) for field in split_off(halo, out)],
        )
        kept = {name: values / share for name, values in powers.items()}
        yield kept, points.without(out, grid).pair_noise(share * grid.box_size**3)
