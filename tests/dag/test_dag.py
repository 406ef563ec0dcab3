"""The workflow's graph: what is planned, what an edit re-runs, what a typo says.

Plans are made in a copy of the repository whose outputs are empty files, marked as up to date by
Snakemake's own ``--touch``: no job runs, so this takes seconds.
"""

import os
import re
import shutil
import time
from pathlib import Path
from subprocess import CompletedProcess

import forked
import pytest
import yaml
from conftest import copy_repository
from lagbias.base.errors import InputError
from lagbias.config.load import checked
from lagbias.simulations.mini.record import record_simulated

ROOT = Path(__file__).parents[2]


def snakemake(folder: Path, *arguments: str) -> CompletedProcess:
    """Run Snakemake in a folder, its output captured."""
    return forked.run(forked.snakemake, *arguments, cwd=folder)


def planned(folder: Path, *arguments: str) -> dict[str, int]:
    """Number of jobs of each rule in a dry run."""
    run = snakemake(folder, "-n", *arguments)
    assert run.returncode == 0, run.stdout + run.stderr
    stats = re.findall(r"^(\w+) +(\d+)$", run.stdout + run.stderr, flags=re.M)
    return {rule: int(count) for rule, count in stats if rule not in ("total", "all")}


@pytest.fixture(scope="module")
def repository(tmp_path_factory) -> Path:
    return copy_repository(tmp_path_factory.mktemp("repository"))


def finish(folder: Path) -> None:
    """Have everything of the tiny config there and up to date, in a copy of the repository."""
    copy_repository(folder, "test")
    run = snakemake(folder, "-n", "--quiet", "rules", "--summary")
    for line in run.stdout.splitlines()[1:]:
        output = folder / line.split("\t")[0]
        if output.suffix == ".zarr":
            output.mkdir(parents=True, exist_ok=True)
        else:
            output.parent.mkdir(parents=True, exist_ok=True)
            output.touch()
    config = yaml.safe_load((ROOT / "config/test.yaml").read_text())
    for sim, simulation in config["simulations"].items():
        settings = config["mini"] | {key: config[key] for key in ("master_seed", "redshift")}
        own = {key: simulation[key] for key in simulation if key != "source"}
        record_simulated(folder / f"resources/{sim}/simulation.json", settings | own)
    # All of it, in order: a job that is not touched keeps no record of its inputs' checksums.
    touched = snakemake(folder, "--touch", "--forceall", "--cores", "1")
    assert touched.returncode == 0, touched.stdout + touched.stderr
    assert planned(folder) == {}, "a touched workflow has nothing to do"


@pytest.fixture(scope="session")
def finished_once(made_once) -> Path:
    """A copy in which everything of the tiny config is there and up to date."""
    return made_once("finished", finish)


@pytest.fixture
def finished(finished_once, tmp_path) -> Path:
    return shutil.copytree(finished_once, tmp_path / "finished")


def make_newest(file: Path) -> None:
    """Give a file a time stamp after everything else's."""
    stamp = time.time() + 100
    os.utime(file, (stamp, stamp))


def test_default_target_is_everything(repository):
    plan = planned(repository)
    assert plan["make_report"] == 1
    config = yaml.safe_load((ROOT / "config/config.yaml").read_text())
    networks = len(config["scale_sets"]) * (1 + len(config["directions"]))
    networks += len(config["more_networks"]) + config["planted"]  # the showcase, on planted halos
    trained = plan["train_network"] + plan["train_on_labels"]
    assert trained == networks * len(config["tracers"]) * len(config["seeds"])
    boxes = set(config["transfers"]["boxes"]).union(
        *(members for parts in config["training_sets"].values() for members in parts.values())
    )
    assert plan["simulate_mini"] == len(boxes) < len(config["simulations"])


def test_nothing_is_planted_where_the_config_does_not_ask_for_it(repository):
    plan = planned(repository, "--config", "planted=false", "--", "results/report.html")
    assert not {"plant_halos", "tabulate_planted"} & set(plan)
    plan = planned(repository, "results/tables/mini_N50_claims.csv")
    assert (plan["plant_halos"], plan["tabulate_planted"]) == (4, 1)  # to train, to validate


