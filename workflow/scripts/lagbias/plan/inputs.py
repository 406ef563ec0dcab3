"""What rules read: paths by the wildcards of a job.

Each method of ``Inputs`` takes the wildcards of a job and gives paths; Snakemake calls it as an
input function. The order of the paths is that of boxes, then scales, models or seeds.
"""

from collections.abc import Callable, Iterable
from typing import Any

from lagbias.base.errors import InputError
from lagbias.config.names import parse_scales, parse_yardstick
from lagbias.config.tracers import parse_tracer
from lagbias.config.yardsticks import KINDS
from lagbias.plan.study import Study, unique
from lagbias.simulations.sources import source_of

FITS = "results/fits/{set}/{tracer}"
# Sums of power in bands of all models on all test boxes: what other tables are views of.
EVALUATION = "results/tables/{set}_{tracer}_evaluation.csv"
# Anything with the parts of a path as attributes: `wildcards.sim`, `wildcards.tracer`.
Wildcards = Any
InputFunction = Callable[[Wildcards], list[str]]


class Inputs:
    """Input functions of a study.

    Parameters
    ----------
    study : Study
    """

    def __init__(self, study: Study) -> None:
        self.study = study

    # Of one box

    def box(self, wildcards: Wildcards) -> dict:
        """How a job opens a box: what ``open_box`` takes besides its name."""
        return self.study.planned(wildcards.sim).opened()

    def box_without_halos(self, wildcards: Wildcards) -> dict:
        """The same without files of halos, for jobs that read density and particles alone."""
        return self.study.planned(wildcards.sim).opened(halos=False)

    def reader(self, *methods: str) -> Callable[[Wildcards], str]:
        """Place of the code that reads a box, of some methods of a ``SimulationBox``."""
        part = ",".join(methods)
        sources = {sim: box.source for sim, box in self.study.simulations.items()}
        return lambda wildcards: f"{source_of(sources[wildcards.sim]).reader}.{part}"

    def source_files(self, wildcards: Wildcards) -> list[str]:
        """The files of a box."""
        return self.study.source_files(wildcards.sim)

    def particle_files(self, wildcards: Wildcards) -> list[str]:
        """The files from which the particles of a box are read."""
        return self.study.planned(wildcards.sim).source_files(halos=False)

    def member_files(self, wildcards: Wildcards) -> list[str]:
        """The files of a box, which tell the particles of each halo.

        Raises
        ------
        InputError
            If the config says that they do not.
        """
        galaxies = parse_tracer(wildcards.tracer).by_hod
        asked = "satellites" if galaxies else "labels"
        self._check_members([wildcards.sim], f"{asked} of {wildcards.tracer}")
        return self.source_files(wildcards)

    def density_files(self, wildcards: Wildcards) -> list[str]:
        """The files from which the linear density of a box is read."""
        return self.study.planned(wildcards.sim).density_files()

    def density_at_scale(self, wildcards: Wildcards) -> list[str]:
        """The same, where the scale in the path is spelled in the one way (not as R2.0)."""
        parse_scales(f"R{wildcards.R}")
        return self.density_files(wildcards)

    def planting_features(self, wildcards: Wildcards) -> str:
        """Features of a box at the scale at which f is planted."""
        return self._planting(wildcards.sim)

    def network_features(self, wildcards: Wildcards) -> list[str]:
        """Features of a box at the scales of a network."""
        return features([wildcards.sim], self.study.scales_of(wildcards.network))

    def yardstick_features(self, wildcards: Wildcards) -> list[str]:
        """Features of a box at the scales of a Lagrangian yardstick."""
        return features([wildcards.sim], parse_yardstick(wildcards.lagrangian)[1])

    def prediction(self, wildcards: Wildcards) -> str:
        """The model field of a model; matter is its own."""
        space, sim, model = wildcards.space, wildcards.sim, wildcards.model
        if model == "matter":
            return f"results/{sim}/{space}matter.zarr"
        folder = FITS.format(set=wildcards.set, tracer=wildcards.tracer)
        return f"{folder}/{model}/on_{sim}/{space}prediction.zarr"

    def velocities(self, wildcards: Wildcards) -> dict | None:
        """How particles move (``halos.velocities.Velocities``); None in real space."""
        return self.study.velocities() if wildcards.space else None

    def occupation(self, wildcards: Wildcards) -> dict | None:
        """How galaxies are drawn by AbacusHOD (``halos.hod.hod_galaxies``)."""
        return self.study.hod_occupation(wildcards.tracer)

    # Of the boxes of a training set

    def training_features(self, wildcards: Wildcards) -> list[str]:
        """Features of the training boxes at the scales of a network's inputs, ``{base}``."""
        return features(self._boxes(wildcards), self.study.scales_of(wildcards.base))

    def features_to_explain(self, wildcards: Wildcards) -> list[str]:
        """The same of a network that is explained, in the plane of its first two directions.

        Raises
        ------
        InputError
            If it has one input alone.
        """
        inputs = self.study.network_inputs(wildcards.base)
        if inputs < 2:
            raise InputError(
                f"explain.nc of {wildcards.base}: found {inputs} input, expected two or more: "
                "f is shown against two directions; explain a network of more scales or kinds"
            )
        return self.training_features(wildcards)

    def features_of(self, part: str) -> InputFunction:
        """Features of the boxes of a part of a set at the scales of ``{network}``."""

        def paths(wildcards: Wildcards) -> list[str]:
            scales = self.study.scales_of(wildcards.network)
            return features(self._boxes(wildcards, part), scales)

        return paths

    def features_to_fit(self, wildcards: Wildcards) -> list[str]:
        """Features of the training boxes at the scales of a Lagrangian yardstick."""
        scales = parse_yardstick(wildcards.lagrangian)[1]
        return features(self._boxes(wildcards), scales)

    def all_training_features(self, wildcards: Wildcards) -> list[str]:
        """Features of the training boxes at the scales of all scale sets."""
        return features(self._boxes(wildcards), self.study.all_scales())

    def planting_features_of(self, part: str) -> InputFunction:
        """Features of the boxes of a part of a set, at the scale at which f is planted."""
        return lambda wildcards: [self._planting(sim) for sim in self._boxes(wildcards, part)]

    def of_boxes(self, file: str, part: str = "train") -> InputFunction:
        """A file of each box of a part of a set, ``results/{box}/`` and the file.

        Parameters
        ----------
        file : str
            May have the wildcard ``{tracer}``.
        part : {"train", "validate", "test"}
        """

        def paths(wildcards: Wildcards) -> list[str]:
            own = file.format(tracer=wildcards.tracer) if "{tracer}" in file else file
            return [f"results/{sim}/{own}" for sim in self._boxes(wildcards, part)]

        return paths

    def training_labels(self, wildcards: Wildcards) -> list[str]:
        """Labels of the training boxes, for the calibration of a network on a box.

        Raises
        ------
        InputError
            If one of the boxes does not tell the particles of each halo.
        """
        asked = f"the calibration of {wildcards.network} ({wildcards.set}) on {wildcards.sim}"
        self._check_members([*self._boxes(wildcards), wildcards.sim], asked)
        return self.of_boxes("labels/{tracer}.zarr")(wildcards)

    def training_boxes(self, wildcards: Wildcards) -> int:
        """Number of training boxes of a set."""
        return len(self._boxes(wildcards))

    # Of fits

    def training(self, wildcards: Wildcards) -> dict:
        """How a network is trained (``lagbias.config.training.settings_from``)."""
        return self.study.training(wildcards.network, wildcards.set)

    def basis(self, wildcards: Wildcards) -> str:
        """Place of the functions of a Lagrangian yardstick (``lagbias.base.loading``)."""
        return KINDS[parse_yardstick(wildcards.lagrangian)[0]].basis

    def inputs_of(self, wildcards: Wildcards) -> dict:
        """What the variant of a network says of its inputs."""
        return self.study.changed_inputs(wildcards.base)

    def evaluation_on_box(self, wildcards: Wildcards) -> list[str]:
        """The evaluation table; of a box that the set does not test on, spectra of all models."""
        if wildcards.sim in self._boxes(wildcards, "test"):
            return [EVALUATION.format(set=wildcards.set, tracer=wildcards.tracer)]
        folder = FITS.format(set=wildcards.set, tracer=wildcards.tracer)
        return [
            f"{folder}/{model}/on_{wildcards.sim}/spectra.nc" for model in self.study.all_models()
        ]

    def spectra_of_network(self, wildcards: Wildcards) -> list[str]:
        """Spectra of a network on every test box of its set."""
        return self.on_test_boxes("spectra.nc", [wildcards.network])(wildcards)

    def trained_on(self, wildcards: Wildcards) -> dict:
        """What the card of a model says of its boxes and its training."""
        study, boxes = self.study, self.study.sets[wildcards.set]
        return {
            "training_boxes": boxes["train"],
            "validation_boxes": boxes["validate"],
            "test_boxes": boxes["test"],
            "sources": unique(study.simulations[sim].source for sim in boxes["train"]),
            "cosmologies": unique(study.cosmology(sim) for sim in boxes["train"]),
            "training": self.training(wildcards),
        }

    def on_test_boxes(self, file: str, models: Iterable[str]) -> InputFunction:
        """A file of the evaluation of models on every test box of a set, model after model."""

        def paths(wildcards: Wildcards) -> list[str]:
            folder = FITS.format(set=wildcards.set, tracer=wildcards.tracer)
            boxes = self._boxes(wildcards, "test")
            return [f"{folder}/{model}/on_{sim}/{file}" for model in models for sim in boxes]

        return paths

    def planted_predictions(self, wildcards: Wildcards) -> list[str]:
        """Fields of the showcase, trained on halos of a known f, on the test boxes."""
        folder = planted_fit(self.study).format(set=wildcards.set, tracer=wildcards.tracer)
        return [f"{folder}/on_{sim}/prediction.zarr" for sim in self._boxes(wildcards, "test")]

    def of_compared_fits(self, file: str) -> InputFunction:
        """A file of the fits of a case, and of those with other halos or another training set.

        Of tracers that are not fitted at every scale set, the showcase's.
        """
        study = self.study

        def paths(wildcards: Wildcards) -> list[str]:
            own = wildcards.set, wildcards.tracer
            of_other_halos = [(own[0], tracer) for tracer in study.all_tracers()]
            of_other_sets = [(name, own[1]) for name in study.sets]
            return [
                f"results/fits/{name}/{tracer}/{model}/{file}"
                for name, tracer in dict.fromkeys([own, *of_other_halos, *of_other_sets])
                for model in study.scale_sets
                if tracer in [wildcards.tracer, *study.tracers] or model == study.showcase
            ]

        return paths

    def spectra_of_tracers(self, wildcards: Wildcards) -> list[str]:
        """Spectra of a few models of every tracer, on every test box."""
        return [
            f"results/fits/{wildcards.set}/{tracer}/{model}/on_{sim}/spectra.nc"
            for tracer in self.study.all_tracers()
            for model in self.study.models_of_tracers()
            for sim in self._boxes(wildcards, "test")
        ]

    def losses_of_tracers(self, wildcards: Wildcards) -> list[str]:
        """Losses of the showcase of every tracer."""
        return [
            f"results/fits/{wildcards.set}/{tracer}/{model}/seed{seed}/losses.csv"
            for tracer in self.study.all_tracers()
            for model in self.study.showcase_networks()
            for seed in self.study.seeds
        ]

    # Of transfers

    def transfers(self, wildcards: Wildcards) -> list[str]:
        """Spectra of the transfers of a set's models, in the order of the table."""
        return list(self._transfers(wildcards))

    def transfer_cases(self, wildcards: Wildcards) -> list[dict]:
        """What each transfer is, in the same order."""
        return list(self._transfers(wildcards).values())

    def transfer_halos(self, wildcards: Wildcards) -> list[str]:
        """Halos in the box of each transfer, of the tracer that its model was fitted to."""
        cases = self.transfer_cases(wildcards)
        return [f"results/{case['box']}/halos/{case['fitted_to']}.zarr" for case in cases]

    def transfer_training_halos(self, wildcards: Wildcards) -> list[str]:
        """Halos of the training boxes, of every tracer that a model was fitted to."""
        fitted = {case["fitted_to"] for case in self.transfer_cases(wildcards)}
        return [
            f"results/{sim}/halos/{tracer}.zarr"
            for sim in self._boxes(wildcards)
            for tracer in sorted(fitted)
        ]

    def _transfers(self, wildcards: Wildcards) -> dict[str, dict]:
        """Spectra of each transfer, and what it is.

        First those of a model on the first test box and its own tracer, then on other boxes, then
        against other tracers, beside those of a model of that tracer where there is one.
        """
        study, tracer = self.study, wildcards.tracer
        asked = study.config["transfers"]
        first = self._boxes(wildcards, "test")[0]
        places = [(tracer, sim, tracer) for sim in dict.fromkeys([first, *asked["boxes"]])]
        for other in asked["tracers"]:
            if other != tracer:
                places.append((tracer, first, other))
                if other in study.all_tracers():
                    places.append((other, first, other))
        cases = {}
        for model in study.transfer_models():
            for fitted_to, sim, halos in places:
                file = "spectra.nc" if fitted_to == halos else f"transfer_to_{halos}.nc"
                cases[f"results/fits/{wildcards.set}/{fitted_to}/{model}/on_{sim}/{file}"] = {
                    "model": model,
                    "fitted_to": fitted_to,
                    "box": sim,
                    "redshift": study.redshift(sim),
                    "cosmology": study.cosmology(sim),
                    "against": halos,
                }
        return cases

    def _boxes(self, wildcards: Wildcards, part: str = "train") -> list[str]:
        return self.study.sets[wildcards.set][part]

    def _check_members(self, sims: Iterable[str], asked: str) -> None:
        for sim in sims:
            if self.study.lacks("members", [sim]):
                raise InputError(
                    f"{asked}: needs the particles of each halo, which {sim} lacks by `lacks` or "
                    f"`files` of simulations.{sim}; expected halos with lists of their particles: "
                    "use those of another box or catalogue"
                )

    def _planting(self, sim: str) -> str:
        return f"results/{sim}/features/R{self.study.planting_scale():g}.zarr"


