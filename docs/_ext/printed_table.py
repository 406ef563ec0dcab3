"""A table that a command of this repository prints, made when the site is built: never pasted.

The directive ``printed`` runs its argument with this Python at the root of the repository and shows
the Markdown table that it prints, under the command. ``rows`` keeps rows, ``columns`` columns: a
regular expression that the row's text, or the column's title, has to contain. ``class: words`` is
for tables of sentences, which may be broken.
"""

import re
import shlex
import subprocess
import sys
from pathlib import Path

from docutils import nodes
from docutils.parsers.rst import directives
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

ROOT = Path(__file__).parents[2]


def selected(table: list[str], rows: str, columns: str) -> list[str]:
    """Lines of a Markdown table with some of its rows and columns."""
    title, rule, *body = [line.strip("|").split("|") for line in table]
    kept = [number for number, name in enumerate(title) if re.search(columns, name.strip())]
    body = [row for row in body if re.search(rows, " | ".join(cell.strip() for cell in row))]
    return [f"|{'|'.join(row[number] for number in kept)}|" for row in (title, rule, *body)]


class PrintedTable(SphinxDirective):
    """``printed``: the table that a command prints."""

    required_arguments = 1
    final_argument_whitespace = True
    option_spec = {
        "rows": directives.unchanged,
        "columns": directives.unchanged,
        "class": directives.class_option,
    }

    def run(self) -> list[nodes.Node]:
        words = shlex.split(self.arguments[0])
        for file in (file for word in words for file in ROOT.glob(f"{word}*")):
            self.env.note_dependency(str(file))
        run = subprocess.run(
            [sys.executable, *words], cwd=ROOT, capture_output=True, encoding="utf-8", check=False
        )
        lines = run.stdout.splitlines()
        if run.returncode or not lines:
            raise self.error(f"{self.arguments[0]}: no table: {run.stderr[-300:]}")
        kept = selected(lines, self.options.get("rows", ""), self.options.get("columns", ""))
        if len(kept) == 2:
            raise self.error(f"{self.arguments[0]}: no row has {self.options['rows']!r}")
        table = nodes.container(classes=["printed", *self.options.get("class", [])])
        self.state.nested_parse(StringList(kept, self.arguments[0]), 0, table)
        command = f"python {self.arguments[0]}"
        said = nodes.paragraph("", "", nodes.literal("", command), classes=["command"])
        return [said, table]


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("printed", PrintedTable)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
