"""What the last run of the workflow cost, rule by rule, from the benchmark files of its jobs.

    python benchmarks/job_costs.py

Prints a Markdown table: jobs, wall-clock and CPU seconds of all of them, largest memory of one.
"""

import re
from pathlib import Path

import pandas as pd

LOGS = Path("logs")


def rule_of(file: Path) -> str:
    """The rule that a benchmark file belongs to, from its place under logs/."""
    if re.fullmatch(r"R[\d.]+", file.stem):
        return "compute_features"
    if re.fullmatch(r"N\d+", file.stem):
        return "select_halos"
    if file.parent.name in ("figures", "tables"):
        return file.parent.name
    return file.stem


def job_costs(logs: Path = LOGS) -> pd.DataFrame:
    """One line a rule: jobs, seconds, cpu_seconds, peak_mb."""
    jobs = []
    for file in sorted(logs.rglob("*.tsv")):
        cost = pd.read_csv(file, sep="\t", na_values="-").iloc[-1]
        jobs.append(
            {
                "rule": rule_of(file), "seconds": cost["s"], "cpu_seconds": cost["cpu_time"],
                "peak_mb": cost["max_rss"],
            }
        )  # fmt: skip
    table = pd.DataFrame(jobs).groupby("rule").agg(
        jobs=("seconds", "size"), seconds=("seconds", "sum"), cpu_seconds=("cpu_seconds", "sum"),
        peak_mb=("peak_mb", "max"),
    )  # fmt: skip
    return table.sort_values("cpu_seconds", ascending=False).round(0).astype("Int64")


def main() -> None:
    table = job_costs()
    print("| rule | jobs | wall s, summed | CPU s, summed | peak MB of one |")
    print("|---|---|---|---|---|")
    for rule, row in table.iterrows():
        print(f"| {rule} | {row.jobs} | {row.seconds} | {row.cpu_seconds} | {row.peak_mb} |")
    total = table.sum()
    print(f"| all | {total.jobs} | {total.seconds} | {total.cpu_seconds} | {table.peak_mb.max()} |")


if __name__ == "__main__":
    main()
