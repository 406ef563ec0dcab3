"""What a config asks for: its boxes, halos and models, by name.

A ``Study`` is made from a config that is checked. Nothing here reads a file but those of local
boxes, and nothing knows Snakemake.
"""

import functools
import re
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from lagbias.base.errors import InputError
from lagbias.config.galaxies import ElgOccupation, LrgOccupation
from lagbias.config.model import Config, with_defaults
from lagbias.config.names import parse_network, parse_scales, parse_yardstick
from lagbias.config.tracers import needs_occupation, parse_tracer
from lagbias.config.training import TrainingSettings
from lagbias.config.variants import VARIANT_INPUTS, network_inputs, settings_of, training_with
from lagbias.plan.boxes import BoxInTree, BoxOfFiles, PlannedBox
from lagbias.plan.resources import GriddedBox
from lagbias.simulations.abacus.summit import files_per_product
from lagbias.simulations.abacus.tree import BoxFiles
from lagbias.simulations.manifest import ManifestFile, manifest
from lagbias.simulations.mini.record import check_simulated
from lagbias.simulations.mini.settings import DEFAULT_COSMOLOGY
from lagbias.simulations.sources import lacking, source_of


def unique(names: Iterable[str]) -> list[str]:
    """Names in their order, each once."""
    return list(dict.fromkeys(names))


