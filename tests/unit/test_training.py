"""Training: cell sums, both loss estimators, exact normalisation, resuming, weights on disk."""

import logging
import os
import pickle
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np
import pandas as pd
import pytest
import torch
from conftest import make_stores, plant_box
from lagbias.base.errors import InputError, TrainingError
from lagbias.base.seeds import seed_of
from lagbias.config.training import Estimator, Normalisation, TrainingSettings, settings_from
from lagbias.fields import mesh
from lagbias.halos import indexing, selection
from lagbias.halos import particles as halo_particles
from lagbias.projection import projection as projection_projection
from lagbias.tables.losses import kept_losses
from lagbias.training.cells import (
    Boxes,
    TrainingBoxes,
    distinct_rows,
    draw_in_each,
    drawn_in_each,
    load_box,
)
from lagbias.training.field import CellBatches, RatioTraining
from lagbias.training.fit import SaveEveryEpoch, checkpoint_beside, squared_inputs, train_network
from lagbias.training.loss import cell_sums, squared_residual
from lagbias.training.mean_ratio import MeanRatio, mean_over_particles
from lagbias.training.network import ROWS_PER_PASS, Architecture, HaloToMassRatio, generator_of
from lagbias.training.optimiser import Soap

SCRIPTS = Path(__file__).parents[2] / "workflow/scripts"
ESTIMATORS, NORMALISATIONS = get_args(Estimator), get_args(Normalisation)
SMALL = TrainingSettings(epochs=4, cells_per_batch=100, block=1, neurons=6, hidden_layers=2)


def made_up_box(random, cells=64, rows=900, sampled_fraction=0.4, inputs=3):
    """One box's numbers as of ``load_box``; some cells are empty, some rows stand for several."""
    cell = np.sort(random.integers(0, cells // 2, rows) * 2)
    multiplicity = random.integers(1, 4, rows).astype(np.float32)
    return {
        "inputs": random.normal(size=(rows, inputs)).astype(np.float32),
        "multiplicity": multiplicity,
        "cell_start": np.searchsorted(cell, np.arange(cells + 1)),
        "per_mean_cell": np.full(cells, cells / multiplicity.sum(), dtype=np.float32),
        "halo_overdensity": random.normal(size=cells).astype(np.float32),
        "sampled_fraction": sampled_fraction,
    }


def every_cell(boxes):
    cells = torch.arange(boxes.cells)
    return cells, *boxes.rows_of(cells)


def test_cell_sums_equal_adding_one_by_one(rng):
    lengths = rng.integers(0, 6, 200)
    values = rng.normal(size=lengths.sum())
    expected = np.zeros(200)
    np.add.at(expected, np.repeat(np.arange(200), lengths), values)
    found = cell_sums(torch.from_numpy(values), torch.from_numpy(lengths))
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-12)


def test_rows_of_cells_are_theirs_in_any_order_and_over_boxes(rng):
    boxes = TrainingBoxes([made_up_box(rng), made_up_box(rng, cells=30, rows=200)])
    assert boxes.cells == 94
    cells = torch.tensor([89, 3, 0, 64, 2, 65, 0])
    rows, lengths = boxes.rows_of(cells)
    start = boxes.cell_start.tolist()
    expected = [list(range(start[c], start[c + 1])) for c in cells.tolist()]
    assert lengths.tolist() == [len(part) for part in expected]
    assert rows.tolist() == sum(expected, [])
    assert start[64] == 900
    assert start[-1] == 1100


def test_plain_loss_equals_a_loop_over_cells_and_particles(rng):
    data = made_up_box(rng)
    boxes = TrainingBoxes([data])
    ratio = rng.uniform(0.1, 3, 900)
    particles = data["multiplicity"].sum()
    expected = []
    for cell in range(64):
        total = 0.0
        for row in range(data["cell_start"][cell], data["cell_start"][cell + 1]):
            total += ratio[row] * data["multiplicity"][row]
        model = 64 / particles * total - 1
        expected.append((model - data["halo_overdensity"][cell]) ** 2)
    found = squared_residual(torch.from_numpy(ratio).float(), boxes, *every_cell(boxes), "plain")
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-4, atol=1e-5)


def thinned(random, full, share):
    """A random subsample of a full particle set, as of ``load_box``, and f of its rows."""
    cell, ratio, target = full
    drawn = random.random(len(cell)) < share
    cell, ratio = cell[drawn], ratio[drawn]
    cells = len(target)
    ones = np.ones(len(cell), dtype=np.float32)
    box = {
        "inputs": np.zeros((len(cell), 1)), "multiplicity": ones,
        "cell_start": np.searchsorted(cell, np.arange(cells + 1)),
        "per_mean_cell": np.full(cells, cells / len(cell)), "halo_overdensity": target,
        "sampled_fraction": share,
    }  # fmt: skip
    return box, torch.from_numpy(ratio).float()


def heavy_tailed(random):
    """A full set of 30 particles a cell, f of a long tail, and the loss of its cells.

    <f^2> = 2.8, so that the terms in question, <f^2> / 30 (all of it) and 1.5 and 4 times as much,
    stand out against a loss of about 1.
    """
    cell = np.sort(random.integers(0, 400, 30 * 400))
    ratio = random.lognormal(0, 1, len(cell))
    ratio /= ratio.mean()
    target = random.normal(size=400)
    model = 400 / len(cell) * np.bincount(cell, weights=ratio, minlength=400) - 1
    return (cell, ratio, target), float(((model - target) ** 2).mean())


@pytest.fixture(scope="module")
def losses_of_thinned_sets():
    """Loss of a full particle set, and of 400 random subsamples of it by each estimator."""
    random = np.random.default_rng(5)
    full, full_loss = heavy_tailed(random)
    draws = {estimator: [] for estimator in ESTIMATORS}
    for _ in range(400):
        box, values = thinned(random, full, 0.4)
        boxes = TrainingBoxes([box])
        for estimator, losses in draws.items():
            losses.append(
                float(squared_residual(values, boxes, *every_cell(boxes), estimator).mean())
            )
    return full_loss, {estimator: np.array(losses) for estimator, losses in draws.items()}


