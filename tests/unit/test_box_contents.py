"""What an error says of a local box that is not all there: what is missing, there, and to write."""

import os
import re
import shutil
from pathlib import Path

import pytest
from lagbias.base.errors import InputError
from lagbias.config.local_boxes import check_local_boxes, expand_roots
from lagbias.simulations.abacus.contents import expanded_root, local_files
from lagbias.simulations.abacus.tree import PRODUCTS, BoxFiles

SMALL = "AbacusSummit_small_c000_ph3100"
BASE = "AbacusSummit_base_c103_ph000"


def make_box(root: Path, name: str = SMALL, redshift: float = 0.5, products=PRODUCTS) -> BoxFiles:
    """Empty files of a box in the public tree's layout."""
    files = BoxFiles.under(root, name, redshift, 576)
    for path in [files.density, *(files.halos / name / f"{name}_000.asdf" for name in products)]:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return files


def said_of(files: BoxFiles) -> str:
    with pytest.raises(InputError) as refused:
        local_files(files)
    assert "\n" not in str(refused.value)
    return str(refused.value)


@pytest.mark.parametrize("name", [SMALL, BASE])
def test_box_that_is_all_there_is_taken(tmp_path, name):
    files = make_box(tmp_path, name)
    assert local_files(files) == files.expected(1)
    (files.halos / "halo_info/checksums.crc32").touch()
    assert local_files(files) == files.expected(1)


def test_secondary_redshift_is_named_with_the_nearest_that_has_particles(tmp_path):
    make_box(tmp_path)
    make_box(tmp_path, redshift=1.1)
    files = make_box(tmp_path, redshift=0.575, products=["halo_info", "halo_pid_A"])
    said = said_of(files)
    assert "z0.575 has halo_info, halo_pid_A alone, no halo_rv_A, field_rv_A, field_pid_A" in said
    assert said.endswith("this box has them at z = 0.5, 1.1: write `redshift: 0.5`")


def test_redshift_that_is_not_there_is_named_with_those_that_are(tmp_path):
    make_box(tmp_path)
    make_box(tmp_path, redshift=0.8)
    said = said_of(BoxFiles.under(tmp_path, SMALL, 0.7, 576))
    assert re.search("no folder .*z0.700.*has them at z = 0.5, 0.8: write `redshift: 0.8`", said)


def test_box_without_field_particles_at_any_redshift_is_told_so(tmp_path):
    for redshift in (0.5, 0.8):
        files = make_box(tmp_path, BASE, redshift, PRODUCTS[:3])
    make_box(tmp_path, BASE, 1.1, ["halo_info"])
    said = said_of(files)
    assert "z0.800 has halo_info, halo_rv_A, halo_pid_A alone, no field_rv_A, field_pid_A" in said
    assert "on tape only" in said
    assert "halo_info, halo_rv_A, halo_pid_A at z = 0.5, 0.8; halo_info at z = 1.1" in said
    assert said.endswith("fetch what is missing or use another box")


def test_empty_product_folder_is_told_from_one_that_is_not_there(tmp_path):
    files = make_box(tmp_path)
    (files.halos / "field_rv_A/field_rv_A_000.asdf").unlink()
    shutil.rmtree(files.halos / "field_pid_A")
    assert "no field_rv_A, field_pid_A (without a file: field_rv_A)" in said_of(files)


def test_box_without_halos_is_named_with_what_it_has(tmp_path):
    files = make_box(tmp_path)
    files.halos.parent.rename(files.halos.parents[1] / "halo")
    assert re.search("no folder .*/halos: found halo in .*expected halos/zN.NNN", said_of(files))


def test_densities_that_are_there_are_named(tmp_path):
    files = make_box(tmp_path)
    make_box(tmp_path).density.with_name("ic_dens_N96.asdf").touch()
    said = said_of(BoxFiles(files.halos, files.density.with_name("ic_dens_N1152.asdf")))
    assert said.endswith("has ic_dens of 96 and 576 points a side: write `density_grid: 576`")
    shutil.rmtree(tmp_path / "ic")
    assert "no folder" in said_of(files)
    assert "a tree keeps them in `ic`, apart from the halos" in said_of(files)


