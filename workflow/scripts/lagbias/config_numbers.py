"""Numbers of a config that YAML reads as text, as 1e-3: made numbers where one is wanted."""

import functools
import re
from pathlib import Path

import yaml

# As people write numbers. YAML 1.1 reads 1e-3 as text, since it wants 1.0e-3.
NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
MINUS = "\N{MINUS SIGN}"  # as it is copied from a PDF


@functools.cache
def read_schema(path: str | Path) -> dict:
    """A JSON schema, from a YAML file; not to be changed."""
    return yaml.safe_load(Path(path).read_text())


def with_numbers(config: dict, schema: str | Path) -> dict:
    """A config whose texts are numbers where the schema wants a number.

    Parameters
    ----------
    config : dict
        As YAML gives it; not changed.
    schema : path of a YAML file

    Returns
    -------
    dict
        Texts that are no number, and those where a text is wanted, stay as they are. Where a whole
        number is wanted, 1e5 and 100000.0 are 100000.
    """
    whole = read_schema(schema)
    return _converted(config, whole, whole)


def _converted(value: object, schema: dict, whole: dict) -> object:
    if "$ref" in schema:
        name = schema["$ref"].removeprefix("#/$defs/")
        return _converted(value, whole["$defs"][name], whole)
    if isinstance(value, dict):
        known, others = schema.get("properties", {}), schema.get("additionalProperties")
        others = others if isinstance(others, dict) else {}
        return {key: _converted(item, known.get(key, others), whole) for key, item in value.items()}
    if isinstance(value, list):
        items = schema.get("items", {})
        return [_converted(item, items, whole) for item in value]
    return _number(value, _types(schema, whole))


def _types(schema: dict, whole: dict) -> set[str]:
    """The types that a schema takes."""
    if "$ref" in schema:
        return _types(whole["$defs"][schema["$ref"].removeprefix("#/$defs/")], whole)
    if "anyOf" in schema:
        return set().union(*(_types(option, whole) for option in schema["anyOf"]))
    named = schema.get("type", [])
    return {named} if isinstance(named, str) else set(named)


def _number(value: object, types: set[str]) -> object:
    """A value as a number, if it is one and a number is wanted."""
    if "string" in types or not types & {"number", "integer"}:
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
