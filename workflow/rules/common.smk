"""Config, wildcards and the small functions that name files."""

import ast
import os
import sys
from pathlib import Path

from snakemake.utils import validate

SCRIPTS = Path(workflow.basedir) / "workflow/scripts"
sys.path.insert(0, str(SCRIPTS))

from lagbias.layout import (
    YARDSTICKS,
    BoxFiles,
    files_per_product,
    parse_model,
    parse_scales,
    parse_yardstick,
)
from lagbias.settings import check_config
from lagbias.training_settings import settings_from

validate(config, Path(workflow.basedir) / "workflow/schemas/config.schema.yaml")
check_config(config)

SIMULATIONS = config["simulations"]
SETS = config["training_sets"]
MINI = [
    name for name, simulation in SIMULATIONS.items() if simulation["source"] == "mini"
]
TRAINING = settings_from(**config["training"])
SCALES = r"R\d+(\.\d+)?(-R\d+(\.\d+)?)*"
LAGRANGIAN = rf"poly-{SCALES}|bins(-lap|-g2)?-R\d+(\.\d+)?"


wildcard_constraints:
    sim="|".join(SIMULATIONS),
    set="|".join(SETS),
    nmin=r"\d+",
    R=r"\d+(\.\d+)?",
    scales=SCALES,
    network=rf"{SCALES}(-pc\d+)?",
    lagrangian=LAGRANGIAN,
    model=rf"{SCALES}(-pc\d+)?|{LAGRANGIAN}|{'|'.join(YARDSTICKS)}",
    K=r"[1-9]\d*",
    seed=r"\d+",


def library(*modules):
    """Files of these library modules and of all that they import: an edit re-runs their rules."""
    found, queue = [], list(modules)
    while queue:
        file = SCRIPTS / "lagbias" / f"{queue.pop(0)}.py"
        if str(file) not in found:
            found.append(str(file))
            for node in ast.walk(ast.parse(file.read_text())):
                if not isinstance(node, ast.ImportFrom):
                    continue
                if node.module == "lagbias":
                    queue += [name.name for name in node.names]
                elif (node.module or "").startswith("lagbias."):
                    queue.append(node.module.removeprefix("lagbias."))
    return sorted(str(Path(file).relative_to(workflow.basedir)) for file in found)


def density_grid(sim):
    """Points a side of the initial density of a box."""
    simulation = SIMULATIONS[sim]
    return simulation.get("density_grid") or config["mini"]["particles_per_side"]


def box_files(sim):
    """Where the files of a box lie: read in place if local, under resources/ if not."""
    root = SIMULATIONS[sim].get("root", "resources")
    return BoxFiles.under(root, sim, config["redshift"], density_grid(sim))


def source_files(sim):
    """The files of a box: what is there of a local one, what will be there of another."""
    source = SIMULATIONS[sim]["source"]
    if source == "local":
        return [str(file) for file in box_files(sim).found()]
    count = (
        config["mini"]["files_per_product"]
        if source == "mini"
        else files_per_product(sim)
    )
    return [str(file) for file in box_files(sim).expected(count)]


def particle_files(wildcards):
    return source_files(wildcards.sim)


def density_file(wildcards):
    return source_files(wildcards.sim)[0]


def features_of(boxes, wildcards):
    """Feature stores of some boxes, box after box, at the scales in a model's name."""
    if "lagrangian" in wildcards.keys():
        scales = parse_yardstick(wildcards.lagrangian)[1]
    else:
        name = wildcards.get("network", wildcards.get("scales"))
        scales = parse_scales(parse_model(name)[0])
    return [
        f"results/{box}/features/R{scale:g}.zarr" for box in boxes for scale in scales
    ]


def training_features(wildcards):
    return features_of(SETS[wildcards.set]["train"], wildcards)


def training_particles(wildcards):
    return expand("results/{box}/particles.zarr", box=SETS[wildcards.set]["train"])


def training_matter(wildcards):
    return expand("results/{box}/matter.zarr", box=SETS[wildcards.set]["train"])


def training_halos(wildcards):
    boxes = SETS[wildcards.set]["train"]
    return expand("results/{box}/halos/N{nmin}.zarr", box=boxes, nmin=wildcards.nmin)


def validation_features(wildcards):
    return features_of(SETS[wildcards.set]["validate"], wildcards)


def validation_particles(wildcards):
    return expand("results/{box}/particles.zarr", box=SETS[wildcards.set]["validate"])


def validation_halos(wildcards):
    boxes = SETS[wildcards.set]["validate"]
    return expand("results/{box}/halos/N{nmin}.zarr", box=boxes, nmin=wildcards.nmin)


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
        return f"results/{wildcards.sim}/matter.zarr"
    return "results/fits/{set}/N{nmin}/{model}/on_{sim}/prediction.zarr".format(
        **wildcards
    )