@pytest.mark.parametrize(
    ("root", "name", "message"),
    [
        ("tree/small", SMALL, "inside the tree; write `root: {tmp}/tree`"),
        (f"tree/small/{SMALL}", SMALL, "is the box itself; write `root: {tmp}/tree`"),
        (f"tree/{BASE}", BASE, "is the box itself; write `root: {tmp}/tree`"),
        (".", SMALL, "write `root: {tmp}/tree`, which has it"),
        (".", BASE, "write `root: {tmp}/tree`, which has it"),
        ("tree", SMALL.lower(), f"did you mean {SMALL}?"),
        ("tree", SMALL.replace("3100", "3008"), f"found {SMALL}; did you mean {SMALL}? (phases ar"),
        ("tree", "AbacusSummit_base_c000_ph000", f"found {BASE}; did you mean {BASE}?"),
        (
            "empty",
            SMALL,
            "no box is in {tmp}/empty/small (found nothing); write the path of a tree",
        ),
        ("nowhere/at/all", SMALL, "nowhere/at/all is not there (of its path, {tmp} is)"),
        ("file", SMALL, "root {tmp}/file is a file; expected the folder"),
    ],
)
def test_wrong_root_or_name_is_told_with_what_to_write(tmp_path, monkeypatch, root, name, message):
    for box in (SMALL, BASE):
        make_box(tmp_path / "tree", box)
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").touch()
    monkeypatch.chdir(tmp_path)
    said = said_of(BoxFiles.under(root, name, 0.5, 576))
    assert message.format(tmp=tmp_path) in said


@pytest.mark.parametrize("part", ["small", f"small/{SMALL}/halos", f"small/{SMALL}/halos/z0.500"])
def test_folder_that_must_not_be_read_is_named(tmp_path, monkeypatch, part):
    files = make_box(tmp_path)
    closed = tmp_path / part
    # Whoever runs this may be root, who may read everything: the system's answer is made up.
    access, stat = os.access, os.stat

    def refuse(path, *arguments, **more):
        if closed in Path(path).parents:
            raise PermissionError(13, "Permission denied", str(path))
        return stat(path, *arguments, **more)

    monkeypatch.setattr(os, "access", lambda path, mode: path != closed and access(path, mode))
    monkeypatch.setattr(os, "stat", refuse)
    said = said_of(files)
    assert re.search(f"{part}.*: Permission denied; expected a folder that you may read", said)


