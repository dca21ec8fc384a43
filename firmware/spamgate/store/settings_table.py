"""A table of settings, and the JSON text that asks for them: what gateways and boards have in common.

A row is (key, kind, default as JSON), and help where it is to be described.  The text is one JSON object; a key that is
not in the table is an error: a misspelt one would be a wish that nobody hears.
"""

import json

from spamgate.core.compat import const
from spamgate.core.errors import SpamgateError
from spamgate.wire.fields import Refused

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from typing import Any

    from spamgate.wire.fields import Kind

    Table = tuple[tuple[str, Kind, str, str], ...] | tuple[tuple[str, Kind, str], ...]

MOST_BYTES = 16384  # of text: as much again is needed while it is read

_SHALLOW = 32  # objects and lists in a settings file; brackets cost memory before anybody has looked at them


class SettingsError(SpamgateError):
    """The settings cannot be taken; one line says which key, its value, and what is allowed."""


def read_table(text: str, table: "Table", settings: "Any") -> None:
    """Give `settings` an attribute for each key: what the JSON text asks for, or the default."""
    given = _parse(text)
    keys = [row[0] for row in table]
    for key in given:
        if key not in keys:
            raise _unknown(key, keys)
    for row in table:
        key = row[0]
        try:
            setattr(settings, key, row[1].read(given[key] if key in given else json.loads(row[2])))
        except Refused as refused:
            raise SettingsError("settings: %s: %s" % (key, refused)) from None


def describe_table(table: "tuple[tuple[str, Kind, str, str], ...]") -> str:
    """Return the table as Markdown, for the documentation."""
    lines = ["| key | default | what | allowed |", "|---|---|---|---|"]
    for key, kind, default, what in table:
        lines.append("| `%s` | `%s` | %s | %s |" % (key, default, what, kind.allowed))
    return "\n".join(lines) + "\n"


def _parse(text: str) -> "dict[Any, Any]":
    if len(text) > MOST_BYTES:
        raise SettingsError("settings: more than %d bytes of text" % MOST_BYTES)
    if text.count("{") + text.count("[") > _SHALLOW:
        raise SettingsError("settings: more than %d opening brackets" % _SHALLOW)
    try:
        given = json.loads(text)
    except (ValueError, TypeError):
        raise SettingsError("settings: no JSON; look at commas, quotes and brackets") from None
    if not isinstance(given, dict):
        raise SettingsError('settings: no JSON object such as {"lan": ["br-lan"]}')
    return given


def _unknown(key: "Any", keys: "list[str]") -> SettingsError:
    """Return the error for a key that is not in the table."""
    from spamgate.wire.nearest import nearest  # only where somebody errs

    meant = nearest(key, keys) if isinstance(key, str) else ""
    return SettingsError("settings: %s%s" % (Refused(key, "a key"), "; did you mean %s?" % meant if meant else ""))
