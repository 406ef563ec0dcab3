"""A halo field of a known f: its gradient, its noise, and what is said to come back of it."""

import numpy as np
import pandas as pd
import xarray as xr
from lagbias.base.stores import append_variable, open_store, set_attributes, write_netcdf
from lagbias.fields.grid import Grid
from lagbias.fields.painting import paint
from lagbias.halos.particles import Particles
from lagbias.halos.planted import (
    NOISE,
    PlantedCoordinates,
    planted_eigenvalues,
    planted_gradient,
    planted_on_grid,
    planted_ratio,
    write_planted_halos,
)
from lagbias.tables.planted import TWO_DIRECTIONS, write_comparison


def test_gradient_is_that_of_finite_differences(rng):
    place, step = rng.normal(size=(3, 200)), 1e-6
    for axis in range(3):
        there = np.zeros((3, 1))
        there[axis] = step
        slope = (planted_ratio(place + there) - planted_ratio(place - there)) / (2 * step)
        np.testing.assert_allclose(planted_gradient(place)[axis], slope, rtol=1e-6, atol=1e-8)


def test_shares_of_the_gradient_are_those_that_are_said(rng):
    gradient = planted_gradient(rng.normal(size=(3, 400_000)))
    eigenvalue = np.linalg.eigvalsh(gradient @ gradient.T)[::-1]
    np.testing.assert_allclose(eigenvalue / eigenvalue.sum(), [0.68, 0.26, 0.06], atol=0.03)


def test_coordinates_are_standardised_and_not_correlated(stores):
    coordinates = PlantedCoordinates(stores.features[2.0])
    place = np.concatenate([coordinates.at(part) for part in coordinates.parts], axis=1)
    np.testing.assert_allclose(place.mean(1), 0, atol=1e-5)
    np.testing.assert_allclose(np.cov(place)[[0, 0, 1], [0, 1, 1]], [1, 0, 1], atol=1e-4)


def test_noise_of_the_planted_field_is_what_is_said(stores, tmp_path):
    """Of sampled particles and of halos that f does not tell, over some draws."""
    catalogue, real = Particles.read(stores.particles), open_store(stores.halos)
    ratio = planted_on_grid(stores.features[2.0])[catalogue.lagrangian_index].astype(np.float64)
    cells = catalogue.mesh.size
    cell = catalogue.final_cell // np.uint32(catalogue.mesh.subcells**3)
    per_cell = ratio.sum() / cells
    truth = np.bincount(cell, ratio, cells) / per_cell - 1
    error = []
    for seed in range(20):
        path, random = tmp_path / f"{seed}.zarr", np.random.default_rng(seed)
        write_planted_halos(stores.features[2.0], stores.particles, stores.halos, path, random)
        planted = open_store(path)
        error.append(planted["overdensity"].values.reshape(-1) - truth)
    weight = real["weight"].values.astype(float)
    of_halos = NOISE * cells * (weight**2).sum() / weight.sum() ** 2
    of_particles = (1 - catalogue.sampled_fraction) * (ratio**2).sum() / cells / per_cell**2
    assert planted.attrs["cells"] == catalogue.mesh.cells
    np.testing.assert_allclose(planted.attrs["noise"] ** 2, of_halos)
    assert of_particles > 0.05 * of_halos, "the test is blind to particles"
    np.testing.assert_allclose(np.var(error), of_halos + of_particles, rtol=0.05)
    assert abs(np.mean(error)) < 0.02, "neither noise has a mean"


def test_a_model_that_is_the_planted_f_gets_all_of_it_back(stores, tmp_path):
    features, particles = stores.features[2.0], stores.particles
    catalogue = Particles.read(particles)
    grid = Grid(24, catalogue.mesh.box_size)
    ratio = planted_on_grid(features)
    truth = paint([(catalogue.positions(slice(None)), ratio[catalogue.lagrangian_index])], grid)
    append_variable(
        tmp_path / "model.zarr", "overdensity", np.stack([truth, 0.9 * truth, truth]),
        ("member", "x", "y", "z"), units="1",
    )  # fmt: skip
    set_attributes(tmp_path / "model.zarr", box_size=grid.box_size)
    eigenvalue = planted_eigenvalues([(features, particles)])
    write_netcdf(
        xr.Dataset(
            {"eigenvalue": (("version", "member", "direction"), [[eigenvalue] * 3])},
            coords={"version": ["f"], "member": ["seed1", "seed2", "mean"]},
        ),
        tmp_path / "pca.nc",
    )
    box = [(features, particles)]
    write_comparison(
        tmp_path / "pca.nc", box, box, [tmp_path / "model.zarr"], tmp_path / "planted.csv"
    )
    table = pd.read_csv(tmp_path / "planted.csv", index_col="quantity")
    assert TWO_DIRECTIONS in table.index
    bands = table.filter(like="P_model", axis=0).index
    assert [name.rpartition(" ")[2] for name in bands] == ["0-0.2", "0.1-0.3"]  # 48 Mpc/h
    np.testing.assert_allclose(table["found"], table["planted"], rtol=1e-3)
    of_seeds = table.filter(like="P_model", axis=0)["seed_deviation"]
    np.testing.assert_allclose(of_seeds, (1 - 0.81) / np.sqrt(2), rtol=1e-3)
