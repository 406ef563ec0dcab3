"""Plain ways of the benchmark of the published way of working give what ours gives."""

import authors_features
import numpy as np
import pytest
import ratios
import torch
from authors_training import PlainTraining, as_in_a_small_box, our_training
from in_turn import COLUMNS, Pair, head, in_turn
from lagbias.config.names import FEATURE_KINDS
from lagbias.config.training import settings_from
from lagbias.features.smoothed import SmoothedFeatures


def test_plain_features_are_ours():
    box_size = 40.0
    density = np.random.default_rng(1).standard_normal((16,) * 3, dtype=np.float32)
    density -= density.mean()  # as of overdensities: the plain way does not take it out of G2
    ours = SmoothedFeatures(density, box_size)
    found = dict(authors_features.plain_features(density, box_size, [5.0, 7.0]))
    for scale in (5.0, 7.0):
        for kind in FEATURE_KINDS:
            expected = ours.compute(kind, scale)
            # Odd powers of k at the Nyquist frequency, which a plain script keeps: all but smoothed
            # away at twice the grid spacing.
            np.testing.assert_allclose(
                found[f"R{scale:g}_{kind}"], expected, atol=3e-4 * expected.std(), rtol=0
            )


def test_plain_training_has_our_loss_and_its_gradient():
    boxes, settings = as_in_a_small_box(seed=1, side=4), settings_from("code")
    module = our_training(boxes, boxes, settings)
    plain = PlainTraining(module, cells_per_batch=10_000)
    loss = module.loss(boxes, module.all_ratios(boxes), 1.0)
    assert plain.validate() == pytest.approx(loss, rel=1e-4)
    cells = torch.arange(boxes.cells)
    plain.data_loss(plain.boxes[0], cells).backward()
    rows, lengths = boxes.rows_of(cells)
    values = module.network.log10_ratio(boxes.inputs)
    module.loss_of_batch(values, cells, rows, lengths, 0).backward()
    torch.testing.assert_close(
        plain.network[0].weight.grad, module.network.layers[0].weight.grad, rtol=1e-3, atol=1e-3
    )


def test_an_epoch_counts_as_the_third():
    boxes = as_in_a_small_box(seed=1, side=4)
    module = our_training(boxes, boxes, settings_from("code"))
    assert module.current_epoch == 1  # of a training that is in its first


def test_ways_run_in_turn_and_warm_ups_are_not_counted():
    calls = []

    def way(name: str) -> float:
        calls.append(name)
        return float(len(calls))

    ours, plain = in_turn(lambda: way("ours"), lambda: way("plain"), trials=2)
    assert calls == ["ours", "plain"] * 3
    assert (ours, plain) == ([3, 5], [4, 6])


def test_one_table_has_the_ratios_of_all_benchmarks():
    pair = Pair("a step", "8³ points", ours=[1, 2, 1], plain=[2, 3, 3])
    printed = f"{head()}\n{pair.line()}\n\nMachine: made up."
    assert len(list(ratios.cells_of(printed))[0]) == len(COLUMNS)
    assert ratios.of_authors(printed) == [("a step, 8³ points", "the plain way", "2 (1.5–3)")]
    kernels = (
        "a box\n\n| work | ours, s | beside | s | ratio | limit |\n|---|---|---|---|---|---|\n"
    )
    assert ratios.of_kernels(kernels + "| sums | 1 | a loop | 2 | 2.0 |  |") == [
        ("sums", "a loop", "2.0")
    ]
    features = "| 16^3 | s |\n|---|---|\n\nplain / ours: 3.1 in time; largest difference"
    assert ratios.of_features(features)[0][2] == "3.1"
