"""The same f, gradients and training on a GPU as on the CPU. Skipped where there is no GPU."""

import numpy as np
import pytest
import torch
from lagbias.config.training import TrainingSettings
from lagbias.evaluation.prediction import evaluated
from lagbias.interpretation.gradients import gradient_covariance
from lagbias.training.cells import Boxes
from lagbias.training.fit import train_network
from lagbias.training.network import Architecture, HaloToMassRatio, generator_of

pytestmark = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="no CUDA device (torch.cuda.is_available() is false)"
)

# f = 10^NN: a layer's sums of 64 products in float32 round to some 1e-6 of log10 f of order one,
# and 10^x makes ln(10) times that of it. TF32, which would round to 1e-3, is torch's option only.
RATIO_TOLERANCE = 2e-5
# Rounding moves the weights of each step, and the steps follow one another: over two epochs of a
# training that has not converged the losses drift apart by far more than they round.
LOSS_TOLERANCE = 1e-3


def networks(device):
    architecture = Architecture(7, 5, 64, "gelu")
    made = (HaloToMassRatio(architecture, generator_of(seed, "weights")) for seed in (1, 2))
    return [network.to(device) for network in made]


def test_f_and_its_gradients_on_a_gpu_are_those_of_the_cpu(rng):
    inputs = rng.normal(size=(200_000, 7)).astype(np.float32)
    ratio = [evaluated(networks(device), inputs) for device in ("cpu", "cuda")]
    np.testing.assert_allclose(ratio[1], ratio[0], rtol=RATIO_TOLERANCE)
    count = rng.integers(1, 5, len(inputs))
    covariance = [gradient_covariance(networks(d), inputs, count) for d in ("cpu", "cuda")]
    scale = np.abs(covariance[0]).max()
    np.testing.assert_allclose(covariance[1], covariance[0], rtol=0, atol=RATIO_TOLERANCE * scale)


def losses_of_training(stores, folder, device, deterministic=False):
    folder.mkdir()
    boxes = Boxes([stores.features], [stores.particles], [stores.halos])
    settings = TrainingSettings(epochs=2, cells_per_batch=100, block=1)
    weights, losses = folder / "weights.pt", folder / "losses.csv"
    train_network(
        boxes, boxes, stores.projection, settings, 1, weights, losses,
        device=device, deterministic=deterministic,
    )  # fmt: skip
    state = HaloToMassRatio.load(weights).state_dict()
    table = np.loadtxt(losses, delimiter=",", skiprows=1)
    return table, np.concatenate([tensor.numpy().ravel() for tensor in state.values()])


@pytest.mark.parametrize("resident", [True, False])
def test_training_on_a_gpu_has_the_losses_of_the_cpu(stores, tmp_path, monkeypatch, resident):
    if not resident:
        monkeypatch.setattr("lagbias.training.cells.room_for", lambda size, device: False)
    found, _ = losses_of_training(stores, tmp_path / "gpu", "cuda")
    expected, _ = losses_of_training(stores, tmp_path / "cpu", "cpu")
    np.testing.assert_allclose(found, expected, rtol=LOSS_TOLERANCE)


def test_deterministic_training_on_a_gpu_ends_in_the_same_bits(stores, tmp_path):
    one, other = (
        losses_of_training(stores, tmp_path / name, "cuda", deterministic=True)[1]
        for name in ("one", "other")
    )
    np.testing.assert_array_equal(one, other)
