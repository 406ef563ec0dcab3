"""The three numbers that the report opens with: power, correlation and error of the showcase."""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from lagbias.base.files import written_whole
from lagbias.tables.claims import BAND, Models, best_yardstick, with_seeds
from lagbias.tables.evaluation import YARDSTICK_BAND, Source, models_in, read_evaluation
from lagbias.tables.intervals import Measured, correlation, error_over, power_ratio

COLUMNS = [
    "quantity", "meaning", "model", "compared_with", "k_max", "measured", "interval", "of_boxes",
    "of_seeds", "of_training",
]  # fmt: skip


def row(quantity: str, meaning: str, model: str, other: str, k_max: float, found: Measured) -> list:
    """A line of the table."""
    numbers = [found.value, found.interval, found.of_boxes, found.of_seeds, found.of_training]
    return [quantity, meaning, model, other, k_max, *numbers]


def headline(models: Models, model: str) -> Iterator[list]:
    """The three lines of a model; two where there is no yardstick."""
    power = with_seeds(models, model, power_ratio, band=BAND)
    meaning = "power of the model field over that of the halos"
    yield row("P_model / P_halo", meaning, model, "", BAND[1], power)
    r = with_seeds(models, model, correlation, band=BAND)
    yield row("r", "correlation of the model field with the halos", model, "", BAND[1], r)
    best = best_yardstick(models, model)
    if best:
        error = with_seeds(models, model, error_over, models[best], band=YARDSTICK_BAND)
        quantity = "P_error over that of the best yardstick"
        meaning = "the model without a network that has the least error"
        yield row(quantity, meaning, model, best, YARDSTICK_BAND[1], error)


def write_headline(evaluation: Source, model: str, output: str | Path, trained_on: int) -> None:
    """Write the three numbers of a model, a line each, with intervals as those of the claims.

    Parameters
    ----------
    evaluation : path or paths
        As ``evaluation.read_evaluation`` takes them.
    model : str
        The network that the report shows.
    output : path of a CSV file
        Columns ``quantity``, its ``meaning``, ``model``, ``compared_with`` (the yardstick of least
        error, or nothing), ``k_max`` [h/Mpc], ``measured``, ``interval`` (half of that of 95 %
        confidence) and its parts ``of_boxes``, ``of_seeds`` and ``of_training``. No third line
        without a yardstick.
    trained_on : int
        Training boxes of the set.
    """
    rows = headline(models_in(read_evaluation(evaluation), trained_on), model)
    with written_whole(output) as partial:
        pd.DataFrame(rows, columns=COLUMNS).to_csv(partial, index=False, float_format="%.5g")
