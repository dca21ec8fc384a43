"""What may be asked of a board over its link: what any gateway answers, and what makes a board ready."""

import gc
import json
import sys

from spamgate import VERSION
from spamgate.app.board_set import given_settings
from spamgate.core.compat import const
from spamgate.store.journal import NAME as JOURNAL
from spamgate.wire.answers import PROTOCOL, MessageError
from spamgate.wire.json_text import quote

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from typing import Any, Callable

    Send = Callable[[str], object]


class BoardCommands:
    """Answers requests about one board; in safe mode it has no engine."""

    def __init__(self, program: "Any") -> None:
        self._board = program
        self._engine = program.engine
        self._hardware = program.hardware

    def hello(self, fields: "dict[str, Any]", send: "Send") -> None:
        """Who this is."""
        hardware = self._hardware
        send('{"type":"hello","version":"%s","protocol":%d,' % (VERSION, PROTOCOL))
        send('"board":%s,"serial":%s,' % (quote(hardware.name), quote(hardware.identity("serial"))))
        send('"id":"%s",' % "".join(["%02x" % byte for byte in hardware.unique_id]))
        send('"micropython":"%s","mpy":%d,' % (_micropython(), _mpy()))
        send('"plane":"%s","safe_mode":%s,' % (self._plane_name(), "true" if self._engine is None else "false"))
        address = ".".join([str(part) for part in hardware.address])
        send('"address":"%s","reset_cause":"%s"}\n' % (address, hardware.reset_cause))

    def status(self, fields: "dict[str, Any]", send: "Send") -> None:
        """How the board is."""
        program = self._board
        if self._engine is None:
            raise MessageError("this board is in safe mode", "look at its journal, mend settings.json, then reset it")
        degraded = program.plane.degraded
        reason = quote(degraded) if degraded else "null"
        send('{"type":"status","version":"%s","protocol":%d,' % (VERSION, PROTOCOL))
        send('"plane":"%s","observation":"%s",' % (self._plane_name(), "degraded" if degraded else "full"))
        send('"reason":%s,"monitor_only":%s,' % (reason, "true" if program.settings.monitor_only else "false"))
        self._numbers(send)

    def metrics(self, fields: "dict[str, Any]", send: "Send") -> None:
        """Numbers."""
        send('{"type":"metrics",')
        if self._engine is None:
            gc.collect()
            send('"heap_free":%d}\n' % self._hardware.free_bytes())
        else:
            self._numbers(send)

    def trace(self, fields: "dict[str, Any]", send: "Send") -> None:
        """A board has no room for that."""
        raise MessageError("a board keeps no connections", "only a Linux router can tell which device had one")

    def settings(self, fields: "dict[str, Any]", send: "Send") -> None:
        """The settings in force, without secrets; in safe mode those of the file."""
        given = given_settings(self._hardware.storage)
        known = given if self._engine is None else self._board.settings.__dict__
        for key in sorted(known):
            value = json.dumps(known[key])
            if key.endswith("_password"):
                value = "true" if known[key] else "false"
            is_given = "true" if key in given else "false"
            send('{"type":"setting","name":%s,"value":%s,"given":%s}\n' % (quote(key), value, is_given))

    def journal(self, fields: "dict[str, Any]", send: "Send") -> None:
        """The events since a time."""
        from spamgate.store.event_lines import lines_since

        self._board.journal.flush()
        for line in lines_since(self._hardware.storage, JOURNAL, fields["since"], self._hardware.feed):
            send(line)

    def clock(self, fields: "dict[str, Any]", send: "Send") -> None:
        """Set the time of day."""
        taken = self._hardware.set_clock(fields["time"])
        send('{"type":"clock","taken":%s}\n' % ("true" if taken else "false"))

    def reset(self, fields: "dict[str, Any]", send: "Send") -> None:
        """Start anew, once this answer is on its way."""
        send('{"type":"reset"}\n')
        self._board.link.reset_soon()

    def _numbers(self, send: "Send") -> None:
        program = self._board
        gc.collect()
        used = gc.mem_alloc()  # type: ignore[attr-defined]
        engine = self._engine
        send('"uptime_s":%d,"devices":%d,' % (engine.now_s - program.started_s, len(engine.devices.everyone())))
        send('"asked":%d,"blocked":%d,' % (program.plane.asked, program.plane.blocks))
        for name, number in getattr(program.plane, "numbers", list)():  # of a plane that counts more
            send('"%s":%d,' % (name, number))
        send('"heap_used":%d,"heap_free":%d}\n' % (used, gc.mem_free()))  # type: ignore[attr-defined]

    def _plane_name(self) -> str:
        return "none" if self._engine is None else self._board.plane.name


def _micropython() -> str:
    version = sys.implementation[1]  # type: ignore[index]  # boards have no names for the parts
    return ".".join([str(part) for part in version[:3]])


def _mpy() -> int:
    return getattr(sys.implementation, "_mpy", 0) & 0xFF
