"""Gradient PCA of f, the active subspace: which directions of feature space f depends on.

C = <grad f grad f^T>, uncentred, over the particles of the training boxes, in the whitened input
space (arXiv:2212.08095; active subspaces: Constantine 2015). Its eigenvectors are directions, its
eigenvalues the share of the gradient's power along each.
"""

import logging
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
import xarray as xr

from lagbias.base.devices import deterministic_algorithms, device_of
from lagbias.base.stores import MEAN, open_store, provenance, write_netcdf
from lagbias.base.threads import usable
from lagbias.features.slabs import slabs
from lagbias.halos.particles import Particles, particles_of_points
from lagbias.projection.directions import eigen_directions
from lagbias.projection.projection import Projection
from lagbias.training.network import HaloToMassRatio, passes

log = logging.getLogger(__name__)

VERSIONS = ("f", "log10 f")


def log10_ratio_and_gradients(
    networks: Sequence[HaloToMassRatio], inputs: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """log10 f and its gradient with respect to the inputs, for each network.

    Parameters
    ----------
    networks : sequence
    inputs : float32, (n, inputs)

    Returns
    -------
    log10_ratio : float64, (networks, n)
    gradient : float64, (networks, n, inputs)
    """
    ratios, gradients = [], []
    for network in networks:
        leaf = inputs.clone().requires_grad_(True)
        log10_ratio = network.log10_ratio(leaf)
        (gradient,) = torch.autograd.grad(log10_ratio.sum(), leaf)
        ratios.append(log10_ratio.detach().double())
        gradients.append(gradient.double())
    return torch.stack(ratios), torch.stack(gradients)


def gradients_of_f(
    log10_ratio: torch.Tensor, gradient: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Gradients of f and of log10 f, for every seed and for f averaged over seeds.

    grad f = ln(10) f grad log10 f. The average's logarithm has the gradient
    sum_s f_s grad log10 f_s / sum_s f_s, taken through a soft-max so that no f underflows.

    Parameters
    ----------
    log10_ratio : float64, (seeds, n)
    gradient : float64, (seeds, n, inputs), of log10 f

    Returns
    -------
    of_f, of_log10_f : float64, (seeds + 1, n, inputs)
    """
    of_f = math.log(10) * (10**log10_ratio)[..., None] * gradient
    share = torch.softmax(math.log(10) * log10_ratio, dim=0)
    of_log_mean = (share[..., None] * gradient).sum(0, keepdim=True)
    return (
        torch.cat([of_f, of_f.mean(0, keepdim=True)]),
        torch.cat([gradient, of_log_mean]),
    )


def gradient_covariance(
    networks: Sequence[HaloToMassRatio], inputs: np.ndarray, multiplicity: np.ndarray
) -> np.ndarray:
    """<grad grad^T> over particles, for every seed and for the average f, of f and of log10 f.

    Parameters
    ----------
    networks : sequence, one a seed
    inputs : float32, (n, inputs)
        Network inputs of each distinct Lagrangian point.
    multiplicity : (n,)
        Particles of each point.

    Returns
    -------
    covariance : float64, (2, networks + 1, inputs, inputs)
        First index f, log10 f; second the seeds, then their average f.
    """
    size, device = inputs.shape[1], networks[0].device
    total = np.zeros((2, len(networks) + 1, size, size))
    for part in passes(len(inputs), device):
        values = log10_ratio_and_gradients(networks, torch.from_numpy(inputs[part]).to(device))
        weight = torch.from_numpy(multiplicity[part].astype(np.float64)).to(device)
        for version, gradient in enumerate(gradients_of_f(*values)):
            products = torch.einsum("mni,n,mnj->mij", gradient, weight, gradient)
            total[version] += products.cpu().numpy()
    return total / multiplicity.sum(dtype=np.float64)


def box_covariance(
    networks: Sequence[HaloToMassRatio],
    projection: Projection,
    features: Mapping[float, str | Path],
    multiplicity: np.ndarray,
) -> np.ndarray:
    """``gradient_covariance`` of one box, slab by slab of its grid.

    Parameters
    ----------
    networks : sequence, one a seed
    projection : Projection
    features : mapping
        Smoothing scale [Mpc/h] to feature store.
    multiplicity : int32, (density_grid^3,)
        Particles of each grid point.

    Returns
    -------
    covariance : float64, (2, networks + 1, inputs, inputs)
    """
    total = 0.0
    for slab in slabs(open_store(next(iter(features.values())))["delta"]):
        weight = multiplicity[slab]
        there = weight > 0
        if there.any():
            inputs = projection.at(features, slab, there)
            weight = weight[there]
            total = total + gradient_covariance(networks, inputs, weight) * weight.sum()
    return total / multiplicity.sum(dtype=np.float64)


def write_gradient_pca(
    weights: Mapping[int, str | Path],
    projection: str | Path,
    features: Sequence[Mapping[float, str | Path]],
    particles: Sequence[str | Path],
    output: str | Path,
    threads: int = 1,
    device: str = "cpu",
    deterministic: bool = False,
    **attributes,
) -> None:
    """Write the gradient PCA of the networks of all seeds.

    Parameters
    ----------
    weights : mapping
        Seed to weights file.
    projection : path
    features, particles : one entry for each training box
    output : path
        NetCDF: ``gradient_covariance`` (version, member, box, input, input_); and pooled over
        boxes ``eigenvalue`` (version, member, direction), ``eigenvector`` (version, member,
        direction, input) in the whitened inputs, ``feature_direction`` (version, member,
        direction, feature) the same as combinations of standardised features.
    threads : int
    device : str
        ``cpu``, ``cuda`` or ``auto``: where gradients are taken.
    deterministic : bool
        Use only operations that give the same bits every time.
    """
    torch.set_num_threads(usable(threads))
    mapping = Projection.read(projection)
    networks = [HaloToMassRatio.load(path).to(device_of(device)) for path in weights.values()]
    covariances, counts = [], []
    for stores, catalogue in zip(features, particles, strict=True):
        multiplicity = particles_of_points(Particles.open(catalogue))
        with deterministic_algorithms(deterministic):
            covariances.append(box_covariance(networks, mapping, stores, multiplicity))
        counts.append(multiplicity.sum(dtype=np.int64))
    covariance = np.stack(covariances, axis=2)
    pooled = np.average(covariance, axis=2, weights=counts)
    eigenvalue, eigenvector = eigen_directions(pooled)
    log.info("eigenvalue shares of f: %s", eigenvalue[0, -1] / eigenvalue[0, -1].sum())
    write_netcdf(
        xr.Dataset(
            {
                "gradient_covariance": (
                    ("version", "member", "box", "input", "input_"), covariance,
                ),
                "eigenvalue": (("version", "member", "direction"), eigenvalue),
                "eigenvector": (("version", "member", "direction", "input"), eigenvector),
                "feature_direction": (
                    ("version", "member", "direction", "feature"), eigenvector @ mapping.matrix,
                ),
            },
            coords={
                "version": list(VERSIONS),
                "member": [*(f"seed{seed}" for seed in weights), MEAN],
                "kind": ("feature", list(mapping.kinds)),
                "smoothing_scale": ("feature", list(mapping.scales), {"units": "Mpc/h"}),
            },
            attrs=provenance(**attributes),
        ),
        output,
    )  # fmt: skip
