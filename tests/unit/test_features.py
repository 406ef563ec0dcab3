"""Smoothed features of fields whose smoothing, Laplacian and shear are known in closed form."""

import tracemalloc

import numpy as np
import pytest
import xarray as xr
from lagbias.base.errors import InputError
from lagbias.config.names import FEATURE_KINDS
from lagbias.features.smoothed import SmoothedFeatures, write_features
from lagbias.fields.grid import Grid, moments

BOX_SIZE = 100.0
SCALE = 9.0
# Float32 in and out and two transforms: some 1e-7 of the field's amplitude, times a few.
TOLERANCE = 3e-6


def phase(points, mode):
    """k.x of an integer wave vector on the grid, and the vector k [h/Mpc]."""
    x = np.arange(points) / points
    grid = np.meshgrid(x, x, x, indexing="ij")
    angle = 2 * np.pi * sum(n * axis for n, axis in zip(mode, grid, strict=True))
    return angle, 2 * np.pi * np.array(mode) / BOX_SIZE


def window(k):
    return np.exp(-0.5 * (k @ k) * SCALE**2)


def shear(k, amplitude):
    """Traceless tidal tensor (3, 3, n, n, n) of a wave of wave vector k and real field."""
    tensor = np.outer(k, k) / (k @ k) - np.eye(3) / 3
    return tensor[:, :, None, None, None] * amplitude


def computed(field, kind):
    return SmoothedFeatures(field.astype(np.float32), BOX_SIZE).compute(kind, SCALE)


@pytest.mark.parametrize("points", [16, 15])
@pytest.mark.parametrize("mode", [(1, 0, 0), (0, 2, 0), (0, 0, 1), (1, -2, 2), (-1, 1, 0)])
def test_plane_wave_is_smoothed_and_differentiated(points, mode):
    angle, k = phase(points, mode)
    wave = np.cos(angle + 0.7)
    expected = {
        "delta": window(k) * wave,
        "laplacian": -(k @ k) * window(k) * wave,
        "g2": 2 / 3 * (window(k) * wave) ** 2,
    }
    for kind in FEATURE_KINDS:
        np.testing.assert_allclose(
            computed(wave, kind), expected[kind], rtol=0, atol=TOLERANCE, err_msg=kind
        )


@pytest.mark.parametrize("modes", [((1, 0, 0), (0, 1, 0)), ((1, 1, 0), (0, -1, 2))])
def test_shear_of_two_waves_has_the_cross_term_of_their_directions(modes):
    waves, tensors = 0, 0
    for mode, amplitude, shift in zip(modes, (1.0, 0.6), (0.3, 1.1), strict=True):
        angle, k = phase(16, mode)
        wave = amplitude * np.cos(angle + shift)
        waves = waves + wave
        tensors = tensors + shear(k, window(k) * wave)
    np.testing.assert_allclose(
        computed(waves, "g2"), (tensors**2).sum(axis=(0, 1)), rtol=0, atol=TOLERANCE
    )


def test_mean_of_the_density_has_no_shear_and_no_laplacian():
    constant = np.full((16, 16, 16), 0.4)
    np.testing.assert_allclose(computed(constant, "delta")[0, 0, 0], 0.4, rtol=1e-6)
    assert np.abs(computed(constant, "g2")).max() < 1e-12
    assert np.abs(computed(constant, "laplacian")).max() < 1e-9


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_nyquist_wave_alone_has_the_shear_of_its_axis(axis):
    # Shapes (-1)^i along one axis: only even powers of the Nyquist wavenumber come in.
    mode = [0, 0, 0]
    mode[axis] = 8
    angle, k = phase(16, mode)
    wave = np.cos(angle)
    w = np.exp(-0.5 * (k @ k) * 7.0**2)
    made = SmoothedFeatures(wave.astype(np.float32), BOX_SIZE)
    np.testing.assert_allclose(made.delta(7.0), w * wave, rtol=0, atol=TOLERANCE)
    expected = 2 / 3 * w**2
    np.testing.assert_allclose(made.tidal_shear(7.0), expected, rtol=1e-4)


@pytest.mark.parametrize("axes", [(0, 1), (0, 2), (1, 2)])
def test_odd_powers_of_a_nyquist_wavenumber_drop_out(axes):
    # cos(pi i) cos(k y) = half of (k_N, k) and half of (-k_N, k): the off-diagonal tensor of the
    # two cancels, the diagonal adds up. The wave below is wavenumber k_N on one axis, 2 on another.
    scale = 7.0
    nyquist_axis, other = axes
    for first, second in ((nyquist_axis, other), (other, nyquist_axis)):
        mode = [0, 0, 0]
        mode[first], mode[second] = 8, 2
        angle, k = phase(16, mode)
        tensor = np.diag(k**2 / (k @ k) - 1 / 3)
        wave = np.cos(angle)
        w = np.exp(-0.5 * (k @ k) * scale**2)
        expected = (tensor**2).sum() * (w * wave) ** 2
        found = SmoothedFeatures(wave.astype(np.float32), BOX_SIZE).tidal_shear(scale)
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * w**2, err_msg=str(mode))


