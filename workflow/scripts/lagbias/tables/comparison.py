"""All models on all test boxes of a set: means, and errors from boxes and from seeds apart."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from lagbias.base.files import written_whole
from lagbias.base.stores import MEAN, read_netcdf
from lagbias.evaluation.bands import band_quantities
from lagbias.tables.losses import LOSSES, mean_losses


def mean_and_errors(values: np.ndarray, members: Sequence[str]) -> dict[str, float]:
    """Mean over boxes of f averaged over seeds, and two errors of it.

    Parameters
    ----------
    values : (boxes, members)
    members : seeds, and ``layout.MEAN``

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


def members_of(boxes: Sequence[xr.Dataset]) -> list[str]:
    """Seeds of a model, and ``layout.MEAN``; that alone for yardsticks."""
    return [str(member) for member in boxes[0]["member"].values]


def of_boxes(boxes: Sequence[xr.Dataset]) -> dict[str, np.ndarray]:
    """All ``spectra.band_quantities``, (boxes, members) each."""
    found = [band_quantities(box) for box in boxes]
    return {name: np.array([box[name] for box in found]) for name in found[0]}


def over_boxes(boxes: Sequence[xr.Dataset]) -> dict[str, float]:
    """Means over boxes and errors (``mean_and_errors``) of all that ``of_boxes`` gives."""
    members = members_of(boxes)
    return {
        name + end: value
        for name, values in of_boxes(boxes).items()
        for end, value in mean_and_errors(values, members).items()
    }


def less(boxes: Sequence[xr.Dataset], reference: Sequence[xr.Dataset]) -> dict[str, float]:
    """As ``over_boxes``, of a model less a reference: on the same boxes, and seed by seed.

    What boxes have in common, and seeds, which draw the same batches, drops out. Of models without
    the reference's seeds, f averaged over seeds alone is compared.
    """
    members = members_of(boxes)
    if set(members) != set(members_of(reference)):
        members = [MEAN]
    own, other = (
        of_boxes([box.sel(member=members) for box in part]) for part in (boxes, reference)
    )
    return {
        name + end: value
        for name in own
        for end, value in mean_and_errors(own[name] - other[name], members).items()
    }


def write_comparison(
    spectra: Mapping[tuple[str, str], Sequence[str | Path]],
    losses: Mapping[tuple[str, str], Sequence[str | Path]],
    output: str | Path,
    **columns,
) -> None:
    """Write one line a model: means over the test boxes of a set, errors from boxes and seeds.

    Parameters
    ----------
    spectra : mapping
        Tracer and model's name to its spectra, a file a box.
    losses : mapping
        Tracer and network's name to the losses of its seeds.
    output : path of a CSV file
        See ``over_boxes`` and ``losses.mean_losses``.
    columns
        Constant columns: training set.
    """
    rows = []
    for (tracer, model), paths in spectra.items():
        row = {"model": model, **columns, "tracer": tracer, "boxes": len(paths)}
        row |= over_boxes([read_netcdf(path) for path in paths])
        found = losses.get((tracer, model))
        rows.append(row | (mean_losses(found) if found else {}))
    table = pd.DataFrame(rows)
    for name in LOSSES:  # a table without networks has them too
        table[name] = table.get(name, np.nan)
    with written_whole(output) as partial:
        table.to_csv(partial, index=False, float_format="%.5g")


def write_differences(
    spectra: Mapping[str, Sequence[str | Path]],
    reference: str,
    output: str | Path,
    **columns,
) -> None:
    """Write one line a model: how it differs from a reference on the same boxes.

    Parameters
    ----------
    spectra : mapping
        Model's name to its spectra, a file a box, the reference's among them.
    reference : str
        The model that is taken off the others.
    output : path of a CSV file
        See ``less``.
    columns
        Constant columns: training set, tracer.
    """
    opened = {name: [read_netcdf(path) for path in paths] for name, paths in spectra.items()}
    first = {**columns, "less": reference, "boxes": len(opened[reference])}
    rows = [
        {"model": name, **first, **less(boxes, opened[reference])}
        for name, boxes in opened.items()
        if name != reference
    ]
    with written_whole(output) as partial:
        pd.DataFrame(rows).to_csv(partial, index=False, float_format="%.5g")
