"""Formulas of memory: what was measured at the real size, and what they grow with."""

import re
import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from lagbias.base.stores import append_variable
from lagbias.config.names import FEATURE_KINDS
from lagbias.halos.velocities import MeanAround, Velocities, particles_in_redshift_space
from lagbias.plan import resources
from lagbias.plan.resources import GriddedBox, asked_mb, asked_minutes, simulation_minutes
from lagbias.simulations.abacus.sizes import BoxSizes
from lagbias.yardsticks.polynomial import Polynomial

COSTS = Path(__file__).parents[2] / "docs/size/lookalike_costs.md"
# A small box and the grids of benchmarks/lookalike.yaml, one seed.
SMALL = GriddedBox(BoxSizes.of_name("AbacusLookalike_small_c000_ph000"), 576, 5.0, 2.5)
INPUTS, SCALES = 7, 3  # R2-R2.83-R4: four modes of δ and its Laplacian, three of G2
LOOKALIKE = {
    "train_network": resources.train_network([SMALL], [SMALL], INPUTS, labels=False),
    "compute_features": resources.compute_features(SMALL),
    "predict_halo_field": resources.predict_halo_field(SMALL, seeds=1),
    "find_gradient_directions": resources.find_gradient_directions([SMALL], INPUTS),
    "paint_matter": resources.paint_matter(SMALL),
    "index_particles": resources.index_particles(SMALL),
    "orthogonalise_features": resources.accumulate_moments([SMALL], SCALES),
    "compare_spectra": resources.compare_spectra(SMALL),
    "select_halos": resources.select_halos(SMALL, min_particles=150),
}


def measured() -> dict[str, tuple[int, int]]:
    """Peak and what was asked for [MB] by rule: ``benchmarks/job_costs.py`` after the lookalike."""
    row = r"^\| (\w+) \| \d+ \| \d+ \| \d+ \| (\d+) \| [\d.–]+ \| (\d+) \|"
    rows = re.findall(row, COSTS.read_text(), flags=re.M)
    return {rule: (int(peak), int(asked)) for rule, peak, asked in rows}


def test_every_measured_rule_has_its_formula_here():
    assert measured().keys() == LOOKALIKE.keys()


@pytest.mark.parametrize("rule", LOOKALIKE)
def test_formula_is_what_was_measured_at_the_real_size(rule):
    peak, asked = measured()[rule]
    formula = LOOKALIKE[rule]
    assert 0.8 < peak / formula < 1.25, f"{peak} MB measured, {formula:.0f} by the formula"
    assert peak < asked_mb(formula), "the job would have been killed"
    assert asked_mb(formula) == asked, f"{COSTS} says what another formula asked for"


FORMULAS = {
    "compute_features": resources.compute_features,
    "measure_linear_power": resources.measure_linear_power,
    "index_particles": resources.index_particles,
    "index_particles, velocities": lambda box: resources.index_particles(box, 1.2),
    "select_halos": lambda box: resources.select_halos(box, 50),
    "label_particles": resources.label_particles,
    "paint_matter": resources.paint_matter,
    "accumulate_moments": lambda box: resources.accumulate_moments([box], 3),
    "train_network": lambda box: resources.train_network([box], [SMALL], 7, False),
    "train_network, validation": lambda box: resources.train_network([SMALL], [box], 7, False),
    "train_network, labels": lambda box: resources.train_network([box], [SMALL], 7, True),
    "find_gradient_directions": lambda box: resources.find_gradient_directions([box], 7),
    "explain_model": lambda box: resources.explain_model([box], 7, 3),
    "predict_halo_field": lambda box: resources.predict_halo_field(box, 2),
    "measure_calibration": lambda box: resources.measure_calibration(box, 2),
    "compare_spectra": resources.compare_spectra,
    "measure_statistics": resources.measure_statistics,
    "fit_linear_bias": lambda box: resources.fit_linear_bias([box]),
    "predict_linear_bias": resources.predict_linear_bias,
    "fit_lagrangian_bias": lambda box: resources.fit_lagrangian_bias([box], "poly", 3),
    "predict_lagrangian_bias": lambda box: resources.predict_lagrangian_bias(box, "poly", 3),
    "predict_labels": resources.predict_labels,
    "plot_slices": resources.plot_slices,
}
OF_GRIDS = (
    "compute_features", "measure_linear_power", "accumulate_moments", "find_gradient_directions",
    "explain_model", "measure_calibration",
)  # fmt: skip
OF_PARTICLES = (
    "index_particles", "index_particles, velocities", "label_particles", "predict_labels",
    "fit_lagrangian_bias",
)  # fmt: skip
OF_CELLS = (
    "index_particles", "index_particles, velocities", "select_halos", "paint_matter",
    "compare_spectra", "measure_statistics", "fit_linear_bias", "predict_linear_bias",
    "plot_slices",
)  # fmt: skip
TINY = GriddedBox(BoxSizes(50.0, 10_000, 1), 32, 5.0, 2.5)
LARGER = {
    "density_grid": [replace(TINY, density_grid=n) for n in (32, 64, 192, 576, 1152)],
    "particles": [
        replace(TINY, sizes=BoxSizes(50.0, count, 1)) for count in (10**4, 10**6, 10**8, 10**10)
    ],
    "box_size": [
        replace(TINY, sizes=BoxSizes(side, 10_000, 1)) for side in (50.0, 250.0, 500.0, 2000.0)
    ],
}


