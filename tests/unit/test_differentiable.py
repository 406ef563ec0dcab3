"""f of a torch tensor: equal to that of arrays, gradients against finite differences, ONNX."""

import lagbias
import numpy as np
import pytest
import torch
from lagbias.base.errors import InputError
from lagbias.config.names import FEATURE_KINDS
from lagbias.evaluation.prediction import evaluated
from lagbias.features.smoothed import SmoothedFeatures
from lagbias.model.differentiable import TorchFeatures

BOX_SIZE = 48.0
# Relative to a feature's standard deviation: float32 transforms of FFTW against float64 ones.
FLOAT32_FEATURES = 5e-6
# f of float32 features and inputs; coefficients of the projection enlarge their rounding.
FLOAT32_RATIO = 1e-3
# Float32 sums in another order.
ONNX_RATIO = 1e-4

pytestmark = pytest.mark.filterwarnings("ignore::lagbias.model.seen.OutOfRange")


@pytest.fixture
def model(model_file):
    return lagbias.load(model_file)


@pytest.fixture
def density(planted_box) -> torch.Tensor:
    return torch.from_numpy(planted_box.linear_density)


@pytest.mark.parametrize("points", [24, 25])
def test_features_are_those_of_fftw(points, rng):
    field = rng.normal(size=(points,) * 3).astype(np.float32)
    plain = SmoothedFeatures(field, BOX_SIZE)
    made = TorchFeatures(torch.from_numpy(field).double(), BOX_SIZE)
    for kind in FEATURE_KINDS:
        for scale in (2.0, 7.0):
            expected = plain.compute(kind, scale)
            difference = made.compute(kind, scale).numpy() - expected
            assert np.abs(difference).max() / expected.std() < FLOAT32_FEATURES, (kind, scale)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_ratio_is_that_of_arrays(model, density, dtype):
    expected = model.ratio(density.numpy(), BOX_SIZE, seeds=True)
    found = model.ratio(density.to(dtype), BOX_SIZE, seeds=True)
    assert found.dtype == dtype
    np.testing.assert_allclose(found.numpy(), expected, rtol=FLOAT32_RATIO)
    mean = model.ratio(density.to(dtype), BOX_SIZE)
    np.testing.assert_allclose(mean.numpy(), found.numpy().mean(0), rtol=1e-5)


def test_gradient_is_that_of_finite_differences(model, density, rng):
    """Of a weighted sum of f, along random changes of the density; float64 throughout."""
    weight = torch.from_numpy(rng.normal(size=density.shape))

    def total(field):
        return (weight * model.ratio(field, BOX_SIZE)).sum()

    field = density.double().requires_grad_()
    (gradient,) = torch.autograd.grad(total(field), field)
    for seed in range(3):
        change = torch.from_numpy(np.random.default_rng(seed).normal(size=density.shape))
        step = 1e-4
        with torch.no_grad():
            plus, minus = (total(field + sign * step * change) for sign in (1, -1))
        numerical = (plus - minus) / (2 * step)
        # Central differences err by the third derivative, some step^2.
        assert (gradient * change).sum().item() == pytest.approx(numerical.item(), rel=1e-5)


def test_weights_take_no_gradient(model, density):
    model.ratio(density.requires_grad_(), BOX_SIZE).sum().backward()
    assert density.grad.isfinite().all()
    for network in model.file.networks.values():
        assert all(weight.grad is None for weight in network.parameters())
        assert network.log10_normalisation.dtype == torch.float64


def test_gradient_descent_finds_the_amplitude_of_a_mode(model, density):
    """The example of the docs, shorter: f of a density tells a wave of it."""
    field = density.double()
    x = torch.arange(len(field), dtype=torch.float64) * (2 * np.pi / len(field))
    wave = torch.cos(x)[:, None, None]
    observed = model.ratio(field + 0.5 * wave, BOX_SIZE)
    amplitude = torch.zeros((), dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.Adam([amplitude], lr=0.1)
    for _ in range(80):
        optimiser.zero_grad()
        ((model.ratio(field + amplitude * wave, BOX_SIZE) - observed) ** 2).mean().backward()
        optimiser.step()
    assert amplitude.item() == pytest.approx(0.5, abs=0.02)


def test_onnx_gives_f_of_inputs(model, tmp_path, rng):
    pytest.importorskip("onnx")
    pytest.importorskip("onnxscript")
    runtime = pytest.importorskip("onnxruntime")
    path = tmp_path / "network.onnx"
    model.save_onnx(path)
    session = runtime.InferenceSession(path)
    for points in (1, 1001):
        inputs = rng.normal(size=(points, model.file.projection.inputs)).astype(np.float32)
        (found,) = session.run(["ratio"], {"inputs": inputs})
        expected = evaluated(list(model.file.networks.values()), inputs).mean(0)
        np.testing.assert_allclose(found, expected, rtol=ONNX_RATIO)
    assert '"made_up"' in session.get_modelmeta().custom_metadata_map["lagbias"]


def test_onnx_says_what_is_not_installed(model, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "onnx", None)
    with pytest.raises(InputError, match="ONNX: package onnx is not installed.*pip install"):
        model.save_onnx(tmp_path / "network.onnx")
    assert not list(tmp_path.glob("*.onnx"))
