"""A known f is planted on all particles of two boxes; yardsticks fitted there must recover it.

The halo field is made from the planted f, with noise, in place of halos; everything else is the
workflow's own: features, particles from Abacus files, fit, painting, power.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import carried_field, evaluation_power, functions_of, plant_box
from lagbias.base.stores import append_variable, open_store, read_netcdf, set_attributes
from lagbias.features import smoothed
from lagbias.halos import indexing
from lagbias.halos import particles as halo_particles
from lagbias.halos.carried import evaluation_grid
from lagbias.simulations import displacements
from lagbias.yardsticks.bins import DensityBins, LaplacianBins, ShearBins
from lagbias.yardsticks.lagrangian import (
    fit_lagrangian_bias,
    write_lagrangian_prediction,
)
from lagbias.yardsticks.polynomial import TERMS, Polynomial

BOX_SIZE, POINTS, CELL_SIZE, SCALE = 160.0, 64, 8.0, 5.0
SAMPLED = 1 / 3  # of the particles, where a sample is fitted
NOISE = 0.1  # of the field's scatter, drawn for each cell
# Scatter of f about the planted one, over its own, on the particles of an untouched box. Five
# coefficients from 16,000 noisy cells; with a third of the particles their sampling adds to the
# noise.
POLYNOMIAL_TOLERANCE = 0.02
SAMPLED_TOLERANCE = 0.04
# Neighbouring bins share cells, and what one gains the other loses: 40 or 200 of them scatter more.
BINNED_TOLERANCE = 0.15
BINNED_TWICE_TOLERANCE = 0.2
POWER_TOLERANCE = 0.02  # of the noise-free planted field, by the specification
# Of delta, delta^2 - sigma^2, G2 - <G2> and laplacian over its deviation; f < 0 for some particles.
PLANTED = {"delta": 1.5, "delta_squared": 0.8, "g2": -0.6, "laplacian": -0.4}

Ratio = Callable[[dict], np.ndarray]


def plant(root: Path, seed: int) -> dict:
    """Features of one box and its particles, all of them and a random third."""
    name = f"AbacusPlanted_small_c000_ph{seed:03d}"
    box = plant_box(root, name, BOX_SIZE, POINTS, POINTS, POINTS**3, seed=seed, scatter=3.0)
    folder = root / name
    grids = {SCALE: folder / f"features/R{SCALE:g}.zarr"}
    smoothed.write_features(box.linear_density, BOX_SIZE, grids)
    with pytest.MonkeyPatch.context() as patch:  # scattered more than particles ever are
        patch.setattr(displacements, "LEAST_CORRELATION", 0.0)
        indexing.write_particles(box.opened, CELL_SIZE, folder / "all.zarr")
    everything = halo_particles.Particles.read(folder / "all.zarr")
    drawn = np.random.default_rng(seed).random(len(everything.final_cell)) < SAMPLED
    start = np.concatenate([[0], np.cumsum(drawn)])[everything.cell_start]
    for variable, values, dims in (
        ("final_cell", everything.final_cell[drawn], ("particle",)),
        ("lagrangian_index", everything.lagrangian_index[drawn], ("particle",)),
        ("cell_start", start, ("edge",)),
    ):
        append_variable(folder / "sample.zarr", variable, values, dims)
    attributes = open_store(folder / "all.zarr").attrs | {"sampled_fraction": drawn.mean()}
    set_attributes(folder / "sample.zarr", **attributes)
    return {"folder": folder, "features": grids, "all": everything}


@pytest.fixture(scope="module")
def boxes(tmp_path_factory) -> list[dict]:
    """Two to train on, one that is untouched."""
    root = tmp_path_factory.mktemp("planted")
    return [plant(root, seed) for seed in (11, 12, 13)]


def grid_values(box: dict, kind: str) -> np.ndarray:
    return open_store(box["features"][SCALE])[kind].values.astype(np.float64).reshape(-1)


@pytest.fixture(scope="module")
def polynomial(boxes) -> Ratio:
    """The expansion by its formula, one function of the features in all boxes."""
    delta, shear, laplacian = (grid_values(boxes[0], k) for k in ("delta", "g2", "laplacian"))
    variance, mean_shear, unit = delta.var(), shear.mean(), laplacian.std()

    def ratio(box: dict) -> np.ndarray:
        delta = grid_values(box, "delta")
        return (
            1 + PLANTED["delta"] * delta + PLANTED["delta_squared"] * (delta**2 - variance)
            + PLANTED["g2"] * (grid_values(box, "g2") - mean_shear)
            + PLANTED["laplacian"] * grid_values(box, "laplacian") / unit
        )  # fmt: skip

    return ratio


def steps(boxes: list[dict], second: str | None) -> Ratio:
    """Zero below the mean density, then rising; steps over the second feature's percentiles."""
    sigma = grid_values(boxes[0], "delta").std()
    kind = {"laplacian": LaplacianBins, "g2": ShearBins}.get(second, DensityBins)
    bins = kind.of_boxes([boxes[0]["features"]])
    of_second = np.linspace(0.4, 1.6, bins.shape[1]) if second else np.ones(1)

    def ratio(box: dict) -> np.ndarray:
        along = np.maximum(4 * grid_values(box, "delta") / sigma, 0)
        return along * of_second[bins.on(box["features"]).number % bins.shape[1]]

    return ratio


