"""Particles and initial densities that do not belong together are refused by their waves."""

import dataclasses

import numpy as np
import pytest
from conftest import GROWTH, GROWTH_TABLE, REDSHIFT, plant_box
from lagbias.base.errors import InputError
from lagbias.base.stores import open_store
from lagbias.halos.indexing import write_particles
from lagbias.halos.velocities import Velocities
from lagbias.simulations.abacus import writer
from lagbias.simulations.abacus.box import AbacusBox
from lagbias.simulations.abacus.reader import read_initial_density, read_linear_density
from lagbias.simulations.agreement import (
    LEAST_CORRELATION,
    LONGEST,
    check_same_waves,
    correlation,
    long_modes,
)

# float32 sums of some 10^3 terms.
ROUNDING = 1e-5


@pytest.mark.parametrize("points", [7, 8, 12, 13])
def test_long_modes_are_those_of_a_whole_transform(points, rng):
    field = rng.normal(size=(points,) * 3)
    whole = np.fft.fftn(field) / points**3
    number = np.arange(-LONGEST, LONGEST + 1)
    expected = whole[np.ix_(number, number, number[LONGEST:])]
    np.testing.assert_allclose(long_modes(field), expected, atol=ROUNDING)


@pytest.mark.parametrize(("points", "reach"), [(2, 0), (3, 1), (4, 1), (5, 2), (6, 2), (7, 3)])
def test_small_grids_have_the_modes_below_their_nyquist_wavenumber(points, reach):
    assert long_modes(np.ones((points,) * 3)).shape == (2 * reach + 1, 2 * reach + 1, reach + 1)


def test_correlation_is_that_of_the_fields_without_their_short_waves(rng):
    first, second = rng.normal(size=(2, 12, 12, 12))
    second += 0.5 * first + 3  # a mean does not count
    n = np.fft.fftfreq(12, 1 / 12)
    long = n[:, None, None] ** 2 + n[:, None] ** 2 + n**2 <= LONGEST**2
    filtered = [np.fft.ifftn(np.fft.fftn(field) * long).real for field in (first, second)]
    expected = np.corrcoef(*(field.ravel() for field in filtered))[0, 1]
    found = correlation(long_modes(first), long_modes(second))
    assert found == pytest.approx(expected, abs=ROUNDING)
    assert correlation(long_modes(first), long_modes(-first)) == pytest.approx(-1, abs=ROUNDING)


def test_grids_of_two_sizes_are_compared_on_the_waves_that_both_have(rng):
    def wave(points, turned=0.0):
        x = 2 * np.pi * np.arange(points) / points
        return np.cos(x + turned)[:, None, None] + np.sin(2 * x) + np.zeros((points,) * 3)

    for points in (5, 8, 9):
        assert correlation(long_modes(wave(20)), long_modes(wave(points))) > 1 - ROUNDING
    # One of the two waves is turned by a quarter: half of the correlation is left.
    turned = correlation(long_modes(wave(20)), long_modes(wave(8, np.pi / 2)))
    assert turned == pytest.approx(0.5, abs=ROUNDING)
    assert np.isnan(correlation(long_modes(wave(20)), long_modes(wave(2)))), "there is no wave"


def with_density(box, overdensity, folder):
    """The files of a box, with another initial density of the same header."""
    header = {key: box.header[key] for key in ("SimName", "BoxSize", "InitialRedshift")}
    writer.write_initial_density(folder, header, overdensity, GROWTH_TABLE)
    return dataclasses.replace(box.files, density=folder / box.files.density.name)


@pytest.mark.parametrize("velocities", [None, Velocities(None), Velocities(3.0)])
def test_particle_stores_say_how_they_agree_with_the_density(
    planted_box, tmp_path, velocities, caplog
):
    caplog.set_level("INFO")
    store = tmp_path / "particles.zarr"
    write_particles(planted_box.opened, 6.0, store, velocities=velocities)
    found = open_store(store).attrs["correlation_with_linear_density"]
    assert LEAST_CORRELATION + 0.2 < found < 1
    assert f"correlation {found:.4f} on waves longer than 16 Mpc/h" in caplog.text


def test_density_of_the_other_sign_is_refused(planted_box, tmp_path):
    density = read_initial_density(planted_box.files.density)[0]
    files = with_density(planted_box, -density, tmp_path / "ic")
    message = r"z0.500 and .*ic_dens_N24.asdf do not .*of -0\.\d\d between .* multiply it by -1"
    with pytest.raises(InputError, match=message):
        write_particles(AbacusBox(files, REDSHIFT), 6.0, tmp_path / "particles.zarr")
    assert [entry.name for entry in tmp_path.iterdir()] == ["ic"], "a store was left"


@pytest.mark.parametrize("seed", [2, 3, 4])
def test_density_of_another_phase_is_refused(planted_box, tmp_path, seed):
    density = read_initial_density(plant_box(tmp_path / "other", seed=seed).files.density)[0]
    files = with_density(planted_box, density, tmp_path / "ic")
    with pytest.raises(InputError, match="do not belong together: .*expected at least 0.5.*phase"):
        write_particles(AbacusBox(files, REDSHIFT), 6.0, tmp_path / "particles.zarr")


@pytest.mark.parametrize(("found", "refused"), [(0.51, False), (0.49, True), (-0.49, True)])
def test_threshold_is_a_correlation_of_a_half(planted_box, found, refused):
    if not refused:
        check_same_waves(found, planted_box.opened)
        return
    with pytest.raises(InputError, match="expected at least 0.5 .*particles of one phase"):
        check_same_waves(found, planted_box.opened)


def test_density_and_particles_of_a_real_box_agree(sandbox_files, tmp_path):
    write_particles(AbacusBox(sandbox_files, REDSHIFT), 5.0, tmp_path / "particles.zarr")
    store = open_store(tmp_path / "particles.zarr")
    assert store.attrs["correlation_with_linear_density"] == pytest.approx(0.990, abs=0.001)


def test_growth_is_no_part_of_the_initial_density(planted_box):
    initial, header = read_initial_density(planted_box.files.density)
    linear, box_size = read_linear_density(planted_box.files.density, REDSHIFT)
    assert header["BoxSize"] == box_size
    np.testing.assert_array_equal(linear, initial * np.float32(GROWTH))
