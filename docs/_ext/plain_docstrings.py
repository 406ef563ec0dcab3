"""Docstrings of the library are plain text for a terminal: what reStructuredText reads otherwise.

An indented block is an equation or a list of names, shown as it stands. ``|k|``, ``x_`` and ``*``
are letters. Text between double backquotes is left alone.
"""

import re

from sphinx.application import Sphinx

SPECIAL = re.compile(r"(``.*?``)|(\*+|\||(?<=\w)_(?!\w))")


def escaped(line: str) -> str:
    """A line whose special letters stand for themselves."""
    return SPECIAL.sub(lambda found: found[1] or re.sub(r"(.)", r"\\\1", found[2]), line)


def as_text(app: Sphinx, what: str, name: str, thing: object, options: object, lines: list[str]):
    """Change the lines of a docstring in place, before numpydoc's sections are read."""
    shown, literal, before = [], False, ""
    for line in lines:
        indented = line.startswith(" ")
        if line and not indented:
            literal = False
        elif indented and not before and shown and not literal:
            literal = True
            shown += [".. code-block:: text", ""]
        shown.append(line if literal else escaped(line))
        before = line
    lines[:] = shown


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("autodoc-process-docstring", as_text, priority=100)  # before napoleon
    return {"parallel_read_safe": True, "parallel_write_safe": True}
