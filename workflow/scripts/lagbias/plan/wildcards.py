"""What the wildcards of paths may be, as regular expressions."""

from lagbias.config.names import YARDSTICKS
from lagbias.config.tracers import HOD_TRACERS
from lagbias.config.yardsticks import KINDS
from lagbias.plan.study import Study

SCALE = r"\d+(\.\d+)?"
SCALES = rf"R{SCALE}(-R{SCALE})*"
HALOS = r"N[1-9]\d*(-number)?"
GALAXIES = r"N[1-9]\d*-galaxies"
HOD_GALAXIES = rf"N[1-9]\d*-({'|'.join(HOD_TRACERS)})"
TRACER = rf"({HALOS}|{GALAXIES}|{HOD_GALAXIES})"
NUMBER = r"[1-9]\d*"
NOTHING = r"(?!)"  # matches no text at all


def one_of(names: list[str]) -> str:
    """Any of some names; of none, what nothing matches."""
    return "|".join(names) or NOTHING


def lagrangian() -> str:
    """Yardsticks that give every Lagrangian point an f."""
    of_one = one_of([name for name, kind in KINDS.items() if not kind.several_scales])
    of_several = one_of([name for name, kind in KINDS.items() if kind.several_scales])
    return rf"({of_several})-{SCALES}|({of_one})-R{SCALE}"


def base(variants: list[str]) -> str:
    """Scale sets, plain or with one of some variants."""
    return rf"{SCALES}(_({one_of(variants)}))?"


def networks(study: Study, labels: bool) -> str:
    """Networks that learn which particles end in halos, or those that learn the halo field."""
    own = [name for name in study.variants if study.learns_labels(name) == labels]
    variant = rf"_({one_of(own)})"
    plain = study.learns_labels(None) == labels
    return rf"{SCALES}({variant}){'?' if plain else ''}(-pc{NUMBER})?"


def by_hand(study: Study) -> str:
    """Networks, without directions, whose inputs are made by hand."""
    return rf"{SCALES}_({one_of(study.variants_by_hand())})"


def of_modes(study: Study) -> str:
    """Networks, without directions, whose inputs are modes of the features."""
    hand = study.variants_by_hand()
    return base([name for name in study.variants if name not in hand])


def constraints(study: Study) -> dict[str, str]:
    """Each wildcard of the workflow and what it may be."""
    any_base = base(list(study.variants))
    return {
        "sim": one_of(list(study.simulations)),
        "set": one_of(list(study.sets)),
        # Planted halos are those of a known f, with the weights of the tracer's own.
        "tracer": rf"{TRACER}(-planted)?",
        "R": SCALE,
        "base": any_base,
        "network": rf"{any_base}(-pc{NUMBER})?",
        "lagrangian": lagrangian(),
        "other": TRACER,
        "model": rf"{any_base}(-pc{NUMBER})?|{lagrangian()}|{one_of(list(YARDSTICKS))}",
        "K": NUMBER,
        "seed": r"0|[1-9]\d*",
        # Nothing, or the folder of what has its final positions displaced by velocities.
        "space": r"(redshift_space/)?",
    }
