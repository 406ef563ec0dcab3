"""Calibration: does p(halo | inputs) = f p(halo) say what share of particles ends in halos?"""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
import xarray as xr

from lagbias.base.stores import MEAN, provenance, write_netcdf
from lagbias.base.threads import usable
from lagbias.evaluation.prediction import ratio_on_grid
from lagbias.halos.labels import labelled_points, share_labelled
from lagbias.halos.particles import Particles
from lagbias.projection.projection import Projection
from lagbias.training.network import HaloToMassRatio

log = logging.getLogger(__name__)

BINS = 20


def calibration(
    probability: np.ndarray, labelled: np.ndarray, count: np.ndarray, bins: int = BINS
) -> xr.Dataset:
    """How well a probability is calibrated: predicted against found, in bins of equal content.

    Parameters
    ----------
    probability : (points,)
    labelled, count : (points,)
        Labelled particles of each point, and particles.
    bins : int
        Quantiles of the predicted probability, each of as many particles.

    Returns
    -------
    xarray.Dataset
        ``predicted``, ``labelled_share``, ``particles`` (bin), and ``expected_calibration_error``,
        the mean over particles of |predicted - labelled share| of their bins (Naeini, Cooper &
        Hauskrecht 2015).
    """
    order = np.argsort(probability, kind="stable")
    weight = count[order].astype(np.float64)
    below = np.cumsum(weight) - weight / 2  # particles below the middle of each point
    number = np.floor(below / weight.sum() * bins).astype(np.int64)
    particles, hits, expected = (
        np.bincount(number, values, bins)
        for values in (weight, labelled[order], probability[order] * weight)
    )
    with np.errstate(invalid="ignore"):  # a point of many particles may leave a bin empty
        predicted, share = expected / particles, hits / particles
    error = np.nansum(particles * np.abs(predicted - share)) / particles.sum()
    return xr.Dataset(
        {
            "predicted": ("bin", predicted, {"units": "1"}),
            "labelled_share": ("bin", share, {"units": "1"}),
            "particles": ("bin", particles, {"units": "1"}),
            "expected_calibration_error": ((), error, {"units": "1"}),
        }
    )


def write_calibration(
    weights: Mapping[int, str | Path],
    projection: str | Path,
    features: Mapping[float, str | Path],
    particles: str | Path,
    labels: str | Path,
    training_labels: Sequence[str | Path],
    output: str | Path,
    threads: int = 1,
    **attributes,
) -> None:
    """Write how p(halo | inputs) = f p(halo) of a network is calibrated on a box.

    p(halo) is that of the boxes trained on. Any network's f can be judged so; one trained on the
    field is not made to be a probability, and its p may exceed one.

    Parameters
    ----------
    weights : mapping
        Seed to weights file.
    projection : path
    features : mapping
        Smoothing scale [Mpc/h] to feature store of the box.
    particles, labels : paths of the stores of the box
    training_labels : paths of the labels of the boxes trained on
    output : path
        NetCDF, as of ``calibration``, for every seed and f averaged over seeds (member).
    threads : int
    """
    torch.set_num_threads(usable(threads))
    networks = [HaloToMassRatio.load(path) for path in weights.values()]
    catalogue = Particles.open(particles)
    point, count, labelled = labelled_points(catalogue, labels)
    needed = np.zeros(catalogue.density_grid**3, dtype=bool)
    needed[point] = True
    ratios = ratio_on_grid(networks, Projection.read(projection), features, needed)[:, point]
    share = share_labelled(training_labels)
    members = [f"seed{seed}" for seed in weights] + [MEAN]
    parts = [
        calibration(share * ratio.astype(np.float64), labelled, count)
        for ratio in (*ratios, ratios.mean(axis=0, dtype=np.float64))
    ]
    found = xr.concat(parts, xr.Variable("member", members))
    found.attrs = provenance(
        share_trained_on=share, share_here=share_labelled([labels]), **attributes
    )
    for member, error in zip(members, found["expected_calibration_error"].values, strict=True):
        log.info("%s: expected calibration error %.4f", member, error)
    write_netcdf(found, output)
