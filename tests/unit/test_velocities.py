"""Particles in redshift space: the mean velocity around them, and their halo's."""

from dataclasses import asdict

import numpy as np
import pytest
from conftest import plant_box
from lagbias.base.errors import InputError
from lagbias.base.stores import open_store
from lagbias.halos.indexing import write_particles
from lagbias.halos.velocities import (
    MeanAround,
    Velocities,
    displacement,
    members_in_redshift_space,
    particles_in_redshift_space,
)
from lagbias.simulations.sources import SOURCES, open_box
from made_boxes import BOX_SIZE, REDSHIFT, arrays_of, make_box, write_arrays
from made_boxes import SIDE as LATTICE

SIDE, CELLS = 40.0, 8
FLOAT32 = 1e-4  # Mpc/h: positions of a box, and sums of displacements of some Mpc/h
CELL = 3.0  # Mpc/h, of the planted boxes


def shares(position):
    """Share of each cell in the cloud of each particle, (n, cells^3), by the spline itself."""
    centre = np.arange(CELLS) * SIDE / CELLS - SIDE / 2
    off = np.abs((position[:, :, None] - centre + SIDE / 2) % SIDE - SIDE / 2) * CELLS / SIDE
    along = np.where(off < 0.5, 0.75 - off**2, np.clip(1.5 - off, 0, None) ** 2 / 2)
    return np.einsum("pi,pj,pk->pijk", *along.transpose(1, 0, 2)).reshape(len(position), -1)


def test_mean_is_that_of_clouds_painted_and_read_back(rng):
    position = rng.uniform(-SIDE / 2, SIDE / 2, (60, 3)).astype(np.float32)
    values = rng.normal(size=60)
    around = MeanAround(SIDE, SIDE / CELLS)
    for part in np.array_split(np.arange(60), 3):
        around.add(position[part], values[part])
    painted = shares(position)
    number, total = painted.sum(0), values @ painted
    expected = (painted @ total) / (painted @ number)
    np.testing.assert_allclose(around.at(position), expected, rtol=1e-4, atol=1e-5)


def test_particles_of_a_tight_group_move_together(rng):
    """Random motions within a group average out; another group far away has no part in it."""
    centres = np.array([[0, 0, SIDE / 2 - 0.1], [10, 10, 10]])  # one across the wall of the box
    group = np.repeat([0, 1], 200)
    position = centres[group] + rng.normal(scale=0.05, size=(400, 3))
    position = ((position + SIDE / 2) % SIDE - SIDE / 2).astype(np.float32)
    values = np.array([3.0, -2.0])[group] + rng.normal(size=400)
    around = MeanAround(SIDE, 1.0)
    around.add(position, values)
    for number in (0, 1):
        mean = values[group == number].mean()
        np.testing.assert_allclose(around.at(position[group == number]), mean, atol=0.05)


def test_cells_that_do_not_fit_into_the_box_are_refused():
    with pytest.raises(InputError, match="velocity_cell: found 20 Mpc/h in a box of 40"):
        MeanAround(SIDE, 20.0)


@pytest.fixture(scope="module")
def moving(tmp_path_factory):
    """A planted box whose particles have random velocities."""
    return plant_box(tmp_path_factory.mktemp("moving"), speed=400.0).opened


def chunks(parts):
    return [np.concatenate(part) for part in zip(*parts, strict=True)]


@pytest.mark.parametrize("velocities", [Velocities(None), Velocities(CELL, own_velocity=1)])
def test_own_velocities_are_those_of_the_files(moving, velocities):
    position, index = chunks(particles_in_redshift_space(moving, velocities))
    expected, expected_index = chunks(moving.particle_chunks(redshift_space=True))
    np.testing.assert_array_equal(index, expected_index)
    assert np.abs(displacement(expected, position, moving.box_size)).max() < FLOAT32


def test_particles_move_along_z_with_the_mean_around_them(moving):
    real, _ = chunks(moving.particle_chunks())
    seen, _ = chunks(moving.particle_chunks(redshift_space=True))
    own = displacement(real, seen, moving.box_size)
    around = MeanAround(moving.box_size, CELL)
    around.add(real, own)
    for share in (0.0, 0.3):
        position, _ = chunks(particles_in_redshift_space(moving, Velocities(CELL, share)))
        np.testing.assert_array_equal(position[:, :2], real[:, :2])
        mean = around.at(real)
        moved = displacement(real, position, moving.box_size)
        np.testing.assert_allclose(moved, mean + share * (own - mean), atol=FLOAT32)
    assert np.std(mean) < 0.8 * np.std(own), "nothing was averaged"


class Shuffled:
    """A format that gives particles in another order in redshift space."""

    name, files, box_size = "shuffled", "somewhere", 48.0

    def particle_chunks(self, redshift_space=False):
        index = np.arange(6).reshape(2, 3)[:: -1 if redshift_space else 1]
        yield index.astype(np.float32), index


@pytest.mark.parametrize(
    "velocities", [None, Velocities(None), Velocities(CELL), Velocities(CELL, own_velocity=0.3)]
)
def test_particle_stores_say_how_velocities_were_made(planted_box, tmp_path, velocities):
    store = tmp_path / "particles.zarr"
    write_particles(planted_box.opened, 6.0, store, velocities=velocities)
    told = open_store(store).attrs
    assert told["redshift_space"] == (velocities is not None)
    expected = asdict(velocities) if velocities else {"velocity_cell": None, "own_velocity": None}
    assert {key: told[key] for key in expected} == expected


def test_particles_in_another_order_are_refused():
    with pytest.raises(InputError, match="shuffled: found particles of somewhere in another order"):
        list(particles_in_redshift_space(Shuffled(), Velocities(CELL)))


def test_particles_of_halos_move_with_their_halo(tmp_path):
    write_arrays(tmp_path / "box.hdf5", arrays_of(make_box()))
    box = open_box(
        "made", SOURCES["arrays"].reader, redshift=REDSHIFT, box_size=BOX_SIZE, options={},
        particles_per_side=LATTICE, density_points=LATTICE,
        paths={"box": [str(tmp_path / "box.hdf5")]},
    )  # fmt: skip
    of_halo = displacement(box.halos(30)[0], box.halos(30, True)[0], BOX_SIZE)
    real, halo, count = chunks(box.member_positions(30))
    seen, seen_halo, seen_count = chunks(members_in_redshift_space(box, 30, Velocities(CELL)))
    np.testing.assert_array_equal(seen_halo, halo)
    np.testing.assert_array_equal(seen_count, count)
    moved = displacement(real, seen, BOX_SIZE)
    np.testing.assert_allclose(moved, of_halo[halo], atol=FLOAT32)
    assert np.abs(of_halo).min() > 100 * FLOAT32, "halos do not move"
    seen, *_ = chunks(members_in_redshift_space(box, 30, Velocities(CELL, own_velocity=1)))
    expected, *_ = chunks(box.member_positions(30, redshift_space=True))
    assert np.abs(displacement(expected, seen, BOX_SIZE)).max() < FLOAT32