def test_shear_at_nyquist_does_not_depend_on_the_order_of_axes(rng):
    # The last axis is the halved one: a wrong sign there would single it out.
    field = rng.normal(size=(8, 8, 8)).astype(np.float32)
    straight = SmoothedFeatures(field, 8.0).tidal_shear(1.0)
    turned = SmoothedFeatures(field.transpose(2, 0, 1), 8.0).tidal_shear(1.0)
    np.testing.assert_allclose(turned, straight.transpose(2, 0, 1), rtol=0, atol=1e-5)


@pytest.mark.parametrize("scale", [BOX_SIZE / 16 * 0.99, BOX_SIZE / 2 * 1.01, np.nan])
def test_scale_that_the_grid_cannot_hold_is_refused(scale, tmp_path):
    density = np.zeros((16, 16, 16), dtype=np.float32)
    with pytest.raises(InputError, match="smoothing scale R="):
        SmoothedFeatures(density, BOX_SIZE).delta(scale)
    with pytest.raises(InputError, match="smoothing scale R="):
        # The good scale comes first: nothing may be written for it either.
        write_features(density, BOX_SIZE, {10.0: tmp_path / "a", scale: tmp_path / "b"})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_density_that_is_not_finite_is_refused_and_leaves_nothing(bad, tmp_path, rng):
    density = rng.normal(size=(8, 8, 8)).astype(np.float32)
    density[5, 2, 7] = bad
    with pytest.raises(InputError, match="linear density of box7.*not finite"):
        write_features(density, 8.0, {2.0: tmp_path / "R2.zarr"}, simulation="box7")
    assert list(tmp_path.iterdir()) == []


def test_store_holds_features_with_names_units_and_float64_moments(tmp_path, rng):
    density = (rng.normal(size=(12, 12, 12)) + 100).astype(np.float32)  # a large mean, on purpose
    path = tmp_path / "R20.zarr"
    write_features(density, BOX_SIZE, {20.0: path}, simulation="box7", redshift=0.5)
    with xr.open_zarr(path, consolidated=False) as store:
        assert store.attrs["simulation"] == "box7"
        assert store.attrs["redshift"] == 0.5
        assert store.attrs["box_size"] == BOX_SIZE
        assert store.attrs["smoothing_scale"] == 20.0
        assert "numpy=" in store.attrs["software"]
        assert {name: store[name].attrs["units"] for name in FEATURE_KINDS} == {
            "delta": "1", "laplacian": "(h/Mpc)^2", "g2": "1",
        }  # fmt: skip
        made = SmoothedFeatures(density, BOX_SIZE)
        for kind in FEATURE_KINDS:
            assert store[kind].dims == ("x", "y", "z")
            values = store[kind].values
            np.testing.assert_array_equal(values, made.compute(kind, 20.0), err_msg=kind)
            exact = values.astype(np.float64)
            found = store[kind].attrs["mean"], store[kind].attrs["standard_deviation"]
            np.testing.assert_allclose(found, (exact.mean(), exact.std()), rtol=1e-10, err_msg=kind)
    assert [entry.name for entry in tmp_path.iterdir()] == ["R20.zarr"]


def test_moments_are_summed_in_float64():
    # In float32 a sum of 2^24 ones stalls; here a deviation of 1 rides on a mean of 1e4.
    field = np.full((64, 64, 64), 1e4, dtype=np.float32)
    field[::2] += 2
    np.testing.assert_allclose(moments(field), (1e4 + 1, 1.0), rtol=1e-12)


@pytest.mark.parametrize(("points", "box_size"), [(1, 10.0), (8, 0.0), (8, -1.0), (8, np.nan)])
def test_grid_without_extent_is_refused(points, box_size):
    with pytest.raises(InputError, match=f"grid of {points} points"):
        Grid(points, box_size)


def test_features_hold_two_and_a_half_grids(tmp_path):
    points = 96
    path = tmp_path / "R2.zarr"

    def density():
        return np.random.default_rng(1).standard_normal((points,) * 3, dtype=np.float32)

    write_features(density, 96.0, {2.0: tmp_path / "compiled.zarr"})
    tracemalloc.start()
    write_features(density, 96.0, {2.0: path})
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    grid = 4 * points**3
    # Padding of the last axis 2 %; a chunk on its way to disk is at most a copy of the grid here
    # (64 MiB), and is gone at the sizes where memory matters.
    assert peak < (2.5 * 1.03 + 1.1) * grid, f"{peak / grid:.2f} grids"
