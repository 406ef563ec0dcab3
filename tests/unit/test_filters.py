"""Directions beside windows: cosines that are known, radii that are found again."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from lagbias.base.stores import append_variable, set_attributes, write_netcdf
from lagbias.features.linear_power import LinearPower
from lagbias.halos.catalogue import lagrangian_mass, lagrangian_radii
from lagbias.projection.filters import GAUSSIAN_OF_TOP_HAT, FilteredDirection, gaussian, top_hat
from lagbias.projection.projection import Projection
from lagbias.tables.directions import expected_radius, write_filters

KINDS, SCALES = ("delta", "laplacian", "g2"), (3.0, 3.0, 3.0)


@pytest.fixture
def power():
    k = np.linspace(0.02, 4, 2000)
    return LinearPower(k, k**2 * (k + 0.02) ** -2.5)


def features_of(power):
    """delta, laplacian and G2 at one scale, standardised as fields of this power are."""
    window = gaussian(power.wavenumber, SCALES[0])
    filters = np.array([window, -(power.wavenumber**2) * window])
    covariance = np.eye(3)
    covariance[:2, :2] = (filters * power.variance) @ filters.T
    deviation = np.sqrt(np.diag(covariance))
    correlation = covariance / np.outer(deviation, deviation)
    return Projection(np.eye(3), np.zeros(3), deviation, correlation, KINDS, SCALES)


def test_smoothed_density_is_a_gaussian_of_its_scale(power):
    direction = FilteredDirection(features_of(power), np.array([2.0, 0, 0]), power)
    assert direction.linear_share == pytest.approx(1, rel=1e-12)
    assert direction.cosine(gaussian, 3.0) == pytest.approx(1, rel=1e-12)
    # The cosine is flat at its maximum, so that rounding hides a radius by its root.
    assert direction.best_radius(gaussian, 0.5, 20) == pytest.approx(3, rel=1e-5)
    assert direction.cosine(top_hat, 3 / GAUSSIAN_OF_TOP_HAT) < 0.9999


def test_cosine_of_a_density_under_another_gaussian_is_the_integral(power):
    direction = FilteredDirection(features_of(power), np.array([1.0, 0, 0]), power)
    k, weight = power.wavenumber, power.variance
    both, one, other = (np.sum(weight * np.exp(-0.5 * k**2 * square)) for square in (9 + 4, 18, 8))
    assert direction.cosine(gaussian, 2.0) == pytest.approx(both / np.sqrt(one * other), rel=1e-12)


def test_shear_takes_its_share_of_the_variance_from_the_cosine(power):
    direction = FilteredDirection(features_of(power), np.array([0.6, 0, 0.8]), power)
    assert direction.linear_share == pytest.approx(0.36, rel=1e-12)
    assert direction.cosine(gaussian, 3.0) == pytest.approx(0.6, rel=1e-12)


def test_cosine_of_a_turned_direction_is_negative_and_its_radius_the_same(power):
    direction = FilteredDirection(features_of(power), np.array([-1.0, 0, 0]), power)
    assert direction.cosine(gaussian, 3.0) == pytest.approx(-1, rel=1e-12)
    assert direction.best_radius(gaussian, 0.5, 20) == pytest.approx(3, rel=1e-5)


def test_top_hat_is_the_transform_of_a_sphere():
    radius = 2.5
    edges = np.linspace(0, radius, 20_001)
    r = (edges[1:] + edges[:-1]) / 2  # midpoints: exact to 1e-8 for so smooth an integrand
    for k in (0.1, 1.0, 3.0):
        expected = np.average(np.sinc(k * r / np.pi), weights=r**2)
        assert top_hat(np.array([k]), radius)[0] == pytest.approx(expected, rel=1e-6)


def test_gaussian_of_a_top_hat_falls_off_as_it_does():
    k = np.array([0.01])
    drop = 1 - top_hat(k, 3.0), 1 - gaussian(k, 3.0 * GAUSSIAN_OF_TOP_HAT)
    assert drop[0] == pytest.approx(drop[1], rel=1e-3)  # the next order is (k R)^2 / 10 of it


def test_expected_radius_is_the_true_one_only_if_the_inputs_reach_it(power):
    """One scale of 3 Mpc/h is a Gaussian of 3; with its Laplacian a little more, not of 1 or 20."""
    features = features_of(power)
    density = features.with_matrix(np.array([[1.0, 0, 0], [0, 0, 1]]))
    for radius in (1.0, 3.0, 9.0):
        assert expected_radius(density, power, radius, gaussian) == pytest.approx(3, rel=1e-5)
    small, exact, large = (expected_radius(features, power, r, gaussian) for r in (1.0, 3.0, 9.0))
    assert 1 < small < exact < large < 9
    assert exact == pytest.approx(3, rel=1e-5)


def write_halos(store, counts):
    append_variable(store, "particle_count", np.array(counts), ("halo",), units="1")
    set_attributes(store, particle_volume=2.0, particle_mass=1e11)
    return store


def test_radii_of_halos_are_those_of_their_matter_before_it_fell_in(tmp_path):
    first = write_halos(tmp_path / "first.zarr", [70, 50, 40])
    second = write_halos(tmp_path / "second.zarr", [60, 300])
    radii = lagrangian_radii(first, second)
    # Half of the 520 particles lie in the largest halo.
    for radius, count in zip(radii, (40, 300), strict=True):
        assert 4 / 3 * np.pi * radius**3 == pytest.approx(2 * count)
        mass = lagrangian_mass(radius, {"particle_volume": 2.0, "particle_mass": 1e11})
        assert mass == pytest.approx(1e11 * count)
    assert 4 / 3 * np.pi * lagrangian_radii(first)[1] ** 3 == pytest.approx(2 * 50)


def test_table_of_filters_finds_the_planted_window(power, tmp_path):
    features_of(power).write(tmp_path / "projection.nc")
    directions = np.zeros((2, 3, 1, 3))
    directions[0, :, 0] = [[1, 0, 0], [0.8, 0, 0.6], [0.9**0.5, 0, 0.1**0.5]]
    directions[1, :, 0, 2] = 1
    write_netcdf(
        xr.Dataset(
            {"feature_direction": (("version", "member", "direction", "feature"), directions)},
            coords={"version": ["f", "log10 f"], "member": ["seed1", "seed2", "mean"]},
        ),
        tmp_path / "pca.nc",
    )
    write_netcdf(
        xr.Dataset(
            {"variance": ("k", power.variance)}, {"k": power.wavenumber}, {"points_per_side": 8}
        ),
        tmp_path / "power.nc",
    )
    halos = write_halos(tmp_path / "halos.zarr", [100, 80])
    write_filters(
        {"R3": (tmp_path / "pca.nc", tmp_path / "projection.nc")},
        [tmp_path / "power.nc"], [halos], tmp_path / "filters.csv",
    )  # fmt: skip
    table = pd.read_csv(tmp_path / "filters.csv").set_index("filter")
    found = table.loc["Gaussian"]
    tolerance = 1e-4  # five digits are written
    assert found["radius"] == pytest.approx(3, rel=tolerance)
    assert found["linear_share"] == pytest.approx(0.9, rel=tolerance)
    assert found["cosine"] == pytest.approx(0.9**0.5, rel=tolerance)
    assert found["cosine_of_linear_part"] == pytest.approx(1, rel=tolerance)
    assert found["cosine_seed_min"] == pytest.approx(0.8, rel=tolerance)
    assert found["cosine_seed_max"] == pytest.approx(1, rel=tolerance)
    for halo in ("smallest", "median"):
        row = table.loc["top-hat"]
        radius = expected_radius(features_of(power), power, row[f"{halo}_halo_radius"])
        assert row[f"expected_radius_of_{halo}_halo"] == pytest.approx(radius, rel=tolerance)
    # The top-hat that falls off as a Gaussian of 3 Mpc/h does is sqrt(5) times as wide.
    mass = 4 / 3 * np.pi * 45**1.5 * 1e11 / 2
    assert found["mass"] == pytest.approx(mass, rel=3 * tolerance)
    assert table["smallest_halo_mass"].to_numpy() == pytest.approx(80e11, rel=tolerance)
    ratio = found["smallest_halo_radius"] / table.loc["top-hat", "smallest_halo_radius"]
    assert ratio == pytest.approx(GAUSSIAN_OF_TOP_HAT, rel=tolerance)
    assert table.loc["top-hat", "cosine"] < found["cosine"]
