"""Networks of more than three scales beside those of three: power, error and losses.

    python benchmarks/more_scales.py docs/volume/twelve_N50
    python benchmarks/more_scales.py docs/volume/one_ph00{0,1,2,3}_N50

Reads the tables ``…_claims.csv`` and ``…_comparison.csv`` of one set of boxes, or of several, and
prints a Markdown table of ratios, each network over the one of three scales that is trained in the
same way. What follows ± is an interval of 95 %: of one set that of the claims, of boxes and seeds;
of several sets that of ``results_table.claims_over_sets``, and of losses that of the sets' scatter.
"""

import argparse

import numpy as np
import pandas as pd
from results_table import claims_over_sets, label, print_table
from scipy.stats import t

CLAIMS = {
    "P, k < 0.1": ("more than three scales are 2-5 % lower than three", "P_model / P_model of "),
    "P_error, 0.1–0.3": ("more than three scales over-fit", "P_error over that of "),
}
LOSSES = {"training loss": "train_loss", "validation loss": "validation_loss"}


def ratios(claims: pd.DataFrame, losses: list[pd.DataFrame]) -> pd.DataFrame:
    """A line a network; ``three``, and a column and its interval a ratio."""
    found = pd.DataFrame()
    for title, (claim, words) in CLAIMS.items():
        rows = claims[claims["claim"] == claim].set_index("model")
        found["three"] = rows["quantity"].str.removeprefix(words).str.split(",").str[0]
        found[[title, f"{title}_interval"]] = rows[["measured", "interval"]]
    for title, column in LOSSES.items():
        of_sets = np.array(
            [
                table.loc[found.index, column] / table.loc[found["three"], column].values
                for table in losses
            ]
        )
        found[title] = of_sets.mean(axis=0)
        error = of_sets.std(axis=0, ddof=1) if len(losses) > 1 else np.nan
        scale = t.ppf(0.975, len(losses) - 1) / np.sqrt(len(losses))
        found[f"{title}_interval"] = scale * error
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("prefixes", nargs="+", metavar="TABLES", help="path up to _claims.csv")
    prefixes = parser.parse_args().prefixes
    claims = [pd.read_csv(f"{prefix}_claims.csv") for prefix in prefixes]
    losses = [pd.read_csv(f"{prefix}_comparison.csv").set_index("model") for prefix in prefixes]
    table = ratios(claims[0] if len(claims) == 1 else claims_over_sets(claims), losses)
    rows = []
    for model, row in table.iterrows():
        cells = [label(model), label(row["three"])]
        for title in (*CLAIMS, *LOSSES):
            interval = row[f"{title}_interval"]
            cells.append(f"{row[title]:.3f}" + ("" if np.isnan(interval) else f" ± {interval:.3f}"))
        rows.append(cells)
    print_table(["network", "compared with", *CLAIMS, *LOSSES], rows)


if __name__ == "__main__":
    main()
