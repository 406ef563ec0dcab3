"""Names and places: the public tree, scale sets as typed in paths, stores grouped by box."""

from pathlib import Path

import pytest
from lagbias.base.errors import InputError
from lagbias.config.names import parse_network, parse_scales, parse_yardstick
from lagbias.config.tracers import Tracer, parse_tracer
from lagbias.plan.paths import by_tracer_and_model, features_by_box, weights_by_seed
from lagbias.simulations.abacus.tree import PRODUCTS, BoxFiles


@pytest.mark.parametrize(
    ("scale_set", "scales"),
    [
        ("R2", [2.0]), ("R2-R2.83-R4", [2.0, 2.83, 4.0]), ("R0.5-R11.3", [0.5, 11.3]),
        ("R9-R10", [9.0, 10.0]),
    ],
)  # fmt: skip
def test_scale_set_is_read(scale_set, scales):
    assert parse_scales(scale_set) == scales


@pytest.mark.parametrize(
    ("scale_set", "canonical"),
    [
        ("R4-R2", "R2-R4"), ("R10-R9", "R9-R10"), ("R2-R2", "R2"), ("R2.0", "R2"),
        ("R02", "R2"), ("R2.830-R4", "R2.83-R4"),
    ],
)  # fmt: skip
def test_scale_set_has_one_spelling(scale_set, canonical):
    with pytest.raises(InputError, match=f"write {canonical}$"):
        parse_scales(scale_set)
    parse_scales(canonical)


@pytest.mark.parametrize("scale_set", ["", "2-4", "R2,R4", "R2-", "R-2", "R2e1", "Rx", "R2.", "r2"])
def test_what_is_no_scale_set_is_refused(scale_set):
    with pytest.raises(InputError, match="joined by dashes, as R2-R2.83-R4"):
        parse_scales(scale_set)


@pytest.mark.parametrize(
    ("scale_set", "meant"),
    [
        ("2-4", "R2-R4"), ("R4,R2", "R2-R4"), ("R2, R4", "R2-R4"), ("r2", "R2"), ("R2_R4", "R2-R4"),
        ("R2\N{EN DASH}R4", "R2-R4"), ("2 2.83 4", "R2-R2.83-R4"),
    ],
)  # fmt: skip
def test_what_is_nearly_a_scale_set_is_told_its_spelling(scale_set, meant):
    with pytest.raises(InputError, match=f"as R2-R2.83-R4; write {meant}$"):
        parse_scales(scale_set)


@pytest.mark.parametrize("scale_set", ["2,83", "R2,83", "Rx", "R-2"])
def test_nothing_is_guessed_of_what_is_unclear(scale_set):
    with pytest.raises(InputError, match="as R2-R2.83-R4$"):
        parse_scales(scale_set)


@pytest.mark.parametrize("scale_set", ["R0", "R0.0-R2"])
def test_no_smoothing_is_no_scale(scale_set):
    with pytest.raises(InputError, match="found R=0, expected scales above 0 Mpc/h"):
        parse_scales(scale_set)


def test_model_names_scales_and_directions():
    assert parse_network("R2-R4") == ("R2-R4", None, None)
    assert parse_network("R2-R2.83-R4-pc12") == ("R2-R2.83-R4", None, 12)
    assert parse_network("R2_tenth-pc2") == ("R2", "tenth", 2)
    assert parse_network("R2_tenth-pc2").base == "R2_tenth"


@pytest.mark.parametrize("name", ["R2-pc0", "R2_", "R2_Tenth", "poly-R2", "R2-pc2_tenth", "R4-R2"])
def test_what_is_no_network_is_refused(name):
    with pytest.raises(InputError, match="expected .* as R2-R|write R2-R4"):
        parse_network(name)


def test_tracer_names_a_cut_and_a_weighting():
    assert parse_tracer("N50") == Tracer(50, "mass")
    assert parse_tracer("N150-number") == Tracer(150, "number")
    for name in ("50", "N050", "N0", "N50-light", "N50-mass"):
        with pytest.raises(InputError, match="N50-number"):
            parse_tracer(name)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("N050", "N50"), ("50", "N50"), ("N50.5", "N50"), ("n50", "N50"), ("N>50", "N50"),
        ("N50_number", "N50-number"), ("N50-mass", "N50"), ("N050-galaxies", "N50-galaxies"),
    ],
)  # fmt: skip
def test_what_is_nearly_a_tracer_is_told_its_spelling(name, meant):
    with pytest.raises(InputError, match=f"; write {meant}$"):
        parse_tracer(name)