def test_root_is_read_as_a_shell_would(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("SCRATCH", "/scratch/me")
    assert expanded_root("~/tree") == f"{tmp_path}/tree"
    assert expanded_root("$SCRATCH/tree") == expanded_root("${SCRATCH}/tree") == "/scratch/me/tree"
    for plain in ("../shared/abacus", "/a//b/", "a b", ".", "data/~x"):
        assert expanded_root(plain) == plain
    monkeypatch.chdir(tmp_path)
    Path("~").mkdir()
    assert expanded_root("~") == "~"  # a folder that is there is not taken for another


@pytest.mark.parametrize(
    ("root", "message"),
    [
        ("$NO_SUCH/tree", "simulations.box.root: found '$NO_SUCH/tree', but the environment variab"
         "le NO_SUCH is not set here"),
        ("/data/${NO_SUCH}", "the environment variable NO_SUCH is not set"),
        ("~nobody_here/tree", "~nobody_here is nobody's home; write the path in full"),
    ],
)  # fmt: skip
def test_root_that_cannot_be_expanded_is_refused(root, message):
    with pytest.raises(InputError, match=re.escape(message)):
        expand_roots({"box": {"source": "local", "root": root}})


def test_local_boxes_that_no_set_names_are_not_looked_at(tmp_path):
    local = {"source": "local", "root": str(tmp_path), "density_grid": 576}
    config = {
        "redshift": 0.5, "simulations": {SMALL: local},
        "training_sets": {"set": {"train": [], "validate": [], "test": []}},
    }  # fmt: skip
    check_local_boxes(config)
    with pytest.raises(InputError, match=f"simulations.{SMALL}: no folder"):
        check_local_boxes(config | {"transfers": {"boxes": [SMALL], "tracers": []}})
    config["training_sets"]["set"]["test"] = [SMALL]
    with pytest.raises(InputError, match=f"simulations.{SMALL}: no folder"):
        check_local_boxes(config)


def config_of_local_box(root: Path, **changes) -> dict:
    """A config of one local box that tests, with the keys that its size must fit."""
    return {
        "redshift": 0.5,
        "simulations": {SMALL: {"source": "local", "root": str(root), "density_grid": 576}},
        "training_sets": {"set": {"train": [], "validate": [], "test": [SMALL]}},
        "mesh": {"cell_size": 5, "evaluation_cell_size": 2.5},
        "training": {"preset": "seed"}, "scale_sets": ["R2"], "yardsticks": [],
    } | changes  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"training": {"preset": "seed", "block": 3}},
            "training, on .*: training.block: cubes of 3 cells do not tile a mesh of 80 cells",
        ),
        (
            {"mesh": {"cell_size": 7, "evaluation_cell_size": 2.5}},
            "mesh.cell_size: 7 Mpc/h does not divide the side of .*, 400 Mpc/h: .*; use 7.01754",
        ),
        ({"scale_sets": ["R0.5"]}, "scale_sets: R0.5, on .*expected 0.694"),
        (
            {"variants": {"large": {"block": 7}}},
            "variants.large, on .*: training.block: cubes of 7 cells do not tile",
        ),
    ],
)
def test_cells_that_do_not_fit_a_local_box_are_refused_by_its_header(tmp_path, changes, message):
    files = make_box(tmp_path)
    check_local_boxes(config_of_local_box(tmp_path, **changes))  # a file of no size says nothing
    # A box of another side than its name says.
    header = b"#ASDF 1.0.0\nheader:\n  BoxSize: 400.0\n  NP: 1000\n...\n"
    (files.halos / "halo_info/halo_info_000.asdf").write_bytes(header)
    check_local_boxes(config_of_local_box(tmp_path))
    with pytest.raises(InputError, match=message):
        check_local_boxes(config_of_local_box(tmp_path, **changes))


def test_particles_of_another_mass_in_a_local_box_are_refused_by_its_header(tmp_path):
    files = make_box(tmp_path)
    other = {"files": {"box": "box.hdf5"}, "root": str(tmp_path), "source": "arrays"}
    other |= {"box_size": 200, "particles_per_side": 96}
    (tmp_path / "box.hdf5").touch()
    config = config_of_local_box(tmp_path)
    config["simulations"]["other"] = other
    config["training_sets"]["set"]["train"] = ["other"]
    header = files.halos / "halo_info/halo_info_000.asdf"
    header.write_bytes(b"#ASDF 1.0.0\nheader:\n  BoxSize: 400.0\n  NP: 7077888\n...\n")
    check_local_boxes(config)  # 192 a side of 400 Mpc/h
    header.write_bytes(b"#ASDF 1.0.0\nheader:\n  BoxSize: 400.0\n  NP: 8000000\n...\n")
    message = rf"{SMALL} has 200\^3 particles in 400 Mpc/h, other 96\^3 in 200 Mpc/h; expected one"
    with pytest.raises(InputError, match=message):
        check_local_boxes(config)


def test_cleaned_halos_of_a_local_box_are_looked_for(tmp_path):
    make_box(tmp_path)
    config = config_of_local_box(tmp_path)
    config["simulations"][SMALL]["cleaned"] = True
    with pytest.raises(InputError, match=rf"simulations\.{SMALL}: .*cleaning"):
        check_local_boxes(config)
