"""A table that the workflow has written, as Markdown: results of all models, claims, biases, …

    python benchmarks/results_table.py [results/tables/mini_N50_on_mini_ph004_summary.csv ...]

Of a summary, of one box, ranges are those of the seeds; of a comparison, of all test boxes, what
follows ± is the standard error of the mean over boxes and what stands in brackets the standard
deviation of the seeds; of differences and statistics (a model a column), too. Of several
comparisons, of sets with unlike training boxes, means over the sets are printed, of models that
all have, and after ± the standard deviation of one set; of several claims what was measured, with
an interval of 95 % of sets and test boxes. Other tables are printed as they are, but for the files
they name; several one below the other, with the name of the file before `_filters.csv` or the like.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import t

sys.path.insert(0, str(Path(__file__).parents[1] / "workflow/scripts"))

from lagbias.config.names import parse_network, parse_scales
from lagbias.figures.labels import model_label

COLUMNS = {
    "P ratio, k < 0.1": "power_ratio_k0-0.1",
    "k < 0.2": "power_ratio_k0-0.2",
    "0.1–0.3": "power_ratio_k0.1-0.3",
    "cross ratio, k < 0.2": "cross_ratio_k0-0.2",
    "P_error/P_shot, 0.1–0.3": "error_over_shot_k0.1-0.3",
    "P_error n, 0.1–0.3": "error_over_number_shot_k0.1-0.3",
    "validation loss": "validation_loss",
}
NUMBER_WORDS = ["", "one", "two", "three", "four", "five", "six"]


def label(model: str) -> str:
    """A model's name in words: ``R2-R4-pc2`` is ``2, 4 → 2 directions``."""
    if not model.startswith("R"):
        return model_label(model)
    network = parse_network(model)
    scales = parse_scales(network.scale_set)
    listed = ", ".join(f"{scale:g}" for scale in scales)
    if network.variant:
        listed += f" ({network.variant})"
    if network.directions:
        return f"{listed} → {network.directions} direction{'s' * (network.directions > 1)}"
    return f"{NUMBER_WORDS[len(scales)]}: {listed}"


def cell(row: pd.Series, column: str) -> str:
    """A number, with its errors or its range over seeds where it has them."""
    if pd.isna(row[column]):
        return ""
    if f"{column}_box_error" in row or f"{column}_seed_deviation" in row:
        box, seeds = row.get(f"{column}_box_error"), row.get(f"{column}_seed_deviation")
        of_boxes = "" if pd.isna(box) else f" ± {box:.3f}"
        return f"{row[column]:.3f}{of_boxes}" + ("" if pd.isna(seeds) else f" ({seeds:.3f})")
    low, high = row.get(f"{column}_seed_min"), row.get(f"{column}_seed_max")
    spread = "" if pd.isna(low) else f" ({low:.3f}–{high:.3f})"
    return f"{row[column]:.3f}{spread}"


def number(value) -> str:
    """A value of any table, of four digits if it is a number with more."""
    if pd.isna(value):
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def over_sets(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """One table of several comparisons: means over the sets, of models that all of them have.

    ``_box_error`` is the standard deviation of one set about the mean, ``_seed_deviation`` the root
    mean square of the sets' own.
    """
    found = pd.concat(tables)
    of_models = found[found.groupby("model")["model"].transform("size") == len(tables)].groupby(
        "model", sort=False
    )
    columns = {"tracer": of_models["tracer"].first()}
    for name in filter(found.columns.__contains__, COLUMNS.values()):
        columns[name] = of_models[name].mean()
        columns[f"{name}_box_error"] = of_models[name].std(ddof=1)
        seeds = of_models[f"{name}_seed_deviation"]
        columns[f"{name}_seed_deviation"] = seeds.apply(lambda found: np.sqrt((found**2).mean()))
    return pd.DataFrame(columns).reset_index()


def claims_over_sets(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """One table of several of claims: means over the sets, of what all of them measured.

    ``interval`` is half that of 95 % of the mean, and in quadrature: ``of_sets``, by Student's t of
    their scatter, which is that of training boxes and seeds; ``of_boxes``, that of one set, as if
    the same test boxes did the same to all sets, which is the most that it can be.
    """
    found = pd.concat(tables)
    found["of_boxes"] **= 2
    groups = found.groupby(["claim", "model", "quantity"], sort=False)
    table = groups["measured"].agg(["mean", "sem", "size"])
    table["of_sets"] = table["sem"] * t.ppf(0.975, len(tables) - 1)
    table["of_boxes"] = np.sqrt(groups["of_boxes"].mean())
    table["interval"] = np.hypot(table["of_sets"], table["of_boxes"])
    table = table[table["size"] == len(tables)].rename(columns={"mean": "measured"})
    return table[["measured", "interval", "of_boxes", "of_sets"]].round(4).reset_index()


def one_below_the_other(paths: Sequence[str], tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """One table of several of a kind, with the first part of their file's name: ``mini_N50``."""
    names = [Path(path).stem.rpartition("_")[0] for path in paths]
    named = [
        table.assign(table=name)[["table", *table.columns]]
        for name, table in zip(names, tables, strict=True)
    ]
    return pd.concat(named)


def print_table(titles: list[str], rows: list[list[str]]) -> None:
    """A table as Markdown."""
    for line in (titles, None, *rows):
        print("|---" * len(titles) + "|" if line is None else f"| {' | '.join(line)} |")


def print_statistics(table: pd.DataFrame) -> None:
    """A line a statistic, a column a model."""
    models = list(table["model"].unique())
    table = table.rename(columns={name: f"mean_{name}" for name in ("box_error", "seed_deviation")})
    rows = []
    for (statistic, where), found in table.groupby(["statistic", "where"], sort=False):
        of_model = {row["model"]: cell(row, "mean") for _, row in found.iterrows()}
        rows.append([statistic, where, *(of_model.get(model, "") for model in models)])
    print_table(["statistic", "where", *map(label, models)], rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "tables", nargs="*", default=["results/tables/mini_N50_on_mini_ph004_summary.csv"]
    )
    paths = parser.parse_args().tables
    tables = [pd.read_csv(path) for path in paths]
    if len(tables) == 1:
        (table,) = tables
    elif "claim" in tables[0]:
        table = claims_over_sets(tables)
    elif "power_ratio_k0-0.1" in tables[0]:
        table = over_sets(tables)
    else:
        table = one_below_the_other(paths, tables)
    if "statistic" in table:
        print_statistics(table)
        return
    if "power_ratio_k0-0.1" not in table:
        shown = table.drop(columns="file", errors="ignore")
        rows = [[number(value) for value in row] for row in shown.values]
        print_table(list(shown.columns), rows)
        return
    columns = {title: name for title, name in COLUMNS.items() if name in table}
    several_tracers = "tracer" in table and table["tracer"].nunique() > 1
    rows = [
        [row["tracer"]] * several_tracers
        + [label(row["model"])]
        + [cell(row, column) for column in columns.values()]
        for _, row in table.iterrows()
    ]
    first = ["tracer"] * several_tracers + ["model, smoothing scales [Mpc/h]"]
    print_table([*first, *columns], rows)


if __name__ == "__main__":
    main()
