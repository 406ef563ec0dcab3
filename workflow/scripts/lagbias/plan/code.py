"""Which code of this library a rule depends on: what re-runs a rule when it is edited.

Snakemake sees an edit of a rule's script alone. Here the script's own imports are followed from
definition to definition: a function depends on the functions, classes and constants that it names.
A rule has a digest of their sources as a parameter, and Snakemake re-runs it when that changes.
Other definitions in the same modules, comments, docstrings and time stamps re-run nothing.

A module that is imported as a whole counts as a whole. What is named only in a string or by
``getattr`` is not seen, so the library names no code so.
"""

import ast
import functools
import hashlib
import io
import tokenize
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeGuard

PACKAGE = "lagbias"
WHOLE = "*"  # in place of a definition's name: all definitions of its module
ALWAYS = ""  # in place of a definition's name: what runs when its module is imported


class Statement:
    """A top-level statement of a module, walked once however many rules depend on it."""

    def __init__(self, node: ast.stmt, lines: list[str]) -> None:
        self.node = node
        self.lines = lines

    @functools.cached_property
    def parts(self) -> list[ast.AST]:
        """The statement and all that it is made of."""
        return list(ast.walk(self.node))

    @functools.cached_property
    def source(self) -> str:
        """Text of the statement, without comments, docstrings and empty lines."""
        node = self.node
        left_out = {
            number
            for part in self.parts
            if isinstance(part, ast.stmt) and is_docstring(part)
            for number in range(part.lineno, (part.end_lineno or 0) + 1)
        }
        first = min([node.lineno, *(part.lineno for part in getattr(node, "decorator_list", []))])
        numbers = (n for n in range(first, (node.end_lineno or 0) + 1) if n not in left_out)
        return "\n".join(filter(None, (self.lines[n - 1].rstrip() for n in numbers)))

    def names(self, imported: dict[str, tuple[str, str]]) -> set[tuple[str, str]]:
        """What the statement names: module and name, without a module if of its own.

        Parameters
        ----------
        imported : names that its module imports, with module and name of what they stand for
        """
        for part in self.parts:
            if isinstance(part, ast.Import | ast.ImportFrom):
                imported = imported | imported_by(part)
        named = {part.id for part in self.parts if isinstance(part, ast.Name)}
        return {imported.get(name, ("", name)) for name in named}


@dataclass
class Module:
    """Top-level statements of a module by the name that they define, and the names it imports."""

    statements: dict[str, list[Statement]] = field(default_factory=dict)
    imported: dict[str, tuple[str, str]] = field(default_factory=dict)

    @classmethod
    def read(cls, file: Path) -> "Module":
        """A module of a file; its comments are left out."""
        text = file.read_text(encoding="utf-8")
        module, lines = cls(), without_comments(text)
        for node in ast.parse(text).body:
            if isinstance(node, ast.Import | ast.ImportFrom):
                module.imported |= imported_by(node)
            elif not is_docstring(node) and not is_registry(node):
                statement = Statement(node, lines)
                for name in defined_by(node):
                    module.statements.setdefault(name, []).append(statement)
        return module

    def named(self, name: str) -> list[Statement]:
        """The statements that define a name or a part of a class, or all of the module."""
        if "." in name:
            return self._part(*name.split("."))
        names = self.statements if name == WHOLE else [name]
        return [node for key in names for node in self.statements.get(key, [])]

    def _part(self, name: str, methods: str) -> list[Statement]:
        """Statements of a class, its other public methods left out; its bases."""
        (whole,) = self.named(name)
        if not isinstance(whole.node, ast.ClassDef):
            raise ValueError(f"{name} is no class")
        asked = methods.split(",")
        kept = [part for part in whole.node.body if not is_method(part) or part.name in asked]
        bases = [ast.copy_location(ast.Expr(base), base) for base in whole.node.bases]
        return [Statement(part, whole.lines) for part in (*kept, *bases)]


