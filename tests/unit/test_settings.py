"""A config whose parts do not fit together is refused, naming the field and what to do."""

import copy
import re
from pathlib import Path

import pytest
import yaml
from lagbias.errors import InputError
from lagbias.settings import check_config, check_schema

ROOT = Path(__file__).parents[2]
SCHEMA = ROOT / "workflow/schemas/config.schema.yaml"

CONFIG = {
    "simulations": {
        "mini_ph000": {"source": "mini", "phase": 0},
        "mini_ph001": {"source": "mini", "phase": 1},
        "AbacusSandbox_small_c000_ph3000": {
            "source": "local", "root": "somewhere", "density_grid": 192,
        },
        "AbacusSummit_small_c000_ph3100": {"source": "https", "density_grid": 576},
    },
    "mini": {"min_halo_particles": 20, "box_size": 200},
    "mesh": {"cell_size": 5, "evaluation_cell_size": 2.5},
    "training_sets": {
        "mini": {"train": ["mini_ph000"], "validate": ["mini_ph001"], "test": []},
        "abacus": {
            "train": ["AbacusSummit_small_c000_ph3100"], "validate": ["mini_ph000"],
            "test": ["mini_ph001"],
        },
    },
    "training": {"preset": "seed"},
    "tracers": ["N50", "N150"],
    "scale_sets": ["R3", "R2-R2.83-R4"],
    "showcase": "R2-R2.83-R4",
    "yardsticks": ["matter", "linear", "poly-R2-R4", "bins-lap-R2"],
    "directions": [1, 2, 3],
}  # fmt: skip


def config_with(*path_and_value):
    """The config with one entry changed; None removes it."""
    *path, last, value = path_and_value
    config = copy.deepcopy(CONFIG)
    part = config
    for key in path:
        part = part[key]
    if value is None:
        del part[last]
    else:
        part[last] = value
    return config


def test_config_that_fits_together_is_taken():
    check_config(copy.deepcopy(CONFIG))


VARIANTS = {"tenth": {"particle_fraction": 0.1}, "whole": {"modes": "all"}}


def test_variants_that_fit_together_are_taken():
    config = CONFIG | {"training": {"preset": "seed"}, "variants": VARIANTS}
    check_config(config | {"more_networks": ["R2-R4_tenth", "R2-R4_whole-pc6", "R2-R4-pc5"]})


@pytest.mark.parametrize(
    ("variants", "models", "message"),
    [
        ({"tenth": {"particle_fraction": 2}}, [], "variants.tenth: training.particle_fraction: f"),
        (
            {"tophat": {"tophat_radius": 2.5, "modes": "all"}}, [],
            "variants.tophat: found both modes and tophat_radius; the inputs",
        ),
        ({"log": {"gradient_of": "log10 f", "start": "cold"}}, [], "variants.log.start: 'cold'"),
        ({"warm": {"start": "cold"}}, [], "variants.warm.start: 'cold' is not among"),
        (
            {"warm": {"start": "hot"}, "hot": {"start": "warm"}}, [],
            "variants.warm.start: warm -> hot -> warm goes in a circle",
        ),
        ({"tophat": {"tophat_radius": 3}}, ["R2-R4_tophat-pc3"], "is on 3 of 2 inputs"),
        (VARIANTS, ["R2-R4_half"], "more_networks: R2-R4_half is of no variant among"),
        (VARIANTS, ["R2-R4-pc6"], "more_networks: R2-R4-pc6 is on 6 of 5 inputs"),
        (VARIANTS, ["R4-R2_tenth"], "write R2-R4"),
        ({"many": {"modes": 5}}, ["R2-R4_many"], "modes: 5 modes of delta and its Laplacian at 2"),
    ],
)  # fmt: skip
def test_variants_that_do_not_fit_are_refused(variants, models, message):
    config = CONFIG | {"training": {"preset": "seed"}, "variants": variants}
    with pytest.raises(InputError, match=re.escape(message)):
        check_config(config | {"more_networks": models})


def test_a_start_of_every_training_is_refused():
    with pytest.raises(InputError, match="training.start: found 'warm' for every network"):
        check_config(CONFIG | {"training": {"preset": "seed", "start": "warm"}})


def test_labels_of_galaxies_are_not_learnt():
    config = CONFIG | {"training": {"preset": "seed"}, "tracers": ["N50-galaxies"], "galaxies": {}}
    config |= {"variants": {"direct": {"objective": "labels"}}}
    with pytest.raises(InputError, match="R2-R4_direct learns which particles end in halos, which"):
        check_config(config | {"more_networks": ["R2-R4_direct"]})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("mesh", "cell_size", 7), r"mesh.cell_size: 7 Mpc/h does not divide mini.box_size 200"),
        (
            ("simulations", "mini_ph000", {"source": "mini"}),
            r"simulations.mini_ph000: source mini takes \['phase'\], found \[\]",
        ),
        (
            ("simulations", "mini_ph000", {"source": "mini", "phase": 1, "root": "x"}),
            r"takes \['phase'\], found \['phase', 'root'\]",
        ),
        (
            ("simulations", "AbacusSandbox_small_c000_ph3000", "root", None),
            r"source local takes \['density_grid', 'root'\], found \['density_grid'\]",
        ),
        (
            ("simulations", "AbacusSummit_small_c000_ph3100", {"source": "https"}),
            r"source https takes \['density_grid'\], found \[\]",
        ),
        (
            ("simulations", "OtherSim", {"source": "https", "density_grid": 576}),
            "simulation OtherSim: expected AbacusSummit_.*use `source: local`",
        ),
        (("mini", None), "simulations.mini_ph000: source mini needs the section `mini`"),
        (("tracers", ["N150", "N19"]), "tracers: N19 is below mini.min_halo_particles 20"),
        (
            ("training_sets", "mini", "validate", ["mini_ph009"]),
            "training_sets.mini.validate: 'mini_ph009' is not among the simulations",
        ),
        (
            ("training_sets", "mini", "test", ["mini_ph000"]),
            "training_sets.mini: mini_ph000 is in both train and test",
        ),
        (
            ("training_sets", "mini", "train", ["mini_ph000", "mini_ph000"]),
            "training_sets.mini: mini_ph000",
        ),
        (("scale_sets", ["R3", "R4-R2", "R2-R2.83-R4"]), "scale set 'R4-R2'.*write R2-R4"),
        (("directions", [4]), "directions: 4 is more than the 3 inputs of scale set R3"),
        (("yardsticks", ["poly-R4-R2"]), "scale set 'R4-R2'.*write R2-R4"),
        (("yardsticks", ["bins-R2-R4"]), "bins take one smoothing scale, as bins-R2"),
        (("yardsticks", ["bins-shear-R2"]), "yardstick 'bins-shear-R2': expected .*bins-lap-R2"),
        (("showcase", "R2-R4"), "showcase: 'R2-R4' is not among scale_sets"),
    ],
)
def test_config_that_does_not_fit_together_is_refused(change, message):
    with pytest.raises(InputError, match=message):
        check_config(config_with(*change))


