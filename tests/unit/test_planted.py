"""Halos of a known f: its gradient, how halos collect it, and what is said to come back of it."""

import numpy as np
import pandas as pd
import xarray as xr
from lagbias.grids import Grid
from lagbias.mesh import Particles, halo_overdensity, paint, particles_of_points
from lagbias.planted import (
    TWO_DIRECTIONS,
    PlantedCoordinates,
    collect_halos,
    morton_order,
    planted_covariance,
    planted_gradient,
    planted_on_grid,
    planted_ratio,
    write_comparison,
    write_planted_halos,
)
from lagbias.stores import append_variable, open_store, set_attributes, write_netcdf


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


def test_neighbours_stay_together_along_the_order(rng):
    position = rng.uniform(0, 100, (4000, 3))
    step = np.linalg.norm(np.diff(position[morton_order(position, 100.0)], axis=0), axis=1)
    apart = np.linalg.norm(np.diff(position, axis=0), axis=1)
    assert np.median(step) < 0.15 * np.median(apart), (np.median(step), np.median(apart))


def test_each_halo_takes_its_mass_of_f_from_the_next_particles(rng):
    ratio, order, mass = rng.exponential(size=5000), rng.permutation(5000), rng.pareto(2, 60) + 1
    ratio[::3] = 0
    place = collect_halos(ratio, order, mass)
    assert (ratio[place] > 0).all()
    rank = np.empty(5000, dtype=int)
    rank[order] = np.arange(5000)
    before = np.cumsum(ratio[order])[rank[place]] / ratio.sum()
    expected = (np.cumsum(mass) - mass / 2) / mass.sum()
    np.testing.assert_allclose(before, expected, atol=ratio.max() / ratio.sum())


def test_planted_halos_follow_the_planted_f(stores, tmp_path, rng):
    """In cubes of a quarter of the box, nearer than as many halos thrown at random would be."""
    real, planted = tmp_path / "real.zarr", tmp_path / "planted.zarr"
    weight = rng.integers(50, 150, 400)
    append_variable(real, "weight", weight, ("halo",), units="1")
    set_attributes(real, **open_store(stores.halos).attrs)
    write_planted_halos(stores.features[2.0], stores.particles, real, planted, rng)
    found, catalogue = open_store(planted), Particles.read(stores.particles)
    assert sorted(found["weight"].values) == sorted(weight)
    ratio = planted_on_grid(stores.features[2.0])[catalogue.lagrangian_index]

    def in_cubes(field):
        cubes = field.reshape(4, 2, 4, 2, 4, 2).mean((1, 3, 5))
        return cubes / cubes.mean()

    mesh, position = catalogue.mesh, catalogue.positions(slice(None)) - catalogue.mesh.box_size / 2
    truth = in_cubes(halo_overdensity(position, ratio, mesh) + 1)
    field = halo_overdensity(found["position"].values, found["weight"].values, mesh)
    np.testing.assert_array_equal(found["overdensity"].values, field)
    shot = 64 * (weight**2).sum() / weight.sum() ** 2
    error = np.mean((in_cubes(field + 1) - truth) ** 2)
    assert error < 0.5 * shot, (error, shot)


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
    covariance, total = planted_covariance(features, particles)
    count = particles_of_points(catalogue).sum()
    eigenvalue = np.linalg.eigvalsh(covariance / count / (total / count) ** 2)[::-1]
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
    np.testing.assert_allclose(table["found"], table["planted"], rtol=1e-3)
    of_seeds = table.filter(like="P_model", axis=0)["seed_deviation"]
    np.testing.assert_allclose(of_seeds, (1 - 0.81) / np.sqrt(2), rtol=1e-3)
