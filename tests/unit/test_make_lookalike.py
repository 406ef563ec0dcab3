"""A lookalike box: abacusutils reads it, and what it says of itself is true."""

import dataclasses

import numpy as np
import pytest
from abacusnbody.data.compaso_halo_catalog import CompaSOHaloCatalog
from abacusnbody.data.read_abacus import read_asdf
from lagbias.base.errors import InputError
from lagbias.simulations.abacus.checksums import CHECKSUM_LIST, cksum
from lagbias.simulations.abacus.reader import particle_chunks, read_halos, read_linear_density
from lagbias.simulations.mini.cosmology import linear_power
from make_lookalike import (
    LEAST_HALO,
    MASS_SLOPE,
    Fields,
    Lookalike,
    drawn_halos,
    files_of,
    make_lookalike,
    planted_ratio,
)

SETTINGS = Lookalike(
    name="AbacusLookalike_small_c000_ph000", box_size=200.0, particles_per_side=96,
    density_grid=32, files=2, subsample=0.3, halo_density=0.02, planted_scale=8.0,
)  # fmt: skip
POINTS, BOX_SIZE = SETTINGS.density_grid, SETTINGS.box_size
# Positions are stored in steps of 1e-6 of the box; the density in float32, as are its transforms.
DISPLACEMENT_TOLERANCE = 1e-6 * BOX_SIZE + 1e-4


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    root = tmp_path_factory.mktemp("lookalike")
    counts = make_lookalike(SETTINGS, root)
    return files_of(SETTINGS, root), counts


