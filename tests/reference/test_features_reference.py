"""Features against the plain way: numpy, double precision, all nine tensor components."""

import numpy as np
import pytest
from lagbias.base.stores import open_store
from lagbias.config.names import FEATURE_KINDS
from lagbias.features.smoothed import TRACELESS_BASIS, SmoothedFeatures, write_features

BOX_SIZE = 120.0
SCALES = (5.0, 11.0)
# Relative to the standard deviation of the feature. Float32 transforms of 5e4 points lose a few
# 1e-7 of the largest mode; measured 5e-7.
FLOAT32_TOLERANCE = 5e-6


def wave_vectors(points):
    """Full-cube wave vectors (3, n, n, n) [h/Mpc], and those for odd powers, zero at Nyquist."""
    k = 2 * np.pi * np.fft.fftfreq(points, BOX_SIZE / points)
    odd = np.where(np.arange(points) == points / 2, 0, k)
    even_grid, odd_grid = (np.array(np.meshgrid(q, q, q, indexing="ij")) for q in (k, odd))
    return even_grid, odd_grid


def plain_features(density, scale):
    """delta_R, its Laplacian, G2 of nine inverse transforms, and Phi_ij (3, 3, n, n, n)."""
    k, odd = wave_vectors(len(density))
    k2 = (k**2).sum(axis=0)
    modes = np.fft.fftn(density.astype(np.float64)) * np.exp(-0.5 * k2 * scale**2)
    inverse_k2 = np.divide(1, k2, out=np.zeros_like(k2), where=k2 > 0)
    tensor = np.empty((3, 3, *density.shape))
    for i in range(3):
        for j in range(3):
            product = k[i] ** 2 if i == j else odd[i] * odd[j]
            component = np.fft.ifftn(modes * product * inverse_k2)
            assert np.abs(component.imag).max() < 1e-12 * np.abs(component.real).max()
            tensor[i, j] = component.real
    delta = np.fft.ifftn(modes).real
    trace = delta - modes[0, 0, 0].real / density.size
    traceless = tensor - np.eye(3)[:, :, None, None, None] * trace / 3
    laplacian = np.fft.ifftn(-k2 * modes).real
    return {"delta": delta, "laplacian": laplacian, "g2": (traceless**2).sum(axis=(0, 1))}, tensor


@pytest.mark.parametrize("points", [36, 35])
def test_features_equal_the_plain_nine_transforms(points, rng):
    density = rng.normal(size=(points,) * 3).astype(np.float32)
    made = SmoothedFeatures(density, BOX_SIZE)
    for scale in SCALES:
        plain, _ = plain_features(density, scale)
        for kind in FEATURE_KINDS:
            difference = np.abs(made.compute(kind, scale) - plain[kind]).max() / plain[kind].std()
            assert difference < FLOAT32_TOLERANCE, (kind, scale, difference)


@pytest.mark.parametrize("points", [24, 25])
def test_shear_exceeds_the_galileon_by_two_thirds_of_density_squared(points, rng):
    # Galileon: (d_i d_j Phi)^2 - (d^2 Phi)^2, from an independent tensor whose trace is delta.
    density = rng.normal(size=(points,) * 3).astype(np.float32)
    density -= density.mean()
    plain, tensor = plain_features(density, 7.0)
    galileon = (tensor**2).sum(axis=(0, 1)) - plain["delta"] ** 2
    shear = SmoothedFeatures(density, BOX_SIZE).tidal_shear(7.0)
    scatter = plain["g2"].std()
    difference = np.abs(shear - galileon - 2 / 3 * plain["delta"] ** 2).max() / scatter
    assert difference < FLOAT32_TOLERANCE, difference
    assert np.abs(shear - galileon).max() > 0.1 * scatter  # the two are not one


def test_tensor_basis_is_orthonormal_symmetric_and_traceless():
    tensors = []
    for xx, yy, zz, xy, xz, yz in TRACELESS_BASIS:
        tensors.append([[xx, xy / 2, xz / 2], [xy / 2, yy, yz / 2], [xz / 2, yz / 2, zz]])
    tensors = np.array(tensors)
    np.testing.assert_allclose(np.trace(tensors, axis1=1, axis2=2), 0, atol=1e-15)
    gram = np.einsum("aij,bij->ab", tensors, tensors)
    np.testing.assert_allclose(gram, np.eye(5), atol=1e-15)


def test_threads_do_not_change_a_bit_of_the_features(rng, tmp_path):
    density = rng.normal(size=(32, 32, 32)).astype(np.float32)
    for threads in (1, 2):
        write_features(density, BOX_SIZE, {6.0: tmp_path / f"{threads}.zarr"}, threads=threads)
    one, two = (open_store(tmp_path / f"{threads}.zarr") for threads in (1, 2))
    for kind in FEATURE_KINDS:
        np.testing.assert_array_equal(two[kind].values, one[kind].values, err_msg=kind)


def test_many_scales_of_one_density_equal_each_scale_alone(rng, tmp_path):
    # One spectrum serves all scales: no scale may leave its smoothing in it.
    density = rng.normal(size=(24, 24, 24)).astype(np.float32)
    together = {scale: tmp_path / f"together{scale}" for scale in (12.0, 6.0)}
    write_features(density, BOX_SIZE, together)
    for scale in together:
        write_features(density, BOX_SIZE, {scale: tmp_path / f"alone{scale}"})
        for kind in FEATURE_KINDS:
            np.testing.assert_array_equal(
                open_store(together[scale])[kind].values,
                open_store(tmp_path / f"alone{scale}")[kind].values,
                err_msg=f"{kind} at R={scale}",
            )
