"""A config whose parts do not fit together is refused, naming the field and what to do."""

import copy
import re
from pathlib import Path

import pytest
import yaml
from lagbias.base.errors import InputError
from lagbias.config.checks import check_config, check_schema
from lagbias.config.numbers import read_scalars
from lagbias.config.variants import training_with

ROOT = Path(__file__).parents[2]
SCHEMA = ROOT / "workflow/schemas/config.schema.yaml"

CONFIG = {
    "master_seed": 1,
    "redshift": 0.5,
    "simulations": {
        "mini_ph000": {"source": "mini", "phase": 0},
        "mini_ph001": {"source": "mini", "phase": 1},
        "AbacusSandbox_small_c000_ph3000": {
            "source": "local", "root": "somewhere", "density_grid": 192,
        },
        "AbacusSummit_small_c000_ph3100": {"source": "https", "density_grid": 576},
    },
    "mini": {
        "box_size": 200, "particles_per_side": 192, "mesh": 256, "subsample": 0.1,
        "min_halo_particles": 20, "files_per_product": 1,
    },
    "mesh": {"cell_size": 5, "evaluation_cell_size": 2.5},
    "training_sets": {
        "mini": {"train": ["mini_ph000"], "validate": ["mini_ph001"], "test": []},
        "abacus": {
            "train": ["AbacusSummit_small_c000_ph3100"], "validate": [], "test": [],
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
        (
            {"odd": {"kinds": ["laplacian", "g2"]}}, ["R2-R4_odd"],
            "variants.odd: kinds: found ['laplacian', 'g2']; expected delta among",
        ),
        ({"flat": {"kinds": ["delta"]}}, ["R2-R4_flat-pc3"], "is on 3 of 2 inputs"),
        ({"tophat": {"tophat_radius": 3}}, ["R2-R4_tophat-pc3"], "is on 3 of 2 inputs"),
        (VARIANTS, ["R2-R4_half"], "more_networks: R2-R4_half is of no variant among"),
        (VARIANTS, ["R2-R4-pc6"], "more_networks: R2-R4-pc6 is on 6 of 5 inputs"),
        (VARIANTS, ["R4-R2_tenth"], "write R2-R4"),
        (
            {"odd": {"form": "gaussian", "objective": "labels"}}, [],
            "variants.odd: training.form: found 'gaussian', expected network with `objective: lab",
        ),
        ({"many": {"modes": 5}}, ["R2-R4_many"], "modes: 5 modes of delta and its Laplacian at 2"),
    ],
)  # fmt: skip
def test_variants_that_do_not_fit_are_refused(variants, models, message):
    config = CONFIG | {"training": {"preset": "seed"}, "variants": variants}
    with pytest.raises(InputError, match=re.escape(message)):
        check_config(config | {"more_networks": models})


GALAXIES = {"tracers": ["N50", "N50-galaxies"], "galaxies": {}}
DIRECT = {"direct": {"objective": "labels"}}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"variants": DIRECT, "more_networks": ["R2-R4_direct"]},
            "variants.direct.objective: found labels, of the training of R2-R4_direct; expected "
            "field, since N50-galaxies does not say",
        ),
        (
            {"variants": DIRECT, "more_networks": ["R2-R4_direct-pc2"]},
            "variants.direct.objective: found labels, of the training of R2-R4_direct-pc2",
        ),
        (
            {"training": {"preset": "seed", "objective": "labels"}},
            "training.objective: found labels, of the training of R3",
        ),
        (
            {"training": {"preset": "seed", "objective": "labels"}, "tracers": ["N50"],
             "more_tracers": ["N60-galaxies"]},
            "found labels, of the training of R2-R2.83-R4; expected field, since N60-galaxies",
        ),
    ],
)  # fmt: skip
def test_labels_of_galaxies_are_not_learnt(change, message):
    with pytest.raises(InputError, match=re.escape(message)):
        check_config(CONFIG | GALAXIES | change)


def test_planted_halos_have_no_labels_to_learn():
    labels = CONFIG | {"training": {"preset": "seed", "objective": "labels"}}
    check_config(labels)
    check_config(CONFIG | {"planted": True, "variants": DIRECT})
    with pytest.raises(InputError, match="planted: found true with training.objective: labels"):
        check_config(labels | {"planted": True})


