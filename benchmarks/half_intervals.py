"""Half of the interval of 95 % of what a comparison of several test boxes and seeds measured.

    python benchmarks/half_intervals.py docs/paper/paper_N50 --seeds 5 --training-boxes 3
    python benchmarks/half_intervals.py docs/paper/paper_N50 --seeds 5 --statistics

Of `{stem}_comparison.csv`: power and P_error. Of `{stem}_differences.csv`, where there is one:
P_error over that of the network that models are compared with, on the same boxes. With
`--statistics`, of `{stem}_statistics.csv`: that network's ratios. By Student's t; parts of the test
boxes and of the seeds are added in quadrature, for the power that of the training boxes too
(docs/explanation/intervals.md).
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import t

sys.path.insert(0, str(Path(__file__).parent))

from results_table import label, print_table

BANDS = {"k < 0.1": "k0-0.1", "0.1–0.3": "k0.1-0.3"}


def half(box_error: float, boxes: int, deviation: float, seeds: int, training: int = 0) -> float:
    """Half of the interval; NaN errors are of what has no seeds."""
    if boxes < 2:
        sys.exit("found one test box, which has no scatter; expected two or more")
    of_boxes = box_error * t.ppf(0.975, boxes - 1)
    of_training = of_boxes * np.sqrt(boxes / training) if training else 0.0
    of_seeds = deviation / np.sqrt(seeds) * t.ppf(0.975, seeds - 1)
    return float(np.sqrt(of_boxes**2 + of_training**2 + np.nan_to_num(of_seeds) ** 2))


def half_of(row: pd.Series, column: str, seeds: int, training: int = 0) -> float:
    """Half of the interval of a column of a comparison or of differences."""
    deviation = row.get(f"{column}_seed_deviation", np.nan)
    return half(row[f"{column}_box_error"], int(row["boxes"]), deviation, seeds, training)


def print_models(stem: str, seeds: int, training: int) -> None:
    """A line a model: power, error, and error over that of the network compared with."""
    comparison = pd.read_csv(f"{stem}_comparison.csv").set_index("model")
    of_differences = Path(f"{stem}_differences.csv")
    differences = (
        pd.read_csv(of_differences).set_index("model") if of_differences.exists() else None
    )
    rows = []
    for model, row in comparison.iterrows():
        cells = [label(str(model))]
        for band in BANDS.values():
            column = f"power_ratio_{band}"
            cells.append(f"{row[column]:.3f} ± {half_of(row, column, seeds, training):.3f}")
        column = f"error_over_shot_{BANDS['0.1–0.3']}"
        cells.append(f"{row[column]:.3f} ± {half_of(row, column, seeds):.3f}")
        if differences is not None:
            reference = comparison.loc[differences["less"].iloc[0]]
            cells += error_ratios(differences, model, reference, seeds)
        rows.append(cells)
    titles = [f"P ratio, {band}" for band in BANDS] + ["P_error/P_shot, 0.1–0.3"]
    if differences is not None:
        titles += [f"P_error ratio, {band}" for band in BANDS]
    print_table(["model, smoothing scales [Mpc/h]", *titles], rows)


def error_ratios(
    differences: pd.DataFrame, model: object, reference: pd.Series, seeds: int
) -> Iterator[str]:
    """P_error of a model over that of the network compared with, a band each."""
    for band in BANDS.values():
        column = f"error_over_shot_{band}"
        if model not in differences.index:
            yield "1"
            continue
        less = differences.loc[model]
        value, width = 1 + less[column] / reference[column], half_of(less, column, seeds)
        yield f"{value:.2f} ± {width / reference[column]:.2f}"


def print_statistics(stem: str, seeds: int) -> None:
    """A line a ratio of the network that has seeds."""
    table = pd.read_csv(f"{stem}_statistics.csv")
    of_network = table[table["seed_deviation"].notna() & table["mean"].notna()]
    rows = [
        [row["statistic"], row["where"], f"{row['mean']:.3f} ± {width:.3f}"]
        for _, row in of_network.iterrows()
        if (width := half(row["box_error"], int(row["boxes"]), row["seed_deviation"], seeds))
    ]
    print_table(["statistic", "where", label(str(of_network["model"].iloc[0]))], rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("stem", help="path of the tables before _comparison.csv")
    parser.add_argument("--seeds", type=int, required=True)
    parser.add_argument("--training-boxes", type=int, default=0)
    parser.add_argument("--statistics", action="store_true")
    given = parser.parse_args()
    if given.statistics:
        print_statistics(given.stem, given.seeds)
    else:
        print_models(given.stem, given.seeds, given.training_boxes)


if __name__ == "__main__":
    main()