def test_one_ablation_plans_only_its_branch(repository):
    plan = planned(repository, "results/fits/mini/N50/R2-R4/seed1/weights.pt")
    assert plan["train_network"] == 1
    assert plan["orthogonalise_features"] == 1
    assert plan["compute_features"] == 2 * 4  # two scales, three training boxes and a validation
    assert not {"make_report", "compare_spectra", "find_gradient_directions"} & set(plan)


LABELS = "variants={direct: {objective: labels}}"


def test_direct_f_is_trained_on_labels_and_only_it(repository):
    folder = "results/fits/mini/N50"
    plan = planned(repository, "--config", LABELS, "--", f"{folder}/R2-R4_direct/seed1/weights.pt")
    assert (plan["label_particles"], plan["train_on_labels"]) == (4, 1)  # to train, to validate
    plan = planned(repository, "--config", LABELS, "--", f"{folder}/R2-R4/seed1/weights.pt")
    assert "label_particles" not in plan


def test_calibration_is_measured_of_any_network(repository):
    target = "results/fits/mini/N50/R2-R4/on_mini_ph004/calibration.nc"
    plan = planned(repository, target)
    assert plan["label_particles"] == 4  # of three training boxes and of the one it is judged on
    assert plan["train_network"] == 2


def test_another_spelling_of_a_yardstick_is_refused(repository):
    run = snakemake(repository, "-n", "results/fits/mini/N50/poly-R4-R2/coefficients.nc")
    assert run.returncode != 0
    assert "write R2-R4" in run.stdout + run.stderr


def test_scale_set_that_no_config_lists_is_built_when_typed(repository):
    target = "results/fits/mini/N70/R3-R6-pc1/on_mini_ph004/spectra.nc"
    plan = planned(repository, target)
    assert plan["train_network"] == 2 * 2  # two seeds, before and after projection
    assert plan["select_halos"] == 5


def test_inputs_made_by_hand_are_a_variant_of_the_inputs_alone(repository, tmp_path):
    config = yaml.safe_load((ROOT / "config/config.yaml").read_text())
    models = ["R2-R4-R8_tophat", "R2-R4-R8_even"]
    variants = {"tophat": {"tophat_radius": 2.5}, "even": {"modes": "all"}}
    config |= {"directions": [1, 2], "variants": variants, "more_networks": models}
    config |= {"scale_sets": ["R2-R4-R8"], "yardsticks": []}
    file = tmp_path / "config.yaml"
    file.write_text(yaml.safe_dump(config))
    target = "results/figures/mini_N50_by_directions.png"
    plan = planned(repository, "--configfile", str(file), "--", target)
    # All inputs, one and two directions, and both variants: the comparison is of all of them.
    assert plan["train_network"] == 5 * len(config["seeds"])
    assert plan["make_inputs_by_hand"] == 1
    assert plan["orthogonalise_features"] == 2
    target = "results/fits/mini/N50/R2-R4-R8_even/projection.nc"
    assert "make_inputs_by_hand" not in planned(repository, "--configfile", str(file), "--", target)


def test_angles_are_compared_with_other_halos_and_training_sets(repository, tmp_path):
    config = yaml.safe_load((ROOT / "config/config.yaml").read_text())
    one = {"train": ["mini_ph000"], "validate": ["mini_ph003"], "test": ["mini_ph004"]}
    config["training_sets"]["one"] = one
    config |= {"tracers": ["N50", "N70"], "scale_sets": ["R2-R4", "R3"], "showcase": "R2-R4"}
    file = tmp_path / "config.yaml"
    file.write_text(yaml.safe_dump(config))
    target = "results/tables/mini_N50_angles.csv"
    plan = planned(repository, "--configfile", str(file), "--", target)
    # Two scale sets of this case, of other halos, of the other training set.
    assert plan["find_gradient_directions"] == 2 * 3
    assert plan["measure_feature_covariance"] == 1
    # Claims of a training set are of its own networks.
    target = "results/tables/mini_N50_claims.csv"
    said = snakemake(repository, "-n", "--configfile", str(file), "--", target).stdout
    assert "results/fits/mini/N50/angles.csv" in said
    assert set(re.findall(r"results/fits/\w+/N\d+", said)) == {"results/fits/mini/N50"}


def test_yardsticks_are_typed_and_judged_as_networks_are(repository):
    target = "results/fits/mini/N70/poly-R3-R6/on_mini_ph004/spectra.nc"
    plan = planned(repository, target)
    assert plan["fit_lagrangian_bias"] == plan["predict_lagrangian_bias"] == 1
    assert plan["compute_features"] == 2 * 4  # two scales, three training boxes and the test box
    assert "train_network" not in plan
    labels = planned(repository, "results/fits/mini/N70/labels/on_mini_ph004/spectra.nc")
    assert labels["predict_labels"] == labels["simulate_mini"] == 1


