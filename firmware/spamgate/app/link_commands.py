"""What may be asked of a gateway over its link, beside what its control socket answers: settings, journal, metrics."""

import json
import sys

from spamgate import VERSION
from spamgate.app.commands import Commands
from spamgate.core.compat import const
from spamgate.hal.storage import Storage
from spamgate.store.event_lines import lines_since
from spamgate.wire.answers import PROTOCOL, MessageError
from spamgate.wire.json_text import quote

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from typing import Any, Callable

    from spamgate.app.gateway import Gateway

    Send = Callable[[str], object]

_SECRETS = ("link_key",)


class LinkCommands(Commands):
    """Answers requests about one gateway.  Its settings are changed in their file, its clock by its system."""

    def __init__(self, gateway: "Gateway") -> None:
        Commands.__init__(self, gateway)
        self._given = gateway.settings
        self._loop = gateway.loop

    def hello(self, fields: "dict[str, Any]", send: "Send") -> None:
        """Who this is."""
        micropython = ".".join([str(part) for part in sys.implementation.version[:3]])
        text = '{"type":"hello","version":"%s","protocol":%d,"plane":"%s","micropython":"%s"}\n'
        send(text % (VERSION, PROTOCOL, self._gateway.plane.name, micropython))

    def metrics(self, fields: "dict[str, Any]", send: "Send") -> None:
        """Numbers: those of its status."""
        self.status(fields, lambda line: send(line.replace('"status"', '"metrics"', 1)))

    def settings(self, fields: "dict[str, Any]", send: "Send") -> None:
        """The settings in force; of a secret only whether there is one."""
        for name in sorted(self._given.__dict__):
            value = getattr(self._given, name)
            send('{"type":"setting","name":"%s","value":' % name)
            _write_json(send, bool(value) if name in _SECRETS else value)
            send("}\n")

    def journal(self, fields: "dict[str, Any]", send: "Send") -> None:
        """The events since a time, as the event log still has them."""
        settings = self._given
        if settings.event_log == "-":
            raise MessageError("this gateway keeps no event log", "look where its output goes")
        folder, _, name = settings.event_log.rpartition("/")
        storage = Storage(folder or ("/" if name else settings.state_dir))
        name = name or "events.jsonl"
        for line in lines_since(storage, name, fields["since"], lambda: self._loop.turn(0)):
            send(line)


def _write_json(send: "Send", value: "Any") -> None:
    """Write piece by piece, for a list of names may be long."""
    if isinstance(value, list):
        separator = "["
        for item in value:
            send(separator + quote(item))
            separator = ","
        send("]" if value else "[]")
    elif isinstance(value, dict):
        separator = "{"
        for key in sorted(value):
            send("%s%s:%s" % (separator, quote(key), quote(value[key])))
            separator = ","
        send("}" if value else "{}")
    else:
        send(quote(value) if isinstance(value, str) else json.dumps(value))
