"""Triangles, cubes of cells, sub-cubes, redshift space: small cases known exactly."""

import itertools

import numpy as np
import pytest
import scipy.special
import xarray as xr
from conftest import gaussian_field, plant_box
from lagbias.base.errors import InputError
from lagbias.base.stores import open_store
from lagbias.fields.bispectrum import TRIANGLES, Triangles
from lagbias.fields.cubes import CONTRAST_EDGES, cells_of_cubes, cube_means, cube_statistics
from lagbias.fields.grid import Grid
from lagbias.fields.jackknife import SUB_CUBES, jackknife_error, split_off, sub_cube_of_cells
from lagbias.fields.sampling_noise import sampling_bispectrum
from lagbias.fields.shells import Shells, shell_edges
from lagbias.halos.indexing import write_particles
from lagbias.halos.particles import Particles
from lagbias.halos.selection import write_halos
from lagbias.halos.velocities import Velocities
from lagbias.simulations.abacus.reader import in_redshift_space, particle_chunks, read_halos


def modes_of(field):
    return np.fft.rfftn(field) / field.size


def triangles_by_hand(edges, fundamental, reach=7):
    """Vectors of every closed triangle, equilateral or squeezed, by shell: loops over modes."""
    axis = range(-reach, reach + 1)
    vectors = np.array([v for v in itertools.product(axis, axis, axis) if any(v)])
    shell = np.digitize(np.linalg.norm(vectors, axis=1) * fundamental, edges) - 1
    place = {tuple(vector): number for vector, number in zip(vectors, shell, strict=True)}
    found = {}
    for number in range(len(edges) - 1):
        sides = vectors[shell == number]
        for name, others in (("equilateral", sides), ("squeezed", vectors[shell == 0])):
            last = -(sides[:, None] + others[None])
            closed = [
                (tuple(first), tuple(second), tuple(last[i, j]))
                for (i, first), (j, second) in itertools.product(
                    enumerate(sides), enumerate(others)
                )
                if place.get(tuple(last[i, j])) == number
            ]
            found[name, number] = closed
    return found


@pytest.mark.parametrize("points", [24, 15])
def test_bispectrum_and_counts_are_those_of_all_triangles_one_by_one(points, rng):
    grid = Grid(points, 60.0)
    edges = (np.arange(5) + 0.5) * grid.fundamental
    field = rng.normal(size=grid.shape) ** 2
    modes = modes_of(field)
    full = np.fft.fftn(field) / field.size
    triangles = Triangles(grid, edges)
    found = triangles.bispectrum(modes)
    power = triangles.power_of_sides(modes, modes)
    by_hand = triangles_by_hand(edges, grid.fundamental)
    seen = 0
    for (row, name), shell in itertools.product(enumerate(TRIANGLES), range(4)):
        used = shell >= 1 if name == "equilateral" else edges[shell] >= 2 * edges[1]
        if not used:
            assert triangles.count[row, shell] == 0
            assert np.isnan(found[row, shell])
            continue
        sides = by_hand[name, shell]
        seen += len(sides)
        assert triangles.count[row, shell] == len(sides), (name, shell)
        values = [[full[side] for side in triangle] for triangle in sides]
        expected = np.prod(values, axis=1).mean().real * grid.box_size**6
        scale = np.abs(np.prod(values, axis=1)).mean() * grid.box_size**6
        np.testing.assert_allclose(found[row, shell], expected, atol=1e-10 * scale)
        expected = (np.abs(values) ** 2).sum(axis=1).mean() * grid.box_size**3
        np.testing.assert_allclose(power[row, shell], expected, rtol=1e-10)
    assert seen > 1000, "triangles of both kinds were compared"


def test_three_plane_waves_that_close_have_the_bispectrum_of_one_triangle():
    grid = Grid(16, 100.0)
    x, y, _ = np.meshgrid(*[np.arange(16) / 16 * 2 * np.pi] * 3, indexing="ij")
    # (2, 0) + (-1, 2) + (-1, -2) = 0: lengths 2, 2.24 and 2.24, all in the second shell.
    field = np.cos(2 * x) + np.cos(-x + 2 * y) + np.cos(-x - 2 * y)
    edges = (np.arange(4) + 0.5) * grid.fundamental
    triangles = Triangles(grid, edges)
    # Each wave has two modes of 1/2; the triangle and its mirror, each in six orders.
    expected = 12 / 8 / triangles.count[0, 1] * grid.box_size**6
    found = triangles.bispectrum(modes_of(field))
    np.testing.assert_allclose(found[0, 1], expected, rtol=1e-10)
    np.testing.assert_allclose(found[0, 2], 0, atol=1e-10 * expected)


def test_triangles_of_a_fine_grid_are_those_of_a_coarser_one(rng):
    coarse, fine = Grid(18, 60.0), Grid(36, 60.0)
    edges = shell_edges(coarse, 0.4)
    modes = modes_of(rng.normal(size=fine.shape))
    index = np.fft.fftfreq(18, 1 / 18).astype(int)
    few = modes[np.ix_(index, index, range(10))]
    found = [Triangles(grid, edges).bispectrum(m) for grid, m in ((coarse, few), (fine, modes))]
    np.testing.assert_allclose(*found, rtol=1e-9)


