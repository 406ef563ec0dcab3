"""The table of statistics beyond the power: what is averaged, and which error is of what."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from lagbias.base.stores import write_netcdf
from lagbias.evaluation.estimators import RATIOS
from lagbias.fields.bispectrum import TRIANGLES
from lagbias.plan.paths import by_tracer_and_model
from lagbias.tables.statistics import write_statistics_table

K = np.array([0.05, 0.15, 0.25])
MEMBERS = ["seed1", "seed2", "mean"]


def statistics(factors) -> xr.Dataset:
    """Members with ``factors`` times the halos' statistics; no equilateral triangle below k 0.1."""
    factors = np.array(factors)
    halo = np.array([[np.nan, 4.0, 2.0], [8.0, 4.0, 2.0]])
    sampling = np.array([[np.nan, 1.0, 1.0], [1.0, 1.0, 1.0]])
    bands = {
        f"band_{name}": (("member", "band"), np.repeat(factors[:, None], 3, axis=1))
        for name in RATIOS
    }
    errors = {
        f"band_{name}_jackknife_error": ("band", np.array([0.3, 0.2, 0.1])) for name in RATIOS
    }
    cubes = np.repeat(factors[:, None], 2, axis=1)
    shares = np.stack([np.full((3, 2), 0.5), np.full((3, 2), 0.5)], axis=-1)
    shares[:, 1] = 0.75, 0.25
    return xr.Dataset(
        {
            **bands,
            **errors,
            "bispectrum_model": (
                ("member", "triangle", "k"),
                factors[:, None, None] * halo + sampling,
            ),
            "bispectrum_halo": (("triangle", "k"), halo),
            "bispectrum_sampling_noise": (("triangle", "k"), sampling),
            "triangles": (("triangle", "k"), np.array([[0, 30, 10], [5, 30, 10]])),
            "cell_variance_model": (("member", "cube_side"), 4 * cubes + 0.7),
            "cell_sampling_variance": ("cube_side", np.array([0.7, 0.7])),
            "cell_variance_halo": ("cube_side", np.array([4.0, 4.0])),
            "cell_variance_ratio_jackknife_error": ("cube_side", np.array([0.4, np.nan])),
            "cell_skewness_model": (("member", "cube_side"), 3 * cubes),
            "cell_skewness_halo": ("cube_side", np.array([3.0, 6.0])),
            "cell_share_model": (("member", "cube_side", "contrast_bin"), shares),
            "cell_share_halo": (("cube_side", "contrast_bin"), np.full((2, 2), 0.5)),
        },
        coords={
            "member": MEMBERS, "k": K, "triangle": list(TRIANGLES), "cube_side": [10.0, 20.0],
        },
        attrs={"box_size": 50.0},
    )  # fmt: skip


def multipoles(factors) -> xr.Dataset:
    halo = np.array([3.0, 2.0, 1.0])
    model = np.array(factors)[:, None] * halo
    return xr.Dataset(
        {
            "power_model": (("member", "k"), model),
            "quadrupole_model": (("member", "k"), 0.5 * model),
            "power_halo": ("k", halo),
            "quadrupole_halo": ("k", -halo),
            "modes": ("k", np.array([20, 60, 100])),
        },
        coords={"member": MEMBERS, "k": K},
        attrs={"box_size": 50.0},
    )


@pytest.fixture
def table(tmp_path):
    groups = []
    for make, name in ((statistics, "statistics.nc"), (multipoles, "redshift_space/spectra.nc")):
        paths = []
        for box, factors in enumerate(([0.9, 1.1, 1.0], [1.1, 1.5, 1.2])):
            path = tmp_path / f"results/fits/one/N50/R3/on_box{box}/{name}"
            path.parent.mkdir(parents=True)
            write_netcdf(make(factors), path)
            paths.append(str(path))
        groups.append(by_tracer_and_model(paths))
    output = tmp_path / "statistics.csv"
    write_statistics_table(*groups, output, training_set="one")
    found = pd.read_csv(output)
    assert set(found["model"]) == {"R3"}
    assert set(found["tracer"]) == {"N50"}
    return found.set_index(["statistic", "where"])


