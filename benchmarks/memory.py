"""The memory that each rule asks for against what its jobs took.

    snakemake --cores 2 --benchmark-extended ...
    python benchmarks/memory.py

Run it where the workflow was run. What a job asked for is in its benchmark file under logs/ (only
`--benchmark-extended` writes it there), what it took in the same file and, exactly, at the end of
its log: Snakemake looks only now and then. Prints a Markdown table, one line a rule: jobs, seconds
of the wall clock and of CPU of the longest, megabytes asked for and taken by the job that came
closest to what it asked for, and the ratio of the two.
"""

import ast
import re
from pathlib import Path

import pandas as pd

LOGS = Path("logs")
MIB = 2**20 / 1e6  # benchmark files count in MiB, resources in MB


def logged_peak(file: Path) -> float:
    """The peak memory [MB] that a job wrote into its log, 0 if it wrote none."""
    text = file.read_text() if file.exists() else ""
    found = re.findall(r"peak memory (\d+) MB", text)
    return float(found[-1]) if found else 0.0


def jobs(logs: Path = LOGS) -> pd.DataFrame:
    """Every job that ran: rule, seconds, cpu_seconds, asked_mb, taken_mb, ratio."""
    found = []
    for file in sorted(logs.rglob("*.tsv")):
        row = pd.read_csv(file, sep="\t", na_values="-").iloc[-1]
        if "resources" not in row:
            continue
        asked = ast.literal_eval(row["resources"]).get("mem_mb")
        taken = max(MIB * row["max_rss"], logged_peak(file.with_suffix(".log")))
        found.append(
            {
                "rule": row["rule_name"], "seconds": row["s"], "cpu_seconds": row["cpu_time"],
                "asked_mb": asked, "taken_mb": taken,
            }
        )  # fmt: skip
    table = pd.DataFrame(found).dropna()
    table["ratio"] = table["taken_mb"] / table["asked_mb"]
    return table


def main() -> None:
    table = jobs()
    print("| rule | jobs | s, longest | CPU s | asked for, MB | taken, MB | taken / asked |")
    print("|---|---|---|---|---|---|---|")
    for rule, group in table.groupby("rule"):
        closest = group.loc[group["ratio"].idxmax()]
        print(
            f"| {rule} | {len(group)} | {group.seconds.max():.0f} | {group.cpu_seconds.max():.0f} "
            f"| {closest.asked_mb:.0f} | {closest.taken_mb:.0f} | {closest.ratio:.2f} |"
        )


if __name__ == "__main__":
    main()
