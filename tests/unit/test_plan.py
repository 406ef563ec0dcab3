"""From a config to names, inputs, targets and resources, without Snakemake."""

import copy
import re
from pathlib import Path
from types import SimpleNamespace as Wildcards

import pytest
import yaml
from lagbias.base.errors import InputError
from lagbias.plan import wildcards as patterns
from lagbias.plan.inputs import (
    Inputs,
    bias_files,
    of_evaluations,
    of_fits,
    of_losses,
    of_seeds,
    planted_fit,
)
from lagbias.plan.needs import PEAK, Needs
from lagbias.plan.paths import by_model, model_of, of_models
from lagbias.plan.study import Study
from lagbias.plan.targets import (
    BOX_FIGURES,
    SET_FIGURES,
    SET_TABLES,
    figure_place,
    figures,
    models,
    planted_table,
    table_place,
    tables,
    verdicts,
)

ROOT = Path(__file__).parents[2]
CONFIG = yaml.safe_load((ROOT / "config/test.yaml").read_text())
FIT = "results/fits/tiny/N30"
CASE = Wildcards(set="tiny", tracer="N30")


def study_of(**changes) -> Study:
    return Study(CONFIG | changes)


@pytest.fixture
def study() -> Study:
    return study_of()


def test_boxes_have_their_own_redshift_and_cosmology_or_those_of_all(study):
    assert (study.redshift("tiny_ph000"), study.cosmology("tiny_ph000")) == (0.5, "c000")
    assert (study.redshift("tiny_z1_c001"), study.cosmology("tiny_z1_c001")) == (1, "c001")
    assert study.redshifts_of(study.mini_boxes()) == [0.5, 1]
    assert study.at_redshift(1, study.mini_boxes()) == ["tiny_z1_c001"]
    assert study.simulation_rule(0.5) == "simulate_mini"
    assert study.simulation_rule(1.25) == "simulate_mini_z1_25"


def test_files_of_a_mini_box_are_those_that_its_rule_makes(study):
    density, *products = study.source_files("tiny_ph001")
    assert density == "resources/ic/tiny_ph001/ic_dens_N48.asdf"
    made = [path.replace("{sim}", "tiny_ph001") for path in study.simulated_products(0.5)]
    assert products == made
    assert len(made) == 5 * CONFIG["mini"]["files_per_product"]


def test_networks_are_scale_sets_then_directions_then_more(study):
    expected = ["R3", "R2-R4", "R3-pc2", "R2-R4-pc2", "R2-R4-pc1", "R2-R4_direct", "R2-R4_tophat"]
    assert study.networks() == expected
    assert study.all_models() == ["matter", *CONFIG["yardsticks"], *expected]
    assert study.showcase_directions() == ["R2-R4-pc1", "R2-R4-pc2"]
    by_directions = ["R2-R4-pc1", "R2-R4-pc2", "R2-R4", "R2-R4_tophat"]
    assert study.models_by_directions() == by_directions
    assert study.calibrated_models() == ["R2-R4", "R2-R4_direct"]
    assert study.all_scales() == [2, 3, 4]


@pytest.mark.parametrize(
    ("network", "inputs"),
    [("R3", 3), ("R2-R4", 5), ("R2-R4-pc2", 2), ("R2-R4_tophat", 2), ("R2-R4_tophat-pc1", 1)],
)
def test_inputs_of_a_network_follow_from_its_name(study, network, inputs):
    assert study.network_inputs(network) == inputs


def test_a_training_is_that_of_config_set_and_variant(study):
    assert study.training("R3", "tiny") == CONFIG["training"]
    assert study.training("R2-R4_direct", "tiny")["objective"] == "labels"
    sets = {"tiny": CONFIG["training_sets"]["tiny"] | {"steps": 40}}
    assert study_of(training_sets=sets).training("R3-pc2", "tiny")["steps"] == 40


