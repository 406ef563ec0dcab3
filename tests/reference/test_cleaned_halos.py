"""Cleaned halos, in files of the published layout: as abacusutils itself reads them.

The layout is that which abacusutils expects (its `_setup_file_paths` and `clean_dt`):
cleaning/[small/]SIM/z0.500/cleaned_halo_info and cleaned_rvpid, a file for each halo file.
"""

import dataclasses

import numpy as np
import pytest
from abacusnbody.data.compaso_halo_catalog import CompaSOHaloCatalog
from conftest import REDSHIFT, plant_box, plant_halo_particles
from lagbias.base.errors import InputError
from lagbias.simulations.abacus import writer
from lagbias.simulations.abacus.box import AbacusBox
from lagbias.simulations.abacus.checks import check_same_box
from lagbias.simulations.abacus.contents import local_files
from lagbias.simulations.abacus.tree import BoxFiles

LARGE, SMALL = 60, 20  # particles of halos of the planted box, which come in turn


@pytest.fixture
def cleaned(tmp_path):
    """A box in which the first halo of each file merged into the second one before."""
    box = plant_box(tmp_path, seed=3)
    plant_halo_particles(box, np.arange(8000) < 1200)
    name = box.header["SimName"]
    files = BoxFiles.under(tmp_path, name, REDSHIFT, 24, cleaned=True)
    header = box.header | {"TimeSliceRedshiftsPrev": [0.6]}
    for number, file in enumerate(files.product("halo_info")):
        halos = CompaSOHaloCatalog(
            file, cleaned=False, subsamples=False, fields=["N", "npstartA", "npoutA"]
        ).halos
        count = np.array(halos["N"])
        start, out = (np.array(halos[f]).astype(np.int64) for f in ("npstartA", "npoutA"))
        total, merged_start, merged_out = count.copy(), np.zeros_like(start), np.zeros_like(out)
        total[0], total[1] = 0, count[0] + count[1]
        merged_out[1] = out[0]
        rows = slice(start[0], start[0] + out[0])
        columns = {
            "N_total": total.astype(np.uint32), "N_merge": (total - count).astype(np.uint32),
            "haloindex": np.arange(len(count), dtype=np.uint64),
            "is_merged_to": np.where(np.arange(len(count)) == 0, 1, -1),
            "haloindex_mainprog": np.arange(len(count)),
            "v_L2com_mainprog": np.zeros((len(count), 3), np.float32),
            **{f"npstart{ab}_merge": merged_start for ab in "AB"},
            "npoutA_merge": merged_out.astype(np.uint32),
            "npoutB_merge": np.zeros(len(count), np.uint32),
        }  # fmt: skip
        particles = {
            f"{column}_A": read(files.halos / f"halo_{kind}_A/halo_{kind}_A_{number:03d}.asdf",
                                column)[rows]
            for kind, column in (("rv", "rvint"), ("pid", "packedpid"))
        }  # fmt: skip
        for product, data in (("cleaned_halo_info", columns), ("cleaned_rvpid", particles)):
            folder = files.cleaning / product
            folder.mkdir(parents=True, exist_ok=True)
            writer.write_asdf(
                folder / f"{product}_{number:03d}.asdf", {"data": data, "header": header}
            )
    return files


def read(path, column):
    return np.array(writer.asdf.open(path)["data"][column])


def test_cleaned_halos_are_those_of_abacusutils(cleaned):
    catalogue = CompaSOHaloCatalog(
        cleaned.halos, cleaned=True, subsamples={"A": True, "pid": True, "rv": True},
        unpack_bits=True, fields=["N", "x_com", "npstartA", "npoutA"],
    )  # fmt: skip
    number = np.asarray(catalogue.halos["N"]).astype(np.int64)
    above = np.flatnonzero(number > 50)
    box = AbacusBox(cleaned, REDSHIFT)
    position, count = box.halos(50)
    np.testing.assert_array_equal(count, number[above])
    np.testing.assert_array_equal(position, np.asarray(catalogue.halos["x_com"])[above])
    plain = AbacusBox(dataclasses.replace(cleaned, cleaning=None), REDSHIFT)
    assert (plain.halos(50)[1] == LARGE).all()
    assert sorted(count)[-2:] == [LARGE + SMALL] * 2, "one of each file took another in"
    assert (count == LARGE).sum() == (plain.halos(50)[1] == LARGE).sum() - 2
    points, halo, halo_particles = map(np.concatenate, zip(*box.member_points(50), strict=True))
    places, in_halo, _ = map(np.concatenate, zip(*box.member_positions(50), strict=True))
    np.testing.assert_array_equal(halo_particles, count[halo])
    for which, row in enumerate(above):
        start, out = (int(catalogue.halos[field][row]) for field in ("npstartA", "npoutA"))
        own = slice(start, start + out)
        for found, of, column in ((points, halo, "lagr_idx"), (places, in_halo, "pos")):
            expected = np.asarray(catalogue.subsamples[column])[own]
            mine = found[of == which]
            assert mine.shape == expected.shape
            np.testing.assert_array_equal(np.sort(mine, axis=0), np.sort(expected, axis=0))


def test_files_of_cleaning_are_inputs_and_missing_ones_are_named(cleaned):
    found = {file.name for file in local_files(cleaned)}
    assert {"cleaned_halo_info_000.asdf", "cleaned_rvpid_001.asdf"} <= found
    (cleaned.cleaning / "cleaned_rvpid/cleaned_rvpid_001.asdf").unlink()
    with pytest.raises(InputError, match=r"cleaned_rvpid lacks cleaned_rvpid_001.asdf"):
        local_files(cleaned)
    other = dataclasses.replace(cleaned, cleaning=cleaned.cleaning.with_name("z0.800"))
    with pytest.raises(InputError, match=r"found z0.500 in .*or leave `cleaned` out"):
        local_files(other)


@pytest.mark.parametrize(("folder", "found"), [(2.0, 2.0033), (0.575, 0.5767), (0.5, 0.5)])
def test_folders_that_round_the_redshift_of_the_header_are_accepted(folder, found):
    header = {"SimName": "box", "BoxSize": 500.0, "Redshift": found}
    check_same_box(header, header, folder, "folder")
    with pytest.raises(InputError, match=r"Redshift is .*, expected"):
        check_same_box(header, header, folder + 0.05, "folder")
