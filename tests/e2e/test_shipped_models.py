"""The shipped models on a box that is simulated anew: the accuracy that their cards state.

The error of a card is the scatter of its n untouched boxes, of a mean. One more box differs from
that mean by less than t sqrt(n + 1) of it, with Student's t for n - 1 degrees of freedom.
"""

import subprocess
import sys
from pathlib import Path

import lagbias
import numpy as np
import pytest
from conftest import copy_repository
from lagbias.base.stores import MEAN
from lagbias.evaluation.prediction import occupied
from lagbias.evaluation.spectra import write_spectra
from lagbias.halos.carried import write_fields
from lagbias.halos.particles import Particles
from lagbias.model.accuracy import accuracy_on
from lagbias.model.file import shipped
from lagbias.simulations.abacus.reader import read_linear_density
from scipy.stats import t as student_t

BOX = "mini_ph030"  # of no training, validation or test
LEVEL = 0.99  # of boxes differ by less

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


def simulate(folder: Path) -> None:
    """Make density, particles, halos and matter of the box, by the default config's rules."""
    copy_repository(folder)
    files = [f"results/{BOX}/{name}.zarr" for name in ("particles", "halos/N50", "matter")]
    settings = f"simulations={{{BOX}: {{source: mini, phase: 30}}}}"
    command = [sys.executable, "-m", "snakemake", "--cores", "2", "--config", settings, "--"]
    run = subprocess.run(
        [*command, *files], cwd=folder, capture_output=True, text=True, check=False, timeout=1800
    )
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.fixture(scope="session")
def folder(made_once) -> Path:
    """A copy of the repository with the box."""
    return made_once("new_box", simulate)


@pytest.mark.parametrize("name", shipped())
def test_power_on_a_new_box_is_as_the_card_says(folder, tmp_path, name):
    model, results = lagbias.load(name), folder / f"results/{BOX}"
    density, box_size = read_linear_density(
        folder / f"resources/ic/{BOX}/ic_dens_N192.asdf", model.file.about["trained_on"]["redshift"]
    )
    particles = Particles.open(results / "particles.zarr")
    where = occupied(particles).reshape(density.shape)
    ratio = model.ratio(density, box_size, where=where)
    prediction, spectra = tmp_path / "prediction.zarr", tmp_path / "spectra.nc"
    write_fields(particles, [ratio.reshape(-1)], [MEAN], 2.5, prediction)
    write_spectra(prediction, results / "halos/N50.zarr", results / "matter.zarr", 0.6, spectra)
    found, told = accuracy_on([spectra]), model.file.about["accuracy"]
    assert [band["k_max"] for band in found] == [band["k_max"] for band in told]
    for band, card in zip(found, told, strict=True):
        boxes = len(model.file.about["trained_on"]["test_boxes"])
        one_more = np.sqrt(boxes + 1) * card["power_ratio_box_error"]
        most = student_t.ppf((1 + LEVEL) / 2, boxes - 1) * one_more
        on_new, on_card = (
            f"{one['power_ratio']:.3f} ± {one['power_ratio_box_error']:.3f}" for one in (band, card)
        )
        print(f"{name},{band['k_min']:g}–{band['k_max']:g},{on_new},{on_card}")
        assert abs(band["power_ratio"] - card["power_ratio"]) < most, (band, card)