def test_labels_are_a_yardstick_beside_further_tracers_of_satellites():
    more = {"yardsticks": ["labels"], "galaxies": {}, "LRG": {}, "more_tracers": ["N50-LRG"]}
    check_config(CONFIG | more | {"tracers": ["N50", "N50-galaxies"]})


@pytest.mark.parametrize(
    "change",
    [
        {"variants": DIRECT},  # which no network is of
        {"tracers": ["N50"], "transfers": {"boxes": [], "tracers": ["N50-galaxies"]}},
        {"tracers": ["N50"], "more_tracers": ["N50-galaxies"]},  # the plain showcase
        {"tracers": ["N50", "N50-number"]},
    ],
)
def test_labels_are_learnt_beside_galaxies_that_no_such_network_is_fitted_to(change):
    networks = [] if change.get("variants") else ["R2-R4_direct"]
    check_config(CONFIG | GALAXIES | {"variants": DIRECT, "more_networks": networks} | change)


def test_a_preset_of_a_variant_is_all_that_it_starts_from():
    training = {"preset": "seed", "epochs": 3, "steps": 40, "neurons": 7}
    assert training_with(training, {"preset": "code", "modes": "all"}) == {"preset": "code"}
    assert training_with(training, {"preset": "code", "block": 2}) == {"preset": "code", "block": 2}
    check_config(CONFIG | {"training": training, "variants": {"code": {"preset": "code"}}})


def test_other_changes_of_a_variant_are_made_to_the_training():
    training = {"preset": "code", "steps": 40, "neurons": 7}
    assert training_with(training, {}) == training
    assert training_with(training, {"modes": "all", "block": 2}) == training | {"block": 2}
    expected = {"preset": "code", "steps": None, "neurons": 7, "epochs": 9}
    assert training_with(training, {"epochs": 9}) == expected


@pytest.mark.parametrize(
    ("training", "message"),
    [
        ({"cells_per_batch": 5, "block": 2}, "training.cells_per_batch: found 5, expected 8 or mo"),
        ({"preset": "code", "epochs": 3}, "training.snapshot_epoch: found 50, expected 1 to 3"),
    ],
)
def test_what_was_expected_of_a_training_is_said(training, message):
    for variants in ({}, {"tenth": {"particle_fraction": 0.1}}):
        config = CONFIG | {"training": {"preset": "seed"} | training, "variants": variants}
        with pytest.raises(InputError, match=f"^{re.escape(message)}"):
            check_config(config)


def config_of_phases(train, validate, test, transfers=()):
    """A config of mini boxes, whose names end in their phases."""
    config = copy.deepcopy(CONFIG)
    names = {*train, *validate, *test, *transfers}
    config["simulations"] = {
        name: {"source": "mini", "phase": int(name[-1]), "redshift": 1 if "z1" in name else 0.5}
        for name in names
    }
    parts = {"train": list(train), "validate": list(validate), "test": list(test)}
    config["training_sets"] = {"mini": parts}
    config["transfers"] = {"boxes": list(transfers), "tracers": []}
    return config


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (
            (["a0"], ["b1"], ["z1_0"]),
            "training_sets.mini.test: z1_0 has the initial waves (phase 0) of a0, which is in train"
            "; expected others: give one of them another phase",
        ),
        ((["a0"], ["b1"], ["c2", "c1"]), "test: c1 has the initial waves (phase 1) of b1, which"),
        ((["a0"], ["b0"], ["c2"]), "validate: b0 has the initial waves (phase 0) of a0, which is"),
        (
            (["a0"], ["b1"], ["c2"], ["a0"]),
            "transfers.boxes: a0 has the initial waves of a0, of training_sets.mini.train",
        ),
        (
            (["a0"], ["b1"], ["c2"], ["c2", "z1_1"]),
            "transfers.boxes: z1_1 has the initial waves",
        ),
    ],
)
def test_waves_that_a_model_has_seen_are_no_test(parts, message):
    with pytest.raises(InputError, match=re.escape(message)):
        check_config(config_of_phases(*parts))


