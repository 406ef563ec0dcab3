"""Tables as a person reads them: names of models in words, a number with its errors in one cell.

What is shown is made of the CSV file and changes nothing in it.
"""

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lagbias.config.yardsticks import KINDS
from lagbias.figures.labels import model_label

SCALES = r"R\d+(?:\.\d+)?(?:-R\d+(?:\.\d+)?)*"
NETWORK = rf"{SCALES}(?:_[a-z0-9]+)?(?:-pc\d+)?"
OF_MODELS = ("model", "other", "less", "compared_with")  # columns
IN_BAND = re.compile(r"(?P<name>.+)_k(?P<low>[\d.]+)-(?P<high>[\d.]+)")
TITLES = {
    "power_ratio": "P_model / P_halo",
    "cross_ratio": "P_cross / P_halo",
    "matter_cross_ratio": "P_model,matter / P_halo,matter",
    "error_over_shot": "P_error / P_shot",
    "one_minus_r2": "1 − r²",
    "correlation": "r",
}
# What may follow the name of a column, for an error of it, and what stands for that in a cell.
ERRORS = {
    "box_error": "± standard error over test boxes",
    "error": "± error",
    "seed_deviation": "(standard deviation of seeds)",
    "seed_min": "[range of seeds]",
}


@dataclass(frozen=True)
class Cell:
    """What a cell shows, a path or name below it, and the number that it sorts by (or nothing)."""

    text: str
    below: str = ""
    number: str = ""


@dataclass(frozen=True)
class Shown:
    """Titles of columns with their names in the file, which are numbers, rows, and a legend."""

    columns: Sequence[tuple[str, str, bool]]
    rows: Sequence[Sequence[Cell]]
    legend: str


def label_of(model: str) -> str:
    """A model's name as on figures, with no word cut short."""
    label, cut, _ = model_label(model).partition(" dir.")
    return label + (f" direction{'s' * (not label.endswith('→ 1'))}" if cut else "")


def in_words(text: str) -> str:
    """A text with each name of a model as people say it."""
    model = rf"\b(?:{NETWORK}|(?:{'|'.join(KINDS)})-{SCALES})"
    return re.sub(model, lambda found: label_of(found[0]), text)


def title_of(column: str) -> str:
    """A column's name for people: ``power_ratio_k0-0.1`` is ``P_model / P_halo, k = 0-0.1``."""
    band = IN_BAND.fullmatch(column)
    name = band["name"] if band else column
    title = TITLES.get(name, name.replace("_", " "))
    return title + (f", k = {band['low']}-{band['high']}" if band else "")


def read_rows(path: str | Path) -> list[dict[str, str]]:
    """Rows of a CSV file as it says them, by the names of its columns."""
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def are_numbers(said: Sequence[str]) -> bool:
    """Is all that a column says a number? Empty cells say nothing."""
    try:
        return len([float(text) for text in said if text]) > 0
    except ValueError:
        return False


def _rounded(text: str, digits: int) -> str:
    return f"{float(text):.{digits}g}" if "." in text else text


def _number_cell(row: Mapping[str, str], column: str) -> Cell:
    """A number with the errors that the table has of it."""
    if not row[column]:
        return Cell("")
    text = _rounded(row[column], 4)
    for name in ("box_error", "error"):
        if row.get(f"{column}_{name}"):
            text += f" ± {_rounded(row[f'{column}_{name}'], 2)}"
    if row.get(f"{column}_seed_deviation"):
        text += f" ({_rounded(row[f'{column}_seed_deviation'], 2)})"
    if row.get(f"{column}_seed_min"):
        low, high = (_rounded(row[f"{column}_seed_{end}"], 4) for end in ("min", "max"))
        text += f" [{low}, {high}]"
    return Cell(text, number=row[column])


def _cell(row: Mapping[str, str], column: str, number: bool) -> Cell:
    if number:
        return _number_cell(row, column)
    if column in OF_MODELS and row[column]:
        return Cell(label_of(row[column]), below=row[column])
    return Cell(in_words(row[column]) if column != "file" else row[column])


def shown_table(path: str | Path) -> Shown:
    """A table of a run for a page.

    Parameters
    ----------
    path : of a CSV file

    Returns
    -------
    Shown; an error or a range of a number is in the number's cell
    """
    table = read_rows(path)
    names = list(table[0]) if table else []
    merged = {f"{name}_{end}": end for name in names for end in (*ERRORS, "seed_max")}
    merged = {name: end for name, end in merged.items() if name in names}
    columns = [name for name in names if name not in merged]
    numbers = {name: are_numbers([row[name] for row in table]) for name in columns}
    rows = [[_cell(row, name, numbers[name]) for name in columns] for row in table]
    legend = " ".join(text for end, text in ERRORS.items() if end in merged.values())
    return Shown([(title_of(name), name, numbers[name]) for name in columns], rows, legend)
