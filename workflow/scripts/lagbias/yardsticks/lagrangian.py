"""Lagrangian yardsticks: f linear in its coefficients, fitted at field level as networks are.

The functions of a yardstick are a class of their own, a ``Basis``: the bias expansion
(``lagbias.yardsticks.polynomial``), f in bins (``lagbias.yardsticks.bins``), or one from elsewhere
(``lagbias.config.yardsticks``). Boxes, mesh, cubes of cells and the treatment of the particles'
sampling are those of the training (``lagbias.yardsticks.least_squares``).
"""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol, Self, runtime_checkable

import numpy as np
import xarray as xr

from lagbias.base.errors import InputError
from lagbias.base.stores import MEAN, open_store, provenance, read_netcdf, write_netcdf
from lagbias.features.slabs import values_in_parts
from lagbias.halos.carried import write_fields
from lagbias.halos.particles import Particles
from lagbias.yardsticks.bins import DELTA_EDGES, density_bin
from lagbias.yardsticks.least_squares import BasisOnBox, NormalEquations, add_up, box_equations
from lagbias.yardsticks.long_wave import with_errors

log = logging.getLogger(__name__)

Features = Mapping[float, str | Path]


class Basis(Protocol):
    """Functions phi_j of which f is a sum: what a yardstick offers.

    One that ``TellsBiases`` has a response to long waves too (``Polynomial``).
    """

    @classmethod
    def of_boxes(cls, boxes: Sequence[Features]) -> Self:
        """The functions, centred or binned by the grids of the training boxes."""
        ...

    @classmethod
    def from_dataset(cls, data: xr.Dataset) -> tuple[Self, np.ndarray]:
        """The functions and their coefficients as ``to_dataset`` made them."""
        ...

    def __len__(self) -> int:
        """Number of functions."""
        ...

    def on(self, features: Features) -> BasisOnBox:
        """The functions on one box."""
        ...

    def solve(self, equations: NormalEquations) -> np.ndarray:
        """Coefficients of the least loss with <f> = 1, float64 (functions,)."""
        ...

    def to_dataset(
        self, coefficients: np.ndarray, errors: np.ndarray, equations: NormalEquations
    ) -> xr.Dataset:
        """Coefficients with their errors, and what the functions are."""
        ...


@runtime_checkable
class TellsBiases(Protocol):
    """Functions whose biases follow from their coefficients."""

    def long_wave_response(self, coefficients: np.ndarray) -> xr.Dataset:
        """Biases and b1(k), as of ``long_wave.long_wave_response``."""
        ...


def fit_lagrangian_bias(
    functions: type[Basis],
    model: str,
    features: Sequence[Features],
    particles: Sequence[str | Path],
    halos: Sequence[str | Path],
    block: int,
    estimator: str,
    output: str | Path,
) -> None:
    """Fit a Lagrangian yardstick on the boxes of a set; all particles count.

    Parameters
    ----------
    functions : class
        Of the yardstick, a ``Basis``.
    model : str
        Its name, as ``poly-R2-R4`` or ``bins-lap-R2``.
    features, particles, halos : an entry a training box
        Smoothing scale [Mpc/h] to feature store; stores.
    block : int
        Side, in cells, of the cubes over which residuals are taken.
    estimator : str
        Of ``lagbias.training.loss``: ``plain`` leaves the particles' sampling variance in,
        ``unbiased`` takes its mean off.
    output : path of a NetCDF file
        What ``to_dataset`` of the basis gives, and of the training particles: ``negative_share``,
        those with f < 0; ``ratio_of_delta`` (delta), <f> in bins of the density at the smallest
        scale; ``negative_share_of_delta``, ``particles_of_delta``; ``loss`` per cube; of a
        polynomial its ``biases`` and ``linear_response`` (``lagbias.yardsticks.long_wave``), with
        their errors.
    """
    basis = functions.of_boxes(features)
    boxes, responses = [], []
    for one, particle_store, halo_store in zip(features, particles, halos, strict=True):
        catalogue, overdensity = read_box(one, particle_store, halo_store)
        boxes.append(
            box_equations(basis.on(one), catalogue, overdensity, block, estimator != "plain")
        )
        log.info("%s: %d particles, %d functions", model, boxes[-1].particles, len(basis))
    together = add_up(boxes)
    coefficients = basis.solve(together)
    for one, store in zip(features, particles, strict=True):
        responses.append(density_response(basis.on(one), one, coefficients, Particles.read(store)))
    cubes = sum(open_store(path)["overdensity"].size for path in halos) / block**3
    loss = together.loss(coefficients) / cubes
    left_out = left_out_coefficients(basis, boxes)
    data = basis.to_dataset(coefficients, jackknife_errors(left_out), together)
    data = data.merge(summarised(np.asarray(sum(responses))))
    if isinstance(basis, TellsBiases):
        of_others = [basis.long_wave_response(one) for one in left_out]
        data = data.merge(with_errors(basis.long_wave_response(coefficients), of_others))
    data["loss"] = ((), loss)
    data.attrs |= provenance(
        model=model, kind=model.partition("-R")[0], block=block, estimator=estimator
    )
    log.info("%s: loss %.4f, f < 0 for %.2g of particles", model, loss, data["negative_share"])
    write_netcdf(data, output)


