"""Names of models, features and tracers as figures show them."""

from lagbias.config.names import YARDSTICKS, parse_network
from lagbias.config.yardsticks import KINDS

NAMES_OF_KINDS = {"delta": "δ", "laplacian": "∇²δ", "g2": "G₂"}
TRACER_TITLES = {
    "mass": "halos (mass-weighted)",
    "number": "halos (each counts one)",
    "galaxies": "galaxies",
    "LRG": "LRGs",
    "ELG": "ELGs",
}


def model_label(name: str) -> str:
    """A model's name for people: ``R2-R4-pc2`` becomes ``2, 4 Mpc/h → 2 directions``."""
    if name in YARDSTICKS:
        return {"linear": "linear bias", "labels": "proto-halo labels"}.get(name, name)
    if not name.startswith("R"):
        kind, _, scales = name.partition("-R")
        return f"{KINDS[kind].label if kind in KINDS else kind}, R = {scales.replace('-R', ', ')}"
    network = parse_network(name)
    label = f"R = {', '.join(part[1:] for part in network.scale_set.split('-'))}"
    variant = f", {network.variant}" if network.variant else ""
    return label + variant + (f" → {network.directions} dir." if network.directions else "")
