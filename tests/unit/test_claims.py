"""Verdicts on the paper's claims, and the error of a power ratio against draws."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from lagbias.claims import power_ratio, verdict, write_claims
from lagbias.stores import write_netcdf

MODES = np.array([18, 62, 98, 210])
K = np.array([0.03, 0.06, 0.09, 0.13])
THREE, ONE, FOUR = "R2-R4-R8", "R3", "R2-R2.83-R4-R5.66"


def spectra(model, cross=None, halo=1.0, members=("seed1", "seed2", "mean")) -> xr.Dataset:
    """Spectra without scatter over k; ``model`` one power for each member."""
    model = np.repeat(np.asarray(model, dtype=float)[:, None], len(K), axis=1)
    cross = np.sqrt(model * halo) if cross is None else np.full_like(model, cross)
    return xr.Dataset(
        {
            "power_model": (("member", "k"), model),
            "power_cross": (("member", "k"), cross),
            "power_halo": ("k", np.full(len(K), halo)),
            "modes": ("k", MODES),
        },
        coords={"member": list(members), "k": K},
    )


@pytest.mark.parametrize(
    ("deviation", "error", "expected"),
    [
        (0.005, 0.005, "holds"), (-0.005, 0.005, "holds"), (0.005, 0.01, "not decidable here"),
        (0.05, 0.01, "fails"), (-0.05, 0.01, "fails"), (0.03, 0.01, "not decidable here"),
        (0.0, np.nan, "not decidable here"),
    ],
)  # fmt: skip
def test_verdict_takes_two_standard_errors(deviation, error, expected):
    assert verdict(deviation, error) == expected


def test_error_of_a_power_ratio_is_the_scatter_of_draws(rng):
    correlation, draws, modes = 0.95, 4000, MODES[:3].sum()
    independent = modes // 2  # a mode and its conjugate are one
    normal = rng.standard_normal((2, draws, independent, 2)).view(complex)[..., 0]
    model = correlation * normal[0] + np.sqrt(1 - correlation**2) * normal[1]
    drawn = (abs(model) ** 2).sum(1) / (abs(normal[0]) ** 2).sum(1)
    ratio, error = power_ratio(spectra([1, 1, 1], cross=correlation))
    assert ratio == 1
    np.testing.assert_allclose(error, drawn.std(), rtol=0.1)


@pytest.fixture
def table(tmp_path):
    """Claims from spectra and shares of gradient power, by model."""

    def write(models, shares=None):
        files = {}
        for name, dataset in models.items():
            files[name] = tmp_path / f"{name}.nc"
            write_netcdf(dataset, files[name])
        pca = {}
        for name, values in (shares or {}).items():
            pca[name] = tmp_path / f"{name}_pca.nc"
            eigenvalues = np.array([values])
            write_netcdf(
                xr.Dataset(
                    {"eigenvalue": (("version", "member", "direction"), eigenvalues)},
                    coords={"version": ["f"], "member": ["seed1", "seed2", "mean"]},
                ),
                pca[name],
            )
        write_claims(files, pca, THREE, tmp_path / "claims.csv")
        return pd.read_csv(tmp_path / "claims.csv").set_index("model")

    return write


def test_a_perfect_model_of_three_scales_holds_and_a_high_one_fails(table):
    found = table({THREE: spectra([1.001, 1.003, 1.002])})
    assert found.loc[THREE, "verdict"] == "holds"
    assert found.loc[THREE, "measured"] == 1.002
    assert found.loc[THREE, "file"].endswith(f"{THREE}.nc")
    assert table({THREE: spectra([1.09, 1.11, 1.10])}).loc[THREE, "verdict"] == "fails"
    noisy = table({THREE: spectra([1.0, 1.0, 1.0], cross=0.9)})
    assert noisy.loc[THREE, "verdict"] == "not decidable here"


def test_claims_of_a_lack_hold_where_it_is_seen(table):
    models = {
        THREE: spectra([1.0, 1.0, 1.0]), ONE: spectra([1.08, 1.08, 1.08]),
        FOUR: spectra([0.96, 0.962, 0.961]),
    }  # fmt: skip
    found = table(models)
    assert found.loc[ONE, "verdict"] == "holds"
    assert found.loc[FOUR, "verdict"] == "holds"
    np.testing.assert_allclose(found.loc[FOUR, ["measured", "error"]].astype(float), [0.961, 0.001])
    models |= {ONE: spectra([1.0, 1.0, 1.0]), FOUR: spectra([1.01, 1.012, 1.011])}
    found = table(models)
    assert found.loc[ONE, "verdict"] == "fails"
    assert found.loc[FOUR, "verdict"] == "fails"


def test_directions_are_judged_by_their_share_and_by_the_retrained_power(table):
    models = {THREE: spectra([1.03, 1.05, 1.04]), f"{THREE}-pc2": spectra([1.04, 1.06, 1.05])}
    clear = [[9.0, 0.9, 0.1], [9.0, 0.92, 0.08], [9.0, 0.9, 0.1]]
    found = table(models, {THREE: clear})
    assert found.loc[f"{THREE}-pc2", "verdict"] == "holds"
    share = found[found["claim"].str.contains("gradient")].loc[THREE]
    np.testing.assert_allclose(share["measured"], (0.99 + 0.992) / 2, rtol=1e-3)
    assert share["verdict"] == "holds"
    assert share["file"].endswith("_pca.nc")
    three_directions = [[6.0, 2.0, 2.0]] * 3
    found = table(models, {THREE: three_directions})
    assert found[found["claim"].str.contains("gradient")].loc[THREE, "verdict"] == "fails"


def test_a_single_seed_decides_nothing_that_seeds_must(table):
    alone = {"members": ("mean",)}
    models = {THREE: spectra([1.0], **alone), f"{THREE}-pc2": spectra([1.0], **alone)}
    assert table(models).loc[f"{THREE}-pc2", "verdict"] == "not decidable here"
