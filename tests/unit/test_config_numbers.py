"""Numbers that YAML reads as text become numbers where, and only where, the schema wants one."""

import copy
from pathlib import Path

import pytest
import yaml
from lagbias.base.errors import InputError
from lagbias.config.checks import check_schema
from lagbias.config.numbers import read_scalars

ROOT = Path(__file__).parents[2]
SCHEMA = ROOT / "workflow/schemas/config.schema.yaml"


def read(text: str) -> dict:
    """A config as YAML reads it and as it is used."""
    return read_scalars(yaml.safe_load(text), SCHEMA)


@pytest.mark.parametrize(
    ("text", "field", "number"),
    [
        ("training: {learning_rate: 1e-3}", ("training", "learning_rate"), 0.001),
        ("training: {learning_rate: 1E-3}", ("training", "learning_rate"), 0.001),
        ("training: {learning_rate_decay: 9e-1}", ("training", "learning_rate_decay"), 0.9),
        ("training: {cells_per_batch: 1e5}", ("training", "cells_per_batch"), 100000),
        ("training: {cells_per_batch: 1.0e+5}", ("training", "cells_per_batch"), 100000),
        ("training: {steps: 5e3}", ("training", "steps"), 5000),
        (
            "variants: {long: {steps: '400', learning_rate: 1e-2}}",
            ("variants", "long", "steps"),
            400,
        ),
        ("variants: {few: {modes: '5'}}", ("variants", "few", "modes"), 5),
        ("redshift: '0.5'", ("redshift",), 0.5),
        ("galaxies: {log10_m_0: −1}", ("galaxies", "log10_m_0"), -1),
        ("seeds: [1, '2', 3.0]", ("seeds",), [1, 2, 3]),
        ("simulations: {box: {phase: '07', redshift: 1e0}}", ("simulations", "box", "phase"), 7),
        ("mesh: {cell_size: .5e1}", ("mesh", "cell_size"), 5.0),
    ],
)
def test_number_is_understood_as_people_write_it(text, field, number):
    found = read(text)
    for key in field:
        found = found[key]
    assert found == number
    assert str(found) == str(number)  # 5, where 5.0 is not meant


@pytest.mark.parametrize(
    "text",
    [
        "tracers: ['50']", "scale_sets: ['2']", "simulations: {box: {root: '1e5'}}",
        "variants: {all: {modes: all, start: '1'}}", "training: {steps: null, epochs: many}",
        "training: {epochs: 2.5, block: '2.5'}", "redshift: 0,5", "redshift: nan",
        "deterministic: 'yes'", "unknown: {deep: ['1e3']}", "seeds: 1", "mesh: [1]",
        "training: {epochs: true}", "redshift: 0x10g",
    ],
)  # fmt: skip
def test_all_else_is_left_as_it_is(text):
    assert read(text) == yaml.safe_load(text)


def test_config_itself_is_not_changed():
    config = yaml.safe_load("training: {learning_rate: 1e-3}\nseeds: ['1']")
    before = copy.deepcopy(config)
    assert read_scalars(config, SCHEMA) != config
    assert config == before


@pytest.mark.parametrize(
    "file", sorted((ROOT / "config").glob("*.yaml")), ids=lambda file: file.stem
)
def test_configs_of_the_repository_are_what_they_were(file):
    config = yaml.safe_load(file.read_text())
    assert repr(read_scalars(config, SCHEMA)) == repr(config)


def test_number_out_of_range_is_still_refused():
    config = yaml.safe_load((ROOT / "config/test.yaml").read_text())
    config["training"] |= {"learning_rate": "-1e-3", "epochs": "1e-3"}
    with pytest.raises(InputError) as refused:
        check_schema(read_scalars(config, SCHEMA), SCHEMA)
    assert "training.epochs: '1e-3' is not of type 'integer'; write a whole number" in str(
        refused.value
    )
    assert "training.learning_rate: -0.001 is less than or equal to the minimum of 0" in str(
        refused.value
    )
