"""What f is: derivatives against finite differences, averages over particles, biases by formula."""

import numpy as np
import pandas as pd
import pytest
import torch
import xarray as xr
from lagbias.base.errors import InputError
from lagbias.base.stores import open_store, read_netcdf, write_netcdf
from lagbias.features.slabs import values_at
from lagbias.figures import explanation as figure_explanation
from lagbias.halos.particles import Particles
from lagbias.interpretation import explanation as interpretation_explanation
from lagbias.interpretation.explanation import ROUTES, View, derivatives, write_explanation
from lagbias.interpretation.gradients import write_gradient_pca
from lagbias.projection.directions import project_on_gradients
from lagbias.projection.projection import Projection
from lagbias.tables.biases import write_biases
from lagbias.training.network import ROWS_PER_PASS, Architecture, HaloToMassRatio, generator_of
from lagbias.yardsticks.long_wave import BIASES, WAVENUMBERS, long_wave_response, with_errors

SEEDS = (1, 2)
B1, B2, B3, BETA2, BETA3, LAPLACIAN, SHEAR = range(len(BIASES))


def steep_network(seed, inputs):
    """A smooth network, f spread over a factor of some tens."""
    network = HaloToMassRatio(Architecture(inputs, 2, 8), generator_of(seed, "weights"))
    with torch.no_grad():
        network.layers[-1].weight *= 6
    return network


