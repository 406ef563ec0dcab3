"""How often the intervals of 95 % of the tables hold the truth, by simulation.

    python benchmarks/interval_coverage.py [--boxes 4000]

Many small boxes with a Gaussian density carry halos of a known f, of heavy-tailed masses. A study
draws some of them to train and others to test. Polynomials of the density stand in for networks.
They are fitted as yardsticks are, to all cells, and each seed changes their amplitude at random.
Then ``lagbias.tables.intervals`` gives the power ratio at k < 0.1 h/Mpc, its interval
without the scatter of training boxes, and with it. The truth is the ratio of a fit to all boxes,
over all boxes. Prints how often each interval holds it, for numbers of boxes of studies here.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "workflow/scripts"))

from lagbias.base.stores import MEAN
from lagbias.fields.grid import Grid
from lagbias.fields.shells import shell_edges
from lagbias.tables.evaluation import Evaluated
from lagbias.tables.intervals import over_seeds, pooled_interval, power_ratio

POINTS, CELL = 32, 5.0  # Mpc/h
SIDE = POINTS * CELL
BLOCK = 4  # residuals over cubes of so many cells a side
# So many halos that 1 - r^2 is that of networks and halos here, some 0.003.
HALOS, SMALLEST, LARGEST, SLOPE = 1_000_000, 50, 5000, 1.5  # of a box; masses in particles
SMOOTHING = (4.0, 8.0)  # Mpc/h
BAND = (0.0, 0.1)  # h/Mpc
SEED_NOISE = 0.003  # relative scatter of the amplitude from seed to seed
NETWORKS = {"one": [0, 2], "two": [0, 1], "three": [0, 1, 2], "six": [0, 1, 2, 3, 4]}  # terms
JUDGED = "six"
SEEDS = ("seed1", "seed2")


@dataclass(frozen=True)
class Boxes:
    """Sums over boxes, from which fits and powers of all models follow.

    Attributes
    ----------
    products : float64, (boxes, terms + 2, terms + 2)
        Of terms, halos and one, over the cubes.
    powers : float64, (boxes, terms + 1, terms + 1)
        Of the same over the modes of the band.
    halo_squared : float64, (boxes,)
        Sum of the squared power of halos over these modes, as the tables have it: by shells.
    means : float64, (boxes, terms)
        Of terms: a box is judged at its own mean f, as its halos are at their own number.
    modes : int
    """

    products: np.ndarray
    powers: np.ndarray
    halo_squared: np.ndarray
    means: np.ndarray
    modes: int

    def fitted(self, boxes: Sequence[int], terms: list[int]) -> np.ndarray:
        """Coefficients (constant, terms) of f with <f> = 1 over boxes; 0 if not of the model."""
        mean = self.means[boxes].mean(axis=0)[terms]
        total = self.products[boxes].sum(axis=0)
        centred = np.zeros((len(terms) + 1, len(total)))  # the terms less their means, and halos
        centred[range(len(terms)), terms] = 1
        centred[:-1, -1] = -mean
        centred[-1, -2] = 1
        total = centred @ total @ centred.T
        theta = np.linalg.solve(total[:-1, :-1], total[:-1, -1])
        found = np.zeros(1 + self.means.shape[1])
        found[0] = 1 - theta @ mean
        found[1 + np.array(terms)] = theta
        return found

    def evaluated(
        self, boxes: Sequence[int], members: dict[str, np.ndarray], trained_on: int = 0
    ) -> Evaluated:
        """The sums of the evaluation table, of the members of one model on some boxes."""
        theta = np.array(list(members.values()))
        own_mean = theta[:, 0] + self.means[boxes] @ theta[:, 1:].T
        theta = theta[:, 1:]
        powers = self.powers[boxes]
        every = (len(boxes), len(members))
        sums = {
            "power_model": np.einsum("mi,bij,mj->bm", theta, powers[:, :-1, :-1], theta)
            / own_mean**2,
            "power_cross": np.einsum("mi,bi->bm", theta, powers[:, :-1, -1]) / own_mean,
            "power_halo": np.broadcast_to(powers[:, -1, -1][:, None], every),
            "power_halo_squared": np.broadcast_to(self.halo_squared[boxes][:, None], every),
            "modes": np.full(every, self.modes),
        }
        names = [str(box) for box in boxes]
        sums = {name: values[..., None] for name, values in sums.items()}
        return Evaluated(names, list(members), [BAND], names, sums, trained_on)


def wavenumbers() -> np.ndarray:
    """|k| [h/Mpc] of the modes of rfftn."""
    full, half = (2 * np.pi * f(POINTS, CELL) for f in (np.fft.fftfreq, np.fft.rfftfreq))
    return np.sqrt(full[:, None, None] ** 2 + full[:, None] ** 2 + half**2)


def power_shape(k: np.ndarray) -> np.ndarray:
    """A power spectrum that turns over as that of matter does, to a factor."""
    return np.where(k > 0, k / (1 + (k / 0.02) ** 2) ** 1.2, 0)


def made(count: int, seed: int) -> Boxes:
    """So many boxes; a seed."""
    random = np.random.default_rng(seed)
    k = wavenumbers()
    inside = (k >= BAND[0]) & (k < BAND[1]) & (k > 0)
    weight = np.where(np.arange(k.shape[-1]) % (POINTS // 2) == 0, 1, 2) * inside
    amplitude = np.sqrt(power_shape(k))
    windows = [amplitude * np.exp(-0.5 * (k * scale) ** 2) for scale in SMOOTHING]
    twice = np.where(np.arange(k.shape[-1]) % (POINTS // 2) == 0, 1, 2)
    deviations = [np.sqrt((twice * window**2).sum() / POINTS**3) for window in windows]
    edges = shell_edges(Grid(POINTS, SIDE), BAND[1])
    shell = np.where(inside, np.digitize(k, edges), 0)
    found = [_box(random, windows, deviations, weight, shell) for _ in range(count)]
    parts = (np.array(part) for part in zip(*found, strict=True))
    return Boxes(*parts, modes=int(weight.sum()))


def _box(random, windows, deviations, weight, shell):
    white = np.fft.rfftn(random.standard_normal((POINTS,) * 3))
    first, second = (
        np.fft.irfftn(white * window, s=(POINTS,) * 3, axes=(0, 1, 2)) / deviation
        for window, deviation in zip(windows, deviations, strict=True)
    )
    mean_number = np.logaddexp(0, 2 * (first - 0.5)) * np.exp(0.5 * np.tanh(second))
    mean_number *= HALOS / mean_number.sum()
    number = random.poisson(mean_number)
    mass = SMALLEST * (1 - random.random(number.sum())) ** (-1 / SLOPE)
    cell = np.repeat(np.arange(number.size), number.ravel())
    halos = np.bincount(cell, np.minimum(mass, LARGEST), number.size).reshape(number.shape)
    halos = halos / halos.mean() - 1
    fields = [first, second, first**2 - 1, second**2 - 1, first**3 - 3 * first, halos]
    fields = np.array([*fields, np.ones_like(first)])
    modes = np.array([np.fft.rfftn(field) for field in fields[:-1]])
    powers = np.einsum("axyz,bxyz,xyz->ab", modes, modes.conj(), weight, optimize=True).real
    power = np.bincount(shell.ravel(), (weight * np.abs(modes[-1]) ** 2).ravel())
    number = np.bincount(shell.ravel(), weight.ravel().astype(float))
    squared = np.divide(power**2, number, where=number > 0, out=np.zeros_like(power)).sum()
    side = POINTS // BLOCK
    cubes = np.reshape(fields, (-1, side, BLOCK, side, BLOCK, side, BLOCK)).mean(axis=(2, 4, 6))
    cubes = cubes.reshape(len(fields), -1)
    means = fields[:-2].mean(axis=(1, 2, 3))
    return cubes @ cubes.T, powers, squared, means


def studies(boxes: Boxes, train: int, test: int, count: int, seed: int) -> Iterator[tuple]:
    """Values and intervals (without and with training boxes) of so many studies."""
    random = np.random.default_rng(seed)
    for _ in range(count):
        drawn = random.permutation(len(boxes.powers))[: train + test]
        models = {}
        for name, terms in NETWORKS.items():
            fitted = boxes.fitted(drawn[:train], terms)
            members = {member: fitted.copy() for member in SEEDS}
            for member in members.values():
                member[1:] *= 1 + random.normal(0, SEED_NOISE)
            members[MEAN] = np.mean(list(members.values()), axis=0)
            models[name] = boxes.evaluated(drawn[train:], members, train)
        found = power_ratio(models[JUDGED], BAND)
        of_seeds = over_seeds(power_ratio, models, band=BAND)
        found = found._replace(of_seeds=pooled_interval(of_seeds, JUDGED))
        yield found.value, found._replace(of_training=0).interval, found.interval


def truth(boxes: Boxes) -> float:
    """The ratio of a fit to all boxes, over all boxes."""
    every = range(len(boxes.powers))
    theta = boxes.fitted(every, NETWORKS[JUDGED])
    return power_ratio(boxes.evaluated(every, {MEAN: theta}), BAND).value


def coverage(boxes: Boxes, train: int, test: int, count: int = 2000, seed: int = 0) -> dict:
    """Shares of studies whose intervals hold the truth, and what they scatter."""
    right = truth(boxes)
    value, without, within = np.transpose(list(studies(boxes, train, test, count, seed)))
    off = np.abs(value - right)
    return {
        "without": np.mean(off <= without), "with": np.mean(off <= within),
        "bias": np.mean(value) - right, "scatter": np.std(value), "half": np.median(within),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--boxes", type=int, default=4000)
    parser.add_argument("--studies", type=int, default=2000)
    arguments = parser.parse_args()
    boxes = made(arguments.boxes, seed=1)
    print(
        "| training boxes | test boxes | scatter of the ratio | mean ratio - truth | "
        "median half interval | truth in interval, % | the same without `of_training`, % |"
    )
    print("|---" * 7 + "|")
    for train, test in ((1, 4), (1, 12), (3, 1), (4, 3), (12, 4)):
        found = coverage(boxes, train, test, arguments.studies)
        print(
            f"| {train} | {test} | {found['scatter']:.4f} | {found['bias']:+.4f} | "
            f"{found['half']:.4f} | {100 * found['with']:.1f} | {100 * found['without']:.1f} |"
        )


if __name__ == "__main__":
    main()
