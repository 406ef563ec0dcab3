"""Local boxes of a config: where they lie, and whether all is there."""

from lagbias.box_contents import expanded_root, local_files
from lagbias.layout import BoxFiles
from lagbias.settings import PARTS
from lagbias.variants import refused_as


def expand_roots(simulations: dict) -> None:
    """Replace ``~`` and environment variables in the roots of local boxes, in place.

    Raises
    ------
    InputError
        Naming the box and a variable that is not set.
    """
    for name, simulation in simulations.items():
        if simulation["source"] == "local":
            with refused_as(f"simulations.{name}.root"):
                simulation["root"] = expanded_root(simulation["root"])


def check_local_boxes(config: dict) -> None:
    """Check that the local boxes of training sets and transfers are there.

    Others are looked at when they are asked for.

    Parameters
    ----------
    config : dict
        One that ``check_config`` has passed, its roots expanded.

    Raises
    ------
    InputError
        Naming the box, what was found and what to write.
    """
    used = {
        box for boxes in config["training_sets"].values() for part in PARTS for box in boxes[part]
    }
    used |= set(config.get("transfers", {}).get("boxes", []))
    for name, simulation in config["simulations"].items():
        if simulation["source"] != "local" or name not in used:
            continue
        redshift = simulation.get("redshift", config["redshift"])
        points = simulation["density_grid"]
        with refused_as(f"simulations.{name}"):
            local_files(BoxFiles.under(simulation["root"], name, redshift, points))
