"""Particles as two integers, halo fields on the training mesh, painting."""

import dataclasses

import numpy as np
import pytest
import xarray as xr
from conftest import REDSHIFT, carried_field, plant_box
from lagbias.base.errors import InputError
from lagbias.base.stores import append_variable, open_store, set_attributes
from lagbias.fields.grid import Grid
from lagbias.fields.mesh import Mesh
from lagbias.fields.painting import paint
from lagbias.halos.carried import write_fields
from lagbias.halos.catalogue import halo_overdensity, paint_halos
from lagbias.halos.indexing import write_particles
from lagbias.halos.particles import Particles
from lagbias.halos.selection import write_halos
from lagbias.simulations.abacus.box import AbacusBox

# Positions are kept in steps of 1e-6 of the box ("rvint").
RVINT_STEP = 1e-6


def wrapped(difference, box_size):
    return (difference + box_size / 2) % box_size - box_size / 2


@pytest.mark.parametrize("cells", [8, 7])
def test_nearest_cell_is_centred_on_its_grid_point(cells):
    mesh = Mesh(cells, 70.0)
    width = 70.0 / cells
    centre = -35.0 + 3 * width
    # Just inside either face of cell 3 along z, and just beyond.
    z = centre + width * np.array([0, -0.499, 0.499, -0.501, 0.501])
    position = np.stack([np.full(5, -35.0), np.full(5, -35.0 + width), z], axis=1)
    expected = cells * 1 + np.array([3, 3, 3, 2, 4])
    np.testing.assert_array_equal(mesh.nearest_cell(position), expected)


@pytest.mark.parametrize("cells", [8, 7])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_both_ends_of_the_box_are_cell_zero(cells, dtype):
    mesh = Mesh(cells, 70.0)
    ends = np.array([[-35, -35, -35], [35, 35, 35], [-35, 35, -35], [35, -35, 35]], dtype=dtype)
    np.testing.assert_array_equal(mesh.nearest_cell(ends), 0)
    inside = ends * (1 - 1.1 / cells)  # a little more than half a cell inside: another cell
    last = cells - 1
    expected = [(cells + 1) * cells + 1, (last * cells + last) * cells + last]
    np.testing.assert_array_equal(mesh.nearest_cell(inside[:2]), expected)


def test_every_grid_point_has_its_own_cell():
    for cells in (5, 6):
        axis = np.arange(cells) / cells * 48 - 24
        points = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1).reshape(-1, 3)
        np.testing.assert_array_equal(Mesh(cells, 48.0).nearest_cell(points), np.arange(cells**3))


@pytest.mark.parametrize("cells", [20, 50, 100, 200, 400])
def test_subcells_fit_32_bits_and_are_the_most_that_do_up_to_the_limit(cells):
    subcells = Mesh(cells, 500.0).subcells
    assert subcells & (subcells - 1) == 0, subcells
    assert (cells * subcells) ** 3 <= 2**32
    assert subcells >= 16 or (cells * 2 * subcells) ** 3 > 2**32, subcells


