"""Projections: whitening, the n + 1 rule, evaluation at points, angles between subspaces, files."""

import shutil

import numpy as np
import pytest
from lagbias.base.errors import InputError
from lagbias.base.stores import append_variable, open_store
from lagbias.config.names import FEATURE_KINDS
from lagbias.projection.directions import principal_cosines
from lagbias.projection.orthogonal import feature_moments, orthogonalise, whiten
from lagbias.projection.projection import Projection

SCALES = (2.0, 2.83, 4.0)
POINTS = 12


def write_feature_stores(folder, random, collinearity=0.02, shift=0.0):
    """Three stores of collinear made-up features with means and units far from 0 and 1."""
    common = random.normal(size=(2, POINTS, POINTS, POINTS))
    paths = {}
    for scale in SCALES:
        paths[scale] = folder / f"R{scale:g}.zarr"
        for number, kind in enumerate(FEATURE_KINDS):
            noise = collinearity * random.normal(size=common[0].shape)
            values = common[int(kind == "g2")] * (-1) ** number + noise
            values = (10.0**-number * (values + shift + 3 * number)).astype(np.float32)
            append_variable(paths[scale], kind, values, ("x", "y", "z"), units="1")
    return paths


@pytest.fixture
def boxes(tmp_path, rng):
    return [write_feature_stores(tmp_path / str(n), rng, shift=0.1 * n) for n in range(2)]


def table(boxes, kinds, scales):
    """Every feature at every point of all boxes, float64 (features, points)."""
    return np.array(
        [
            np.concatenate([open_store(box[s])[k].values.ravel() for box in boxes])
            for k, s in zip(kinds, scales, strict=True)
        ],
        dtype=np.float64,
    )


def test_moments_pool_all_boxes_in_float64(boxes, monkeypatch):
    monkeypatch.setattr("lagbias.features.slabs.SLAB_POINTS", 2 * POINTS**2)  # many slabs
    mean, deviation, correlation, kinds, scales = feature_moments(boxes)
    assert kinds == ("delta",) * 3 + ("laplacian",) * 3 + ("g2",) * 3
    assert scales == SCALES * 3
    values = table(boxes, kinds, scales)
    np.testing.assert_allclose(mean, values.mean(axis=1), rtol=1e-12)
    np.testing.assert_allclose(deviation, values.std(axis=1), rtol=1e-12)
    np.testing.assert_allclose(correlation, np.corrcoef(values), rtol=0, atol=1e-12)


def test_orthogonalised_inputs_are_uncorrelated_in_each_block(boxes):
    projection = orthogonalise(boxes)
    shear = np.array([kind == "g2" for kind in projection.kinds])
    # n + 1 of delta and laplacian, n of G2; and no mixing of the blocks.
    assert projection.matrix.shape == (7, 9)
    assert (projection.matrix[:4][:, shear] == 0).all()
    assert (projection.matrix[4:][:, ~shear] == 0).all()
    for rows in (slice(0, 4), slice(4, 7)):
        v = projection.matrix[rows]
        np.testing.assert_allclose(v @ projection.covariance @ v.T, np.eye(len(v)), atol=1e-9)
    # and so are the numbers that the network sees: float32 features, coefficients up to 50.
    inputs = np.concatenate([projection.at(box, slice(None)) for box in boxes])
    np.testing.assert_allclose(inputs.mean(axis=0), 0, atol=1e-3)
    for rows in (slice(0, 4), slice(4, 7)):
        np.testing.assert_allclose(
            np.cov(inputs[:, rows].T), np.eye(len(inputs[0, rows])), atol=1e-3
        )


@pytest.mark.parametrize(("modes", "kept"), [(None, 4), ("all", 6), (2, 2)])
def test_as_many_modes_are_kept_as_are_asked_for(boxes, modes, kept):
    projection = orthogonalise(boxes, modes)
    assert projection.inputs == kept + 3
    inputs = np.concatenate([projection.at(box, slice(None)) for box in boxes])
    # Float32 features leave the sixth mode, of a variance of 1e-4, its unit variance to 1e-3.
    np.testing.assert_allclose(inputs.var(axis=0), 1, atol=1e-3)


@pytest.mark.parametrize(
    ("kinds", "inputs"), [(("delta",), 3), (("delta", "laplacian"), 4), (("delta", "g2"), 6)]
)
def test_features_that_are_left_out_are_in_no_input(boxes, kinds, inputs):
    projection = orthogonalise(boxes, kinds=kinds)
    left_out = ~np.isin(projection.kinds, kinds)
    assert projection.inputs == inputs
    assert not projection.matrix[:, left_out].any()
    assert projection.matrix[:, ~left_out].any(axis=0).all()
    for block in (projection.linear, ~projection.linear):
        rows = projection.matrix[block]
        np.testing.assert_allclose(
            rows @ projection.covariance @ rows.T, np.eye(block.sum()), atol=1e-6
        )


