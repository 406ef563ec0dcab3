"""Several seeds trained in one pass, against one after the other: a training step of each way.

    python benchmarks/seeds_together.py [--seeds 2 5] [--set mini] [--scales R2-R4-R8]

Runs on the stores that the default config makes, one thread. The step of the workflow (f and its
gradient for the particles of a batch of cells, in passes that stay in cache, and Adam's step) is
taken once for each seed, and once for all of them stacked, as batched matrix products on the same
rows, gathered once.
Seeds that share their rows share their batches too, so their noise is no longer independent: this
is the most that training them together could save. Losses and gradients of both ways are compared.
Seconds are of CPU time, the least and the median of some runs, the two ways in turn.
"""

import argparse
import math
import statistics
import sys
import time
import warnings
from pathlib import Path

import torch
import yaml

sys.path.insert(0, str(Path(__file__).parents[1] / "workflow/scripts"))

from lagbias.config.names import parse_scales
from lagbias.projection.projection import Projection
from lagbias.training.cells import Boxes
from lagbias.training.loss import cell_sums
from lagbias.training.network import ROWS_PER_PASS, Architecture, HaloToMassRatio, generator_of

BLOCKS = 12  # of 4^3 cells: a batch of the default config


class Stacked(torch.nn.Module):
    """Several networks of one architecture as one, by batched matrix products."""

    def __init__(self, networks: list[HaloToMassRatio]):
        super().__init__()
        linear = [[m for m in n.layers if isinstance(m, torch.nn.Linear)] for n in networks]
        layers = list(zip(*linear, strict=True))
        self.weights, self.biases = (
            torch.nn.ParameterList(
                torch.stack([getattr(linear, name).detach() for linear in layer])
                for layer in layers
            )
            for name in ("weight", "bias")
        )
        self.activation = networks[0].layers[1]

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """f of every network, (networks, rows), for inputs (rows, inputs)."""
        values = inputs.expand(len(self.weights[0]), *inputs.shape)
        for number, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            values = self.activation(values) if number else values
            values = torch.baddbmm(bias[:, None], values, weight.mT)
        return torch.exp(math.log(10) * values[..., 0])


def step(model: torch.nn.Module, optimiser, boxes, cells: torch.Tensor, size: int) -> torch.Tensor:
    """Squared residuals summed over networks and cells; the gradient stays on the model."""
    optimiser.zero_grad()
    rows, lengths = boxes.rows_of(cells)
    weight, inputs = boxes.multiplicity[rows], boxes.inputs[rows]
    target = boxes.halo_overdensity[cells] + 1
    parts = [model(part) for part in inputs.split(size)]
    ratio = torch.cat([part.detach() for part in parts], dim=-1).requires_grad_(True)
    # Every network's cells are further cells of one list.
    together = (ratio * weight).reshape(-1)
    count = together.numel() // len(rows)
    sums = cell_sums(together, lengths.repeat(count)).reshape(count, -1)
    loss = ((boxes.per_mean_cell[0] * sums - target) ** 2).sum()
    loss.backward()
    for part, gradient in zip(parts, ratio.grad.split(size, dim=-1), strict=True):
        part.backward(gradient)
    optimiser.step()
    return loss.detach()


def still(model: torch.nn.Module) -> torch.optim.Optimizer:
    """Adam at its full cost, and a rate of zero: both ways keep the same weights."""
    return torch.optim.Adam(model.parameters(), lr=0.0)


def compare(boxes, inputs: int, seeds: int, repeats: int) -> None:
    """Print a line: CPU seconds of a step of some seeds, both ways."""
    architecture = Architecture(inputs)
    networks = [
        HaloToMassRatio(architecture, generator_of(seed, "weights")) for seed in range(seeds)
    ]
    stacked, size = Stacked(networks), ROWS_PER_PASS["cpu"]
    cells = boxes.blocks(4)[:BLOCKS].reshape(-1)

    optimisers, together = [still(network) for network in networks], still(stacked)

    def apart():
        pairs = zip(networks, optimisers, strict=True)
        return sum(step(network, adam, boxes, cells, size) for network, adam in pairs)

    # Activations of all seeds at once fit the cache in smaller passes, or do not: both are tried.
    ways = {"apart": apart} | {
        str(rows): lambda rows=rows: step(stacked, together, boxes, cells, rows)
        for rows in (size, size // seeds)
    }
    seconds = {name: [] for name in ways}
    for _ in range(repeats):
        for name, work in ways.items():
            started = time.process_time()
            loss = work()
            seconds[name].append(time.process_time() - started)
            torch.testing.assert_close(loss, apart(), rtol=1e-4, atol=0)
    one = torch.stack([network.layers[0].weight.grad for network in networks])
    torch.testing.assert_close(stacked.weights[0].grad, one, rtol=1e-3, atol=1e-3)
    columns = []
    for summary in (min, statistics.median):
        found = {name: 1e3 * summary(values) for name, values in seconds.items()}
        one_by_one, at_once = found.pop("apart"), min(found.values())
        columns += [f"{one_by_one:.1f}", f"{at_once:.1f}", f"{one_by_one / at_once:.2f}"]
    rows = len(boxes.rows_of(cells)[0])
    print(f"| {seeds} | {rows} | {' | '.join(columns)} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[2, 5])
    parser.add_argument("--set", default="mini")
    parser.add_argument("--scales", default="R2-R4-R8")
    parser.add_argument("--repeats", type=int, default=100)
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    config = yaml.safe_load(Path("config/config.yaml").read_text(encoding="utf-8"))
    tracer, sim = config["tracers"][0], config["training_sets"][arguments.set]["train"][0]
    features = {
        scale: f"results/{sim}/features/R{scale:g}.zarr" for scale in parse_scales(arguments.scales)
    }
    projection = Projection.read(
        f"results/fits/{arguments.set}/{tracer}/{arguments.scales}/projection.nc"
    )
    boxes = Boxes(
        [features], [f"results/{sim}/particles.zarr"], [f"results/{sim}/halos/{tracer}.zarr"]
    ).load(projection, 1.0, 1)
    ways = "one after the other, ms | in one pass, ms | ratio"
    print(f"| seeds | rows a step | least: {ways} | median: {ways} |")
    print("|---" * 8 + "|")
    for seeds in arguments.seeds:
        compare(boxes, projection.inputs, seeds, arguments.repeats)


if __name__ == "__main__":
    main()
