"""The evaluation table: sums in bands, to the last bit, from which other tables are computed."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from conftest import ROOT, complete, evaluated, evaluation_table
from lagbias.base.errors import InputError
from lagbias.evaluation.bands import BANDS, band_average, band_ratios, band_sums, shells_in
from lagbias.fields.grid import Grid
from lagbias.fields.shells import shell_edges
from lagbias.tables.comparison import write_comparison
from lagbias.tables.evaluation import COLUMNS, EVALUATED, models_in, read_evaluation
from lagbias.tables.summary import write_summary

K = np.array([0.05, 0.09, 0.15, 0.25])
MODES = np.array([18, 62, 98, 210])
MEMBERS = ["seed1", "seed2", "mean"]
BAND = (0.0, 0.1)


def spectra(rng, members=MEMBERS) -> xr.Dataset:
    """Spectra of no meaning, so that no two sums are alike."""
    of_members = ("power_model", "power_cross", "power_error", "power_model_matter")
    shape = (len(members), len(K))
    data = {name: (("member", "k"), rng.random(shape)) for name in (*of_members, "error_over_shot")}
    data |= {name: ("k", rng.random(len(K))) for name in ("power_halo", "power_halo_matter")}
    data["modes"] = ("k", MODES)
    return xr.Dataset(data, {"member": members, "k": K}, {"box_size": 50.0})


@pytest.fixture
def models(rng):
    return {
        "linear": [spectra(rng, ["mean"]) for _ in range(2)],
        "R2-R4": [spectra(rng) for _ in range(2)],
    }


def test_a_row_is_a_model_a_box_a_member_and_a_band(models, tmp_path):
    table = read_evaluation(evaluation_table(models, tmp_path))
    assert list(table) == COLUMNS
    keys = ["model", "box", "member", "k_min", "k_max"]
    assert not table.duplicated(keys).any()
    assert len(table) == 2 * (1 + 3) * len(EVALUATED)
    row = table.set_index(keys).loc["R2-R4", "1", "seed2", 0, 0.1]
    box = models["R2-R4"][1]
    power = box["power_model"].sel(member="seed2").values[:2]
    assert row["power_model"] == pytest.approx((power * MODES[:2]).sum())
    squares = box["power_error"].sel(member="seed2").values[:2] ** 2
    assert row["power_error_squared"] == pytest.approx((squares * MODES[:2]).sum())
    assert row["modes"] == 80
    assert row["file"].endswith("N50/R2-R4/on_1/spectra.nc")
    assert (row["training_set"], row["tracer"]) == ("one", "N50")


def test_sums_are_read_as_they_were_written_to_the_last_bit(models, tmp_path):
    found = models_in(read_evaluation(evaluation_table(models, tmp_path)))
    for name, boxes in models.items():
        made = evaluated(boxes)
        for column, values in made.sums.items():
            np.testing.assert_array_equal(found[name].sums[column], values, err_msg=column)


def test_ratios_are_those_of_the_spectra_to_the_last_bit(models):
    for box in models["R2-R4"]:
        for band in BANDS:
            ratios = band_ratios(band_sums(complete(box), band), band)
            for name, pair in (
                ("power_ratio", ("power_model", "power_halo")),
                ("cross_ratio", ("power_cross", "power_halo")),
            ):
                expected = band_average(box, *pair, *band)
                np.testing.assert_array_equal(ratios[f"{name}_k{band[0]:g}-{band[1]:g}"], expected)


@pytest.mark.parametrize(
    ("box_size", "k_max", "spacing", "measured"),
    [
        (500, 0.6, 2.5, BANDS), (500, 0.3, 2.5, BANDS), (2000, 0.3, 2.5, BANDS),
        (500, 0.2, 2.5, BANDS[:2]), (2000, 0.2, 2.5, BANDS[:2]),
        (500, 0.6, 6.25, BANDS[:2]), (2000, 0.6, 6.25, BANDS[:2]),
        (50, 0.6, 2.5, BANDS[1:]), (50, 0.2, 2.5, BANDS[1:2]), (50, 0.3, 2.5, BANDS[1:2]),
    ],
)  # fmt: skip
def test_a_band_is_measured_if_shells_reach_its_end(box_size, k_max, spacing, measured):
    """Shells of 50 Mpc/h are 0.13 h/Mpc wide: up to 0.2 or 0.3 they end at 0.19."""
    edges = shell_edges(Grid(round(box_size / spacing), box_size), k_max)
    k = (edges[1:] + edges[:-1]) / 2
    assert tuple(band for band in BANDS if shells_in(band, k, box_size).any()) == measured


def test_a_band_beyond_the_last_shell_has_no_numbers_in_any_table(rng, tmp_path):
    """Of 500 Mpc/h, four shells end at 0.06 h/Mpc, whatever mean wavenumbers they are given."""
    box = complete(spectra(rng)).assign_attrs(box_size=500.0)
    assert not band_sums(box, BANDS[2])["modes"].any()
    assert np.isnan(band_average(box, "power_model", "power_halo", *BANDS[2])).all()
    file = evaluation_table({"R2-R4": [box]}, tmp_path)
    write_summary(file, {}, tmp_path / "summary.csv", box="0")
    write_comparison(file, {}, tmp_path / "comparison.csv")
    for name in ("summary", "comparison"):
        found = pd.read_csv(tmp_path / f"{name}.csv").filter(like="k0.1-0.3")
        assert found.size
        assert found.isna().all(axis=None), found


def test_seeds_of_a_model_without_a_network_are_its_mean(models):
    linear, network = evaluated(models["linear"]), evaluated(models["R2-R4"])
    mean = linear.total("power_model", BAND)
    np.testing.assert_array_equal(linear.total("power_model", BAND, "seed1"), mean)
    assert (linear.seeds(), network.seeds()) == ([], ["seed1", "seed2"])
    seeds = [network.total("power_model", BAND, seed) for seed in MEMBERS]
    np.testing.assert_array_equal(
        network.of(["mean", "seed2"]).sums["power_model"][..., 0].T, [seeds[2], seeds[1]]
    )


def test_a_table_that_has_lost_a_line_is_refused(models, tmp_path):
    file = evaluation_table(models, tmp_path)
    file.write_text("".join(file.read_text().splitlines(keepends=True)[:-1]))
    with pytest.raises(InputError, match="has 35 lines of R2-R4, expected 36.*delete it and run"):
        models_in(read_evaluation(file))


def test_tables_of_spectra_and_of_the_evaluation_table_are_the_same(models, tmp_path):
    file = evaluation_table(models, tmp_path)
    spectra = list(dict.fromkeys(read_evaluation(file)["file"]))
    for number, source in enumerate((file, [file], spectra)):
        write_comparison(source, {}, tmp_path / f"comparison{number}.csv", training_set="one")
        write_summary(source, {}, tmp_path / f"summary{number}.csv", box="1", training_set="one")
    for name in ("comparison", "summary"):
        first, *others = [(tmp_path / f"{name}{number}.csv").read_bytes() for number in range(3)]
        assert others == [first] * 2, name


def test_summary_is_of_its_box(models, tmp_path):
    write_summary(evaluation_table(models, tmp_path), {}, tmp_path / "summary.csv", box="1")
    found = pd.read_csv(tmp_path / "summary.csv", index_col="model")
    assert list(found["box"]) == [1, 1]
    expected = band_average(models["R2-R4"][1], "power_model", "power_halo", *BAND)
    column = "power_ratio_k0-0.1"
    assert found.loc["R2-R4", column] == pytest.approx(expected[2], rel=1e-4)
    assert found.loc["R2-R4", f"{column}_seed_max"] == pytest.approx(expected[:2].max(), rel=1e-4)


def test_the_table_of_the_docs_gives_the_comparison_of_the_docs(tmp_path):
    docs = ROOT / "docs/default"
    write_comparison(
        docs / "mini_N50_evaluation.csv", {}, tmp_path / "comparison.csv", training_set="mini"
    )
    found, expected = (
        pd.read_csv(path).filter(regex="^(?!.*loss)")
        for path in (tmp_path / "comparison.csv", docs / "mini_N50_comparison.csv")
    )
    pd.testing.assert_frame_equal(found, expected)