def read_box(
    features: Features, particles: str | Path, halos: str | Path
) -> tuple[Particles, np.ndarray]:
    """Particles and halo overdensity of one box.

    Raises
    ------
    InputError
        If halos and particles are on different meshes, or features on another grid.
    """
    catalogue, halo_store = Particles.read(particles), open_store(halos)
    expected = {halos: catalogue.mesh.cells} | dict.fromkeys(
        features.values(), catalogue.density_grid
    )
    for path, points in expected.items():
        found = open_store(path).sizes["x"]
        if found != points:
            raise InputError(
                f"{path} has {found} points a side, {particles} counts {points}: make both again "
                "with one mesh.cell_size and one density_grid"
            )
    return catalogue, halo_store["overdensity"].values


def left_out_coefficients(basis: Basis, boxes: Sequence[NormalEquations]) -> np.ndarray:
    """Coefficients fitted without each training box, (boxes, functions); NaN with one box."""
    count = len(boxes)
    if count < 2:
        return np.full((count, len(basis)), np.nan)
    return np.array([basis.solve(add_up([*boxes[:i], *boxes[i + 1 :]])) for i in range(count)])


def jackknife_errors(left_out: np.ndarray) -> np.ndarray:
    """Standard errors from coefficients without each box, (boxes, functions)."""
    return np.sqrt((len(left_out) - 1) * left_out.var(axis=0))


def density_response(
    on_box: BasisOnBox, features: Features, coefficients: np.ndarray, particles: Particles
) -> np.ndarray:
    """Particles, those with f < 0, and sum of f in bins of the density at the smallest scale.

    Returns
    -------
    float64, (3, bins)
    """
    delta = open_store(features[min(features)])["delta"]
    multiplicity = np.bincount(particles.lagrangian_index, minlength=delta.size)
    ratio = on_box.ratio(coefficients)
    response = np.zeros((3, len(DELTA_EDGES) - 1))
    for slab, (values,) in values_in_parts([delta]):
        row = density_bin(values / delta.attrs["standard_deviation"])
        weight, f = multiplicity[slab], ratio[slab].astype(np.float64)
        for line, summed in enumerate((weight, weight * (f < 0), weight * f)):
            response[line] += np.bincount(row, summed, response.shape[1])
    return response


def summarised(response: np.ndarray) -> xr.Dataset:
    """What ``density_response`` counted, as shares and means; NaN in empty bins."""
    particles, negative, total = response
    with np.errstate(invalid="ignore"):
        return xr.Dataset(
            {
                "negative_share": ((), negative.sum() / particles.sum()),
                "negative_share_of_delta": ("delta", negative / particles),
                "ratio_of_delta": ("delta", total / particles),
                "particles_of_delta": ("delta", particles),
            },
            coords={
                "delta": (
                    "delta",
                    0.5 * (DELTA_EDGES[1:] + DELTA_EDGES[:-1]),
                    {"units": "standard deviations"},
                )
            },
        )


def write_lagrangian_prediction(
    functions: type[Basis],
    coefficients: str | Path,
    features: Mapping[float, str | Path],
    particles: str | Path,
    cell_size: float,
    store: str | Path,
    threads: int = 1,
    **attributes,
) -> None:
    """Write the model field of a box: f on every Lagrangian point, carried by its particles.

    Parameters
    ----------
    functions : class
        That the coefficients were fitted with.
    coefficients : path of ``fit_lagrangian_bias``
    features : mapping
        Smoothing scale [Mpc/h] to feature store of the box.
    particles : path of the store
    cell_size : float
        Of the evaluation mesh [Mpc/h].
    store : path of the zarr store
        See ``carried.write_fields``.
    threads : int
    """
    basis, values = functions.from_dataset(read_netcdf(coefficients))
    ratio = basis.on(features).ratio(values)[None]
    write_fields(Particles.open(particles), ratio, [MEAN], cell_size, store, threads, **attributes)
