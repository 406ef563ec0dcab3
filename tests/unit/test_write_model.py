"""A finished fit as one file: what it says is what the stores and spectra of the fit say."""

import shutil

import lagbias
import numpy as np
import pytest
import xarray as xr
import zarr
from conftest import REDSHIFT, Stores, made_up_model
from lagbias.base.stores import write_netcdf
from lagbias.model.accuracy import accuracy_on
from lagbias.model.card import card
from lagbias.model.file import ModelFile
from lagbias.model.seen import inputs_seen
from lagbias.model.write import write_model
from lagbias.projection.projection import Projection
from lagbias.simulations.sources import SOURCES

K = np.array([0.05, 0.15, 0.25])
MODES = np.array([10.0, 100.0, 300.0])


def write_spectra(path, ratio, unshared=0.01) -> str:
    """Spectra of flat halo power and a model whose power is ``ratio`` of it, (members, 3)."""
    members = ["seed1", "seed2", "mean"][-len(ratio) :]
    halo = np.full(3, 1e4)
    cross = np.sqrt(ratio * (1 - unshared)) * halo
    per_k = {"power_halo": halo, "power_halo_matter": halo, "modes": MODES}
    per_member = {
        "power_model": ratio * halo, "power_cross": cross, "power_model_matter": ratio * halo,
        "error_over_shot": 0.1 * ratio, "one_minus_r2": np.full_like(ratio, unshared),
    }  # fmt: skip
    data = {name: ("k", values) for name, values in per_k.items()}
    data |= {name: (("member", "k"), values) for name, values in per_member.items()}
    attributes = {"box_size": 50.0}
    write_netcdf(xr.Dataset(data, {"member": members, "k": K}, attributes), path)
    return str(path)


def test_accuracy_of_one_box_has_the_error_of_its_modes(tmp_path):
    ratio = np.array([[0.98, 1.0, 1.0], [1.02, 1.0, 1.0], [1.0, 1.01, 1.01]])
    low, _, high = accuracy_on([write_spectra(tmp_path / "spectra.nc", ratio)])
    assert (low["k_min"], low["k_max"], high["k_min"], high["k_max"]) == (0, 0.1, 0.1, 0.3)
    assert low["power_ratio"] == pytest.approx(1.0)
    assert low["power_ratio_box_error"] == pytest.approx(np.sqrt(4 * 0.01 / 10))
    assert high["power_ratio_box_error"] == pytest.approx(1.01 * np.sqrt(4 * 0.01 / 400))
    assert low["power_ratio_seed_deviation"] == pytest.approx(0.04 / np.sqrt(2))
    assert high["error_over_shot"] == pytest.approx(0.101)


def test_accuracy_of_several_boxes_has_the_error_of_their_scatter(tmp_path):
    means = [0.97, 1.0, 1.06]
    files = [
        write_spectra(tmp_path / f"{mean}.nc", np.full((1, 3), mean)) for mean in means
    ]  # one seed, whose f is the mean
    low = accuracy_on(files)[0]
    assert low["power_ratio"] == pytest.approx(1.01)
    assert low["power_ratio_box_error"] == pytest.approx(np.std(means, ddof=1) / np.sqrt(3))
    assert low["power_ratio_seed_deviation"] is None


def test_a_band_without_modes_is_left_out(tmp_path):
    path = write_spectra(tmp_path / "spectra.nc", np.ones((1, 3)))
    with xr.open_dataset(path, engine="h5netcdf") as data:
        high = data.load().isel(k=[1, 2])
    write_netcdf(high, path)
    assert [band["k_max"] for band in accuracy_on([path])] == [0.2, 0.3]


