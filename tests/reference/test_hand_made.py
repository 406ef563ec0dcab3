"""The two inputs made by hand, against a top-hat taken in Fourier space by numpy."""

import numpy as np
import pytest
from conftest import gaussian_field
from lagbias.base.errors import InputError
from lagbias.base.stores import open_store
from lagbias.features.linear_power import LinearPower, write_linear_power
from lagbias.features.smoothed import write_features
from lagbias.fields.grid import Grid
from lagbias.projection.by_hand import LOWEST_CORRELATION, top_hat_projection
from lagbias.projection.filters import top_hat

BOX_SIZE, POINTS, SCALES, RADIUS = 96.0, 64, (2.0, 4.0), 3.0
# Float32 features, each good to 1e-6 of its deviation, with coefficients of order one.
FLOAT32_TOLERANCE = 1e-5


@pytest.fixture(scope="module")
def boxes(tmp_path_factory):
    """Density, feature stores and power of two boxes, with a slope as of halos' scales."""
    folder, random = tmp_path_factory.mktemp("boxes"), np.random.default_rng(5)
    made = []
    for number in range(2):
        density = gaussian_field(POINTS, random, slope=-2.2).astype(np.float32)
        stores = {scale: folder / f"{number}/R{scale:g}.zarr" for scale in SCALES}
        write_features(density, BOX_SIZE, stores)
        write_linear_power(lambda density=density: density, BOX_SIZE, folder / f"{number}.nc")
        made.append((density, stores, folder / f"{number}.nc"))
    return made


def under_top_hat(density):
    """The density under the top-hat, by numpy in double precision."""
    grid = Grid(len(density), BOX_SIZE)
    k, k_last = grid.wavenumbers(), grid.half_wavenumbers()
    k = np.sqrt(k[:, None, None] ** 2 + k[:, None] ** 2 + k_last**2)
    k[0, 0, 0] = 1e-3
    modes = np.fft.rfftn(density.astype(np.float64)) * top_hat(k, RADIUS)
    return np.fft.irfftn(modes, s=density.shape, axes=(0, 1, 2))


def test_first_input_is_the_density_under_a_top_hat_as_far_as_features_reach(boxes):
    densities, stores, paths = zip(*boxes, strict=True)
    projection, correlation = top_hat_projection(stores, LinearPower.read(paths), RADIUS)
    wanted = np.concatenate([under_top_hat(density).ravel() for density in densities])
    inputs = np.concatenate([projection.at(box, slice(None)) for box in stores]).astype(np.float64)
    made, shear = inputs.T
    found = (made * wanted).mean() / np.sqrt((made**2).mean() * (wanted**2).mean())
    assert found == pytest.approx(correlation, rel=FLOAT32_TOLERANCE)
    assert found > LOWEST_CORRELATION
    np.testing.assert_allclose(inputs.mean(axis=0), 0, atol=FLOAT32_TOLERANCE)
    np.testing.assert_allclose(inputs.std(axis=0), 1, rtol=FLOAT32_TOLERANCE)
    smallest = np.concatenate([open_store(box[2.0])["g2"].values.ravel() for box in stores])
    assert np.corrcoef(shear, smallest)[0, 1] == pytest.approx(1, rel=FLOAT32_TOLERANCE)


def test_no_other_combination_is_nearer(boxes):
    _, stores, paths = zip(*boxes, strict=True)
    power = LinearPower.read(paths)
    projection, _ = top_hat_projection(stores, power, RADIUS)
    wanted = under_top_hat(boxes[0][0]).ravel()
    # Least squares in space, over one box whose modes are then the only ones.
    alone, of_one = top_hat_projection(stores[:1], LinearPower.read(paths[:1]), RADIUS)
    columns = [(kind, scale) for kind in ("delta", "laplacian") for scale in SCALES]
    fields = np.array([open_store(stores[0][s])[kind].values.ravel() for kind, s in columns])
    fields = fields.astype(np.float64)
    best = np.linalg.lstsq(fields.T, wanted)[0] @ fields
    expected = np.corrcoef(best, wanted)[0, 1]
    assert of_one == pytest.approx(expected, rel=FLOAT32_TOLERANCE)
    assert not np.allclose(projection.matrix, alone.matrix, rtol=1e-6)


def test_top_hat_beyond_the_features_is_refused(boxes):
    _, stores, paths = zip(*boxes, strict=True)
    with pytest.raises(
        InputError,
        match=r"tophat_radius: features at R = 2, 4 Mpc/h .* top-hat of 1 Mpc/h is 0\.\d+, "
        r"expected at least 0.99; use scales around 0.5 to 1 Mpc/h",
    ):
        top_hat_projection(stores, LinearPower.read(paths), 1.0)
