"""What training returned of a planted f (``lagbias.halos.planted``): its power and its gradient."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from lagbias.base.files import written_whole
from lagbias.base.stores import open_store, read_netcdf
from lagbias.evaluation.bands import BANDS, Band, shells_in
from lagbias.fields.grid import Grid
from lagbias.fields.painting import paint
from lagbias.fields.shells import Shells, field_modes, shell_edges
from lagbias.halos.particles import Particles
from lagbias.halos.planted import planted_eigenvalues, planted_on_grid

TWO_DIRECTIONS = "share of directions 1 and 2"


def power_of_planted(
    prediction: str | Path,
    features: str | Path,
    particles: str | Path,
    bands: Sequence[Band] = BANDS,
):
    """Power of a model field over that of the planted f, which the same particles carry.

    Both have the same noise of sampled particles, which is not taken off.

    Returns
    -------
    float64, (members, bands) : of every seed and of f averaged over them; NaN in a band without
    modes
    """
    model = open_store(prediction)
    fields, ratio = model["overdensity"], planted_on_grid(features)
    grid = Grid(fields.sizes["x"], float(model.attrs["box_size"]))
    # Beyond the last band, so that all shells are there whose middle lies in it.
    shells = Shells(grid, shell_edges(grid, 2 * max(high for _, high in bands)))
    catalogue = Particles.open(particles)
    truth = paint(((position, ratio[index]) for position, index in catalogue.chunks()), grid)
    power = np.stack(
        [
            shells.power(field_modes(field, grid)) * shells.modes
            for field in [truth, *(fields[member].values for member in range(len(fields)))]
        ]
    )
    inside = [shells_in(band, shells.k, grid.box_size) for band in bands]
    sums = np.stack([power[:, band].sum(1) for band in inside], axis=1)
    with np.errstate(invalid="ignore"):
        return sums[1:] / sums[0]


def write_comparison(
    pca: str | Path,
    training: Sequence[tuple[str | Path, str | Path]],
    test: Sequence[tuple[str | Path, str | Path]],
    predictions: Sequence[str | Path],
    output: str | Path,
) -> None:
    """Write what training returned of the planted f.

    Parameters
    ----------
    pca : path of the gradient PCA of the networks trained on planted halos
    training, test : sequences of (features, particles), a box each
        Features of the scale at which f is planted.
    predictions : sequence of paths
        The model fields on the test boxes.
    output : path of a CSV file
        ``quantity``, ``planted``, ``found`` (of f averaged over seeds), ``seed_deviation``.
    """
    truth = planted_eigenvalues(training)
    found = read_netcdf(pca)["eigenvalue"].sel(version="f").values  # seeds, then their average f
    rows = [
        ("share of direction 1", truth[0] / truth.sum(), found[:, 0] / found.sum(1)),
        (TWO_DIRECTIONS, truth[:2].sum() / truth.sum(), found[:, :2].sum(1) / found.sum(1)),
        ("the gradient's power", truth.sum(), found.sum(1)),
    ]
    ratios = [power_of_planted(path, *box) for path, box in zip(predictions, test, strict=True)]
    for (low, high), of_members in zip(BANDS, np.mean(ratios, axis=0).T, strict=True):
        if np.isfinite(of_members).all():  # a small box has no modes in the lowest band
            rows.append((f"P_model / P_planted, k = {low:g}-{high:g}", 1.0, of_members))
    table = pd.DataFrame(
        [
            (name, true, members[-1], members[:-1].std(ddof=1) if len(members) > 2 else np.nan)
            for name, true, members in rows
        ],
        columns=["quantity", "planted", "found", "seed_deviation"],
    )
    with written_whole(output) as partial:
        table.to_csv(partial, index=False, float_format="%.4g")
