"""Verdicts on the paper's claims, and the error of a power ratio against draws."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from lagbias.claims import over_sample, power_ratio, verdict, write_claims
from lagbias.stores import write_netcdf

MODES = np.array([18, 62, 98, 210])
K = np.array([0.03, 0.06, 0.09, 0.13])
THREE, ONE, FOUR = "R2-R4-R8", "R3", "R2-R2.83-R4-R5.66"


def spectra(model, cross=None, halo=1.0, members=("seed1", "seed2", "mean")) -> xr.Dataset:
    """Spectra without noise; ``model`` one power for each member, or for each and every k."""
    model = np.asarray(model, dtype=float).reshape(len(members), -1)
    model = np.broadcast_to(model, (len(members), len(K)))
    halo = np.broadcast_to(np.asarray(halo, dtype=float), len(K))
    shared = (1 - 1e-9) * np.sqrt(model * halo)
    cross = np.broadcast_to(shared if cross is None else cross, model.shape)
    return xr.Dataset(
        {
            "power_model": (("member", "k"), model),
            "power_cross": (("member", "k"), cross),
            "power_halo": ("k", halo),
            "modes": ("k", MODES),
        },
        coords={"member": list(members), "k": K},
    )


@pytest.mark.parametrize(
    ("excess", "interval", "expected"),
    [
        (0.005, 0.01, "holds"), (-0.1, 0.05, "holds"), (0.005, 0.02, "not decidable here"),
        (0.05, 0.02, "fails"), (0.03, 0.02, "not decidable here"),
        (0.0, np.nan, "not decidable here"),
    ],
)  # fmt: skip
def test_verdict_is_for_the_whole_interval(excess, interval, expected):
    assert verdict(excess, interval) == expected


def test_interval_of_a_power_ratio_is_that_of_draws_of_a_steep_spectrum(rng):
    correlation, draws = 0.95, 4000
    power = np.array([8.0, 3.0, 1.0, 1.0])
    model, halo, cross = np.zeros((3, draws))
    for number, modes in zip(power[:3], MODES[:3] // 2, strict=True):  # a mode and its conjugate
        normal = np.sqrt(number) * rng.standard_normal((2, draws, modes, 2)).view(complex)[..., 0]
        other = correlation * normal[0] + np.sqrt(1 - correlation**2) * normal[1]
        model += (abs(other) ** 2).sum(1)
        halo += (abs(normal[0]) ** 2).sum(1)
    ratio, interval = power_ratio([spectra([power], power * correlation, power, ("mean",))])
    assert ratio == 1
    np.testing.assert_allclose(interval, 1.96 * (model / halo).std(), rtol=0.1)


def test_interval_over_sample_holds_the_truth_as_often_as_it_says(rng):
    for count in (2, 5):
        found = np.array([over_sample(rng.normal(3, 1, count)) for _ in range(4000)])
        inside = (abs(found[:, 0] - 3) <= found[:, 1]).mean()
        # 95 %, and four standard deviations of 4000 draws.
        assert abs(inside - 0.95) < 4 * np.sqrt(0.95 * 0.05 / 4000), (count, inside)


def test_model_closer_to_the_halos_than_they_are_to_themselves_has_no_interval():
    assert np.isnan(power_ratio([spectra([1.0], cross=1.01, members=("mean",))])[1])


@pytest.fixture
def table(tmp_path):
    """Claims from spectra and shares of gradient power, by model."""

    def write(models, shares=None, losses=None):
        files, curves = {}, {}
        for name, datasets in models.items():
            boxes = [datasets] if isinstance(datasets, xr.Dataset) else datasets
            files[name] = [tmp_path / f"{name}_{box}.nc" for box in range(len(boxes))]
            for path, dataset in zip(files[name], boxes, strict=True):
                write_netcdf(dataset, path)
        for name, values in (losses or {}).items():
            curves[name] = [tmp_path / f"{name}_{seed}.csv" for seed in range(len(values))]
            for path, value in zip(curves[name], values, strict=True):
                pd.DataFrame({"validation_loss": [2 * value, value]}).to_csv(path)
        pca = {}
        for name, values in (shares or {}).items():
            pca[name] = tmp_path / f"{name}_pca.nc"
            write_netcdf(
                xr.Dataset(
                    {"eigenvalue": (("version", "member", "direction"), np.array([values]))},
                    coords={"version": ["f"], "member": ["seed1", "seed2", "mean"]},
                ),
                pca[name],
            )
        write_claims(files, pca, curves, tmp_path / "claims.csv", tmp_path / "verdicts.csv")
        return pd.read_csv(tmp_path / "claims.csv").set_index("model")

    return write


def test_a_perfect_model_of_three_scales_holds_and_a_high_one_fails(table):
    found = table({THREE: spectra([1.001, 1.003, 1.002])})
    assert found.loc[THREE, "verdict"] == "holds"
    assert found.loc[THREE, "measured"] == 1.002
    assert found.loc[THREE, "file"].endswith(f"{THREE}_0.nc")
    assert table({THREE: spectra([1.09, 1.11, 1.10])}).loc[THREE, "verdict"] == "fails"
    noisy = table({THREE: spectra([1.0, 1.0, 1.0], cross=0.9)})
    assert noisy.loc[THREE, "verdict"] == "not decidable here"


@pytest.mark.parametrize(
    ("one", "three", "four", "of_one", "of_four"),
    [
        (1.08, 1.0, 0.96, "holds", "holds"),
        (1.0, 1.0, 1.1, "fails", "fails"),
        (1.08, 1.09, 0.99, "fails", "fails"),  # three scales are no nearer
    ],
)
def test_claims_of_a_lack_hold_where_it_is_seen(table, one, three, four, of_one, of_four):
    models = {ONE: one, THREE: three, FOUR: four}
    found = table({name: spectra([ratio] * 3) for name, ratio in models.items()})
    assert list(found.index) == [THREE, ONE, FOUR]
    assert found.loc[ONE, "verdict"] == of_one
    assert found.loc[FOUR, "verdict"] == of_four


def test_directions_are_judged_by_their_share(table):
    models = {THREE: spectra([1.03, 1.05, 1.04])}

    def judged(shares):
        found = table(models, {THREE: shares})
        return found[found["claim"].str.contains("gradient")].loc[THREE]

    clear = judged([[9.0, 0.9, 0.1], [9.0, 0.91, 0.09], [9.0, 0.9, 0.1]])
    np.testing.assert_allclose(clear["measured"], (0.99 + 0.991) / 2, rtol=1e-3)
    np.testing.assert_allclose(clear["interval"], 12.706 * 0.0005, rtol=1e-3)
    assert clear["verdict"] == "holds"
    assert clear["file"].endswith("_pca.nc")
    assert judged([[6.0, 2.0, 2.0], [6.0, 2.01, 1.99], [6, 2, 2]])["verdict"] == "fails"
    scattered = judged([[9.0, 0.9, 0.1], [8.0, 0.9, 0.8], [9, 0.9, 0.1]])
    assert scattered["verdict"] == "not decidable here"


@pytest.mark.parametrize(
    ("projected", "expected"),
    [
        ([1.04, 1.06, 1.05], "holds"),  # as far off
        (
            [1.001, 1.002, 1.0],
            "not decidable here",
        ),  # an improvement that two seeds do not agree on
        ([1.01, 1.03, 1.02], "holds"),  # an improvement
        ([1.16, 1.18, 1.17], "fails"),
    ],
)
def test_retraining_may_improve_but_not_worsen_the_power(table, projected, expected):
    models = {THREE: spectra([1.04, 1.06, 1.05]), f"{THREE}-pc2": spectra(projected)}
    assert table(models).loc[f"{THREE}-pc2", "verdict"] == expected


def test_a_single_seed_decides_nothing_that_seeds_must(table):
    models = {name: spectra([1.0], members=("mean",)) for name in (THREE, f"{THREE}-pc2")}
    assert table(models).loc[f"{THREE}-pc2", "verdict"] == "not decidable here"


def test_interval_over_boxes_holds_the_truth_as_often_as_it_says(rng):
    """Boxes of unlike power; their ratio scatters by 2 %."""
    inside, draws = 0, 1500
    for _ in range(draws):
        ratios, halo = 1.01 + 0.02 * rng.standard_normal(5), rng.uniform(0.7, 1.3, 5)
        boxes = [
            spectra([r * h], halo=h, members=("mean",)) for r, h in zip(ratios, halo, strict=True)
        ]
        ratio, interval = power_ratio(boxes)
        inside += abs(ratio - 1.01) <= interval
    # 95 % (Student's t is near, not exact, for unequal weights), four deviations of 1500 draws.
    assert abs(inside / draws - 0.95) < 0.005 + 4 * np.sqrt(0.95 * 0.05 / draws), inside / draws


def test_boxes_are_taken_together_and_all_named(table):
    found = table({THREE: [spectra([r, r, r]) for r in (1.0, 1.004, 1.002)]})
    assert found.loc[THREE, "measured"] == pytest.approx(1.002)
    np.testing.assert_allclose(found.loc[THREE, "interval"], 4.303 * 0.002 / np.sqrt(3), rtol=1e-3)
    assert found.loc[THREE, "file"].endswith(f"{THREE}_{{0,1,2}}.nc")


def test_directions_of_a_network_that_is_not_compared_are_left_out(table):
    model = [spectra([1.0, 1.004, 1.002])]
    assert list(table({THREE: model, "R2-R4-R16-pc2": model}).index) == [THREE]


def test_one_seed_is_measured_and_has_no_interval(table):
    alone = [spectra([r], members=("mean",)) for r in (1.01, 1.03)]
    found = table({THREE: alone, f"{THREE}-pc2": alone}).loc[f"{THREE}-pc2"]
    assert found["measured"] == 0
    assert np.isnan(found["interval"])
    assert found["verdict"] == "not decidable here"


def test_verdicts_say_the_same_in_words(table, tmp_path):
    table({THREE: [spectra([r, r, r]) for r in (1.0, 1.004, 1.002)]})
    verdicts = pd.read_csv(tmp_path / "verdicts.csv").set_index("model")
    assert verdicts.loc[THREE, "found"] == "P_model / P_halo: 1.002 ± 0.005"
    assert verdicts.loc[THREE, "verdict"] == "holds"


@pytest.mark.parametrize(
    ("four", "verdict"),
    [
        ([2.2, 2.21], "holds"), ([1.9, 1.91], "fails"),
        ([2.1, 1.9], "not decidable here"), ([2.2], "not decidable here"),
    ],
)  # fmt: skip
def test_over_fitting_is_judged_by_the_validation_loss_at_the_end(table, four, verdict):
    three = [2.0, 2.01][: len(four)]
    models = {name: spectra([1.0] * 3) for name in (THREE, FOUR)}
    found = table(models, losses={THREE: three, FOUR: four}).set_index("claim", append=True)
    row = found.loc[(FOUR, "more than three scales over-fit")]
    assert row["verdict"] == verdict
    assert row["measured"] == pytest.approx(np.mean(four) / np.mean(three) - 1, rel=1e-3)


def test_paper_one_is_judged_where_its_bins_are_fitted(table):
    found = table({"bins-lap-R2": spectra([1.0] * 3), "bins-R2": spectra([1.1] * 3)})
    assert list(found["verdict"]) == ["holds", "holds"]
    assert list(table({"bins-R2": spectra([1.02] * 3)})["verdict"]) == ["fails"]
