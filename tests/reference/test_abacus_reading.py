"""Reading the real Abacus simulation: against its own files, the linear theory, and its README."""

import shutil
import warnings
from pathlib import Path

import abacusnbody.data.asdf  # noqa: F401  registers the compression
import asdf
import numpy as np
import pytest
from abacusnbody.data.bitpacked import unpack_pids
from abacusnbody.data.compaso_halo_catalog import CompaSOHaloCatalog
from conftest import REDSHIFT, SANDBOX_NAME, plant_box
from lagbias.base.errors import InputError
from lagbias.halos.indexing import write_particles
from lagbias.halos.particles import Particles
from lagbias.simulations.abacus import writer
from lagbias.simulations.abacus.box import AbacusBox
from lagbias.simulations.abacus.checks import check_same_box
from lagbias.simulations.abacus.reader import (
    growth_factor,
    particle_chunks,
    read_halos,
    read_header,
    read_linear_density,
)
from lagbias.simulations.abacus.tree import BoxFiles

BOX_SIZE = 250.0
PARTICLES_PER_SIDE = 192
# design.md: the displacements of this box correlate with the Zel'dovich ones at 0.977-0.983, slope
# 0.99. A half-cell shift of the origin lowers the first, a wrong growth factor the second.
DISPLACEMENT_CORRELATION = 0.95
DISPLACEMENT_SLOPE = (0.97, 1.01)
# ... with the 96^3 field, which lacks the short waves, the correlation is a little lower.
RESOLVED_SLOPE = (0.95, 1.03)


def read_column(path, column):
    with asdf.open(path) as file:
        return np.array(file["data"][column])


def test_every_particle_comes_exactly_once(sandbox_files):
    index = np.concatenate([chunk[1] for chunk in particle_chunks(sandbox_files)])
    assert len(index) == 1_680_424 + 441_310
    flat = np.ravel_multi_index(index.astype(np.int64).T, (PARTICLES_PER_SIDE,) * 3)
    occupied = np.bincount(flat, minlength=PARTICLES_PER_SIDE**3)
    assert occupied.max() == 1, f"{(occupied > 1).sum()} particles come more than once"
    # Independently of abacusutils' reader and of the library: the PIDs of all files.
    packed = [
        read_column(path, "packedpid")
        for product in ("field_pid_A", "halo_pid_A")
        for path in sorted((sandbox_files.halos / product).glob("*.asdf"))
    ]
    expected = unpack_pids(np.concatenate(packed), lagr_idx=True)["lagr_idx"]
    np.testing.assert_array_equal(index, expected)


def test_the_halo_catalogue_loses_particles_that_the_files_hold(sandbox_files):
    # Why the files are read directly: the catalogue drops what is in L0 groups but not in halos.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        catalogue = CompaSOHaloCatalog(
            sandbox_files.halos, cleaned=False, subsamples={"A": True, "pid": True},
            fields=["N", "npstartA", "npoutA"],
        )  # fmt: skip
    in_halos = len(catalogue.subsamples)
    in_files = sum(
        len(read_column(path, "packedpid"))
        for path in (sandbox_files.halos / "halo_pid_A").glob("*.asdf")
    )
    field = 1_680_424
    share = np.array([field + in_halos, field + in_files]) / PARTICLES_PER_SIDE**3
    np.testing.assert_allclose(share, [0.276, 0.2998], atol=0.001)


def test_positions_fill_the_box_and_reach_both_ends(sandbox_files):
    ends = [(p.min(), p.max()) for p, _, _ in particle_chunks(sandbox_files)]
    assert min(low for low, _ in ends) == -BOX_SIZE / 2
    assert max(high for _, high in ends) == BOX_SIZE / 2


def test_growth_table_keys_may_be_floats_or_strings(sandbox_files):
    table = read_header(sandbox_files.density)["GrowthTable"]
    for keys in (float, str):
        spelled = {keys(z): growth for z, growth in table.items()}
        ratio = growth_factor(spelled, 0.5) / growth_factor(spelled, 99.0)
        np.testing.assert_allclose(ratio, 59.9115, rtol=1e-6, err_msg=keys.__name__)


def test_redshift_that_the_growth_table_lacks_is_refused(sandbox_files):
    with pytest.raises(InputError, match=r"redshift 0.55 is not in the growth table.*0.5, "):
        read_linear_density(sandbox_files.density, 0.55)