def features(sims: Iterable[str], scales: Iterable[float]) -> list[str]:
    """Feature stores of boxes, box after box, at some scales [Mpc/h]."""
    return [f"results/{sim}/features/R{scale:g}.zarr" for sim in sims for scale in scales]


def of_seeds(folder: str, study: Study, file: str = "weights.pt") -> list[str]:
    """A file of every seed of the networks in a folder."""
    return [f"{folder}/seed{seed}/{file}" for seed in study.seeds]


def of_fits(file: str, models: Iterable[str]) -> list[str]:
    """A file of the fits of some models, with set and tracer as wildcards."""
    return [f"{FITS}/{model}/{file}" for model in models]


def of_evaluations(file: str, models: Iterable[str]) -> list[str]:
    """A file of the evaluation of some models, with set, tracer and box as wildcards."""
    return [f"{FITS}/{model}/on_{{sim}}/{file}" for model in models]


def of_losses(study: Study, models: Iterable[str]) -> list[str]:
    """Losses of every seed of some networks, with set and tracer as wildcards."""
    folders = (f"{FITS}/{model}" for model in models)
    return [path for folder in folders for path in of_seeds(folder, study, "losses.csv")]


def bias_files(study: Study) -> dict[str, str | list[str]]:
    """What tells biases: explained networks, the polynomials, the linear bias."""
    return {
        "explanations": of_fits("explain.nc", study.explained()),
        "coefficients": of_fits("coefficients.nc", study.polynomials()),
        "linear": of_fits("bias.nc", study.linear()),
    }


def planted_fit(study: Study) -> str:
    """Folder of the showcase, trained on halos of a known f."""
    return f"{FITS}-planted/{study.showcase}"
