"""The boxes of a config, as the plan sees them: their files, their sizes, how a job opens them."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from lagbias.config.model import Box
from lagbias.simulations.abacus.contents import local_files
from lagbias.simulations.abacus.sizes import BoxSizes
from lagbias.simulations.abacus.summit import files_per_product
from lagbias.simulations.abacus.tree import BoxFiles
from lagbias.simulations.on_disk import found_files
from lagbias.simulations.sources import source_of


class PlannedBox(ABC):
    """A box before any of its files is read.

    Parameters
    ----------
    name : str
    box : Box
        Its section of the config.
    redshift : float
    density_grid : int
        Points a side of its initial density.
    """

    def __init__(self, name: str, box: Box, redshift: float, density_grid: int) -> None:
        self.name, self.box, self.redshift, self.density_grid = name, box, redshift, density_grid

    @abstractmethod
    def source_files(self, halos: bool = True) -> list[str]:
        """Its files, if need be without those from which nothing but halos is read."""

    @abstractmethod
    def density_files(self) -> list[str]:
        """Those from which the linear density is read."""

    @abstractmethod
    def sizes(self) -> BoxSizes:
        """What the memory of its jobs follows from."""

    @abstractmethod
    def settings(self, halos: bool = True) -> dict[str, Any]:
        """What ``SimulationBox.of_config`` takes, if need be without those files."""

    def opened(self, halos: bool = True) -> dict[str, Any]:
        """What ``open_box`` takes besides the name."""
        return {"reader": source_of(self.box.source).reader, **self.settings(halos)}


class BoxInTree(PlannedBox):
    """A box in AbacusSummit's tree: read in place if local, under resources/ if not.

    Parameters
    ----------
    mini : mapping
        The section ``mini`` of the config.
    """

    def __init__(
        self, name: str, box: Box, redshift: float, density_grid: int, mini: Mapping[str, Any]
    ) -> None:
        super().__init__(name, box, redshift, density_grid)
        self.mini = mini
        self.root = box.root or "resources"
        self.files = BoxFiles.under(self.root, name, redshift, density_grid, box.cleaned)

    def source_files(self, halos: bool = True) -> list[str]:
        """Its files, the initial density first: those that are there, or will be."""
        if self.box.source == "local":
            return [str(file) for file in local_files(self.files)]
        made = self.box.source == "mini"
        count = self.mini["files_per_product"] if made else files_per_product(self.name)
        return [str(file) for file in self.files.expected(count)]

    def density_files(self) -> list[str]:
        return self.source_files()[:1]

    def sizes(self) -> BoxSizes:
        if self.box.source == "mini":
            mini = self.mini
            particles = round(mini["subsample"] * mini["particles_per_side"] ** 3)
            return BoxSizes(mini["box_size"], particles, mini["files_per_product"])
        if self.box.source == "local":
            return BoxSizes.of_files(self.files, self.name)
        return BoxSizes.of_name(self.name)

    def settings(self, halos: bool = True) -> dict[str, Any]:
        cleaned = {"cleaned": True} if self.box.cleaned else {}
        grid = self.density_grid
        return {"root": self.root, "redshift": self.redshift, "density_grid": grid, **cleaned}


DISPLACEMENT_BYTES = 13  # a grid point: three grids, where the density is of displacements


class BoxOfFiles(PlannedBox):
    """A box of which the config says size and files."""

    def paths(self, halos: bool = True) -> dict[str, list[str]]:
        """Its files by their names in the config."""
        left_out = set() if halos else source_of(self.box.source).halo_files
        named = {
            name: path for name, path in (self.box.files or {}).items() if name not in left_out
        }
        return found_files(self.box.root or ".", named)

    def source_files(self, halos: bool = True) -> list[str]:
        return [file for files in self.paths(halos).values() for file in files]

    def density_files(self) -> list[str]:
        paths = self.paths()
        return paths["initial"] if "initial" in paths else self.source_files()

    def sizes(self) -> BoxSizes:
        files = max(map(len, self.paths().values()))
        side = self.box.particles_per_side or 0
        return BoxSizes(self.box.box_size or 0, side**3, files, DISPLACEMENT_BYTES)

    def settings(self, halos: bool = True) -> dict[str, Any]:
        given = {"id_order": self.box.id_order} if self.box.id_order else {}
        return {
            "redshift": self.redshift, "box_size": self.box.box_size,
            "particles_per_side": self.box.particles_per_side,
            "density_points": self.density_grid, "paths": self.paths(halos),
            "options": {**given, **self.box.options},
        }  # fmt: skip
