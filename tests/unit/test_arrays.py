"""A box of plain arrays: what was written comes back, or is refused with what to write."""

import numpy as np
import pytest
from conftest import REDSHIFT, zeldovich
from lagbias.base.errors import InputError
from lagbias.halos.indexing import write_particles
from lagbias.halos.particles import Particles
from lagbias.simulations.background import CRITICAL_DENSITY
from lagbias.simulations.sources import SOURCES, open_box
from made_boxes import (
    BOX_SIZE,
    GROWTH,
    INITIAL_REDSHIFT,
    OMEGA_M,
    PARTICLE_MASS,
    SIDE,
    SPACING,
    arrays_of,
    make_box,
    write_arrays,
    write_gadget,
)

FLOAT32 = 1e-5


@pytest.fixture(scope="module")
def made():
    return make_box()


def opened(path, **changes):
    settings = {
        "redshift": REDSHIFT, "box_size": BOX_SIZE, "particles_per_side": SIDE,
        "density_points": SIDE, "paths": {"box": [str(path)]}, "options": {},
    } | changes  # fmt: skip
    return open_box("made", SOURCES["arrays"].reader, **settings)


def assert_same_places(found, expected):
    apart = found + BOX_SIZE / 2 - expected
    np.testing.assert_allclose(apart - BOX_SIZE * np.rint(apart / BOX_SIZE), 0, atol=FLOAT32)


@pytest.mark.parametrize("name", ["box.hdf5", "box.zarr"])
def test_a_file_of_arrays_gives_the_box(made, tmp_path, name):
    write_arrays(tmp_path / name, arrays_of(made))
    box = opened(tmp_path / name)
    np.testing.assert_array_equal(box.linear_density(), made.density.astype(np.float32))
    ((position, index),) = box.particle_chunks()
    assert_same_places(position, made.position)
    np.testing.assert_array_equal(index, made.lattice_index)
    halo_position, count = box.halos(30)
    assert count.tolist() == [60, 40]
    assert_same_places(halo_position, made.halo_position[:2])
    (members,) = box.member_points(30)
    np.testing.assert_array_equal(members.halo, np.repeat([0, 1], [60, 40]))
    np.testing.assert_array_equal(members.halo_particles, np.repeat([60, 40], [60, 40]))
    np.testing.assert_array_equal(members.place, made.lattice_index[:100])
    (members,) = box.member_positions(30)
    assert_same_places(members.place, made.position[:100])


def test_other_ways_to_say_the_same(made, tmp_path):
    """Displacements for a density, identifiers for an index, masses for numbers."""
    arrays = arrays_of(made)
    moved = zeldovich(made.density, BOX_SIZE) / GROWTH
    count = arrays.pop("halo_particle_count")
    del arrays["linear_density"], arrays["lattice_index"]
    arrays |= {
        "initial_displacement": moved, "identifier": made.identifier + 1,
        "halo_mass": count * PARTICLE_MASS * 1.01,
    }  # fmt: skip
    redshifts = {"initial_displacement": INITIAL_REDSHIFT}
    write_arrays(tmp_path / "box.zarr", arrays, redshifts)
    box = opened(tmp_path / "box.zarr")
    np.testing.assert_allclose(box.linear_density(), made.density, atol=FLOAT32)
    ((_, index),) = box.particle_chunks()
    np.testing.assert_array_equal(index, made.lattice_index)
    assert box.halos()[1].tolist() == [61, 40, 30, 21]  # 1 % heavier, in whole particles


def test_a_density_of_another_redshift_grows(made, tmp_path):
    arrays = arrays_of(made) | {"linear_density": made.density / GROWTH}
    write_arrays(tmp_path / "box.hdf5", arrays, {"linear_density": INITIAL_REDSHIFT})
    density = opened(tmp_path / "box.hdf5").linear_density()
    np.testing.assert_allclose(density, made.density, atol=FLOAT32)


def test_the_particle_mass_follows_from_the_matter_of_the_box(made, tmp_path):
    write_arrays(tmp_path / "box.hdf5", arrays_of(made), particle_mass=None)
    expected = OMEGA_M * CRITICAL_DENSITY * SPACING**3
    assert opened(tmp_path / "box.hdf5").particle_mass == pytest.approx(expected)


