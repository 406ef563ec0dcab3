"""Where a simulation comes from: each source is one line here, with its reader and its keys.

A format of your own is a class that inherits from ``lagbias.simulations.box.BoxOnDisk``, and
``source: my_format.py:MyBox`` in a config (docs/how-to/own-simulation.md).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

from lagbias.base.errors import InputError
from lagbias.base.loading import load
from lagbias.base.registry import Registry

if TYPE_CHECKING:  # planning has no numpy
    from lagbias.simulations.box import SimulationBox

ABACUS = "lagbias.simulations.abacus.box:AbacusBox"
ON_DISK = frozenset({"root", "files", "box_size", "particles_per_side"})
GADGET_HALOS = frozenset({"groups", "subhalos", "rockstar"})
MAY_ON_DISK = frozenset({"redshift", "density_grid", "lacks"})


@dataclass(frozen=True)
class Source:
    """A way to get a simulation.

    Parameters
    ----------
    reader : str
        Place of its class (``lagbias.base.loading``), a ``SimulationBox``.
    origin : str
        Where its boxes come from, as the card of a model says it.
    needs, may : frozenset of str
        Keys of a box in the config that must be given, and those that may be.
    files : frozenset of str
        Names in its ``files``; empty where any name will do.
    halo_files : frozenset of str
        Those from which nothing but halos is read.
    """

    reader: str
    origin: str
    needs: frozenset[str]
    may: frozenset[str]
    files: frozenset[str] = frozenset()
    halo_files: frozenset[str] = frozenset()

    @property
    def on_disk(self) -> bool:
        """Does the config say size and files of its boxes?"""
        return "files" in self.needs


SOURCES: Registry[Source] = {
    "mini": Source(
        ABACUS,
        "simulated by this workflow (PySCo)",
        frozenset({"phase"}),
        frozenset({"redshift", "cosmology"}),
    ),
    "local": Source(
        ABACUS,
        "files on the disk of the user",
        frozenset({"root", "density_grid"}),
        frozenset({"redshift", "cleaned"}),
    ),
    "https": Source(
        ABACUS,
        "AbacusSummit, downloaded",
        frozenset({"density_grid"}),
        frozenset({"redshift", "cleaned"}),
    ),
    "gadget": Source(
        "lagbias.simulations.gadget.box:GadgetBox",
        "Gadget or AREPO files of the user",
        ON_DISK,
        MAY_ON_DISK | {"id_order"},
        frozenset({"initial", "snapshot"}) | GADGET_HALOS,
        GADGET_HALOS,
    ),
    "arrays": Source(
        "lagbias.simulations.arrays.box:ArraysBox",
        "files of arrays of the user",
        ON_DISK,
        MAY_ON_DISK | {"id_order"},
        frozenset({"box", "initial"}),
    ),
}


def source_of(name: str) -> Source:
    """A source by what the config calls it.

    Raises
    ------
    InputError
        If there is none of this name, and it is not the place of a class.
    """
    if name in SOURCES:
        return SOURCES[name]
    if ":" in name:
        origin = f"files of the user, read by {name}"
        return Source(name, origin, ON_DISK, MAY_ON_DISK | {"options"})
    near = get_close_matches(name, SOURCES, 1)
    raise InputError(
        f"found source {name!r}, expected one of {', '.join(SOURCES)}, or the place of a class of "
        f"your own, as my_format.py:MyBox{f'; did you mean {near[0]}?' if near else ''}"
    )


def lacking(box: Mapping) -> set[str]:
    """What the files of a box do not have: what its section of a config says, Rockstar's members.

    Parameters
    ----------
    box : mapping
        Its section of the config.
    """
    by_format = {"members"} if "rockstar" in (box.get("files") or {}) else set()
    return {*(box.get("lacks") or []), *by_format}


def open_box(name: str, reader: str, **settings) -> "SimulationBox":
    """A box as a job reads it.

    Parameters
    ----------
    name : str
    reader : str
        Place of its class.
    settings
        What ``SimulationBox.of_config`` of that class takes.
    """
    return load(reader).of_config(name, **settings)
