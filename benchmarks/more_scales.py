"""Networks of more than three scales beside those of three: power, error and losses.

    python benchmarks/more_scales.py docs/volume/twelve_N50
    python benchmarks/more_scales.py docs/volume/one{,_ph001,_ph002,_ph003}_N50

Reads the tables ``…_claims.csv`` and ``…_comparison.csv`` of one set of boxes, or of several, and
prints a Markdown table of ratios, each network over the one of three scales that is trained in the
same way. Of one set, what follows ± is the interval of 95 % of the claims, of boxes and seeds; of
several, that of the mean over the sets by their scatter (Student's t).
"""

import argparse

import numpy as np
import pandas as pd
from results_table import label, print_table
from scipy.stats import t

CLAIMS = {
    "P, k < 0.1": ("more than three scales are 2-5 % lower than three", "P_model / P_model of "),
    "P_error, 0.1–0.3": ("more than three scales over-fit", "P_error over that of "),
}
LOSSES = {"training loss": "train_loss", "validation loss": "validation_loss"}


def ratios(prefix: str) -> pd.DataFrame:
    """Of one set: a line a network, ``three``, and a column and its interval a ratio."""
    claims = pd.read_csv(f"{prefix}_claims.csv")
    losses = pd.read_csv(f"{prefix}_comparison.csv").set_index("model")
    found = pd.DataFrame()
    for title, (claim, words) in CLAIMS.items():
        rows = claims[claims["claim"] == claim].set_index("model")
        found["three"] = rows["quantity"].str.removeprefix(words).str.split(",").str[0]
        found[[title, f"{title}_interval"]] = rows[["measured", "interval"]]
    for title, column in LOSSES.items():
        of_three = losses.loc[found["three"], column]
        found[title] = losses.loc[found.index, column] / of_three.values
        found[f"{title}_interval"] = np.nan
    return found


def over_sets(tables: list[pd.DataFrame]) -> pd.DataFrame:
    """Means over sets of the networks that all have, with the intervals of the sets' scatter."""
    first = tables[0].loc[[m for m in tables[0].index if all(m in found.index for found in tables)]]
    for title in (*CLAIMS, *LOSSES):
        values = np.array([found.loc[first.index, title] for found in tables])
        first[title] = values.mean(axis=0)
        error = values.std(axis=0, ddof=1) / np.sqrt(len(tables))
        first[f"{title}_interval"] = t.ppf(0.975, len(tables) - 1) * error
    return first


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("prefixes", nargs="+", metavar="TABLES", help="path up to _claims.csv")
    tables = [ratios(prefix) for prefix in parser.parse_args().prefixes]
    table = tables[0] if len(tables) == 1 else over_sets(tables)
    rows = []
    for model, row in table.iterrows():
        cells = [label(model), label(row["three"])]
        for title in (*CLAIMS, *LOSSES):
            interval = row[f"{title}_interval"]
            cells.append(f"{row[title]:.3f}" + ("" if np.isnan(interval) else f" ± {interval:.3f}"))
        rows.append(cells)
    print_table(["network", "beside", *CLAIMS, *LOSSES], rows)


if __name__ == "__main__":
    main()
