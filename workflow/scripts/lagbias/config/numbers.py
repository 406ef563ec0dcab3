"""Texts of a config that are numbers, booleans or null, where the schema wants one of these.

YAML reads 1e-3 as text. Snakemake hands over what ``--config`` has inside lists and mappings as
texts: ``['1', '2']`` for ``seeds='[1,2]'``.
"""

import functools
import re
from pathlib import Path
from typing import Any

import yaml

# As people write numbers. YAML 1.1 reads 1e-3 as text, since it wants 1.0e-3.
NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
WORDS = {
    "boolean": {"true": True, "false": False},
    "null": {"null": None, "~": None, "": None},
}
MINUS = "\N{MINUS SIGN}"  # as it is copied from a PDF


@functools.cache
def read_schema(path: str | Path) -> dict:
    """A JSON schema, from a YAML file; not to be changed."""
    return yaml.safe_load(Path(path).read_text(encoding="utf-8"))


def read_scalars(config: dict, schema: str | Path) -> dict:
    """A config whose texts are what the schema wants: numbers, booleans or null.

    Parameters
    ----------
    config : dict
        As YAML or Snakemake gives it; not changed.
    schema : path of a YAML file

    Returns
    -------
    dict
        Texts that cannot be read so, and those where a text is wanted, stay as they are. Where a
        whole number is wanted, 1e5 and 100000.0 are 100000.
    """
    return _converted(config, read_schema(schema))


def _converted(value: Any, schema: dict) -> Any:
    if isinstance(value, dict):
        known, others = schema.get("properties", {}), schema.get("additionalProperties")
        others = others if isinstance(others, dict) else {}
        return {key: _converted(item, known.get(key, others)) for key, item in value.items()}
    if isinstance(value, list):
        return [_converted(item, schema.get("items", {})) for item in value]
    return _scalar(value, _types(schema))


def _types(schema: dict) -> set[str]:
    """The types that a schema takes."""
    return {option.get("type", "") for option in schema.get("anyOf", [schema])}


def _scalar(value: object, types: set[str]) -> object:
    """A value as what is wanted, if it can be read so."""
    if not isinstance(value, str):
        return _number(value, types)
    if "string" in types:
        return value
    for kind, words in WORDS.items():
        if kind in types and value.lower() in words:
            return words[value.lower()]
    return _number(value, types)


def _number(value: object, types: set[str]) -> object:
    """A value as a number, if it is one and a number is wanted."""
    if isinstance(value, bool) or not types & {"number", "integer"}:
        return value
    if isinstance(value, str):
        text = value.strip().replace(MINUS, "-")
        if not NUMBER.fullmatch(text):
            return value
        number = int(text) if re.fullmatch(r"[-+]?\d+", text) else float(text)
    else:
        number = value
    if isinstance(number, float) and "number" not in types:
        # What is not whole is left as it was found, for the schema's error to show.
        return int(number) if number.is_integer() else value
    return number
