"""The table of transfers: models on other boxes and against other tracers."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from conftest import complete
from lagbias.base.stores import append_variable, set_attributes, write_netcdf
from lagbias.tables.transfers import write_transfers

K = np.array([0.05, 0.15, 0.25])
MODES = np.array([10, 30, 80])


def write_spectra_file(path, amplitude, mean_ratio):
    """Spectra of two seeds and their mean: a model that is the halo field times an amplitude."""
    halo = np.array([9.0, 4.0, 1.0])
    model = np.stack([scale * amplitude**2 * halo for scale in (0.9, 1.1, 1.0)])
    cross = np.stack([0.9 * amplitude * halo] * 3)
    both = ("member", "k")
    data = {
        "power_model": (both, model), "power_cross": (both, cross), "power_halo": ("k", halo),
        "power_model_matter": (both, model), "power_halo_matter": ("k", halo),
        "modes": ("k", MODES), "error_over_shot": (both, np.full((3, 3), 0.2)),
        "mean_ratio": ("member", [0.5, 1.5, mean_ratio]),
    }  # fmt: skip
    coords = {"member": ["seed1", "seed2", "mean"], "k": K}
    write_netcdf(complete(xr.Dataset(data, coords=coords)), path)


def write_halo_store(path, weight, particles):
    append_variable(path, "weight", np.asarray(weight), ("halo",), units="1")
    set_attributes(path, box_size=10.0, particle_volume=1000.0 / particles)


@pytest.fixture
def table(tmp_path):
    for name, weight in (("a/N50", [60, 90]), ("b/N50", [50]), ("box/N50", [25, 25])):
        (tmp_path / name).parent.mkdir()
        write_halo_store(tmp_path / f"{name}.zarr", weight, particles=1000)
    write_halo_store(tmp_path / "a/N50-number.zarr", [1, 1], particles=1000)
    write_halo_store(tmp_path / "box/N50-number.zarr", [1, 1, 1], particles=2000)
    cases = [
        {"model": "R2", "fitted_to": fitted, "box": "box", "against": against}
        for fitted, against in (("N50", "N50"), ("N50", "N50-number"), ("N50-number", "N50-number"))
    ]
    spectra = [tmp_path / f"{number}.nc" for number in range(3)]
    for path, amplitude in zip(spectra, (1.0, 1.2, 0.5), strict=True):
        write_spectra_file(path, amplitude, mean_ratio=0.8 * amplitude)
    halos = [tmp_path / f"box/{case['fitted_to']}.zarr" for case in cases]
    training = [tmp_path / f"{name}.zarr" for name in ("a/N50", "b/N50", "a/N50-number")]
    write_transfers(cases, spectra, halos, training, tmp_path / "transfer.csv")
    return pd.read_csv(tmp_path / "transfer.csv")


def test_a_line_for_each_case_says_which_model_meets_which_halos(table):
    assert list(table["fitted_to"]) == ["N50", "N50", "N50-number"]
    assert list(table["against"]) == ["N50", "N50-number", "N50-number"]
    np.testing.assert_allclose(table["mean_ratio"], [0.8, 0.96, 0.4])


def test_expected_mean_ratio_is_the_weight_a_particle_over_that_of_the_training_boxes(table):
    # 200 in 2000 particles of two boxes, 50 in 1000; 2 halos in 1000 particles, 3 in 2000.
    np.testing.assert_allclose(table["expected_mean_ratio"], [0.5, 0.5, 0.75])


def test_ratios_and_correlation_are_of_the_summed_spectra(table):
    for band in ("k0-0.1", "k0-0.2", "k0.1-0.3"):
        np.testing.assert_allclose(table[f"power_ratio_{band}"], [1, 1.44, 0.25])
        np.testing.assert_allclose(table[f"power_ratio_{band}_seed_min"], [0.9, 1.296, 0.225])
        np.testing.assert_allclose(table[f"cross_ratio_{band}"], [0.9, 1.08, 0.45])
        np.testing.assert_allclose(table[f"correlation_{band}"], 0.9)
        np.testing.assert_allclose(table[f"error_over_shot_{band}"], 0.2)
