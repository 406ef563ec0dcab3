"""Linear power: mode sums against fields in space, several boxes."""

import numpy as np
import pytest
from conftest import gaussian_field
from lagbias.features.linear_power import LinearPower, variance_by_wavenumber, write_linear_power
from lagbias.fields.grid import Grid, InPlaceTransform

BOX_SIZE = 60.0


def power_of(density, tmp_path, name="power.nc"):
    write_linear_power(lambda: density.astype(np.float32), BOX_SIZE, tmp_path / name)
    return tmp_path / name


@pytest.mark.parametrize("points", [24, 25])
def test_covariance_of_filters_is_that_of_the_filtered_fields(points, rng, tmp_path):
    density = gaussian_field(points, rng)
    power = LinearPower.read([power_of(density, tmp_path)])
    grid = Grid(points, BOX_SIZE)
    k = np.sqrt(
        grid.wavenumbers()[:, None, None] ** 2
        + grid.wavenumbers()[:, None] ** 2
        + grid.half_wavenumbers() ** 2
    )
    modes = np.fft.rfftn(density)
    first, second = (lambda k: np.exp(-2 * k)), (lambda k: np.cos(3 * k))
    fields = [np.fft.irfftn(modes * f(k), s=density.shape, axes=(0, 1, 2)) for f in (first, second)]
    # Float32 transforms lose a few 1e-7 of the largest mode.
    for one, other, expected in (
        (first, second, (fields[0] * fields[1]).mean()), (second, second, (fields[1] ** 2).mean()),
    ):  # fmt: skip
        found = power.covariance(one(power.wavenumber), other(power.wavenumber))
        assert found == pytest.approx(expected, rel=1e-5)
    assert power.variance.sum() == pytest.approx(density.var(), rel=1e-5)


def test_wave_has_its_variance_at_its_wavenumber():
    grid = Grid(16, BOX_SIZE)
    transform = InPlaceTransform(grid.shape)
    x = np.arange(16) * grid.spacing
    phase = grid.fundamental * (2 * x[:, None, None] - x[:, None] + 3 * x)
    transform.field[:] = 5 + 0.3 * np.cos(phase)
    wavenumber, variance = variance_by_wavenumber(transform.to_spectrum(), grid)
    assert (wavenumber > 0).all()
    assert (np.diff(wavenumber) > 0).all()
    there = np.argmax(variance)
    assert wavenumber[there] == pytest.approx(np.sqrt(14) * grid.fundamental)
    assert variance[there] == pytest.approx(0.3**2 / 2, rel=1e-5)  # float32
    assert np.delete(variance, there).max() < 1e-12, "the mean, or another mode, has got in"


def test_boxes_are_pooled_by_their_grid_points(rng, tmp_path):
    small, large = gaussian_field(12, rng), 3 * gaussian_field(24, rng)
    paths = [power_of(small, tmp_path, "small.nc"), power_of(large, tmp_path, "large.nc")]
    expected = (small**2).sum() + (large**2).sum()
    found = LinearPower.read(paths).variance.sum()
    assert found == pytest.approx(expected / (small.size + large.size), rel=1e-5)  # float32