# Subsamples are normalised by their own number of particles, not by the expected one; with 4800
# of them that adds about 1 / 4800 of <(1 + delta)^2>, some 3e-4. Errors of the mean below are 1e-3.
RATIO_BIAS = 1e-3


def test_loss_of_a_subsample_is_that_of_all_particles_in_the_mean(losses_of_thinned_sets):
    full_loss, draws = losses_of_thinned_sets
    losses = draws["unbiased"]
    error = losses.std() / len(losses) ** 0.5
    difference = losses.mean() - full_loss
    assert abs(difference) < 4 * error + RATIO_BIAS, (
        f"{losses.mean():.4f} +- {error:.4f}, all particles {full_loss:.4f}"
    )


def test_boxes_of_unlike_subsampling_have_the_loss_of_all_particles_each(rng):
    """The pooled fraction, 0.2, would take off 0.03 too much, and 0.09 too little."""
    fulls = [heavy_tailed(rng), heavy_tailed(rng)]
    losses = []
    for _ in range(400):
        parts = [thinned(rng, full, s) for (full, _), s in zip(fulls, (0.3, 0.1), strict=True)]
        boxes = TrainingBoxes([box for box, _ in parts])
        values = torch.cat([values for _, values in parts])
        loss = squared_residual(values, boxes, *every_cell(boxes), "unbiased")
        losses.append(loss.reshape(2, 400).double().mean(1).numpy())
    error = np.std(losses, 0) / len(losses) ** 0.5
    difference = np.mean(losses, 0) - [loss for _, loss in fulls]
    # 1200 drawn particles: a normalisation by their own number adds four times as much as above.
    assert (abs(difference) < 4 * error + 4 * RATIO_BIAS).all(), f"{difference} +- {error}"


@pytest.mark.parametrize("other", [0.4, 0.41])
def test_boxes_of_one_fraction_have_one_number(rng, other):
    """Random draws of 0.4 of some 4500 particles scatter by 0.007."""
    boxes = TrainingBoxes([made_up_box(rng), made_up_box(rng, sampled_fraction=other)])
    assert boxes.sampled_in_cell is None
    assert boxes.sampled_of(torch.arange(3)) == boxes.sampled_fraction
    unlike = TrainingBoxes([made_up_box(rng), made_up_box(rng, sampled_fraction=0.1)])
    np.testing.assert_allclose(unlike.sampled_of(torch.tensor([3, 70])).numpy(), [0.4, 0.1])


def test_plain_loss_of_a_subsample_exceeds_that_of_all_particles(losses_of_thinned_sets):
    full_loss, draws = losses_of_thinned_sets
    losses = draws["plain"]
    assert losses.mean() - full_loss > 20 * losses.std() / len(losses) ** 0.5


def test_unbiased_loss_of_all_particles_is_the_plain_one(rng):
    boxes = TrainingBoxes([made_up_box(rng, sampled_fraction=1.0)])
    ratio = torch.rand(900, generator=torch.Generator().manual_seed(1))
    unbiased, plain = (
        squared_residual(ratio, boxes, *every_cell(boxes), name) for name in ("unbiased", "plain")
    )
    np.testing.assert_array_equal(unbiased.numpy(), plain.numpy())


def module_of(boxes, settings=SMALL, dtype=None):
    network = HaloToMassRatio(Architecture(3, 2, 6), generator_of(3, "weights"))
    module = RatioTraining(network, boxes, boxes, settings, seed=3)
    return module


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("normalisation", NORMALISATIONS)
def test_gradient_in_passes_equals_the_gradient_of_the_loss(
    rng, monkeypatch, estimator, normalisation
):
    monkeypatch.setitem(ROWS_PER_PASS, "cpu", 37)
    boxes = TrainingBoxes([made_up_box(rng), made_up_box(rng)])
    settings = replace(SMALL, estimator=estimator, normalisation=normalisation)
    module = module_of(boxes, settings)
    monkeypatch.setattr(RatioTraining, "current_epoch", 2)
    if normalisation == "exact":
        module.follow_mean(module.all_ratios(boxes))
    with torch.no_grad():  # a step later f is no longer that of the epoch's start
        module.network.layers[2].weight *= 1.3
    cells = torch.randperm(120, generator=torch.Generator().manual_seed(1))[:50]
    module.zero_grad()
    module.differentiate(cells, 0)
    found = [p.grad.clone() for p in module.network.layers.parameters()]

    # The loss in one piece.
    rows, lengths = boxes.rows_of(cells)
    ratio = module.network(boxes.inputs[rows])
    if normalisation == "exact":
        mean = module._mean_ratio
        ratio = ratio / mean.now(module.network(boxes.inputs[mean.rows(0)]), 0)
    loss = squared_residual(ratio, boxes, cells, rows, lengths, estimator)
    loss = loss.mean() if normalisation == "exact" else loss.sum()
    if normalisation == "penalty":
        particles = boxes.multiplicity[module.penalty_rows]
        fixed = module.network(boxes.inputs[module.penalty_rows])
        loss = loss + (((fixed * particles).sum() / particles.sum() - 1) / (0.1 / 8)) ** 2
    expected = torch.autograd.grad(loss, list(module.network.layers.parameters()))
    for one, other in zip(found, expected, strict=True):
        scale = 1e-6 * float(other.abs().max())
        np.testing.assert_allclose(one.numpy(), other.numpy(), rtol=1e-3, atol=2e-6 + scale)
    assert max(float(g.abs().max()) for g in found) > 1e-3


@pytest.fixture(scope="module")
def shared_points(tmp_path_factory):
    """Stores of a box with eight particles a Lagrangian point: many share point and cell."""
    folder = tmp_path_factory.mktemp("shared")
    return make_stores(plant_box(folder, density_grid=12), folder / "shared", (4.0, 8.0))


def drawn_particles(stores, fraction, seed):
    """The draw of one box, particle by particle: cells and network inputs."""
    catalogue = halo_particles.Particles.read(stores.particles)
    random = np.random.default_rng(seed_of(seed, f"subsample {stores.particles.parent.name}"))
    point, count, start = distinct_rows(catalogue, fraction, random, in_cells=True)
    assert count.max() > 1, "no row has two particles"
    inputs = projection_projection.Projection.read(stores.projection).at(stores.features, point)
    cell = np.repeat(np.arange(512), np.diff(start))
    return np.repeat(cell, count), torch.from_numpy(np.repeat(inputs, count, axis=0))


