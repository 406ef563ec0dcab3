"""Checks of a config: is it as the schema says, and do its parts fit together?"""

from collections.abc import Mapping
from pathlib import Path

import jsonschema

from lagbias.base.errors import InputError
from lagbias.base.limits import (
    MOST_CELLS,
    MOST_PAINTED,
    check_block,
    check_density_grid,
    check_mesh,
    check_scale,
)
from lagbias.config.faults import faults_of, odd_keys
from lagbias.config.model import with_defaults
from lagbias.config.names import parse_network, parse_scales, parse_yardstick
from lagbias.config.numbers import read_schema
from lagbias.config.tracers import needs_occupation, parse_tracer
from lagbias.config.variants import check_variants, every_training, refused_as
from lagbias.simulations.abacus.sizes import BoxSizes
from lagbias.simulations.abacus.summit import (
    KINDS,
    check_published,
    check_sign_of_density,
    published_kind,
)
from lagbias.simulations.mini.settings import MiniSimulation, check_mesh_ratio
from lagbias.simulations.sources import Source, lacking, source_of

SEEN_PARTS = ("train", "validate")  # whose boxes decide what a network becomes
SAME_SPACING = 0.01  # of particles, in boxes of one set: 3 % of their mass
PARTS = (*SEEN_PARTS, "test")  # that a box may play in a training set


def check_schema(config: dict, schema: str | Path) -> None:
    """Hold a config against a JSON schema.

    Parameters
    ----------
    config : dict
        As in config/config.yaml.
    schema : path of a YAML file

    Raises
    ------
    InputError
        Naming every field that does not fit, what was found and what was expected.
    """
    validator = jsonschema.Draft202012Validator(read_schema(schema))
    faults = [text for error in validator.iter_errors(config) for text in faults_of(error)]
    faults += odd_keys(config)
    if faults:
        said = "; ".join(sorted(set(faults)))
        raise InputError(f"config: {said}; see docs/reference/config_keys.md")


def check_config(config: dict) -> None:
    """Check a config that has passed the schema.

    Parameters
    ----------
    config : dict
        As in config/config.yaml.

    Raises
    ------
    InputError
        Naming the first field that does not fit, what was found and what to do.
    """
    config = with_defaults(config)
    for name, simulation in config["simulations"].items():
        check_simulation(name, simulation, config)
    for name, boxes in config["training_sets"].items():
        check_training_set(name, boxes, config["simulations"])
    for scale_set in config["scale_sets"]:
        scales = parse_scales(scale_set)
        for directions in config["directions"]:
            if directions > 2 * len(scales) + 1:
                raise InputError(
                    f"directions: {directions} is more than the {2 * len(scales) + 1} inputs of "
                    f"scale set {scale_set}; use fewer directions or drop the set"
                )
    for name in config["yardsticks"]:
        parse_yardstick(name)
    check_tracers(config)
    check_transfers(config)
    if config["showcase"] not in config["scale_sets"]:
        raise InputError(
            f"showcase: {config['showcase']!r} is not among scale_sets {config['scale_sets']}; "
            "the figures that show one model show this one: name one of the sets"
        )
    velocities = config["redshift_space"]
    if velocities["velocity_cell"] is None and velocities["own_velocity"]:
        raise InputError(
            f"redshift_space.own_velocity: found {velocities['own_velocity']} with velocity_cell: "
            "null, with which particles keep all of their velocity; remove it or give a cell"
        )
    check_variants(config)
    check_members(config)
    check_boxes(config)
    check_resolution(config)


def all_tracers(config: dict) -> list[str]:
    """Tracers that networks are trained on, and those that they are compared with besides."""
    return [*config["tracers"], *config["more_tracers"], *config["transfers"]["tracers"]]


def check_tracers(config: dict) -> None:
    """Check that the tracers can be made."""
    for name in all_tracers(config):
        tracer = parse_tracer(name)
        if tracer.weighting == "galaxies" and "galaxies" not in config:
            raise InputError(
                f"tracers: {name} needs the section `galaxies`, the occupation of halos; add it, "
                "{} for its defaults"
            )
        if tracer.by_hod and tracer.weighting not in config:
            raise InputError(f"tracers: {needs_occupation(name)}")
        if tracer.by_hod and name in config["tracers"] and "labels" in config["yardsticks"]:
            raise InputError(
                f"yardsticks: found labels with tracers: {name}; expected halos or galaxies at "
                "their centres, since labels give the weight of a halo to its particles: take "
                f"labels out, or move {name} to more_tracers"
            )


