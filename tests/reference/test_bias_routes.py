"""Biases of planted f against formulas, by both routes; b1(k) against a cross power.

Bounds are in standard errors, which are measured: `SIGMAS` of them. They have to be small as well,
or the test would pass for anything.
"""

import numpy as np
import pytest
import torch
from conftest import gaussian_field
from lagbias.features import smoothed
from lagbias.fields.grid import Grid
from lagbias.fields.shells import Shells, field_modes, shell_edges
from lagbias.interpretation.explanation import View, box_sums, long_wave, sums_of_points
from lagbias.projection.orthogonal import orthogonalise
from lagbias.projection.projection import Projection
from lagbias.yardsticks.long_wave import WAVENUMBERS

SIGMAS = 4
FLOAT32 = 1e-4  # of derivatives of networks in float32 that are the same at all points
# delta at two scales, its Laplacian at two, and their deviations and correlations as in a real box.
KINDS = ("delta", "delta", "laplacian", "laplacian", "g2", "g2")
SCALES = (2.0, 4.0) * 3
DEVIATION = np.array([0.93, 0.60, 0.21, 0.039, 0.36, 0.15])
CORRELATION = np.array(
    [
        [1.0, 0.89, -0.79, -0.86, 0, 0],
        [0.89, 1.0, -0.49, -0.80, 0, 0],
        [-0.79, -0.49, 1.0, 0.73, 0, 0],
        [-0.86, -0.80, 0.73, 1.0, 0, 0],
        [0, 0, 0, 0, 1.0, 0.7],
        [0, 0, 0, 0, 0.7, 1.0],
    ]
)


class Planted(torch.nn.Module):
    """f as a formula of the features, in place of a network of the inputs."""

    def __init__(self, log_ratio, mapping):
        super().__init__()
        self.log_ratio = log_ratio
        self.to_features = torch.from_numpy(
            np.diag(mapping.standard_deviation) @ np.linalg.inv(mapping.matrix)
        ).float()

    def log10_ratio(self, inputs):
        flat = 0 * (inputs**2).sum(-1)  # a linear formula, too, shall have a second derivative
        return (self.log_ratio(*(inputs @ self.to_features.T).T) + flat) / np.log(10)


def whitened() -> Projection:
    """The inverse Cholesky factor of the correlations: inputs of unit covariance, G2 apart."""
    matrix = np.linalg.inv(np.linalg.cholesky(CORRELATION))
    return Projection(matrix, np.zeros(6), DEVIATION, CORRELATION, KINDS, SCALES)


def biases_of_planted(log_ratio, rng, mean=0.0, boxes=20, points=20_000):
    """Biases by both routes, (routes, biases), and their errors, from Gaussian features."""
    mapping = whitened()
    view = View(mapping, np.eye(6)[:2])
    network = Planted(log_ratio, mapping)
    parts = []
    for _ in range(boxes):
        inputs = rng.normal(mean, size=(points, 6))
        inputs[:, 4:] = rng.exponential(size=(points, 2)) - 1  # G2 is far from Gaussian
        standardised = inputs @ np.linalg.inv(mapping.matrix).T
        parts.append(
            sums_of_points(
                [network], view, inputs.astype(np.float32), standardised.astype(np.float32),
                np.ones(points),
            )
        )  # fmt: skip
    data = long_wave(view, parts).isel(member=-1)
    return data["biases"], data["biases_error"]


def exponential(d2, d4, l2, l4, g2, g4):
    return 0.5 * d2 + 0.3 * d4 - 0.4 * l2 + 0.2 * g2


def quadratic(d2, d4, l2, l4, g2, g4):
    long = 0.6 * d2 + 0.4 * d4
    return torch.log(1 + long + 0.5 * long**2) + torch.log1p(0.1 * (g2 + DEVIATION[4]))


def gaussian(d2, d4, l2, l4, g2, g4):
    return 0.9 * d2 - 0.3 * d2**2 + 0.2 * l2 - 0.3 * g2


def variance_of(weights):
    """Of a sum of the six features."""
    scaled = np.array(weights) * DEVIATION
    return scaled @ CORRELATION @ scaled


# An f of exp(b delta) has b_n = b^n; one of 1 + d + d^2 / 2 has <f> = 1 + <d^2> / 2 and
# derivatives 1 + d, 1 and 0 along d, of mean 1, 1 and 0. A factor in G2 alone cancels.
# Of exp(a d - c d^2 / 2 + e l), <f> over a wave is a Gaussian of it, 1 + c <d^2> times wider:
# beta_1 = (a - c e <d l>) / (1 + c <d^2>) and beta_2 = -c / (1 + c <d^2>).
QUADRATIC_BIAS = 1 / (1 + variance_of([0.6, 0.4, 0, 0, 0, 0]) / 2)
WIDER = 1 + 0.6 * DEVIATION[0] ** 2
BETA1 = (0.9 - 0.6 * 0.2 * CORRELATION[0, 2] * DEVIATION[0] * DEVIATION[2]) / WIDER
BETA2 = -0.6 / WIDER
PLANTED = {
    "exponential": (exponential, (0.8, 0.8**2, 0.8**3)),
    "quadratic": (quadratic, (QUADRATIC_BIAS, QUADRATIC_BIAS, 0)),
    "gaussian": (
        gaussian, (BETA1, BETA2 + BETA1**2, 3 * BETA1 * BETA2 + BETA1**3)
    ),
}  # fmt: skip