def test_redshift_space_is_a_part_of_a_path(repository):
    target = "fits/mini/N50/poly-R3/on_mini_ph004/redshift_space/spectra.nc"
    plan = planned(repository, f"results/{target}")
    # Three boxes to fit on in real space; the test box displaced, and only so.
    assert plan["index_particles"] == plan["select_halos"] == 3 + 1
    assert plan["paint_matter"] == plan["predict_lagrangian_bias"] == 1
    run = snakemake(repository, "-n", "results/mini_ph004/other_space/particles.zarr")
    assert run.returncode != 0


@pytest.mark.parametrize(
    ("spelling", "advice"),
    [("R4-R2", "write R2-R4"), ("R2.0-R4", "write R2-R4"), ("R2-R2", "write R2")],
)
def test_other_spellings_of_a_scale_set_are_refused(repository, spelling, advice):
    run = snakemake(repository, "-n", f"results/fits/mini/N50/{spelling}/projection.nc")
    assert run.returncode != 0
    assert advice in run.stdout + run.stderr


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("mini_ph000/features/R2.0.zarr", "write R2"),
        ("mini_ph000/halos/N050.zarr", "No rule to produce"),
        ("mini_ph000/halos/N50-LRG.zarr", "N50-LRG needs the section `LRG`"),
        # Halos of a known f have a field and no positions.
        ("fits/mini/N50-planted/R2-R4/on_mini_ph004/spectra.nc", "No rule to produce"),
        ("fits/mini/N50-LRG/labels/on_mini_ph004/prediction.zarr", "No rule to produce"),
    ],
)
def test_a_store_has_one_spelling(repository, path, message):
    run = snakemake(repository, "-n", f"results/{path}")
    assert run.returncode != 0
    assert message in run.stdout + run.stderr


def test_a_box_in_no_set_and_at_another_redshift_is_made_where_its_path_is_typed(repository):
    plan = planned(repository, "results/fits/mini/N50/R2-R4/on_mini_z1/spectra.nc")
    assert plan["simulate_mini_z1"] == plan["predict_halo_field"] == plan["compare_spectra"] == 1
    assert plan["simulate_mini"] == 4  # the boxes of training and validation
    other = planned(repository, "results/mini_c001/halos/N50-number.zarr")
    assert other["simulate_mini"] == other["select_halos"] == 1


def test_another_tracer_is_compared_without_another_training(repository):
    folder = "results/fits/mini/N50/R2-R4/on_mini_ph004"
    plan = planned(repository, f"{folder}/transfer_to_N200.nc", f"{folder}/spectra.nc")
    assert plan["compare_transfer"] == plan["compare_spectra"] == 1
    assert plan["train_network"] == 2, "one for each seed"
    assert plan["select_halos"] == 4 + 2  # N50 of all but the test box, both of that


def test_without_transfers_their_table_is_made_where_it_is_typed(repository):
    config = ["--configfile", str(repository / "config/volume.yaml"), "--"]
    plan = planned(repository, *config, "results/tables/one_N50_transfer.csv")
    assert plan["tabulate_transfers"] == 1
    assert plan["compare_spectra"] == 2, "the showcase and a polynomial, on the first test box"


def test_further_tracers_have_a_table_of_the_showcase_alone(repository):
    tracers = ["--config", "more_tracers=[N100,N50-number]"]
    plan = planned(repository, "results/tables/mini_tracers.csv", *tracers)
    assert plan["compare_tracers"] == 1
    assert plan["train_network"] == 3 * 2 * 2, "tracers, on all inputs and two directions, seeds"
    assert plan["find_gradient_directions"] == 3
    plan = planned(repository, "results/tables/mini_N50_angles.csv", *tracers)
    assert plan["find_gradient_directions"] == 4 + 2, "scale sets, and the showcase of two tracers"


def test_galaxies_can_be_all_that_is_modelled(repository):
    """Nothing asks whether their particles are in halos."""
    changes = ["--config", "tracers=[N50-galaxies]", "more_networks=[R2-R4-R8-pc1]"]
    plan = planned(repository, *changes, "yardsticks=[linear,poly-R2-R4-R8]", "--", "all")
    assert plan["make_report"] == 1
    assert not {"measure_calibration", "label_particles"} & set(plan)