def check_transfers(config: dict) -> None:
    """Check that the boxes of transfers exist and that no model has seen their waves."""
    simulations, seen = config["simulations"], {}
    for name, boxes in config["training_sets"].items():
        for part in SEEN_PARTS:
            seen |= {waves_of(box, simulations): (name, part, box) for box in boxes[part]}
    for box in config["transfers"]["boxes"]:
        if box not in simulations:
            raise InputError(
                f"transfers.boxes: {box!r} is not among the simulations {sorted(simulations)}; add "
                "it there or fix the name"
            )
        if waves_of(box, simulations) in seen:
            name, part, other = seen[waves_of(box, simulations)]
            raise InputError(
                f"transfers.boxes: {box} has the initial waves of {other}, of "
                f"training_sets.{name}.{part}; expected a box that no model has seen: take it out "
                "or give it another phase"
            )


def check_simulation(name: str, simulation: dict, config: dict) -> None:
    """Check that a simulation has what its source needs."""
    with refused_as(f"simulations.{name}"):
        source = source_of(simulation["source"])
    given = set(simulation) - {"source"}
    if not source.needs <= given <= source.needs | source.may:
        raise InputError(
            f"simulations.{name}: source {simulation['source']} takes {sorted(source.needs)}, "
            f"found {sorted(given)}; besides it may have {sorted(source.may)}"
        )
    if source.on_disk:
        check_files(name, simulation, source)
    if "density_grid" in simulation:
        check_density_grid(f"simulations.{name}.density_grid", simulation["density_grid"])
    if simulation["source"] == "https":
        redshift = simulation.get("redshift", config["redshift"])
        check_published(name, redshift, simulation["density_grid"])
    if simulation["source"] != "mini":
        check_sign_of_density(name)
    else:
        if "mini" not in config:
            raise InputError(f"simulations.{name}: source mini needs the section `mini`")
        if "_small_" in name:  # which BoxFiles looks for in a folder of its own
            raise InputError(
                f"simulations.{name}: found _small_ in the name of a box with source mini; "
                "expected it in the names of AbacusSummit's small boxes alone: take another name, "
                f"as {name.replace('_small_', '_')}"
            )
        of_all = {"redshift": config["redshift"], "master_seed": config["master_seed"]}
        own = {key: simulation[key] for key in given}
        check_mesh_ratio(MiniSimulation(name, **(config["mini"] | of_all | own)))
        lowest = min(parse_tracer(name).min_particles for name in all_tracers(config))
        if lowest < config["mini"]["min_halo_particles"]:
            raise InputError(
                f"tracers: N{lowest} is below mini.min_halo_particles "
                f"{config['mini']['min_halo_particles']}: those halos are not kept; raise the cut"
            )


def check_files(name: str, simulation: dict, source: Source) -> None:
    """Check that the files of a box have names that its source knows."""
    odd = sorted(set(simulation["files"]) - source.files)
    if source.files and odd:
        raise InputError(
            f"simulations.{name}.files: found {', '.join(odd)}, expected names of "
            f"{sorted(source.files)}; fix the name"
        )
    check_density_grid(f"simulations.{name}.particles_per_side", simulation["particles_per_side"])


def check_members(config: dict) -> None:
    """Check that boxes tell the particles of halos where something is made of them."""
    simulations, sets = config["simulations"], config["training_sets"].values()
    satellites = [f"tracers: {name}" for name in all_tracers(config) if parse_tracer(name).by_hod]
    asked = {
        "test": ["yardsticks: labels"] * ("labels" in config["yardsticks"]) + satellites,
        "validate": satellites,
        "train": satellites
        + [
            f"{field}.objective: labels"
            for field, settings in every_training(config).items()
            if settings.objective == "labels"
        ],
    }
    for part, fields in asked.items():
        without = [
            box for boxes in sets for box in boxes[part] if "members" in lacking(simulations[box])
        ]
        if fields and without:
            raise InputError(
                f"{fields[0]} needs the particles of each halo, which {without[0]} (a box to "
                f"{part}) lacks; leave it out, or use halos with lists of their particles"
            )


def check_boxes(config: dict) -> None:
    """Check that boxes hold the meshes, blocks and scales, before they are made or fetched.

    A local box is of any size, whatever its name: ``check_local_boxes`` looks into its files.
    """
    for name, simulation in config["simulations"].items():
        if simulation["source"] == "mini":
            mini = config["mini"]
            points = mini.get("density_grid", mini["particles_per_side"])
            check_box(name, mini["box_size"], points, config)
        elif simulation["source"] == "https":
            check_box(name, BoxSizes.of_name(name).box_size, simulation["density_grid"], config)
        elif "files" in simulation:
            points = simulation.get("density_grid", simulation["particles_per_side"])
            check_box(name, simulation["box_size"], points, config)


