"""Gadget's HDF5 files: what was written comes back in this library's units, or is refused."""

import h5py
import numpy as np
import pytest
from conftest import REDSHIFT, ROOT
from lagbias.base.errors import InputError
from lagbias.simulations.on_disk import found_files
from lagbias.simulations.sources import SOURCES, open_box
from made_boxes import (
    BOX_SIZE,
    GROUP_SIZES,
    INITIAL_REDSHIFT,
    OMEGA_M,
    PARTICLE_MASS,
    SIDE,
    make_box,
    write_gadget,
    write_groups,
    write_snapshot,
)

# Positions of initial conditions in float32, 24 Mpc/h x 6e-8, times k = 2 h/Mpc, times growth 38.
DENSITY_TOLERANCE = 1e-3
POSITION_TOLERANCE = 1e-5  # Mpc/h: float32
UNIT_TOLERANCE = 1e-4  # codes have the parsec to so many digits


@pytest.fixture(scope="module")
def made():
    return make_box()


def opened(folder, files=None, **changes):
    """A box as a job opens it."""
    asked = {"initial": "initial*", "snapshot": "snapshot*", "groups": "groups.hdf5"}
    settings = {
        "redshift": REDSHIFT, "box_size": BOX_SIZE, "particles_per_side": SIDE,
        "density_points": SIDE, "paths": found_files(str(folder), files or asked), "options": {},
    } | changes  # fmt: skip
    return open_box("made", SOURCES["gadget"].reader, **settings)


def particles_of(box, redshift_space=False):
    """All particles in the order of the lattice: positions from the corner."""
    position, index = map(np.concatenate, zip(*box.particle_chunks(redshift_space), strict=True))
    assert position.dtype == np.float32
    assert np.abs(position).max() <= BOX_SIZE / 2
    order = np.argsort(np.ravel_multi_index(index.T, (SIDE,) * 3))
    return position[order] + BOX_SIZE / 2


def assert_same_places(found, expected, tolerance=POSITION_TOLERANCE):
    apart = found - expected
    apart -= BOX_SIZE * np.rint(apart / BOX_SIZE)
    np.testing.assert_allclose(apart, 0, atol=tolerance)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"files": 3, "first": 0, "kind": np.uint64},
        {"unit": 1e-3},
        {"unit": 1e-3, "units": False, "parameters": False},
        {"parameters": False, "masses": True, "kind": np.int64},
    ],
    ids=["gadget4", "files", "kpc", "no-units", "gadget3"],
)
def test_files_of_all_kinds_give_the_same_box(made, tmp_path, options):
    write_gadget(tmp_path, made, **options)
    box = opened(tmp_path)
    density = box.linear_density()
    assert (density.dtype, density.shape) == (np.float32, (SIDE,) * 3)
    np.testing.assert_allclose(density, made.density, atol=DENSITY_TOLERANCE)
    order = np.argsort(made.identifier)
    assert_same_places(particles_of(box), made.position[order])
    assert box.particle_mass == pytest.approx(PARTICLE_MASS, rel=UNIT_TOLERANCE)


def test_positions_may_be_integers_that_span_the_box(made, tmp_path):
    write_gadget(tmp_path, made)
    shares = np.floor(made.position / BOX_SIZE * 2.0**32).astype(np.uint32)
    write_snapshot(tmp_path, "snapshot", shares, (made.identifier + 1).astype(np.uint32), REDSHIFT)
    assert_same_places(particles_of(opened(tmp_path)), made.position[np.argsort(made.identifier)])


@pytest.mark.parametrize("shift", [0.0, 0.75])
def test_a_lattice_that_begins_elsewhere_is_found_in_the_initial_conditions(made, tmp_path, shift):
    """Half a cell of 1.5 Mpc/h: positions come back as if the lattice began at the corner."""
    moved = {
        name: (getattr(made, name) + shift) % BOX_SIZE for name in ("initial", "position")
    }  # fmt: skip
    identifier = (made.identifier + 1).astype(np.uint32)
    write_snapshot(tmp_path, "initial", moved["initial"], identifier, INITIAL_REDSHIFT)
    write_snapshot(tmp_path, "snapshot", moved["position"], identifier, REDSHIFT)
    write_groups(tmp_path, made)
    box = opened(tmp_path)
    np.testing.assert_allclose(box.origin, shift, atol=POSITION_TOLERANCE)
    np.testing.assert_allclose(box.linear_density(), made.density, atol=DENSITY_TOLERANCE)
    assert_same_places(particles_of(box), made.position[np.argsort(made.identifier)])
    assert_same_places(box.halos()[0] + BOX_SIZE / 2, made.halo_position - shift)


