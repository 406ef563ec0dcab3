"""Intervals of 95 %: how often they hold the truth, in simulated studies of a known f."""

import pickle

import interval_coverage
import numpy as np
import pytest

BOXES, STUDIES = 400, 1000
# Of 95 %: studies share their boxes, of which there are 25 to 100 independent sets; 2.5 % is the
# binomial deviation of 75. Student's t of few boxes errs on the safe side of it.
COVERED = 0.95 - 2 * 0.025
# Two standard errors of the truth, which is a fit to all boxes.
TRUTH = 0.005


@pytest.fixture(scope="module")
def boxes(made_once):
    def make(folder):
        made = interval_coverage.made(BOXES, seed=3)
        (folder / "boxes").write_bytes(pickle.dumps(made))

    return pickle.loads((made_once("simulated_boxes", make) / "boxes").read_bytes())


@pytest.mark.slow
@pytest.mark.parametrize(("train", "test"), [(1, 4), (1, 12), (4, 3), (12, 4)])
def test_intervals_hold_the_truth(boxes, train, test):
    found = interval_coverage.coverage(boxes, train, test, STUDIES)
    assert found["with"] > COVERED, found


@pytest.mark.slow
def test_without_training_boxes_they_are_too_small(boxes):
    """Of one training box and many test boxes, by far: the test above can fail."""
    found = interval_coverage.coverage(boxes, 1, 12, STUDIES)
    assert found["without"] < 0.8, found


@pytest.mark.slow
def test_planted_model_is_nearly_the_truth(boxes):
    assert interval_coverage.truth(boxes) == pytest.approx(1, abs=0.02 + TRUTH)
    assert np.isfinite(boxes.products).all()