def loss_of_the_authors(batch, log10_ratio, cell, catalogue, halos, of_mean, epoch):
    """Their loss of a batch of cells, in plain numpy.

    ``log10_ratio`` and ``cell`` are of every drawn particle; ``of_mean`` are f and weight of the
    fixed particles; ``epoch`` counts from 0.
    """
    in_cell = np.diff(catalogue.cell_start)
    total = 0.0
    for c in batch:
        drawn = log10_ratio[cell == c]
        if len(drawn):
            assert len(drawn) == max(int(0.1 * in_cell[c]), 1)
            halo_mass = (10**drawn).sum() * in_cell[c] / len(drawn)
        else:
            assert in_cell[c] == 0
            halo_mass = 0.0
        mean_of_cells = in_cell.sum() / len(in_cell)
        total += (halo_mass / mean_of_cells - 1 - halos[c]) ** 2
        total += ((drawn[drawn < -5] + 5) ** 4).sum()
    if epoch >= 2:
        f, weight = of_mean
        total += ((np.average(f, weights=weight) - 1) / max(0.1 / epoch**3, 1e-4)) ** 2
    return total


@pytest.mark.parametrize("epoch", [0, 1, 2, 3, 69])
@pytest.mark.parametrize("shift", [0.0, -5.0], ids=["f near 1", "f near 1e-5"])
def test_code_preset_has_the_authors_loss_on_the_same_draw(
    shared_points, monkeypatch, epoch, shift
):
    """Their loss, restated particle by particle, in float64; ours sums rows in float32."""
    code = settings_from("code", cells_per_batch=100)
    boxes = Boxes([shared_points.features], [shared_points.particles], [shared_points.halos])
    projection = projection_projection.Projection.read(shared_points.projection)
    boxes = boxes.load(projection, code.particle_fraction, 4, code.draws_in_cells)
    network = HaloToMassRatio(Architecture(projection.inputs, 2, 6), generator_of(3, "weights"))
    cell, inputs = drawn_particles(shared_points, 0.1, seed=4)
    with torch.no_grad():
        network.layers[-1].weight *= 20
        network.layers[-1].bias += shift - network.log10_ratio(inputs).mean()
    module = RatioTraining(network, boxes, boxes, code, seed=4)
    monkeypatch.setattr(RatioTraining, "current_epoch", epoch)

    batch = torch.randperm(512, generator=torch.Generator().manual_seed(1))[:100, None]
    rows, lengths = boxes.rows_of(batch)
    evaluated = torch.cat([rows, module.rows_for_mean(0)])
    with torch.no_grad():
        values = network.log10_ratio(boxes.inputs[evaluated])
        found = float(module.loss_of_batch(values, batch, rows, lengths, 0))
        log10_ratio = network.log10_ratio(inputs).double().numpy()
        fixed = network.log10_ratio(boxes.inputs[module.penalty_rows]).double().numpy()
    assert (log10_ratio < -5).any() == (shift < 0)
    catalogue = halo_particles.Particles.read(shared_points.particles)
    in_cell = np.diff(catalogue.cell_start)
    row_cell = np.searchsorted(boxes.cell_start.numpy(), module.penalty_rows.numpy(), "right") - 1
    drawn = np.bincount(cell, minlength=512)
    count = boxes.drawn_of(*every_cell(boxes))[module.penalty_rows].numpy()
    expected = loss_of_the_authors(
        batch[:, 0].tolist(), log10_ratio, cell, catalogue, boxes.halo_overdensity.double().numpy(),
        (10**fixed, count * (in_cell / np.maximum(drawn, 1))[row_cell]), epoch,
    )  # fmt: skip
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_penalty_pulls_back_an_f_that_is_zero_in_float32(rng):
    boxes = TrainingBoxes([made_up_box(rng)])
    module = module_of(boxes, replace(SMALL, normalisation="penalty"))
    with torch.no_grad():
        module.network.layers[-1].bias -= 60
    assert float(module.all_ratios(boxes).max()) == 0
    module.zero_grad()
    module.differentiate(torch.arange(40), 0)
    gradient = module.network.layers[-1].bias.grad
    assert torch.isfinite(gradient).all()
    assert float(gradient) < 0  # a step raises f


@pytest.mark.parametrize("fraction", [0.1, 0.3, 0.95])
def test_share_of_each_cell_is_drawn_and_stands_for_all_of_it(shared_points, fraction):
    projection = projection_projection.Projection.read(shared_points.projection)
    catalogue = halo_particles.Particles.read(shared_points.particles)
    in_cell = np.diff(catalogue.cell_start)
    box = load_box(
        shared_points.features, shared_points.particles, shared_points.halos, projection, fraction,
        seed=2, in_cells=True,
    )  # fmt: skip
    rows = np.repeat(np.arange(512), np.diff(box["cell_start"]))
    per_cell = np.bincount(rows, box["multiplicity"], minlength=512)
    np.testing.assert_allclose(per_cell, in_cell, rtol=1e-6)
    np.testing.assert_allclose(box["per_mean_cell"], 512 / len(catalogue.final_cell), rtol=1e-6)
    boxes = TrainingBoxes([box])
    count = boxes.drawn_of(*every_cell(boxes)).numpy()
    np.testing.assert_allclose(count, np.rint(count), rtol=1e-6)
    drawn = [max(int(fraction * n), 1) if n else 0 for n in in_cell.tolist()]
    assert np.bincount(rows, np.rint(count), minlength=512).astype(int).tolist() == drawn


def test_all_of_a_cell_is_drawn_where_all_are_taken(shared_points):
    projection = projection_projection.Projection.read(shared_points.projection)
    stores = (shared_points.features, shared_points.particles, shared_points.halos)
    plain, others = (load_box(*stores, projection, 1.0, 2, cell) for cell in (True, False))
    assert plain.keys() == others.keys()
    for name, values in others.items():
        np.testing.assert_array_equal(plain[name], values, err_msg=name)


