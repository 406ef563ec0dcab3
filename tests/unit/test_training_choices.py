"""Choices of the training are trained as the workflow would train them."""

import numpy as np
import pytest
import training_choices
from lagbias.base.stores import append_variable, open_store
from lagbias.halos.particles import Particles, particles_of_points
from lagbias.training.classifier import train_direct
from lagbias.training.fit import train_network

CONFIG = {
    "training": {"preset": "seed", "steps": 11520, "block": 2},
    "training_sets": {"one": {"train": ["a"], "steps": 2880}, "twelve": {"train": ["a", "b"]}},
}


@pytest.mark.parametrize(("training_set", "steps"), [("one", 2880), ("twelve", 11520)])
def test_set_has_its_own_steps(training_set, steps):
    settings = training_choices.settings_of(CONFIG, training_set, "-")
    assert (settings.steps, settings.block) == (steps, 2)


def test_choice_goes_before_the_set_and_epochs_before_steps():
    assert training_choices.settings_of(CONFIG, "one", "steps=10").steps == 10
    settings = training_choices.settings_of(CONFIG, "one", "epochs=3,block=4")
    assert (settings.epochs, settings.steps, settings.block) == (3, None, 4)


def test_training_on_labels_is_that_of_the_workflow():
    settings = training_choices.settings_of(CONFIG, "one", "objective=labels")
    assert training_choices.TRAIN[settings.objective] is train_direct
    settings = training_choices.settings_of(CONFIG, "one", "-")
    assert training_choices.TRAIN[settings.objective] is train_network


def test_field_of_the_particles_has_each_in_its_own_cell(stores, tmp_path):
    """Particles of one point in Lagrangian space are labelled, and no others."""
    particles = Particles.read(stores.particles)
    count = particles_of_points(particles)
    point = int(count.argmax())
    labelled = np.zeros(count.shape, dtype=np.uint16)
    labelled[point] = count[point]
    side = particles.density_grid
    append_variable(
        tmp_path / "labels.zarr", "labelled", labelled.reshape([side] * 3), ("x", "y", "z")
    )
    store = training_choices.halos_of_particles(
        stores.particles, stores.halos, tmp_path / "labels.zarr", tmp_path / "halos.zarr"
    )
    cells = np.zeros(len(particles.cell_start) - 1)
    chosen = np.asarray(particles.lagrangian_index) == point
    place = np.searchsorted(particles.cell_start, np.flatnonzero(chosen), side="right") - 1
    np.add.at(cells, place, 1)
    overdensity = open_store(store)["overdensity"].values
    np.testing.assert_allclose(overdensity.ravel(), cells / cells.mean() - 1, rtol=1e-5)
    assert open_store(store).attrs == open_store(stores.halos).attrs