@pytest.mark.parametrize(
    ("statistic", "where", "factor"),
    [
        ("error_over_shot", "k 0-0.1", 1),
        ("bispectrum_ratio_squeezed", "k 0-0.2", 1),
        ("bispectrum_ratio_equilateral", "k 0.1-0.3", 1),
        ("cell_variance_ratio", "cubes of 10 Mpc/h", 1),
        ("cell_skewness_ratio", "cubes of 20 Mpc/h", 0.5),
        ("monopole_ratio", "k 0.1-0.3", 1),
    ],
)
def test_means_and_errors_of_boxes_and_seeds(table, statistic, where, factor):
    row = table.loc[statistic, where]
    assert row["mean"] == pytest.approx(1.1 * factor)
    # Two boxes, 1.0 and 1.2: the mean's standard error is half their difference.
    assert row["box_error"] == pytest.approx(0.1 * abs(factor))
    # Two seeds, whose means over the boxes are 1.0 and 1.3.
    assert row["seed_deviation"] == pytest.approx(0.3 * abs(factor) / np.sqrt(2), rel=1e-4)
    assert row["boxes"] == 2


def test_jackknife_errors_are_those_of_a_mean(table):
    found = table["jackknife_error"]
    assert found["power_ratio", "k 0-0.1"] == pytest.approx(0.3 / np.sqrt(2), rel=1e-4)
    assert found["cell_variance_ratio", "cubes of 10 Mpc/h"] == pytest.approx(
        0.4 / np.sqrt(2), rel=1e-4
    )
    assert np.isnan(found["cell_variance_ratio", "cubes of 20 Mpc/h"])
    assert np.isnan(found["monopole_ratio", "k 0-0.1"])


def test_a_band_without_triangles_has_no_ratio(table):
    assert np.isnan(table.loc[("bispectrum_ratio_equilateral", "k 0-0.1"), "mean"])


def test_distance_of_distributions(table):
    apart = table["mean"].loc["cell_distribution_distance"]
    assert list(apart) == [0.0, 0.25]


def test_quadrupole_is_off_by_so_much_of_the_monopole(table):
    # Quadrupoles are 0.5 times (1.0, 1.2) the halos' monopole, and minus that monopole.
    row = table.loc[("quadrupole_excess_over_monopole", "k 0.1-0.3")]
    assert row["mean"] == pytest.approx(1 + 0.5 * 1.1)
    assert row["box_error"] == pytest.approx(0.05)
    assert row["seed_deviation"] == pytest.approx(0.15 / np.sqrt(2), rel=1e-4)
    ratio = table.loc[("quadrupole_ratio", "k 0.1-0.3"), "mean"]
    assert ratio == pytest.approx(-0.5 * 1.1)


def test_bands_weigh_modes_and_triangles(tmp_path):
    """Ratios that differ from shell to shell: sums over the band, not means of ratios."""
    both = statistics([1.0, 1.0, 1.0]), multipoles([1.0, 1.0, 1.0])
    both[0]["bispectrum_model"][:, 1, 2] += 6.0  # of k = 0.25, whose halos have 2
    both[1]["power_model"][:, 2] += 1.0  # of k = 0.25, whose halos have 1
    files = []
    for number, dataset in enumerate(both):
        write_netcdf(dataset, tmp_path / f"{number}.nc")
        files.append({("N50", "R3"): [tmp_path / f"{number}.nc"]})
    write_statistics_table(*files, tmp_path / "table.csv")
    found = pd.read_csv(tmp_path / "table.csv").set_index(["statistic", "where"])["mean"]
    # 30 triangles of 4 and 10 of 2 against 8: 140 + 60 over 140.
    expected = (30 * 4 + 10 * 8) / (30 * 4 + 10 * 2)
    assert found["bispectrum_ratio_squeezed", "k 0.1-0.3"] == pytest.approx(expected, rel=1e-4)
    expected = (60 * 2 + 100 * 2) / (60 * 2 + 100 * 1)
    assert found["monopole_ratio", "k 0.1-0.3"] == pytest.approx(expected, rel=1e-4)
