"""The directive ``arrays``: the table of arrays of ``source: arrays``, from the library itself."""

import sys
from pathlib import Path

from docutils import nodes
from docutils.parsers.rst import Directive
from docutils.statemachine import StringList

sys.path.insert(0, str(Path(__file__).parents[2] / "workflow/scripts"))

from lagbias.simulations.arrays.file import ARRAYS, ATTRIBUTES


class Arrays(Directive):
    """Two tables, of arrays and of attributes."""

    def run(self) -> list[nodes.Node]:
        lines = ["| array | shape | unit | what it is |", "|---|---|---|---|"]
        lines += [
            f"| `{name}` | {array.shape} | {array.unit} | {array.meaning} |"
            for name, array in ARRAYS.items()
        ]
        lines += ["", "| attribute of the file | what it is |", "|---|---|"]
        lines += [f"| `{name}` | {meaning} |" for name, meaning in ATTRIBUTES.items()]
        node = nodes.Element()
        self.state.nested_parse(StringList(lines), self.content_offset, node)
        return node.children


def setup(app):
    app.add_directive("arrays", Arrays)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
