"""What each rule asks a cluster for: memory by the size of its boxes, and run time.

A rule that is not here asks for nothing of its own: figures and tables take what the profile gives
every job (``default-resources`` of slurm/config.yaml).
"""

from collections.abc import Callable
from typing import Any

from lagbias.config.names import parse_yardstick
from lagbias.config.tracers import parse_tracer
from lagbias.plan.resources import (
    Boxes,
    GriddedBox,
    accumulate_moments,
    asked_mb,
    asked_minutes,
    compare_spectra,
    compute_features,
    explain_model,
    find_gradient_directions,
    fit_lagrangian_bias,
    fit_linear_bias,
    index_particles,
    label_particles,
    measure_calibration,
    measure_linear_power,
    measure_statistics,
    paint_matter,
    plant_halos,
    plot_slices,
    populate_halos,
    predict_halo_field,
    predict_labels,
    predict_lagrangian_bias,
    predict_linear_bias,
    select_halos,
    simulate_mini,
    simulation_minutes,
    train_network,
    write_model,
)
from lagbias.plan.study import Study

Wildcards = Any
WARM_UP_MB = 1140  # of PySCo as it compiles
MINUTES = 60
# Of rules that take longer, or that take so little that a short queue will have them.
MINUTES_OF = {
    "train_network": 240,
    "warm_up_simulation": 15,
    "predict_linear_bias": 10,
    "plot_slices": 10,
}


def _of_box(formula: Callable[[GriddedBox], float]) -> Callable[[Study, Wildcards], float]:
    """A formula of the box in the path."""
    return lambda study, wildcards: formula(study.size_of(wildcards.sim))


def _of_boxes(formula: Callable[[Boxes], float]) -> Callable[[Study, Wildcards], float]:
    """A formula of the training boxes."""
    return lambda study, wildcards: formula(study.sizes_of(wildcards.set))


def _indexing(study: Study, wildcards: Wildcards) -> float:
    cell = study.velocities()["velocity_cell"] if wildcards.space else None
    return index_particles(study.size_of(wildcards.sim), cell)


def _selecting(study: Study, wildcards: Wildcards) -> float:
    least = parse_tracer(wildcards.tracer).min_particles
    return select_halos(study.size_of(wildcards.sim), least)


def _populating(study: Study, wildcards: Wildcards) -> float:
    least = parse_tracer(wildcards.tracer).min_particles
    return populate_halos(study.size_of(wildcards.sim), least)


def _moments(study: Study, wildcards: Wildcards) -> float:
    scales = study.scales_of(wildcards.base)
    return accumulate_moments(study.sizes_of(wildcards.set), len(scales))


def _covariance(study: Study, wildcards: Wildcards) -> float:
    return accumulate_moments(study.sizes_of(wildcards.set), len(study.all_scales()))


def _training(study: Study, wildcards: Wildcards) -> float:
    return train_network(
        study.sizes_of(wildcards.set),
        study.sizes_of(wildcards.set, "validate"),
        inputs=study.network_inputs(wildcards.network),
        labels=study.trains_on_labels(wildcards.network),
    )


def _predicting(study: Study, wildcards: Wildcards) -> float:
    return predict_halo_field(study.size_of(wildcards.sim), len(study.seeds))


def _calibrating(study: Study, wildcards: Wildcards) -> float:
    return measure_calibration(study.size_of(wildcards.sim), len(study.seeds))


def _gradients(study: Study, wildcards: Wildcards) -> float:
    inputs = study.network_inputs(wildcards.base)
    return find_gradient_directions(study.sizes_of(wildcards.set), inputs)


def _explaining(study: Study, wildcards: Wildcards) -> float:
    inputs, scales = study.network_inputs(wildcards.base), study.scales_of(wildcards.base)
    return explain_model(study.sizes_of(wildcards.set), inputs, len(scales))


def _fitting(study: Study, wildcards: Wildcards) -> float:
    kind, scales = parse_yardstick(wildcards.lagrangian)
    return fit_lagrangian_bias(study.sizes_of(wildcards.set), kind, len(scales))


def _predicting_yardstick(study: Study, wildcards: Wildcards) -> float:
    kind, scales = parse_yardstick(wildcards.lagrangian)
    return predict_lagrangian_bias(study.size_of(wildcards.sim), kind, len(scales))


def _writing_model(study: Study, wildcards: Wildcards) -> float:
    inputs = study.network_inputs(wildcards.network)
    return write_model(study.sizes_of(wildcards.set), inputs)


def _planted(study: Study, wildcards: Wildcards) -> float:
    boxes = [*study.sizes_of(wildcards.set), *study.sizes_of(wildcards.set, "test")]
    return max(plant_halos(box) for box in boxes)


def _simulating(study: Study, _: Wildcards) -> float:
    return simulate_mini(study.config["mini"]["particles_per_side"])


# Memory of a job at its peak [MB], by rule.
PEAK: dict[str, Callable[[Study, Wildcards], float]] = {
    "warm_up_simulation": lambda study, wildcards: WARM_UP_MB,
    "simulate_mini": _simulating,
    "compute_features": _of_box(compute_features),
    "measure_linear_power": _of_box(measure_linear_power),
    "index_particles": _indexing,
    "select_halos": _selecting,
    "populate_halos": _populating,
    "plant_halos": _of_box(plant_halos),
    "label_particles": _of_box(label_particles),
    "paint_matter": _of_box(paint_matter),
    "accumulate_moments": _moments,
    "measure_feature_covariance": _covariance,
    "train_network": _training,
    "find_gradient_directions": _gradients,
    "explain_model": _explaining,
    "predict_halo_field": _predicting,
    "measure_calibration": _calibrating,
    "compare_spectra": _of_box(compare_spectra),
    "measure_statistics": _of_box(measure_statistics),
    "fit_linear_bias": _of_boxes(fit_linear_bias),
    "predict_linear_bias": _of_box(predict_linear_bias),
    "fit_lagrangian_bias": _fitting,
    "predict_lagrangian_bias": _predicting_yardstick,
    "predict_labels": _of_box(predict_labels),
    "write_model": _writing_model,
    "plot_slices": _of_box(plot_slices),
    "tabulate_planted": _planted,
}


class Needs:
    """Memory and run time of the rules of a study.

    Parameters
    ----------
    study : Study
    """

    def __init__(self, study: Study) -> None:
        self.study = study

    def of(self, rule: str) -> dict[str, Callable[..., int]]:
        """Resources of a rule as Snakemake takes them, more at each attempt.

        Parameters
        ----------
        rule : str
            A name of ``PEAK``.

        Returns
        -------
        dict
            ``mem_mb`` [MB] and ``runtime`` [minutes], functions of wildcards and attempt; of a
            training ``resident_mb`` [MB] too, below which it reads its inputs from disk.
        """
        formula, minutes = PEAK[rule], MINUTES_OF.get(rule, MINUTES)
        if rule == "simulate_mini":
            mini = self.study.config["mini"]
            minutes = simulation_minutes(mini["particles_per_side"], mini["mesh"])

        def mem_mb(wildcards: Wildcards, attempt: int) -> int:
            return asked_mb(formula(self.study, wildcards), attempt)

        def runtime(wildcards: Wildcards, attempt: int) -> int:
            return asked_minutes(minutes, attempt)

        def resident_mb(wildcards: Wildcards) -> int:
            return mem_mb(wildcards, 1)

        asked = {"mem_mb": mem_mb, "runtime": runtime}
        return asked | ({"resident_mb": resident_mb} if rule == "train_network" else {})
