"""One model of the config: what is written from it, its defaults, and a config as an object."""

import shutil
from dataclasses import FrozenInstanceError, dataclass, fields
from pathlib import Path
from typing import Annotated, Literal

import pytest
import yaml
from lagbias.config.describe import PAGE, SCHEMA, meanings, page, schema_of, schema_text, takes
from lagbias.config.keys import Count, Length, OrNull, Range, misfit
from lagbias.config.model import Box, Config, Galaxies, Mini, with_defaults
from lagbias.config.training import PRESETS, TrainingSettings
from lagbias.halos.occupation import GalaxyOccupation
from lagbias.plan.code import Code
from lagbias.simulations.mini.settings import MiniSimulation

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "workflow/scripts"
CONFIGS = sorted((ROOT / "config").glob("*.yaml"))
COMMAND = "run `PYTHONPATH=workflow/scripts python -m lagbias.config.describe`"


def test_schema_and_page_of_keys_are_those_of_the_model():
    assert SCHEMA.read_text(encoding="utf-8") == schema_text(), COMMAND
    assert PAGE.read_text(encoding="utf-8") == page(), COMMAND


def test_presets_are_in_the_page_of_keys():
    rows = [row for row in page().splitlines() if row.startswith("| `training.")]
    assert len(rows) == 1 + len(fields(TrainingSettings))
    (row,) = [row for row in rows if row.startswith("| `training.cells_per_batch`")]
    given = [f"`{PRESETS[name].cells_per_batch}`" for name in ("seed", "code")]
    assert [cell.strip() for cell in row.split("|")][4:6] == given


@pytest.mark.parametrize(
    ("kind", "schema", "words"),
    [
        (Count, {"type": "integer", "minimum": 1}, "whole number, 1 or more"),
        (Count | None, {"type": "integer", "minimum": 1}, "whole number, 1 or more"),
        (
            OrNull[Length],
            {"anyOf": [{"type": "number", "exclusiveMinimum": 0}, {"type": "null"}]},
            "number, above 0, or `null`",
        ),
        (Literal["a", "b", "c"], {"enum": ["a", "b", "c"]}, "`a`, `b` or `c`"),
        (
            Annotated[list[Count], Range(least=1)],
            {
                "type": "array", "uniqueItems": True, "minItems": 1,
                "items": {"type": "integer", "minimum": 1},
            },
            "list of whole numbers, 1 or more, not empty",
        ),
        (
            Annotated[float, Range(least=0, below=1)],
            {"type": "number", "minimum": 0, "exclusiveMaximum": 1},
            "number, 0 or more and below 1",
        ),
    ],
)  # fmt: skip
def test_a_type_as_schema_and_in_words(kind, schema, words):
    assert schema_of(kind) == schema
    assert takes(kind) == words


@dataclass
class Section:
    told: int
    """What it means,
    on two lines."""
    untold: int


def test_a_key_without_a_meaning_is_named():
    with pytest.raises(ValueError, match="Section.untold has no text below it"):
        meanings(Section)
    assert meanings(Box)["phase"].startswith("Number of the realisation")


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        (Count, 1, ""), (Count, 0, "1 or more"), (OrNull[Count], None, ""),
        (OrNull[Count], 0, "1 or more, or null"), (Literal["a", "b"], "b", ""),
        (Literal["a", "b"], "c", "one of ('a', 'b')"),
        (Annotated[float, Range(above=0, most=1)], 1, ""),
        (Annotated[float, Range(above=0, most=1)], 0, "above 0 and at most 1"),
        (Annotated[float, Range(above=0, most=1)], 1.1, "above 0 and at most 1"),
        (Annotated[float, Range(least=0, below=1)], 1, "0 or more and below 1"),
    ],
)  # fmt: skip
def test_a_value_that_does_not_fit_is_told_what_was_expected(kind, value, expected):
    assert misfit(kind, value) == expected


REQUIRED = ("master_seed", "redshift", "mesh", "training", "device")


def config_of(file: Path) -> dict:
    return yaml.safe_load(file.read_text(encoding="utf-8"))


def test_defaults_are_those_of_keys_that_are_not_given():
    config = {name: config_of(ROOT / "config/test.yaml")[name] for name in REQUIRED}
    filled = with_defaults(config)
    assert {name: filled.pop(name) for name in REQUIRED} == config
    assert filled == {
        "more_tracers": [], "transfers": {"boxes": [], "tracers": []}, "planted": False,
        "own_yardsticks": {}, "variants": {}, "more_networks": [], "deterministic": False,
        "download": {"url": "https://data.desi.lbl.gov/public/cosmosim/AbacusSummit"},
        "redshift_space": {"velocity_cell": 1.2, "own_velocity": 0.0},
    }  # fmt: skip


def test_defaults_of_one_config_are_not_those_of_the_next():
    with_defaults({})["transfers"]["boxes"].append("a")
    assert with_defaults({})["transfers"]["boxes"] == []


@pytest.mark.parametrize("file", CONFIGS, ids=lambda file: file.stem)
def test_what_is_given_stays_in_its_order_when_defaults_are_filled(file):
    config = config_of(file)
    filled = with_defaults(config)
    assert repr({name: filled[name] for name in config}) == repr(config)
    assert repr(with_defaults(filled)) == repr(filled)
    assert config == config_of(file), "the config given is not changed"
    partly = config | {"transfers": {"tracers": ["N60"]}}
    assert with_defaults(partly)["transfers"] == {"tracers": ["N60"], "boxes": []}


@pytest.mark.parametrize("file", CONFIGS, ids=lambda file: file.stem)
def test_a_config_is_an_object_whose_fields_are_its_keys(file):
    config = with_defaults(config_of(file))
    found = Config.of(config)
    for name, box in config["simulations"].items():
        assert found.simulations[name] == Box(**box)
    assert found.mesh.cell_size == config["mesh"]["cell_size"]
    assert found.transfers.tracers == config["transfers"]["tracers"]
    assert found.variants == config["variants"]
    assert (found.mini is None) == ("mini" not in config)
    assert found.mini is None or found.mini == Mini(**config["mini"])
    with pytest.raises(FrozenInstanceError):
        found.redshift = 1


def test_sections_that_make_settings_have_their_names():
    for section, settings in ((Mini, MiniSimulation), (Galaxies, GalaxyOccupation)):
        names = {key.name for key in fields(section)}
        assert names <= {key.name for key in fields(settings)}


def test_another_meaning_of_a_setting_trains_nothing_again(tmp_path):
    """It is a text in the class that every training depends on."""
    shutil.copytree(SCRIPTS, tmp_path / "scripts")
    file = tmp_path / "scripts/lagbias/config/training.py"
    before = Code(tmp_path / "scripts").digests("train_network")
    text = file.read_text()
    assert "Neurons in each hidden layer." in text
    file.write_text(text.replace("Neurons in each hidden layer.", "How many neurons."))
    assert Code(tmp_path / "scripts").digests("train_network") == before
    file.write_text(text.replace("neurons: Count = 20", "neurons: Count = 21"))
    assert Code(tmp_path / "scripts").digests("train_network") != before