def test_a_transfer_may_be_to_the_waves_of_a_test_box():
    check_config(config_of_phases(["a0", "z1_0"], ["b1"], ["c2"], ["z1_2", "d3", "c2"]))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            ("mesh", "cell_size", 7),
            "mesh.cell_size: 7 Mpc/h does not divide the side of mini_ph000",
        ),
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
        (
            ("simulations", "mini_small_ph000", {"source": "mini", "phase": 2}),
            "simulations.mini_small_ph000: found _small_ in .* take another name, as mini_ph000",
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
        (
            ("training", {"preset": "seed", "block": 3}),
            "training, on mini_ph000: training.block",
        ),
        (
            ("variants", {"large": {"block": 16, "cells_per_batch": 5000}}),
            "variants.large, on mini_ph000: training.block: cubes of 16 cells do not tile",
        ),
        (
            ("scale_sets", ["R1-R2", "R2-R2.83-R4"]),
            "scale_sets: R1-R2, on mini_ph000: smoothing scale R=1 Mpc/h is outside.*expected 1.04",
        ),
        (("more_networks", ["R2-R101-pc1"]), "more_networks: R2-R101-pc1, on .*to 100 Mpc/h"),
        (("yardsticks", ["bins-R0.5"]), "yardsticks: bins-R0.5, on mini_ph000: smoothing scale"),
        (("scale_sets", ["R0", "R2-R2.83-R4"]), "scale set 'R0': found R=0, expected scales above"),
        (
            (
                "simulations",
                "AbacusSummit_highbase_c000_ph100",
                {"source": "https", "density_grid": 192},
            ),
            "scale_sets: R3, on AbacusSummit_highbase_c000_ph100: smoothing .* expected 5.21",
        ),
        (
            ("simulations", "AbacusSummit_small_c000_ph3100", "density_grid", 1152),
            "simulations.AbacusSummit_small_c000_ph3100.density_grid: found 1152; .*write `density"
            "_grid: 576`",
        ),
        (
            ("simulations", "AbacusSummit_small_c000_ph3100", "redshift", 0.575),
            "simulations.AbacusSummit_small_c000_ph3100: at redshift 0.575 .* but not the particles"
            ".*write `redshift: 0.5`",
        ),
        (
            (
                "simulations",
                "AbacusSummit_fixedbase_c000_ph098",
                {"source": "local", "root": "x", "density_grid": 576},
            ),
            "ph098 has the wrong sign.*use ph099",
        ),
        (("mini", "mesh", 250), "mini simulation 'mini_ph000': mesh=250; expected a power of two"),
        (
            ("mini", "mesh", 512),
            "mini.mesh: found 512, 2.67 times mini.particles_per_side 192",
        ),
        (("mini", "particles_per_side", 191), "particles_per_side=191; expected an even number"),
        (
            ("mini", "particles_per_side", 1536),
            "particles_per_side=1536; .* number, 8 to 1290",
        ),
        (
            ("simulations", "AbacusSandbox_small_c000_ph3000", "density_grid", 1626),
            r"ph3000.density_grid, points .*: found 1626 .* at most 1625; use a coarser one",
        ),
        (
            ("simulations", "AbacusSummit_small_c000_ph3100", "density_grid", 1728),
            "simulations.AbacusSummit_small_c000_ph3100.density_grid, points .*: found 1728 a side",
        ),
        (
            ("mesh", "cell_size", 0.1),
            "mesh.cell_size, on mini_ph000, cells of the mesh: found 2000 a side, expected at most "
            "1625; use cells of 0.123 Mpc/h or more",
        ),
        (
            ("mesh", "evaluation_cell_size", 0.005),
            "mesh.evaluation_cell_size, on mini_ph000, cells .*: found 40000 a side, .* most 32767",
        ),
        (
            ("simulations", "mini_ph000", {"source": "mini", "phase": 0, "cosmology": "c999"}),
            "mini simulation 'mini_ph000': cosmology='c999'; expected one of c000, c001",
        ),
        (("scale_sets", ["R3", "R4-R2", "R2-R2.83-R4"]), "scale set 'R4-R2'.*write R2-R4"),
        (("directions", [4]), "directions: 4 is more than the 3 inputs of scale set R3"),
        (("yardsticks", ["poly-R4-R2"]), "scale set 'R4-R2'.*write R2-R4"),
        (("yardsticks", ["bins-R2-R4"]), "bins takes one smoothing scale, as bins-R2"),
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
        ({"tracers": ["N50-LRG"]}, "N50-LRG needs the section `LRG`"),
        ({"more_tracers": ["N50-ELG"]}, "N50-ELG needs the section `ELG`"),
        (
            {"tracers": ["N50", "N50-ELG"], "ELG": {}, "yardsticks": ["linear", "labels"]},
            "yardsticks: found labels with tracers: N50-ELG; expected",
        ),
        ({"more_tracers": ["N19"]}, "N19 is below mini.min_halo_particles 20"),
        ({"transfers": {"tracers": ["N19"]}}, "N19 is below mini.min_halo_particles 20"),
        ({"transfers": {"tracers": ["halos"]}}, "tracer 'halos': expected halos by"),
        ({"transfers": {"boxes": ["mini_z9"]}}, "transfers.boxes: 'mini_z9' is not among"),
        (
            {"simulations": {"mini_ph000": {"source": "local", "root": "x", "density_grid": 9,
                                            "cosmology": "c001"}}},
            "found ['cosmology', 'density_grid', 'root']; besides it may have ['cleaned', 'reds",
        ),
    ],
)  # fmt: skip
def test_tracers_and_transfers_that_do_not_fit_are_refused(change, message):
    with pytest.raises(InputError, match=re.escape(message)):
        check_config(CONFIG | change)


