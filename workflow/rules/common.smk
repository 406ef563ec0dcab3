"""Config, wildcards and the small functions that name files."""

import functools
import os
import re
from pathlib import Path

from snakemake.exceptions import WorkflowError

from lagbias import memory as peak_mb
from lagbias.abacussummit import files_per_product
from lagbias.box_contents import local_files
from lagbias.config_numbers import read_scalars
from lagbias.config_text import check_text
from lagbias.errors import InputError, StorageError
from lagbias.files import check_writable
from lagbias.layout import (
    DEFAULT_COSMOLOGY,
    YARDSTICKS,
    BoxFiles,
    modes_kept,
    parse_network,
    parse_scales,
    parse_tracer,
    parse_yardstick,
)
from lagbias.local_boxes import check_local_boxes, expand_roots
from lagbias.memory import (
    GriddedBox,
    asked_mb,
    asked_minutes,
    simulation_minutes,
)
from lagbias.settings import check_config, check_schema
from lagbias.script_times import keep_times
from lagbias.simulation_record import check_simulated
from lagbias.sizes import BoxSizes
from lagbias.training_settings import settings_from
from lagbias.variants import VARIANT_INPUTS, settings_of, training_with

SCHEMA = ROOT / "workflow/schemas/config.schema.yaml"

try:
    if workflow.is_main_process:
        for file in filter(os.path.isfile, workflow.configfiles):
            check_text(file)
    config.update(read_scalars(config, SCHEMA))
    check_schema(config, SCHEMA)
    check_config(config)
    expand_roots(config["simulations"])
    if workflow.is_main_process:
        check_local_boxes(config)
except InputError as error:
    raise WorkflowError(str(error)) from None


# Of other folders' runs a repository knows nothing, so that its scripts keep their times.
if workflow.is_main_process and not IS_MODULE and os.path.samefile(ROOT, "."):
    keep_times(
        SCRIPTS.glob("*.py"),
        Path(".snakemake/script_times.json"),
        runs=not workflow.output_settings.dryrun,
    )


# A module's would take the place of that of the outer workflow.
if not IS_MODULE:

    # Snakemake itself ends in a traceback where it cannot delete an output that it is to make.
    onstart:
        try:
            check_writable("results", "logs")
        except StorageError as error:
            raise WorkflowError(str(error))


SIMULATIONS = config["simulations"]
SETS = config["training_sets"]
MINI = [
    name for name, simulation in SIMULATIONS.items() if simulation["source"] == "mini"
]
TRAINING = settings_from(**config["training"])
VARIANTS = config.get("variants", {})
SCALES = r"R\d+(\.\d+)?(-R\d+(\.\d+)?)*"
BASE = rf"{SCALES}(_({'|'.join(VARIANTS)}))?" if VARIANTS else SCALES
# Variants whose inputs are made by hand; where there is none, a name that no variant has.
BY_HAND = [name for name in VARIANTS if "tophat_radius" in VARIANTS[name]] or ["-"]
BASE_BY_HAND = rf"{SCALES}_({'|'.join(BY_HAND)})"
BASE_OF_MODES = rf"{BASE}{''.join(f'(?<!_{name})' for name in BY_HAND)}"
TRACER = r"N[1-9]\d*(-number|-galaxies)?"
LAGRANGIAN = rf"poly-{SCALES}|bins(-lap|-g2)?-R\d+(\.\d+)?"


wildcard_constraints:
    sim="|".join(SIMULATIONS),
    set="|".join(SETS),
    # Planted halos are those of a known f, with the weights of the tracer's own.
    tracer=rf"{TRACER}(-planted)?",
    R=r"\d+(\.\d+)?",
    base=BASE,
    network=rf"{BASE}(-pc\d+)?",
    lagrangian=LAGRANGIAN,
    other=TRACER,
    model=rf"{BASE}(-pc\d+)?|{LAGRANGIAN}|{'|'.join(YARDSTICKS)}",
    K=r"[1-9]\d*",
    seed=r"0|[1-9]\d*",
    # Nothing, or the folder of what has its final positions displaced by velocities.
    space=r"(redshift_space/)?",


