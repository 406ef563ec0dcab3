"""What is written in AbacusSummit's formats is read back by abacusutils."""

import shutil
import subprocess
from pathlib import Path

import asdf
import numpy as np
import pytest
from abacusnbody.data.bitpacked import unpack_pids, unpack_rvint
from abacusnbody.data.compaso_halo_catalog import CompaSOHaloCatalog
from abacusnbody.data.read_abacus import read_asdf
from astropy.table import Table
from lagbias.base.errors import InputError
from lagbias.simulations.abacus import checksums, writer

BOX_SIZE = 250.0
PARTICLES_PER_SIDE = 192
SANDBOX = Path(__file__).parents[3] / "shared" / "abacus"

# Half a step of the 20 bits of a position, and the rounding of float32 at the box's edge.
POSITION_TOLERANCE = BOX_SIZE * (0.5e-6 + 2.0**-24)
# Half a step of the 12 bits of a velocity [km/s].
VELOCITY_TOLERANCE = 0.51 * 6000 / 2048
# Halo centres are float32 in units of the box.
CENTRE_TOLERANCE = BOX_SIZE * 2.0**-24

HEADER = {
    "SimName": "planted",
    "BoxSize": BOX_SIZE,
    "BoxSizeHMpc": BOX_SIZE,
    "ppd": float(PARTICLES_PER_SIDE),
    "Redshift": 0.5,
    "InitialRedshift": 49.0,
    "VelZSpace_to_kms": 22038.98691964867,
}


@pytest.fixture
def random():
    return np.random.default_rng(20221208)


@pytest.fixture
def particles(random):
    """Positions [Mpc/h] with both ends of the box, velocities [km/s], Lagrangian indices."""
    position = random.uniform(-BOX_SIZE / 2, BOX_SIZE / 2, (1000, 3)).astype(np.float32)
    position[0] = BOX_SIZE / 2
    position[1] = -BOX_SIZE / 2
    velocity = random.normal(0, 500, (1000, 3)).astype(np.float32)
    index = random.integers(0, PARTICLES_PER_SIDE, (1000, 3))
    index[0] = PARTICLES_PER_SIDE - 1
    return position, velocity, index


def write_particles(folder, particles, file_starts):
    position, velocity, index = particles
    packed = writer.pack_pids(index, tagged=np.arange(1000) % 2 == 0, density=25.0)
    return writer.write_particles(folder, "field", HEADER, position, velocity, packed, file_starts)


@pytest.mark.parametrize("file_starts", [[0], [0, 400, 400]], ids=["one file", "three files"])
def test_particles_survive_the_round_trip(tmp_path, particles, file_starts):
    position, velocity, index = particles
    paths = write_particles(tmp_path, particles, file_starts)
    rv = [p for p in paths if p.match("field_rv_A_*.asdf")]
    pid = [p for p in paths if p.match("field_pid_A_*.asdf")]
    assert len(rv) == len(pid) == len(file_starts)

    tables = [read_asdf(path, load=["pos", "vel"], verbose=False) for path in rv]
    read_position = np.concatenate([table["pos"] for table in tables])
    read_velocity = np.concatenate([table["vel"] for table in tables])
    np.testing.assert_allclose(read_position, position, rtol=0, atol=POSITION_TOLERANCE)
    np.testing.assert_allclose(read_velocity, velocity, rtol=0, atol=VELOCITY_TOLERANCE)

    fields = ["lagr_idx", "tagged", "density"]
    tables = [read_asdf(path, load=fields, verbose=False) for path in pid]
    np.testing.assert_array_equal(np.concatenate([table["lagr_idx"] for table in tables]), index)
    tagged = np.concatenate([table["tagged"] for table in tables])
    np.testing.assert_array_equal(tagged, np.arange(1000) % 2 == 0)
    np.testing.assert_array_equal(np.concatenate([t["density"] for t in tables]), 25.0)


def test_both_ends_of_the_box_are_exact():
    ends = np.array([[BOX_SIZE / 2, -BOX_SIZE / 2, 0.0]])
    packed = writer.pack_rvint(ends, np.zeros((1, 3)), BOX_SIZE)
    position, _ = unpack_rvint(packed, BOX_SIZE, float_dtype=np.float64)
    np.testing.assert_array_equal(position, ends)


def test_fast_particles_are_clipped_and_do_not_touch_positions():
    fast = np.array([[9000.0, -9000.0, 0.0]])
    packed = writer.pack_rvint(np.zeros((1, 3)), fast, BOX_SIZE)
    position, velocity = unpack_rvint(packed, BOX_SIZE, float_dtype=np.float64)
    np.testing.assert_array_equal(position, 0.0)
    np.testing.assert_allclose(velocity, [[6000, -6000, 0]], rtol=0, atol=6000 / 2048)