def sum_over_all_features(projection, box):
    """Inputs at all points, every feature added in turn, also those without coefficients."""
    weights = projection.matrix / projection.standard_deviation
    inputs = np.empty((projection.inputs, POINTS**3), dtype=np.float32)
    inputs[:] = (-weights @ projection.mean)[:, None]
    for column, (kind, scale) in enumerate(zip(projection.kinds, projection.scales, strict=True)):
        values = open_store(box[scale])[kind].values.ravel()
        inputs += np.float32(weights[:, [column]]) * values
    return inputs.T


@pytest.mark.parametrize(
    "kinds", [FEATURE_KINDS, ("delta", "laplacian"), ("delta", "g2"), ("delta",)]
)
def test_features_without_coefficients_are_not_read(boxes, kinds):
    projection = orthogonalise(boxes, kinds=kinds)
    expected = sum_over_all_features(projection, boxes[0])
    for path in boxes[0].values():
        for kind in set(FEATURE_KINDS) - set(kinds):
            shutil.rmtree(path / kind)
    found = projection.at(boxes[0], slice(None))
    np.testing.assert_array_equal(found, expected)  # to the last bit
    wanted = np.arange(POINTS**3) % 3 == 0
    np.testing.assert_array_equal(projection.at(boxes[0], slice(None), wanted), expected[wanted])


def test_a_scale_without_coefficients_needs_no_store(boxes):
    one = orthogonalise(boxes).with_matrix(np.eye(1, 9, 1))  # delta at R = 2.83 Mpc/h
    assert (one.scales[1], one.used.sum()) == (2.83, 1)
    expected = sum_over_all_features(one, boxes[0])
    np.testing.assert_array_equal(one.at({2.83: boxes[0][2.83]}, slice(None)), expected)
    nothing = one.with_matrix(np.zeros((2, 9)))
    np.testing.assert_array_equal(nothing.at(boxes[0], slice(5)), np.zeros((5, 2)))


def test_inputs_of_large_coefficients_are_summed_in_float64(boxes):
    """A mode of variance 1e-10, planted as a difference of two features: float32 would lose it."""
    projection = orthogonalise(boxes)
    one = projection.with_matrix(np.eye(1, 9) * 1e5 - np.eye(1, 9, 1) * 1e5)
    values = table(boxes[:1], projection.kinds[:2], projection.scales[:2])
    standardised = (values.T - projection.mean[:2]) / projection.standard_deviation[:2]
    expected = 1e5 * (standardised[:, 0] - standardised[:, 1])
    found = one.at(boxes[0], slice(None))[:, 0]
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=3e-7)  # but for the last rounding


def test_kept_modes_are_those_of_largest_variance(boxes):
    projection = orthogonalise(boxes)
    block = projection.covariance[:6, :6]
    eigenvalues = np.linalg.eigvalsh(block)[::-1]
    # A whitened row v / sqrt(l) has the norm 1 / sqrt(l).
    kept = 1 / (projection.matrix[:4] ** 2).sum(axis=1)
    np.testing.assert_allclose(kept, eigenvalues[:4], rtol=1e-9)


def test_whitening_holds_with_nearly_degenerate_eigenvalues(rng):
    # Eigenvalues of 1e-5 and below in a correlation matrix: lost in float32 (eps 1e-7, n = 6).
    rotation = np.linalg.qr(rng.normal(size=(6, 6)))[0]
    spectrum = np.array([3.0, 2.9, 0.1, 1e-4, 1.01e-5, 1.0e-5])
    covariance = rotation * spectrum @ rotation.T
    matrix, eigenvalues = whiten(covariance, 6)
    assert matrix.dtype == np.float64
    np.testing.assert_allclose(eigenvalues, spectrum, rtol=1e-8)
    np.testing.assert_allclose(matrix @ covariance @ matrix.T, np.eye(6), atol=1e-8)


def test_sign_of_a_mode_is_fixed_by_its_largest_coefficient(rng):
    data = rng.normal(size=(5, 400))
    matrix, _ = whiten(np.cov(data), 5)
    largest = matrix[np.arange(5), np.abs(matrix).argmax(axis=1)]
    assert (largest > 0).all(), largest


def test_linearly_dependent_features_are_refused():
    ones = np.ones((3, 3))
    with pytest.raises(InputError, match="keeps 3 modes but eigenvalue 3.*linearly dependent"):
        whiten(ones - 1e-12 * np.eye(3), 3)


def test_inputs_at_points_equal_the_plain_matrix_product(boxes, rng):
    projection = orthogonalise(boxes)
    values = table(boxes[:1], projection.kinds, projection.scales)
    standardised = (values - projection.mean[:, None]) / projection.standard_deviation[:, None]
    expected = (projection.matrix @ standardised).T
    points = rng.integers(0, POINTS**3, 500)
    # Coefficients up to 1/sqrt(2e-4) ~ 60 times float32 rounding of features a few deviations
    # from their mean, and of the mean itself (60 deviations for G2): some 1e-3 of unit variance.
    tolerance = 2e-3
    for chosen in (points, slice(100, 700), slice(None)):
        found = projection.at(boxes[0], chosen)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, expected[chosen], rtol=0, atol=tolerance)


