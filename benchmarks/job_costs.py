"""What the last run of the workflow cost, rule by rule, from the benchmark files of its jobs.

CPU time and memory are those that a job logged when it ended, where it did: Snakemake looks at a
job now and then only, and misses the end.

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


def logged(file: Path) -> tuple[int, int]:
    """Peak memory [MB] and CPU time [s] that a job wrote into its log, 0 if it did not."""
    text = file.read_text() if file.exists() else ""
    found = re.findall(r"peak memory (\d+) MB, (\d+) s of CPU", text)
    return (int(found[-1][0]), int(found[-1][1])) if found else (0, 0)


def job_costs(logs: Path = LOGS) -> pd.DataFrame:
    """One line a rule: jobs, seconds, cpu_seconds, peak_mb."""
    jobs = []
    for file in sorted(logs.rglob("*.tsv")):
        cost = pd.read_csv(file, sep="\t", na_values="-").iloc[-1]
        peak, cpu_seconds = logged(file.with_suffix(".log"))
        jobs.append(
            {
                "rule": rule_of(file), "seconds": cost["s"],
                "cpu_seconds": max(cost["cpu_time"], cpu_seconds),
                "peak_mb": max(cost["max_rss"], peak),
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