GADGET = {
    "source": "gadget", "root": "somewhere", "box_size": 200, "particles_per_side": 192,
    "files": {"initial": "ics.hdf5", "snapshot": "snap.hdf5", "groups": "fof.hdf5"},
}  # fmt: skip


def with_gadget(part="test", changes=None, **keys):
    """The config with a Gadget box in a part of its first set."""
    config = copy.deepcopy(CONFIG) | (changes or {})
    config["simulations"]["gadget"] = GADGET | keys
    config["training_sets"]["mini"][part] = ["gadget"]
    return config


def test_boxes_of_files_that_fit_are_taken():
    check_config(with_gadget())
    check_config(with_gadget("train", id_order="zyx", density_grid=192, redshift=1.0))
    rockstar = {"snapshot": "s", "initial": "i", "rockstar": "out_4.list"}
    check_config(with_gadget(files=rockstar, lacks=["velocities"]))
    own = {"source": "mine.py:MyBox", "files": {"anything": "a"}, "options": {"unit": "kpc"}}
    check_config(with_gadget(**own))


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"source": "gadgt"}, "simulations.gadget: found source 'gadgt', expected one of mini, lo"),
        ({"source": "gadgt"}, "did you mean gadget?"),
        ({"phase": 1}, "source gadget takes ['box_size', 'files', 'particles_per_side', 'root']"),
        ({"options": {"a": "b"}}, "besides it may have ['density_grid', 'id_order', 'lacks', 'red"),
        ({"files": {"snapshots": "x"}}, "simulations.gadget.files: found snapshots, expected name"),
        ({"particles_per_side": 2000}, "particles_per_side, points of the initial density: found "),
        ({"box_size": 201}, "does not divide the side of gadget, 201 Mpc/h"),
        ({"particles_per_side": 96, "density_grid": 192},
         "training_sets.mini: gadget has 96^3 particles in 200 Mpc/h, "
         "mini_ph000 192^3 in 200 Mpc/h; expected one particle mass"),
        ({"changes": {"scale_sets": ["R1"], "showcase": "R1"}}, "scale_sets: R1, on "),
    ],
)  # fmt: skip
def test_boxes_of_files_that_do_not_fit_are_refused(keys, message):
    with pytest.raises(InputError, match=re.escape(message)):
        check_config(with_gadget(**keys))


@pytest.mark.parametrize(
    ("part", "keys", "changes", "message"),
    [
        ("test", {"lacks": ["members"]}, {"yardsticks": ["labels"]},
         "yardsticks: labels needs the particles of each halo, which gadget (a box to test) lacks"),
        ("test", {"files": {"initial": "i", "snapshot": "s", "rockstar": "r"}},
         {"yardsticks": ["labels"]}, "which gadget (a box to test) lacks"),
        ("train", {"lacks": ["members"]}, {"variants": {"direct": {"objective": "labels"}}},
         "variants.direct.objective: labels needs the particles of each halo, which gadget"),
        ("validate", {"lacks": ["members"]}, {"tracers": ["N50-LRG"], "LRG": {}},
         "tracers: N50-LRG needs the particles of each halo, which gadget (a box to validate)"),
    ],
)  # fmt: skip
def test_labels_need_the_particles_of_halos(part, keys, changes, message):
    check_config(with_gadget(part, **keys))
    with pytest.raises(InputError, match=re.escape(message)):
        check_config(with_gadget(part, changes, **keys))


