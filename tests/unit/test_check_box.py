"""`lagbias check-box`: what is there, what is missing, and the section of a config to write."""

import numpy as np
import pytest
import yaml
from lagbias.base.errors import InputError
from lagbias.simulations.check_box import check_box
from made_boxes import SIDE, arrays_of, make_box, write_arrays, write_gadget


@pytest.fixture(scope="module")
def made():
    return make_box()


@pytest.mark.parametrize("name", ["box.hdf5", "box.zarr"])
def test_a_whole_file_is_described_and_named_in_a_config(made, tmp_path, name):
    write_arrays(tmp_path / name, arrays_of(made))
    found = check_box(str(tmp_path / name))
    assert not found.faults
    text = "\n".join(found.lines)
    assert "position: 4096 x 3, float64, [Mpc/h]" in text
    assert "box_size = 24: side of the box [Mpc/h]" in text
    assert "halos: 4, of 21 to 60 particles" in text
    assert "they fit" in text
    section = yaml.safe_load(found.config)["simulations"]["mybox"]
    assert section == {
        "source": "arrays", "root": str(tmp_path), "files": {"box": name}, "box_size": 24,
        "particles_per_side": SIDE,
    }  # fmt: skip


def test_what_may_be_left_out_is_said_and_what_must_not_is_a_fault(made, tmp_path):
    arrays = arrays_of(made)
    write_arrays(
        tmp_path / "box.zarr",
        {name: arrays[name] for name in arrays if "velocity" not in name and "_of_" not in name},
    )
    found = check_box(str(tmp_path / "box.zarr"))
    assert not found.faults
    assert "no velocity and halo_velocity: nothing can be made in redshift space" in found.lines
    assert "no halo_of_particle: no labels can be made" in found.lines
    assert "lacks: [velocities, members]" in found.config
    write_arrays(tmp_path / "less.zarr", {"position": made.position}, redshift=None)
    found = check_box(str(tmp_path / "less.zarr"))
    assert [fault.partition(":")[0] for fault in found.faults] == [
        "no attribute redshift", "no linear_density or initial_displacement [1]",
        "no lattice_index or identifier [1]", "no halo_position [Mpc/h]",
        "no halo_particle_count or halo_mass [1]",
    ]  # fmt: skip
    assert not found.config


def test_a_file_without_the_mass_of_its_particles_is_a_fault(made, tmp_path):
    write_arrays(tmp_path / "box.zarr", arrays_of(made), omega_m=None, particle_mass=None)
    (fault,) = check_box(str(tmp_path / "box.zarr")).faults
    assert "found no attribute omega_m" in fault


def test_particles_that_do_not_fit_are_a_fault(made, tmp_path):
    wrong = arrays_of(made) | {"lattice_index": np.roll(made.lattice_index, 1, axis=1)}
    write_arrays(tmp_path / "box.zarr", wrong)
    found = check_box(str(tmp_path / "box.zarr"))
    assert len(found.faults) == 1
    assert "axes of the index in the order yzx" in found.faults[0]


def test_gadget_files_are_described_by_their_header(made, tmp_path):
    write_gadget(tmp_path, made, unit=1e-3)
    found = check_box(str(tmp_path / "snapshot.hdf5"))
    assert "BoxSize = 24 Mpc/h (by UnitLength_in_cm)" in found.lines
    assert "PartType1: Coordinates, ParticleIDs, Velocities" in found.lines
    assert "source: gadget" in found.config
    assert check_box(str(tmp_path / "groups.hdf5")).lines[0].startswith("a group catalogue")


def test_files_that_are_none_are_refused(tmp_path):
    with pytest.raises(InputError, match="is not there"):
        check_box(str(tmp_path / "box.hdf5"))
    (tmp_path / "box.hdf5").write_text("no")
    with pytest.raises(InputError, match="cannot be read"):
        check_box(str(tmp_path / "box.hdf5"))