@pytest.mark.parametrize("density_grid", [192, 96])
def test_linear_density_is_the_initial_one_grown(sandbox, density_grid):
    files = BoxFiles.under(sandbox, SANDBOX_NAME, REDSHIFT, density_grid)
    density, box_size = read_linear_density(files.density, REDSHIFT)
    assert (density.shape, density.dtype, box_size) == ((density_grid,) * 3, np.float32, BOX_SIZE)
    initial = read_column(files.density, "density")
    np.testing.assert_allclose(density, 59.9115 * initial, rtol=1e-5)


def test_growth_table_may_be_normalised_to_any_redshift(planted_box):
    density, _ = read_linear_density(planted_box.files.density, REDSHIFT)
    np.testing.assert_allclose(density, planted_box.linear_density, rtol=1e-6)


def displacement_fit(files, rows):
    """Correlation and slope, per axis, of final minus Lagrangian against Zel'dovich positions."""
    density, _ = read_linear_density(files.density, REDSHIFT)
    points = len(density)
    modes = np.fft.rfftn(density)
    k = 2 * np.pi * np.fft.fftfreq(points, BOX_SIZE / points)
    axes = np.meshgrid(k, k, k[: points // 2 + 1], indexing="ij", sparse=True)
    k2 = sum(axis**2 for axis in axes)
    k2[0, 0, 0] = np.inf
    position, index, _ = next(particle_chunks(files))
    position, index = position[::rows], index[::rows].astype(np.int64)
    # Only particles that lie on a density point: no rounding in the comparison.
    factor = PARTICLES_PER_SIDE // points
    on_point = (index % factor == 0).all(axis=1)
    position, index = position[on_point], index[on_point]
    start = (index / PARTICLES_PER_SIDE - 0.5) * BOX_SIZE
    moved = (position - start + BOX_SIZE / 2) % BOX_SIZE - BOX_SIZE / 2
    correlation, slope = [], []
    for axis in range(3):
        # delta = -div psi, so psi = i k / k^2 delta.
        psi = np.fft.irfftn(1j * axes[axis] / k2 * modes, s=density.shape, axes=(0, 1, 2))
        linear = psi[tuple((index // factor).T)]
        correlation.append(np.corrcoef(linear, moved[:, axis])[0, 1])
        slope.append(np.polyfit(linear, moved[:, axis], 1)[0])
    return np.array(correlation), np.array(slope)


@pytest.mark.parametrize(
    ("density_grid", "rows", "slopes"), [(192, 10, DISPLACEMENT_SLOPE), (96, 2, RESOLVED_SLOPE)]
)
def test_particles_moved_as_the_linear_density_says(sandbox, density_grid, rows, slopes):
    files = BoxFiles.under(sandbox, SANDBOX_NAME, REDSHIFT, density_grid)
    correlation, slope = displacement_fit(files, rows)
    assert (correlation > DISPLACEMENT_CORRELATION).all(), correlation
    assert ((slope > slopes[0]) & (slope < slopes[1])).all(), slope


def test_two_integers_of_the_real_box_know_where_particles_came_from(sandbox, tmp_path):
    # On the 96^3 grid two particles share a point along each axis: q = index / 2, ties to even.
    files = BoxFiles.under(sandbox, SANDBOX_NAME, REDSHIFT, 96)
    write_particles(AbacusBox(files, REDSHIFT), 5.0, tmp_path / "p.zarr")
    particles = Particles.read(tmp_path / "p.zarr")
    np.testing.assert_allclose(particles.sampled_fraction, 0.2998, atol=1e-4)
    assert len(particles.final_cell) == 2_121_734
    start = np.stack(np.unravel_index(particles.lagrangian_index[::50], (96,) * 3), axis=1)
    start = start * (BOX_SIZE / 96)
    final = particles.positions(slice(None))
    assert ((final >= 0) & (final < BOX_SIZE)).all()
    moved = final[::50] - start
    moved = (moved + BOX_SIZE / 2) % BOX_SIZE - BOX_SIZE / 2
    # The box as a whole does not move, and ties go to either side, so nothing is left on average;
    # ties all to one side would leave a quarter of a spacing, 0.65 Mpc/h.
    # The mean of 42,000 displacements scatters by 5 / 42000**0.5 = 0.02 Mpc/h, times 3.
    assert np.abs(moved.mean(axis=0)).max() < 0.08, moved.mean(axis=0)
    # Zel'dovich displacements of this cosmology at z = 0.5: 4.6 Mpc/h an axis, less the long waves.
    assert 3 < moved.std() < 6, moved.std()


def test_halos_above_the_cuts_are_as_many_as_the_readme_says(sandbox_files):
    position, particle_count, header = read_halos(sandbox_files.halos)
    assert len(position) == 9120
    assert header["SimName"] == SANDBOX_NAME
    at_least = {cut: int((particle_count >= cut).sum()) for cut in (35, 50, 100, 150)}
    assert at_least == {35: 9120, 50: 6025, 100: 2448, 150: 1323}
    above = {cut: int((particle_count > cut).sum()) for cut in (50, 100, 150)}
    assert above == {50: 5870, 100: 2403, 150: 1312}
    assert np.abs(position).max() <= BOX_SIZE / 2
    raw = [
        read_column(path, "x_com") for path in sorted(sandbox_files.halos.glob("halo_info/*.asdf"))
    ]
    np.testing.assert_allclose(position, np.concatenate(raw) * BOX_SIZE, atol=1e-4)


def test_header_of_another_box_or_redshift_is_refused(sandbox_files):
    header = read_header(sandbox_files.density)
    particles = read_header(sandbox_files.product("field_rv_A")[0])
    check_same_box(particles, header, REDSHIFT, "here")
    for field, value in (("SimName", "other"), ("BoxSize", 500.0)):
        with pytest.raises(InputError, match=f"here: header {field} is"):
            check_same_box(particles, header | {field: value}, REDSHIFT, "here")
    with pytest.raises(InputError, match="here: header Redshift is 0.5, expected 0.8"):
        check_same_box(particles, header, 0.8, "here")


def read_everything(files):
    list(particle_chunks(files))
    read_halos(files.halos)


def truncated(path: Path, keep: float = 0.6) -> None:
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * keep)])


@pytest.mark.parametrize("product", ["field_rv_A", "halo_pid_A", "halo_info"])
def test_truncated_file_is_named(planted_box, tmp_path, product):
    halos = tmp_path / "z0.500"
    shutil.copytree(planted_box.files.halos, halos)
    files = BoxFiles(halos, planted_box.files.density)
    damaged = files.product(product)[1]
    truncated(damaged)
    with pytest.raises(InputError, match=f"{damaged.name} cannot be read.*checksums.crc32"):
        read_everything(files)


@pytest.mark.parametrize("keep", [0.02, 0.6, 0.999])
def test_truncated_density_is_named(planted_box, tmp_path, keep):
    damaged = tmp_path / "ic_dens_N24.asdf"
    shutil.copy(planted_box.files.density, damaged)
    truncated(damaged, keep)
    with pytest.raises(InputError, match=r"ic_dens_N24.asdf cannot be read"):
        read_linear_density(damaged, REDSHIFT)


def test_absent_density_is_named(tmp_path):
    with pytest.raises(InputError, match="gone.asdf cannot be read"):
        read_header(tmp_path / "gone.asdf")


def test_position_file_without_its_pid_twin_is_refused(planted_box, tmp_path):
    halos = tmp_path / "z0.500"
    shutil.copytree(planted_box.files.halos, halos)
    (halos / "field_pid_A" / "field_pid_A_001.asdf").unlink()
    with pytest.raises(InputError, match="field_pid_A_001.asdf"):
        list(particle_chunks(BoxFiles(halos, planted_box.files.density)))


def test_twins_of_different_length_are_refused(tmp_path):
    box = plant_box(tmp_path / "a", particles=2000)
    other = plant_box(tmp_path / "b", particles=2400)
    shutil.copy(
        other.files.halos / "halo_pid_A" / "halo_pid_A_001.asdf",
        box.files.halos / "halo_pid_A" / "halo_pid_A_001.asdf",
    )
    writer.write_checksums(box.files.halos / "halo_pid_A")
    with pytest.raises(InputError, match="halo_pid_A_001.asdf 100: expected twins"):
        list(particle_chunks(box.files))


@pytest.mark.parametrize("product", ["field_rv_A", "halo_pid_A", "halo_info"])
def test_box_that_lacks_one_file_of_a_product_is_refused(planted_box, tmp_path, product):
    # Two files a product were written: one less must not pass for a smaller subsample.
    halos = tmp_path / "z0.500"
    shutil.copytree(planted_box.files.halos, halos)
    (halos / product / f"{product}_001.asdf").unlink()
    with pytest.raises(InputError, match="_001"):
        BoxFiles(halos, planted_box.files.density).found()
