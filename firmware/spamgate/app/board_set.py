"""The request that gives a setting another value: apart from the others, as reading settings takes much memory."""

import json

from spamgate.app.board import SETTINGS_FILE
from spamgate.core.compat import const
from spamgate.wire.answers import MessageError
from spamgate.wire.json_text import quote

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from typing import Any, Callable

    Send = Callable[[str], object]


class Setter:
    """Answers `set`: the value holds from the next start on."""

    def __init__(self, program: "Any") -> None:
        self._hardware = program.hardware

    def set(self, fields: "dict[str, Any]", send: "Send") -> None:
        """Give a setting another value; one that cannot be is refused, and nothing changes."""
        storage = self._hardware.storage
        given = given_settings(storage)
        try:
            given[fields["name"]] = json.loads(fields["value"])
        except ValueError:
            raise MessageError("set: %s: its value is no JSON" % fields["name"], 'texts need quotes: "..."') from None
        text = json.dumps(given)
        self._hardware.read_settings(text)
        storage.write(SETTINGS_FILE, (text.encode(),))
        send('{"type":"set","name":%s,"from":"next start"}\n' % quote(fields["name"]))


def given_settings(storage: "Any") -> "dict[str, Any]":
    """Return what the settings file says, nothing where it cannot be read."""
    try:
        given = json.loads(storage.read(SETTINGS_FILE) or b"{}")
    except ValueError:
        given = {}
    return given if isinstance(given, dict) else {}
