"""Checks of a config: is it as the schema says, and do its parts fit together?"""

import re
from copy import deepcopy
from difflib import get_close_matches
from pathlib import Path

import jsonschema
import yaml

from lagbias.errors import InputError
from lagbias.layout import (
    files_per_product,
    parse_network,
    parse_scales,
    parse_tracer,
    parse_yardstick,
)
from lagbias.limits import check_block, check_scale
from lagbias.mini_settings import MiniSimulation, check_mesh_ratio
from lagbias.sizes import BoxSizes
from lagbias.variants import check_variants, every_training, refused_as

SEEN_PARTS = ("train", "validate")  # whose boxes decide what a network becomes
PARTS = (*SEEN_PARTS, "test")  # that a box may play in a training set
WITH_EXPONENT = r"[-+]?(\d+(\.\d*)?|\.\d+)[eE][-+]?\d+"


def read_scalars(config: dict, schema: str | Path) -> dict:
    """Read strings as YAML does, where the schema takes a number, a boolean or null but no string.

    Snakemake hands over what ``--config`` has inside lists and mappings as strings: ``['1', '2']``
    for ``seeds='[1,2]'``. Names stay strings, whatever they look like.

    Parameters
    ----------
    config : dict
    schema : path of a YAML file

    Returns
    -------
    dict
        A copy; strings that cannot be read so are left for ``check_schema``.
    """
    config = deepcopy(config)
    for error in list(_validator(schema).iter_errors(config)):
        if isinstance(error.instance, str) and error.validator in ("type", "anyOf", "not"):
            part = config
            *parents, last = error.absolute_path
            for key in parents:
                part = part[key]
            part[last] = _scalar(error.instance)
    return config


def _scalar(text: str) -> float | bool | str | None:
    """A number, boolean or null as in a YAML file; other text as it is.

    Of YAML 1.2, so that 1e-3 is a number as well: PyYAML, of 1.1, asks for 1.0e-3.
    """
    if re.fullmatch(WITH_EXPONENT, text):
        number = float(text)
        return int(number) if "." not in text and number.is_integer() else number
    try:
        read = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError):
        return text
    return read if read is None or isinstance(read, int | float) else text


def _validator(schema: str | Path) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(yaml.safe_load(Path(schema).read_text()))


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
    faults = [text for error in _validator(schema).iter_errors(config) for text in _faults(error)]
    if faults:
        raise InputError(f"config: {'; '.join(sorted(set(faults)))}; see config/README.md")


def _faults(error: jsonschema.ValidationError) -> list[str]:
    """What an error of the schema says of each field, in this project's words."""
    prefix = "".join(f"{part}." for part in error.absolute_path)
    if error.validator == "additionalProperties":
        known = error.schema.get("properties", {})
        unknown = [key for key in error.instance if key not in known]
        nearest = {key: get_close_matches(str(key), known, 1) for key in unknown}
        return [
            f"{prefix}{key} is unknown, " + (f"did you mean {near[0]}?" if near else "remove it")
            for key, near in nearest.items()
        ]
    if error.validator == "required":
        missing = [key for key in error.validator_value if key not in error.instance]
        return [f"{prefix}{key} is missing" for key in missing]
    return [f"{prefix.rstrip('.') or 'all of it'}: {error.message}"]


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
    check_variants(config)
    check_boxes(config)


def all_tracers(config: dict) -> list[str]:
    """Tracers that networks are trained on, and those that they are held against besides."""
    held_against = config.get("transfers", {}).get("tracers", [])
    return [*config["tracers"], *config.get("more_tracers", []), *held_against]


def check_tracers(config: dict) -> None:
    """Check that the tracers can be made."""
    for name in all_tracers(config):
        tracer = parse_tracer(name)
        if tracer.weighting == "galaxies" and "galaxies" not in config:
            raise InputError(
                f"tracers: {name} needs the section `galaxies`, the occupation of halos; add it, "
                "{} for its defaults"
            )


def check_transfers(config: dict) -> None:
    """Check that the boxes of transfers exist and that no model has seen their waves."""
    simulations, seen = config["simulations"], {}
    for name, boxes in config["training_sets"].items():
        for part in SEEN_PARTS:
            seen |= {waves_of(box, simulations): (name, part, box) for box in boxes[part]}
    for box in config.get("transfers", {}).get("boxes", []):
        if box not in simulations:
            raise InputError(
                f"transfers.boxes: {box!r} is not among the simulations {sorted(simulations)}; add "
                "it there or mend the name"
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
    source = simulation["source"]
    needs = {"mini": {"phase"}, "local": {"root", "density_grid"}, "https": {"density_grid"}}[
        source
    ]
    may = {"redshift", "cosmology"} if source == "mini" else {"redshift"}
    given = set(simulation) - {"source"}
    if not needs <= given <= needs | may:
        raise InputError(
            f"simulations.{name}: source {source} takes {sorted(needs)}, found {sorted(given)}; "
            f"besides it may have {sorted(may)}"
        )
    if source == "https":
        files_per_product(name)
    if source == "mini":
        if "mini" not in config:
            raise InputError(f"simulations.{name}: source mini needs the section `mini`")
        of_all = {"redshift": config["redshift"], "master_seed": config["master_seed"]}
        own = {key: simulation[key] for key in given}
        check_mesh_ratio(MiniSimulation(name, **(config["mini"] | of_all | own)))
        lowest = min(parse_tracer(name).min_particles for name in all_tracers(config))
        if lowest < config["mini"]["min_halo_particles"]:
            raise InputError(
                f"tracers: N{lowest} is below mini.min_halo_particles "
                f"{config['mini']['min_halo_particles']}: those halos are not kept; raise the cut"
            )


def check_boxes(config: dict) -> None:
    """Check that boxes hold the meshes, blocks and scales, before they are made or fetched.

    ASSUME: a local box is of any size, whatever its name, so that nothing is known of it here.
    """
    for name, simulation in config["simulations"].items():
        if simulation["source"] == "mini":
            mini = config["mini"]
            check_box(name, mini["box_size"], mini["particles_per_side"], config)
        elif simulation["source"] == "https":
            check_box(name, BoxSizes.of_name(name).box_size, simulation["density_grid"], config)


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
            for name in config.get("more_networks", [])
        },
        **{f"yardsticks: {name}": parse_yardstick(name)[1] for name in config["yardsticks"]},
    }


def waves_of(box: str, simulations: dict) -> str:
    """What tells the initial waves of a box: of mini boxes the phase, of others their name."""
    phase = simulations[box].get("phase")
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
                    f"{sorted(simulations)}; add it there or mend the name"
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
