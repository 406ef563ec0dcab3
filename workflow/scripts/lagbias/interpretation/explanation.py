"""What a learned f is: along its directions, in each feature beyond them, and to a long wave.

All averages are over the particles of the training boxes, for every seed and for f averaged over
seeds. Features are collinear, so that f at one feature with the others held lies where no particle
is; the dependence on a feature is therefore shown as what particles have at it, <f | feature>,
beside what they had if f knew the first gradient direction only, < <f | first> | feature >.

The biases (``lagbias.yardsticks.long_wave``) come by two routes. *Derivatives*: the mean gradient,
curvature and third derivative of the network. *Moments*: for inputs z of a Gaussian distribution
with covariance C, integrated by parts (Stein's lemma),

    <df/dz> = C^-1 <f (z - <z>)>,
    <d^2 f / d delta_l^2> = <f u^2> - <f> <u^2>,   u = s C^-1 (z - <z>),   s = dz / d delta_l,
    <d^3 f / d delta_l^3> = <f u^3> - <f> <u^3> - 3 <u^2> <f u>,

without a derivative of the network; G2 has no part in it. They differ by
how far the inputs of these boxes are from Gaussian, and by scatter.
"""

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import xarray as xr

from lagbias.base.errors import InputError
from lagbias.base.stores import MEAN, open_store, provenance, read_netcdf, write_netcdf
from lagbias.base.threads import usable
from lagbias.features.slabs import slabs
from lagbias.halos.particles import Particles, particles_of_points
from lagbias.projection.projection import Projection
from lagbias.training.network import ROWS_PER_PASS, HaloToMassRatio
from lagbias.yardsticks.long_wave import BIASES, long_wave_response, with_errors

log = logging.getLogger(__name__)

DIRECTIONS = 3  # gradient directions along which f is shown
LOWEST, HIGHEST = -5.0, 8.0  # standard deviations of directions and features
FINE, COARSE = 260, 52  # bins between them: f rises tenfold within 0.3 of its first direction
LOG10_RATIO = np.linspace(-12, 4, 3201)  # edges of the distribution of f; below, f is as good as 0
TOP_SHARES = (0.01, 0.05, 0.1)
ROUTES = ("derivatives", "moments")
Sums = dict[str, np.ndarray]


@dataclass(frozen=True)
class View:
    """How f is looked at.

    Attributes
    ----------
    mapping : Projection
        To the inputs of the networks.
    directions : float64, (directions, inputs)
        Unit vectors in the whitened inputs.
    """

    mapping: Projection
    directions: np.ndarray

    def __post_init__(self):
        mapping = self.mapping
        mixed = (mapping.matrix[:, ~mapping.shear] != 0).any(1) & ~mapping.linear
        if mixed.any():
            raise InputError(
                f"projection: inputs {np.flatnonzero(mixed).tolist()} mix G2 with delta or its "
                "Laplacian; expected those of orthogonalised features; explain the network of all "
                "inputs, not one of few directions"
            )

    @property
    def shift(self) -> np.ndarray:
        """Change of the inputs with delta_l, the density of a long wave: float64 (inputs,)."""
        delta = np.array([kind == "delta" for kind in self.mapping.kinds])
        return self.mapping.matrix @ (delta / self.mapping.standard_deviation)