def test_every_particle_of_a_cell_is_drawn_as_often(rng):
    particles = np.array([0, 1, 12, 30, 0, 9])
    often = np.zeros(particles.sum())
    for _ in range(4000):
        drawn = draw_in_each(particles, 0.25, rng)
        assert np.add.reduceat(np.append(drawn, 0), [0, 1, 13, 43, 52])[:4].tolist() == [1, 3, 7, 2]
        often += drawn
    assert drawn_in_each(particles, 0.25).tolist() == [0, 1, 3, 7, 0, 2]
    share = np.repeat([1, 3 / 12, 7 / 30, 2 / 9], [1, 12, 30, 9])
    assert (abs(often / 4000 - share) <= 4.5 * (share * (1 - share) / 4000) ** 0.5).all()


def boxes_of_sides(random, *sides):
    return TrainingBoxes([made_up_box(random, cells=side**3) for side in sides])


def test_blocks_tile_every_box_and_are_cubes(rng):
    boxes = boxes_of_sides(rng, 4, 6)
    blocks = boxes.blocks(2, shift=(1, 0, 1))
    assert blocks.shape == (8 + 27, 8)
    assert sorted(blocks.flatten().tolist()) == list(range(64 + 216))
    first = np.stack(np.unravel_index(blocks[3].numpy(), (4, 4, 4)))
    for axis in first:  # two neighbouring planes, around the box
        low, high = sorted(set(axis.tolist()))
        assert high - low in (1, 3)


def test_blocks_that_do_not_tile_are_refused(rng):
    with pytest.raises(InputError, match="cubes of 3 cells do not tile a mesh of 4"):
        boxes_of_sides(rng, 4).blocks(3)


def test_residual_of_a_block_is_the_mean_of_its_cells(rng):
    """One plain residual over 8 cells against sums made with numpy."""
    boxes = boxes_of_sides(rng, 4)
    ratio = torch.from_numpy(rng.random(len(boxes.multiplicity)).astype(np.float32))
    cells = boxes.blocks(2, shift=(1, 1, 0))
    rows, lengths = boxes.rows_of(cells)
    found = squared_residual(ratio[rows], boxes, cells, rows, lengths, "plain")
    weight = (ratio * boxes.multiplicity).double().numpy()
    start = boxes.cell_start.numpy()
    sums = np.array([weight[a:b].sum() for a, b in zip(start, start[1:], strict=False)])
    model = sums * boxes.per_mean_cell.numpy()
    difference = (model - boxes.halo_overdensity.numpy() - 1)[cells.numpy()].mean(axis=1)
    np.testing.assert_allclose(found, difference**2, rtol=1e-4, atol=1e-6)


def test_batches_depend_on_seed_and_epoch_alone_and_hold_each_cell_once(rng):
    boxes = boxes_of_sides(rng, 10)
    settings = TrainingSettings(cells_per_batch=96, block=2)

    def order(seed, epoch):
        batches = CellBatches(boxes, settings, seed)
        batches.epoch = epoch
        torch.manual_seed(np.random.default_rng().integers(2**31))  # must not matter
        return list(batches)

    first = order(7, 2)
    assert len(first) == len(CellBatches(boxes, settings, 7)) == 11
    assert {len(batch) for batch in first} == {11, 12}
    assert sorted(torch.cat(first).flatten().tolist()) == list(range(1000))
    assert torch.equal(torch.cat(first), torch.cat(order(7, 2)))
    assert not torch.equal(torch.cat(first), torch.cat(order(7, 3)))
    assert not torch.equal(torch.cat(first), torch.cat(order(8, 2)))


def test_seeds_differ_by_purpose_and_fit_63_bits():
    seeds = {seed_of(seed, purpose) for seed in range(20) for purpose in ("weights", "penalty")}
    assert len(seeds) == 40
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert seed_of(1, "weights") == seed_of(1, "weights")


def test_box_is_loaded_with_every_particle(stores, planted_box):
    projection = projection_projection.Projection.read(stores.projection)
    box = load_box(stores.features, stores.particles, stores.halos, projection, 1.0, seed=1)
    particles = halo_particles.Particles.read(stores.particles)
    assert box["multiplicity"].sum() == len(particles.final_cell)
    per_cell = np.add.reduceat(
        np.append(box["multiplicity"], 0), np.minimum(box["cell_start"][:-1], len(box["inputs"]))
    )
    per_cell[np.diff(box["cell_start"]) == 0] = 0
    np.testing.assert_array_equal(per_cell, np.diff(particles.cell_start))
    np.testing.assert_allclose(box["per_mean_cell"], 512 / 8000, rtol=1e-6)
    np.testing.assert_allclose(box["sampled_fraction"], 8000 / 24**3)
    # Cell by cell the inputs are those of the particles' Lagrangian points, in any order.
    inputs = projection.at(stores.features, particles.lagrangian_index)
    cell = np.repeat(np.arange(512), np.diff(particles.cell_start))
    rows = np.repeat(np.arange(512), np.diff(box["cell_start"]))
    for column in range(inputs.shape[1]):
        np.testing.assert_allclose(
            np.bincount(
                rows, weights=box["inputs"][:, column] * box["multiplicity"], minlength=512
            ),
            np.bincount(cell, weights=inputs[:, column], minlength=512),
            rtol=1e-5, atol=1e-4,
        )  # fmt: skip


@pytest.mark.parametrize(("fraction", "in_cells"), [(1.0, False), (0.4, False), (0.4, True)])
def test_rows_sorted_in_parts_are_the_same(stores, monkeypatch, fraction, in_cells):
    projection = projection_projection.Projection.read(stores.projection)

    def load():
        return load_box(
            stores.features, stores.particles, stores.halos, projection, fraction, 3, in_cells
        )

    whole = load()
    monkeypatch.setattr("lagbias.training.cells.ROWS_AT_ONCE", 300)
    monkeypatch.setattr("lagbias.base.stores.CHUNK_BYTES", 2800)  # cells that lie in two chunks
    for name, values in load().items():
        np.testing.assert_array_equal(values, whole[name], err_msg=name)


