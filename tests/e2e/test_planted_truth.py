"""A known f of known directions is planted; the chain must find the directions and the power.

The halo field is made from the planted f, with noise, in place of halos. Everything else is the
workflow's own: features, particles from Abacus files, orthogonalisation, training, gradient PCA,
projection, retraining, prediction, power.
"""

from pathlib import Path

import numpy as np
import pytest
from conftest import carried_field, evaluation_power, plant_box
from lagbias.base.stores import MEAN, append_variable, open_store, read_netcdf, set_attributes
from lagbias.config.training import TrainingSettings
from lagbias.evaluation import prediction
from lagbias.features import smoothed
from lagbias.halos import carried, indexing
from lagbias.halos import particles as halo_particles
from lagbias.interpretation import gradients
from lagbias.projection.directions import principal_cosines, project_on_gradients
from lagbias.projection.orthogonal import orthogonalise
from lagbias.projection.projection import Projection
from lagbias.training import fit
from lagbias.training.cells import Boxes

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

BOX_SIZE, POINTS, CELL_SIZE = 160.0, 64, 8.0
SCALES = (4.0, 8.0)
SEEDS = (1, 2)
SETTINGS = TrainingSettings(epochs=40, cells_per_batch=250, block=1, learning_rate=0.01)
# Bounds of the specification. The noise is a tenth of the field's scatter, drawn for each cell.
LEAST_COSINE = 0.98
POWER_TOLERANCE = 0.02
NOISE = 0.1


def planted_ratio(first: np.ndarray, second: np.ndarray | None) -> np.ndarray:
    """A non-linear, positive f of one or two directions (standard deviations)."""
    ratio = np.log1p(np.exp(1.5 * first))
    if second is not None:
        ratio *= 1 + 0.7 * np.tanh(second)
    return ratio


def plant(root: Path, seed: int, vectors: np.ndarray, projection: Path | None):
    """One box whose halo field is a planted f carried by its particles."""
    box = plant_box(
        root,
        f"AbacusPlanted_small_c000_ph{seed:03d}",
        BOX_SIZE,
        POINTS,
        POINTS,
        POINTS**3,
        seed=seed,
    )
    folder = root / box.header["SimName"]
    grids = {scale: folder / f"features/R{scale:g}.zarr" for scale in SCALES}
    smoothed.write_features(box.linear_density, BOX_SIZE, grids)
    indexing.write_particles(box.opened, CELL_SIZE, folder / "particles.zarr")
    if projection is None:
        projection = root / "projection.nc"
        orthogonalise([grids]).write(projection)
    inputs = Projection.read(projection).at(grids, slice(None))
    ratio = planted_ratio(*(inputs @ vectors.T).T, *([None] * (2 - len(vectors))))
    ratio /= ratio.mean()
    particles = halo_particles.Particles.read(folder / "particles.zarr")
    sums = np.add.reduceat(ratio[particles.lagrangian_index], particles.cell_start[:-1])
    sums[np.diff(particles.cell_start) == 0] = 0
    overdensity = sums / sums.mean() - 1
    overdensity += np.random.default_rng(seed).normal(0, NOISE * overdensity.std(), len(sums))
    cells = particles.mesh.cells
    append_variable(
        folder / "halos.zarr", "overdensity",
        overdensity.astype(np.float32).reshape(cells, cells, cells), ("x", "y", "z"),
    )  # fmt: skip
    set_attributes(folder / "halos.zarr", cells=cells)
    return {
        "features": grids, "particles": folder / "particles.zarr", "halos": folder / "halos.zarr",
        "projection": projection, "ratio": ratio.astype(np.float32),
    }  # fmt: skip


def boxes_of(box: dict) -> Boxes:
    return Boxes([box["features"]], [box["particles"]], [box["halos"]])


def train(box: dict, held_out: dict, projection: Path, folder: Path) -> dict[int, Path]:
    weights = {seed: folder / f"seed{seed}/weights.pt" for seed in SEEDS}
    for seed, path in weights.items():
        fit.train_network(
            boxes_of(box), boxes_of(held_out), projection, SETTINGS, seed, path,
            path.with_name("losses.csv"),
        )  # fmt: skip
    return weights


