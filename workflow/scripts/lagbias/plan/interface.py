"""The contract of paths, ``INTERFACE.yaml``: what each file holds, and its page of the docs."""

import re
import sys
from collections.abc import Iterable
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[4]
FILE, PAGE = ROOT / "INTERFACE.yaml", ROOT / "docs/reference/paths.md"
HEAD = """# Paths

Every file of a run has a path that you can type: `snakemake --cores 2 PATH`. With a config of your
own: `snakemake --cores 2 --configfile my.yaml -- PATH`. In names of columns, `{band}` is 0-0.1,
0-0.2 or 0.1-0.3. Of figures, `{suffix}` is pdf or png. Simulations and downloads are in
`resources/`, logs in `logs/`.

This page is made from `INTERFACE.yaml`, which programs can read, by
`python -m lagbias.plan.interface`.

## Wildcards

| in a path | is | as |
|---|---|---|
"""


def read(file: Path = FILE) -> dict:
    """The contract: ``wildcards`` by name, and ``files`` with path, rules and contents."""
    return yaml.safe_load(file.read_text(encoding="utf-8"))


def plain(pattern: str) -> str:
    """A path as Snakemake has it, without what its wildcards may be."""
    return re.sub(r"\{(\w+),(?:[^{}]|\{[^{}]*\})*\}", r"{\1}", pattern)


def page(contract: dict) -> str:
    """The page of the docs."""
    rows = [
        f"| `{{{name}}}` | {wildcard['meaning']} | `{wildcard['as']}` |"
        for name, wildcard in contract["wildcards"].items()
    ]
    sections = ["\n".join(section(entry)) for entry in contract["files"]]
    return HEAD + "\n".join(rows) + "\n\n## Files\n\n" + "\n\n".join(sections) + "\n"


def section(entry: dict) -> Iterable[str]:
    """Lines of the docs on one file."""
    rules = ", ".join(f"`{rule}`" for rule in entry["rules"])
    yield f"### `{entry['path']}`\n"
    yield f"{entry['holds']}. Made by {rules}."
    if "variables" in entry:
        more = ", and what its kind of functions needs" if entry.get("more") else ""
        yield f"\n| variable{more} | dimensions | units | is |\n|---|---|---|---|"
        for name, variable in entry["variables"].items():
            dims = ", ".join(variable["dims"])
            yield f"| `{name}` | {dims} | {variable.get('units', '')} | {variable.get('is', '')} |"
    if "attributes" in entry:
        yield f"\nAttributes: {', '.join(f'`{name}`' for name in entry['attributes'])}."
    if "columns" in entry:
        yield f"\nColumns: {', '.join(f'`{name}`' for name in entry['columns'])}."


if __name__ == "__main__":
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(page(read()), encoding="utf-8")
    sys.stdout.write(f"{PAGE}\n")
