"""Direct f: labels of grid points, a classifier of planted truth, its calibration, resuming."""

import logging
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from conftest import plant_box, plant_halo_particles
from lagbias.base.errors import InputError
from lagbias.base.stores import open_store, read_netcdf
from lagbias.config.tracers import parse_tracer
from lagbias.config.training import TrainingSettings
from lagbias.evaluation.calibration import calibration, write_calibration
from lagbias.features import smoothed
from lagbias.figures.calibration import plot_calibration
from lagbias.halos import indexing, selection
from lagbias.halos import particles as halo_particles
from lagbias.halos.labelling import write_labels
from lagbias.halos.labels import labelled_points, share_labelled
from lagbias.projection.orthogonal import orthogonalise
from lagbias.projection.projection import Projection
from lagbias.simulations.abacus.members import labelled_lattice
from lagbias.tables.losses import mean_losses
from lagbias.training import fit as training_fit
from lagbias.training.cells import Boxes, TrainingBoxes
from lagbias.training.classifier import (
    LabelledPoints,
    LabelTraining,
    PointBatches,
    load_labelled,
    train_direct,
)
from lagbias.training.fit import SaveEveryEpoch, checkpoint_beside, first_network, train_network
from lagbias.training.mean_ratio import mean_over_particles
from lagbias.training.network import ROWS_PER_PASS, Architecture, HaloToMassRatio, generator_of
from scipy.special import expit, xlog1py, xlogy

SMALL = TrainingSettings(
    epochs=4, cells_per_batch=100, block=1, neurons=6, hidden_layers=2, objective="labels"
)
N50 = parse_tracer("N50")
PER_SIDE, DENSITY_GRID = 24, 12  # up to eight particles share a point, one that lies between goes
# to the even one


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    """A box some of whose particles, more where the density is high, are in halos."""
    box = plant_box(tmp_path_factory.mktemp("labelled"), density_grid=DENSITY_GRID)
    # Nearest density point, ties to the even one, modulo the grid: with fractions of integers.
    quotient, rest = np.divmod(box.lagrangian_index * DENSITY_GRID, PER_SIDE)
    up = np.where(2 * rest == PER_SIDE, quotient % 2 == 1, 2 * rest > PER_SIDE)
    point = np.ravel_multi_index(((quotient + up) % DENSITY_GRID).T, (DENSITY_GRID,) * 3)
    height = box.linear_density.reshape(-1)[point] / box.linear_density.std()
    owned = np.random.default_rng(3).random(len(point)) < expit(2 * height - 1)
    plant_halo_particles(box, owned)
    return box, owned, point


@pytest.fixture(scope="module")
def boxes(planted, tmp_path_factory):
    """The stores of that box, as ``Boxes`` of one."""
    box, *_ = planted
    folder = tmp_path_factory.mktemp("results") / box.header["SimName"]
    grids = {scale: folder / f"features/R{scale:g}.zarr" for scale in (4.0, 8.0)}
    smoothed.write_features(box.linear_density, box.header["BoxSize"], grids)
    particles, halos, labels = (folder / f"{n}.zarr" for n in ("particles", "halos", "labels"))
    indexing.write_particles(box.opened, 6.0, particles)
    selection.write_halos(box.opened, 50, 6.0, halos)
    write_labels(box.opened, particles, N50, labels)
    orthogonalise([grids]).write(folder / "projection.nc")
    return Boxes([grids], [particles], [halos], [labels])


def projection_of(boxes):
    return boxes.particles[0].parent / "projection.nc"


def train(boxes, folder, settings=SMALL, seed=1, **more):
    folder.mkdir(exist_ok=True)
    weights, losses = folder / "weights.pt", folder / "losses.csv"
    run = train_direct if settings.objective == "labels" else train_network
    run(boxes, boxes, projection_of(boxes), settings, seed, weights, losses, **more)
    return weights.read_bytes(), pd.read_csv(losses)


