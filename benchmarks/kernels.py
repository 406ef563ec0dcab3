"""The kernels beside what a user would write otherwise, as ratios in one run.

    python benchmarks/kernels.py [--sim mini_ph000] [--set mini] [--scales R2-R4-R8] [--threads 1]

Runs on the stores that the default config makes; features have a benchmark of their own
(``features.py``). Each pair does the same work on the same input and its answers are compared; a
line gives seconds of the wall clock of both (the least of three runs, but for what is run once, as
it is in a job) and their ratio. For the network and for painting the share of the machine's limit
is printed too.
"""

import argparse
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import yaml
from abacusnbody.analysis.power_spectrum import calc_pk_from_deltak
from abacusnbody.data.read_abacus import read_asdf

sys.path.insert(0, str(Path(__file__).parents[1] / "workflow/scripts"))

from lagbias.config.names import parse_scales
from lagbias.evaluation.prediction import occupied, ratio_on_grid
from lagbias.fields.painting import paint
from lagbias.fields.shells import Shells, field_modes, shell_edges
from lagbias.halos.carried import evaluation_grid
from lagbias.halos.particles import Particles
from lagbias.projection.projection import Projection
from lagbias.simulations.abacus.reader import particle_chunks
from lagbias.simulations.abacus.tree import BoxFiles
from lagbias.training.cells import Boxes
from lagbias.training.loss import cell_sums
from lagbias.training.network import Architecture, HaloToMassRatio, generator_of


def timed(work: Callable, repeats: int = 3) -> tuple[float, object]:
    """Least seconds of some runs, and what the last of them gave."""
    seconds = []
    for _ in range(repeats):
        started = time.perf_counter()
        result = work()
        seconds.append(time.perf_counter() - started)
    return min(seconds), result


def line(name: str, ours: float, peer: str, theirs: float, limit: str = "") -> None:
    print(
        f"| {name} | {ours:.3g} | {peer} | {theirs:.3g} | {theirs / ours:.3g} | {limit} |",
        flush=True,
    )


def reading(files: BoxFiles) -> None:
    """All particles unpacked: positions and lattice indices."""

    def ours():
        return sum(len(position) for position, _, _ in particle_chunks(files))

    def theirs():
        count = 0
        for product in ("halo_rv_A", "field_rv_A"):
            for file in files.product(product):
                pid = files.halos / product.replace("rv", "pid") / file.name.replace("rv", "pid")
                position = read_asdf(str(file), load=["pos"], verbose=False)
                read_asdf(str(pid), load=["lagr_idx"], verbose=False)
                count += len(position)
        return count

    (one, found), (two, expected) = timed(ours), timed(theirs)
    assert found == expected
    line("reading particles, checksums included", one, "abacusutils, not verified", two)


def sums_of_cells(boxes, ratio: torch.Tensor) -> None:
    """Sum of f over the particles of every cell."""
    lengths = torch.diff(boxes.cell_start)
    start = boxes.cell_start.tolist()

    def loop():
        return torch.stack([ratio[a:b].sum() for a, b in zip(start, start[1:], strict=False)])

    one, found = timed(lambda: cell_sums(ratio, lengths))
    two, expected = timed(loop, repeats=1)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
    line("sums of f over cells", one, "a Python loop over cells", two)


def training_step(boxes, network: HaloToMassRatio, threads: int) -> None:
    """f and its gradient for the particles of some cells, and the squared residual."""
    cells = boxes.blocks(4)[:12].reshape(-1)
    target = boxes.halo_overdensity[cells] + 1
    per_mean = boxes.per_mean_cell[0]

    def ours():
        rows, lengths = boxes.rows_of(cells)
        network.zero_grad()
        model = per_mean * cell_sums(network(boxes.inputs[rows]), lengths)
        loss = ((model - target) ** 2).mean()
        loss.backward()
        return loss.detach()

    def one_by_one():
        """As a Dataset whose item is a cell and a loop over a batch of items."""
        network.zero_grad()
        residuals = []
        for cell, wanted in zip(cells.tolist(), target, strict=True):
            rows = slice(int(boxes.cell_start[cell]), int(boxes.cell_start[cell + 1]))
            residuals.append((per_mean * network(boxes.inputs[rows]).sum() - wanted) ** 2)
        loss = torch.stack(residuals).mean()
        loss.backward()
        return loss.detach()

    (one, found), (two, expected) = timed(ours), timed(one_by_one)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)
    rows = len(boxes.rows_of(cells)[0])
    weights = sum(layer.weight.numel() for layer in network.layers if hasattr(layer, "weight"))
    matrix = torch.randn(512, 512)
    peak = 2 * 512**3 / timed(lambda: matrix @ matrix, 10)[0]
    share = 6 * weights * rows / one / peak  # forwards, and twice as much backwards
    line(
        f"training step, {len(cells)} cells", one, "a Python loop over cells", two,
        f"{share:.0%} of what a 512² matrix product reaches ({threads} threads)",
    )  # fmt: skip


