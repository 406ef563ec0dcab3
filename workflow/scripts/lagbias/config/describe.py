"""The JSON schema and the page of all keys, written from the model of the config."""

import ast
import inspect
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import MISSING, Field, asdict, fields
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import yaml

from lagbias.config.keys import (
    Keys,
    Null,
    Pattern,
    Range,
    Unit,
    default_value,
    is_section,
    mark,
    options,
    unwrapped,
)
from lagbias.config.model import Config
from lagbias.config.training import PRESETS, TrainingSettings

ROOT = Path(__file__).parents[4]
SCHEMA = ROOT / "workflow/schemas/config.schema.yaml"
PAGE = ROOT / "docs/reference/config_keys.md"
WRITTEN = "Written by `PYTHONPATH=workflow/scripts python -m lagbias.config.describe`: do not edit."

TYPES = {int: "integer", float: "number", str: "string", bool: "boolean"}
# What JSON calls the bounds of a number, and the lower bound of a length.
BOUNDS = {
    "least": "minimum", "above": "exclusiveMinimum", "most": "maximum", "below": "exclusiveMaximum"
}  # fmt: skip
LENGTHS = {"string": "minLength", "array": "minItems", "object": "minProperties"}
WORDS = {int: "whole number", float: "number", str: "text", bool: "`true` or `false`"}


def write() -> None:
    """Write the schema and the page of keys."""
    for file, text in ((SCHEMA, schema_text()), (PAGE, page())):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")


def meanings(section: type) -> dict[str, str]:
    """The meaning of each field of a class: the text below it.

    Raises
    ------
    ValueError
        If a field has none. A section has that of its class.
    """
    texts = {}
    (parsed,) = ast.parse(inspect.getsource(section)).body
    for pair in pairwise(getattr(parsed, "body", ())):
        match pair:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=text)):
                texts[name] = " ".join(text.split())
    for key in fields(section):
        if (found := inside(key.type)) and key.name not in texts:
            texts[key.name] = " ".join((inspect.getdoc(found[1][0]) or "").split())
        if not texts.get(key.name):
            raise ValueError(f"{section.__name__}.{key.name} has no text below it")
    return texts


def schema_text() -> str:
    """The JSON schema of a config, as YAML."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Config of the workflow",
        **schema_of(Config),
    }
    text = yaml.safe_dump(schema, sort_keys=False, allow_unicode=True, width=100)
    return f"# {WRITTEN}\n{text}"


def schema_of(kind: Any) -> dict:
    """The JSON schema of a type of the model."""
    plain, marks = unwrapped(kind)
    taken = [schema_of(option) for option in options(plain) if option is not plain]
    if Null() in marks:
        taken.append({"type": "null"})
    if taken:
        return taken[0] if len(taken) == 1 else {"anyOf": taken}
    if keys := keys_of(kind):
        schema = schema_of_section(keys)
    elif get_origin(plain) is Literal:
        schema = {"enum": list(get_args(plain))}
    elif get_origin(plain) is list:
        items = schema_of(get_args(plain)[0])
        schema = {"type": "array", "uniqueItems": True, "items": items}
    elif get_origin(plain) is dict:
        name, entry = get_args(plain)
        names = schema_of_bounds(name, "string")
        schema = {
            "type": "object", "propertyNames": names, "additionalProperties": schema_of(entry)
        }  # fmt: skip
    else:
        schema = {"type": TYPES[plain]}
    return schema | schema_of_bounds(kind, str(schema.get("type")))


def schema_of_section(keys: Keys) -> dict:
    """The JSON schema of a section."""
    properties = {
        key.name: {"description": meaning} | schema_of(key.type)
        for key, meaning in described(keys.classes)
    }
    schema = {"type": "object", "additionalProperties": False}
    schema |= {"required": list(keys.required)} if keys.required else {}
    return schema | {"properties": properties}


def schema_of_bounds(kind: Any, of: str) -> dict:
    """What JSON's schema says of the bounds or the pattern of a type."""
    given = asdict(mark(kind, Range) or Range())
    bounds = {
        LENGTHS.get(of, BOUNDS[name]): bound for name, bound in given.items() if bound is not None
    }
    pattern = mark(kind, Pattern)
    return bounds | ({"pattern": pattern.expression} if pattern else {})


def keys_of(kind: Any) -> Keys | None:
    """The keys of a section; None of a plain key."""
    plain, _ = unwrapped(kind)
    if is_section(plain):
        return Keys((plain,), tuple(key.name for key in fields(plain) if is_required(key)))
    return mark(kind, Keys)


