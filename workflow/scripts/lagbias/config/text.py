"""What YAML reads in silence as something else than was meant: told with its line."""

import re
from collections.abc import Iterator
from pathlib import Path

import yaml

from lagbias.base.errors import InputError

INTEGER = "tag:yaml.org,2002:int"


def check_text(path: str | Path) -> None:
    """Refuse a config file with a key that is given twice, or a number that YAML reads as another.

    Of two equal keys YAML keeps the last; 010 is eight to it, and 1:30 ninety.

    Parameters
    ----------
    path : path of a YAML file

    Raises
    ------
    InputError
        Naming the file and the line.
    """
    text = Path(path).read_text(encoding="utf-8")
    if "__use_yte__" in text:  # a template: its keys may repeat
        return
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError:  # JSON with tabs, which Snakemake has read
        return
    for fault in _faults(root, set()) if root else ():
        raise InputError(f"{path}, {fault}")


def _faults(node: yaml.Node, seen: set[int]) -> Iterator[str]:
    if id(node) in seen:  # an alias of what was looked at
        return
    seen.add(id(node))
    if isinstance(node, yaml.MappingNode):
        yield from _repeated(node)
        for key, value in node.value:
            yield from _faults(key, seen)
            yield from _faults(value, seen)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _faults(item, seen)
    elif isinstance(node, yaml.ScalarNode) and node.tag == INTEGER and node.style is None:
        yield from _misread(node)


def _repeated(node: yaml.MappingNode) -> Iterator[str]:
    first: dict[str, int] = {}
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode) or key.value == "<<":
            continue
        line = key.start_mark.line + 1
        if key.value in first:
            yield (
                f"line {line}: {key.value} is given twice, first on line {first[key.value]}, and "
                "the last one alone would count; keep one of them"
            )
        first[key.value] = line


def _misread(node: yaml.ScalarNode) -> Iterator[str]:
    digits = node.value.lstrip("+-")
    line = node.start_mark.line + 1
    if re.fullmatch(r"0[0-7_]+", digits) and int(digits, 8) != int(digits):
        yield (
            f"line {line}: {node.value} begins with 0, and YAML reads it as {int(digits, 8)} "
            f"(octal); write {int(digits)}, or in quotes if it is a name"
        )
    elif ":" in digits:
        yield (
            f"line {line}: YAML reads {node.value} as a number to base 60; write it in quotes, or "
            "a plain number"
        )
