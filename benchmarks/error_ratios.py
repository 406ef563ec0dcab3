"""P_error of models over that of the network they are compared with, ± half of 95 %.

    python benchmarks/error_ratios.py docs/paper/paper_N50 --seeds 5

Of `{stem}_comparison.csv` and `{stem}_differences.csv`. The interval has the scatter of the test
boxes, of the difference on the same boxes, and of the seeds, by Student's t, added in quadrature;
the scatter of training boxes is not in it.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import t

sys.path.insert(0, str(Path(__file__).parent))

from results_table import label, print_table

BANDS = {"k < 0.1": "k0-0.1", "0.1–0.3": "k0.1-0.3"}


def half_interval(deviation_of_mean: float, number: int) -> float:
    """Half of the interval of 95 % of a mean, by Student's t."""
    return deviation_of_mean * t.ppf(0.975, number - 1)


def ratio(difference: pd.Series, of_reference: float, column: str, seeds: int) -> str:
    """1 + difference / reference, with its interval."""
    boxes = half_interval(difference[f"{column}_box_error"], int(difference["boxes"]))
    deviation = difference.get(f"{column}_seed_deviation", np.nan)
    of_seeds = 0.0 if pd.isna(deviation) else half_interval(deviation / np.sqrt(seeds), seeds)
    interval = np.hypot(boxes, of_seeds) / of_reference
    return f"{1 + difference[column] / of_reference:.2f} ± {interval:.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("stem", help="path of both tables before _comparison.csv")
    parser.add_argument("--seeds", type=int, required=True)
    given = parser.parse_args()
    differences = pd.read_csv(f"{given.stem}_differences.csv")
    if differences["boxes"].min() < 2:
        sys.exit(f"{given.stem}: found one test box, which has no scatter; expected two or more")
    comparison = pd.read_csv(f"{given.stem}_comparison.csv").set_index("model")
    reference = comparison.loc[differences["less"].iloc[0]]
    rows = []
    for _, difference in differences.iterrows():
        columns = [f"error_over_shot_{band}" for band in BANDS.values()]
        found = [ratio(difference, reference[name], name, given.seeds) for name in columns]
        rows.append([label(difference["model"]), *found])
    print_table(["model, smoothing scales [Mpc/h]", *BANDS], rows)


if __name__ == "__main__":
    main()