def test_inputs_of_a_slab_read_a_slab_and_not_the_whole_grid(boxes, monkeypatch):
    # Prediction walks over slabs of 2e6 points: 96 of them at 576^3, each of 9 features.
    import zarr

    paths = {}
    for scale in SCALES:
        paths[scale] = boxes[0][scale].with_name(f"chunked{scale}.zarr")
        monkeypatch.setattr("lagbias.base.stores.CHUNK_BYTES", 4 * POINTS**2)  # a plane a chunk
        for kind in FEATURE_KINDS:
            values = open_store(boxes[0][scale])[kind].values
            append_variable(paths[scale], kind, values, ("x", "y", "z"), units="1")
    projection = orthogonalise([paths])
    read = []
    get = zarr.storage.LocalStore.get

    def counting(self, key, *args, **kwargs):
        if "/c/" in key:
            read.append(key)
        return get(self, key, *args, **kwargs)

    monkeypatch.setattr(zarr.storage.LocalStore, "get", counting)
    slab = slice(3 * POINTS**2, 5 * POINTS**2)
    found = projection.at(paths, slab)
    assert len(found) == 2 * POINTS**2
    assert 0 < len(read) <= 9 * 2, f"{len(read)} chunks were read where 18 hold the points"


def test_missing_scale_is_named(boxes):
    projection = orthogonalise(boxes)
    without = {scale: path for scale, path in boxes[0].items() if scale != 2.83}
    with pytest.raises(InputError, match="needs features at R=2.83 Mpc/h; found only R=2, R=4"):
        projection.at(without, slice(None))


def test_boxes_on_different_grids_of_one_projection_are_refused_clearly(boxes, tmp_path):
    odd = tmp_path / "odd.zarr"
    for kind in FEATURE_KINDS:
        append_variable(odd, kind, np.ones((4, 4, 4), dtype=np.float32), ("x", "y", "z"))
    with pytest.raises(InputError):
        feature_moments([boxes[0] | {4.0: odd}])


def test_projection_comes_back_from_its_file(boxes, tmp_path):
    projection = orthogonalise(boxes).with_matrix(np.arange(18.0).reshape(2, 9) / 7)
    projection.write(tmp_path / "projection.nc", training_set="two")
    found = Projection.read(tmp_path / "projection.nc")
    for field in ("matrix", "mean", "standard_deviation", "covariance"):
        np.testing.assert_array_equal(
            getattr(found, field), getattr(projection, field), err_msg=field
        )
    assert (found.kinds, found.scales) == (projection.kinds, projection.scales)
    assert found.inputs == 2


def test_principal_cosines_know_a_planted_angle():
    # In the plain metric, and in one in which features 1 and 2 are the same field but for 1 %.
    angle = 0.3
    first = np.array([[1, 0, 0]])
    second = np.array([[np.cos(angle), np.sin(angle), 0]])
    np.testing.assert_allclose(principal_cosines(first, second, np.eye(3)), [np.cos(angle)])
    collinear = np.array([[1, 0.99, 0], [0.99, 1, 0], [0, 0, 1]])
    np.testing.assert_allclose(
        principal_cosines(np.eye(3)[0], np.eye(3)[1], collinear), [0.99], rtol=1e-12
    )
    planes = principal_cosines(
        np.eye(3)[[0, 1]], np.array([[0, 1, 0], [np.cos(angle), 0, np.sin(angle)]]), np.eye(3)
    )
    np.testing.assert_allclose(planes, [1, np.cos(angle)], atol=1e-12)


def test_principal_cosines_belong_to_subspaces_and_not_to_coefficients(rng):
    covariance = np.cov(rng.normal(size=(6, 50)))
    first, second = rng.normal(size=(2, 6)), rng.normal(size=(3, 6))
    cosines = principal_cosines(first, second, covariance)
    assert cosines.shape == (2,)
    assert cosines[0] >= cosines[1]
    assert cosines[0] < 0.9999
    mixed = principal_cosines(
        rng.normal(size=(2, 2)) @ first, 100 * rng.normal(size=(3, 3)) @ second, covariance
    )
    np.testing.assert_allclose(mixed, cosines, rtol=1e-8)
    np.testing.assert_allclose(principal_cosines(second, first, covariance), cosines, rtol=1e-8)
    np.testing.assert_allclose(
        principal_cosines(first, rng.normal(size=(2, 2)) @ first, covariance), 1, rtol=1e-10
    )
    # Other units of the features: coefficients and covariance change together, angles do not.
    units = rng.uniform(0.1, 10, 6)
    rescaled = principal_cosines(first / units, second / units, covariance * np.outer(units, units))
    np.testing.assert_allclose(rescaled, cosines, rtol=1e-8)