def test_largest_lagrangian_index_survives():
    corner = np.array([[0x7FFF, 0, 0x7FFF], [0, 0x7FFF, 0]])
    unpacked = unpack_pids(writer.pack_pids(corner), lagr_idx=True)
    np.testing.assert_array_equal(unpacked["lagr_idx"], corner)


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (lambda: writer.pack_pids(np.array([[0, 0, 0x8000]])), "lagrangian_index spans"),
        (lambda: writer.pack_pids(np.zeros(3, int)), "lagrangian_index has shape"),
        (
            lambda: writer.pack_rvint(np.full((1, 3), 126.0), np.zeros((1, 3)), BOX_SIZE),
            "centre on zero and wrap",
        ),
        (
            lambda: writer.pack_rvint(np.full((1, 3), np.nan), np.zeros((1, 3)), BOX_SIZE),
            "centre on zero and wrap",
        ),
        (
            lambda: writer.pack_rvint(np.zeros((1, 3)), np.full((1, 3), np.nan), BOX_SIZE),
            "velocity has values that are not finite",
        ),
        (
            lambda: writer.pack_rvint(np.zeros((2, 3)), np.zeros((1, 3)), BOX_SIZE),
            r"position has shape \(2, 3\)",
        ),
    ],
)
def test_what_the_format_cannot_hold_is_refused(call, expected):
    with pytest.raises(InputError, match=expected):
        call()


@pytest.mark.parametrize("file_starts", [[0], [0, 20, 20]], ids=["one file", "three files"])
def test_halos_survive_the_round_trip(tmp_path, random, file_starts):
    columns = {
        "id": np.arange(50),
        "N": random.integers(20, 5000, 50),
        "x_com": random.uniform(-BOX_SIZE / 2, BOX_SIZE / 2, (50, 3)),
        "v_com": random.normal(0, 300, (50, 3)),
        "npstartA": np.arange(50) * 7,
        "npoutA": np.full(50, 7),
    }
    columns["x_com"][0] = BOX_SIZE / 2
    writer.write_halos(tmp_path, HEADER, columns, file_starts)

    catalogue = CompaSOHaloCatalog(tmp_path, cleaned=False, subsamples=False, fields=["N", "x_com"])
    np.testing.assert_array_equal(catalogue.halos["N"], columns["N"])
    np.testing.assert_allclose(
        catalogue.halos["x_com"], columns["x_com"], rtol=0, atol=CENTRE_TOLERANCE
    )
    fields = ["id", "v_com", "npstartA", "npoutA"]
    catalogue = CompaSOHaloCatalog(tmp_path, cleaned=False, subsamples=False, fields=fields)
    np.testing.assert_allclose(catalogue.halos["v_com"], columns["v_com"], rtol=1e-5)
    for name in ("id", "npstartA", "npoutA"):
        np.testing.assert_array_equal(catalogue.halos[name], columns[name], err_msg=name)


def test_initial_density_is_laid_out_as_the_published_one(tmp_path, random):
    density = random.normal(size=(8, 8, 8)).astype(np.float32)
    path, _ = writer.write_initial_density(tmp_path, HEADER, density, {0.5: 30.0, 49.0: 1.0})
    assert path.name == "ic_dens_N8.asdf"
    with asdf.open(path) as file:
        np.testing.assert_array_equal(file["data"]["density"], density)
        assert file["data"]["density"].dtype == np.float32
        assert file["header"]["GrowthTable"] == {"0.5": 30.0, "49.0": 1.0}


def test_notes_of_asdf_are_in_a_fixed_order(tmp_path, random):
    """asdf's own order changes from process to process, and with it the bytes."""
    spectrum = Table({"k (h/Mpc)": [0.1, 1.0], "P (Mpc/h)^3": [1e4, 1e3]})
    path, _ = writer.write_initial_density(
        tmp_path, HEADER, random.normal(size=(8, 8, 8)), {0.5: 30.0}, spectrum
    )
    with asdf.open(path) as file:
        uris = [extension["extension_uri"] for extension in file["history"]["extensions"]]
        assert list(file["CLASS_power_spectrum"]["P (Mpc/h)^3"]) == [1e4, 1e3]
    assert len(uris) > 1
    assert uris == sorted(uris)


def test_rewriting_leaves_no_files_of_the_earlier_run(tmp_path, particles):
    write_particles(tmp_path, particles, [0, 400])
    write_particles(tmp_path, particles, [0])
    names = sorted(path.name for path in (tmp_path / "field_rv_A").iterdir())
    assert names == ["checksums.crc32", "field_rv_A_000.asdf"]


def test_a_failed_write_leaves_the_earlier_file_alone(tmp_path):
    path = tmp_path / "whole.asdf"
    writer.write_asdf(path, {"data": {"a": np.arange(3)}, "header": {}})
    before = path.read_bytes()
    with pytest.raises(Exception, match="object"):
        writer.write_asdf(path, {"data": {"a": np.arange(3)}, "header": {"x": object()}})
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(shutil.which("cksum") is None, reason="no coreutils cksum here")
@pytest.mark.parametrize("size", [0, 1, 255, 256, 70_000, (1 << 22) + 17])
def test_checksums_are_those_of_gnu_cksum(tmp_path, random, size):
    path = tmp_path / "some.asdf"
    path.write_bytes(random.bytes(size))
    printed = subprocess.run(
        ["cksum", path.name], cwd=tmp_path, capture_output=True, text=True, check=True
    ).stdout
    assert writer.write_checksums(tmp_path).read_text() == printed


@pytest.mark.skipif(not SANDBOX.is_dir(), reason="no Abacus sandbox beside the project")
def test_checksums_are_those_of_the_sandbox():
    lists = list(SANDBOX.rglob("checksums.crc32"))
    assert lists
    for listed in lists:
        for line in listed.read_text().splitlines():
            crc, size, name = line.split()
            found = checksums.cksum(listed.with_name(name))
            assert found == (int(crc), int(size)), listed.with_name(name)
