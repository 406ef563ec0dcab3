"""All models on all test boxes: what is averaged, and which error is of what."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from conftest import evaluation_table
from lagbias.figures import comparison
from lagbias.figures.comparison import plot_comparison, shown_range
from lagbias.tables.comparison import write_comparison, write_differences

K, MODES = np.array([0.05, 0.15, 0.25]), np.array([20, 60, 100])


def spectra(ratios, error=0.1) -> xr.Dataset:
    """A model whose members are ``ratios`` times the halos, of one shape; the last is the mean."""
    halo = np.array([3.0, 2.0, 1.0])
    shape = (len(ratios), len(K))
    model = np.array(ratios)[:, None] * halo
    return xr.Dataset(
        {
            "power_model": (("member", "k"), model),
            "power_cross": (("member", "k"), 0.9 * np.sqrt(model * halo)),
            "power_model_matter": (("member", "k"), 2.0 * model),
            "power_halo": ("k", halo),
            "power_halo_matter": ("k", 2.0 * halo),
            "error_over_shot": (("member", "k"), np.full(shape, error)),
            "modes": ("k", MODES),
        },
        coords={"member": [*(f"seed{n}" for n in range(1, len(ratios))), "mean"], "k": K},
    )


@pytest.fixture
def table(tmp_path):
    def write(models, losses=None):
        loss_files = {}
        for name, values in (losses or {}).items():
            loss_files["N50", name] = [
                tmp_path / f"{name}_{seed}.csv" for seed in range(len(values))
            ]
            for path, value in zip(loss_files["N50", name], values, strict=True):
                frame = {"train_loss": [9.0, value], "validation_loss": [9.0, 2 * value]}
                frame["kept"] = [False, True]
                pd.DataFrame(frame).to_csv(path)
        output = tmp_path / "comparison.csv"
        evaluation = evaluation_table(models, tmp_path)
        write_comparison(evaluation, loss_files, output, training_set="one")
        return pd.read_csv(output).set_index("model"), output

    return write


def test_boxes_and_seeds_have_errors_of_their_own(table):
    boxes = [spectra([1.00, 1.02, 1.01]), spectra([1.10, 1.16, 1.13])]
    found, _ = table({"R3": boxes, "linear": [spectra([0.8])] * 2}, {"R3": [1.0, 1.2]})
    network, linear = found.loc["R3"], found.loc["linear"]
    for band in ("k0-0.1", "k0-0.2", "k0.1-0.3"):
        assert network[f"power_ratio_{band}"] == pytest.approx((1.01 + 1.13) / 2)
        # Two boxes, 1.01 and 1.13: the mean's standard error is half their difference.
        assert network[f"power_ratio_{band}_box_error"] == pytest.approx(0.06)
        # Two seeds, whose means over the boxes are 1.05 and 1.09; the table has five digits.
        assert network[f"power_ratio_{band}_seed_deviation"] == pytest.approx(
            0.04 / np.sqrt(2), rel=1e-4
        )
        assert network[f"one_minus_r2_{band}"] == pytest.approx(1 - 0.81)
        assert network[f"error_over_shot_{band}"] == pytest.approx(0.1)
        assert linear[f"power_ratio_{band}_box_error"] == pytest.approx(0, abs=1e-12)
        assert np.isnan(linear[f"power_ratio_{band}_seed_deviation"])
    assert network["train_loss"] == pytest.approx(1.1)
    assert network["validation_loss_seed_deviation"] == pytest.approx(0.4 / np.sqrt(2), rel=1e-4)
    assert np.isnan(linear["validation_loss"])
    assert list(found["boxes"]) == [2, 2]


def test_differences_leave_out_what_boxes_and_seeds_share(tmp_path):
    """Boxes lift all models alike, by far more than they differ; so do seeds."""
    models = {
        "linear": [[0.8], [1.0]], "R3": [[1.00, 1.02, 1.01], [1.20, 1.22, 1.21]],
        "R2": [[1.01, 1.04, 1.025], [1.22, 1.25, 1.235]],
    }  # fmt: skip
    boxes = {name: [spectra(ratios) for ratios in model] for name, model in models.items()}
    evaluation = evaluation_table(boxes, tmp_path)
    write_differences(evaluation, "R3", tmp_path / "differences.csv", training_set="one")
    found = pd.read_csv(tmp_path / "differences.csv").set_index("model")
    assert list(found.index) == ["linear", "R2"]
    column = "power_ratio_k0-0.1"
    assert found.loc["R2", column] == pytest.approx(0.02)
    assert found.loc["R2", f"{column}_box_error"] == pytest.approx(0.005)
    # Seed by seed the mean over boxes differs by 0.015 and 0.025.
    assert found.loc["R2", f"{column}_seed_deviation"] == pytest.approx(0.01 / np.sqrt(2), rel=1e-4)
    assert found.loc["linear", column] == pytest.approx(-0.21)
    assert np.isnan(found.loc["linear", f"{column}_seed_deviation"])


def test_band_without_a_mode_has_no_error_at_all(table):
    empty = spectra([1.0, 1.1, 1.05]).isel(k=[1, 2])
    found, _ = table({"R3": [empty]})
    assert found.loc["R3", ["power_ratio_k0-0.1", "error_over_shot_k0-0.1"]].isna().all()
    assert found.loc["R3", "error_over_shot_k0.1-0.3"] == pytest.approx(0.1)


def test_one_box_has_no_error_from_boxes(table):
    found, _ = table({"R3": [spectra([1.0, 1.1, 1.05])]})
    assert np.isnan(found.loc["R3", "power_ratio_k0-0.1_box_error"])
    assert found.loc["R3", "power_ratio_k0-0.1_seed_deviation"] > 0


def test_models_far_off_and_without_losses_are_drawn(table, tmp_path):
    models = {"matter": 0.1, "linear": 0.3, "R2-R4": 1.0, "R2-R4-pc2": 1.5, "R2-R4_tenth": 1.02}
    _, file = table({name: [spectra([ratio])] for name, ratio in models.items()})
    plot_comparison(file, [tmp_path / "figure.png"])
    assert (tmp_path / "figure.png").stat().st_size > 5000


ERRORS = {
    "linear": 0.3, "poly-R4": 0.05, "labels": -0.001, "R3": 0.03, "R2-R4": 0.02, "R2-R4-pc2": 0.022,
    "R2-R4_direct": 0.07,
}  # fmt: skip
LOSSES_OF = {"R3": [0.04], "R2-R4": [0.03], "R2-R4-pc2": [0.031], "R2-R4_direct": [0.06]}


def test_axes_are_as_wide_as_the_networks_take_and_mark_what_lies_beyond(table, drawn_by):
    drawn = drawn_by(comparison)
    models = {name: [spectra([1.0, 1.0], error)] for name, error in ERRORS.items()}
    found, file = table(models, LOSSES_OF)
    # Twice the largest error of the networks, which is no variant's; half their span of losses
    # (0.06 to 0.08: the fixture's losses of validation are twice those above).
    low_high = shown_range(found.reset_index(), "error_over_shot_k0.1-0.3")
    assert low_high == pytest.approx((-0.003, 0.06))
    assert shown_range(found.reset_index(), "validation_loss") == pytest.approx((0.05, 0.09))
    plot_comparison(file, [])
    _, _, error, loss = drawn[0].axes
    order = list(ERRORS)[::-1]
    points = {order[round(line.get_ydata()[0])]: line for line in error.lines}
    marked = {model for model, line in points.items() if line.get_marker() in ("<", ">")}
    assert marked == {"linear", "R2-R4_direct"}
    shown = {model: line.get_xdata()[0] for model, line in points.items()}
    assert shown["labels"] == pytest.approx(-0.001)
    assert shown["linear"] == pytest.approx(0.06)
    low, high = error.get_xlim()
    assert error.get_xscale() == "linear"
    assert low < shown["labels"], f"labels at {shown['labels']} are left of the axis {low, high}"
    assert high < 0.07
    assert 0.12 > loss.get_xlim()[1], "direct, whose loss is 0.12, stretches the axis"


@pytest.mark.parametrize(
    ("boxes", "bars"), [(1, {"bar: seeds"}), (2, {"bar: seeds", "bar: boxes"})]
)
def test_legend_names_the_kinds_and_bars_that_are_there(table, drawn_by, boxes, bars):
    drawn = drawn_by(comparison)
    _, file = table({n: [spectra([1.0, 1.1, 1.05])] * boxes for n in ("linear", "R3", "R3-pc1")})
    plot_comparison(file, [])
    names = {text.get_text() for text in drawn[0].legends[0].get_texts()}
    assert names == {"yardsticks", "all inputs", "few directions", "±2 %"} | bars