def test_sampling_bispectrum_of_equal_points_is_the_textbook_shot_noise():
    noise, power = 20.0, np.array([300.0, 50.0])  # less shot noise, the same at all three sides
    found = sampling_bispectrum(3 * (power + noise), noise, 2 * noise**2)
    np.testing.assert_allclose(found, noise * 3 * power + noise**2)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_quadrupole_of_a_plane_wave_depends_on_its_direction(axis):
    grid = Grid(16, 100.0)
    shells = Shells(grid, (np.arange(4) + 0.5) * grid.fundamental)
    x = np.meshgrid(*[np.arange(16) / 16 * 2 * np.pi] * 3, indexing="ij")[axis]
    modes = modes_of(np.cos(2 * x))
    monopole = shells.power(modes)
    np.testing.assert_allclose(monopole[1], 2 / 4 / shells.modes[1] * grid.box_size**3, rtol=1e-12)
    # 5 L_2 is 5 along the line of sight, z, and -5/2 across.
    factor = 5 if axis == 2 else -2.5
    np.testing.assert_allclose(
        shells.power(modes, multipole=2)[1], factor * monopole[1], rtol=1e-12
    )


@pytest.mark.parametrize("points", [16, 15])
def test_quadrupole_of_equal_power_everywhere_is_zero(points):
    grid = Grid(points, 100.0)
    shells = Shells(grid, (np.arange(points // 2) + 0.5) * grid.fundamental)
    modes = np.ones((points, points, points // 2 + 1), dtype=np.complex64)
    np.testing.assert_allclose(
        shells.power(modes, multipole=2) / shells.power(modes), 0, atol=1e-12
    )


@pytest.mark.parametrize("points", [16, 15])
def test_legendre_polynomials_are_evaluated_once_and_are_those_of_every_mode(points, monkeypatch):
    grid = Grid(points, 100.0)
    shells = Shells(grid, (np.arange(4) + 0.5) * grid.fundamental)
    called, legendre = [], scipy.special.eval_legendre
    monkeypatch.setattr(
        "scipy.special.eval_legendre", lambda *args: called.append(0) or legendre(*args)
    )
    modes = np.ones((points, points, points // 2 + 1), dtype=np.complex64)
    for _ in range(3):
        shells.power(modes, multipole=2)
    assert len(called) == points // 2 + 1
    across, along = grid.wavenumbers(), grid.half_wavenumbers()
    for plane in range(points):
        k = np.sqrt(across[plane] ** 2 + across[:, None] ** 2 + along**2)
        expected = 5 * legendre(2, along / np.where(k > 0, k, 1))
        np.testing.assert_array_equal(shells._legendre(plane, 2), expected)


@pytest.mark.parametrize(
    ("cells", "cell_size", "expected"),
    [(40, 5.0, [2, 4]), (50, 5.0, [2, 5]), (16, 3.0, [4, 8]), (7, 30.0, [1])],
)
def test_cubes_divide_the_box_and_are_near_the_sides_that_are_wanted(cells, cell_size, expected):
    assert cells_of_cubes(cells, cell_size) == expected


def test_cubes_conserve_mass_and_hold_what_their_cells_hold(rng):
    mass = rng.pareto(1.5, (12, 12, 12))
    overdensity = (mass / mass.mean() - 1).astype(np.float32)
    found = cube_means(np.stack([overdensity, 2 * overdensity]), 3)
    assert found.shape == (2, 4, 4, 4)
    np.testing.assert_allclose(found.mean(axis=(1, 2, 3)), 1, rtol=1e-6)
    # Float32 overdensities of cells.
    expected = mass[3:6, :3, 9:].sum() / mass.mean() / 27
    np.testing.assert_allclose(found[0, 1, 0, 3], expected, rtol=1e-5)


def test_distribution_of_cubes_counts_each_once_and_has_their_moments(rng):
    model = np.stack([np.expm1(gaussian_field(12, rng)) for _ in range(2)]).astype(np.float32)
    halo = rng.pareto(0.3, (12, 12, 12)).astype(np.float32)  # far beyond the last edge
    halo = halo / halo.mean() - 1
    found = cube_statistics(model, halo, 60.0, mean=1)
    np.testing.assert_allclose(found["cube_side"], [10.0, 20.0])
    for name in ("cell_share_model", "cell_share_halo"):
        np.testing.assert_allclose(found[name].sum("contrast_bin"), 1, rtol=1e-12)
    contrast = (1 + model[1].astype(float)).reshape(6, 2, 6, 2, 6, 2).mean(axis=(1, 3, 5)).ravel()
    mean = found.sel(cube_side=10.0).isel(member=1)
    inside = (contrast >= CONTRAST_EDGES[5]) & (contrast < CONTRAST_EDGES[6])
    np.testing.assert_allclose(mean["cell_share_model"][5], inside.mean())
    deviation = contrast / contrast.mean() - 1
    np.testing.assert_allclose(mean["cell_variance_model"], deviation.var(), rtol=1e-12)
    skewness = (deviation**3).mean() / deviation.var() ** 1.5
    np.testing.assert_allclose(mean["cell_skewness_model"], skewness, rtol=1e-12)


@pytest.mark.parametrize("cells", [27, 20])
def test_sub_cubes_are_cubes_that_fill_the_box(cells):
    place = sub_cube_of_cells(cells)
    counts = np.bincount(place.ravel())
    assert len(counts) == SUB_CUBES
    assert counts.min() >= (cells // 3) ** 3
    assert counts.max() <= (cells // 3 + 1) ** 3
    for number in range(SUB_CUBES):
        extent = np.ptp(np.argwhere(place == number), axis=0) + 1
        assert np.prod(extent) == counts[number], number


def test_what_is_left_has_its_own_mean_and_nothing_where_a_part_is_out(rng):
    density = rng.uniform(0, 3, (6, 6, 6))
    out = sub_cube_of_cells(6) == 13
    rest, part = split_off((density / density.mean() - 1).astype(np.float32), out)
    assert not rest[out].any()
    assert not part[~out].any()
    # Float32 fields.
    np.testing.assert_allclose(rest[~out].mean(), 0, atol=1e-6)
    np.testing.assert_allclose(part[out], density[out] / density[~out].mean() - 1, atol=2e-6)


def test_jackknife_error_of_a_mean_is_the_standard_error(rng):
    values = rng.normal(size=27)
    left = (values.sum() - values) / 26
    error = jackknife_error(xr.Dataset({"mean": ("sub_cube", left)}))
    np.testing.assert_allclose(error["mean"], values.std(ddof=1) / np.sqrt(27), rtol=1e-12)


HEADER = {"BoxSize": 100.0, "VelZSpace_to_kms": 5000.0}


def test_redshift_space_displaces_along_z_and_wraps():
    position = np.array([[1, 2, 3], [1, 2, 49], [0, 0, -49], [5, 5, 50]], dtype=np.float32)
    velocity = np.array([[900, 900, 500], [0, 0, 100], [0, 0, -150], [0, 0, 0]], dtype=np.float32)
    found = in_redshift_space(position, velocity, HEADER, "file")
    expected = position.copy()
    expected[:, 2] = [13, -49, 48, -50]
    # Float32.
    np.testing.assert_allclose(found, expected, atol=1e-5)
    np.testing.assert_array_equal(position[0], [1, 2, 3], err_msg="the positions given")


def test_header_without_the_unit_of_velocities_is_refused():
    with pytest.raises(InputError, match="box7.asdf.*VelZSpace_to_kms"):
        in_redshift_space(np.zeros((1, 3)), np.zeros((1, 3)), {"BoxSize": 100.0}, "box7.asdf")


def test_particles_and_halos_are_read_in_redshift_space(tmp_path):
    box = plant_box(tmp_path, speed=400.0)
    side = box.header["BoxSize"]
    # Velocities are kept in steps of 6000/2048 km/s, positions in 1e-6 of the box.
    step = 6000 / 2048 / 2 * side / box.header["VelZSpace_to_kms"] + 1e-6 * side
    for displaced, planted, velocity, tolerance in (
        (
            np.concatenate([chunk[0] for chunk in particle_chunks(box.files, redshift_space=True)]),
            box.position, box.velocity, step,
        ),
        (read_halos(box.files.halos, 0, True)[0], box.halo_position, box.halo_velocity, 1e-5),
    ):  # fmt: skip
        expected = planted.copy()
        expected[:, 2] += velocity[:, 2] * side / box.header["VelZSpace_to_kms"]
        difference = (displaced - expected + side / 2) % side - side / 2
        assert np.abs(difference).max() < tolerance + 1e-6 * side, np.abs(difference).max()
        assert np.abs(displaced - planted).max() > 10 * tolerance, "they moved"


def test_stores_in_redshift_space_differ_in_positions_only(tmp_path):
    box = plant_box(tmp_path, speed=60.0)
    particles, halos = {}, {}
    for displaced in (False, True):
        velocities = Velocities(3.0) if displaced else None
        write_particles(box.opened, 6.0, tmp_path / f"p{displaced}", velocities=velocities)
        write_halos(box.opened, 50, 6.0, tmp_path / f"h{displaced}", redshift_space=displaced)
        particles[displaced] = Particles.read(tmp_path / f"p{displaced}")
        halos[displaced] = open_store(tmp_path / f"h{displaced}")
        assert halos[displaced].attrs["redshift_space"] is displaced
    points = [np.sort(particles[displaced].lagrangian_index) for displaced in (False, True)]
    np.testing.assert_array_equal(*points)
    assert not np.array_equal(particles[False].final_cell, particles[True].final_cell)
    np.testing.assert_array_equal(halos[False]["particle_count"], halos[True]["particle_count"])
    moved = (halos[True]["position"] - halos[False]["position"]).values
    assert not moved[:, :2].any()
    assert moved[:, 2].any()