@pytest.mark.parametrize("size", LARGER)
@pytest.mark.parametrize("rule", FORMULAS)
def test_a_larger_box_takes_no_less(rule, size):
    peaks = [FORMULAS[rule](box) for box in LARGER[size]]
    assert peaks == sorted(peaks), f"{rule} at rising {size}: {peaks}"


@pytest.mark.parametrize(
    ("rules", "size"),
    [(OF_GRIDS, "density_grid"), (OF_PARTICLES, "particles"), (OF_CELLS, "box_size")],
)
def test_formulas_grow_with_what_their_jobs_hold(rules, size):
    for rule in rules:
        peaks = [FORMULAS[rule](box) for box in LARGER[size]]
        assert peaks[-1] > 1.2 * peaks[0], f"{rule} at rising {size}: {peaks}"


def test_a_box_in_more_files_takes_less_where_they_are_read_one_by_one():
    split = replace(SMALL, sizes=replace(SMALL.sizes, files=16))
    for formula in (resources.index_particles, resources.label_particles):
        assert formula(split) < formula(SMALL)


def peak_bytes(hold) -> int:
    """Most bytes of arrays that a call held; libraries are not among them."""
    tracemalloc.start()
    try:
        hold()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_mesh_of_velocities_is_what_the_formula_says():
    fine, coarse = 0.5, 1.0  # Mpc/h
    meshes = [peak_bytes(lambda cell=cell: MeanAround(50, cell)) for cell in (fine, coarse)]
    formulas = [resources.index_particles(TINY, cell) for cell in (fine, coarse)]
    more = (meshes[0] - meshes[1]) / 1e6
    assert formulas[0] - formulas[1] == pytest.approx(more, rel=0.01)


def test_terms_of_a_polynomial_hold_what_the_formula_says(tmp_path):
    points = 96
    features = {}
    for scale in (2.0, 4.0):
        features[scale] = tmp_path / f"R{scale:g}.zarr"
        for kind in FEATURE_KINDS:
            grid = np.zeros((points,) * 3, np.float32)
            append_variable(features[scale], kind, grid, ("x", "y", "z"))
    on_box = Polynomial(tuple(features), np.zeros(2), np.zeros(2)).on(features)
    multiplicity = np.ones(points**3, dtype=np.uint8)
    on_box.moments(multiplicity)  # loads what zarr needs
    found = peak_bytes(lambda: on_box.moments(multiplicity)) / 1e6
    box = GriddedBox(BoxSizes(50.0, 0, 1), points, 50.0, 50.0)
    expected = resources.fit_lagrangian_bias([box], "poly", 2)
    expected -= resources.fit_lagrangian_bias([replace(box, density_grid=0)], "poly", 0)
    expected += (12e6 - 16 * points**3) / 1e6  # terms of no scale, counts and f on the grid
    assert 0.8 < found / expected < 1.25, f"{found:.2f} MB held, {expected:.2f} by the formula"


class InColumns:
    """A box of one file: 20 bytes a particle are held, parts unpacked, as of AbacusSummit."""

    name, files, box_size = "columns", "somewhere", 50.0

    def __init__(self, particles: int, unpacked: int) -> None:
        self.particles, self.unpacked = particles, unpacked

    def particle_chunks(self, redshift_space=False):
        columns = np.zeros((self.particles, 20), dtype=np.uint8)
        for start in range(0, self.particles, self.unpacked):
            count = len(columns[start : start + self.unpacked])
            yield np.zeros((count, 3), np.float32), np.zeros((count, 3), np.int16)