def described(classes: Sequence[type]) -> Iterator[tuple[Field, str]]:
    """Fields of some classes, with their meanings."""
    for section in classes:
        texts = meanings(section)
        yield from ((key, texts[key.name]) for key in fields(section))


def is_required(key: Field) -> bool:
    """Must a key be given?"""
    return default_value(key) is MISSING


def page() -> str:
    """The page of all keys, as Markdown: first those without a section, then each section."""
    keys = list(described((Config,)))
    plain = [(key.name, key, meaning) for key, meaning in keys if not inside(key.type)]
    parts = [
        "# Keys of the config",
        f"<!-- {WRITTEN} -->",
        "[Config](config.md) says how to write a config. A key with "
        "*required* as its default must be given. Any other key may be left out.",
        "## Keys without a section",
        table(plain, {"default": default_of}),
    ]
    shown: set[type] = set()
    for key, meaning in keys:
        if found := inside(key.type):
            between, classes = found
            new = [section for section in classes if section not in shown]
            rows = [(f"{key.name}{between}{k.name}", k, text) for k, text in described(new)]
            columns = PRESET_COLUMNS if TrainingSettings in new else {"default": default_of}
            parts += [f"## `{key.name}`", meaning + naming(key.type), table(rows, columns)]
            shown |= set(new)
    return "\n\n".join(parts) + "\n"


def inside(kind: Any) -> tuple[str, tuple[type, ...]] | None:
    """What stands between a section and its keys, and the classes of these; None of a plain key."""
    (option, *_) = options(unwrapped(kind)[0])
    if keys := keys_of(kind) or keys_of(option):
        return ".", keys.classes
    if get_origin(option) is dict and (keys := keys_of(get_args(option)[1])):
        return ".NAME.", keys.classes
    return None


def naming(kind: Any) -> str:
    """What the names of the entries of a section are made of; empty if it has none."""
    plain, _ = unwrapped(kind)
    pattern = mark(get_args(plain)[0], Pattern) if get_origin(plain) is dict else None
    return f" NAME: {pattern.words}." if pattern else ""


def table(rows: list[tuple[str, Field, str]], defaults: dict[str, Callable[[Field], str]]) -> str:
    """Keys as a Markdown table.

    Parameters
    ----------
    rows : list of tuple
        Full name, field and meaning of each key.
    defaults : dict
        Headers of columns, and what gives their text.
    """
    lines = [["key", "takes", "unit", *defaults, "meaning"]]
    lines += [["---"] * len(lines[0])]
    for name, key, meaning in rows:
        unit = mark(key.type, Unit) or mark(options(unwrapped(key.type)[0])[0], Unit)
        columns = [default(key) for default in defaults.values()]
        lines.append([f"`{name}`", takes(key.type), unit.name if unit else "", *columns, meaning])
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def takes(kind: Any) -> str:
    """What may be written behind a key, in words."""
    plain, marks = unwrapped(kind)
    taken = [takes(option) for option in options(plain) if option is not plain]
    if taken or Null() in marks:
        return ", or ".join([*taken, *(["`null`"] if Null() in marks else [])])
    if get_origin(plain) is Literal:
        *first, last = (f"`{choice}`" for choice in get_args(plain))
        return " or ".join([", ".join(first), last] if first else [last])
    if get_origin(plain) is list:
        (entry,) = get_args(plain)
        if get_origin(entry) is Literal:
            return f"list of {takes(entry)}"
        item, *bounds = takes(entry).split(", ")
        return ", ".join(
            [f"list of {item}s", *bounds, *(["not empty"] if mark(kind, Range) else [])]
        )
    if get_origin(plain) is dict:
        return f"names, each with a {takes(get_args(plain)[1])}"
    if pattern := mark(kind, Pattern):
        return f"{WORDS[plain]}: {pattern.words}"
    bounds = mark(kind, Range) if plain is not str else None
    return f"{WORDS[plain]}, {bounds}" if bounds else WORDS[plain]


def default_of(key: Field) -> str:
    """The default of a key, as it is written in a config."""
    if is_required(key):
        return "*required*"
    value = default_value(key)
    return "" if value is None else as_written(value)


def as_written(value: object) -> str:
    """A value as it is written in a config."""
    return f"`{value if isinstance(value, str) else json.dumps(value)}`"


def of_preset(name: str) -> Callable[[Field], str]:
    """What gives the value of a key in a preset."""
    settings = asdict(PRESETS[name])
    return lambda key: as_written(settings[key.name]) if key.name in settings else default_of(key)


PRESET_COLUMNS = {f"preset `{name}`": of_preset(name) for name in PRESETS}


if __name__ == "__main__":
    write()