def test_cut_at_the_smallest_halo_is_taken():
    # N > 20 keeps no halo that the simulation, N >= 20, has dropped.
    check_config(config_with("tracers", ["N20"]))


def test_a_box_may_have_its_own_redshift_and_a_mini_box_its_cosmology():
    own = {"source": "mini", "phase": 0, "redshift": 1.0, "cosmology": "c001"}
    check_config(config_with("simulations", "mini_ph000", own))
    own = {"source": "https", "density_grid": 576, "redshift": 1.1}
    check_config(config_with("simulations", "AbacusSummit_small_c000_ph3100", own))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tracers": ["N50-galaxies"]}, "N50-galaxies needs the section `galaxies`"),
        ({"transfers": {"tracers": ["N50-galaxies"]}}, "N50-galaxies needs the section"),
        ({"more_tracers": ["N19"]}, "N19 is below mini.min_halo_particles 20"),
        ({"transfers": {"tracers": ["N19"]}}, "N19 is below mini.min_halo_particles 20"),
        ({"transfers": {"tracers": ["halos"]}}, "tracer 'halos': expected halos by"),
        ({"transfers": {"boxes": ["mini_z9"]}}, "transfers.boxes: 'mini_z9' is not among"),
        (
            {"simulations": {"mini_ph000": {"source": "local", "root": "x", "density_grid": 9,
                                            "cosmology": "c001"}}},
            "found ['cosmology', 'density_grid', 'root']; besides it may have ['redshift']",
        ),
    ],
)  # fmt: skip
def test_tracers_and_transfers_that_do_not_fit_are_refused(change, message):
    with pytest.raises(InputError, match=re.escape(message)):
        check_config(CONFIG | change)


def test_config_without_mini_boxes_needs_no_section_mini():
    config = config_with("mini", None)
    local = {"source": "local", "root": "somewhere", "density_grid": 192}
    config["simulations"] |= {"mini_ph000": local, "mini_ph001": local}
    check_config(config)


@pytest.mark.parametrize("config", sorted((ROOT / "config").glob("*.yaml")), ids=lambda p: p.stem)
def test_configs_of_the_repository_are_as_the_schema_says(config):
    check_schema(yaml.safe_load(config.read_text()), SCHEMA)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("tracerz",), ["N50"], "^config: tracerz is unknown, did you mean tracers[?]; see"),
        (("colour",), 1, "^config: colour is unknown, remove it; see config/README.md$"),
        (("training", "epoch"), 3, "^config: training.epoch is unknown, did you mean epochs[?]"),
        (("simulations", "tiny_ph000", "fase"), 3, "simulations.tiny_ph000.fase .* mean phase[?]"),
        (("training", "epochs"), "many", "^config: training.epochs: 'many' is not of type 'int"),
        (("training", "preset"), "sed", r"training.preset: 'sed' is not one of \['seed', 'code"),
        (("tracers",), ["N50", 50], r"^config: tracers.1: 50 is not of type 'string'"),
        (("seeds",), None, "^config: seeds is missing; see config/README.md$"),
        (("device",), "gpu", "^config: device: 'gpu' is not one of"),
    ],
)
def test_typo_in_a_config_gives_one_line_with_the_field(path, value, message):
    config = yaml.safe_load((ROOT / "config/test.yaml").read_text())
    part = config
    for key in path[:-1]:
        part = part[key]
    if value is None:
        del part[path[-1]]
    else:
        part[path[-1]] = value
    with pytest.raises(InputError, match=message) as refused:
        check_schema(config, SCHEMA)
    assert "\n" not in str(refused.value)


def test_all_typos_in_a_config_are_told_at_once():
    config = yaml.safe_load((ROOT / "config/test.yaml").read_text())
    config["tracerz"] = config.pop("tracers")
    config["training"]["epochs"] = 0
    with pytest.raises(InputError, match="tracers is missing; tracerz is unknown.*; training"):
        check_schema(config, SCHEMA)


@pytest.mark.parametrize(
    "file",
    [*(ROOT / "config").glob("*.yaml"), *(ROOT / "benchmarks").glob("*.yaml")],
    ids=lambda file: file.name,
)
def test_every_config_of_the_repository_fits(file):
    config = yaml.safe_load(file.read_text())
    check_schema(config, SCHEMA)
    check_config(config)
