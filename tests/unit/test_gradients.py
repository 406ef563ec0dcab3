"""Gradient PCA: gradients against finite differences, planted directions, averages over seeds."""

import math

import numpy as np
import pytest
import torch
from lagbias.base.errors import InputError
from lagbias.base.stores import read_netcdf
from lagbias.halos.particles import Particles
from lagbias.interpretation.gradients import (
    gradient_covariance,
    gradients_of_f,
    log10_ratio_and_gradients,
    write_gradient_pca,
)
from lagbias.projection.directions import eigen_directions, project_on_gradients
from lagbias.projection.projection import Projection
from lagbias.training.network import ROWS_PER_PASS, Architecture, HaloToMassRatio, generator_of

F, LOG10_F = 0, 1


def made_up_network(seed, inputs=4):
    """A smooth network in float64, with f spread over a factor of some tens."""
    network = HaloToMassRatio(Architecture(inputs, 2, 8), generator_of(seed, "weights")).double()
    with torch.no_grad():
        network.layers[-1].weight *= 6
        network.log10_normalisation.fill_(0.3)
    return network


def ratios(networks, inputs):
    """f of every network at inputs (n, inputs): float64, (networks, n)."""
    with torch.no_grad():
        return np.array([network(torch.from_numpy(inputs)).numpy() for network in networks])


def numerical_gradient(function, inputs, step=1e-5):
    """Central differences of a function of (n, inputs): (..., n, inputs)."""
    columns = []
    for column in range(inputs.shape[1]):
        shift = np.zeros(inputs.shape[1])
        shift[column] = step
        columns.append((function(inputs + shift) - function(inputs - shift)) / (2 * step))
    return np.stack(columns, axis=-1)


def covariance_of(gradient, weight):
    return np.einsum("ni,n,nj->ij", gradient, weight, gradient) / weight.sum()


def test_covariance_equals_that_of_numerical_gradients(rng, monkeypatch):
    monkeypatch.setitem(ROWS_PER_PASS, "cpu", 30)  # several passes
    networks = [made_up_network(seed) for seed in (1, 2, 3)]
    inputs = rng.normal(size=(100, 4))
    multiplicity = rng.integers(1, 5, 100)
    found = gradient_covariance(networks, inputs, multiplicity)
    assert found.shape == (2, 4, 4, 4)

    def all_members(x):
        f = ratios(networks, x)
        return np.concatenate([f, f.mean(axis=0, keepdims=True)])

    versions = {F: all_members, LOG10_F: lambda x: np.log10(all_members(x))}
    for version, function in versions.items():
        gradient = numerical_gradient(function, inputs)
        for member in range(4):
            np.testing.assert_allclose(
                found[version, member], covariance_of(gradient[member], multiplicity),
                rtol=1e-6, atol=1e-9, err_msg=f"version {version}, member {member}",
            )  # fmt: skip


def test_multiplicity_counts_as_repeated_particles(rng):
    networks = [made_up_network(1)]
    inputs = rng.normal(size=(20, 4))
    multiplicity = rng.integers(1, 5, 20)
    repeated = np.repeat(inputs, multiplicity, axis=0)
    np.testing.assert_allclose(
        gradient_covariance(networks, inputs, multiplicity),
        gradient_covariance(networks, repeated, np.ones(len(repeated))),
        rtol=1e-10,
    )


def test_ratio_of_one_direction_has_one_eigenvalue(rng):
    direction = rng.normal(size=5)
    direction /= np.linalg.norm(direction)
    network = made_up_network(4, inputs=5)
    with torch.no_grad():
        first = network.layers[0].weight
        first.copy_(first.norm(dim=1, keepdim=True) * torch.from_numpy(direction)[None])
    covariance = gradient_covariance([network], rng.normal(size=(200, 5)), np.ones(200))
    eigenvalue, eigenvector = eigen_directions(covariance)
    for version in (F, LOG10_F):
        share = eigenvalue[version, 0] / eigenvalue[version, 0].sum()
        assert share[0] > 1 - 1e-10, share
        np.testing.assert_allclose(abs(eigenvector[version, 0, 0] @ direction), 1, rtol=1e-10)


def test_average_of_seeds_is_the_average_of_f_and_not_of_its_logarithm(rng):
    networks = [made_up_network(seed) for seed in (1, 2)]
    inputs = rng.normal(size=(50, 4))
    log10_ratio, gradient = log10_ratio_and_gradients(networks, torch.from_numpy(inputs))
    np.testing.assert_allclose(10 ** log10_ratio.numpy(), ratios(networks, inputs), rtol=1e-10)
    of_f, of_log10_f = gradients_of_f(log10_ratio, gradient)
    np.testing.assert_allclose(of_f[2], of_f[:2].mean(0), rtol=1e-12)
    mean = ratios(networks, inputs).mean(axis=0)
    np.testing.assert_allclose(
        of_log10_f[2], of_f[2].numpy() / (math.log(10) * mean[:, None]), rtol=1e-9, atol=1e-12
    )
    assert float((of_log10_f[2] - of_log10_f[:2].mean(0)).abs().max()) > 1e-3