@pytest.mark.parametrize(("most", "dtype"), [(255, np.uint8), (300, np.float32)])
def test_particles_of_a_row_are_counted_in_a_byte_where_they_fit(most, dtype):
    point = np.array([7, *[5] * most, 3, 7, 7], dtype=np.uint32)
    start = np.array([0, 2, most + 1, *[most + 4] * 6])  # of 8 cells
    catalogue = halo_particles.Particles(point, point, start, mesh.Mesh(2, 10.0), 4, 1.0)
    found, multiplicity, cell_start = distinct_rows(catalogue, 1.0, None)
    assert multiplicity.dtype == dtype
    assert found.tolist() == [5, 7, 5, 3, 7]
    assert multiplicity.tolist() == [1, 1, most - 1, 1, 2]
    assert cell_start.tolist() == [0, 2, 3, *[5] * 6]


def test_losses_by_bytes_and_by_floats_are_the_same(rng):
    """Counts that fit a byte enter every estimator as the same numbers."""
    data = made_up_box(rng)
    small = {"multiplicity": data["multiplicity"].astype(np.uint8)}
    floats, integers = TrainingBoxes([data]), TrainingBoxes([data | small])
    assert integers.multiplicity.dtype == torch.uint8
    ratio = torch.from_numpy(rng.lognormal(0, 1, 900)).float()
    assert mean_over_particles(ratio, integers) == mean_over_particles(ratio, floats)
    for estimator in ESTIMATORS:
        found, expected = (
            squared_residual(ratio, boxes, *every_cell(boxes), estimator)
            for boxes in (integers, floats)
        )
        np.testing.assert_array_equal(found, expected, err_msg=estimator)


def test_subsample_is_drawn_once_per_seed(stores):
    projection = projection_projection.Projection.read(stores.projection)

    def load(seed):
        return load_box(stores.features, stores.particles, stores.halos, projection, 0.25, seed)

    one, again, other = load(1), load(1), load(2)
    np.testing.assert_array_equal(one["inputs"], again["inputs"])
    # Binomial: 2000 of 8000 +- 39.
    assert abs(one["multiplicity"].sum() - 2000) < 5 * 39
    assert one["inputs"].shape != other["inputs"].shape or (one["inputs"] != other["inputs"]).any()
    np.testing.assert_allclose(one["sampled_fraction"], 0.25 * 8000 / 24**3)


def test_particles_and_halos_on_different_meshes_are_refused(stores, planted_box, tmp_path):
    selection.write_halos(planted_box.opened, 50, 12.0, tmp_path / "coarse.zarr")
    projection = projection_projection.Projection.read(stores.projection)
    with pytest.raises(InputError, match="has 4 cells a side.*8: expected one mesh"):
        load_box(stores.features, stores.particles, tmp_path / "coarse.zarr", projection, 1.0, 1)


def test_features_on_another_grid_are_refused(stores, tmp_path):
    box = plant_box(tmp_path, density_grid=12, particles=1000)
    indexing.write_particles(box.opened, 6.0, tmp_path / "p.zarr")
    projection = projection_projection.Projection.read(stores.projection)
    with pytest.raises(InputError, match="has 24 points a side.*counts 12"):
        load_box(stores.features, tmp_path / "p.zarr", stores.halos, projection, 1.0, 1)


def train(stores, folder, settings=SMALL, seed=1, **more):
    boxes = Boxes([stores.features], [stores.particles], [stores.halos])
    folder.mkdir(exist_ok=True)
    weights, losses = folder / "weights.pt", folder / "losses.csv"
    train_network(boxes, boxes, stores.projection, settings, seed, weights, losses, **more)
    return HaloToMassRatio.load(weights), pd.read_csv(losses)


def test_a_training_loads_no_compiler(stores, tmp_path):
    """Torch's takes as long to start as all else of a short training: nothing may call it."""
    features = {scale: str(path) for scale, path in stores.features.items()}
    code = f"""
import sys
from lagbias.config.training import settings_from
from lagbias.training.cells import Boxes
from lagbias.training.fit import train_network
boxes = Boxes([{features}], ["{stores.particles}"], ["{stores.halos}"])
settings = settings_from("seed", epochs=1, cells_per_batch=100)
train_network(boxes, boxes, "{stores.projection}", settings, 1, "weights.pt", "losses.csv")
print(*sys.modules)
"""
    environment = {**os.environ, "PYTHONPATH": str(SCRIPTS)}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    loaded = set(done.stdout.split())
    assert "pytorch_lightning" in loaded
    assert not {"torch._dynamo", "torch._inductor", "sympy", "torchmetrics"} & loaded


def tensors(network):
    return {name: tensor.numpy() for name, tensor in network.state_dict().items()}


def assert_same_bits(one, other):
    for name, tensor in tensors(one).items():
        np.testing.assert_array_equal(tensors(other)[name], tensor, err_msg=name)


