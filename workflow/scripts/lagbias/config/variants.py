"""Variants of a config: other trainings and inputs of networks, and whether they fit together."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields

from lagbias.base.errors import InputError
from lagbias.config.model import VariantInputs
from lagbias.config.names import FEATURE_KINDS, modes_kept, parse_network, parse_scales
from lagbias.config.tracers import parse_tracer
from lagbias.config.training import TrainingSettings, settings_from

VARIANT_INPUTS = tuple(key.name for key in fields(VariantInputs))


@contextmanager
def refused_as(field: str) -> Iterator[None]:
    """Begin what a check says with the field of the config that it is of."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{field}: {error}") from error


def training_with(training: dict, changes: dict) -> dict:
    """Preset and changes of the training of a variant.

    Parameters
    ----------
    training : dict
        What the config says of every training.
    changes : dict
        The variant; empty for the training as configured.

    Returns
    -------
    dict
        Of ``settings_from``. A variant that names a preset starts from that preset alone.
    """
    own = {key: changes[key] for key in changes if key not in VARIANT_INPUTS}
    if "preset" in own:
        return own
    if "epochs" in own:  # steps would go before them
        own = {"steps": None} | own
    return training | own


def settings_of(variant: str | None, config: dict) -> TrainingSettings:
    """How the networks of a variant are trained, or of none; ``steps`` of a set apart."""
    changes = config["variants"].get(variant, {})
    return settings_from(**training_with(config["training"], changes))


def every_training(config: dict) -> dict[str, TrainingSettings]:
    """How networks are trained, by the field of the config that says so."""
    variants = {f"variants.{name}": settings_of(name, config) for name in config["variants"]}
    return {"training": settings_of(None, config)} | variants


def network_inputs(scales: int, changes: Mapping) -> int:
    """Inputs of a network at so many scales whose variant makes these changes."""
    kinds = changes.get("kinds", FEATURE_KINDS)
    return sum(modes_kept(scales, changes.get("modes"), kinds))


def check_variants(config: dict) -> None:
    """Check the variants of the training and the networks that are to be trained so.

    Raises
    ------
    InputError
        Naming the first field that does not fit, what was found and what to do.
    """
    settings_of(None, config)  # refuses what is out of its range
    for name, changes in config["variants"].items():
        given = [key for key in VARIANT_INPUTS if key in changes]
        if "tophat_radius" in given and len(given) > 1:
            raise InputError(
                f"variants.{name}: found both {' and '.join(given)}; the inputs with a "
                "top-hat are two, made by hand, and no modes are kept: remove one of these keys"
            )
        with refused_as(f"variants.{name}"):
            settings_of(name, config)
            modes_kept(1, kinds=changes.get("kinds", FEATURE_KINDS))
    for name in config["more_networks"]:
        check_network(name, config)
    check_labels(config)


def check_network(name: str, config: dict) -> None:
    """Check that a network besides the scale sets is of a variant, has its inputs and is new."""
    variants = config["variants"]
    scale_set, variant, directions = parse_network(name)
    if variant is not None and variant not in variants:
        raise InputError(
            f"more_networks: {name} is of no variant among {sorted(variants)}; add {variant!r} "
            "to the variants or fix the name"
        )
    changes, scales = variants.get(variant, {}), len(parse_scales(scale_set))
    inputs = 2
    if "tophat_radius" not in changes:
        with refused_as(f"more_networks: {name}"):
            inputs = network_inputs(scales, changes)
    if directions and directions > inputs:
        raise InputError(
            f"more_networks: {name} is on {directions} of {inputs} inputs; use fewer directions"
        )


def check_labels(config: dict) -> None:
    """Refuse networks that learn which particles are in halos where the tracer does not say it."""
    if config["planted"] and settings_of(None, config).objective == "labels":
        raise InputError(
            "planted: found true with training.objective: labels; expected field, since halos of a "
            "known f have no particles to learn from: leave `planted` out, or learn from labels in "
            "a variant"
        )
    every = [*config["scale_sets"], *config["more_networks"]]
    trained = {name: every for name in config["tracers"]}
    # The showcase alone is fitted to these, plain and on its directions.
    trained |= {
        name: [config["showcase"]] for name in config["more_tracers"] if name not in trained
    }
    for tracer, networks in trained.items():
        if parse_tracer(tracer).of_galaxies:
            for network in networks:
                check_no_labels(network, tracer, config)


def check_no_labels(network: str, tracer: str, config: dict) -> None:
    """Refuse a network of galaxies that learns which particles are in halos."""
    variant = parse_network(network).variant
    if settings_of(variant, config).objective == "labels":
        own = config["variants"].get(variant, {})
        source = f"variants.{variant}" if "objective" in own else "training"
        raise InputError(
            f"{source}.objective: found labels, of the training of {network}; expected field, "
            f"since {tracer} does not say which particles end in halos: take the network or "
            "the tracer out"
        )