class Study:
    """A config as questions of the plan.

    Parameters
    ----------
    config : dict
        Checked (``lagbias.config.load``).

    Attributes
    ----------
    simulations : dict of Box
    sets, variants : dict
        Sections of the config by name.
    showcase : str
        Scale set of figures that show one model.
    scale_sets, seeds, directions : list
    tracers : list of str
        Those that every scale set is fitted to.
    """

    def __init__(self, config: dict) -> None:
        self.config = config = with_defaults(config)
        self.simulations = Config.of(config).simulations
        self.sets: dict[str, dict] = config["training_sets"]
        self.variants: dict[str, dict] = config["variants"]
        self.showcase: str = config["showcase"]
        self.scale_sets: list[str] = config["scale_sets"]
        self.seeds: list[int] = config["seeds"]
        self.directions: list[int] = config["directions"]
        self.tracers: list[str] = config["tracers"]
        self.size_of = functools.cache(self._size_of)

    # Boxes

    def density_grid(self, sim: str) -> int:
        """Points a side of the initial density of a box."""
        box = self.simulations[sim]
        return box.density_grid or box.particles_per_side or self.mini_density_grid()

    def mini_density_grid(self) -> int:
        """The same of the boxes that are made here."""
        mini = self.config["mini"]
        return mini.get("density_grid", mini["particles_per_side"])

    def lacks(self, what: str, sims: Iterable[str]) -> bool:
        """Does one of some boxes lack ``velocities``, or lists of the ``members`` of halos?"""
        boxes = [self.simulations[sim] for sim in sims]
        return any(what in lacking(asdict(box)) for box in boxes)

    def redshift(self, sim: str) -> float:
        """Redshift of the halos and particles of a box: its own, or that of all."""
        own = self.simulations[sim].redshift
        return self.config["redshift"] if own is None else own

    def cosmology(self, sim: str) -> str:
        """AbacusSummit's number of the cosmology of a box; of others than mini, by the name."""
        if self.simulations[sim].source == "mini":
            return self.simulations[sim].cosmology or DEFAULT_COSMOLOGY
        named = re.search(r"_(c\d{3})_", sim)
        return named[1] if named else ""

    def velocities(self) -> dict:
        """How particles move in redshift space (``halos.velocities.Velocities``)."""
        return self.config["redshift_space"]

    def planned(self, sim: str) -> PlannedBox:
        """A box as the plan sees it: its files and sizes, and how a job opens it."""
        box = self.simulations[sim]
        known = sim, box, self.redshift(sim), self.density_grid(sim)
        if source_of(box.source).on_disk:
            return BoxOfFiles(*known)
        return BoxInTree(*known, mini=self.config.get("mini", {}))

    def source_files(self, sim: str) -> list[str]:
        """The files of a box: what is there of a local one, what will be there of another."""
        return self.planned(sim).source_files()

    def mini_boxes(self) -> list[str]:
        """Boxes that are simulated here."""
        return [sim for sim, box in self.simulations.items() if box.source == "mini"]

    def published_boxes(self) -> list[str]:
        """Boxes that are downloaded."""
        return [sim for sim, box in self.simulations.items() if box.source == "https"]

    def downloads(self) -> list[ManifestFile]:
        """Every file of the boxes that are downloaded."""
        return [
            file
            for sim in self.published_boxes()
            for file in manifest(
                sim,
                self.redshift(sim),
                self.density_grid(sim),
                files_per_product(sim),
                cleaned=self.simulations[sim].cleaned,
            )
        ]

    def simulation_rule(self, redshift: float) -> str:
        """Name of the rule that simulates boxes to a redshift, plain for that of the config."""
        suffix = f"_z{redshift:g}".replace(".", "_")
        return "simulate_mini" + (suffix if redshift != self.config["redshift"] else "")

    def simulation_settings(self, sim: str) -> dict:
        """How a mini box is simulated (``MiniSimulation``)."""
        settings = {
            **self.config["mini"],
            "master_seed": self.config["master_seed"],
            "redshift": self.redshift(sim),
            "phase": self.simulations[sim].phase,
        }
        if settings.get("density_grid") == settings["particles_per_side"]:
            del settings["density_grid"]  # as if it were not given
        # The record of a box at the default cosmology does not name it.
        if self.cosmology(sim) != DEFAULT_COSMOLOGY:
            settings["cosmology"] = self.cosmology(sim)
        return settings

    def unfinished(self) -> list[str]:
        """Mini boxes that are not simulated yet.

        Raises
        ------
        InputError
            If one was simulated otherwise than the config says.
        """
        return [sim for sim in self.mini_boxes() if not self._simulated(sim)]

    def _simulated(self, sim: str) -> bool:
        record = f"resources/{sim}/simulation.json"
        check_simulated(sim, record, self.simulation_settings(sim))
        return all(Path(file).exists() for file in self.source_files(sim))

    def redshifts_of(self, sims: Iterable[str]) -> list[float]:
        """Redshifts of some boxes, each once, rising."""
        return sorted({self.redshift(sim) for sim in sims})

    def at_redshift(self, redshift: float, sims: Iterable[str]) -> list[str]:
        """Those of some boxes that are at a redshift."""
        return [sim for sim in sims if self.redshift(sim) == redshift]

    def simulated_products(self, redshift: float) -> list[str]:
        """Files of halos and particles of a mini box at a redshift, with its name a wildcard."""
        files = BoxFiles.under("resources", "SIM", redshift, 0)
        _, *products = files.expected(self.config["mini"]["files_per_product"])
        return [str(file).replace("SIM", "{sim}") for file in products]

    def _size_of(self, sim: str) -> GriddedBox:
        """A box on the grids of this config: what the memory of its jobs follows from."""
        mesh = self.config["mesh"]
        cell_sizes = mesh["cell_size"], mesh["evaluation_cell_size"]
        return GriddedBox(self.planned(sim).sizes(), self.density_grid(sim), *cell_sizes)

    def sizes_of(self, training_set: str, part: str = "train") -> list[GriddedBox]:
        """The same of the boxes of a training set."""
        return [self.size_of(sim) for sim in self.sets[training_set][part]]

    # Halos

    def all_tracers(self) -> list[str]:
        """Tracers that every scale set is fitted to, then those that the showcase alone is."""
        return unique([*self.tracers, *self.config["more_tracers"]])

    def calibrated_tracers(self) -> list[str]:
        """Tracers whose f can be read as a probability: that of a particle to be in a halo."""
        return [name for name in self.tracers if parse_tracer(name).weighting == "mass"]

    def galaxy_settings(self) -> dict | None:
        """How galaxies are drawn (``GalaxyOccupation``), if the config says so."""
        if "galaxies" not in self.config:
            return None
        return self.config["galaxies"] | {"master_seed": self.config["master_seed"]}

    def hod_occupation(self, tracer: str) -> dict | None:
        """Parameters of the galaxies of a tracer by AbacusHOD (``halos.hod``), if it is one."""
        parsed = parse_tracer(tracer)
        if not parsed.by_hod:
            return None
        sections = {"LRG": LrgOccupation, "ELG": ElgOccupation}
        if parsed.weighting not in self.config:
            raise InputError(needs_occupation(tracer))
        occupation = sections[parsed.weighting](**self.config[parsed.weighting])
        return {name: value for name, value in asdict(occupation).items() if value is not None}

    def planting_scale(self) -> float:
        """Scale at which f is planted: the smallest of the showcase [Mpc/h]."""
        return min(parse_scales(self.showcase))

    # Models

    def all_scales(self) -> list[float]:
        """Smoothing scales of all scale sets [Mpc/h], each once, rising."""
        return sorted({scale for name in self.scale_sets for scale in parse_scales(name)})

    def scales_of(self, network: str) -> list[float]:
        """Smoothing scales of a network [Mpc/h]."""
        return parse_scales(parse_network(network).scale_set)

    def projected_models(self) -> list[str]:
        """Every scale set on every number of gradient directions."""
        return [f"{base}-pc{count}" for count in self.directions for base in self.scale_sets]

    def networks(self) -> list[str]:
        """Every network of the tables: the scale sets, those on few directions, and more."""
        more = self.config["more_networks"]
        return unique([*self.scale_sets, *self.projected_models(), *more])

    def networks_of_features(self) -> list[str]:
        """The scale sets and their variants that learn the halo field from smoothed features.

        Their gradient directions are filters of the initial density.
        """
        of_variants = [
            name
            for name in self.networks()
            if parse_network(name).base == name
            and parse_network(name).variant not in self.variants_by_hand()
            and not self.trains_on_labels(name)
        ]
        return unique([*self.scale_sets, *of_variants])

    def all_models(self) -> list[str]:
        """Every model of the tables: matter and the yardsticks, then the networks."""
        return unique(["matter", *self.config["yardsticks"], *self.networks()])

    def showcase_networks(self) -> list[str]:
        """The showcase on its own inputs, and on as many directions as all scale sets are."""
        return [self.showcase, *(f"{self.showcase}-pc{count}" for count in self.directions)]

    def showcase_directions(self) -> list[str]:
        """The showcase on 1, 2, ... directions."""
        names = [n for n in self.networks() if parse_network(n).base == self.showcase]
        found = {parse_network(name).directions: name for name in names}
        return [found[count] for count in sorted(count for count in found if count)]

    def models_by_directions(self) -> list[str]:
        """The showcase on 1, 2, ... directions, on all inputs, and on inputs made by hand."""
        by_hand = [
            name
            for name in self.networks()
            if parse_network(name).base == name
            and parse_network(name).variant in self.variants_by_hand()
            and parse_network(name).scale_set == self.showcase
        ]
        return [*self.showcase_directions(), self.showcase, *by_hand]

    def lagrangian_yardsticks(self) -> list[str]:
        """Yardsticks that give every Lagrangian point an f: those with scales in their names."""
        return [name for name in self.config["yardsticks"] if parse_yardstick(name)[1]]

    def explained(self) -> list[str]:
        """The showcase, and its variants on the same scales whose f is a Gaussian."""
        gaussians = [
            name
            for name in self.networks()
            if parse_network(name).base == name
            and parse_network(name).scale_set == self.showcase
            and settings_of(parse_network(name).variant, self.config).form == "gaussian"
            and self.network_inputs(name) > 1
        ]
        return list(dict.fromkeys([self.showcase, *gaussians]))

    def polynomials(self) -> list[str]:
        """Yardsticks that are bias expansions."""
        return [name for name in self.lagrangian_yardsticks() if name.startswith("poly-")]

    def polynomial(self) -> list[str]:
        """The expansion at the scales of the showcase, or else the first, if there is one."""
        found, beside = self.polynomials(), f"poly-{self.showcase}"
        return [beside] if beside in found else found[:1]

    def linear(self) -> list[str]:
        """The linear bias, if the config asks for it."""
        return [name for name in self.config["yardsticks"] if name == "linear"]

    def models_of_statistics(self) -> list[str]:
        """Models whose statistics beyond the power are made: the showcase, some yardsticks."""
        some = ["linear", *self.polynomial(), "labels"]
        return [self.showcase, *(name for name in some if name in self.config["yardsticks"])]

    def models_in_redshift_space(self) -> list[str]:
        """Those of them that particles carry wherever they go: linear bias is of a field.

        None if a test box has no velocities.
        """
        if self.lacks("velocities", [sim for boxes in self.sets.values() for sim in boxes["test"]]):
            return []
        return [model for model in self.models_of_statistics() if model != "linear"]

    def calibrated_models(self) -> list[str]:
        """The showcase, and networks of its scales that learn which particles end in halos."""
        of_labels = [
            name
            for name in self.networks()
            if parse_network(name).scale_set == self.showcase and self.trains_on_labels(name)
        ]
        return [self.showcase, *of_labels]

    def models_of_tracers(self) -> list[str]:
        """Models that are fitted to every tracer."""
        return [*self.linear(), *self.polynomial(), *self.showcase_networks()]

    def transfer_models(self) -> list[str]:
        """Models that are transferred: the showcase and, beside it, a polynomial."""
        return [self.showcase, *self.polynomial()]

    # Trainings

    def default_training(self) -> TrainingSettings:
        """How networks of no variant are trained."""
        return settings_of(None, self.config)

    def variants_by_hand(self) -> list[str]:
        """Variants whose inputs are made by hand."""
        return [name for name, changes in self.variants.items() if "tophat_radius" in changes]

    def learns_labels(self, variant: str | None) -> bool:
        """Do the networks of a variant, or of none, learn which particles end in halos?"""
        return settings_of(variant, self.config).objective == "labels"

    def trains_on_labels(self, network: str) -> bool:
        """Does a network learn which particles end in halos?"""
        return self.learns_labels(parse_network(network).variant)

    def changed_inputs(self, network: str) -> dict:
        """What the variant of a network says of its inputs."""
        changes = self.variants.get(parse_network(network).variant or "", {})
        return {key: changes[key] for key in VARIANT_INPUTS if key in changes}

    def training(self, network: str, training_set: str) -> dict:
        """Preset and changes of a training: the config's, its set's and its variant's on top."""
        boxes = self.sets[training_set]
        of_set = {key: boxes[key] for key in ["steps"] if key in boxes}
        changes = self.variants.get(parse_network(network).variant or "", {})
        return training_with(self.config["training"] | of_set, changes)

    def network_inputs(self, network: str) -> int:
        """How many inputs a network has (``lagbias.projection.orthogonal``)."""
        scale_set, _, directions = parse_network(network)
        count, changed = len(parse_scales(scale_set)), self.changed_inputs(network)
        if "tophat_radius" in changed:
            return directions or 2
        return directions or network_inputs(count, changed)