@pytest.fixture(scope="module")
def trained(stores, tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    return *train(stores, folder), folder


def test_mean_ratio_over_all_training_particles_is_one(trained, stores):
    network, _, _ = trained
    projection = projection_projection.Projection.read(stores.projection)
    points = halo_particles.Particles.read(stores.particles).lagrangian_index
    inputs = torch.from_numpy(projection.at(stores.features, points))
    with torch.no_grad():
        mean = network(inputs).double().mean().item()
    # The normalisation is a float64 number applied in float32.
    np.testing.assert_allclose(mean, 1, rtol=0, atol=1e-5)
    # The scale sits in the last bias (see ``_anchor``): what is left to divide out is sampling.
    assert abs(network.log10_normalisation.item()) < 0.02


def test_losses_fall_and_every_epoch_is_recorded(trained):
    _, losses, folder = trained
    assert losses["epoch"].tolist() == [1, 2, 3, 4]
    assert losses["train_loss"].iloc[-1] < losses["train_loss"].iloc[0]
    np.testing.assert_allclose(losses["mean_ratio"], 1, atol=1e-12)
    np.testing.assert_allclose(losses["validation_loss"], losses["train_loss"], rtol=1e-4)
    assert sorted(path.name for path in folder.iterdir()) == ["losses.csv", "weights.pt"]


def test_same_seed_same_bits_and_another_seed_others(trained, stores, tmp_path):
    torch.manual_seed(99)
    state = torch.get_rng_state()
    again, _ = train(stores, tmp_path / "again")
    assert torch.equal(torch.get_rng_state(), state), "training touched torch's global generator"
    assert_same_bits(trained[0], again)
    other, _ = train(stores, tmp_path / "other", seed=2)
    assert (tensors(other)["layers.0.weight"] != tensors(trained[0])["layers.0.weight"]).all()


class Killed(BaseException):
    """Ends a training as a signal would."""


def interrupt(monkeypatch, stores, folder, epochs, before_saving=False, settings=SMALL):
    """Train until ``epochs`` checkpoints were written, then stop."""
    save = SaveEveryEpoch.on_train_epoch_end
    seen = []

    def save_then_die(self, trainer, module):
        seen.append(0)
        if before_saving and len(seen) == epochs + 1:
            raise Killed
        save(self, trainer, module)
        if not before_saving and len(seen) == epochs:
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(SaveEveryEpoch, "on_train_epoch_end", save_then_die)
        with pytest.raises(Killed):
            train(stores, folder, settings)
    assert checkpoint_beside(folder / "weights.pt").exists()
    assert not (folder / "weights.pt").exists()


@pytest.mark.parametrize("epochs", [1, 2, 3])
@pytest.mark.parametrize("before_saving", [False, True])
def test_interrupted_training_ends_in_the_same_bits(
    trained, stores, tmp_path, monkeypatch, caplog, epochs, before_saving
):
    network, losses, _ = trained
    interrupt(monkeypatch, stores, tmp_path / "run", epochs, before_saving)
    caplog.clear()
    with caplog.at_level(logging.INFO, "lagbias"):
        resumed, resumed_losses = train(stores, tmp_path / "run")
    assert "continuing from" in caplog.text
    assert f"epoch   {epochs + 1}/4" in caplog.text
    assert "epoch   1/4" not in caplog.text
    assert_same_bits(network, resumed)
    pd.testing.assert_frame_equal(resumed_losses, losses)
    assert not checkpoint_beside(tmp_path / "run" / "weights.pt").exists()


def test_interrupted_training_in_the_authors_way_ends_in_the_same_bits(
    stores, tmp_path, monkeypatch, caplog
):
    """Its fixed particles and the epoch of its tolerance are those of a run that went on."""
    authors = replace(SMALL, estimator="plain", normalisation="penalty", particle_fraction=0.3)
    network, _ = train(stores, tmp_path / "whole", authors)
    interrupt(monkeypatch, stores, tmp_path / "run", 3, settings=authors)
    with caplog.at_level(logging.INFO, "lagbias"):
        resumed, _ = train(stores, tmp_path / "run", authors)
    assert "continuing from" in caplog.text
    assert_same_bits(network, resumed)


def test_training_killed_after_its_last_checkpoint_still_ends_alike(
    trained, stores, tmp_path, monkeypatch
):
    network, losses, _ = trained
    interrupt(monkeypatch, stores, tmp_path / "run", epochs=4)
    resumed, resumed_losses = train(stores, tmp_path / "run")
    assert_same_bits(network, resumed)
    pd.testing.assert_frame_equal(resumed_losses, losses)


def test_checkpoint_of_another_training_is_ignored(trained, stores, tmp_path, monkeypatch, caplog):
    network, _, _ = trained
    interrupt(monkeypatch, stores, tmp_path / "run", 2)
    other = replace(SMALL, learning_rate=1e-3)
    with caplog.at_level(logging.WARNING, "lagbias"):
        found, _ = train(stores, tmp_path / "run", other)
    assert "is of another training" in caplog.text
    expected, _ = train(stores, tmp_path / "fresh", other)
    assert_same_bits(expected, found)


def test_checkpoint_of_other_code_is_ignored(trained, stores, tmp_path, monkeypatch, caplog):
    network, losses, _ = trained
    interrupt(monkeypatch, stores, tmp_path / "run", 2)
    with caplog.at_level(logging.WARNING, "lagbias"):
        found, found_losses = train(stores, tmp_path / "run", code={"training": "edited"})
    assert "or of other code: training starts again" in caplog.text
    assert_same_bits(network, found)
    pd.testing.assert_frame_equal(found_losses, losses)


def test_identity_of_a_training_hangs_on_all_its_numbers(rng):
    data = made_up_box(rng)
    digest = TrainingBoxes([data]).digest()
    assert TrainingBoxes([data]).digest() == digest
    for name in ("inputs", "multiplicity", "per_mean_cell", "halo_overdensity"):
        changed = data[name].copy()
        changed.flat[7] += 1
        assert TrainingBoxes([data | {name: changed}]).digest() != digest, name
    start = data["cell_start"].copy()
    start[11] -= 1
    assert TrainingBoxes([data | {"cell_start": start}]).digest() != digest, "cell_start"
    # It enters the unbiased loss as a factor.
    assert TrainingBoxes([data | {"sampled_fraction": 0.5}]).digest() != digest, "sampled_fraction"


def test_identity_of_a_training_differs_by_the_draw(stores):
    projection = projection_projection.Projection.read(stores.projection)
    boxes = Boxes([stores.features], [stores.particles], [stores.halos])
    digests = {
        boxes.load(projection, fraction, seed, in_cells).digest()
        for fraction, seed, in_cells in ((0.3, 1, False), (0.3, 1, True), (0.3, 2, True))
    }
    assert len(digests) == 3


def test_truncated_checkpoint_is_ignored_with_a_warning(
    trained, stores, tmp_path, monkeypatch, caplog
):
    network, _, _ = trained
    interrupt(monkeypatch, stores, tmp_path / "run", 2)
    checkpoint = checkpoint_beside(tmp_path / "run" / "weights.pt")
    checkpoint.write_bytes(checkpoint.read_bytes()[:2000])
    with caplog.at_level(logging.WARNING, "lagbias"):
        found, _ = train(stores, tmp_path / "run")
    assert "is unreadable" in caplog.text
    assert_same_bits(network, found)


def test_snapshot_epoch_keeps_the_weights_of_that_epoch(trained, stores, tmp_path):
    # This learning rate follows the epoch alone, so epoch 2 of 4 is the end of a run of 2.
    decaying = replace(SMALL, learning_rate_decay=0.9)
    kept, curve = train(stores, tmp_path / "kept", replace(decaying, snapshot_epoch=2))
    short, _ = train(stores, tmp_path / "short", replace(decaying, epochs=2))
    assert_same_bits(short, kept)
    assert list(curve["kept"]) == [False, True, False, False]
    losses = kept_losses([tmp_path / name / "losses.csv" for name in ("kept", "short")])
    assert losses["train_loss"][0] == losses["train_loss"][1]
    assert (tensors(kept)["layers.0.weight"] != tensors(trained[0])["layers.0.weight"]).any()


@pytest.mark.parametrize("decay", [None, 0.5])
def test_learning_rate_falls_by_steps_to_zero_or_by_a_factor_per_epoch(
    stores, tmp_path, monkeypatch, decay
):
    rates = []
    step = Soap.step

    def recorded(optimiser, *arguments, **named):
        rates.append(optimiser.param_groups[0]["lr"])
        return step(optimiser, *arguments, **named)

    monkeypatch.setattr(Soap, "step", recorded)
    train(stores, tmp_path, replace(SMALL, learning_rate_decay=decay))
    steps = len(rates) // SMALL.epochs
    assert steps > 1
    number = np.arange(len(rates))
    factor = 1 - number / len(rates) if decay is None else decay ** (number // steps)
    np.testing.assert_allclose(rates, SMALL.learning_rate * factor, rtol=1e-6)


def test_other_presets_train_too(stores, tmp_path):
    settings = replace(
        SMALL, estimator="plain", normalisation="penalty", activation="gelu",
        particle_fraction=0.5,
    )  # fmt: skip
    network, losses = train(stores, tmp_path, settings)
    assert np.isfinite(losses.drop(columns="kept").values).all()
    assert network.log10_normalisation.item() == 0


def test_weights_come_back_from_their_file(tmp_path):
    network = HaloToMassRatio(Architecture(4, 2, 5, "gelu"), generator_of(1, "weights"))
    network.log10_normalisation.fill_(0.123456789012345)
    network.save(tmp_path / "weights.pt", seed=1)
    found = HaloToMassRatio.load(tmp_path / "weights.pt")
    assert found.architecture == network.architecture
    assert_same_bits(network, found)
    inputs = torch.randn(50, 4, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        np.testing.assert_array_equal(found(inputs).numpy(), network(inputs).numpy())
        np.testing.assert_allclose(
            found(inputs).numpy(), 10 ** found.log10_ratio(inputs).numpy(), rtol=1e-5
        )


def test_gaussian_is_of_second_order_in_what_is_linear_in_the_density(tmp_path, rng):
    """log10 f is a constant, all inputs, and products of two of those that are squared."""
    network = HaloToMassRatio(
        Architecture(3, form="gaussian", squared=(0, 2)), generator_of(1, "weights")
    )
    inputs = rng.normal(size=(40, 3)).astype(np.float32)
    with torch.no_grad():
        np.testing.assert_array_equal(network(torch.from_numpy(inputs)), 1, err_msg="at first")
        last = network.layers[-1]
        last.weight[:] = torch.from_numpy(rng.normal(size=6).astype(np.float32))
        last.bias[:] = 0.3
        found = network.log10_ratio(torch.from_numpy(inputs)).numpy()
    x, y, z = inputs.T
    terms = np.stack([x, y, z, x * x, x * z, z * z])
    np.testing.assert_allclose(found, 0.3 + last.weight.detach().numpy()[0] @ terms, rtol=1e-4)
    network.save(tmp_path / "weights.pt")
    again = HaloToMassRatio.load(tmp_path / "weights.pt")
    assert again.architecture == network.architecture
    assert_same_bits(network, again)


def test_gaussian_is_trained_and_has_squares_of_density_modes_only(stores, tmp_path):
    network, losses = train(stores, tmp_path, replace(SMALL, form="gaussian", epochs=4))
    projection = projection_projection.Projection.read(stores.projection)
    assert 0 < projection.linear.sum() < projection.inputs
    assert network.architecture.squared == tuple(np.flatnonzero(projection.linear))
    assert losses["train_loss"].iloc[-1] < losses["train_loss"].iloc[0]
    mixed = projection.with_matrix(projection.matrix[:1] + projection.matrix[-1:])
    assert squared_inputs(mixed) == (0,), "a gradient direction mixes both"


class Malicious:
    """A pickle that runs code when it is loaded."""

    def __init__(self, witness):
        self.witness = witness

    def __reduce__(self):
        return open, (str(self.witness), "w")


def test_weights_file_with_code_in_it_is_refused_and_not_run(tmp_path):
    witness = tmp_path / "was-run"
    torch.save({"state": {}, "metadata": Malicious(witness)}, tmp_path / "weights.pt")
    with pytest.raises(InputError, match="not a weights file of this project"):
        HaloToMassRatio.load(tmp_path / "weights.pt")
    (tmp_path / "plain.pt").write_bytes(pickle.dumps(Malicious(witness)))
    with pytest.raises(InputError, match="not a weights file of this project"):
        HaloToMassRatio.load(tmp_path / "plain.pt")
    assert not witness.exists()


def test_truncated_weights_file_is_refused(trained, tmp_path):
    shutil.copy(trained[2] / "weights.pt", tmp_path / "weights.pt")
    content = (tmp_path / "weights.pt").read_bytes()
    (tmp_path / "weights.pt").write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match="delete it and train again"):
        HaloToMassRatio.load(tmp_path / "weights.pt")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("epochs", 0), ("cells_per_batch", 0), ("learning_rate", 0.0),
        ("learning_rate_decay", 1.1), ("adam_beta2", 1.0),
        ("particle_fraction", 0.0), ("particle_fraction", 1.5),
        ("estimator", "biased"), ("normalisation", "none"), ("snapshot_epoch", 21),
    ],
)  # fmt: skip
def test_setting_out_of_its_range_is_named(field, value):
    with pytest.raises(InputError, match=f"training.{field}: found {value!r}"):
        settings_from("seed", **{field: value})