def test_redshift_space_displaces_by_peculiar_velocities(made, tmp_path):
    """s = x + v (1 + z) / H, H = 100 E km/s/(Mpc/h), by hand for a flat universe."""
    write_gadget(tmp_path, made)
    rate = 100 * np.sqrt(OMEGA_M * (1 + REDSHIFT) ** 3 + 1 - OMEGA_M)
    box, along = opened(tmp_path), np.array([0, 0, 1])
    order = np.argsort(made.identifier)
    moved = made.position + made.velocity * along * (1 + REDSHIFT) / rate
    assert_same_places(particles_of(box, True), moved[order], 10 * POSITION_TOLERANCE)
    halo = made.halo_position + made.halo_velocity * along * (1 + REDSHIFT) / rate
    assert_same_places(box.halos(0, True)[0] + BOX_SIZE / 2, halo)
    members = np.concatenate([part.place for part in box.member_positions(0, True)])
    assert_same_places(members + BOX_SIZE / 2, moved[: sum(GROUP_SIZES)], 10 * POSITION_TOLERANCE)


@pytest.mark.parametrize("offsets", [True, False])
@pytest.mark.parametrize(("cut", "kept"), [(0, 4), (30, 2), (40, 1)])
def test_halos_and_their_particles(made, tmp_path, cut, kept, offsets):
    write_gadget(tmp_path, made, files=2)
    write_groups(tmp_path, made, offsets=offsets)
    box = opened(tmp_path)
    position, count = box.halos(cut)
    assert count.tolist() == list(GROUP_SIZES[:kept])
    assert_same_places(position + BOX_SIZE / 2, made.halo_position[:kept])
    index, halo, halo_particles = map(
        np.concatenate, zip(*box.member_points(cut), strict=True)
    )  # fmt: skip
    in_groups = np.repeat(np.arange(kept), GROUP_SIZES[:kept])
    np.testing.assert_array_equal(halo, in_groups)
    np.testing.assert_array_equal(halo_particles, count[in_groups])
    np.testing.assert_array_equal(index, made.lattice_index[: len(in_groups)])


def test_density_and_particles_are_read_without_files_of_halos(made, tmp_path):
    write_gadget(tmp_path, made)
    write_groups(tmp_path, made)
    whole, files = opened(tmp_path), {"initial": "initial*", "snapshot": "snapshot*"}
    alone = opened(tmp_path, files)
    np.testing.assert_array_equal(alone.linear_density(), whole.linear_density())
    for space in (False, True):
        np.testing.assert_array_equal(particles_of(alone, space), particles_of(whole, space))


def test_a_cut_above_all_halos_is_refused_wherever_it_is_asked_for(made, tmp_path):
    write_gadget(tmp_path, made)
    write_groups(tmp_path, made)
    box, cut = opened(tmp_path), max(GROUP_SIZES)
    for asked in (box.halos, box.member_points, box.member_positions):
        with pytest.raises(InputError, match=f"N > {cut} leaves none of the 4 .*; use a lower cut"):
            list(asked(cut))


def test_rockstar_lists_give_hosts_and_no_particles(made, tmp_path):
    write_gadget(tmp_path, made)
    lines = [
        "#ID DescID Mvir Np X Y Z VX VY VZ PID", "#a = 0.666667", "#Box size: 24.000000 Mpc/h",
        "0 -1 1e13 60 1.5 2 3 100 0 -50 -1", "1 -1 1e12 25 4 5 6 0 0 0 0",
        "2 -1 1e13 40 23 22 21 0 0 10 -1",
    ]  # fmt: skip
    (tmp_path / "out_4.list").write_text("\n".join(lines))
    files = {"initial": "initial*", "snapshot": "snapshot*", "rockstar": "out_4.list"}
    box = opened(tmp_path, files)
    position, count = box.halos(20)
    assert count.tolist() == [60, 40], "the subhalo of halo 0 is left out"
    assert_same_places(position + BOX_SIZE / 2, [[1.5, 2, 3], [23, 22, 21]])
    with pytest.raises(InputError, match=r"no list of the particles.*lacks: \[members\]"):
        list(box.member_points(20))
    with pytest.raises(InputError, match="Box size = 24, expected 30"):
        opened(tmp_path, files, box_size=30.0)._catalogue  # noqa: B018


def edit(folder, name, change):
    with h5py.File(folder / name, "r+") as file:
        change(file)


