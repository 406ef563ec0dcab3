"""Model fields on a box: f of Lagrangian grid points, carried by particles to final cells."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

from lagbias.base.devices import deterministic_algorithms, device_of
from lagbias.base.stores import open_store
from lagbias.base.threads import usable
from lagbias.features.slabs import slabs
from lagbias.halos.carried import check_points, write_fields
from lagbias.halos.particles import Particles
from lagbias.projection.projection import Projection
from lagbias.training.network import HaloToMassRatio, passes


def ratio_on_grid(
    networks: Sequence[HaloToMassRatio],
    projection: Projection,
    features: Mapping[float, str | Path],
    needed: np.ndarray,
) -> np.ndarray:
    """f at Lagrangian grid points, each evaluated once, on the networks' device.

    Parameters
    ----------
    networks : sequence
    projection : Projection
    features : mapping
        Smoothing scale [Mpc/h] to feature store of the box.
    needed : bool, (n^3,)
        Where f is wanted.

    Returns
    -------
    float32, (networks, n^3), 0 where f is not needed

    Raises
    ------
    InputError
        If the features are on another grid.
    """
    ratio = np.zeros((len(networks), len(needed)), dtype=np.float32)
    for slab, _, values in ratio_by_slab(networks, projection, features, needed):
        ratio[:, slab][:, needed[slab]] = values
    return ratio


def ratio_by_slab(
    networks: Sequence[HaloToMassRatio],
    projection: Projection,
    features: Mapping[float, str | Path],
    needed: np.ndarray,
) -> Iterator[tuple[slice, np.ndarray, np.ndarray]]:
    """The same, slab by slab of the grid, so that f of all networks is never held at once.

    Yields
    ------
    slab : slice of the flat grid
    inputs : float32, (points, inputs), of the points of the slab where f is needed
    ratio : float32, (networks, points), f of these
    """
    store = next(iter(features.values()))
    field = open_store(store)["delta"]
    check_points(store, field.size, len(needed))
    for slab in slabs(field):
        inputs = projection.at(features, slab, needed[slab])
        yield slab, inputs, evaluated(networks, inputs)


@torch.no_grad()
def evaluated(networks: Sequence[HaloToMassRatio], inputs: np.ndarray) -> np.ndarray:
    """f of some inputs, float32 (networks, points)."""
    # Written where it belongs: small tensors kept until the end would split the freed memory.
    ratio = np.empty((len(networks), len(inputs)), dtype=np.float32)
    device = networks[0].device
    for part in passes(len(inputs), device):
        on_device = torch.from_numpy(inputs[part]).to(device)
        for values, network in zip(ratio, networks, strict=True):
            values[part] = network(on_device).cpu().numpy()
    return ratio


def occupied(particles: Particles) -> np.ndarray:
    """Which Lagrangian grid points have particles, bool (density_grid^3,)."""
    found = np.zeros(particles.density_grid**3, dtype=bool)
    for _, points in particles.index_chunks():
        found[points] = True
    return found


def write_prediction(
    weights: Mapping[int, str | Path],
    projection: str | Path,
    features: Mapping[float, str | Path],
    particles: str | Path,
    cell_size: float,
    store: str | Path,
    threads: int = 1,
    device: str = "cpu",
    deterministic: bool = False,
    **attributes,
) -> None:
    """Write the model field of a box, for every seed and for f averaged over seeds.

    Parameters
    ----------
    weights : mapping
        Seed to weights file.
    projection, particles : paths
    features : mapping
        Smoothing scale [Mpc/h] to feature store of the box.
    cell_size : float
        Of the evaluation mesh [Mpc/h].
    store : path of the zarr store
        See ``write_fields``.
    threads : int
    device : str
        ``cpu``, ``cuda`` or ``auto``: where f is evaluated.
    deterministic : bool
        Use only operations that give the same bits every time.
    """
    torch.set_num_threads(usable(threads))
    mapping, catalogue = Projection.read(projection), Particles.open(particles)
    networks = [HaloToMassRatio.load(path).to(device_of(device)) for path in weights.values()]
    with deterministic_algorithms(deterministic):
        ratios = ratio_on_grid(networks, mapping, features, occupied(catalogue))
    members = [f"seed{seed}" for seed in weights]
    write_fields(catalogue, ratios, members, cell_size, store, threads, **attributes)
