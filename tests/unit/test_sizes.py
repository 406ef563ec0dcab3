"""How large a box is, before any job has run."""

from pathlib import Path

import numpy as np
import pytest
from conftest import SANDBOX_NAME
from lagbias.simulations.abacus.reader import read_header
from lagbias.simulations.abacus.sizes import BoxSizes, header_numbers
from lagbias.simulations.abacus.tree import BoxFiles
from lagbias.simulations.abacus.writer import write_halos

NUMBERS = {"BoxSize": 48.0, "NP": 24**3, "ParticleSubsampleA": 0.25}


@pytest.mark.parametrize(
    ("name", "sizes"),
    [
        ("AbacusSummit_small_c000_ph3100", (500.0, 154_793_411, 1)),
        ("AbacusSummit_highbase_c000_ph100", (1000.0, 1_238_347_284, 16)),
        ("AbacusSummit_base_c000_ph000", (2000.0, 9_906_778_276, 34)),
        ("Unheard", (500.0, 154_793_411, 1)),
    ],
)
def test_sizes_of_a_box_follow_from_its_name(name, sizes):
    found = BoxSizes.of_name(name)
    assert (found.box_size, found.particles, found.files) == sizes


def box_of(root: Path, header: dict, name: str = "Box_base_c000_ph000") -> BoxFiles:
    """A box of which there are halo files only, three of them, with this header."""
    files = BoxFiles.under(root, name, 0.5, 24)
    columns = {"id": np.arange(30), "N": np.full(30, 60), "x_com": np.zeros((30, 3))}
    columns |= {"v_com": np.zeros((30, 3)), "npstartA": np.zeros(30), "npoutA": np.zeros(30)}
    write_halos(files.halos, {"VelZSpace_to_kms": 5000.0} | header, columns, [0, 10, 20])
    return files


@pytest.mark.parametrize(
    "more",
    [{}, {"ppd": 24.0, "MinL1HaloNP": 35, "GrowthTable": {"0.5": 32.0}, "Lists": [[1, 2], [3]]}],
    ids=["plain", "nested"],
)
def test_sizes_of_a_box_that_is_there_are_those_of_its_header(tmp_path, more):
    files = box_of(tmp_path, NUMBERS | more)
    assert header_numbers(files.product("halo_info")[0]) == NUMBERS
    assert BoxSizes.of_files(files, "Box_base_c000_ph000") == BoxSizes(48.0, 24**3 // 4, 3)


def test_a_header_without_a_subsample_is_taken_for_one_of_abacussummits(tmp_path):
    files = box_of(tmp_path, {"BoxSize": 2e17, "NP": 10**9})
    assert BoxSizes.of_files(files, "Box") == BoxSizes(2e17, 30_000_000, 3)


@pytest.mark.parametrize(
    "contents",
    [
        None,
        b"",
        b"#ASDF 1.0.0\n\xff\x00",
        b"#ASDF\nheader: {NP: many}\n...\n",
        b"\nheader: {NP: 8}",
    ],
    ids=["absent", "empty", "garbage", "no numbers", "no size"],
)
def test_sizes_of_a_box_that_cannot_be_read_go_by_its_name(tmp_path, contents):
    name = "AbacusSummit_base_c000_ph000"
    files = BoxFiles.under(tmp_path, name, 0.5, 1152)
    if contents is not None:
        file = files.halos / "halo_info/halo_info_000.asdf"
        file.parent.mkdir(parents=True)
        file.write_bytes(contents)
    assert BoxSizes.of_files(files, name) == BoxSizes.of_name(name)


def test_data_behind_the_header_are_not_taken_for_it(tmp_path):
    file = tmp_path / "halo_info_000.asdf"
    file.write_bytes(b"#ASDF\nheader:\n  NP: 8\n...\nBoxSize: 3.0")
    assert header_numbers(file) == {"NP": 8.0}


def test_header_of_a_real_box_is_read_as_asdf_reads_it(sandbox_files):
    path = sandbox_files.product("halo_info")[0]
    header = read_header(path, tuple(NUMBERS))
    assert header_numbers(path) == {key: header[key] for key in NUMBERS}
    sizes = BoxSizes.of_files(sandbox_files, SANDBOX_NAME)
    # 1,680,424 field and 441,310 halo particles are in its files.
    assert sizes.particles == pytest.approx(1_680_424 + 441_310, rel=0.01)
    assert (sizes.box_size, sizes.files) == (250.0, 3)