def test_boxes_that_were_made_before_others_had_a_redshift_or_cosmology_are_taken(finished):
    """Their records do not name a cosmology; one that the config adds is another box."""
    file = finished / "config/config.yaml"
    config = yaml.safe_load(file.read_text())
    config["simulations"]["tiny_ph000"] |= {"redshift": 0.5, "cosmology": "c000"}
    file.write_text(yaml.safe_dump(config, sort_keys=False))
    assert planned(finished) == {"make_report": 1}, "which holds the config"
    config["simulations"]["tiny_ph000"]["cosmology"] = "c002"
    file.write_text(yaml.safe_dump(config, sort_keys=False))
    run = snakemake(finished, "-n")
    assert run.returncode != 0
    assert "made with cosmology = None (config: c002)" in run.stdout + run.stderr


def test_galaxies_alone_hang_on_their_occupation(finished):
    file = finished / "config/config.yaml"
    config = yaml.safe_load(file.read_text())
    config["galaxies"]["alpha"] = 1.5
    file.write_text(yaml.safe_dump(config, sort_keys=False))
    plan = planned(finished)
    assert plan["draw_galaxies"] == 1
    assert not {"select_halos", "train_network", "predict_halo_field", "simulate_mini"} & set(
        plan
    ), plan


def test_steps_of_a_set_train_its_networks_again_and_fit_no_yardstick(finished):
    file = finished / "config/config.yaml"
    config = yaml.safe_load(file.read_text())
    config["training_sets"]["tiny"]["steps"] = 40
    file.write_text(yaml.safe_dump(config, sort_keys=False))
    plan = planned(finished, "results/fits/tiny/N30/R3/seed1/weights.pt")
    assert plan == {"train_network": 1}
    plan = planned(finished, "results/fits/tiny/N30/poly-R3/coefficients.nc")
    assert plan == {}


def test_touching_all_that_is_not_a_result_reruns_nothing(finished):
    for file in [*finished.rglob("workflow/**/*"), *finished.rglob("config/*")]:
        make_newest(file)
    assert planned(finished) == {}


def test_a_script_that_was_another_one_for_a_while_reruns_nothing(finished):
    """As by `git switch` to and fro: what differs is written anew, with a new time stamp."""
    file = finished / "workflow/scripts/train_network.py"
    text = file.read_text()
    file.write_text(text + "\n# edited\n")
    make_newest(file)
    assert "train_network" in planned(finished)
    file.write_text(text)
    make_newest(file)
    assert planned(finished) == {}


@pytest.mark.parametrize("copied", [True, False])
def test_without_time_stamps_of_results_they_are_marked_as_up_to_date(finished, tmp_path, copied):
    """As docs/explanation/reruns.md says, after `cp -r` or a `touch` of everything."""
    if copied:
        folder = shutil.copytree(finished, tmp_path / "copy", copy_function=shutil.copyfile)
    else:
        folder = finished
        for file in sorted(finished.rglob("*"), reverse=True):
            file.touch()
    touched = snakemake(folder, "--touch", "--cores", "1")
    assert touched.returncode == 0, touched.stdout + touched.stderr
    assert planned(folder) == {}


def edit(folder: Path, module: str, old: str, new: str) -> None:
    """Change the code of a module of the library, ``room/name``."""
    file = folder / f"workflow/scripts/lagbias/{module}.py"
    text = file.read_text()
    assert text.count(old) == 1, f"{old!r} is {text.count(old)} times in {module}"
    file.write_text(text.replace(old, new))
    make_newest(file)


