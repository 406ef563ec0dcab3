"""The quick benchmarks, one after the other, and one table of their ratios: ``make bench``.

    python benchmarks/ratios.py [--output docs/size/ratios.md]

Runs after `make report`. A ratio is the time of the other way over ours: above 1 ours is faster.
``authors.py`` runs both ways in turn and gives the range of its trials, in CPU seconds. The others
are single runs, in seconds of the wall clock, so other work on the machine enters their ratios.
"""

import argparse
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from in_turn import head, machine

COLUMNS = ("benchmark", "work", "compared with", "ratio")
FEATURES = ["--points", "192", "--threads", "1"]
AUTHORS = ["--points", "192", "--trials", "3"]


def cells_of(printed: str) -> Iterator[list[str]]:
    """The cells of each row of a printed Markdown table."""
    table = [line for line in printed.splitlines() if line.startswith("| ")]
    for line in table[1:]:
        yield [cell.strip() for cell in line.strip("|").split("|")]


def of_kernels(printed: str) -> list[tuple[str, str, str]]:
    """Work, what it is compared with, and the ratio, of each kernel."""
    return [(work, other, ratio) for work, _, other, _, ratio, _ in cells_of(printed)]


def of_features(printed: str) -> list[tuple[str, str, str]]:
    """The same, of one scale."""
    points = re.search(r"(\d+)\^3", printed)[1]
    ratio = re.search(r"plain / ours: ([\d.]+) in time", printed)[1]
    return [(f"features of one scale, {points}³ points", "eleven transforms of scipy", ratio)]


def of_authors(printed: str) -> list[tuple[str, str, str]]:
    """The same, of each step of the published way of working."""
    steps = cells_of(printed)
    return [(f"{step}, {size}", "the plain way", ratio) for step, size, _, _, ratio in steps]


BENCHMARKS: dict[str, tuple[list[str], Callable[[str], list[tuple[str, str, str]]]]] = {
    "kernels": ([], of_kernels),
    "features": (FEATURES, of_features),
    "authors": (AUTHORS, of_authors),
}


def printed_by(name: str, arguments: list[str]) -> str:
    """What a benchmark prints; what it says of an error goes to the terminal."""
    command = [sys.executable, str(Path(__file__).with_name(f"{name}.py")), *arguments]
    run = subprocess.run(command, stdout=subprocess.PIPE, encoding="utf-8", check=False)
    if run.returncode:
        sys.exit(f"error: benchmarks/{name}.py ended with {run.returncode}, see above")
    return run.stdout


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, help="a file for the table, besides the terminal")
    arguments = parser.parse_args()
    if not Path("results/report.html").exists():
        sys.exit("error: found no results/report.html, expected the default run: `make report`")
    lines = []

    def say(line: str) -> None:
        lines.append(line)
        print(line, flush=True)

    say(head(COLUMNS))
    for name, (options, rows_of) in BENCHMARKS.items():
        for row in rows_of(printed_by(name, options)):
            say(f"| {name} | {' | '.join(row)} |")
    say(f"\n{machine('numpy', 'scipy', 'torch', 'abacusutils')}")
    if arguments.output:
        arguments.output.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