def test_gradient_of_a_vanishing_ratio_is_finite():
    log10_ratio = torch.full((2, 3), -400.0, dtype=torch.float64)
    gradient = torch.ones(2, 3, 4, dtype=torch.float64)
    _, of_log10_f = gradients_of_f(log10_ratio, gradient)
    np.testing.assert_allclose(of_log10_f, 1, rtol=1e-12)


def test_eigen_directions_rebuild_the_covariance_and_have_fixed_signs(rng):
    factor = rng.normal(size=(2, 3, 5, 5))
    covariance = factor @ np.swapaxes(factor, -1, -2)
    eigenvalue, rows = eigen_directions(covariance)
    assert (np.diff(eigenvalue, axis=-1) <= 0).all()
    rebuilt = np.einsum("...d,...di,...dj->...ij", eigenvalue, rows, rows)
    np.testing.assert_allclose(rebuilt, covariance, atol=1e-10)
    largest = np.take_along_axis(rows, np.abs(rows).argmax(-1)[..., None], axis=-1)
    assert (largest > 0).all()


@pytest.fixture(scope="module")
def pca(stores, tmp_path_factory):
    """The gradient PCA of two networks on the planted box, and their weights files."""
    folder = tmp_path_factory.mktemp("pca")
    weights = {}
    for seed in (1, 2):
        weights[seed] = folder / f"seed{seed}.pt"
        architecture = Architecture(Projection.read(stores.projection).inputs, 2, 6)
        HaloToMassRatio(architecture, generator_of(seed, "weights")).save(weights[seed])
    output = folder / "pca.nc"
    write_gradient_pca(
        weights, stores.projection, [stores.features] * 2, [stores.particles] * 2, output
    )
    return output, weights


def test_file_holds_the_covariance_over_particles_and_its_directions(pca, stores):
    output, weights = pca
    data = read_netcdf(output)
    assert data["member"].values.tolist() == ["seed1", "seed2", "mean"]
    assert data["version"].values.tolist() == ["f", "log10 f"]
    projection = Projection.read(stores.projection)
    networks = [HaloToMassRatio.load(path).double() for path in weights.values()]
    # Every particle by itself, none gathered.
    points = Particles.read(stores.particles).lagrangian_index
    inputs = projection.at(stores.features, points).astype(np.float64)
    expected = gradient_covariance(networks, inputs, np.ones(len(points)))
    for box in range(2):
        # Float32 networks: 1e-6 of the largest element.
        np.testing.assert_allclose(
            data["gradient_covariance"][:, :, box], expected, rtol=0, atol=1e-5 * expected.max()
        )
    vectors = data["eigenvector"].values
    np.testing.assert_allclose(
        data["feature_direction"].values, vectors @ projection.matrix, rtol=1e-12
    )
    first = vectors[F, 2, 0]
    np.testing.assert_allclose(
        expected[F, 2] @ first, float(data["eigenvalue"][F, 2, 0]) * first, atol=1e-4
    )


def test_projection_on_gradients_is_the_product_of_both_matrices(pca, stores, tmp_path):
    output, _ = pca
    project_on_gradients(stores.projection, output, 2, tmp_path / "pc2.nc")
    made, original = Projection.read(tmp_path / "pc2.nc"), Projection.read(stores.projection)
    vectors = read_netcdf(output)["eigenvector"].sel(version="f", member="mean").values[:2]
    np.testing.assert_array_equal(made.matrix, vectors @ original.matrix)
    for field in ("mean", "standard_deviation", "covariance"):
        np.testing.assert_array_equal(getattr(made, field), getattr(original, field))
    inputs = original.at(stores.features, slice(None))
    np.testing.assert_allclose(
        made.at(stores.features, slice(None)), inputs @ vectors.T, rtol=0, atol=1e-4
    )


@pytest.mark.parametrize("directions", [0, 6])
def test_directions_that_are_not_there_are_refused(pca, stores, tmp_path, directions):
    with pytest.raises(InputError, match=f"pc{directions}: .* has 5 inputs; expected 1 to 5"):
        project_on_gradients(stores.projection, pca[0], directions, tmp_path / "pc.nc")
    assert not (tmp_path / "pc.nc").exists()