def test_features_come_box_after_box_and_scale_after_scale(study):
    inputs, boxes = Inputs(study), CONFIG["training_sets"]["tiny"]["train"]
    expected = [f"results/{sim}/features/R{R}.zarr" for sim in boxes for R in (2, 4)]
    of_network = Wildcards(set="tiny", network="R2-R4_direct-pc1")
    assert inputs.features_of("train")(of_network) == expected
    assert inputs.training_features(Wildcards(set="tiny", base="R2-R4")) == expected
    assert inputs.features_to_fit(Wildcards(set="tiny", lagrangian="poly-R2-R4")) == expected
    assert inputs.planting_features(Wildcards(sim="a")) == "results/a/features/R2.zarr"
    halos = inputs.of_boxes("halos/{tracer}.zarr", "validate")
    assert halos(CASE) == ["results/tiny_ph002/halos/N30.zarr"]


def test_files_of_models_come_in_the_order_of_the_models(study):
    assert of_fits("a.nc", ["x", "y"]) == [
        f"results/fits/{{set}}/{{tracer}}/{m}/a.nc" for m in "xy"
    ]
    assert of_evaluations("a.nc", ["x"]) == ["results/fits/{set}/{tracer}/x/on_{sim}/a.nc"]
    assert of_seeds("f", study) == ["f/seed1/weights.pt", "f/seed2/weights.pt"]
    losses = [path.format(set="tiny", tracer="N30") for path in of_losses(study, ["x", "y"])]
    assert losses == [f"{FIT}/{m}/seed{s}/losses.csv" for m in "xy" for s in (1, 2)]
    assert by_model(losses) == {"x": losses[:2], "y": losses[2:]}
    paths = Inputs(study).on_test_boxes("spectra.nc", ["linear", "R3"])(CASE)
    assert of_models(paths) == {m: f"{FIT}/{m}/on_tiny_ph003/spectra.nc" for m in ("linear", "R3")}
    assert model_of(paths[1]) == "R3"
    with pytest.raises(ValueError, match="several files of x"):
        of_models(losses)


def test_summary_is_of_the_evaluation_table_or_of_spectra_on_a_box_that_it_has_not(study):
    on_box = Inputs(study).evaluation_on_box
    case = {"set": "tiny", "tracer": "N30"}
    table = "results/tables/tiny_N30_evaluation.csv"
    assert on_box(Wildcards(sim="tiny_ph003", **case)) == [table]
    spectra = on_box(Wildcards(sim="tiny_ph002", **case))
    assert spectra[0] == f"{FIT}/matter/on_tiny_ph002/spectra.nc"
    assert len(spectra) == len(study.all_models())


def test_matter_is_its_own_prediction(study):
    prediction = Inputs(study).prediction
    case = {"set": "tiny", "tracer": "N30", "sim": "box", "space": "redshift_space/"}
    assert prediction(Wildcards(model="matter", **case)) == "results/box/redshift_space/matter.zarr"
    expected = f"{FIT}/R3/on_box/redshift_space/prediction.zarr"
    assert prediction(Wildcards(model="R3", **case)) == expected


def test_transfers_are_on_other_boxes_then_against_other_tracers(study):
    inputs = Inputs(study)
    paths, cases = inputs.transfers(CASE), inputs.transfer_cases(CASE)
    assert len(paths) == len(cases) == 2 * (2 + 4)  # two models; N60 has models of its own
    assert paths[:2] == [
        f"{FIT}/R2-R4/on_tiny_ph003/spectra.nc", f"{FIT}/R2-R4/on_tiny_z1_c001/spectra.nc",
    ]  # fmt: skip
    assert (cases[1]["redshift"], cases[1]["cosmology"]) == (1, "c001")
    assert f"{FIT}/R2-R4/on_tiny_ph003/transfer_to_N30-galaxies.nc" in paths
    assert len(inputs.transfer_halos(CASE)) == len(paths)


def test_angles_are_compared_with_those_of_other_halos(study):
    paths = Inputs(study).of_compared_fits("gradient_pca.nc")(CASE)
    # Of the tracer that is fitted at the showcase alone, that one.
    assert paths == [
        f"{FIT}/R3/gradient_pca.nc", f"{FIT}/R2-R4/gradient_pca.nc",
        "results/fits/tiny/N60/R2-R4/gradient_pca.nc",
    ]  # fmt: skip