FIGURES = {"plot_slices", "plot_comparison", "plot_losses", "plot_explanation"}
TRAININGS = {"train_network", "train_on_labels"}
# Rules of an edit, all of which run again, and those that must not, of all that come before them.
EDITS = {
    "a constant of galaxies": (
        ("halos/occupation", "SCATTER = 0.2", "SCATTER = 0.25"),
        {"draw_galaxies"},
        {"select_halos", *TRAININGS, "predict_halo_field"},
    ),
    "a colour": (
        ("figures/style", 'FIELD_COLOURS = "cividis"', 'FIELD_COLOURS = "viridis"'),
        {"plot_slices"},
        {"compare_spectra", *TRAININGS, "tabulate_claims", "compare_models"},
    ),
    "what nothing names": (
        ("training/loss", "def squared_residual(", "LENGTH = 1\n\n\ndef squared_residual("),
        set(),
        {"train_network"},
    ),
    "the loss of a training step": (
        ("training/loss", "lengths) - target", "lengths) - 1.0 * target"),
        TRAININGS,  # networks of labels report their loss of the field too
        {"compute_features", "index_particles", "select_halos", "fit_lagrangian_bias"},
    ),
    "the labels": (
        ("halos/labelling", "def label_of(", "def label_of(*_):\n    return 0\n\n\ndef label_was("),
        {"label_particles", "train_on_labels"},
        {"train_network", "fit_lagrangian_bias", "orthogonalise_features"},
    ),
    "inputs by hand": (
        ("projection/by_hand", "LOWEST_CORRELATION = 0.99", "LOWEST_CORRELATION = 0.98"),
        {"make_inputs_by_hand"},
        {"orthogonalise_features", "explain_model"},
    ),
    "a yardstick": (
        ("yardsticks/polynomial", "SLAB_POINTS = 500_000", "SLAB_POINTS = 400_000"),
        {"fit_lagrangian_bias"},
        {*TRAININGS, "predict_halo_field", "fit_linear_bias"},
    ),
    "spectra": (
        ("fields/shells", "SHELL_GROWTH = 0.12", "SHELL_GROWTH = 0.13"),
        {"compare_spectra"},
        {*TRAININGS, "predict_halo_field"},
    ),
    "features": (
        ("features/smoothed", "TRACELESS_BASIS = np.array(", "TRACELESS_BASIS = 1.0 * np.array("),
        {"compute_features"},
        {"simulate_mini", "index_particles", "select_halos"},
    ),
    "how halos are read": (
        ("simulations/abacus/reader", "count > more_than])\n        counts",
         "count >= 1 + more_than])\n        counts"),
        {"select_halos", "draw_galaxies"},
        {"compute_features", "index_particles", "simulate_mini", "measure_linear_power"},
    ),
    "how Gadget is read": (
        ("simulations/gadget/snapshot", "FLAT = 2e-3", "FLAT = 1e-3"),
        set(),
        {"compute_features", "index_particles", "select_halos"},
    ),
    "angles": (
        ("interpretation/angles", "SUBSPACES = (1, 2)", "SUBSPACES = (1, 2, 3)"),
        {"tabulate_angles"},
        {"find_gradient_directions", "tabulate_filters"},
    ),
    "how long a retry may take": (
        ("plan/resources", "HEADROOM = 1.15", "HEADROOM = 1.3"), set(), {"make_report"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("edited", EDITS)
def test_an_edit_reruns_what_depends_on_it_and_nothing_else(finished, edited):
    change, first, never = EDITS[edited]
    edit(finished, *change)
    plan = planned(finished)
    assert first <= set(plan), plan
    assert not never & set(plan), plan


def test_a_comment_or_a_docstring_reruns_nothing(finished):
    file = finished / "workflow/scripts/lagbias/training/loss.py"
    text = file.read_text()
    first = text.index('"""', text.index("def squared_residual"))
    file.write_text(text[: first + 3] + "Some other words. " + text[first + 3 :] + "\n# edited\n")
    make_newest(file)
    assert planned(finished) == {}


def test_a_new_yardstick_reruns_nothing_that_exists(finished):
    """A module of its own and a name among the kinds."""
    line = '"median": LagrangianKind("lagbias.yardsticks.median:Median", "its median"),'
    edit(finished, "config/yardsticks", '    "poly": ', f'    {line}\n    "poly": ')
    (finished / "workflow/scripts/lagbias/yardsticks/median.py").write_text("FIRST = 1\n")
    assert planned(finished) == {}


def test_a_finished_simulation_is_never_run_again(finished):
    for name in ("lagbias/simulations/mini/box", "simulate_mini"):
        file = finished / f"workflow/scripts/{name}.py"
        file.write_text(file.read_text() + "\n# edited\n")
        make_newest(file)
    assert planned(finished) == {}


def test_a_finished_simulation_is_not_overwritten_by_one_of_other_settings(finished):
    file = finished / "config/config.yaml"
    config = yaml.safe_load(file.read_text())
    config["mini"]["subsample"] /= 2
    file.write_text(yaml.safe_dump(config))
    run = snakemake(finished, "-n")
    assert run.returncode != 0
    said = run.stdout + run.stderr
    box, share = next(iter(config["simulations"])), config["mini"]["subsample"]
    assert f"resources/{box} was made with subsample = {2 * share:g} (config: {share:g})" in said
    assert "give the new one another name, or delete that folder" in said


def test_a_box_that_lacks_a_file_is_simulated_again(finished):
    box = next(iter(yaml.safe_load((ROOT / "config/test.yaml").read_text())["simulations"]))
    lost = next((finished / f"resources/{box}").rglob("field_rv_A_*.asdf"))
    lost.unlink()
    assert planned(finished, str(lost.relative_to(finished))) == {"simulate_mini": 1}


def test_a_pulled_warm_up_script_neither_runs_nor_hides_what_is_stale(finished):
    """Snakemake does not look behind an ``ancient`` input whose own job is to run."""
    make_newest(finished / "workflow/scripts/warm_up_simulation.py")
    edit(finished, "features/smoothed", "BASIS = np.array(", "BASIS = 1.0 * np.array(")
    plan = planned(finished)
    assert "compute_features" in plan
    assert not {"warm_up_simulation", "simulate_mini"} & set(plan)


def test_a_removed_ablation_reruns_its_branch_only(finished):
    shutil.rmtree(finished / "results/fits/tiny/N30/R3/seed1")
    plan = planned(finished, "results/fits/tiny/N30/R3/seed1/weights.pt")
    assert plan == {"train_network": 1}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seeds": []}, "seeds"),
        ({"showcase": "R5"}, "showcase"),
        ({"scale_sets": ["R4-R2"]}, "write R2-R4"),
        ({"yardsticks": ["poly-R4-R2"]}, "write R2-R4"),
        ({"yardsticks": ["quadratic-R2"]}, "yardstick 'quadratic-R2'"),
        ({"directions": [9]}, "directions: 9 is more than"),
    ],
)
def test_a_config_that_does_not_fit_is_refused_by_name(change, message):
    config = yaml.safe_load((ROOT / "config/test.yaml").read_text()) | change
    with pytest.raises(InputError, match=message):
        checked(config, ROOT / "workflow/schemas/config.schema.yaml", [], look=True)


def test_a_key_that_no_config_has_is_refused_where_snakemake_reads_it(repository, tmp_path):
    config = yaml.safe_load((ROOT / "config/test.yaml").read_text()) | {"tracerz": [50]}
    file = tmp_path / "config.yaml"
    file.write_text(yaml.safe_dump(config))
    run = snakemake(repository, "-n", "--configfile", str(file))
    assert run.returncode != 0
    assert "tracerz" in run.stdout + run.stderr


def test_numbers_and_booleans_of_the_command_line_are_those_of_a_file(finished, repository):
    """Inside lists and mappings Snakemake hands them over as strings."""
    same = ["seeds=[1,2]", "directions=[2]", "simulations={tiny_ph000: {phase: 0}}"]
    assert planned(finished, "--config", *same, "deterministic=false") == {"make_report": 1}
    three = ["seeds=[1,2,3]", "training={epochs: 3}"]
    plan = planned(repository, "--config", *three, "deterministic=true")
    assert plan["train_network"] % 3 == 0
    assert planned(finished, "--config", "training={epochs: 4}")["train_network"] > 0
    run = snakemake(finished, "-n", "--config", "training={epochs: four}")
    assert "training.epochs: 'four' is not of type 'integer'" in run.stdout + run.stderr


OTHERS = {path.name for path in (ROOT / "config").glob("*.yaml")} - {"config.yaml"}


@pytest.mark.parametrize("config", sorted(OTHERS))
def test_every_other_config_plans(repository, config):
    file, shared = repository / f"config/{config}", ROOT.parent / "shared"
    folder = {"sandbox.yaml": "abacus", "gadget.yaml": "gadget"}.get(config)
    if folder and not (shared / folder).is_dir():
        pytest.skip(f"no real data: expected ../shared/{folder} beside the repository")
    text = file.read_text().replace("../shared", str(shared))
    file.write_text(text)
    plan = planned(repository, "--configfile", str(file))
    assert plan["make_report"] == 1
    transfers = yaml.safe_load(text).get("transfers", {})
    assert ("tabulate_transfers" in plan) == any(transfers.values()), plan
