"""Checks of a config: is it as the schema says, and do its parts fit together?"""

from difflib import get_close_matches
from pathlib import Path

import jsonschema
import yaml

from lagbias.errors import InputError
from lagbias.layout import (
    files_per_product,
    modes_kept,
    parse_network,
    parse_scales,
    parse_tracer,
    parse_yardstick,
)
from lagbias.training_settings import TrainingSettings, settings_from

PARTS = ("train", "validate", "test")  # that a box may play in a training set
VARIANT_INPUTS = ("modes", "tophat_radius")  # what a variant changes besides its training


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
    validator = jsonschema.Draft202012Validator(yaml.safe_load(Path(schema).read_text()))
    faults = [text for error in validator.iter_errors(config) for text in _faults(error)]
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
    check_variants(config)
    if config["showcase"] not in config["scale_sets"]:
        raise InputError(
            f"showcase: {config['showcase']!r} is not among scale_sets {config['scale_sets']}; "
            "the figures that show one model show this one: name one of the sets"
        )


def all_tracers(config: dict) -> list[str]:
    """Tracers that networks are trained on, and those that they are held against besides."""
    held_against = config.get("transfers", {}).get("tracers", [])
    return [*config["tracers"], *config.get("more_tracers", []), *held_against]


def check_tracers(config: dict) -> None:
    """Check that the tracers can be made, and that the boxes of transfers exist."""
    for name in all_tracers(config):
        tracer = parse_tracer(name)
        if tracer.weighting == "galaxies" and "galaxies" not in config:
            raise InputError(
                f"tracers: {name} needs the section `galaxies`, the occupation of halos; add it, "
                "{} for its defaults"
            )
    for name in config.get("transfers", {}).get("boxes", []):
        if name not in config["simulations"]:
            raise InputError(
                f"transfers.boxes: {name!r} is not among the simulations "
                f"{sorted(config['simulations'])}; add it there or mend the name"
            )


def check_starts(config: dict) -> None:
    """Check that every training that starts from another has one, and that none goes in circles."""
    variants = config.get("variants", {})
    if config["training"].get("start") is not None:
        raise InputError(
            f"training.start: found {config['training']['start']!r} for every network, so for the "
            "one that they start from too; name it in a variant instead"
        )
    for name in variants:
        passed, start = [name], variants[name].get("start")
        while start is not None:
            if start not in variants:
                raise InputError(
                    f"variants.{passed[-1]}.start: {start!r} is not among the variants "
                    f"{sorted(variants)}; it names the one whose networks this training starts from"
                )
            if start in passed:
                raise InputError(
                    f"variants.{name}.start: {' -> '.join([*passed, start])} goes in a circle; let "
                    "one of them start from nothing"
                )
            passed.append(start)
            start = variants[start].get("start")


def check_variants(config: dict) -> None:
    """Check the variants of the training and the networks that are to be trained so."""
    variants = config.get("variants", {})
    check_starts(config)
    for name, changes in variants.items():
        if set(VARIANT_INPUTS) <= set(changes):
            raise InputError(
                f"variants.{name}: found both {' and '.join(VARIANT_INPUTS)}; the inputs with a "
                "top-hat are two, made by hand, and no modes are kept: remove one of these keys"
            )
        try:
            settings_from(**config["training"] | _training_of(changes))
        except InputError as error:
            raise InputError(f"variants.{name}: {error}") from error
    for name in config.get("more_networks", []):
        scale_set, variant, directions = parse_network(name)
        if variant is not None and variant not in variants:
            raise InputError(
                f"more_networks: {name} is of no variant among {sorted(variants)}; add {variant!r} "
                "to the variants or mend the name"
            )
        changes, scales = variants.get(variant, {}), len(parse_scales(scale_set))
        inputs = scales + modes_kept(scales, changes.get("modes"))
        if "tophat_radius" in changes:
            inputs = 2
        if directions and directions > inputs:
            raise InputError(
                f"more_networks: {name} is on {directions} of {inputs} inputs; use fewer directions"
            )
        check_labels(name, settings_from(**config["training"] | _training_of(changes)), config)


def _training_of(changes: dict) -> dict:
    """The changes of a variant that are of its training."""
    other = {*VARIANT_INPUTS, "gradient_of"}
    return {key: changes[key] for key in changes if key not in other}


def check_labels(name: str, settings: TrainingSettings, config: dict) -> None:
    """Refuse a network that learns which particles are in halos where galaxies are the tracer."""
    galaxies = [t for t in config["tracers"] if parse_tracer(t).weighting == "galaxies"]
    if settings.objective == "labels" and galaxies:
        raise InputError(
            f"more_networks: {name} learns which particles end in halos, which {galaxies[0]} does "
            "not say; take one of the two out"
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
        check_meshes(config)
        lowest = min(parse_tracer(name).min_particles for name in all_tracers(config))
        if lowest < config["mini"]["min_halo_particles"]:
            raise InputError(
                f"tracers: N{lowest} is below mini.min_halo_particles "
                f"{config['mini']['min_halo_particles']}: those halos are not kept; raise the cut"
            )


def check_meshes(config: dict) -> None:
    """Check that the cells of both meshes divide a mini box, before it is simulated."""
    box_size = config["mini"]["box_size"]
    for field, cell_size in config["mesh"].items():
        cells = box_size / cell_size
        if abs(cells - round(cells)) > 1e-6 * cells:
            raise InputError(
                f"mesh.{field}: {cell_size:g} Mpc/h does not divide mini.box_size {box_size:g}: "
                f"found {cells:.4g} cells; use {box_size / max(round(cells), 1):.6g}"
            )


def check_training_set(name: str, boxes: dict[str, list[str]], simulations: dict) -> None:
    """Check that the boxes of a training set exist and that none plays two parts."""
    part_of: dict[str, str] = {}
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