def test_figures_and_tables_are_those_of_the_registries(study):
    drawn, written = figures(study), tables(study)
    assert len(drawn) == len(set(drawn)) == 2 * (len(BOX_FIGURES) + len(SET_FIGURES))
    assert "results/figures/tiny_N30_on_tiny_ph003_full_against_pc2.pdf" in drawn
    assert len(written) == len(set(written)) == len(SET_TABLES) + 2  # tracers, a summary
    assert verdicts(study) == ["results/tables/tiny_N30_verdicts.csv"]


def test_what_a_config_does_not_ask_for_is_not_made():
    none = {"boxes": [], "tracers": []}
    less = study_of(
        planted=False, more_tracers=[], directions=[2], more_networks=[], transfers=none
    )
    names = " ".join([*figures(less), *tables(less)])
    assert not re.search("planted|tracers|transfer|by_directions", names)
    assert planted_table(less) == []
    galaxies = study_of(tracers=["N30-galaxies"])
    assert not any("calibration" in path for path in figures(galaxies))


@pytest.mark.parametrize("name", [*BOX_FIGURES, *SET_FIGURES])
def test_every_figure_has_a_caption_and_labels(name):
    place = figure_place(name)
    caption = ROOT / "workflow/rules" / place["caption"]
    assert caption.resolve().is_file()
    assert ("box" in place["labels"]) == (name in BOX_FIGURES)


@pytest.mark.parametrize("name", [*SET_TABLES, "summary", "tracers"])
def test_every_table_has_a_caption_and_labels(name):
    place = table_place(name)
    assert (ROOT / "workflow/rules" / place["caption"]).resolve().is_file()
    assert place["labels"]["table"]
    assert ("halos" in place["labels"]) == (name != "tracers")


def test_a_network_has_one_rule_that_trains_it_and_one_that_makes_its_inputs(study):
    trainings = [patterns.networks(study, labels=labels) for labels in (False, True)]
    for network in study.networks():
        found = [bool(re.fullmatch(pattern, network)) for pattern in trainings]
        assert found == [not study.trains_on_labels(network), study.trains_on_labels(network)]
    for base in ("R3", "R2-R4_direct", "R2-R4_tophat"):
        found = [bool(re.fullmatch(p(study), base)) for p in (patterns.of_modes, patterns.by_hand)]
        assert found == [base != "R2-R4_tophat", base == "R2-R4_tophat"]
    assert not re.fullmatch(patterns.by_hand(study_of(variants={})), "R3")


@pytest.mark.parametrize(
    ("wildcard", "matched", "refused"),
    [
        ("tracer", ["N50", "N50-number", "N50-galaxies", "N5-planted"], ["N0", "N50-mass", "50"]),
        ("R", ["2", "2.83"], ["2.", "-1"]),
        ("network", ["R2", "R2-R4_direct-pc2"], ["R2_other", "R2-pc0"]),
        ("lagrangian", ["poly-R2-R4", "bins-lap-R2", "bins-R2"], ["bins-R2-R4", "poly"]),
        ("model", ["matter", "linear", "labels", "poly-R2", "R2-R4-pc1"], ["nothing"]),
        ("space", ["", "redshift_space/"], ["real_space/"]),
    ],
)
def test_wildcards_are_what_paths_may_be(study, wildcard, matched, refused):
    pattern = patterns.constraints(study)[wildcard]
    assert all(re.fullmatch(pattern, text) for text in matched)
    assert not any(re.fullmatch(pattern, text) for text in refused)


def test_a_second_attempt_asks_for_twice_as_much(study):
    case = Wildcards(
        set="tiny", sim="tiny_ph000", tracer="N30", network="R2-R4", base="R2-R4",
        lagrangian="poly-R2-R4", space="redshift_space/",
    )  # fmt: skip
    for rule in PEAK:
        asked = Needs(study).of(rule)
        memory = [asked["mem_mb"](case, attempt) for attempt in (1, 2)]
        assert 2 * memory[0] - 1 <= memory[1] <= 2 * memory[0], rule
        assert asked["runtime"](case, 2) == 2 * asked["runtime"](case, 1), rule


