"""Model fields of the Lagrangian yardsticks: painted by the same code as the networks'."""

from collections.abc import Mapping
from pathlib import Path

from lagbias.lagrangian import read_lagrangian_bias
from lagbias.layout import MEAN
from lagbias.mesh import Particles
from lagbias.prediction import write_fields


def write_lagrangian_prediction(
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
    coefficients : path of ``lagrangian.fit_lagrangian_bias``
    features : mapping
        Smoothing scale [Mpc/h] to feature store of the box.
    particles : path of the store
    cell_size : float
        Of the evaluation mesh [Mpc/h].
    store : path of the zarr store
        See ``prediction.write_fields``.
    threads : int
    """
    basis, values = read_lagrangian_bias(coefficients)
    ratio = basis.on(features).ratio(values)[None]
    write_fields(Particles.open(particles), ratio, [MEAN], cell_size, store, threads, **attributes)