def density_grid(sim):
    """Points a side of the initial density of a box."""
    simulation = SIMULATIONS[sim]
    return simulation.get("density_grid") or config["mini"]["particles_per_side"]


def redshift_of(sim):
    """Redshift of the halos and particles of a box: its own, or that of all."""
    return SIMULATIONS[sim].get("redshift", config["redshift"])


def cosmology_of(sim):
    """AbacusSummit's number of the cosmology of a box; of others than mini, by the name."""
    if SIMULATIONS[sim]["source"] == "mini":
        return SIMULATIONS[sim].get("cosmology", DEFAULT_COSMOLOGY)
    named = re.search(r"_(c\d{3})_", sim)
    return named[1] if named else ""


def box_files(sim):
    """Where the files of a box lie: read in place if local, under resources/ if not."""
    root = SIMULATIONS[sim].get("root", "resources")
    return BoxFiles.under(root, sim, redshift_of(sim), density_grid(sim))


def source_files(sim):
    """The files of a box: what is there of a local one, what will be there of another."""
    source = SIMULATIONS[sim]["source"]
    if source == "local":
        return [str(file) for file in local_files(box_files(sim))]
    count = (
        config["mini"]["files_per_product"]
        if source == "mini"
        else files_per_product(sim)
    )
    return [str(file) for file in box_files(sim).expected(count)]


def simulation_settings(sim):
    settings = {
        **config["mini"],
        "master_seed": config["master_seed"],
        "redshift": redshift_of(sim),
        "phase": SIMULATIONS[sim]["phase"],
    }
    # The record of a box at the default cosmology does not name it.
    if cosmology_of(sim) != DEFAULT_COSMOLOGY:
        settings["cosmology"] = cosmology_of(sim)
    return settings


def galaxy_settings(wildcards):
    """How galaxies are drawn; nothing for other tracers, which do not hang on it."""
    weighting = parse_tracer(wildcards.tracer).weighting
    if weighting != "galaxies" or "galaxies" not in config:
        return None
    return config["galaxies"] | {"master_seed": config["master_seed"]}


def simulation_rule(redshift):
    """How the simulation of boxes to a redshift is called, plainly for that of the config."""
    suffix = f"_z{redshift:g}".replace(".", "_")
    return "simulate_mini" + (suffix if redshift != config["redshift"] else "")


def simulated(sim):
    """Is a box finished? One that was made otherwise than the config says is refused."""
    check_simulated(sim, f"resources/{sim}/simulation.json", simulation_settings(sim))
    return all(Path(file).exists() for file in source_files(sim))


def particle_files(wildcards):
    return source_files(wildcards.sim)


def density_file(wildcards):
    if "R" in wildcards.keys():
        parse_scales(f"R{wildcards.R}")  # refuses other spellings of a scale, as R2.0
    return source_files(wildcards.sim)[0]


def features_of(boxes, wildcards):
    """Feature stores of some boxes, box after box, at the scales in a model's name."""
    if "lagrangian" in wildcards.keys():
        scales = parse_yardstick(wildcards.lagrangian)[1]
    else:
        name = wildcards.get("network", wildcards.get("base"))
        scales = parse_scales(parse_network(name).scale_set)
    return [
        f"results/{box}/features/R{scale:g}.zarr" for box in boxes for scale in scales
    ]


def training_features(wildcards):
    return features_of(SETS[wildcards.set]["train"], wildcards)


def all_training_features(wildcards):
    """Feature stores of the training boxes, at the scales of all of the config's sets."""
    boxes = SETS[wildcards.set]["train"]
    return expand("results/{box}/features/R{R:g}.zarr", box=boxes, R=all_scales())


def planting_features(wildcards):
    """Features of a box at the scale at which f is planted: the smallest of the showcase."""
    return f"results/{wildcards.sim}/features/R{planting_scale():g}.zarr"