class Code:
    """The library as definitions that name each other.

    Parameters
    ----------
    folder : path of the scripts, in which the library lies
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.module = functools.cache(self._module)
        self.names_in = functools.cache(self._names_in)
        self.digests = functools.cache(self._digests)

    def _module(self, name: str) -> Module | None:
        """A module by its dotted name; None if it is not of this library."""
        if name.partition(".")[0] != PACKAGE:
            return None
        place = self.folder.joinpath(*name.split("."))
        file = next(filter(Path.is_file, [place.with_suffix(".py"), place / "__init__.py"]), None)
        return Module.read(file) if file else None

    def resolved(self, module: str, name: str) -> tuple[str, str] | None:
        """Module and name under which something that a module offers is defined."""
        found = self.module(module)
        if found and (name.partition(".")[0] in found.statements or name == WHOLE):
            return module, name
        if found and name in found.imported:
            return self.resolved(*found.imported[name])
        return (f"{module}.{name}", WHOLE) if self.module(f"{module}.{name}") else None

    def _names_in(self, module: str, name: str) -> frozenset[tuple[str, str]]:
        """Definitions that one names itself."""
        found = self.module(module) or Module()
        return frozenset(
            resolved
            for statement in found.named(name)
            for asked in statement.names(found.imported)
            if (resolved := self.resolved(*(asked if asked[0] else (module, asked[1]))))
        )

    def reached(self, script: str, place: str = "") -> set[tuple[str, str]]:
        """Module and name of each definition that a script depends on, however far off.

        Parameters
        ----------
        script : name of the file, without its ending
        place : str
            What else it loads by its place, ``lagbias.module:Name``; of a class whose methods are
            called apart, ``lagbias.module:Name.method,other``.
        """
        module = Module.read(self.folder / f"{script}.py")
        queue = [self.resolved(*named) for named in module.imported.values()]
        if place:
            queue.append(self.resolved(*place.split(":")))
        found = set()
        while queue:
            named = queue.pop()
            if named is None or named in found:
                continue
            found.add(named)
            queue += [*self.names_in(*named), (named[0], ALWAYS)]
        return found

    def of(
        self, script: str, place: Callable[[Any], str] = lambda wildcards: ""
    ) -> Callable[[Any], dict[str, str]]:
        """The digests of a script's code as a parameter, taken when a job is planned.

        Parameters
        ----------
        script : name of the file, without its ending
        place : function of wildcards
            What else it loads by its place, ``lagbias.module:Name`` or ``file.py:Name``.
        """
        return lambda wildcards: self.digests(script, place(wildcards))

    def _digests(self, script: str, place: str = "") -> dict[str, str]:
        """Digest of the code that a script depends on, room by room of the library."""
        file = place.rpartition(":")[0]
        from_file = file.endswith(".py")
        rooms: dict[str, list[str]] = {}
        if from_file and Path(file).is_file():
            rooms[file] = ["\n".join(without_comments(Path(file).read_text(encoding="utf-8")))]
        for module, name in sorted(self.reached(script, "" if from_file else place)):
            found = self.module(module) or Module()
            room = ([*module.split("."), ""])[1]
            rooms.setdefault(room, []).extend(
                f"{module}:{name}\n{statement.source}" for statement in found.named(name)
            )
        return {
            room: hashlib.sha256("\n".join(parts).encode()).hexdigest()[:8]
            for room, parts in sorted(rooms.items())
            if parts
        }


def without_comments(text: str) -> list[str]:
    """Lines of a source without its comments."""
    lines = text.splitlines()
    if "#" not in text:
        return lines
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column]
    return lines


def is_docstring(node: ast.stmt) -> bool:
    """Is a statement a string that nothing takes?"""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def is_method(node: ast.stmt) -> TypeGuard[ast.FunctionDef]:
    """Is a statement of a class a public method, neither a property nor made by a class method?"""
    if not isinstance(node, ast.FunctionDef):
        return False
    return not node.name.startswith("_") and not node.decorator_list


def is_registry(node: ast.stmt) -> bool:
    """Is a statement a list of what there is (``lagbias.base.registry``)?"""
    return isinstance(node, ast.AnnAssign) and ast.unparse(node.annotation).startswith("Registry[")


def defined_by(node: ast.stmt) -> list[str]:
    """Names that a top-level statement defines; ``ALWAYS`` if it runs for its effect."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [node.name]
    if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        found = [part.id for target in targets for part in stored_names(target)]
        return found or [ALWAYS]
    return [ALWAYS]


def stored_names(target: ast.expr) -> Iterator[ast.Name]:
    """Names in the target of an assignment; none of ``a.b = …`` or ``a[b] = …``."""
    parts = target.elts if isinstance(target, ast.Tuple | ast.List) else [target]
    return (part for part in parts if isinstance(part, ast.Name))


def imported_by(node: ast.Import | ast.ImportFrom) -> dict[str, tuple[str, str]]:
    """Names that an import binds, with module and name of what they stand for."""
    if isinstance(node, ast.Import):
        return {part.asname or part.name: (part.name, WHOLE) for part in node.names}
    return {part.asname or part.name: (node.module or "", part.name) for part in node.names}