def predicted_power(box: dict, weights: dict[int, Path], projection: Path, folder: Path):
    """Power of the model field over that of the noise-free planted field, in shells."""
    store = folder / "prediction.zarr"
    prediction.write_prediction(
        weights, projection, box["features"], box["particles"], CELL_SIZE / 2, store
    )
    particles = halo_particles.Particles.read(box["particles"])
    grid = carried.evaluation_grid(CELL_SIZE / 2, BOX_SIZE)
    truth = carried_field(particles, box["ratio"], grid)
    model = open_store(store)
    mean = model["overdensity"][model.attrs["members"].index(MEAN)].values
    return evaluation_power(mean, grid, 0.3) / evaluation_power(truth, grid, 0.3)


@pytest.fixture(scope="module")
def two_directions() -> np.ndarray:
    """Two orthonormal directions of the five whitened inputs, neither along an axis."""
    return np.linalg.qr(np.random.default_rng(5).normal(size=(5, 2)))[0].T


@pytest.fixture(scope="module")
def two(tmp_path_factory, two_directions) -> dict:
    """Trained on one planted box, with a second that is only looked at."""
    root = tmp_path_factory.mktemp("two")
    box = plant(root, 1, two_directions, None)
    other = plant(root, 2, two_directions, box["projection"])
    weights = train(box, other, box["projection"], root / "fit")
    pca = root / "gradient_pca.nc"
    gradients.write_gradient_pca(
        weights, box["projection"], [box["features"]], [box["particles"]], pca
    )
    return {"root": root, "box": box, "other": other, "weights": weights, "pca": pca}


def test_two_planted_directions_are_found(two, two_directions):
    projection = Projection.read(two["box"]["projection"])
    found = read_netcdf(two["pca"])["eigenvector"].sel(version="f", member=MEAN).values[:2]
    cosines = principal_cosines(
        found @ projection.matrix, two_directions @ projection.matrix, projection.covariance
    )
    assert cosines.min() >= LEAST_COSINE, f"principal cosines {cosines}"


def test_spectrum_of_directions_is_the_planted_one(two, two_directions):
    eigenvalue = read_netcdf(two["pca"])["eigenvalue"].sel(version="f", member=MEAN).values
    share = eigenvalue / eigenvalue.sum()
    inputs = Projection.read(two["box"]["projection"]).at(two["box"]["features"], slice(None))
    along = (inputs @ two_directions.T).astype(np.float64)
    step = 1e-4
    gradient = np.stack(
        [
            (planted_ratio(*(along + step * unit).T) - planted_ratio(*(along - step * unit).T))
            / (2 * step)
            for unit in np.eye(2)
        ]
    )
    truth = np.linalg.eigvalsh(gradient @ gradient.T / len(along))[::-1]
    truth /= truth.sum()
    np.testing.assert_allclose(share[:2], truth, atol=POWER_TOLERANCE, err_msg=f"all: {share}")
    assert share[2:].sum() < POWER_TOLERANCE, f"shares {share}"


def test_power_on_the_untouched_box_is_the_planted_one(two):
    ratio = predicted_power(two["other"], two["weights"], two["box"]["projection"], two["root"])
    np.testing.assert_allclose(ratio, 1, atol=POWER_TOLERANCE)


def test_retraining_on_the_two_directions_keeps_the_power(two):
    projection = two["root"] / "pc2/projection.nc"
    project_on_gradients(two["box"]["projection"], two["pca"], 2, projection)
    weights = train(two["box"], two["other"], projection, two["root"] / "pc2")
    ratio = predicted_power(two["other"], weights, projection, two["root"] / "pc2")
    np.testing.assert_allclose(ratio, 1, atol=POWER_TOLERANCE)


def test_one_planted_direction_is_called_one(tmp_path, two_directions):
    box = plant(tmp_path, 3, two_directions[:1], None)
    weights = train(box, box, box["projection"], tmp_path / "fit")
    pca = tmp_path / "gradient_pca.nc"
    gradients.write_gradient_pca(
        weights, box["projection"], [box["features"]], [box["particles"]], pca
    )
    data = read_netcdf(pca)
    eigenvalue = data["eigenvalue"].sel(version="f", member=MEAN).values
    assert eigenvalue[0] / eigenvalue.sum() > 1 - POWER_TOLERANCE, eigenvalue / eigenvalue.sum()
    found = data["eigenvector"].sel(version="f", member=MEAN).values[:1]
    projection = Projection.read(box["projection"])
    cosine = principal_cosines(
        found @ projection.matrix, two_directions[:1] @ projection.matrix, projection.covariance
    )
    assert cosine.min() >= LEAST_COSINE, f"principal cosine {cosine}"
