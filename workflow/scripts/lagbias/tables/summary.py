"""Table of all models on one box."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from lagbias.base.files import written_whole
from lagbias.base.stores import MEAN
from lagbias.tables.evaluation import Source, models_in, read_evaluation
from lagbias.tables.losses import mean_losses


def with_seed_range(
    name: str, mean: float, seeds: Sequence[float] | np.ndarray
) -> dict[str, float]:
    """A column of the seed average, and two of the seeds' range (NaN where there are none)."""
    low, high = (min(seeds), max(seeds)) if len(seeds) else (np.nan, np.nan)
    return {name: mean, f"{name}_seed_min": low, f"{name}_seed_max": high}


def ranges(ratios: Mapping[str, np.ndarray], members: Sequence[str]) -> dict[str, float]:
    """Ratios of a model on a box, (members,) each: those of f averaged, and the seeds' range."""
    mean = list(members).index(MEAN)
    row = {}
    for name, values in ratios.items():
        row |= with_seed_range(name, values[mean], np.delete(values, mean))
    return row


def write_summary(
    evaluation: Source,
    losses: Mapping[str, Sequence[str | Path]],
    output: str | Path,
    box: str,
    **columns,
) -> None:
    """Write one line a model: ratios of power in bands, errors over shot noise, losses.

    Parameters
    ----------
    evaluation : path or paths
        As ``evaluation.read_evaluation`` takes them.
    losses : mapping
        Model's name to the losses of its seeds (networks only).
    output : path of a CSV file
    box : str
        The box that the table is of.
    columns
        Constant columns: training set, halo cut.
    """
    table = read_evaluation(evaluation)
    rows = []
    for name, model in models_in(pd.DataFrame(table[table["box"] == box])).items():
        ratios = {ratio: values[0] for ratio, values in model.ratios().items()}
        row = {"model": name, **columns, "box": box, **ranges(ratios, model.members)}
        rows.append(row | (mean_losses(losses[name]) if name in losses else {}))
    with written_whole(output) as partial:
        pd.DataFrame(rows).to_csv(partial, index=False, float_format="%.5g")