def modes_of(files):
    """Modes of the linear density as read back, and the wave vector [h/Mpc]."""
    density, box_size = read_linear_density(files.density, SETTINGS.redshift)
    assert (density.shape, box_size) == ((POINTS,) * 3, BOX_SIZE)
    k = 2 * np.pi * np.fft.fftfreq(POINTS, BOX_SIZE / POINTS)
    last = np.abs(k[: POINTS // 2 + 1])
    return np.fft.rfftn(density), np.meshgrid(k, k, last, indexing="ij")


def particles(files):
    chunks = list(particle_chunks(files))
    return [np.concatenate([chunk[i] for chunk in chunks]) for i in (0, 1)]


def test_abacusutils_reads_every_file(made):
    files, counts = made
    total = 0
    for kind in ("field", "halo"):
        for rv in files.product(f"{kind}_rv_A"):
            table = read_asdf(rv, load=["pos", "vel"], verbose=False)
            twin = rv.parents[1] / f"{kind}_pid_A" / rv.name.replace("rv", "pid")
            assert len(read_asdf(twin, load=["pid"], verbose=False)) == len(table) > 0
            total += len(table)
    assert total == counts["particles"]
    catalogue = CompaSOHaloCatalog(files.halos, cleaned=False, fields=["N", "x_com", "v_com"])
    assert len(catalogue.halos) == counts["halos"]
    assert catalogue.header["SimName"] == SETTINGS.name


def test_checksums_are_listed_for_every_file(made):
    files, _ = made
    for file in files.found():
        crc, size = cksum(file)
        assert f"{crc} {size} {file.name}\n" in (file.parent / CHECKSUM_LIST).read_text()


def test_the_subsample_is_of_its_size_and_every_particle_of_it_one(made):
    files, counts = made
    _, index = particles(files)
    lattice = SETTINGS.particles_per_side
    expected = SETTINGS.subsample * lattice**3
    scatter = np.sqrt(expected * (1 - SETTINGS.subsample))
    assert abs(counts["particles"] - expected) < 5 * scatter
    flat = np.ravel_multi_index(index.astype(np.int64).T, (lattice,) * 3)
    assert len(np.unique(flat)) == len(flat) == counts["particles"]


def test_particles_are_displaced_by_the_zeldovich_field_of_the_density(made):
    files, _ = made
    modes, k = modes_of(files)
    position, index = particles(files)
    factor = SETTINGS.particles_per_side // POINTS
    on_point = (index % factor == 0).all(axis=1)  # no interpolation there
    position, index = position[on_point], index[on_point].astype(np.int64)
    start = (index / SETTINGS.particles_per_side - 0.5) * BOX_SIZE
    moved = (position - start + BOX_SIZE / 2) % BOX_SIZE - BOX_SIZE / 2
    k2 = sum(axis**2 for axis in k)
    k2[0, 0, 0] = np.inf
    for axis in range(3):
        wave = modes * 1j * k[axis] / k2
        # The Nyquist wave of the axis has no direction.
        wave[np.isclose(np.abs(k[axis]), np.pi * POINTS / BOX_SIZE)] = 0
        psi = np.fft.irfftn(wave, s=(POINTS,) * 3, axes=(0, 1, 2))
        expected = psi[tuple((index // factor).T)]
        assert expected.std() > 1
        np.testing.assert_allclose(moved[:, axis], expected, rtol=0, atol=DISPLACEMENT_TOLERANCE)


def test_density_has_the_linear_power_of_abacussummit(made):
    files, _ = made
    modes, k = modes_of(files)
    size = np.sqrt(sum(axis**2 for axis in k))
    band = (size > 0.2) & (size < 0.45)
    found = np.mean(np.abs(modes[band]) ** 2) * BOX_SIZE**3 / POINTS**6
    expected = np.mean(np.exp(np.interp(np.log(size[band]), *np.log(linear_power(0.5)))))
    tolerance = 5 * np.sqrt(2 / band.sum())  # five times the scatter of as many modes
    np.testing.assert_allclose(found, expected, rtol=tolerance)


def test_halos_follow_the_planted_ratio(made):
    """Halo mass in bins of f against what f says, where it was drawn: moved back by its density."""
    files, counts = made
    settings = dataclasses.replace(SETTINGS, halo_density=0.2)
    modes, k = modes_of(files)
    window = np.exp(-0.5 * sum(axis**2 for axis in k) * SETTINGS.planted_scale**2)
    smoothed = np.fft.irfftn(modes * window, s=(POINTS,) * 3, axes=(0, 1, 2))
    ratio = planted_ratio(smoothed / smoothed.std())
    ratio /= ratio.mean()
    # Without displacement a halo stands on the patch that it was drawn from.
    still = Fields(np.zeros((3,) + (POINTS,) * 3, dtype=np.float32), ratio.astype(np.float32))
    halos = drawn_halos(settings, still, range(POINTS))
    point = np.rint((halos["x_com"] / BOX_SIZE + 0.5) * POINTS).astype(int) % POINTS
    count = np.zeros((POINTS,) * 3)
    np.add.at(count, tuple(point.T), 1)
    mean = settings.halo_density * (BOX_SIZE / POINTS) ** 3
    for low, high in zip((0, 0.5, 1, 2), (0.5, 1, 2, 9), strict=True):
        patch = (ratio >= low) & (ratio < high)
        expected = mean * ratio[patch].sum()
        assert abs(count[patch].sum() - expected) < 5 * np.sqrt(expected), (low, high)
    # Mass: particle numbers are drawn alike everywhere.
    rich = ratio[tuple(point.T)] > 1
    log_number = np.log(halos["N"])
    scatter = log_number.std() * np.sqrt(1 / rich.sum() + 1 / (~rich).sum())
    assert abs(log_number[rich].mean() - log_number[~rich].mean()) < 5 * scatter
    above = (halos["N"] >= 150).sum()
    expected = len(log_number) * (150 / LEAST_HALO) ** -MASS_SLOPE
    assert abs(above - expected) < 5 * np.sqrt(expected)
    # The box itself: its halos are as many as f, of mean 1, says.
    expected = SETTINGS.halo_density * BOX_SIZE**3
    assert abs(counts["halos"] - expected) < 5 * np.sqrt(expected)


def test_halos_lie_where_particles_of_large_f_went(made):
    """Final halo density against that of particles weighted by f, cell by cell."""
    files, _ = made
    modes, k = modes_of(files)
    window = np.exp(-0.5 * sum(axis**2 for axis in k) * SETTINGS.planted_scale**2)
    smoothed = np.fft.irfftn(modes * window, s=(POINTS,) * 3, axes=(0, 1, 2))
    ratio = planted_ratio(smoothed / smoothed.std())
    position, index = particles(files)
    point = np.rint(index / 3).astype(int) % POINTS
    halo_position, number, _ = read_halos(files.halos)
    assert number.min() >= LEAST_HALO

    def counts(where, weight=None):
        cell = np.floor((where / BOX_SIZE + 0.5) * 8).astype(int) % 8
        flat = np.ravel_multi_index(cell.T, (8,) * 3)
        return np.bincount(flat, weight, minlength=8**3)

    weight = ratio[tuple(point.T)]
    weight *= len(number) / weight.sum()
    model = counts(position, weight)
    # Halos are Poisson draws; the particles, a random share of all, scatter as well.
    variance = model + (1 - SETTINGS.subsample) * counts(position, weight**2)
    chi_squared = np.mean((counts(halo_position) - model) ** 2 / variance)
    np.testing.assert_allclose(chi_squared, 1, atol=5 * np.sqrt(2 / 512))


def test_the_number_of_files_does_not_change_what_is_drawn(made, tmp_path):
    files, _ = made
    one = dataclasses.replace(SETTINGS, files=1)
    make_lookalike(one, tmp_path)
    first, second = particles(files), particles(files_of(one, tmp_path))
    for position, index in (first, second):
        order = np.lexsort(index.T)
        position[:], index[:] = position[order], index[order]
    np.testing.assert_array_equal(first[1], second[1])
    np.testing.assert_array_equal(first[0], second[0])


def test_an_existing_box_is_not_written_over(made):
    files, _ = made
    with pytest.raises(InputError, match="is there already"):
        make_lookalike(SETTINGS, files.halos.parents[3])


def test_ratio_planted_below_the_grid_is_refused(tmp_path):
    with pytest.raises(InputError, match="planted_scale 2 Mpc/h is below"):
        make_lookalike(dataclasses.replace(SETTINGS, planted_scale=2.0), tmp_path)
