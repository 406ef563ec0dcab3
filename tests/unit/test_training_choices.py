"""Choices of the training are trained as the workflow would train them."""

import pytest
import training_choices
from lagbias.direct import train_direct
from lagbias.errors import InputError
from lagbias.training import train_network

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


def test_start_is_refused():
    with pytest.raises(InputError, match="start: found 'direct'"):
        training_choices.settings_of(CONFIG, "one", "start=direct")