@pytest.fixture(scope="module")
def trained(boxes, tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    return *train(boxes, folder), folder / "weights.pt"


def test_labelled_grid_points_are_those_of_the_planted_particles(planted, boxes):
    _, owned, point = planted
    store = open_store(boxes.labels[0])
    expected = np.bincount(point[owned], minlength=DENSITY_GRID**3)
    found = store["labelled"].values
    assert found.dtype == np.uint16
    assert expected.max() > 3, "no point holds several labelled particles: nothing is tested"
    np.testing.assert_array_equal(found.reshape(-1), expected)
    assert store.attrs["labelled_particles"] == owned.sum()
    assert store.attrs["particles"] == len(owned)
    assert share_labelled(boxes.labels * 2) == pytest.approx(owned.mean(), rel=1e-12)


def test_labelled_particles_are_known_by_their_identifiers(planted):
    box, owned, _ = planted
    found = np.concatenate([index for index, *_ in labelled_lattice(box.files, 50)])
    flat, expected = (
        np.sort(np.ravel_multi_index(index.astype(int).T, (PER_SIDE,) * 3))
        for index in (found, box.lagrangian_index[owned])
    )
    np.testing.assert_array_equal(flat, expected)


def test_lower_cut_labels_the_particles_of_small_halos_too(planted):
    box, owned, _ = planted
    count = {cut: sum(len(i) for i, *_ in labelled_lattice(box.files, cut)) for cut in (19, 20)}
    assert count[20] == owned.sum()
    assert count[19] > count[20]


def test_halos_that_count_one_share_it_among_their_particles(planted, boxes, tmp_path):
    """N50-number: every halo counts one, so labels add up to the number of halos, to a factor."""
    box, owned, _ = planted
    labels = tmp_path / "labels.zarr"
    write_labels(box.opened, boxes.particles[0], parse_tracer("N50-number"), labels)
    store = open_store(labels)
    halos = owned.sum() // 60  # of as many particles each as can be, all of them in the subsample
    assert store.attrs["labelled_particles"] == pytest.approx(51 * halos, rel=1e-5)
    found, whole = store["labelled"].values, open_store(boxes.labels[0])["labelled"].values
    np.testing.assert_array_equal(found > 0, whole > 0)
    assert (found <= whole).all()
    assert store.attrs["weighting"] == "number"


def test_labels_of_galaxies_are_refused_by_name(planted, boxes, tmp_path):
    with pytest.raises(InputError, match="tracer weighted by galaxies.*N50-number"):
        write_labels(
            planted[0].opened, boxes.particles[0], parse_tracer("N50-galaxies"),
            tmp_path / "labels.zarr",
        )  # fmt: skip


def test_rows_hold_every_particle_and_label_once(planted, boxes):
    _, owned, point = planted
    found, count, labelled = labelled_points(
        halo_particles.Particles.open(boxes.particles[0]), *boxes.labels
    )
    everything = np.bincount(point, minlength=DENSITY_GRID**3)
    np.testing.assert_array_equal(found, np.flatnonzero(everything))
    np.testing.assert_array_equal(count, everything[found])
    assert labelled.sum() == owned.sum()


def test_labels_of_another_box_are_refused(boxes, tmp_path):
    other = plant_box(tmp_path, density_grid=DENSITY_GRID, particles=600, seed=2)
    plant_halo_particles(other, np.arange(600) < 300)
    indexing.write_particles(other.opened, 6.0, tmp_path / "particles.zarr")
    with pytest.raises(
        InputError, match=r"labels.zarr: \d+ particles labelled at grid point .*same"
    ):
        labelled_points(halo_particles.Particles.open(tmp_path / "particles.zarr"), boxes.labels[0])


def test_labels_on_another_grid_are_refused(boxes, tmp_path):
    other = plant_box(tmp_path, density_grid=8)
    plant_halo_particles(other, np.arange(8000) < 300)
    indexing.write_particles(other.opened, 6.0, tmp_path / "particles.zarr")
    write_labels(other.opened, tmp_path / "particles.zarr", N50, tmp_path / "labels.zarr")
    wrong = replace(boxes, labels=[tmp_path / "labels.zarr"])
    with pytest.raises(InputError, match=r"labels.zarr has 8 points a side.*counts 12"):
        load_labelled(wrong, Projection.read(projection_of(boxes)), 1.0, seed=1)


def test_cut_above_all_halos_is_refused(planted, boxes, tmp_path):
    with pytest.raises(InputError, match="no particle in halos with N > 1000"):
        write_labels(
            planted[0].opened,
            boxes.particles[0],
            parse_tracer("N1000"),
            tmp_path / "labels.zarr",
        )
    assert not (tmp_path / "labels.zarr").exists()


def test_drawn_particles_keep_their_labels(planted, boxes):
    _, owned, _ = planted
    projection = Projection.read(projection_of(boxes))
    drawn, again = (load_labelled(boxes, projection, 0.25, seed=1) for _ in range(2))
    assert drawn.digest() == again.digest() != load_labelled(boxes, projection, 0.25, 2).digest()
    # Binomial: a quarter of 8000 +- 39, of the labelled ones likewise.
    assert abs(float(drawn.multiplicity.sum()) - len(owned) / 4) < 5 * 39
    labelled = float((drawn.multiplicity * drawn.labelled_share).sum())
    # Drawn one by one they would scatter so; by shares of points it is less.
    assert abs(labelled - owned.sum() / 4) < 5 * (owned.sum() * 3 / 16) ** 0.5
    assert float(drawn.multiplicity.min()) == 1


POINTS = 40_000
# Scatter of f about the planted one over its own, on points not trained on. Some tens of the
# network's numbers matter, and 25,000 labels determine them: (tens / 25,000)^(1/2) = 3 to 5 %.
RECOVERY_TOLERANCE = 0.07
# The share labelled of the 4000 particles of a bin scatters by (p (1 - p) / 4000)^(1/2), 0.006 at
# p (1 - p) ~ 0.15; its mean distance from a true p is 0.8 of that. As much again is the network's.
CALIBRATION_TOLERANCE = 0.01


def linear(inputs):
    return expit(inputs @ np.array([1.5, -0.7, 0.4]) - 1.5)


def bump(inputs):
    """Most where the first input is about 0.7, less above and below: no monotonic f has this."""
    return expit(3 * np.exp(-2 * (inputs[:, 0] - 0.7) ** 2) + 0.5 * inputs[:, 1] - 2.5)


def points_of(probability, seed):
    """Points with one to three particles each, which are labelled with a known probability."""
    random = np.random.default_rng(seed)
    inputs = random.normal(size=(POINTS, 3))
    count = random.integers(1, 4, POINTS)
    labelled = random.binomial(count, probability(inputs))
    box = {
        "inputs": inputs, "multiplicity": count, "labelled_share": labelled / count,
        "cells": POINTS // 10,
    }  # fmt: skip
    return LabelledPoints([box]), labelled


def no_field():
    """A field of one cell and row: its loss is not looked at."""
    one = np.ones(1, dtype=np.float32)
    box = {"inputs": np.zeros((1, 3)), "cell_start": np.array([0, 1]), "sampled_fraction": 1.0}
    names = ("multiplicity", "per_mean_cell", "halo_overdensity")
    return TrainingBoxes([box | dict.fromkeys(names, one)])


@pytest.fixture(scope="module", params=[linear, bump], ids=["linear", "bump"])
def recovered(request, tmp_path_factory):
    """A classifier trained on a planted probability, its training points, and untouched ones."""
    settings = TrainingSettings(epochs=6, cells_per_batch=40, block=1, objective="labels")
    points, _ = points_of(request.param, 1)
    module = LabelTraining(
        first_network(3, settings, 1), points, points_of(request.param, 2)[0], no_field(),
        settings, 1,
    )  # fmt: skip
    training_fit.fit(module, 1, tmp_path_factory.mktemp("fit") / "weights.pt")
    module.network.load_state_dict(module.snapshot)
    return module.network, points, points_of(request.param, 3), request.param


@torch.no_grad()
def ratio_at(network, points):
    return network(points.inputs).double().numpy()


def test_planted_probability_is_recovered_on_points_not_trained_on(recovered):
    network, training, (points, _), planted = recovered
    mean = np.average(planted(training.inputs.double().numpy()), weights=training.multiplicity)
    truth = planted(points.inputs.double().numpy()) / mean
    found = ratio_at(network, points)
    scatter = (found - truth).std() / truth.std()
    assert scatter < RECOVERY_TOLERANCE, scatter
    assert found.max() <= 1.05 / mean, "p above one, by more than the error of <p>"


def test_mean_ratio_of_all_training_particles_is_one(recovered):
    network, training, *_ = recovered
    ratio = torch.from_numpy(ratio_at(network, training))
    # The normalisation is a float64 number applied in float32.
    assert mean_over_particles(ratio, training) == pytest.approx(1, abs=1e-6)


def test_probability_is_calibrated_on_points_not_trained_on(recovered):
    network, training, (points, labelled), _ = recovered
    count = points.multiplicity.numpy()
    share = mean_over_particles(training.labelled_share, training)
    found = calibration(share * ratio_at(network, points), labelled, count)
    error = float(found["expected_calibration_error"])
    assert error < CALIBRATION_TOLERANCE, found
    # ... and tells something: the bins differ by far more than that.
    assert np.ptp(found["labelled_share"].values) > 0.4


def test_calibration_error_is_what_was_planted(rng):
    """p is off by +0.1 in one half and by -0.05 in the other: the mean distance is 0.075."""
    size = 400_000
    truth = np.repeat([0.2, 0.6], size // 2)
    predicted = truth + np.repeat([0.1, -0.05], size // 2) + rng.uniform(-0.01, 0.01, size)
    labelled = rng.binomial(1, truth)
    found = calibration(predicted, labelled, np.ones(size), bins=10)
    # The share of 40,000 particles scatters by 0.0025 in each of ten bins.
    assert float(found["expected_calibration_error"]) == pytest.approx(0.075, abs=0.003)
    np.testing.assert_array_equal(found["particles"], size / 10)
    assert (np.diff(found["predicted"]) > 0).all()
    np.testing.assert_allclose(found["labelled_share"], np.repeat([0.2, 0.6], 5), atol=0.012)


def test_calibration_counts_particles_and_not_points():
    """A point of 300 particles fills bins of its own; one that is left empty adds nothing."""
    found = calibration(np.array([0.1, 0.5, 0.9]), np.array([0, 150, 1]), np.array([1, 300, 1]), 4)
    assert found["particles"].sum() == 302
    assert float(found["expected_calibration_error"]) == pytest.approx((0.1 + 0.1) / 302)


def test_log_loss_is_that_of_its_formula(rng):
    points, labelled = points_of(linear, 1)
    count, probability = points.multiplicity.numpy(), rng.uniform(0.01, 0.99, POINTS)
    expected = -(xlogy(labelled, probability) + xlog1py(count - labelled, -probability)).sum()
    module = LabelTraining(first_network(3, SMALL, 1), points, points, no_field(), SMALL, 1)
    found = module.log_loss(points, torch.from_numpy(probability).float())
    assert found == pytest.approx(expected / count.sum(), rel=1e-5)  # float32


def test_gradient_in_passes_equals_that_of_the_log_loss(monkeypatch):
    monkeypatch.setitem(ROWS_PER_PASS, "cpu", 37)
    points, labelled = points_of(bump, 1)
    module = LabelTraining(first_network(3, SMALL, 1), points, points, no_field(), SMALL, 1)
    rows = torch.arange(0, 1000, 7)
    module.zero_grad()
    module.differentiate(rows, 0)
    found = [p.grad.clone() for p in module.network.layers.parameters()]
    p = torch.sigmoid(module.network.last_layer(points.inputs[rows]).double())
    k, n = torch.from_numpy(labelled)[rows], points.multiplicity[rows]
    loss = -(k * torch.log(p) + (n - k) * torch.log(1 - p)).sum() / n.sum()
    expected = torch.autograd.grad(loss, list(module.network.layers.parameters()))
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one.numpy(), other.numpy(), rtol=1e-4, atol=1e-6)
    assert max(float(g.abs().max()) for g in found) > 1e-3


def test_batches_hold_each_point_once_and_depend_on_seed_and_epoch_alone():
    points, _ = points_of(linear, 1)

    def order(seed, epoch):
        batches = PointBatches(points, SMALL, seed)
        batches.epoch = epoch
        return list(batches)

    first = order(7, 2)
    assert len(first) == len(PointBatches(points, SMALL, 7)) == 40
    assert sorted(torch.cat(first).tolist()) == list(range(POINTS))
    assert torch.equal(torch.cat(first), torch.cat(order(7, 2)))
    assert not torch.equal(torch.cat(first), torch.cat(order(7, 3)))
    assert not torch.equal(torch.cat(first), torch.cat(order(8, 2)))


def test_losses_are_those_of_labels_and_of_the_field(trained, boxes):
    _, losses, weights = trained
    names = [
        "epoch",
        "train_loss",
        "validation_loss",
        "validation_field_loss",
        "mean_ratio",
        "kept",
    ]
    assert list(losses) == names
    assert losses["train_loss"].iloc[-1] < losses["train_loss"].iloc[0]
    np.testing.assert_allclose(losses["mean_ratio"], 1, atol=1e-12)
    # One box plays both parts here.
    np.testing.assert_allclose(losses["validation_loss"], losses["train_loss"], rtol=1e-6)
    network, projection = HaloToMassRatio.load(weights), Projection.read(projection_of(boxes))
    module = LabelTraining(network, *[load_labelled(boxes, projection, 1.0, 1)] * 2, None, SMALL, 1)
    field = boxes.load(projection, 1.0, 1)
    found = module.loss_at_own_mean(field, module.all_ratios(field))
    assert found == pytest.approx(losses["validation_field_loss"].iloc[-1], rel=1e-5)


def test_tables_compare_the_loss_of_the_field(trained):
    file, losses = trained[2].with_name("losses.csv"), trained[1]
    found = mean_losses([file, file])
    assert found["validation_loss"] == losses["validation_field_loss"].iloc[-1]
    assert np.isnan(found["train_loss"]), "a log loss among losses of the field"


class Killed(BaseException):
    """Ends a training as a signal would."""


def interrupt(monkeypatch, boxes, folder, epochs):
    """Train until ``epochs`` checkpoints were written, then stop."""
    save, seen = SaveEveryEpoch.on_train_epoch_end, []

    def save_then_die(self, trainer, module):
        save(self, trainer, module)
        seen.append(0)
        if len(seen) == epochs:
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(SaveEveryEpoch, "on_train_epoch_end", save_then_die)
        with pytest.raises(Killed):
            train(boxes, folder)
    assert checkpoint_beside(folder / "weights.pt").exists()


@pytest.mark.parametrize("epochs", [1, 3])
def test_interrupted_training_ends_in_the_same_bytes(
    trained, boxes, tmp_path, monkeypatch, caplog, epochs
):
    interrupt(monkeypatch, boxes, tmp_path, epochs)
    caplog.clear()
    with caplog.at_level(logging.INFO, "lagbias"):
        weights, losses = train(boxes, tmp_path)
    assert "continuing from" in caplog.text
    assert f"epoch   {epochs}/4" not in caplog.text
    assert weights == trained[0], "resumed training ends in other bytes"
    pd.testing.assert_frame_equal(losses, trained[1])


def test_checkpoint_of_other_code_is_ignored(boxes, tmp_path, monkeypatch, caplog):
    interrupt(monkeypatch, boxes, tmp_path, 1)
    with caplog.at_level(logging.INFO, "lagbias"):
        train(boxes, tmp_path, code={"training": "edited"})
    assert "training starts again" in caplog.text


def test_weights_follow_the_seed_and_the_labels(trained, boxes, planted, tmp_path):
    assert train(boxes, tmp_path / "again")[0] == trained[0]
    assert train(boxes, tmp_path / "other", seed=2)[0] != trained[0]
    labels = tmp_path / "labels.zarr"
    write_labels(planted[0].opened, boxes.particles[0], parse_tracer("N19"), labels)
    assert train(replace(boxes, labels=[labels]), tmp_path / "cut")[0] != trained[0]


def test_calibration_is_written_for_every_seed_and_their_mean(trained, boxes, tmp_path):
    shutil.copy(trained[2], tmp_path / "weights.pt")
    write_calibration(
        {1: trained[2], 2: trained[2]}, projection_of(boxes), boxes.features[0], boxes.particles[0],
        boxes.labels[0], boxes.labels, tmp_path / "calibration.nc", model="R4-R8_direct",
    )  # fmt: skip
    found = read_netcdf(tmp_path / "calibration.nc")
    assert list(found["member"].values) == ["seed1", "seed2", "mean"]
    for member in ("seed2", "mean"):
        values = found.sel(member=member)
        np.testing.assert_allclose(values["predicted"], found["predicted"][0], rtol=1e-6)
    # f is one in the mean over these very particles, so p is the share labelled.
    mean = float((found["predicted"] * found["particles"])[0].sum() / found["particles"][0].sum())
    assert mean == pytest.approx(share_labelled(boxes.labels), rel=1e-6)
    assert found.attrs["share_here"] == found.attrs["share_trained_on"] == pytest.approx(mean)
    files = {name: tmp_path / "calibration.nc" for name in ("R4-R8", "R4-R8_direct")}
    plot_calibration(files, [tmp_path / "figure.png"])
    assert (tmp_path / "figure.png").stat().st_size > 5000


def test_sigmoid_output_is_a_probability_over_its_mean(tmp_path):
    network = HaloToMassRatio(Architecture(3, 2, 6, output="sigmoid"), generator_of(1, "weights"))
    network.log10_normalisation.fill_(np.log10(0.2))
    inputs = 100 * torch.randn(500, 3, generator=generator_of(2, "inputs"))
    expected = torch.sigmoid(network.last_layer(inputs)) / 0.2
    torch.testing.assert_close(network(inputs), expected, rtol=1e-5, atol=1e-7)
    assert 4.9 < float(network(inputs).max()) <= 5 * (1 + 1e-6)
    network.save(tmp_path / "weights.pt")
    assert HaloToMassRatio.load(tmp_path / "weights.pt").architecture == network.architecture


def test_unknown_output_is_named():
    with pytest.raises(InputError, match="output 'softplus': expected one of"):
        Architecture(3, output="softplus")


def test_weights_written_before_outputs_had_names_are_exponential(tmp_path):
    network = HaloToMassRatio(Architecture(3), generator_of(1, "weights"))
    network.save(tmp_path / "weights.pt")
    content = torch.load(tmp_path / "weights.pt", weights_only=True)
    content["metadata"] = content["metadata"].replace(', "output": "exponential"', "")
    assert "exponential" not in content["metadata"]
    torch.save(content, tmp_path / "weights.pt")
    assert HaloToMassRatio.load(tmp_path / "weights.pt").architecture == network.architecture