def set_header(name, value):
    return lambda file: file["Header"].attrs.__setitem__(name, value)


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("snapshot.hdf5", set_header("BoxSize", 24000.0), "BoxSize 24000 .*24 Mpc/h.*factor of 10"),
        ("snapshot.hdf5", set_header("BoxSize", 30.0), "found BoxSize 30 .*expected a box of 24"),
        ("snapshot.hdf5", set_header("Redshift", 1.0), "found redshift 1, expected 0.5"),
        ("groups.hdf5", set_header("Redshift", 1.0), "found redshift 1, expected 0.5"),
        ("snapshot.hdf5", set_header("NumFilesPerSnapshot", 8), "found 1 of its files, expected 8"),
        ("snapshot.hdf5", set_header("NumPart_ThisFile", [512, 4096, 0, 0, 0, 0]),
         "512 particles of type 0, expected a run of dark matter alone"),
        ("snapshot.hdf5", set_header("NumPart_ThisFile", [0, 3375, 0, 0, 0, 0]),
         r"found 3375 particles in PartType1, expected 16\^3 = 4096.*write 15"),
        ("snapshot.hdf5", lambda file: file["PartType1"].pop("ParticleIDs"),
         "found Coordinates, Velocities in PartType1, expected ParticleIDs"),
        ("snapshot.hdf5", lambda file: file.pop("Header"), "no group Header; expected an HDF5"),
        ("snapshot.hdf5", lambda file: file["PartType1/ParticleIDs"].write_direct(
            np.arange(100, 4196, dtype=np.uint32)), "identifiers from 100 to 4195, expected 0 to"),
        ("snapshot.hdf5", lambda file: file["PartType1/Coordinates"].write_direct(
            np.full((4096, 3), np.nan)), "12288 numbers of Coordinates are not finite"),
        ("initial.hdf5", lambda file: file["Parameters"].attrs.__setitem__("OmegaLambda", 0.5),
         "Omega0 0.3 and OmegaLambda 0.5, expected a sum of 1"),
        ("groups.hdf5", lambda file: file["Group"].pop("GroupPos"), "no GroupCM or GroupPos in G"),
        ("groups.hdf5", lambda file: file["Group/GroupOffsetType"].write_direct(
            np.full((4, 6), 4090)), "halos point to particle 4150 of a snapshot of 4096"),
        ("groups.hdf5", lambda file: file["Group/GroupPos"].write_direct(
            np.array(file["Group/GroupPos"]) + 12), "particles of halos are .* Mpc/h from them"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_files_is_said(made, tmp_path, name, change, message):
    write_gadget(tmp_path, made)
    edit(tmp_path, name, change)
    box = opened(tmp_path)
    with pytest.raises(InputError, match=message):
        _ = box.linear_density(), list(box.particle_chunks()), list(box.member_positions(0))


def test_identifiers_of_another_order_are_refused_and_the_order_that_fits_is_named(made, tmp_path):
    write_gadget(tmp_path, made)
    with pytest.raises(InputError, match="other order it is 0.0.*: change `id_order`"):
        opened(tmp_path, options={"id_order": "zyx"}).linear_density()
    edit(tmp_path, "initial.hdf5", lambda file: file["PartType1/ParticleIDs"].write_direct(
        np.random.default_rng(1).permutation(np.arange(1, 4097, dtype=np.uint32))))  # fmt: skip
    with pytest.raises(InputError, match="identifiers do not count the lattice"):
        opened(tmp_path).linear_density()


def test_a_file_that_is_no_hdf5_is_refused(made, tmp_path):
    write_gadget(tmp_path, made)
    (tmp_path / "snapshot.hdf5").write_bytes(b"Gadget-2 format 1")
    with pytest.raises(InputError, match=r"snapshot.hdf5 cannot be read.*expected an HDF5 file"):
        list(opened(tmp_path).particle_chunks())


@pytest.fixture
def gadget4():
    """A real Gadget-4 box that lies beside the repository, read-only."""
    root = ROOT.parent / "shared/gadget"
    if not (root / "snapshot_001.hdf5").is_file():
        pytest.skip("no real Gadget data: expected ../shared/gadget beside the repository")
    files = {
        "initial": "snapshot_ics_000.hdf5", "snapshot": "snapshot_001.hdf5",
        "groups": "fof_subhalo_tab_001.hdf5",
    }  # fmt: skip
    return opened(root, files, box_size=120.0, particles_per_side=96, density_points=96)


def test_a_real_box_is_as_its_readme_says(gadget4):
    assert gadget4.snapshot.background.growth_factor(0.5, 63.0) == pytest.approx(38.7, abs=0.05)
    assert gadget4.particle_mass == pytest.approx(1.686e11, rel=1e-3)
    _, count = gadget4.halos()
    assert (len(count), (count >= 50).sum(), (count >= 100).sum(), count.max()) == (
        1465, 874, 383, 1672
    )  # fmt: skip
    labelled = list(gadget4.member_positions(50))
    assert sum(len(part.place) for part in labelled) == count[count > 50].sum()
    np.testing.assert_allclose(gadget4.origin, 0, atol=1e-4)