@pytest.mark.parametrize(
    ("particles_per_side", "density_grid"), [(24, 24), (24, 12), (24, 8), (24, 4), (16, 24)]
)
def test_two_integers_give_back_position_and_lagrangian_point(
    particles_per_side, density_grid, tmp_path
):
    box = plant_box(
        tmp_path, particles_per_side=particles_per_side, density_grid=density_grid, particles=2000
    )
    write_particles(box.opened, 6.0, tmp_path / "particles.zarr")
    particles = Particles.read(tmp_path / "particles.zarr")
    mesh, box_size = particles.mesh, box.header["BoxSize"]
    assert (mesh.cells, mesh.box_size) == (8, box_size)
    assert particles.density_grid == density_grid

    # Nearest density point, ties to the even one, modulo the grid: with fractions of integers.
    quotient, rest = np.divmod(box.lagrangian_index * density_grid, particles_per_side)
    tie = 2 * rest == particles_per_side
    up = np.where(tie, quotient % 2 == 1, 2 * rest > particles_per_side)
    point = (quotient + up) % density_grid
    expected_point = np.ravel_multi_index(point.T, (density_grid,) * 3)

    # The planted order is recovered by matching sorted (cell, point) against the packed store.
    fine = mesh.cells * mesh.subcells
    across = (box.position + box_size / 2) / box_size * fine + mesh.subcells / 2
    recovered = particles.positions(slice(2000))
    assert recovered.dtype == np.float32
    order = np.lexsort((particles.final_cell, particles.lagrangian_index))
    sub = np.floor(across).astype(np.int64) % fine
    cell = np.ravel_multi_index((sub // mesh.subcells).T, (mesh.cells,) * 3)
    rest = np.ravel_multi_index((sub % mesh.subcells).T, (mesh.subcells,) * 3)
    final = cell * mesh.subcells**3 + rest
    planted = np.lexsort((final, expected_point))
    np.testing.assert_array_equal(
        particles.lagrangian_index[order], expected_point[planted], err_msg="Lagrangian points"
    )
    # Positions are quantised by the file format first, so a few change sub-cell: compare numbers.
    half_subcell = box_size / fine / 2
    distance = np.abs(
        wrapped(recovered[order] - box_size / 2 - box.position[planted], box_size)
    ).max(axis=1)
    fits = distance <= half_subcell + 2 * RVINT_STEP * box_size
    assert fits.mean() > 0.99, f"{(~fits).sum()} of 2000 beyond half a sub-cell: {distance.max()}"


def test_particles_are_sorted_and_cells_begin_where_they_say(planted_box, stores):
    particles = Particles.read(stores.particles)
    assert len(particles.final_cell) == len(planted_box.position)
    assert (np.diff(particles.final_cell.astype(np.int64)) >= 0).all()
    count = np.bincount(
        particles.mesh.nearest_cell(planted_box.position), minlength=particles.mesh.size
    )
    found = np.diff(particles.cell_start)
    # The file format moves positions by 1e-6 of the box: an odd particle changes cell.
    assert np.abs(found - count).sum() <= 4, np.flatnonzero(found != count)
    assert (particles.cell_start[0], particles.cell_start[-1]) == (0, len(planted_box.position))
    cell = np.repeat(np.arange(particles.mesh.size), found)
    np.testing.assert_array_equal(cell, particles.final_cell // particles.mesh.subcells**3)
    np.testing.assert_allclose(particles.sampled_fraction, 8000 / 24**3, rtol=1e-12)


def test_particles_in_the_store_are_of_their_dtype_and_say_their_box(planted_box, stores):
    store = open_store(stores.particles)
    assert store["final_cell"].dtype == store["lagrangian_index"].dtype == np.uint32
    assert store.attrs["simulation"] == planted_box.header["SimName"]
    assert store.attrs["redshift"] == REDSHIFT


def test_threads_do_not_change_the_particles(planted_box, stores, tmp_path):
    write_particles(planted_box.opened, 6.0, tmp_path / "two.zarr", threads=2)
    one, two = (Particles.read(path) for path in (stores.particles, tmp_path / "two.zarr"))
    np.testing.assert_array_equal(two.final_cell, one.final_cell)
    np.testing.assert_array_equal(two.lagrangian_index, one.lagrangian_index)


def test_particles_read_in_small_parts_are_the_same(planted_box, stores, tmp_path, monkeypatch):
    monkeypatch.setattr("lagbias.simulations.abacus.reader.CHUNK_PARTICLES", 700)
    write_particles(planted_box.opened, 6.0, tmp_path / "parts.zarr")
    whole, parts = (Particles.read(path) for path in (stores.particles, tmp_path / "parts.zarr"))
    np.testing.assert_array_equal(parts.final_cell, whole.final_cell)
    np.testing.assert_array_equal(parts.lagrangian_index, whole.lagrangian_index)
    np.testing.assert_array_equal(parts.cell_start, whole.cell_start)
    assert [entry.name for entry in tmp_path.iterdir()] == ["parts.zarr"], "slabs were left"


def test_halo_mass_is_conserved_and_put_in_its_cells(planted_box, stores):
    store = open_store(stores.halos)
    above = planted_box.particle_count > 50
    assert 0 < above.sum() < len(above)
    np.testing.assert_array_equal(
        np.sort(store["particle_count"].values), np.sort(planted_box.particle_count[above])
    )
    mass = np.zeros((8, 8, 8))
    grid_point = np.rint((planted_box.halo_position[above] / 48 + 0.5) * 8).astype(int) % 8
    np.add.at(mass, tuple(grid_point.T), planted_box.particle_count[above])
    np.testing.assert_allclose(
        store["overdensity"].values, mass / mass.mean() - 1, rtol=1e-6, atol=1e-6
    )
    np.testing.assert_allclose(store["overdensity"].values.mean(dtype=np.float64), 0, atol=1e-6)


def test_halo_cut_is_strict(tmp_path):
    box = plant_box(tmp_path, halos=50)
    cut = int(box.particle_count[20])
    write_halos(box.opened, cut, 6.0, tmp_path / "halos.zarr")
    kept = open_store(tmp_path / "halos.zarr")["particle_count"].values
    assert len(kept) == (box.particle_count > cut).sum() < (box.particle_count >= cut).sum()
    assert kept.min() > cut


def test_one_halo_fills_one_cell():
    mesh = Mesh(4, 40.0)
    field = halo_overdensity(np.array([[20.0, -20.0, 1.0]]), np.array([77]), mesh)
    assert field[0, 0, 2] == 4**3 - 1
    assert (np.delete(field.ravel(), 2) == -1).all()


def test_painting_conserves_mass_and_wraps(rng):
    grid = Grid(8, 16.0)
    position = rng.uniform(0, 16, (500, 3)).astype(np.float32)
    weight = rng.uniform(0.5, 3, 500).astype(np.float32)
    field = paint([(position, weight)], grid)
    np.testing.assert_allclose(field.mean(dtype=np.float64), 0, atol=1e-6)
    # One point on grid point (0, 0, 0) spreads 3/4 and 1/8 a side (triangular-shaped cloud).
    spread = np.zeros(8)
    spread[[0, 1, -1]] = 0.75, 0.125, 0.125
    expected = 8**3 * np.einsum("i,j,k", spread, spread, spread) - 1
    for x in (0.0, np.nextafter(np.float32(16), np.float32(0))):
        point = np.full((1, 3), x, dtype=np.float32)
        np.testing.assert_allclose(paint([(point, None)], grid), expected, atol=1e-4)


def test_painting_in_parts_equals_painting_at_once(rng):
    grid = Grid(8, 16.0)
    position = rng.uniform(0, 16, (300, 3)).astype(np.float32)
    weight = rng.uniform(0, 3, 300).astype(np.float32)
    at_once = paint([(position, weight)], grid)
    in_parts = paint([(position[:100], weight[:100]), (position[100:], weight[100:])], grid)
    np.testing.assert_allclose(in_parts, at_once, atol=1e-5)


def written_fields(particles, ratios, folder) -> xr.Dataset:
    members = [f"seed{number}" for number in range(len(ratios))]
    write_fields(particles, ratios, members, 6.0, folder / "fields.zarr")
    return open_store(folder / "fields.zarr")


def test_particles_carry_the_ratio_of_their_lagrangian_point(stores, tmp_path):
    particles = Particles.open(stores.particles)
    grid = Grid(8, 48.0)
    ratio = np.zeros(24**3, dtype=np.float32)
    points = np.asarray(particles.lagrangian_index)
    ratio[points[4321]] = 2.5
    assert (points == points[4321]).sum() == 1
    alone = paint([(particles.positions(slice(4321, 4322)), None)], grid)
    ones = np.ones(24**3, dtype=np.float32)
    fields = written_fields(particles, [ratio, ones, None], tmp_path)
    assert list(fields.attrs["members"]) == ["seed0", "seed1", "seed2", "mean"]
    one, two, three, mean = fields["overdensity"].values
    np.testing.assert_allclose(one, alone, atol=1e-4)
    np.testing.assert_array_equal(two, three)
    np.testing.assert_allclose(two, carried_field(particles, ones, grid), atol=1e-5)
    average = (ratio + ones + ones) / np.float32(3)
    np.testing.assert_allclose(mean, carried_field(particles, average, grid), atol=1e-5)
    count = len(points)
    sums = np.array([2.5, count, count, (2.5 + 2 * count) / 3])
    np.testing.assert_allclose(fields["mean_ratio"], sums / count)


def test_painting_in_chunks_loses_no_particle(stores, tmp_path, monkeypatch):
    particles = Particles.open(stores.particles)
    ratio = np.random.default_rng(5).uniform(0, 3, 24**3).astype(np.float32)
    whole = written_fields(particles, [ratio, None], tmp_path / "whole")
    monkeypatch.setattr("lagbias.halos.particles.PAINT_CHUNK", 777)
    monkeypatch.setattr("lagbias.base.stores.CHUNK_BYTES", 8000)
    parts = written_fields(particles, [ratio, None], tmp_path / "parts")
    for name in ("overdensity", "mean_ratio", "sampling_noise"):
        np.testing.assert_allclose(parts[name], whole[name], atol=1e-5, err_msg=name)


def test_particles_are_read_in_the_chunks_of_their_store(stores, tmp_path, monkeypatch):
    """Chunks are alike, so that they are smaller than the largest: 8000 in threes of 2667."""
    whole = open_store(stores.particles)
    monkeypatch.setattr("lagbias.base.stores.CHUNK_BYTES", 12_000)
    store = tmp_path / "particles.zarr"
    for name in ("final_cell", "lagrangian_index", "cell_start"):
        append_variable(store, name, whole[name].values, whole[name].dims)
    set_attributes(store, **whole.attrs)
    particles = Particles.open(store)
    parts = [part for part, _ in particles.index_chunks()]
    chunk = particles.lagrangian_index.encoding["chunks"][0]
    assert [part.start for part in parts] == list(range(0, 8000, chunk)), parts
    assert len(parts) == 3
    found = np.concatenate([index for _, index in particles.index_chunks()])
    np.testing.assert_array_equal(found, whole["lagrangian_index"].values)


def test_subcells_keep_the_power_of_the_model_up_to_the_largest_wavenumber():
    # The default config's mesh. A position at its sub-cell's centre is smoothed by the sub-cell's
    # box window; the halos are not, so the model's power falls short by 1 - sinc^2(k h / 2) along
    # an axis. At k = 0.6 h/Mpc that shall stay below 0.3 %, a third of the figure's 1 %.
    mesh = Mesh.of_cell_size(10.0, 200.0)
    subcell = mesh.box_size / mesh.cells / mesh.subcells
    shortfall = 1 - np.sinc(0.6 * subcell / 2 / np.pi) ** 2
    assert shortfall < 0.003, f"sub-cells of {subcell} Mpc/h lose {shortfall:.2%} of the power"


def test_halos_are_painted_with_their_mass_and_shot_noise(planted_box, stores):
    grid = Grid(12, 48.0)
    field, shot_noise = paint_halos(stores.halos, grid)
    above = planted_box.particle_count > 50
    mass = planted_box.particle_count[above].astype(np.float64)
    np.testing.assert_allclose(shot_noise, 48.0**3 * (mass**2).sum() / mass.sum() ** 2, rtol=1e-10)
    position = (planted_box.halo_position[above] + 24).astype(np.float32)
    expected = paint([(position, mass.astype(np.float32))], grid)
    np.testing.assert_allclose(field, expected, atol=1e-4 * expected.max())


@pytest.mark.parametrize("cell_size", [7.0, 47.0, 100.0])
def test_cell_size_that_does_not_divide_the_box_is_refused(cell_size, planted_box, tmp_path):
    with pytest.raises(InputError, match=f"cell size {cell_size:g} Mpc/h does not divide"):
        write_particles(planted_box.opened, cell_size, tmp_path / "p.zarr")
    assert list(tmp_path.iterdir()) == []


def test_cut_that_leaves_no_halo_is_refused(planted_box, tmp_path):
    with pytest.raises(InputError, match="halo cut N > 10000000 leaves none of the 300 halos"):
        write_halos(planted_box.opened, 10_000_000, 6.0, tmp_path / "h.zarr")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("change", "field"),
    [({"name": "AbacusOther_small_c000_ph001"}, "SimName"), ({"box_size": 96.0}, "BoxSize")],
)
def test_particles_and_halos_of_another_box_are_refused(planted_box, tmp_path, change, field):
    other = plant_box(tmp_path / "other", particles=1000, **change)
    mixed = dataclasses.replace(planted_box.files, density=other.files.density)
    with pytest.raises(InputError, match=f"header {field} is"):
        write_particles(AbacusBox(mixed, REDSHIFT), 6.0, tmp_path / "p.zarr")
    with pytest.raises(InputError, match=f"header {field} is"):
        write_halos(AbacusBox(mixed, REDSHIFT), 50, 6.0, tmp_path / "h.zarr")
    assert not list(tmp_path.glob("*.zarr"))


def test_files_of_another_redshift_are_refused(planted_box, tmp_path):
    with pytest.raises(InputError, match="header Redshift is 0.5, expected 1.0"):
        write_particles(AbacusBox(planted_box.files, 1.0), 6.0, tmp_path / "p.zarr")
    with pytest.raises(InputError, match="header Redshift is 0.5, expected 1.0"):
        write_halos(AbacusBox(planted_box.files, 1.0), 50, 6.0, tmp_path / "h.zarr")


def test_painting_nothing_is_refused():
    with pytest.raises(InputError, match="weights add up to zero"):
        paint([(np.ones((3, 3), dtype=np.float32), np.zeros(3, dtype=np.float32))], Grid(8, 16.0))