def test_biases_and_planted_fits_are_of_the_showcase(study):
    assert planted_fit(study) == "results/fits/{set}/{tracer}-planted/R2-R4"
    files = bias_files(study)
    assert files["explanations"] == ["results/fits/{set}/{tracer}/R2-R4/explain.nc"]
    assert files["coefficients"] == ["results/fits/{set}/{tracer}/poly-R3/coefficients.nc"]
    assert bias_files(study_of(yardsticks=["labels"]))["linear"] == []


def test_gaussians_of_the_showcase_are_explained_besides_it(study):
    assert study.explained() == ["R2-R4"]
    gaussian = {"form": "gaussian"}
    study = study_of(
        variants=CONFIG["variants"]
        | {"gauss": gaussian, "oneinput": gaussian | {"kinds": ["delta"], "modes": 1}},
        more_networks=[
            "R2-R4_direct", "R2-R4_gauss", "R2-R4_gauss-pc2", "R3_gauss", "R2-R4_oneinput",
        ],
    )  # fmt: skip
    # Not on other scales, on directions or of one input.
    assert study.explained() == ["R2-R4", "R2-R4_gauss"]
    files = [f"results/fits/{{set}}/{{tracer}}/{name}/explain.nc" for name in study.explained()]
    assert bias_files(study)["explanations"] == files
    # Where every training is a Gaussian, the showcase is not named a second time.
    everywhere = study_of(training=CONFIG["training"] | gaussian, more_networks=["R2-R4_tophat"])
    assert everywhere.explained() == ["R2-R4", "R2-R4_tophat"]


def test_without_members_or_velocities_less_is_made():
    """Of a test box that lacks them: no calibration, nothing in redshift space."""
    whole, lacking = study_of(), copy.deepcopy(CONFIG)
    lacking["simulations"]["elsewhere"] = {
        "source": "mine.py:MyBox", "root": ".", "files": {"all": "a.npz"}, "box_size": 50,
        "particles_per_side": 32, "lacks": ["members", "velocities"],
    }  # fmt: skip
    for boxes in lacking["training_sets"].values():
        boxes["test"] = ["elsewhere"]
    study = Study(lacking)
    assert whole.models_in_redshift_space()
    assert not study.models_in_redshift_space()
    assert any("calibration" in path for path in figures(whole))
    assert not any("calibration" in path for path in figures(study))


@pytest.mark.parametrize(
    "changes",
    [
        {"lacks": ["members"]},
        {"source": "gadget", "files": {"initial": "i", "snapshot": "s", "rockstar": "out.list"}},
    ],
)
def test_calibration_needs_the_particles_of_halos_of_training_boxes(changes):
    box = {
        "source": "mine.py:MyBox", "root": ".", "files": {"all": "a.npz"}, "box_size": 50,
        "particles_per_side": 32, **changes,
    }  # fmt: skip
    trained = CONFIG["training_sets"]["tiny"] | {"train": ["tiny_ph000", "elsewhere"]}
    study = study_of(
        simulations=CONFIG["simulations"] | {"elsewhere": box}, training_sets={"tiny": trained}
    )
    assert not any("calibration" in path for path in figures(study))
    case = {"set": "tiny", "tracer": "N30", "network": "R2-R4"}
    message = r"calibration of R2-R4 \(tiny\) on tiny_ph003: .* particles of each halo, which elsew"
    with pytest.raises(InputError, match=message):
        Inputs(study).training_labels(Wildcards(sim="tiny_ph003", **case))
    with pytest.raises(InputError, match="labels of N30: needs the particles of each halo"):
        Inputs(study).member_files(Wildcards(sim="elsewhere", **case))