def check_resolution(config: dict, of_headers: Mapping[str, tuple[float, int]] = {}) -> None:
    """Check that the boxes of a training set have the same number of particles to a volume.

    A halo cut counts particles: at another resolution it is another mass.

    Parameters
    ----------
    config : dict
    of_headers : mapping
        Side [Mpc/h] and particles a side of local boxes, which their files say.
    """
    sizes = {
        name: (box["box_size"], box["particles_per_side"])
        for name, simulation in config["simulations"].items()
        for box in [config["mini"] if simulation["source"] == "mini" else simulation]
        if "particles_per_side" in box
    }
    published = [n for n, box in config["simulations"].items() if box["source"] == "https"]
    kinds = {name: KINDS[published_kind(name)] for name in published}
    sizes |= {name: (kind.box_size, kind.particles_per_side) for name, kind in kinds.items()}
    sizes |= of_headers
    for name, boxes in config["training_sets"].items():
        known = [box for part in PARTS for box in boxes[part] if box in sizes]
        for box in known[1:]:
            (size, points), (first_size, first_points) = sizes[box], sizes[known[0]]
            if abs(size / points * first_points / first_size - 1) > SAME_SPACING:
                raise InputError(
                    f"training_sets.{name}: {box} has {points}^3 particles in {size:g} Mpc/h, "
                    f"{known[0]} {first_points}^3 in {first_size:g} Mpc/h; expected one particle "
                    "mass, since halo cuts count particles: use boxes of one resolution"
                )


def check_box(name: str, box_size: float, points: int, config: dict) -> None:
    """Check that a box holds the meshes, blocks and scales.

    Parameters
    ----------
    name : str
    box_size : float
        [Mpc/h]
    points : int
        Of its initial density, a side.
    config : dict
    """
    for field, cell_size in config["mesh"].items():
        cells = box_size / cell_size
        if abs(cells - round(cells)) > 1e-6 * cells:
            raise InputError(
                f"mesh.{field}: {cell_size:g} Mpc/h does not divide the side of {name}, "
                f"{box_size:g} Mpc/h: found {cells:.4g} cells; use "
                f"{box_size / max(round(cells), 1):.6g}"
            )
        most = MOST_CELLS if field == "cell_size" else MOST_PAINTED
        check_mesh(f"mesh.{field}, on {name}", round(cells), box_size, most)
    for field, settings in every_training(config).items():
        with refused_as(f"{field}, on {name}"):
            check_block(settings.block, round(box_size / config["mesh"]["cell_size"]))
    for field, scales in every_scale(config).items():
        for scale in scales:
            with refused_as(f"{field}, on {name}"):
                check_scale(scale, box_size, points)


def every_scale(config: dict) -> dict[str, list[float]]:
    """Smoothing scales [Mpc/h] of all models, by the field of the config that names them."""
    return {
        **{f"scale_sets: {name}": parse_scales(name) for name in config["scale_sets"]},
        **{
            f"more_networks: {name}": parse_scales(parse_network(name).scale_set)
            for name in config["more_networks"]
        },
        **{f"yardsticks: {name}": parse_yardstick(name)[1] for name in config["yardsticks"]},
    }


def waves_of(box: str, simulations: dict) -> str:
    """What tells the initial waves of a box: phase or file of the initial density, or the name."""
    phase, files = simulations[box].get("phase"), simulations[box].get("files", {})
    if "initial" in files:
        return f"{simulations[box]['root']}/{files['initial']}"
    return box if phase is None else f"phase {phase}"


def check_training_set(name: str, boxes: dict[str, list[str]], simulations: dict) -> None:
    """Check that the boxes of a training set exist and that none plays two parts.

    Nor do two boxes of the same initial waves.
    """
    part_of: dict[str, str] = {}
    first_of: dict[str, str] = {}
    for part in PARTS:
        for box in boxes[part]:
            if box not in simulations:
                raise InputError(
                    f"training_sets.{name}.{part}: {box!r} is not among the simulations "
                    f"{sorted(simulations)}; add it there or fix the name"
                )
            if box in part_of:
                raise InputError(
                    f"training_sets.{name}: {box} is in both {part_of[box]} and {part}; a box may "
                    "train, validate or test, not two of these"
                )
            part_of[box] = part
            waves = waves_of(box, simulations)
            other = first_of.setdefault(waves, box)
            if part_of[other] != part:
                raise InputError(
                    f"training_sets.{name}.{part}: {box} has the initial waves ({waves}) of "
                    f"{other}, which is in {part_of[other]}; expected others: give one of them "
                    "another phase, or put both in one part"
                )
