"""Boxes that are read in place: where they lie, whether all is there, whether their size fits."""

from lagbias.config.checks import PARTS, check_box, check_resolution
from lagbias.config.model import with_defaults
from lagbias.config.variants import refused_as
from lagbias.simulations.abacus.contents import expanded_root, local_files
from lagbias.simulations.abacus.sizes import header_numbers
from lagbias.simulations.abacus.tree import BoxFiles
from lagbias.simulations.on_disk import found_files


def expand_roots(simulations: dict) -> None:
    """Replace ``~`` and environment variables in the roots of boxes, in place.

    Raises
    ------
    InputError
        Naming the box and a variable that is not set.
    """
    for name, simulation in simulations.items():
        if "root" in simulation:
            with refused_as(f"simulations.{name}.root"):
                simulation["root"] = expanded_root(simulation["root"])


def check_local_boxes(config: dict) -> None:
    """Check that the local boxes of training sets and transfers are there and hold the meshes.

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
    config = with_defaults(config)
    used = {
        box for boxes in config["training_sets"].values() for part in PARTS for box in boxes[part]
    }
    used |= set(config["transfers"]["boxes"])
    sizes: dict[str, tuple[float, int]] = {}
    for name, simulation in config["simulations"].items():
        if name in used and "files" in simulation:
            with refused_as(f"simulations.{name}"):
                found_files(simulation["root"], simulation["files"])
        if name not in used or simulation["source"] != "local":
            continue
        redshift = simulation.get("redshift", config["redshift"])
        points = simulation["density_grid"]
        with refused_as(f"simulations.{name}"):
            files = BoxFiles.under(
                simulation["root"], name, redshift, points, simulation.get("cleaned", False)
            )
            local_files(files)
        header = header_numbers(files.product("halo_info")[0])
        box_size = header.get("BoxSize")
        if box_size:  # the jobs that read the file say what is wrong with one that has none
            check_box(name, box_size, points, config)
            if "NP" in header:
                sizes[name] = box_size, round(header["NP"] ** (1 / 3))
    check_resolution(config, sizes)