def test_steps_are_as_many_whole_epochs_as_hold_them():
    settings = TrainingSettings(steps=2880, cells_per_batch=800)
    assert settings.for_cells(3 * 64_000).epochs == 12
    assert settings.for_cells(3 * 64_000 + 1).epochs == 12  # 241 steps an epoch
    assert settings.for_cells(64_000).epochs == 36
    assert settings.for_cells(10**7).epochs == 1
    assert TrainingSettings(epochs=7).for_cells(64_000).epochs == 7
    with pytest.raises(InputError, match="training.snapshot_epoch: found 50"):
        TrainingSettings(steps=2880, snapshot_epoch=50).for_cells(64_000)


def test_unknown_preset_setting_and_activation_are_named():
    with pytest.raises(InputError, match=r"training.preset: found 'paper'.*\['code', 'seed'\]"):
        settings_from("paper")
    with pytest.raises(InputError, match="training.epoch: unknown"):
        settings_from("seed", epoch=3)
    for wrong, message in (
        ({"activation": "relu"}, "activation 'relu'.*gelu.*; write one of them"),
        ({"form": "cubic"}, "form 'cubic'.*; write one of them"),
        ({"neurons": 0}, "expected at least 1 of each number; raise"),
        ({"squared": (0,)}, "and none of a network; give their numbers"),
    ):
        with pytest.raises(InputError, match=message):
            Architecture(3, **wrong)
    with pytest.raises(InputError, match="form 'spline'.*gaussian"):
        Architecture(3, form="spline")
    for squared in ((), (3,), (-1,)):
        with pytest.raises(InputError, match="squared .* expected some of 3 inputs"):
            Architecture(3, form="gaussian", squared=squared)
    with pytest.raises(InputError, match="at least 1"):
        Architecture(0)


