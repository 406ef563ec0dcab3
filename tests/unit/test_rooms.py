"""The house: a room imports only from rooms before it, and no module in a circle."""

import ast
import graphlib
import re
from pathlib import Path

import pytest

LIBRARY = Path(__file__).parents[2] / "workflow/scripts/lagbias"
# Ground floor first.
ROOMS = (
    "base", "fields", "simulations", "config", "features", "halos", "plan", "projection",
    "training", "yardsticks", "evaluation", "interpretation", "tables", "figures",
    "model",
)  # fmt: skip
MODULES = {
    ".".join(file.relative_to(LIBRARY.parent).with_suffix("").parts): file
    for file in LIBRARY.rglob("*.py")
    if file.stem != "__init__"
}
MOST_LINES, MOST_LINES_OF_A_FUNCTION = 400, 60
# Splitting these would hurt: one set of sums, one page of claims.
LONG = {"lagbias.interpretation.explanation", "lagbias.tables.claims"}


def test_every_room_is_explained_to_contributors():
    text = (LIBRARY.parents[2] / "CONTRIBUTING.md").read_text(encoding="utf-8")
    table = text.partition("| room | contains |")[2].partition("\n\n")[0]
    first_cells = [row.split("|")[1] for row in table.splitlines()[2:]]
    assert tuple(re.findall(r"`(\w+)`", " ".join(first_cells))) == ROOMS


def imported(module: str) -> set[str]:
    """Modules of the library that one imports, wherever in it."""
    tree = ast.parse(MODULES[module].read_text(encoding="utf-8"))
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    return {node.module for node in nodes if (node.module or "").startswith("lagbias")}


def room_of(module: str) -> str:
    return module.split(".")[1]


def test_every_module_is_in_a_room():
    assert {room_of(module) for module in MODULES} == set(ROOMS)
    assert all((LIBRARY / room / "__init__.py").is_file() for room in ROOMS)


@pytest.mark.parametrize("module", MODULES)
def test_a_module_imports_modules_of_its_own_and_of_earlier_rooms(module):
    """Modules, not rooms: a name has one place, and what a rule depends on is followed by it."""
    for other in imported(module):
        assert other in MODULES, f"{module} imports {other} as a whole"
        assert ROOMS.index(room_of(other)) <= ROOMS.index(room_of(module)), other


def test_no_modules_import_each_other_in_a_circle():
    order = graphlib.TopologicalSorter({module: imported(module) for module in MODULES})
    assert set(order.static_order()) == set(MODULES)


@pytest.mark.parametrize("module", MODULES)
def test_modules_and_functions_are_short(module):
    text = MODULES[module].read_text(encoding="utf-8")
    if module not in LONG:
        assert len(text.splitlines()) <= MOST_LINES
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            lines = node.end_lineno - node.lineno + 1
            assert lines <= MOST_LINES_OF_A_FUNCTION + documented(node), node.name


def documented(node: ast.FunctionDef) -> int:
    """Lines of the docstring of a function."""
    return (ast.get_docstring(node) or "").count("\n") + 1