@pytest.mark.parametrize(
    ("particles", "unpacked", "velocity_cell"),
    [(200_000, 5_000, 10.0), (200_000, 200_000, 10.0), (20_000, 5_000, 0.5)],
    ids=["columns", "what is unpacked", "mesh"],
)
def test_velocities_hold_what_the_formula_says(particles, unpacked, velocity_cell, monkeypatch):
    monkeypatch.setattr(resources, "UNPACKED", unpacked)
    size = BoxSizes(50.0, round(particles / 0.75), 1)
    box = GriddedBox(size, density_grid=1, cell_size=50.0, evaluation_cell_size=50.0)
    expected = resources.index_particles(box, velocity_cell) - resources.index_particles(
        replace(box, sizes=replace(size, particles=0))
    )
    expected -= 8 * size.particles / 1e6  # chunks to write

    def read() -> None:
        columns, velocities = InColumns(particles, unpacked), Velocities(velocity_cell)
        for _ in particles_in_redshift_space(columns, velocities):
            pass

    read()  # compiles
    found = peak_bytes(read) / 1e6
    assert 0.8 < found / expected < 1.25, f"{found:.2f} MB held, {expected:.2f} by the formula"


def test_more_inputs_seeds_scales_and_halos_take_more():
    assert LOOKALIKE["train_network"] < resources.train_network([SMALL], [SMALL], 8, labels=False)
    assert LOOKALIKE["train_network"] < resources.train_network([SMALL], [SMALL], 7, labels=True)
    assert LOOKALIKE["predict_halo_field"] < resources.predict_halo_field(SMALL, seeds=5)
    assert LOOKALIKE["find_gradient_directions"] < resources.find_gradient_directions([SMALL], 8)
    assert LOOKALIKE["orthogonalise_features"] < resources.accumulate_moments([SMALL], 6)
    assert LOOKALIKE["select_halos"] < resources.select_halos(SMALL, min_particles=50)
    assert resources.measure_calibration(SMALL, 1) < resources.measure_calibration(SMALL, 2)
    assert resources.explain_model([SMALL], 7, 3) < resources.explain_model([SMALL], 7, 6)
    bins, lap, poly = (
        resources.fit_lagrangian_bias([SMALL], kind, 1) for kind in ("bins", "bins-lap", "poly")
    )
    assert bins < min(lap, poly)
    assert resources.simulate_mini(192) < resources.simulate_mini(256)


def test_of_several_boxes_the_largest_counts_wherever_it_stands():
    for formula in (
        resources.fit_linear_bias,
        lambda boxes: resources.accumulate_moments(boxes, 3),
        lambda boxes: resources.find_gradient_directions(boxes, 7),
        lambda boxes: resources.explain_model(boxes, 7, 3),
        lambda boxes: resources.fit_lagrangian_bias(boxes, "poly", 3),
    ):
        assert formula([TINY, SMALL]) == formula([SMALL, TINY]) == formula([SMALL])


def test_training_holds_the_rows_of_all_boxes():
    def peak(train, validate):
        boxes = [SMALL] * train, [SMALL] * validate
        return resources.train_network(*boxes, INPUTS, labels=False)

    of_rows = (4 * INPUTS + 2) * SMALL.rows / 1e6  # inputs and counts of one box [MB]
    assert peak(1, 3) - peak(1, 2) == pytest.approx(of_rows)
    # Several training boxes are held twice as they are joined.
    assert peak(3, 1) - peak(2, 1) == pytest.approx(2 * of_rows)


def test_rows_are_no_more_than_particles_nor_much_more_than_points():
    # Measured in the lookalike of 1.548e8 particles: 1.16e8 rows (docs/results/size.md).
    assert SMALL.rows == pytest.approx(1.16e8, rel=0.01)
    few = replace(SMALL, sizes=BoxSizes(500.0, 1000, 1))
    assert few.rows == 1000


def test_a_simulation_asks_for_an_hour_and_for_ten_times_what_a_large_one_takes():
    assert simulation_minutes(48, 64) == simulation_minutes(192, 256) == 60
    # Eight times the minute of 192 particles a side (docs/results/size.md).
    assert simulation_minutes(384, 512) == 80
    assert simulation_minutes(768, 256) == simulation_minutes(192, 1024) == 640
    assert asked_minutes(simulation_minutes(384, 512), attempt=3) == 240
