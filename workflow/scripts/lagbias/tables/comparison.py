"""All models on all test boxes of a set: means, and errors from boxes and from seeds apart."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from lagbias.base.files import written_whole
from lagbias.base.stores import MEAN
from lagbias.tables.evaluation import Evaluated, Source, models_in, read_evaluation
from lagbias.tables.losses import LOSSES, mean_losses


def mean_and_errors(values: np.ndarray, members: Sequence[str]) -> dict[str, float]:
    """Mean over boxes of f averaged over seeds, and two errors of it.

    Parameters
    ----------
    values : (boxes, members)
    members : seeds, and ``stores.MEAN``

    Returns
    -------
    dict
        The mean by the name "", and two errors: ``_box_error`` is the standard error of the mean
        over boxes, whose scatter it is; ``_seed_deviation`` the standard deviation of the seeds'
        own means over the boxes. NaN where there is but one.
    """
    place = list(members).index(MEAN)
    mean = values[:, place]
    seeds = np.delete(values, place, axis=1).mean(axis=0)
    return {
        "": mean.mean(),
        "_box_error": mean.std(ddof=1) / np.sqrt(len(mean)) if len(mean) > 1 else np.nan,
        "_seed_deviation": seeds.std(ddof=1) if len(seeds) > 1 else np.nan,
    }


def over_boxes(model: Evaluated) -> dict[str, float]:
    """Means over boxes and errors (``mean_and_errors``) of the ratios of all bands."""
    return {
        name + end: value
        for name, values in model.ratios().items()
        for end, value in mean_and_errors(values, model.members).items()
    }


def less(model: Evaluated, reference: Evaluated) -> dict[str, float]:
    """As ``over_boxes``, of a model less a reference: on the same boxes, and seed by seed.

    What boxes have in common, and seeds, which draw the same batches, drops out. Of models without
    the reference's seeds, f averaged over seeds alone is compared.
    """
    members = model.members if set(model.members) == set(reference.members) else [MEAN]
    own, other = (part.of(members).ratios() for part in (model, reference))
    return {
        name + end: value
        for name in own
        for end, value in mean_and_errors(own[name] - other[name], members).items()
    }


def write_comparison(
    evaluation: Source,
    losses: Mapping[tuple[str, str], Sequence[str | Path]],
    output: str | Path,
    **columns,
) -> None:
    """Write one line a model: means over the test boxes of a set, errors from boxes and seeds.

    Parameters
    ----------
    evaluation : path or paths
        As ``evaluation.read_evaluation`` takes them, of one tracer or of several.
    losses : mapping
        Tracer and network's name to the losses of its seeds.
    output : path of a CSV file
        See ``over_boxes`` and ``losses.mean_losses``.
    columns
        Constant columns: training set.
    """
    rows = []
    for tracer, lines in read_evaluation(evaluation).groupby("tracer", sort=False):
        for name, model in models_in(lines).items():
            row = {"model": name, **columns, "tracer": tracer, "boxes": len(model.boxes)}
            found = losses.get((str(tracer), name))
            rows.append(row | over_boxes(model) | (mean_losses(found) if found else {}))
    table = pd.DataFrame(rows)
    for name in LOSSES:  # a table without networks has them too
        table[name] = table.get(name, np.nan)
    with written_whole(output) as partial:
        table.to_csv(partial, index=False, float_format="%.5g")


def write_differences(evaluation: Source, reference: str, output: str | Path, **columns) -> None:
    """Write one line a model: how it differs from a reference on the same boxes.

    Parameters
    ----------
    evaluation : path or paths
        As ``evaluation.read_evaluation`` takes them.
    reference : str
        The model that is taken off the others.
    output : path of a CSV file
        See ``less``.
    columns
        Constant columns: training set, tracer.
    """
    models = models_in(read_evaluation(evaluation))
    first = {**columns, "less": reference, "boxes": len(models[reference].boxes)}
    rows = [
        {"model": name, **first, **less(model, models[reference])}
        for name, model in models.items()
        if name != reference
    ]
    with written_whole(output) as partial:
        pd.DataFrame(rows).to_csv(partial, index=False, float_format="%.5g")
