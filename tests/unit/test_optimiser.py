"""SOAP: its way does not depend on the axes, and a run that is resumed goes the same way."""

import copy

import pytest
import torch
from lagbias.training.optimiser import Soap


def valley(turned: bool = False):
    """A layer whose inputs are collinear, and the mean squared error of what it should give."""
    generator = torch.Generator().manual_seed(0)
    turn = torch.linalg.qr(torch.randn(8, 8, generator=generator))[0]
    inputs = torch.randn(500, 8, generator=generator) * 10.0 ** -torch.linspace(0, 1.5, 8)
    wanted = inputs @ torch.randn(8, 3, generator=generator)
    inputs = inputs @ turn if turned else inputs
    layer = torch.nn.Linear(8, 3)
    with torch.no_grad():
        layer.weight.zero_()
        layer.bias.fill_(0.5)
    return layer, lambda: ((layer(inputs) - wanted) ** 2).mean()


def run(layer, loss, optimiser, steps: int) -> float:
    for _ in range(steps):
        optimiser.zero_grad()
        loss().backward()
        optimiser.step()
    return float(loss().detach())


@pytest.mark.parametrize(("kind", "alike"), [(Soap, True), (torch.optim.Adam, False)])
def test_it_does_not_matter_how_inputs_are_turned(kind, alike):
    """Adam scales each weight alone, so that its way depends on the axes; ours finds its own."""
    ends = []
    for turned in (False, True):
        layer, loss = valley(turned=turned)
        ends.append(run(layer, loss, kind(layer.parameters(), lr=0.03, betas=(0.9, 0.95)), 60))
    # Not to the digit: at first, a batch's gradient tells nothing of some directions.
    assert (max(ends) < 1.5 * min(ends)) == alike, ends


def test_one_neuron_of_one_input_is_adams():
    """Nothing can be turned."""
    ends = []
    for kind in (Soap, torch.optim.Adam):
        weight = torch.nn.Parameter(torch.tensor([[2.0]]))
        optimiser = kind([weight], lr=0.1, betas=(0.9, 0.95))
        for _ in range(20):
            optimiser.zero_grad()
            (weight**4).sum().backward()
            optimiser.step()
        ends.append(float(weight.detach()))
    assert ends[0] == pytest.approx(ends[1], rel=1e-5)


def test_a_resumed_run_ends_in_the_same_weights():
    layer, loss = valley()
    optimiser = Soap(layer.parameters(), lr=0.03)
    run(layer, loss, optimiser, 17)
    state = copy.deepcopy(optimiser.state_dict())
    weights = copy.deepcopy(layer.state_dict())
    run(layer, loss, optimiser, 23)

    again, loss = valley()
    again.load_state_dict(weights)
    resumed = Soap(again.parameters(), lr=0.5)
    resumed.load_state_dict(state)
    run(again, loss, resumed, 23)
    for name, value in layer.state_dict().items():
        torch.testing.assert_close(again.state_dict()[name], value, rtol=0, atol=0)
