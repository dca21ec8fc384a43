"""Every number that the corpus is made with, and where it comes from: shown on the page, so that nobody need ask."""

from typing import NamedTuple, TypeVar

Value = TypeVar("Value", int, float, tuple[float, ...])

ASSUMED = "assumed"


class Parameter(NamedTuple):
    """One number (or a few): its name, unit and source; the source of our own guesses is ASSUMED, with the reason."""

    name: str
    value: object
    unit: str
    source: str


_ALL: dict[str, Parameter] = {}


def parameter(name: str, value: Value, unit: str, source: str) -> Value:
    """Return `value`, and remember where it comes from."""
    assert name not in _ALL and source, name
    _ALL[name] = Parameter(name, value, unit, source)
    return value


def all_parameters() -> list[Parameter]:
    """Return the parameters of all parts of the corpus that are loaded, by name."""
    return [_ALL[name] for name in sorted(_ALL)]
