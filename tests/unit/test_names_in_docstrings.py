"""Names in docstrings and comments: those of the library's modules and classes exist."""

import ast
import re

import pytest
from lagbias.config.model import Config
from lagbias.plan.code import defined_by
from test_rooms import MODULES

# Of files, of other packages.
ENDINGS = {"asdf", "crc32", "csv", "json", "list", "nc", "yaml"}
PACKAGES = {"abacusnbody", "torch"}
SECTIONS = set(Config.__dataclass_fields__)  # of a config
TREES = {name: ast.parse(file.read_text(encoding="utf-8")) for name, file in MODULES.items()}


def defined(body: list[ast.stmt]) -> dict[str, ast.stmt]:
    """Names that statements define, and what defines them."""
    return {name: node for node in body for name in defined_by(node)}


NAMES = {module: defined(tree.body) for module, tree in TREES.items()}
CLASSES = {
    name: defined(node.body)
    for names in NAMES.values()
    for name, node in names.items()
    if isinstance(node, ast.ClassDef)
}
# Modules and rooms by all ends of their paths: ``lagbias.tables.evaluation``, ``evaluation``.
PLACES: dict[str, list[str]] = {}
for module in {*MODULES, *(module.rpartition(".")[0] for module in MODULES)}:
    parts = module.split(".")
    for first in range(len(parts)):
        PLACES.setdefault(".".join(parts[first:]), []).append(module)


def is_there(name: str) -> bool:
    """Is it a module, a name in one, or a part of a class?"""
    place, _, last = name.rpartition(".")
    if name in PLACES:
        return True
    if place in CLASSES:
        return last in CLASSES[place]
    return any(last in NAMES.get(module, ()) for module in PLACES.get(place, ()))


def asked(module: str) -> set[str]:
    """Dotted names of a module's text that look like places of the library."""
    text = MODULES[module].read_text(encoding="utf-8")
    names = set(re.findall(r"``([A-Za-z]\w*(?:\.\w+)+)(?:\([^`]*\))?``", text))
    arguments = {node.arg for node in ast.walk(TREES[module]) if isinstance(node, ast.arg)}
    apart = PACKAGES | SECTIONS | arguments
    return {
        name
        for name in names
        if name.rpartition(".")[2] not in ENDINGS
        and (name.partition(".")[0] not in apart or is_there(name.partition(".")[0]))
    }


@pytest.mark.parametrize("module", MODULES)
def test_names_in_docstrings_exist(module):
    assert not {name for name in asked(module) if not is_there(name)}


def test_made_up_names_are_not_there():
    assert is_there("lagbias.training.loss")
    assert is_there("losses.mean_losses")
    assert is_there("HaloToMassRatio.load")
    for name in ("prediction.write_fields", "normal_equations.BasisOnBox", "lagbias.loss"):
        assert not is_there(name), name