def planting_scale():
    return min(parse_scales(config["showcase"]))


def all_scales():
    return sorted({R for name in config["scale_sets"] for R in parse_scales(name)})


def training_power(wildcards):
    return expand("results/{box}/linear_power.nc", box=SETS[wildcards.set]["train"])


def training_particles(wildcards):
    return expand("results/{box}/particles.zarr", box=SETS[wildcards.set]["train"])


def test_particles(wildcards):
    return expand("results/{box}/particles.zarr", box=SETS[wildcards.set]["test"])


def training_matter(wildcards):
    return expand("results/{box}/matter.zarr", box=SETS[wildcards.set]["train"])


def training_halos(wildcards):
    boxes = SETS[wildcards.set]["train"]
    return expand(
        "results/{box}/halos/{tracer}.zarr", box=boxes, tracer=wildcards.tracer
    )


def validation_features(wildcards):
    return features_of(SETS[wildcards.set]["validate"], wildcards)


def validation_particles(wildcards):
    return expand("results/{box}/particles.zarr", box=SETS[wildcards.set]["validate"])


def validation_halos(wildcards):
    boxes = SETS[wildcards.set]["validate"]
    return expand(
        "results/{box}/halos/{tracer}.zarr", box=boxes, tracer=wildcards.tracer
    )


def training_labels(wildcards, part="train"):
    boxes = SETS[wildcards.set][part]
    return expand(
        "results/{box}/labels/{tracer}.zarr", box=boxes, tracer=wildcards.tracer
    )


def labels_to_train_on(wildcards):
    return training_labels(wildcards) if trains_on_labels(wildcards.network) else []


def labels_to_validate_on(wildcards):
    if not trains_on_labels(wildcards.network):
        return []
    return training_labels(wildcards, "validate")


def trains_on_labels(network):
    return settings_of(parse_network(network).variant, config).objective == "labels"


def training_code(wildcards):
    """Modules that a network is trained by: an edit of direct f's re-trains no other."""
    return library("direct" if trains_on_labels(wildcards.network) else "training")


def starting_weights(wildcards):
    """Weights that a training starts from: of the variant that its own one names, same seed.

    On gradient directions, which are other ones for every network, it begins anew.
    """
    scale_set, _, directions = parse_network(wildcards.network)
    settings = training_settings(wildcards.network, wildcards.set)
    start = settings_from(**settings).start
    if start is None or directions:
        return []
    return [
        "results/fits/{set}/{tracer}/{base}/seed{seed}/weights.pt".format(
            base=f"{scale_set}_{start}", **wildcards
        )
    ]


def variant_of(network, keys):
    """Those of some keys that the variant in a network's name changes, with their values."""
    changes = VARIANTS.get(parse_network(network).variant, {})
    return {key: changes[key] for key in keys if key in changes}


def gradient_of(base):
    """Whose gradients the directions of a network are of: f, or what its variant says."""
    return variant_of(base, ["gradient_of"]).get("gradient_of", "f")


def of_gradients(file):
    """A file of the fit whose gradients a projection is made of.

    It is that of a variant's own networks, but where the variant is of other gradients alone.
    """

    def path(wildcards):
        scale_set, variant, _ = parse_network(wildcards.base)
        own = VARIANTS.get(variant, {}).keys() != {"gradient_of"}
        base = wildcards.base if own else scale_set
        return f"results/fits/{wildcards.set}/{wildcards.tracer}/{base}/{file}"

    return path


def training_settings(network, training_set):
    """Preset and changes of a training: the config's, its set's and its variant's on top."""
    boxes = SETS[training_set]
    of_set = {key: boxes[key] for key in ["steps"] if key in boxes}
    changes = VARIANTS.get(parse_network(network).variant, {})
    return training_with(config["training"] | of_set, changes)


def box_features(wildcards):
    return features_of([wildcards.sim], wildcards)