# The biases of an exponential are those of features of any mean: of an overdense box, say.
@pytest.mark.parametrize(
    ("name", "mean"), [("exponential", 0), ("exponential", 0.5), ("quadratic", 0), ("gaussian", 0)]
)
def test_both_routes_find_the_planted_biases(name, mean, rng):
    log_ratio, (b1, b2, b3) = PLANTED[name]
    values, errors = biases_of_planted(log_ratio, rng, mean)
    largest_errors = {
        "b1": (b1, 0.02), "b2": (b2, 0.1), "b3": (b3, 0.3),
        "beta2": (b2 - b1**2, 0.1), "beta3": (b3 - 3 * b1 * b2 + 2 * b1**3, 0.3),
    }  # fmt: skip
    for route, least_error in (("derivatives", FLOAT32), ("moments", 0)):
        for bias, (truth, largest_error) in largest_errors.items():
            found = float(values.sel(route=route, bias=bias))
            error = float(errors.sel(route=route, bias=bias))
            assert error < largest_error, (route, bias, error)
            bound = SIGMAS * error + least_error
            assert found == pytest.approx(truth, abs=bound), (route, bias, error)


def test_exponential_in_the_laplacian_and_g2_has_their_biases(rng):
    values, _ = biases_of_planted(exponential, rng)
    by_derivatives = values.sel(route="derivatives")
    laplacian = -0.4 + 0.5 * (0.5 * 2.0**2 + 0.3 * 4.0**2)
    assert float(by_derivatives.sel(bias="b_laplacian")) == pytest.approx(laplacian, abs=FLOAT32)
    assert float(by_derivatives.sel(bias="b_shear")) == pytest.approx(0.2, abs=FLOAT32)
    assert np.isnan(float(values.sel(route="moments", bias="b_shear")))


BOX_SIZE, POINTS, REALISATIONS = 200.0, 40, 12
FIELD_SCALES = (6.0, 12.0)
K_MAX = 0.2


def steep() -> torch.nn.Module:
    """An f with curvature in density, Laplacian and G2, of a shape that no formula was made for."""

    class Steep(torch.nn.Module):
        def log10_ratio(self, inputs):
            along = 0.6 * inputs[:, 0] + 0.3 * inputs[:, 1] - 0.1 * inputs[:, 2]
            return 0.8 * torch.tanh(along) + 0.1 * inputs[:, -1].sin() * inputs[:, 0]

    return Steep()


def test_response_to_waves_is_the_cross_power_of_f_with_the_density(tmp_path):
    """b1(k) from mean gradients, and P(f, delta) / P(delta, delta) of f on the grid."""
    grid = Grid(POINTS, BOX_SIZE)
    shells = Shells(grid, shell_edges(grid, K_MAX))
    random = np.random.default_rng(11)
    density = [0.5 * gaussian_field(POINTS, random, -1.0) for _ in range(REALISATIONS)]
    stores = [tmp_path / f"box{number}" for number in range(REALISATIONS)]
    boxes = [{scale: store / f"R{scale:g}.zarr" for scale in FIELD_SCALES} for store in stores]
    for field, box in zip(density, boxes, strict=True):
        write_features_of(field, box)
    mapping = orthogonalise(boxes)
    network = steep()
    view = View(mapping, np.eye(mapping.inputs)[:2])
    every_point = np.ones(POINTS**3, dtype=np.int32)
    differences = []
    for field, box in zip(density, boxes, strict=True):
        with torch.no_grad():
            ratio = 10 ** network.log10_ratio(torch.from_numpy(mapping.at(box, slice(None))))
        ratio = ratio.numpy().astype(np.float64).reshape((POINTS,) * 3)
        modes, carried = field_modes(field, grid), field_modes(ratio / ratio.mean() - 1, grid)
        weight = shells.modes * shells.power(modes)
        measured = shells.power(modes, carried) * shells.modes
        data = long_wave(view, [box_sums([network], view, box, every_point)]).isel(member=-1)
        expected = data["linear_response"].sel(route="derivatives").values
        expected = np.interp(shells.k, WAVENUMBERS, expected) * weight
        differences.append((measured.sum() - expected.sum()) / weight.sum())
        b1 = float(data["biases"].sel(route="derivatives", bias="b1"))
    error = np.std(differences, ddof=1) / np.sqrt(REALISATIONS)
    assert error < 0.02 * abs(b1), (error, b1)
    assert abs(np.mean(differences)) < SIGMAS * error, (np.mean(differences), error, b1)


def write_features_of(field, box):
    next(iter(box.values())).parent.mkdir()
    smoothed.write_features(field.astype(np.float32), BOX_SIZE, box)