def test_two_boxes_of_one_initial_file_are_of_the_same_waves():
    config = with_gadget("train")
    config["simulations"]["later"] = GADGET | {"redshift": 1.0}
    config["training_sets"]["mini"]["test"] = ["later"]
    with pytest.raises(InputError, match=r"later has the initial waves \(somewhere/ics.hdf5\)"):
        check_config(config)


def test_published_boxes_of_another_resolution_than_others_of_their_set_are_refused():
    config = config_with("training_sets", "abacus", "test", ["mini_ph001"])
    message = "abacus: mini_ph001 has 192^3 particles in 200 Mpc/h, AbacusSummit_small_c000_ph3100"
    with pytest.raises(InputError, match=re.escape(message) + r" 1728\^3 in 500 .* one resolution"):
        check_config(config)


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
        (("colour",), 1, "^config: colour is unknown, remove it; see docs/.*/config_keys.md$"),
        (("training", "epoch"), 3, "^config: training.epoch is unknown, did you mean epochs[?]"),
        (("simulations", "tiny_ph000", "fase"), 3, "simulations.tiny_ph000.fase .* mean phase[?]"),
        (("training", "epochs"), "many", "^config: training.epochs: 'many' is not of type 'int"),
        (("training", "preset"), "sed", r"training.preset: 'sed' is not one of \['seed', 'code"),
        (("tracers",), ["N50", 50], r"^config: tracers.1: 50 is not of type 'string'; write N50;"),
        (("tracers",), "N50", r"tracers: 'N50' is not of type 'array'; write a list, \[N50\]"),
        (("tracers",), [False], "tracers.0: False .*write it in quotes .YAML reads yes and on as"),
        (("seeds",), 1, r"^config: seeds: 1 is not of type 'array'; write a list, \[1\]; see"),
        (("scale_sets",), [[4, 2]], r"scale_sets.0: \[4, 2\] is not .*; write R2-R4;"),
        (
            ("scale_sets",),
            ["R3", 2.83],
            "scale_sets.1: 2.83 is not .*; write R2.83 .several scales",
        ),
        (("showcase",), 3, "showcase: 3 is not of type 'string'; write R3"),
        (("transfers", "tracers"), [60], "transfers.tracers.0: 60 is not .*; write N60;"),
        (("simulations", "tiny_z1_c001", "cosmology"), 1, "cosmology: 1 is not .*; write c001;"),
        (
            ("simulations", "tiny_z1_c001", "cosmology"),
            "c1",
            "'c1' does not .*three digits, as c000",
        ),
        (("training", "epochs"), 2.5, "epochs: 2.5 is not of type 'integer'; write a whole number"),
        (("training", "epochs"), True, "epochs: True is not .*YAML reads yes and on as true"),
        (
            ("training", "steps"),
            "many",
            "steps: 'many' is not valid here; write a whole number .*null",
        ),
        (("redshift",), "0,5", "redshift: '0,5' is not of type 'number'; write 0.5, with a point"),
        (("deterministic",), "yes", "'yes' is not of type 'boolean'; write true or false, without"),
        (("mesh",), 5, "mesh: 5 is not of type 'object'; write keys with values"),
        (("directions",), {"pc": 2}, "directions: .* is not of type 'array'; write a list"),
        (
            ("download",),
            {"url": "ftp://x"},
            "download.url: .*write an address that begins with http",
        ),
        (
            ("simulations", "tiny-ph.0"),
            {"source": "mini", "phase": 9},
            "simulations: found the name 'tiny-ph.0', expected letters, dig.*write tiny_ph_0",
        ),
        (("simulations", "small/tiny"), {"source": "mini", "phase": 9}, "write tiny .`root` says"),
        (
            ("simulations", 2000),
            {"source": "mini", "phase": 9},
            "simulations.2000: found 2000 as a",
        ),
        (
            ("training_sets", "a-b"),
            {"train": ["a"], "validate": ["b"], "test": ["c"]},
            "training_sets: found the name 'a-b', .*; write a_b;",
        ),
        (
            ("training_sets", True),
            {"train": ["a"], "validate": ["b"], "test": ["c"]},
            "training_sets.True: found True as a name, expected .*YAML reads yes and on as true",
        ),
        (("variants", "My_1"), {"epochs": 1}, "variants: found the name 'My_1', .*; write my1;"),
        (("seeds",), None, "^config: seeds is missing, write it; see docs/.*/config_keys.md$"),
        (("device",), "gpu", "^config: device: 'gpu' is not one of"),
        (("training_sets", "tiny", "validate"), [], "validate: .. should be non-empty; write at l"),
        (("seeds",), [1, 1], "seeds: .* has non-unique elements; write each once"),
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


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ({"seeds": ["1", "2"]}, {"seeds": [1, 2]}),
        ({"directions": ["1"]}, {"directions": [1]}),
        ({"training": {"epochs": "1", "block": "10"}}, {"training": {"epochs": 1, "block": 10}}),
        ({"training": {"learning_rate": "1e-3"}}, {"training": {"learning_rate": 0.001}}),
        ({"training": {"epochs": "1e3", "adam_beta2": ".9"}},
         {"training": {"epochs": 1000, "adam_beta2": 0.9}}),
        ({"training": {"snapshot_epoch": "null", "steps": "~", "learning_rate_decay": ""}},
         {"training": {"snapshot_epoch": None, "steps": None, "learning_rate_decay": None}}),
        ({"deterministic": "true"}, {"deterministic": True}),
        ({"variants": {"more": {"modes": "3"}, "all": {"modes": "all"}}},
         {"variants": {"more": {"modes": 3}, "all": {"modes": "all"}}}),
        # names, whatever they look like
        ({"simulations": {"1e3": {"source": "mini", "phase": "0"}}},
         {"simulations": {"1e3": {"source": "mini", "phase": 0}}}),
        ({"training_sets": {"a": {"train": ["1e3", "7", "true", "null"]}}},
         {"training_sets": {"a": {"train": ["1e3", "7", "true", "null"]}}}),
        ({"showcase": "off"}, {"showcase": "off"}),
        ({"device": "true", "showcase": "1"}, {"device": "true", "showcase": "1"}),
        # nothing to be read as what is asked for
        ({"seeds": ["one", "2024-01-01", "[1]", "{", "nan"]},
         {"seeds": ["one", "2024-01-01", "[1]", "{", "nan"]}),
        ({"seeds": "1,2"}, {"seeds": "1,2"}),
    ],
)  # fmt: skip
def test_strings_of_the_command_line_are_read_as_the_schema_asks(given, read):
    before = copy.deepcopy(given)
    found = read_scalars(given, SCHEMA)
    assert repr(found) == repr(read), "1 is not True"
    assert given == before, "the config given is not changed"