def test_code_preset_is_the_authors():
    code = settings_from("code", epochs=60)
    assert (code.hidden_layers, code.neurons, code.activation) == (5, 64, "gelu")
    assert (code.estimator, code.normalisation, code.particle_fraction) == ("plain", "penalty", 0.1)
    assert code.draws_in_cells
    assert not settings_from("code", estimator="unbiased").draws_in_cells
    assert (code.learning_rate, code.snapshot_epoch, code.epochs) == (2e-3, 50, 60)
    assert (code.learning_rate_decay, code.adam_beta2) == (0.9, 0.999)


@pytest.fixture
def ratios(rng):
    """A box, f of its rows with a long tail, and f a few training steps later."""
    boxes = boxes_of_sides(rng, 4)
    before = rng.lognormal(0, 2, len(boxes.multiplicity))
    after = before * rng.lognormal(0, 0.3, len(before))
    return boxes, torch.from_numpy(before).float(), torch.from_numpy(after).float()


def test_followed_mean_is_exact_where_only_the_scale_has_moved(ratios):
    boxes, before, _ = ratios
    mean = MeanRatio(boxes, before, 3, generator_of(1, "test"))
    expected = float((before.double() * boxes.multiplicity).sum() / boxes.multiplicity.sum())
    assert mean.at_start == pytest.approx(expected, rel=1e-6)
    for scale in (1e-12, 1.0, 50.0):
        now = mean.now(scale * before[mean.rows(2)], 2)
        assert float(now) == pytest.approx(scale * expected, rel=1e-5)


def test_followed_mean_and_its_gradient_are_right_in_the_mean(ratios):
    boxes, before, after = ratios
    steps = 500
    mean = MeanRatio(boxes, before, steps, generator_of(1, "test"))
    exponent = torch.zeros((), requires_grad=True)  # f = after^(1 + exponent)
    found, slopes = [], []
    for step in range(steps):
        now = mean.now(after[mean.rows(step)] ** (1 + exponent), step)
        found.append(now.item())
        slopes.append(torch.autograd.grad(now, exponent)[0].item())
    weight = boxes.multiplicity.double()
    truth = mean_over_particles(after, boxes)
    slope = float((after.double() * after.double().log() * weight).sum() / weight.sum())
    # A quotient of sums over 1024 rows: biased by about 1 / 1024 of its scatter squared.
    assert np.std(found) < 0.03 * truth
    assert np.mean(found) == pytest.approx(truth, rel=4 * 0.03 / steps**0.5)
    assert np.mean(slopes) == pytest.approx(slope, rel=4 * np.std(slopes) / slope / steps**0.5)


def test_loss_does_not_feel_the_scale_of_the_unnormalised_ratio(rng):
    """No force on the last bias, whatever it is: nothing drifts, nothing dies."""
    boxes = TrainingBoxes([made_up_box(rng)])
    module = module_of(boxes)
    module.follow_mean(module.all_ratios(boxes))
    losses = []
    for shift in (0.0, -7.0, 12.0):
        with torch.no_grad():
            module.network.layers[-1].bias += shift
        module.zero_grad()
        module.differentiate(torch.arange(40), 0)
        gradient = [p.grad.clone() for p in module.network.layers.parameters()]
        losses.append(gradient[0])
        assert abs(float(gradient[-1])) < 1e-4 * float(gradient[-2].abs().max())
    for other in losses[1:]:
        torch.testing.assert_close(other, losses[0], rtol=1e-3, atol=1e-5)


def test_training_that_diverges_stops_with_what_to_change(stores, tmp_path):
    settings = replace(SMALL, learning_rate=1e30)
    with pytest.raises(TrainingError, match=r"epoch 1: .*lower training.learning_rate \(1e\+30\)"):
        train(stores, tmp_path, settings)
    assert not list(tmp_path.glob("weights*"))


def test_scale_of_the_unnormalised_ratio_is_anchored(rng):
    boxes = boxes_of_sides(rng, 4)
    network = HaloToMassRatio(Architecture(3), generator_of(1, "weights"))
    module = RatioTraining(
        network, boxes, boxes, TrainingSettings(cells_per_batch=8, block=2), seed=1
    )
    module.follow_mean(module.all_ratios(boxes))
    with torch.no_grad():
        network.layers[-1].bias += 6
    module._anchor()
    mean = mean_over_particles(module.all_ratios(boxes), boxes)
    assert mean == pytest.approx(1, abs=1e-4)
