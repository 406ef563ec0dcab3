"""Types of the config's keys: what a value may be, its bounds and its unit."""

from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeGuard, TypeVar, Union, get_args, get_origin


@dataclass(frozen=True)
class Range:
    """Bounds of a number, or of the length of a text, a list or a mapping."""

    least: float | None = None
    above: float | None = None
    most: float | None = None
    below: float | None = None

    def holds(self, value: float) -> bool:
        """Is a number within the bounds?"""
        return (
            (self.least is None or value >= self.least)
            and (self.above is None or value > self.above)
            and (self.most is None or value <= self.most)
            and (self.below is None or value < self.below)
        )

    def __str__(self) -> str:
        bounds = (
            ("{:g} or more", self.least),
            ("above {:g}", self.above),
            ("at most {:g}", self.most),
            ("below {:g}", self.below),
        )
        return " and ".join(text.format(bound) for text, bound in bounds if bound is not None)


@dataclass(frozen=True)
class Pattern:
    """A regular expression that a text fits, and what it means in words."""

    expression: str
    words: str


@dataclass(frozen=True)
class Unit:
    """Unit of a number."""

    name: str


@dataclass(frozen=True)
class Keys:
    """The keys of a mapping that is kept as it is given: the fields of some classes.

    A key that is not given has no default here, since a preset or another section has one.
    """

    classes: tuple[type, ...]
    required: tuple[str, ...] = ()


@dataclass(frozen=True)
class Null:
    """``null`` may be written, as well as no key."""


Value = TypeVar("Value")
Mark = TypeVar("Mark", Range, Pattern, Unit, Keys)
OrNull = Annotated[Value | None, Null()]

Count = Annotated[int, Range(least=1)]
Seed = Annotated[int, Range(least=0)]
Redshift = Annotated[float, Range(least=0)]
Share = Annotated[float, Range(above=0, most=1)]
Length = Annotated[float, Range(above=0), Unit("Mpc/h")]
Wavenumber = Annotated[float, Range(above=0), Unit("h/Mpc")]
# Results lie in folders of these names.
Name = Annotated[str, Pattern("^[A-Za-z0-9][A-Za-z0-9_]*$", "letters, digits and _")]
Boxes = Annotated[list[str], Range(least=1)]


def unwrapped(kind: Any) -> tuple[Any, tuple]:
    """A type without its annotations, and these."""
    if get_origin(kind) is Annotated:
        plain, *marks = get_args(kind)
        return plain, tuple(marks)
    return kind, ()


def mark(kind: Any, of: type[Mark]) -> Mark | None:
    """The annotation of some kind that a type has, if it has one."""
    return next((found for found in unwrapped(kind)[1] if isinstance(found, of)), None)


def options(kind: Any) -> list[Any]:
    """The types that a value may have, None left out: it stands for a key that is not given."""
    if get_origin(kind) in (Union, UnionType):
        return [option for option in get_args(kind) if option is not NoneType]
    return [kind]


def is_section(kind: Any) -> TypeGuard[type]:
    """Is a type one of the model's classes?"""
    return isinstance(kind, type) and is_dataclass(kind)


def typed(kind: Any, value: Any) -> Any:
    """A value of a config that fits the schema, its sections as the classes of the model.

    Parameters
    ----------
    kind : type
        Of a field of the model.
    value : as YAML gives it
    """
    option, *others = options(unwrapped(kind)[0])
    plain, _ = unwrapped(option)
    if value is None or others:
        return value
    if is_section(plain):
        given = {field.name: field.type for field in fields(plain) if field.name in value}
        return plain(**{name: typed(of, value[name]) for name, of in given.items()})
    if get_origin(plain) is dict:
        _, of = get_args(plain)
        return {name: typed(of, item) for name, item in value.items()}
    return value


def default_value(key: Field) -> Any:
    """The default of a field, ``MISSING`` if it has none."""
    return key.default if key.default_factory is MISSING else key.default_factory()


def misfit(kind: Any, value: Any) -> str:
    """What was expected of a number or a choice that does not fit its type; empty if it fits."""
    plain, marks = unwrapped(kind)
    if Null() in marks:
        expected = "" if value is None else misfit(options(plain)[0], value)
        return expected and f"{expected}, or null"
    if get_origin(plain) is Literal:
        return "" if value in get_args(plain) else f"one of {get_args(plain)}"
    bounds = [mark for mark in marks if isinstance(mark, Range)]
    return next((str(bound) for bound in bounds if not bound.holds(value)), "")