def test_all_typos_in_a_config_are_told_at_once():
    config = yaml.safe_load((ROOT / "config/test.yaml").read_text())
    config["tracerz"] = config.pop("tracers")
    config["training"]["epochs"] = 0
    with pytest.raises(
        InputError, match="tracers is missing, write it; tracerz is unknown.*; training"
    ):
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


def keys_of_the_schema():
    """Every key of a config, with the section that it is in."""
    for section, said in yaml.safe_load(SCHEMA.read_text())["properties"].items():
        yield section, section
        entries = said.get("additionalProperties") or {}
        for key in {**said.get("properties", {}), **entries.get("properties", {})}:
            yield section, key


def test_every_config_is_in_the_list_of_configs():
    listed = (ROOT / "config/README.md").read_text(encoding="utf-8")
    names = [file.name for file in (ROOT / "config").glob("*.yaml")]
    assert [name for name in names if f"| `{name}` |" not in listed] == []


def test_every_key_is_explained_in_the_reference():
    reference = (ROOT / "docs/reference/config_keys.md").read_text()
    for section, key in keys_of_the_schema():
        sections = {section, "training"} if section == "variants" else {section}
        rows = re.findall(rf"^\| `(?:{'|'.join(sections)})\b.*", reference, flags=re.M)
        assert any(re.search(rf"`[^`]*\b{key}\b[^`]*`", row) for row in rows), (section, key, rows)


def test_share_of_velocities_needs_a_cell():
    config = CONFIG | {"redshift_space": {"velocity_cell": None, "own_velocity": 0.5}}
    with pytest.raises(InputError, match="redshift_space.own_velocity: found 0.5 with velocity_ce"):
        check_config(config)