@pytest.mark.parametrize("name", ["N0", "N00-number"])
def test_no_cut_is_no_tracer(name):
    with pytest.raises(InputError, match="a cut of 0 is none: write .*, as N20$"):
        parse_tracer(name)


@pytest.mark.parametrize(
    ("name", "kind", "scales"),
    [
        ("linear", "linear", []), ("labels", "labels", []), ("poly-R2-R4", "poly", [2.0, 4.0]),
        ("bins-R2", "bins", [2.0]), ("bins-lap-R2.83", "bins-lap", [2.83]),
        ("bins-g2-R10", "bins-g2", [10.0]),
    ],
)  # fmt: skip
def test_yardstick_names_its_kind_and_scales(name, kind, scales):
    assert parse_yardstick(name) == (kind, scales)


@pytest.mark.parametrize("name", ["R2", "poly", "poly-", "bins-lap", "lap-R2", "Linear", "poly_R2"])
def test_what_is_no_yardstick_is_refused(name):
    with pytest.raises(InputError, match=f"yardstick '{name}': expected matter, linear, labels"):
        parse_yardstick(name)


def test_yardstick_has_one_spelling():
    with pytest.raises(InputError, match="write R2-R4"):
        parse_yardstick("poly-R4-R2")
    with pytest.raises(InputError, match="bins-g2 takes one smoothing scale, as bins-g2-R2"):
        parse_yardstick("bins-g2-R2-R4")


def test_small_boxes_lie_in_a_folder_of_their_own():
    small = BoxFiles.under("root", "AbacusSummit_small_c000_ph3100", 0.5, 576)
    assert small.halos == Path("root/small/AbacusSummit_small_c000_ph3100/halos/z0.500")
    assert small.density == Path("root/ic/small/AbacusSummit_small_c000_ph3100/ic_dens_N576.asdf")
    base = BoxFiles.under("root", "AbacusSummit_base_c000_ph000", 0.8, 1152)
    assert base.halos == Path("root/AbacusSummit_base_c000_ph000/halos/z0.800")
    assert base.density == Path("root/ic/AbacusSummit_base_c000_ph000/ic_dens_N1152.asdf")


def made_files(root, numbers=(0, 1, 2)):
    files = BoxFiles.under(root, "AbacusSummit_small_c000_ph3100", 0.5, 576)
    for path in files.expected(len(numbers)):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return files


def test_files_found_are_those_expected_in_order(tmp_path):
    files = made_files(tmp_path)
    assert files.found() == files.expected(3)
    assert len(files.found()) == 1 + 3 * len(PRODUCTS)
    names = [path.name for path in files.product("field_rv_A")]
    assert names == ["field_rv_A_000.asdf", "field_rv_A_001.asdf", "field_rv_A_002.asdf"]


def test_checksum_lists_and_halves_are_no_files_of_a_product(tmp_path):
    files = made_files(tmp_path)
    (files.halos / "halo_info" / "checksums.crc32").touch()
    (files.halos / "halo_info" / ".halo_info_003.asdf.1.part").touch()
    assert files.found() == files.expected(3)


def test_missing_density_is_named(tmp_path):
    files = made_files(tmp_path)
    files.density.unlink()
    with pytest.raises(InputError, match="no initial density .*ic_dens_N576.asdf.*density_grid"):
        files.found()


@pytest.mark.parametrize("product", PRODUCTS)
def test_missing_product_is_named(tmp_path, product):
    files = made_files(tmp_path)
    for path in files.product(product):
        path.unlink()
    with pytest.raises(InputError, match=f"no files .*{product}_\\*.asdf.*fetch them"):
        files.found()


def test_feature_stores_are_grouped_by_box_in_their_order():
    paths = [
        f"results/{sim}/features/R{scale}.zarr" for sim in ("b", "a") for scale in ("4", "2.83")
    ]
    assert features_by_box(paths) == [
        {4.0: paths[0], 2.83: paths[1]},
        {4.0: paths[2], 2.83: paths[3]},
    ]


def test_weights_are_known_by_their_seed():
    paths = ["fits/R2/seed12/weights.pt", "fits/R2/seed3/weights.pt"]
    assert list(weights_by_seed(paths).items()) == [(12, paths[0]), (3, paths[1])]


def test_files_of_fits_are_grouped_by_tracer_and_model():
    folder = "results/fits/mini"
    files = [
        f"{folder}/N50/R3/on_a/spectra.nc",
        f"{folder}/N50/R3/on_b/redshift_space/spectra.nc",
        f"{folder}/N50-number/R3/seed1/losses.csv",
    ]
    expected = {("N50", "R3"): files[:2], ("N50-number", "R3"): files[2:]}
    assert by_tracer_and_model(files) == expected