def all_seeds(folder):
    """Weights of every seed of the networks in a folder."""
    return expand(
        "{folder}/seed{seed}/weights.pt",
        folder=folder,
        seed=config["seeds"],
        allow_missing=True,
    )


def prediction_of(wildcards):
    """The model field of a model; matter is its own."""
    if wildcards.model == "matter":
        return f"results/{wildcards.sim}/{wildcards.space}matter.zarr"
    return "results/fits/{set}/{tracer}/{model}/on_{sim}/{space}prediction.zarr".format(
        **wildcards
    )


def network_inputs(network):
    """Inputs of a network, as ``projection.orthogonalise`` makes them."""
    scale_set, _, directions = parse_network(network)
    count = len(parse_scales(scale_set))
    inputs = variant_of(network, VARIANT_INPUTS)
    if "tophat_radius" in inputs:
        return directions or 2
    return directions or count + modes_kept(count, inputs.get("modes"))


def box_sizes(sim):
    """Of a mini box by the config, of a local one by its files, of others by the name."""
    source = SIMULATIONS[sim]["source"]
    if source == "local":
        return BoxSizes.of_files(box_files(sim), sim)
    if source != "mini":
        return BoxSizes.of_name(sim)
    mini = config["mini"]
    particles = round(mini["subsample"] * mini["particles_per_side"] ** 3)
    return BoxSizes(mini["box_size"], particles, mini["files_per_product"])


@functools.cache
def size_of(sim):
    """A box on the grids of this config: what the memory of its jobs follows from."""
    mesh = config["mesh"]
    cell_sizes = mesh["cell_size"], mesh["evaluation_cell_size"]
    return GriddedBox(box_sizes(sim), density_grid(sim), *cell_sizes)


def sizes_of(wildcards, part="train"):
    """The same of the boxes of a training set."""
    return [size_of(sim) for sim in SETS[wildcards.set][part]]


def scales_of(wildcards):
    """How many smoothing scales a job reads: those of its network, or all of the config."""
    if "base" in wildcards.keys():
        return len(parse_scales(parse_network(wildcards.base).scale_set))
    return len(all_scales())


def halos_peak(wildcards):
    least = parse_tracer(wildcards.tracer).min_particles
    return peak_mb.select_halos(size_of(wildcards.sim), least)


def moments_peak(wildcards):
    return peak_mb.accumulate_moments(sizes_of(wildcards), scales_of(wildcards))


def training_peak(wildcards):
    return peak_mb.train_network(
        sizes_of(wildcards),
        sizes_of(wildcards, "validate"),
        inputs=network_inputs(wildcards.network),
        labels=trains_on_labels(wildcards.network),
    )


def prediction_peak(wildcards):
    return peak_mb.predict_halo_field(size_of(wildcards.sim), len(config["seeds"]))


def calibration_peak(wildcards):
    return peak_mb.measure_calibration(size_of(wildcards.sim), len(config["seeds"]))


def gradient_peak(wildcards):
    inputs = network_inputs(wildcards.base)
    return peak_mb.find_gradient_directions(sizes_of(wildcards), inputs)


def explanation_peak(wildcards):
    inputs, scales = network_inputs(wildcards.base), scales_of(wildcards)
    return peak_mb.explain_model(sizes_of(wildcards), inputs, scales)


def fitting_peak(wildcards):
    kind, scales = parse_yardstick(wildcards.lagrangian)
    return peak_mb.fit_lagrangian_bias(sizes_of(wildcards), kind, len(scales))


def memory(peak):
    """`mem_mb` of a job that takes so many MB at its peak: a number, or by its wildcards."""
    by_wildcards = peak if callable(peak) else lambda wildcards: peak
    return lambda wildcards, attempt: asked_mb(by_wildcards(wildcards), attempt)


def minutes(base):
    """`runtime` of a job: as its memory, more at each attempt."""
    return lambda wildcards, attempt: asked_minutes(base, attempt)