def without(*names):
    return lambda arrays: {name: array for name, array in arrays.items() if name not in names}


@pytest.mark.parametrize(
    ("change", "attributes", "message"),
    [
        (without("linear_density"), {}, "expected linear_density or initial_displacement"),
        (without("position"), {}, r"expected position \(final positions"),
        (without("lattice_index"), {}, "expected lattice_index or identifier"),
        (without("halo_particle_count"), {}, "expected halo_particle_count or halo_mass"),
        (without("velocity"), {}, r"expected velocity .*or write `lacks: \[velocities\]`"),
        (without("halo_of_particle"), {}, r"lacks: \[members\]"),
        (lambda a: a | {"position": a["position"].T}, {}, r"position has the shape \(3, 4096\)"),
        (lambda a: a | {"linear_density": a["linear_density"][:8]}, {}, r"the shape \(8, 16, 16\)"),
        (lambda a: a | {"linear_density": a["linear_density"] * np.nan}, {}, "density of nan at"),
        (lambda a: a | {"lattice_index": a["lattice_index"] + 1}, {}, "has 1 to 16, expected 0 to"),
        (lambda a: a | {"lattice_index": a["lattice_index"][1:]}, {}, "4095 lines, expected 4096"),
        (lambda a: a | {"halo_of_particle": a["halo_of_particle"] + 1}, {}, "has 0 to 4, expected"),
        (lambda a: a | {"position": a["position"] * np.nan}, {}, "position has numbers that are"),
        (lambda a: a, {"box_size": 24000.0}, "found box_size 24000, expected 24 as"),
        (lambda a: a, {"redshift": None}, "found no attribute redshift, expected of positions"),
        (lambda a: a, {"omega_m": None}, "found no attribute omega_m"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(made, tmp_path, change, attributes, message):
    write_arrays(tmp_path / "box.hdf5", change(arrays_of(made)), **attributes)
    box = opened(tmp_path / "box.hdf5")
    with pytest.raises(InputError, match=message):
        _ = (
            box.linear_density(), list(box.particle_chunks(True)), box.halos(0),
            list(box.member_points(0)), box.halos(0, True),
        )  # fmt: skip


def test_densities_of_other_grids_or_unknown_growth_are_refused(made, tmp_path):
    write_arrays(tmp_path / "box.hdf5", arrays_of(made))
    with pytest.raises(InputError, match="has 16 points a side, expected 32; write `density_grid"):
        opened(tmp_path / "box.hdf5", density_points=32).linear_density()
    path = tmp_path / "grown.hdf5"
    write_arrays(path, arrays_of(made), {"linear_density": 63.0}, omega_m=None)
    with pytest.raises(InputError, match="is of redshift 63, expected 0.5 or the attribute omega"):
        opened(path).linear_density()
    (tmp_path / "no.hdf5").write_text("no")
    with pytest.raises(InputError, match="no.hdf5 cannot be read.*expected an HDF5 file or"):
        opened(tmp_path / "no.hdf5").linear_density()


def test_both_formats_give_the_same_particles(made, tmp_path):
    """The whole way to a particle store: arrays, and a Gadget snapshot with a density grid."""
    write_arrays(tmp_path / "box.zarr", arrays_of(made))
    write_gadget(tmp_path, made)
    files = {"initial": "box.zarr", "snapshot": "snapshot.hdf5", "groups": "groups.hdf5"}
    gadget = open_box(
        "made", SOURCES["gadget"].reader, redshift=REDSHIFT, box_size=BOX_SIZE, options={},
        particles_per_side=SIDE, density_points=SIDE,
        paths={name: [str(tmp_path / file)] for name, file in files.items()},
    )  # fmt: skip
    stores = {}
    for name, box in (("arrays", opened(tmp_path / "box.zarr")), ("gadget", gadget)):
        write_particles(box, 6.0, tmp_path / f"{name}.zarr")
        stores[name] = Particles.read(tmp_path / f"{name}.zarr")
    for column in ("final_cell", "lagrangian_index", "cell_start"):
        first, second = (getattr(store, column) for store in stores.values())
        np.testing.assert_array_equal(first, second)
