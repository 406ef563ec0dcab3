"""What a schema's error says of a field of the config: what was found and what to write."""

import re
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any

YES_NO = "YAML reads yes and on as true, no and off as false"
# Fields whose texts begin with a letter that is easily left out.
TRACERS = ("tracers", "more_tracers")
SCALES = ("scale_sets", "showcase")
AT_LEAST_ONE = ("minItems", "minProperties", "minLength")


def faults_of(error: Any) -> list[str]:
    """What an error of the schema says of each field, in this project's words.

    Parameters
    ----------
    error : jsonschema.ValidationError
        Its own types leave open what the fields of an error hold.
    """
    prefix = "".join(f"{part}." for part in error.absolute_path)
    if error.validator == "additionalProperties":
        known = error.schema.get("properties", {})
        unknown = [key for key in error.instance if key not in known]
        nearest = {key: get_close_matches(str(key), known, 1) for key in unknown}
        return [
            f"{prefix}{key} is unknown, " + (f"did you mean {near[0]}?" if near else "remove it")
            for key, near in nearest.items()
        ]
    if error.validator == "required":
        missing = [key for key in error.validator_value if key not in error.instance]
        return [f"{prefix}{key} is missing, write it" for key in missing]
    if "propertyNames" in error.absolute_schema_path:
        return [f"{prefix.rstrip('.')}: {_name_advice(error)}"]
    advice = _advice(error)
    message = error.message.replace("under any of the given schemas", "here")
    return [f"{prefix.rstrip('.') or 'all of it'}: {message}" + (f"; {advice}" if advice else "")]


def odd_keys(config: object, prefix: str = "") -> Iterator[str]:
    """What is wrong with keys of a config that are no texts."""
    for key, value in config.items() if isinstance(config, dict) else ():
        if not isinstance(key, str):
            why = f" ({YES_NO})" if isinstance(key, bool) else ""
            yield f"{prefix}{key}: found {key!r} as a name, expected text{why}; write it in quotes"
        yield from odd_keys(value, f"{prefix}{key}.")


def _name_advice(error: Any) -> str:
    """What to call a box, set or variant instead."""
    name = str(error.instance)
    if error.validator_value.startswith("^[a-z]"):
        better = re.sub(r"[^a-z0-9]", "", name.lower()).lstrip("0123456789") or "variant"
        expected = "lower-case letters and digits, a letter first"
    else:
        last = name.rstrip("/").rpartition("/")[2]
        better = re.sub(r"[^A-Za-z0-9_]", "_", last).strip("_") or "box"
        expected = "letters, digits and _ alone, since results lie in a folder of this name"
    text = f"found the name {name!r}, expected {expected}; write {better}"
    if error.absolute_path and error.absolute_path[-1] == "simulations":
        if "/" in name:
            text += " (`root` says where a local box lies)"
        else:
            text += ", and where it is a local box, make a link of that name to its folder"
    return text


def _advice(error: Any) -> str:
    """What to write instead of a value of another type or form; nothing where that is plain."""
    path = [str(part) for part in error.absolute_path]
    found = error.instance
    if error.validator == "anyOf":
        return f"write {', or '.join(map(_wanted, error.validator_value))}"
    if error.validator == "pattern" and path[-1] == "cosmology":
        return "write c and three digits, as c000"
    if error.validator == "pattern" and path[-1] == "url":
        return "write an address that begins with https:// or http://, without a login"
    if error.validator in AT_LEAST_ONE:
        return "write at least one"
    if error.validator == "uniqueItems":
        return "write each once"
    if error.validator != "type":
        return ""
    types = error.validator_value
    wanted = {types} if isinstance(types, str) else set(types)
    if found is None:
        return "nothing is written behind it"
    if "array" in wanted:
        return "write a list" if isinstance(found, dict) else f"write a list, [{found}]"
    if "string" in wanted:
        return _text_advice(path, found)
    if wanted & {"number", "integer"}:
        return _number_advice(found, whole="number" not in wanted)
    if "boolean" in wanted:
        return "write true or false, without quotes"
    return "write keys with values, as {key: value}"


def _wanted(schema: dict) -> str:
    """What one of several schemas takes: a number within bounds, a choice or null."""
    if "enum" in schema:
        return " or ".join(schema["enum"])
    name = {"integer": "a whole number", "number": "a number", "string": "a text"}
    bounds = {
        "minimum": "of at least", "exclusiveMinimum": "above", "maximum": "of at most"
    }  # fmt: skip
    limits = [f"{text} {schema[key]:g}" for key, text in bounds.items() if key in schema]
    return " ".join([name.get(schema["type"], "null"), " and ".join(limits)]).strip()


def _text_advice(path: list[str], found: Any) -> str:
    """What to write where a text is wanted."""
    if isinstance(found, bool):
        return f"write it in quotes ({YES_NO})"
    of_scales, numbers = path[0] in SCALES, found if isinstance(found, list) else [found]
    if not numbers or not all(isinstance(number, int | float) for number in numbers):
        return "write a text"
    if of_scales:
        several = "" if len(numbers) > 1 else " (several scales of one network: as R2-R4)"
        return f"write {'-'.join(f'R{number:g}' for number in sorted(numbers))}{several}"
    if path[0] in TRACERS or path[:2] == ["transfers", "tracers"]:
        return f"write N{numbers[0]:.0f}"
    if path[-1] == "cosmology":
        return f"write c{numbers[0]:03.0f}"
    return f'write it in quotes, "{found}"'


def _number_advice(found: object, whole: bool) -> str:
    """What to write where a number is wanted."""
    if isinstance(found, bool):
        return f"write a number ({YES_NO})"
    if isinstance(found, str) and re.fullmatch(r"\d+,\d+", found.strip()):
        return f"write {found.strip().replace(',', '.')}, with a point"
    return "write a whole number" if whole else "write a number"
