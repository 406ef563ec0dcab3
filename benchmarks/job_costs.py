"""What the last run of the workflow cost, rule by rule, from the benchmark files of its jobs.

    python benchmarks/job_costs.py
    python benchmarks/job_costs.py --without "N100|tracers"    # but for these jobs

Run it where the workflow was run. Prints a Markdown table: jobs, wall-clock and CPU seconds of all
of them, largest memory of one; and, where the workflow was run with ``--benchmark-extended``, what
the rule's formula in ``lagbias/plan/resources.py`` is worth: the least and the largest ratio of a
job's peak to its formula, which is confirmed within 25 % if both are in 0.75-1.25; and the memory
that the job closest to its limit asked for, formula and headroom, with the share of it that it
took.

CPU time and memory are those that a job logged when it ended, where it did: Snakemake looks at a
job now and then only, and misses the end.
"""

import argparse
import ast
import re
import sys
from pathlib import Path

import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[1] / "workflow/scripts"))

from lagbias.plan.resources import formula_mb

LOGS = Path("logs")
TRACER = r"N\d+(-number|-galaxies|-LRG|-ELG)?"
RULES = {  # of files that are named for something else
    r"download/.*": "download_file",
    r"figures/.*": "figures",
    r"models/.*": "write_model",
    r"tables/.*": "tables",
    r".*/features/R[\d.]+\.tsv": "compute_features",
    r".*/halos/N\d+-galaxies\.tsv": "draw_galaxies",
    r".*/halos/N\d+-(LRG|ELG)\.tsv": "populate_halos",
    rf".*/halos/{TRACER}\.tsv": "select_halos",
    rf".*/halos/{TRACER}-planted\.tsv": "plant_halos",
    rf".*/labels/{TRACER}\.tsv": "label_particles",
}
MIB = 2**20 / 1e6  # benchmark files count in MiB, resources in MB


def rule_of(place: Path) -> str:
    """The rule that a benchmark file belongs to, from its place under logs/.

    Figures and tables are taken together; most other files are named for their rule.
    """
    found = [rule for pattern, rule in RULES.items() if re.fullmatch(pattern, str(place))]
    return found[0] if found else place.stem.partition("_to_")[0]


def logged(file: Path) -> tuple[int, int]:
    """Peak memory [MB] and CPU time [s] that a job wrote into its log, 0 if it did not."""
    text = file.read_text(encoding="utf-8") if file.exists() else ""
    found = re.findall(r"peak memory (\d+) MB, (\d+) s of CPU", text)
    return (int(found[-1][0]), int(found[-1][1])) if found else (0, 0)


def jobs(logs: Path = LOGS, without: str | None = None) -> pd.DataFrame:
    """Every job that ran: rule, seconds, cpu_seconds, peak_mb, asked_mb (NaN if not noted).

    Those whose log has a path in which the pattern ``without`` is found are left out.
    """
    found = []
    for file in sorted(logs.rglob("*.tsv")):
        if without and re.search(without, str(file.relative_to(logs))):
            continue
        cost = pd.read_csv(file, sep="\t", na_values="-").iloc[-1]
        peak, cpu_seconds = logged(file.with_suffix(".log"))
        asked = ast.literal_eval(cost["resources"]).get("mem_mb") if "resources" in cost else None
        found.append(
            {
                "rule": rule_of(file.relative_to(logs)), "seconds": cost["s"],
                "cpu_seconds": max(cost["cpu_time"], cpu_seconds),
                "peak_mb": max(MIB * cost["max_rss"], peak), "asked_mb": asked,
            }
        )  # fmt: skip
    return pd.DataFrame(found).astype({"asked_mb": float})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--without", metavar="PATTERN", help="leave out logs of such paths")
    table = jobs(without=parser.parse_args().without)
    table["share"] = table["peak_mb"] / table["asked_mb"]
    table["of_formula"] = table["peak_mb"] / formula_mb(table["asked_mb"])
    columns = ["rule", "jobs", "wall s, summed", "CPU s, summed", "peak MB of one"]
    noted = table["share"].notna().any()
    columns += ["peak / formula", "asked MB", "taken"] if noted else []
    print(f"| {' | '.join(columns)} |\n{'|---' * len(columns)}|")
    rules = sorted(table.groupby("rule"), key=lambda pair: -pair[1]["cpu_seconds"].sum())
    for rule, group in [*rules, ("all", table)]:
        cells = [
            rule, f"{len(group)}", f"{group['seconds'].sum():.0f}",
            f"{group['cpu_seconds'].sum():.0f}", f"{group['peak_mb'].max():.0f}",
        ]  # fmt: skip
        if noted and rule != "all" and group["share"].notna().any():
            closest = group.loc[group["share"].idxmax()]
            low, high = group["of_formula"].min(), group["of_formula"].max()
            cells.append(f"{low:.2f}" if len(group) == 1 else f"{low:.2f}–{high:.2f}")
            cells += [f"{closest['asked_mb']:.0f}", f"{closest['share']:.2f}"]
        cells += [""] * (len(columns) - len(cells))
        print(f"| {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
