"""The three numbers that the report opens with, and the error of a correlation against draws."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from conftest import evaluated, evaluation_table
from lagbias.tables.claims import BAND
from lagbias.tables.headline import write_headline
from lagbias.tables.intervals import correlation
from scipy.stats import t

MODES = np.array([18, 62, 98])
K = np.array([0.03, 0.06, 0.09])
POWER = np.array([8.0, 3.0, 1.0])
NETWORK = "R2-R4"


def spectra(model, halo, cross, members=("mean",)) -> xr.Dataset:
    """Spectra of one box, a power for each k, alike for all members."""
    each = {name: np.broadcast_to(power, (len(members), len(K))) for name, power in
            (("model", model), ("cross", cross))}  # fmt: skip
    each["error"] = each["model"] + halo - 2 * each["cross"]
    return xr.Dataset(
        {f"power_{name}": (("member", "k"), power) for name, power in each.items()}
        | {"power_halo": ("k", np.broadcast_to(halo, len(K))), "modes": ("k", MODES)},
        coords={"member": list(members), "k": K},
    )


def drawn(rng, r: float, draws: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Power of model, halos and both of two Gaussian fields of correlation r, (draws, k) each."""
    found = np.zeros((3, draws, len(K)))
    for place, (number, power) in enumerate(zip(MODES // 2, POWER, strict=True)):
        normal = np.sqrt(power / 2) * rng.standard_normal((2, draws, number, 2))
        one, other = normal.view(complex)[..., 0]
        other = r * one + np.sqrt(1 - r**2) * other
        pairs = ((other, other), (one, one), (one, other))
        found[..., place] = [(a * b.conj()).real.mean(-1) for a, b in pairs]
    return tuple(found)


@pytest.mark.parametrize("r", [0.6, 0.98])
def test_interval_of_a_correlation_on_one_box_is_that_of_draws(rng, r):
    model, halo, cross = ((power * MODES).sum(-1) for power in drawn(rng, r, 3000))
    truth = correlation(evaluated([spectra(POWER, POWER, r * POWER)]), BAND)
    assert truth.value == pytest.approx(r)
    # 3000 draws know their scatter to 1.3 %, the linear formula holds to a few (1 - r²) / N.
    scatter = np.std(cross / np.sqrt(model * halo))
    np.testing.assert_allclose(truth.of_boxes, 1.96 * scatter, rtol=0.06)


def test_interval_of_a_correlation_of_several_boxes_holds_the_truth_as_often_as_it_says(rng):
    r, sets = 0.9, 100
    inside = 0
    for _ in range(sets):
        boxes = [spectra(*box) for box in zip(*drawn(rng, r, 4), strict=True)]
        found = correlation(evaluated(boxes), BAND)
        inside += abs(found.value - r) <= found.of_boxes
    # Of a binomial of 0.95 with 100 draws, 88 or fewer come once in 200 times.
    assert inside > 88, inside


def test_correlation_does_not_see_the_amplitude_of_the_model():
    boxes = [spectra(9 * POWER, POWER, 3 * 0.9 * POWER) for _ in range(3)]
    found = correlation(evaluated(boxes), BAND)
    assert found.value == pytest.approx(0.9)
    assert found.of_boxes == pytest.approx(0, abs=1e-12)


@pytest.fixture
def written(tmp_path):
    def write(trained_on=0, **models) -> pd.DataFrame:
        evaluation = evaluation_table(models, tmp_path)
        write_headline(evaluation, NETWORK, tmp_path / "headline.csv", trained_on)
        return pd.read_csv(tmp_path / "headline.csv", index_col="quantity")

    return write


def model_of(r: float, factor: float = 1.0, members=("seed1", "seed2", "mean")) -> xr.Dataset:
    return spectra(factor * POWER, POWER, r * np.sqrt(factor) * POWER, members)


def test_numbers_are_those_of_the_showcase_and_the_best_yardstick(written):
    found = written(**{
        "linear": [model_of(0.8, members=("mean",))], "R2": [model_of(0.9, 2.0)],
        "poly-R2": [model_of(0.95, members=("mean",))],
        "labels": [model_of(0.999, members=("mean",))],
        NETWORK: [model_of(0.98, 1.02)],
    })  # fmt: skip
    assert list(found["model"]) == [NETWORK] * 3
    power, r, error = found["measured"]
    assert power == pytest.approx(1.02)
    assert r == pytest.approx(0.98)
    of_network, of_best = 2.02 - 2 * 0.98 * np.sqrt(1.02), 2 - 2 * 0.95
    assert error == pytest.approx(of_network / of_best, rel=1e-4)
    assert list(found["compared_with"].fillna("")) == ["", "", "poly-R2"], "labels are a ceiling"
    assert (found["interval"] > 0).all()


def test_interval_has_boxes_and_seeds_in_quadrature(written):
    boxes = [model_of(0.98, factor) for factor in (1.0, 1.02, 1.05)]
    for box in boxes:
        box["power_model"] = box["power_model"] * xr.DataArray([0.99, 1.01, 1.0], dims="member")
    found = written(**{NETWORK: boxes})
    assert len(found) == 2, "no yardstick, no third number"
    power = found.iloc[0]
    scatter = np.std([1.0, 1.02, 1.05], ddof=1) / np.sqrt(3)
    assert power["of_boxes"] == pytest.approx(t.ppf(0.975, 2) * scatter, rel=1e-3)
    mean = np.mean([1.0, 1.02, 1.05])
    of_seeds = t.ppf(0.975, 1) * np.std([0.99, 1.01], ddof=1) / np.sqrt(2) * mean
    assert power["of_seeds"] == pytest.approx(of_seeds, rel=1e-3)
    assert power["interval"] == pytest.approx(np.hypot(power["of_boxes"], of_seeds), rel=1e-3)


def test_power_scatters_with_training_boxes_too(written):
    """With three test boxes and twelve to train on, half of what test boxes scatter."""
    boxes = [model_of(0.98, factor) for factor in (1.0, 1.02, 1.05)]
    found = written(trained_on=12, **{NETWORK: boxes, "labels": boxes})
    power, r = (found.loc[name] for name in ("P_model / P_halo", "r"))
    assert power["of_training"] == pytest.approx(power["of_boxes"] / 2, rel=1e-3)
    parts = power[["of_boxes", "of_seeds", "of_training"]].astype(float).fillna(0)
    assert power["interval"] == pytest.approx(np.sqrt((parts**2).sum()), rel=1e-3)
    assert r["of_training"] == 0


def test_what_cannot_be_measured_is_empty(written):
    nothing = spectra(0 * POWER, 0 * POWER, 0 * POWER, ("seed1", "mean"))
    found = written(**{NETWORK: [nothing], "linear": [nothing.sel(member=["mean"])]})
    assert found["measured"].isna().all()
    assert len(found) == 3