def derivatives(
    networks: Sequence[HaloToMassRatio], inputs: torch.Tensor, shift: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """f, its gradient, and its second and third derivatives along a shift of the inputs.

    Parameters
    ----------
    networks : sequence
    inputs : float32, (n, inputs)
    shift : float32, (inputs,)

    Returns
    -------
    ratio : float64, (networks, n)
    gradient : float64, (networks, n, inputs)
    curvature, third : float64, (networks, n)
    """
    found = []
    for network in networks:
        leaf = inputs.clone().requires_grad_(True)
        log_ratio = math.log(10) * network.log10_ratio(leaf)
        (gradient,) = torch.autograd.grad(log_ratio.sum(), leaf, create_graph=True)
        slope = gradient @ shift
        (of_slope,) = torch.autograd.grad(slope.sum(), leaf, create_graph=True)
        bend = of_slope @ shift
        (of_bend,) = torch.autograd.grad(
            bend.sum(), leaf, materialize_grads=True
        )  # 0 of a Gaussian
        ratio, first, second = (part.detach().double() for part in (log_ratio.exp(), slope, bend))
        curvature = ratio * (first**2 + second)
        third = ratio * (first**3 + 3 * first * second + (of_bend @ shift).double())
        found.append((ratio, ratio[:, None] * gradient.detach().double(), curvature, third))
    ratio, gradient, curvature, third = (torch.stack(part) for part in zip(*found, strict=True))
    return ratio, gradient, curvature, third


def with_mean(values: np.ndarray) -> np.ndarray:
    """Values of every seed (seeds, ...) and, last, their mean."""
    return np.concatenate([values, values.mean(axis=0, keepdims=True)])


def bin_of(values: np.ndarray, bins: int) -> np.ndarray:
    """Bin of each value, 1 to ``bins``; 0 and ``bins`` + 1 hold what lies outside."""
    place = np.floor((values - LOWEST) * (bins / (HIGHEST - LOWEST))) + 1
    return np.clip(place, 0, bins + 1).astype(np.int64)


def centres(bins: int) -> np.ndarray:
    """Centres of the bins between ``LOWEST`` and ``HIGHEST``."""
    edges = np.linspace(LOWEST, HIGHEST, bins + 1)
    return 0.5 * (edges[1:] + edges[:-1])


def histograms(place: np.ndarray, size: int, weights: Sequence[np.ndarray]) -> np.ndarray:
    """Sums of several weights by place, float64 (weights, size)."""
    return np.array([np.bincount(place, weight, size) for weight in weights])


def sums_of_points(
    networks: Sequence[HaloToMassRatio],
    view: View,
    inputs: np.ndarray,
    standardised: np.ndarray,
    weight: np.ndarray,
) -> Sums:
    """All sums over some points from which the explanation follows; those of more points add up.

    Parameters
    ----------
    networks : sequence, one a seed
    view : View
    inputs : float32, (n, inputs)
    standardised : float32, (n, features)
    weight : float64, (n,)
        Particles of each point.
    """
    shift = torch.from_numpy(view.shift.astype(np.float32))
    ratio, gradient, curvature, third = (
        part.numpy() for part in derivatives(networks, torch.from_numpy(inputs), shift)
    )
    members = with_mean(ratio)
    return (
        long_wave_sums(inputs[:, view.mapping.linear].astype(np.float64), weight, ratio)
        | {
            "gradient": np.einsum("n,sni->si", weight, gradient),
            "curvature": curvature @ weight,
            "third": third @ weight,
            "powers": np.stack([members**power @ weight for power in (1, 2, 3)]),
        }
        | distribution_sums(weight, members)
        | binned_sums(inputs @ view.directions.T, standardised, weight, members)
    )


def long_wave_sums(inputs: np.ndarray, weight: np.ndarray, ratio: np.ndarray) -> Sums:
    """Moments of the Gaussian inputs, and with f of every seed."""
    weights = np.concatenate([weight[None], weight * ratio])
    return {
        "moment0": weights.sum(axis=1),
        "moment1": weights @ inputs,
        "moment2": np.einsum("sn,ni,nj->sij", weights, inputs, inputs, optimize=True),
        "moment3": np.einsum("sn,ni,nj,nk->sijk", weights, inputs, inputs, inputs, optimize=True),
    }


def distribution_sums(weight: np.ndarray, members: np.ndarray) -> Sums:
    """Particles, and the sum of f, in bins of log10 f of every member."""
    size = len(LOG10_RATIO) - 1
    step = LOG10_RATIO[1] - LOG10_RATIO[0]
    log10_ratio = np.log10(np.maximum(members, 10 ** LOG10_RATIO[0]))
    place = np.floor((log10_ratio - LOG10_RATIO[0]) / step).astype(np.int64)
    place = np.clip(place, 0, size - 1)
    return {
        "distribution": np.stack(
            [
                histograms(one, size, [weight, weight * f])
                for one, f in zip(place, members, strict=True)
            ],
            axis=1,
        )
    }


def binned_sums(
    directions: np.ndarray, standardised: np.ndarray, weight: np.ndarray, members: np.ndarray
) -> Sums:
    """Particles, sums of f and of f^2 in bins of the directions, and of the features.

    The first of two joint coordinates is always the first direction, in fine bins: within a bin of
    it f should hardly change, or else features that go with it would seem to tell more.
    """
    weights = [weight, *(weight * members)]
    squares = weight * members**2
    fine, coarse = FINE + 2, COARSE + 2
    place = [bin_of(column, FINE) for column in directions.T]
    along = [histograms(one, fine, [*weights, *squares]) for one in place]
    second = bin_of(directions[:, 1], COARSE)
    surface = histograms(place[0] * coarse + second, fine * coarse, weights)
    of_feature, joint = [], []
    for column in standardised.T:
        one = bin_of(column, COARSE)
        of_feature.append(histograms(one, coarse, weights))
        joint.append(np.bincount(place[0] * coarse + one, weight, fine * coarse))
    return {
        "along": np.stack(along, axis=1),
        "surface": surface.reshape(-1, fine, coarse),
        "of_feature": np.stack(of_feature, axis=1),
        "joint": np.array(joint).reshape(-1, fine, coarse),
    }


def add_up(parts: Sequence[Sums]) -> Sums:
    """The sums over all points of several parts."""
    return {name: np.asarray(sum(part[name] for part in parts)) for name in parts[0]}


def box_sums(
    networks: Sequence[HaloToMassRatio],
    view: View,
    features: Mapping[float, str | Path],
    multiplicity: np.ndarray,
) -> Sums:
    """``sums_of_points`` of the particles of one box, slab by slab of its grid.

    Parameters
    ----------
    networks : sequence, one a seed
    view : View
    features : mapping
        Smoothing scale [Mpc/h] to feature store.
    multiplicity : int32, (density_grid^3,)
        Particles of each grid point.
    """
    every_feature = view.mapping.with_matrix(np.eye(len(view.mapping.kinds)))
    total: Sums = {}
    for slab in slabs(open_store(next(iter(features.values())))["delta"]):
        there = multiplicity[slab] > 0
        inputs, standardised = (
            by.at(features, slab, there) for by in (view.mapping, every_feature)
        )
        weight = multiplicity[slab][there].astype(np.float64)
        for start in range(0, len(weight), ROWS_PER_PASS["cpu"]):
            rows = slice(start, start + ROWS_PER_PASS["cpu"])
            parts = (values[rows] for values in (inputs, standardised, weight))
            found = sums_of_points(networks, view, *parts)
            total = add_up([total, found]) if total else found
    return total


def mean_derivatives(view: View, sums: Sums) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean gradient, curvature and third derivative of f over <f>, by both routes.

    Returns
    -------
    gradient : float64, (2, members, features)
        With respect to features in their own units; of G2 by derivatives only, else NaN.
    curvature, third : float64, (2, members)
    """
    gradient, curvature, third = (
        with_mean(sums[name]) for name in ("gradient", "curvature", "third")
    )
    weight, first, second = (sums[f"moment{power}"] for power in range(3))
    ratio = with_mean(weight[1:])  # the sum of f
    linear = view.mapping.linear
    mean = first[0] / weight[0]
    covariance = second[0] / weight[0] - np.outer(mean, mean)
    mean_of_f = with_mean(first[1:]) / ratio[:, None] - mean
    by_moments = np.full(gradient.shape, np.nan)
    by_moments[:, linear] = np.linalg.solve(covariance, mean_of_f.T).T
    u1, u2, u3 = moments_along(np.linalg.solve(covariance, view.shift[linear]), sums)
    gradients = np.stack([gradient / ratio[:, None], by_moments])
    return (
        np.stack([of_features(view, one) for one in gradients]),
        np.stack([curvature / ratio, u2[1:] - u2[0]]),
        np.stack([third / ratio, u3[1:] - u3[0] - 3 * u2[0] * u1[1:]]),
    )


def moments_along(vector: np.ndarray, sums: Sums) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """<u>, <u^2> and <u^3> of u = vector (z - <z>), <z> being of particles.

    Returns
    -------
    three of float64, (1 + members,)
        Over particles, and of every member over particles that weigh f.
    """

    def averaged(name: str) -> np.ndarray:
        moment, total = sums[name], sums["moment0"]
        while moment.ndim > 1:
            moment = moment @ vector
        return np.append(moment[0] / total[0], with_mean(moment[1:]) / with_mean(total[1:]))

    m1, m2, m3 = (averaged(f"moment{power}") for power in (1, 2, 3))
    centre = m1[0]
    return (
        m1 - centre,
        m2 - 2 * centre * m1 + centre**2,
        m3 - 3 * centre * m2 + 3 * centre**2 * m1 - centre**3,
    )


def of_features(view: View, gradient: np.ndarray) -> np.ndarray:
    """A gradient in the inputs (..., inputs) as one in the features, in their own units."""
    mapping = view.mapping
    parts = np.full((*gradient.shape[:-1], len(mapping.kinds)), np.nan)
    linear, shear = mapping.linear, mapping.shear
    for rows, columns in ((linear, ~shear), (~linear, shear)):
        matrix = mapping.matrix[np.ix_(rows, columns)] / mapping.standard_deviation[columns]
        parts[..., columns] = gradient[..., rows] @ matrix
    return parts


def long_wave(view: View, boxes: Sequence[Sums]) -> xr.Dataset:
    """The biases, b1(k) and the mean gradient, with errors from leaving out each box."""

    def response(some: Sequence[Sums]) -> xr.Dataset:
        derivatives_of_mean = mean_derivatives(view, add_up(some))
        kinds, scales = view.mapping.kinds, view.mapping.scales
        return long_wave_response(kinds, scales, *derivatives_of_mean, ("route", "member"))

    others = [[*boxes[:i], *boxes[i + 1 :]] for i in range(len(boxes))]
    left_out = [response(some) for some in others if some]
    return with_errors(response(boxes), left_out).assign_coords(route=list(ROUTES))


def moments_of_f(sums: Sums) -> xr.Dataset:
    """Mean, variance and skewness of f over particles, and how its sum is shared among them."""
    particles = sums["moment0"][0]
    mean, square, cube = sums["powers"] / particles
    variance = square - mean**2
    number, mass = sums["distribution"] / sums["distribution"].sum(axis=-1, keepdims=True)
    above = LOG10_RATIO[:-1] > -1e-9  # bins of f > 1
    top = [
        np.interp(TOP_SHARES, np.cumsum(n[::-1]), np.cumsum(m[::-1]))
        for n, m in zip(number, mass, strict=True)
    ]
    skewness = (cube - 3 * mean * square + 2 * mean**3) / variance**1.5
    return xr.Dataset(
        {
            "mean_ratio": ("member", mean),
            "variance": ("member", variance),
            "skewness": ("member", skewness),
            "share_above_one": ("member", number[:, above].sum(axis=-1)),
            "top_share": (("member", "top"), np.array(top)),
            "explained_variance": (
                ("member", "known"),
                explained_variance(sums) / variance[:, None],
            ),
        },
        coords={"top": list(TOP_SHARES), "known": ["first direction", "first two directions"]},
    )


def explained_variance(sums: Sums) -> np.ndarray:
    """Variance of <f | first direction> and of <f | first two>, float64 (members, 2)."""

    def of_means(bins: np.ndarray) -> np.ndarray:
        count, total = bins[0], bins[1:]
        square = np.divide(total**2, count, where=count > 0, out=np.zeros_like(total))
        return square.sum(axis=-1) / count.sum() - (total.sum(axis=-1) / count.sum()) ** 2

    surface = sums["surface"]
    members = len(surface)
    return np.stack([of_means(surface.sum(axis=-1)), of_means(surface.reshape(members, -1))], -1)


def binned_means(sums: Sums) -> xr.Dataset:
    """<f> in bins of the directions and of the features; NaN in empty bins."""
    members = len(sums["surface"]) - 1
    along = grouped(sums["along"][..., 1:-1], 2)
    count, total, square = along[0], along[1 : members + 1], along[members + 1 :]
    surface = sums["surface"][:, 1:-1, 1:-1]
    surface = grouped(surface.swapaxes(1, 2), FINE // COARSE).swapaxes(1, 2)
    of_feature = sums["of_feature"][..., 1:-1]
    first = sums["surface"].sum(axis=-1)
    with np.errstate(invalid="ignore"):
        of_first = np.nan_to_num(first[1:] / first[0])
        expected = np.einsum("ma,fab->mfb", of_first, sums["joint"])[..., 1:-1] / of_feature[0]
        spread = np.sqrt(np.maximum(square / count - (total / count) ** 2, 0))
        means = {
            "ratio_along": (("member", "direction", "coordinate"), total / count),
            "spread_along": (("member", "direction", "coordinate"), spread),
            "ratio_of_directions": (("member", "first", "second"), surface[1:] / surface[0]),
            "ratio_of_feature": (("member", "feature", "value"), of_feature[1:] / of_feature[0]),
            "ratio_expected_of_feature": (("member", "feature", "value"), expected),
        }
    counts = {
        "particles_along": (("direction", "coordinate"), count),
        "particles_of_directions": (("first", "second"), surface[0]),
        "particles_of_feature": (("feature", "value"), of_feature[0]),
    }
    bins = {"coordinate": FINE // 2, "first": COARSE, "second": COARSE, "value": COARSE}
    units = {"units": "standard deviations"}
    places = {name: (name, centres(number), units) for name, number in bins.items()}
    return xr.Dataset(means | counts, coords=places)


def grouped(bins: np.ndarray, size: int) -> np.ndarray:
    """Sums over groups of ``size`` neighbouring bins of the last axis."""
    return bins.reshape(*bins.shape[:-1], -1, size).sum(axis=-1)


@torch.no_grad()
def on_axis(view: View, networks: Sequence[HaloToMassRatio], coordinate: np.ndarray) -> np.ndarray:
    """f on each direction's axis, all other combinations of the inputs at zero.

    Parameters
    ----------
    coordinate : (n,), standard deviations

    Returns
    -------
    float32, (members, directions, n)
    """
    ratios = []
    for vector in view.directions:
        inputs = torch.from_numpy(np.outer(coordinate, vector).astype(np.float32))
        ratios.append(with_mean(np.array([network(inputs).numpy() for network in networks])))
    return np.stack(ratios, axis=1)


def write_explanation(
    weights: Mapping[int, str | Path],
    projection: str | Path,
    gradient_pca: str | Path,
    features: Sequence[Mapping[float, str | Path]],
    particles: Sequence[str | Path],
    output: str | Path,
    threads: int = 1,
    **attributes,
) -> None:
    """Write what f is, over the particles of the training boxes.

    Parameters
    ----------
    weights : mapping
        Seed to weights file.
    projection, gradient_pca : paths
    features, particles : one entry for each training box
    output : path
        NetCDF, ``member`` being the seeds and their average f. Along the first gradient directions
        of the average f: ``ratio_along`` and ``spread_along`` (member, direction, coordinate), mean
        and scatter of f at fixed direction, and ``ratio_on_axis``, f where every other combination
        of inputs is zero. Across the first two: ``ratio_of_directions`` (member, first, second).
        ``ratio_of_feature`` (member, feature, value) and ``ratio_expected_of_feature``, what it
        were if f knew the first direction only. ``mean_ratio``, ``variance``, ``skewness``,
        ``share_above_one`` (of particles with f > 1), ``top_share`` of the sum of f that the
        particles of highest f carry, ``explained_variance``. By route: ``biases`` (route, member,
        bias), ``mean_gradient`` (route, member, feature) and ``linear_response`` (route, member,
        wavenumber), each with its ``_error`` from leaving out one box at a time, f as it is.
    threads : int

    Raises
    ------
    InputError
        If inputs mix G2 with the features that are linear in the density.
    """
    torch.set_num_threads(usable(threads))
    mapping = Projection.read(projection)
    vectors = read_netcdf(gradient_pca)["eigenvector"].sel(version="f", member=MEAN).values
    view = View(mapping, vectors[:DIRECTIONS])
    networks = [HaloToMassRatio.load(path) for path in weights.values()]
    boxes = [
        box_sums(networks, view, stores, particles_of_points(Particles.open(catalogue)))
        for stores, catalogue in zip(features, particles, strict=True)
    ]
    together = add_up(boxes)
    data = long_wave(view, boxes).merge(moments_of_f(together)).merge(binned_means(together))
    axis = on_axis(view, networks, data["coordinate"].values)
    data["ratio_on_axis"] = (("member", "direction", "coordinate"), axis)
    data = data.assign_coords(member=[*(f"seed{seed}" for seed in weights), MEAN])
    log.info("biases %s of the average f by derivatives: %s", BIASES, data["biases"][0, -1].values)
    data.attrs = provenance(**attributes)
    write_netcdf(data, output)
