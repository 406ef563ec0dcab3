"""Table of principal angles between directions of seeds, boxes, scale sets and halos."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from lagbias.base.files import written_whole
from lagbias.interpretation.angles import SUBSPACES, Comparison, Directions, Fit, comparisons
from lagbias.projection.directions import principal_cosines
from lagbias.projection.projection import Projection


def angle_rows(comparison: Comparison, covariance: np.ndarray) -> Iterator[dict]:
    """A line of the table for every subspace and angle: median and range over the pairs."""
    for directions in SUBSPACES:

        def cosines(pair, directions=directions):
            first, second = pair
            return principal_cosines(first[:directions], second[:directions], covariance)

        of_pairs = np.array([cosines(pair) for pair in comparison.pairs])
        average = comparison.average and cosines(comparison.average)
        for angle in range(directions):
            row = {
                "model": comparison.model, "between": comparison.between,
                "other": comparison.other, "gradient_of": comparison.gradient_of,
                "directions": directions, "angle": angle + 1, "pairs": len(comparison.pairs),
            }  # fmt: skip
            for name, unit in (("degrees", in_degrees), ("cosine", np.asarray)):
                values = unit(of_pairs[:, angle])
                row |= {
                    name: np.nan if average is None else unit(average[angle]),
                    f"{name}_median": np.median(values),
                    f"{name}_min": values.min(),
                    f"{name}_max": values.max(),
                }
            yield row


def in_degrees(cosine: np.ndarray) -> np.ndarray:
    """Angles [degrees] of cosines."""
    return np.degrees(np.arccos(cosine))


def write_angles(
    fits: Mapping[Fit, tuple[str | Path, str | Path]],
    space: str | Path,
    training_set: str,
    tracer: str,
    output: str | Path,
) -> None:
    """Write the principal angles between the first one and two directions of the fits.

    Parameters
    ----------
    fits : mapping
        Fit to its gradient PCA and its projection.
    space : path
        The features of all scales (``feature_covariance``).
    training_set, tracer : whose models are compared with one another and with the other fits
    output : path of a CSV file
        ``between`` says what the two of a pair differ in, ``other`` names the fit on the other
        side, ``directions`` how many span a subspace, ``angle`` counts from the smallest. Angles
        in degrees and their cosines: of f averaged over seeds, where there are two such, then
        median and range over ``pairs``. What has no pair has no line.
    """
    features = Projection.read(space)
    directions = {fit: Directions.read(*paths, features) for fit, paths in fits.items()}
    rows = [
        row
        for comparison in comparisons(directions, training_set, tracer)
        if comparison.pairs
        for row in angle_rows(comparison, features.covariance)
    ]
    with written_whole(output) as partial:
        pd.DataFrame(rows).to_csv(partial, index=False, float_format="%.5g")