def prediction(network, projection, features, particles: Particles) -> None:
    """f of every particle of a box."""
    points = np.asarray(particles.lagrangian_index)

    def ours():
        return ratio_on_grid([network], projection, features, occupied(particles))[0][points]

    @torch.no_grad()
    def theirs():
        table = torch.from_numpy(projection.at(features, points))
        return network(table).numpy()

    (one, found), (two, expected) = timed(ours), timed(theirs)
    np.testing.assert_allclose(found, expected, rtol=1e-3)
    line("f of every particle", one, "a table of features of every particle", two)


def painting(particles: Particles, threads: int) -> None:
    """Density of all particles on the evaluation mesh."""
    grid = evaluation_grid(2.5, particles.mesh.box_size)
    position = particles.positions(slice(None))

    def clouds():
        return paint([(position, None)], grid, threads)

    def nearest():
        index = np.floor(position / np.float32(grid.spacing) + np.float32(0.5)).astype(np.int64)
        flat = np.ravel_multi_index((index % grid.points).T, grid.shape)
        return np.bincount(flat, minlength=grid.points**3)

    clouds()  # compiled
    one, two = timed(clouds)[0], timed(nearest)[0]
    source = np.ones(2**26, dtype=np.float32)
    bandwidth = 2 * source.nbytes / timed(source.copy)[0]
    share = 27 * 2 * 4 * len(position) / one / bandwidth  # 27 cells read and written
    line(
        "painting, 27 cells a particle (abacusutils)", one, "numpy bincount, 1 cell a particle",
        two, f"{share:.0%} of the bandwidth of a copy, if nothing stayed in the cache",
    )  # fmt: skip


def spectra(particles: Particles, threads: int) -> None:
    """Auto power of a field in shells."""
    grid = evaluation_grid(2.5, particles.mesh.box_size)
    field = paint([(particles.positions(slice(None)), None)], grid, threads)
    modes, edges = field_modes(field, grid, threads), shell_edges(grid, 0.6)

    def ours():
        return Shells(grid, edges).power(modes)

    def theirs():
        return calc_pk_from_deltak(
            modes, grid.box_size, edges, np.array([0.0, 1.0]), nthread=threads
        )["power"]

    first, expected = timed(theirs, repeats=1)
    one, found = timed(ours)
    np.testing.assert_allclose(found, expected, rtol=1e-4)
    line("power of a field", one, "abacusutils, first time in a process", first)
    line("power of a field", one, "abacusutils, once compiled", timed(theirs)[0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sim", default="mini_ph000")
    parser.add_argument("--set", default="mini")
    parser.add_argument("--scales", default="R2-R4-R8")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore")
    torch.set_num_threads(arguments.threads)
    config = yaml.safe_load(Path("config/config.yaml").read_text(encoding="utf-8"))
    tracer, sim = config["tracers"][0], arguments.sim
    folder = Path("results") / sim
    scales = parse_scales(arguments.scales)
    features = {scale: folder / f"features/R{scale:g}.zarr" for scale in scales}
    projection = Projection.read(
        f"results/fits/{arguments.set}/{tracer}/{arguments.scales}/projection.nc"
    )
    particles = Particles.read(folder / "particles.zarr")
    boxes = Boxes([features], [folder / "particles.zarr"], [folder / f"halos/{tracer}.zarr"]).load(
        projection, 1.0, 1
    )
    network = HaloToMassRatio(Architecture(projection.inputs), generator_of(1, "weights"))
    with torch.no_grad():
        ratio = network(boxes.inputs)
    print(f"{sim}, {len(particles.final_cell)} particles, scales {arguments.scales}\n")
    print("| work | ours, s | beside | s | ratio | limit |\n|---|---|---|---|---|---|")
    grid = config["mini"]["particles_per_side"]
    reading(BoxFiles.under("resources", sim, config["redshift"], grid))
    sums_of_cells(boxes, ratio)
    training_step(boxes, network, arguments.threads)
    prediction(network, projection, features, particles)
    painting(particles, arguments.threads)
    spectra(particles, arguments.threads)


if __name__ == "__main__":
    main()