def test_derivatives_equal_finite_differences(rng):
    """Central differences in float64; their own errors are step^2 and rounding / step^2."""
    networks = [steep_network(seed, 4).double() for seed in SEEDS]
    inputs, shift = torch.from_numpy(rng.normal(size=(50, 4))), torch.from_numpy(rng.normal(size=4))
    ratio, gradient, curvature, third = derivatives(networks, inputs, shift)
    step, third_step = 1e-4, 1e-3

    def f(moved):
        with torch.no_grad():
            return torch.stack([network(moved) for network in networks])

    np.testing.assert_allclose(ratio, f(inputs), rtol=1e-12)
    up, down = f(inputs + step * shift), f(inputs - step * shift)
    np.testing.assert_allclose(gradient @ shift, (up - down) / (2 * step), rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(curvature, (up + down - 2 * ratio) / step**2, rtol=1e-4, atol=1e-5)
    steps = (f(inputs + n * third_step * shift) for n in (2, 1, -1, -2))
    differences = sum(c * value for c, value in zip((1, -2, 2, -1), steps, strict=True))
    np.testing.assert_allclose(third, differences / (2 * third_step**3), rtol=1e-2, atol=1e-4)


def test_multiplicity_counts_as_repeated_particles(rng):
    view = View(*made_up_mapping(rng))
    networks = [steep_network(seed, 3) for seed in SEEDS]
    inputs, standardised = rng.normal(size=(2, 40, 3)).astype(np.float32)
    weight = rng.integers(1, 5, 40)
    repeated = (np.repeat(values, weight, axis=0) for values in (inputs, standardised))
    expected = interpretation_explanation.sums_of_points(
        networks, view, *repeated, np.ones(weight.sum())
    )
    found = interpretation_explanation.sums_of_points(
        networks, view, inputs, standardised, weight.astype(float)
    )
    for name, values in expected.items():
        # Networks are evaluated in other passes: float32.
        np.testing.assert_allclose(found[name], values, rtol=1e-4, atol=1e-5, err_msg=name)


@pytest.fixture(scope="module")
def explained(stores, tmp_path_factory):
    """Two networks on the planted box taken twice, explained in several passes."""
    folder = tmp_path_factory.mktemp("explained")
    weights = {seed: folder / f"seed{seed}.pt" for seed in SEEDS}
    for seed, path in weights.items():
        steep_network(seed, Projection.read(stores.projection).inputs).save(path)
    boxes = [stores.features] * 2, [stores.particles] * 2
    pca, output = folder / "pca.nc", folder / "explain.nc"
    write_gradient_pca(weights, stores.projection, *boxes, pca)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(ROWS_PER_PASS, "cpu", 1000)
        write_explanation(weights, stores.projection, pca, *boxes, output)
    return read_netcdf(output), weights, pca


@pytest.fixture(scope="module")
def carried(explained, stores):
    """Every particle by itself: f of each member, inputs, features in standard deviations."""
    _, weights, _ = explained
    points = Particles.read(stores.particles).lagrangian_index
    projection = Projection.read(stores.projection)
    inputs = projection.at(stores.features, points)
    with torch.no_grad():
        ratio = [HaloToMassRatio.load(path)(torch.from_numpy(inputs)) for path in weights.values()]
    ratio = interpretation_explanation.with_mean(np.array(ratio, dtype=np.float64))
    features = np.array(
        [
            values_at(open_store(stores.features[scale])[kind], points)
            for kind, scale in zip(projection.kinds, projection.scales, strict=True)
        ]
    )
    standardised = (features.T - projection.mean) / projection.standard_deviation
    return ratio, inputs, standardised


def test_long_wave_shifts_every_density_and_nothing_else(explained, carried, stores):
    """<f> with delta_l added to delta_R of every particle, Laplacians and G2 as they are."""
    data, weights, _ = explained
    ratio, _, standardised = carried
    projection = Projection.read(stores.projection)
    delta = np.array([kind == "delta" for kind in projection.kinds])
    networks = [HaloToMassRatio.load(path).double() for path in weights.values()]

    def mean_ratio(wave):
        moved = (standardised + wave * delta / projection.standard_deviation) @ projection.matrix.T
        with torch.no_grad():
            f = np.array([network(torch.from_numpy(moved)).mean().item() for network in networks])
        return interpretation_explanation.with_mean(f)

    step = 1e-3
    up, at, down = (mean_ratio(wave) for wave in (step, 0, -step))
    found = data["biases"].sel(route="derivatives").values
    # The networks are in float32 there; differences in float64 here.
    np.testing.assert_allclose(found[:, B1], (up - down) / (2 * step * at), rtol=1e-4)
    np.testing.assert_allclose(found[:, B2], (up + down - 2 * at) / (step**2 * at), rtol=1e-3)
    step = 1e-2  # a third difference of float64 needs a longer one
    twice_up, up, down, twice_down = (mean_ratio(n * step) for n in (2, 1, -1, -2))
    third = (twice_up - 2 * up + 2 * down - twice_down) / (2 * step**3 * at)
    np.testing.assert_allclose(found[:, B3], third, rtol=5e-3)
    np.testing.assert_allclose(data["mean_ratio"], ratio.mean(axis=1), rtol=1e-6)


def test_moments_of_f_are_those_of_all_particles(explained, carried):
    data, *_ = explained
    ratio, *_ = carried
    np.testing.assert_allclose(data["variance"], ratio.var(axis=1), rtol=1e-5)
    third = ((ratio - ratio.mean(axis=1, keepdims=True)) ** 3).mean(axis=1)
    np.testing.assert_allclose(data["skewness"], third / ratio.std(axis=1) ** 3, rtol=1e-4)
    np.testing.assert_allclose(data["share_above_one"], (ratio > 1).mean(axis=1), atol=1e-3)
    falling = -np.sort(-ratio, axis=1)
    for share in interpretation_explanation.TOP_SHARES:
        count = round(share * ratio.shape[1])
        top = falling[:, :count].sum(axis=1) / falling.sum(axis=1)
        # Bins of f are a per cent wide: the last ones of the share are known to that.
        np.testing.assert_allclose(data["top_share"].sel(top=share), top, rtol=0.01)


def test_bins_hold_the_particles_of_their_range(explained, carried, stores):
    data, _, pca = explained
    ratio, inputs, standardised = carried
    vectors = read_netcdf(pca)["eigenvector"].sel(version="f", member="mean").values
    along = inputs @ vectors.T
    edges = np.linspace(
        interpretation_explanation.LOWEST,
        interpretation_explanation.HIGHEST,
        interpretation_explanation.COARSE + 1,
    )
    row, column = 22, 21
    here = (along[:, 0] >= edges[row]) & (along[:, 0] < edges[row + 1])
    both = here & (along[:, 1] >= edges[column]) & (along[:, 1] < edges[column + 1])
    assert both.sum() > 10, "the bin that is looked at is empty"
    surface = data.isel(first=row, second=column)
    # The planted box counts twice; a particle on an edge may fall to either side.
    assert float(surface["particles_of_directions"]) == pytest.approx(2 * both.sum(), abs=4)
    np.testing.assert_allclose(
        surface["ratio_of_directions"], ratio[:, both].mean(axis=1), rtol=0.02
    )
    inside = (standardised[:, 3] >= edges[row]) & (standardised[:, 3] < edges[row + 1])
    np.testing.assert_allclose(
        data["ratio_of_feature"].isel(feature=3, value=row), ratio[:, inside].mean(axis=1),
        rtol=0.02,
    )  # fmt: skip


def test_feature_tells_nothing_beyond_a_first_direction_that_is_all_of_f(rng):
    """f of one direction: at any feature, <f> is what the direction makes one expect."""
    view = View(*made_up_mapping(rng))
    points = 200_000
    standardised = rng.multivariate_normal(np.zeros(3), view.mapping.covariance, points)
    inputs = (standardised @ view.mapping.matrix.T).astype(np.float32)
    network = PlantedRatio(lambda z: 0.8 * (z @ torch.from_numpy(view.directions[0]).float()))
    sums = interpretation_explanation.sums_of_points(
        [network], view, inputs, standardised.astype(np.float32), np.ones(points)
    )
    data = interpretation_explanation.binned_means(sums)
    enough = data["particles_of_feature"] > 2000
    tells = (data["ratio_of_feature"] / data["ratio_expected_of_feature"]).where(enough)
    # f changes by 10 % within a bin of the direction, of which few per cent can look like more.
    assert float(abs(tells - 1).max()) < 0.01
    assert float(data["ratio_of_feature"].where(enough).max()) > 3, "f hardly depends on features"
    np.testing.assert_allclose(
        interpretation_explanation.explained_variance(sums)[0, 0] / variance(sums), 1, rtol=0.01
    )


def variance(sums):
    return float(interpretation_explanation.moments_of_f(sums)["variance"][0])


class PlantedRatio(torch.nn.Module):
    """ln f as a formula of the inputs, in place of a network."""

    def __init__(self, log_ratio):
        super().__init__()
        self.log_ratio = log_ratio

    def log10_ratio(self, inputs):
        flat = 0 * (inputs**2).sum(-1)  # a formula without curvature still has a second derivative
        return (self.log_ratio(inputs) + flat) / np.log(10)


def made_up_mapping(rng):
    """Delta, Laplacian and G2 at one scale, whitened, and directions along no axis."""
    correlation = np.array([[1, -0.7, 0], [-0.7, 1, 0], [0, 0, 1.0]])
    matrix = np.zeros((3, 3))
    matrix[:2, :2] = np.linalg.inv(np.linalg.cholesky(correlation[:2, :2]))
    matrix[2, 2] = 1
    mapping = Projection(
        matrix, np.zeros(3), np.array([0.5, 0.1, 0.2]), correlation, ("delta", "laplacian", "g2"),
        (3.0,) * 3,
    )  # fmt: skip
    return mapping, np.linalg.qr(rng.normal(size=(3, 3)))[0]


def test_response_to_waves_is_that_of_its_filters():
    kinds, scales = ("delta", "delta", "laplacian", "laplacian", "g2"), (2.0, 4.0, 2.0, 4.0, 2.0)
    gradient = np.array([0.7, -0.2, 3.0, 5.0, 0.3])
    found = long_wave_response(kinds, scales, gradient, np.array(1.5), np.array(3.0))
    cumulants = 1.5 - 0.5**2, 3 - 3 * 0.5 * 1.5 + 2 * 0.5**3
    expected = [0.5, 1.5, 3, *cumulants, 8 + 0.7 * 2 - 0.2 * 8, 0.3]
    np.testing.assert_allclose(found["biases"], expected, rtol=1e-12)
    k = WAVENUMBERS
    by_hand = (0.7 - 3 * k**2) * np.exp(-2 * k**2) + (-0.2 - 5 * k**2) * np.exp(-8 * k**2)
    np.testing.assert_allclose(found["linear_response"], by_hand, atol=1e-14)
    laplacian = (found["linear_response"][0] - found["linear_response"][1]) / k[1] ** 2
    # The next term is k^2 of the waves' scale: (0.01 * 4)^2 of a number of order one hundred.
    assert float(laplacian) == pytest.approx(float(found["biases"][LAPLACIAN]), rel=0.01)


def test_errors_are_those_of_a_jackknife(rng):
    values = rng.normal(size=(4, len(BIASES)))
    boxes = [long_wave_response(("delta",), (2.0,), row[:1], row[1], row[2]) for row in values]
    found = with_errors(boxes[0], boxes)["biases_error"].values[:3]
    np.testing.assert_allclose(found, np.sqrt(3 * values.var(axis=0)[:3]), rtol=1e-12)
    assert np.isnan(with_errors(boxes[0], [])["biases_error"]).all()


def test_same_box_twice_has_no_scatter(explained):
    data, *_ = explained
    for route in ROUTES:
        errors = data["biases_error"].sel(route=route).values[:, :SHEAR]
        np.testing.assert_allclose(errors, 0, atol=1e-9)


def test_table_has_a_line_a_model_and_route(explained, tmp_path):
    data, *_ = explained
    write_netcdf(data, tmp_path / "explain.nc")
    polynomial = long_wave_response(("delta", "laplacian"), (2.0, 2.0), np.array([0.7, 1]), 1.5, 0)
    polynomial = with_errors(polynomial, [polynomial] * 2).drop_dims("feature")
    write_netcdf(polynomial, tmp_path / "poly.nc")
    write_netcdf(xr.Dataset({"bias": ((), 1.8)}), tmp_path / "bias.nc")
    write_biases(
        {"R2-R4": tmp_path / "explain.nc"}, {"poly-R2": tmp_path / "poly.nc"}, tmp_path / "bias.nc",
        tmp_path / "biases.csv",
    )  # fmt: skip
    table = pd.read_csv(tmp_path / "biases.csv").set_index(["model", "route"])
    assert table.index.tolist() == [
        ("R2-R4", "derivatives"), ("R2-R4", "moments"), ("poly-R2", "coefficients"),
        ("linear", "power"),
    ]  # fmt: skip
    mean, *seeds = data["biases"].sel(route="derivatives", bias="b2").values[::-1]
    row = table.loc[("R2-R4", "derivatives")]
    np.testing.assert_allclose(
        row[["b2", "b2_seed_min", "b2_seed_max"]], [mean, min(seeds), max(seeds)], rtol=1e-4
    )
    np.testing.assert_allclose(table["b1"].values[2:], [0.7, 0.8], rtol=1e-4)
    np.testing.assert_allclose(table["eulerian_b1"].values[2:], [1.7, 1.8], rtol=1e-4)
    cumulants = table.loc[("poly-R2", "coefficients"), ["beta2", "beta3"]]
    np.testing.assert_allclose(
        cumulants,
        [1.5 - 0.7**2, -3 * 0.7 * 1.5 + 2 * 0.7**3],
        rtol=1e-4,
        err_msg="log(1 + b1 d + …)",
    )
    at_k = (0.7 - 0.1**2) * np.exp(-0.5 * (0.1 * 2) ** 2)
    assert table.loc[("poly-R2", "coefficients"), "b1_at_k0.1"] == pytest.approx(at_k, rel=1e-4)


def test_network_of_few_directions_is_refused(explained, stores, tmp_path):
    _, weights, pca = explained
    projected = tmp_path / "pc2.nc"
    project_on_gradients(stores.projection, pca, 2, projected)
    with pytest.raises(InputError, match="mix G2 with delta .* network of all inputs"):
        write_explanation(
            weights, projected, pca, [stores.features], [stores.particles], tmp_path / "explain.nc"
        )
    assert not (tmp_path / "explain.nc").exists()


@pytest.mark.parametrize("b1", [0.0, -0.5, 3.0])
def test_figure_shows_the_responses_of_many_polynomials_whatever_their_b1(
    explained, tmp_path, drawn_by, b1
):
    *_, pca = explained
    figures, polynomials, heights = drawn_by(figure_explanation), {}, b1 + 0.1 * np.arange(9)
    for scale, height in enumerate(heights, start=1):
        response = ("wavenumber", np.full(len(WAVENUMBERS), height))
        made = xr.Dataset(
            {
                "linear_response": response,
                "linear_response_error": 0 * xr.Variable(*response),
                "biases": ("bias", np.full(len(BIASES), height)),
                "biases_error": ("bias", np.zeros(len(BIASES))),
            },
            coords={"wavenumber": WAVENUMBERS, "bias": list(BIASES)},
        )
        polynomials[f"poly-R{scale}"] = tmp_path / f"{scale}.nc"
        write_netcdf(made, polynomials[f"poly-R{scale}"])
    figure_explanation.plot_explanation(pca.with_name("explain.nc"), polynomials, None, [])
    panel = next(axis for axis in figures[0].axes if "b_1(k)" in axis.get_ylabel())
    low, high = panel.get_ylim()
    assert low < heights.min() <= heights.max() < high
    seen = {line.get_label(): line.get_ydata() for line in panel.lines}
    assert len(seen) == 10, sorted(seen)
    assert low < seen["network"].min() <= seen["network"].max() < high
    for axis in figures[0].axes[4:7]:
        names = [text.get_text() for text in axis.get_legend().get_texts()]
        assert names == ["R = 2 Mpc/h", "R = 4 Mpc/h"], f"{axis.get_xlabel()}: {names}"