def fit(
    folder: Path, model: str, boxes: list[dict], planted: Ratio, sample: str = "all",
    estimator: str = "unbiased", block: int = 1,
) -> Path:  # fmt: skip
    """Fit on the first two boxes, whose noisy halo field is made here, from some particles."""
    carried = [planted(box)[box["all"].lagrangian_index] for box in boxes[:2]]
    mean = np.concatenate(carried).mean()
    halos = []
    for box, values in zip(boxes[:2], carried, strict=True):
        start, cells = box["all"].cell_start, box["all"].mesh.cells
        cell = np.repeat(np.arange(cells**3), np.diff(start))
        overdensity = np.bincount(cell, values, cells**3) / (mean * len(cell) / cells**3) - 1
        random = np.random.default_rng(len(halos))
        overdensity += random.normal(0, NOISE * overdensity.std(), cells**3)
        halos.append(folder / f"halos{len(halos)}_{sample}_{estimator}.zarr")
        field = overdensity.astype(np.float32).reshape((cells,) * 3)
        append_variable(halos[-1], "overdensity", field, ("x", "y", "z"))
    path = folder / f"{model}_{sample}_{estimator}.nc"
    fit_lagrangian_bias(
        functions_of(model), model, [box["features"] for box in boxes[:2]],
        [box["folder"] / f"{sample}.zarr" for box in boxes[:2]], halos, block, estimator, path,
    )  # fmt: skip
    return path


def found_and_planted(path: Path, box: dict, planted: Ratio) -> tuple[np.ndarray, np.ndarray]:
    """f of all particles of a box, each over its mean: as fitted and as planted."""
    data = read_netcdf(path)
    basis, values = functions_of(data.attrs["model"]).from_dataset(data)
    points = box["all"].lagrangian_index
    found, truth = basis.on(box["features"]).ratio(values)[points], planted(box)[points]
    return found / found.mean(dtype=np.float64), truth / truth.mean()


def scatter(path: Path, box: dict, planted: Ratio) -> float:
    """Deviation of the fitted f from the planted one, over the latter's own."""
    found, truth = found_and_planted(path, box, planted)
    return float((found - truth).std() / truth.std())


def test_planted_polynomial_is_recovered(boxes, polynomial, tmp_path):
    path = fit(tmp_path, "poly-R5", boxes, polynomial)
    assert scatter(path, boxes[2], polynomial) < POLYNOMIAL_TOLERANCE
    data = read_netcdf(path)
    delta = grid_values(boxes[0], "delta")
    size = np.array(
        [delta.std(), (delta**2).std(), *(grid_values(boxes[0], k).std() for k in TERMS[2:])]
    )
    planted = np.array([PLANTED[term] for term in TERMS]) * size
    planted[-1] = PLANTED["laplacian"]
    # <f> = 1 over the training particles: a common factor is free in the planted f.
    planted /= np.concatenate(
        [polynomial(box)[box["all"].lagrangian_index] for box in boxes[:2]]
    ).mean()
    found = data["coefficient"].sel(smoothing_scale=SCALE).values * size
    np.testing.assert_allclose(found, planted, atol=POLYNOMIAL_TOLERANCE * np.abs(planted).max())
    negative = np.concatenate([polynomial(box)[box["all"].lagrangian_index] for box in boxes[:2]])
    assert float(data["negative_share"]) == pytest.approx((negative < 0).mean(), abs=0.01)
    assert 0.05 < (negative < 0).mean() < 0.95


def test_painted_polynomial_has_the_planted_power_on_an_untouched_box(boxes, polynomial, tmp_path):
    path, box = fit(tmp_path, "poly-R5", boxes, polynomial), boxes[2]
    store = tmp_path / "prediction.zarr"
    particles = box["folder"] / "all.zarr"
    write_lagrangian_prediction(Polynomial, path, box["features"], particles, CELL_SIZE / 2, store)
    grid = evaluation_grid(CELL_SIZE / 2, BOX_SIZE)
    truth = carried_field(box["all"], polynomial(box).astype(np.float32), grid)
    model = open_store(store)["overdensity"][0].values
    ratio = evaluation_power(model, grid, 0.3) / evaluation_power(truth, grid, 0.3)
    np.testing.assert_allclose(ratio, 1, atol=POWER_TOLERANCE)


def test_sampling_is_taken_off_and_pulls_a_plain_fit_flat(boxes, polynomial, tmp_path):
    """From a third of the particles, of a halo field that all of them made."""
    width = {}
    for estimator in ("unbiased", "plain"):
        path = fit(tmp_path, "poly-R5", boxes, polynomial, "sample", estimator)
        found, truth = found_and_planted(path, boxes[2], polynomial)
        width[estimator] = found.std() / truth.std()
        if estimator == "unbiased":
            assert scatter(path, boxes[2], polynomial) < SAMPLED_TOLERANCE
    assert width["unbiased"] == pytest.approx(1, abs=SAMPLED_TOLERANCE), width
    assert width["plain"] < 0.95, width


@pytest.mark.parametrize(
    ("model", "second", "tolerance"),
    [
        ("bins-R5", None, BINNED_TOLERANCE),
        ("bins-lap-R5", "laplacian", BINNED_TWICE_TOLERANCE),
        ("bins-g2-R5", "g2", BINNED_TWICE_TOLERANCE),
    ],
)
def test_planted_bins_are_recovered(boxes, model, second, tolerance, tmp_path):
    planted = steps(boxes, second)
    path = fit(tmp_path, model, boxes, planted)
    values = read_netcdf(path)["ratio"]
    assert (values >= 0).all()
    assert scatter(path, boxes[2], planted) < tolerance