def test_file_and_card_say_what_the_fit_was_made_of(stores: Stores, planted_box, tmp_path):
    weights = {}
    for seed, network in made_up_model(stores).networks.items():
        weights[seed] = tmp_path / f"seed{seed}.pt"
        network.save(weights[seed])
    ratio = np.array([[0.98] * 3, [1.02] * 3, [1.0] * 3])
    write_model(
        weights, stores.projection, [(stores.features, stores.particles)], [stores.halos],
        [write_spectra(tmp_path / "spectra.nc", ratio)],
        tmp_path / "set_N50_R2-R4.safetensors", tmp_path / "set_N50_R2-R4.md",
        training_boxes=["a"], validation_boxes=["b"], test_boxes=["c"], sources=["mini"],
        cosmologies=["c000"], training={"preset": "seed"},
    )  # fmt: skip
    model = lagbias.load(tmp_path / "set_N50_R2-R4.safetensors")
    told = model.file.about["trained_on"]
    assert model.file.about["name"] == "set_N50_R2-R4"
    assert (told["redshift"], told["min_particles"], told["box_size"]) == (REDSHIFT, 50, 48.0)
    assert told["particle_mass"] == planted_box.header["ParticleMassHMsun"]
    assert (told["density_grid"], told["cell_size"]) == (24, 6.0)
    assert told["test_boxes"] == ["c"]
    seen = inputs_seen([(stores.features, stores.particles)], Projection.read(stores.projection))
    assert model.file.about["inputs"] == seen
    assert model.file.about["accuracy"][0]["power_ratio"] == pytest.approx(1)
    assert "torch=" in model.file.about["software"]
    card = (tmp_path / "set_N50_R2-R4.md").read_text(encoding="utf-8")
    assert card == model.card
    assert "| test boxes (untouched) | c |" in card
    assert "| source of the boxes | simulated by this workflow (PySCo) |" in card


def test_a_model_of_unlike_boxes_says_what_each_is(stores: Stores, tmp_path):
    heavier = shutil.copytree(stores.halos, tmp_path / "heavier.zarr")
    zarr.open_group(heavier, mode="a").attrs["particle_mass"] = 2.1e11
    zarr.consolidate_metadata(heavier)
    network = tmp_path / "seed1.pt"
    made_up_model(stores).networks[1].save(network)
    write_model(
        {1: network}, stores.projection, [(stores.features, stores.particles)] * 2,
        [stores.halos, heavier], [write_spectra(tmp_path / "spectra.nc", np.ones((1, 3)))],
        tmp_path / "model.safetensors", tmp_path / "model.md",
        training_boxes=["a", "b"], validation_boxes=[], test_boxes=["c"], sources=["mini"],
        cosmologies=["c000"], training={"preset": "seed"},
    )  # fmt: skip
    told = lagbias.load(tmp_path / "model.safetensors").file.about["trained_on"]
    assert told["particle_mass"] == 2e11
    assert told["unlike"] == {"particle_mass": [2e11, 2.1e11]}


def test_card_lists_what_training_boxes_do_not_share(model_file):
    about = ModelFile.read(model_file).about
    unlike = {"redshift": [0.5, 0.5, 1.0], "particle_mass": [2e11, 2.00001e11, 2.1e11]}
    text = card(about | {"trained_on": about["trained_on"] | {"unlike": unlike}})
    assert "| redshift | 0.5, 1 |" in text
    assert "| particle mass | 2e+11, 2.1e+11 Msun/h |" in text
    assert "| box side | 48 Mpc/h |" in text


@pytest.mark.parametrize("source", [*SOURCES, "my_format.py:MyBox"])
def test_card_of_boxes_of_every_source(model_file, source):
    about = ModelFile.read(model_file).about
    told = about["trained_on"] | {"sources": ["mini", source], "cosmologies": ["", "c000"]}
    origin = SOURCES[source].origin if source in SOURCES else f"files of the user, read by {source}"
    text = card(about | {"trained_on": told})
    assert f"| source of the boxes | simulated by this workflow (PySCo), {origin} |" in text
    assert "| cosmology (AbacusSummit's number) | not known, c000 |" in text