def test_a_typed_path_that_the_config_does_not_allow_is_told_why():
    study = study_of(variants={"density": {"kinds": ["delta"]}})
    with pytest.raises(InputError, match="N50-LRG needs the section `LRG`.*; add it"):
        Inputs(study).occupation(Wildcards(tracer="N50-LRG"))
    of_two = Wildcards(set="tiny", base="R2-R4_density")
    assert Inputs(study).features_to_explain(of_two) == Inputs(study).training_features(of_two)
    with pytest.raises(InputError, match="R2_density: found 1 input, expected two or more"):
        Inputs(study).features_to_explain(Wildcards(set="tiny", base="R2_density"))


def test_a_box_of_files_is_planned_from_what_the_config_says(tmp_path):
    for number in range(3):
        (tmp_path / f"snapshot.{number}.hdf5").touch()
    (tmp_path / "ics.hdf5").touch()
    gadget = {
        "source": "gadget", "root": str(tmp_path), "box_size": 120, "particles_per_side": 96,
        "files": {"initial": "ics.hdf5", "snapshot": "snapshot.*.hdf5"}, "id_order": "zyx",
    }  # fmt: skip
    study = study_of(simulations=CONFIG["simulations"] | {"gadget": gadget})
    box, inputs = study.planned("gadget"), Inputs(study)
    assert len(study.source_files("gadget")) == 4
    assert box.density_files() == [str(tmp_path / "ics.hdf5")]
    assert (study.density_grid("gadget"), box.sizes().particles) == (96, 96**3)
    asked = inputs.box(Wildcards(sim="gadget"))
    assert asked["reader"].endswith(":GadgetBox")
    assert asked["options"] == {"id_order": "zyx"}
    assert inputs.reader("halos")(Wildcards(sim="gadget")).endswith(":GadgetBox.halos")
    # Another catalogue of halos is no other density and no other particles.
    case, of_groups = Wildcards(sim="gadget"), {"groups": "snapshot.0.hdf5"}
    named = gadget | {"files": gadget["files"] | of_groups}
    with_groups = Inputs(study_of(simulations=CONFIG["simulations"] | {"gadget": named}))
    assert with_groups.box_without_halos(case) == inputs.box_without_halos(case) == asked
    assert with_groups.particle_files(case) == inputs.source_files(case)
    assert with_groups.box(case)["paths"]["groups"] == [str(tmp_path / "snapshot.0.hdf5")]
    assert len(with_groups.source_files(case)) == 5
    (tmp_path / "ics.hdf5").rename(tmp_path / "ic.hdf5")
    with pytest.raises(InputError, match=r"files.initial: no file .*did you mean ic.hdf5\?"):
        study.source_files("gadget")


def test_model_files_are_those_of_the_showcase_and_its_directions():
    study = study_of(more_networks=["R2-R4-pc1", "R2-R4_direct"])
    names = ["R2-R4", "R2-R4-pc1", "R2-R4-pc2"]
    assert models(study) == [
        f"results/models/tiny_N30_{name}.{suffix}"
        for name in names
        for suffix in ("safetensors", "md")
    ]


def test_card_of_a_model_names_its_boxes_and_its_training(study):
    case = Wildcards(set="tiny", tracer="N30", network="R2-R4_direct-pc2")
    told = Inputs(study).trained_on(case)
    assert told["training_boxes"] == ["tiny_ph000", "tiny_ph001"]
    assert told["test_boxes"] == ["tiny_ph003"]
    assert (told["sources"], told["cosmologies"]) == (["mini"], ["c000"])
    assert told["training"]["objective"] == "labels"
    expected = [f"{FIT}/R2-R4_direct-pc2/on_tiny_ph003/spectra.nc"]
    assert Inputs(study).spectra_of_network(case) == expected


def test_directions_are_filters_where_inputs_are_features_and_the_halo_field_is_learnt():
    """Of the scale sets and of variants on their own inputs, not of labels or a top-hat."""
    variants = {
        "noshear": {"kinds": ["delta", "laplacian"]}, "direct": {"objective": "labels"},
        "tophat": {"tophat_radius": 2.5},
    }  # fmt: skip
    networks = [f"R2-R4_{name}" for name in variants]
    study = study_of(variants=variants, more_networks=[*networks, "R2-R4_noshear-pc1"])
    assert study.networks_of_features() == [*study.scale_sets, "R2-R4_noshear"]
