"""What README and docs say of the repository is so: links, rules, rooms, numbers of tables.

`make docs` checks the rest, links between pages among them.
"""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def rows_of(table: str) -> list[list[str]]:
    """Cells of the rows of a Markdown text's tables."""
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in table.splitlines()
        if line.startswith("| ")
    ]


def test_readme_is_a_front_door():
    assert len(README.splitlines()) <= 150


def test_links_of_readme_lead_somewhere():
    links = re.findall(r"\]\((?!https?:)([^)#]+)", README.partition("<!--")[0])
    links += re.findall(r"\]\((?!https?:)([^)#]+)", README.partition("-->")[2])
    assert links, "README has no links: is the test blind?"
    missing = [link for link in links if not (ROOT / link).exists()]
    assert not missing


def test_numbers_of_readme_are_those_that_the_command_prints():
    command = re.search(r"`python (benchmarks/results_table.py docs/\S+)`", README)[1]
    run = subprocess.run(
        [sys.executable, *command.split()],
        cwd=ROOT, capture_output=True, encoding="utf-8", check=True,
    )  # fmt: skip
    # README leaves out columns: model, power at k < 0.1 and at 0.1-0.3, error.
    printed = [[row[number] for number in (0, 1, 3, 5)] for row in rows_of(run.stdout)]
    shown = README.partition(command)[2].partition("\n\n1. ")[0]
    told = rows_of(shown)[1:]
    assert 4 <= len(told) <= 8
    wrong = [row for row in told if row not in printed]
    assert not wrong, f"{command} prints no such rows"


def test_tables_of_results_are_files_or_printed_and_not_pasted():
    pages = list((ROOT / "docs/results").glob("*.md"))
    assert len(pages) > 5
    for page in pages:
        after = re.split(r":::\{container\} printed.*\n", page.read_text(encoding="utf-8"))[1:]
        pasted = [part.partition("\n")[0] for part in after if part.startswith("|")]
        assert not pasted, f"{page.name}: write this table to a CSV file and include it: {pasted}"


def test_links_of_docs_have_a_text():
    """The site gives a link without one the title of its page; in the source there is nothing."""
    pages = [page for page in (ROOT / "docs").rglob("*.md") if "_build" not in page.parts]
    assert len(pages) > 20
    without = [page.name for page in pages if "[](" in page.read_text(encoding="utf-8")]
    assert not without


def test_every_rule_is_on_the_page_of_rules():
    files = [*(ROOT / "workflow/rules").glob("*.smk"), ROOT / "workflow/Snakefile"]
    rules = [
        name
        for file in files
        for name in re.findall(r"^\s*rule (\w+):|^use rule \w+ as (\w+)", file.read_text(), re.M)
    ]
    found = {first or second for first, second in rules}
    page = (ROOT / "docs/reference/rules.md").read_text(encoding="utf-8")
    told = {name for row in rows_of(page)[1:] for name in re.findall(r"`(\w+)`", row[0])}
    assert told == found


def test_every_room_of_the_library_is_on_the_page_of_functions():
    library = ROOT / "workflow/scripts/lagbias"
    rooms = {file.parent.name for file in library.glob("*/__init__.py")}
    page = (ROOT / "docs/reference/api.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^   lagbias\.(\w+)$", page, re.M)) == rooms


def test_what_the_site_is_built_with_is_pinned_and_agrees_with_the_lock():
    def pinned(file: str) -> dict[str, str]:
        lines = (ROOT / file).read_text(encoding="utf-8").splitlines()
        pins = [line.split("==") for line in lines if not line.startswith("#")]
        return {name.lower().replace("_", "-"): version for name, version in pins}

    docs, lock = pinned("docs/requirements.txt"), pinned("requirements.lock")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked = {re.match(r"[\w-]+", line)[0] for line in project["optional-dependencies"]["docs"]}
    assert asked <= docs.keys()
    assert not docs.keys() & lock.keys(), "pinned twice"
