"""Particles that did not come from where their index says are refused, with what would fit."""

import dataclasses

import numpy as np
import pytest
from conftest import REDSHIFT, ROOT, zeldovich
from lagbias.base.errors import InputError
from lagbias.base.stores import open_store
from lagbias.halos.indexing import write_particles
from lagbias.simulations import displacements
from lagbias.simulations.agreement import long_modes
from lagbias.simulations.sources import SOURCES, open_box
from made_boxes import BOX_SIZE, SIDE, SPACING, arrays_of, make_box, write_arrays

ROUNDING = 2e-5  # float32 sums of 10^3 waves


@pytest.fixture(scope="module")
def made():
    return make_box()


def indexed(folder, made, **changes):
    """The store of the particles of a box, and what its attributes say of displacements."""
    changed = {
        name: change(getattr(made, name)) for name, change in changes.items()
    }  # fmt: skip
    write_arrays(folder / "box.zarr", arrays_of(dataclasses.replace(made, **changed)))
    box = open_box(
        "made", SOURCES["arrays"].reader, redshift=REDSHIFT, box_size=BOX_SIZE, options={},
        particles_per_side=SIDE, density_points=SIDE, paths={"box": [str(folder / "box.zarr")]},
    )  # fmt: skip
    write_particles(box, 6.0, folder / "particles.zarr")
    return open_store(folder / "particles.zarr").attrs


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_displacements_are_those_of_a_whole_transform(made, axis):
    """All waves of a grid of 16 points, but those at its Nyquist wavenumber: it has none."""
    lattice = np.stack(np.unravel_index(np.arange(SIDE**3), (SIDE,) * 3), axis=1)
    found = displacements.zeldovich(long_modes(made.density, 7), lattice / SIDE, BOX_SIZE)
    expected = zeldovich(made.density, BOX_SIZE).reshape(-1, 3)
    np.testing.assert_allclose(found[:, axis], expected[:, axis], atol=ROUNDING)


def test_particles_that_fit_say_how_well(made, tmp_path):
    attributes = indexed(tmp_path, made)
    # The longest three waves along each axis, of a field in which most displacements are long.
    assert min(attributes["displacement_correlation"]) > 0.8
    np.testing.assert_allclose(attributes["displacement_slope"], 1, atol=0.05)


def swapped(array):
    return np.ascontiguousarray(array[:, ::-1])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"lattice_index": swapped}, r"axes of the index in the order zyx \(write `id_order: zyx"),
        ({"lattice_index": lambda a: a[:, [1, 2, 0]]}, "axes of the index in the order zxy"),
        ({"lattice_index": lambda a: (a + SIDE // 2) % SIDE}, "positions shifted by half the box"),
        ({"lattice_index": lambda a: np.random.default_rng(1).permutation(a)},
         "likely causes: the order in which identifiers count"),
        ({"position": lambda a: (a + SPACING / 2) % BOX_SIZE},
         r"displaced by 0.75 0.75 0.75 Mpc/h .*0.50 0.50 0.50 of the spacing"),
        ({"position": lambda a: a / 0.7 % BOX_SIZE}, "do not belong together|likely causes"),
        ({"density": lambda a: -a}, "the other sign"),
        ({"density": lambda a: make_box(seed=6).density}, "do not belong together|likely causes"),
    ],
    ids=["zyx", "zxy", "half-box", "shuffled", "half-cell", "units", "sign", "phase"],
)  # fmt: skip
def test_particles_that_do_not_fit_are_refused(made, tmp_path, change, message):
    with pytest.raises(InputError, match=message):
        indexed(tmp_path, made, **change)
    assert not (tmp_path / "particles.zarr").exists()


def test_a_sample_is_of_all_particles_however_many_come(monkeypatch):
    monkeypatch.setattr(displacements, "SAMPLE", 100)
    sample = displacements.Sample()
    for start in range(0, 7000, 700):
        number = np.arange(start, start + 700)
        sample.add(np.repeat(number[:, None], 3, axis=1), np.repeat(number[:, None], 3, axis=1))
    taken = sample.lattice_index[:, 0]
    assert 100 <= len(taken) < 200
    assert len(set(np.diff(taken))) == 1, "every n-th of them, across all parts"
    np.testing.assert_array_equal(sample.position[:, 0], taken)


@pytest.mark.parametrize("format_", ["abacus", "gadget"])
def test_real_boxes_are_accepted(format_, tmp_path):
    """The numbers that the docs give: correlations of 0.9 and slopes of 1."""
    root = ROOT.parent / "shared" / format_
    if not root.is_dir():
        pytest.skip(f"no real data: expected ../shared/{format_} beside the repository")
    settings = {
        "abacus": {
            "name": "AbacusSandbox_small_c000_ph3000", "root": str(root), "density_grid": 192,
            "reader": SOURCES["local"].reader,
        },
        "gadget": {
            "name": "gadget120", "reader": SOURCES["gadget"].reader, "box_size": 120.0,
            "particles_per_side": 96, "density_points": 96, "options": {},
            "paths": {
                "initial": [f"{root}/snapshot_ics_000.hdf5"],
                "snapshot": [f"{root}/snapshot_001.hdf5"],
                "groups": [f"{root}/fof_subhalo_tab_001.hdf5"],
            },
        },
    }[format_]  # fmt: skip
    write_particles(open_box(redshift=REDSHIFT, **settings), 5.0, tmp_path / "particles.zarr")
    found = open_store(tmp_path / "particles.zarr").attrs
    assert min(found["displacement_correlation"]) > 0.9
    np.testing.assert_allclose(found["displacement_slope"], 1, atol=0.02)
