"""A board's link while somebody talks, and what answers over it: not in memory otherwise."""

import os
import sys
import time

from spamgate import VERSION
from spamgate.app import collect_early, forget_modules
from spamgate.core.compat import const
from spamgate.core.ticks import elapsed
from spamgate.hal.steady_clock import ticks_ms
from spamgate.store.journal import Journal

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from typing import Any

_IDLE_MS = const(20000)  # without a session, until the link is forgotten
_QUIET_MS = const(500)  # without a frame: whoever sends Ctrl-C then means it
_LEAST_BYTES = const(22528)  # for the link, a request and its answer
_GARBAGE_BYTES = const(1024)  # more of it between what stays would leave no room for a kilobyte in one piece
_IDLE_WAIT_MS = const(50)
_BUSY_WAIT_MS = const(1)
_LOST_BYTES = const(32)  # of what nobody has memory to read: else it would be tried again at once, and for ever
_SAFE_JOURNAL_BYTES = const(32768)
_READERS = ("spamgate.wire.link_messages", "spamgate.wire.messages", "spamgate.wire.fields")
_ANSWERERS = (
    "spamgate.app.board_commands",
    "spamgate.app.board_set",
    "spamgate.app.board_list_commands",
    "spamgate.app.list_rows",
    "spamgate.app.commands",
    "spamgate.wire.notices",
    "spamgate.wire.events",
    "spamgate.store.event_lines",
    "spamgate.store.board_settings",
    "spamgate.store.settings_table",
    "spamgate.store.kinds",
    "spamgate.wire.fields",
)
_LINK = (
    "spamgate.service.link_files",
    "spamgate.service.link",
    "spamgate.wire.answers",
    "spamgate.wire.json_text",
    "spamgate.wire.link_channel",
    "spamgate.wire.link_frame",
)
_OF_THE_BOARD = ("hello", "status", "metrics", "trace", "settings", "journal", "clock", "reset")


class LazyLink:
    """The link on the board's line, made when the line brings something."""

    def __init__(self, program: "Any") -> None:
        self._program = program
        self._line = program.hardware.line
        self.link: "Any" = None  # None while nobody talks
        self._heard_ms = 0
        self._is_guarded = False
        self._is_to_reset = False

    def reset_soon(self) -> None:
        """Start the board anew once what was said has arrived."""
        self._is_to_reset = True

    def wait_ms(self) -> int:
        """Return how long the loop may wait for others."""
        return _BUSY_WAIT_MS if self.link else _IDLE_WAIT_MS

    def poll(self, now_ms: int) -> None:
        """Take what came, send what is due.  In a heap too full for that nobody is answered; all else goes on."""
        if self.link is None and not self._line.has_input():
            return
        try:
            self._talk(now_ms)
        except MemoryError:
            self._end()
            self._line.read_into(bytearray(_LOST_BYTES))

    def _talk(self, now_ms: int) -> None:
        if self.link is None:
            self.link = self.made()
            self._heard_ms = now_ms
        self.link.poll(now_ms)
        channel = self.link.channel
        self._guard(channel.is_open and elapsed(now_ms, channel.heard_ms) < _QUIET_MS)
        if self._is_to_reset and (self.link.is_idle() or not self.link.channel.is_open):
            self._program.stop()
            self._program.hardware.reset()
        if self.link.channel.is_open:
            self._heard_ms = now_ms
        elif elapsed(now_ms, self._heard_ms) >= _IDLE_MS:
            self._end()

    def _end(self) -> None:
        self.link = None
        self._guard(False)
        forget_modules(_ANSWERERS)
        forget_modules(_LINK)
        if self._program.lists:
            self._program.lists.rest()
        self._program.resume()

    def forget_answers(self) -> None:
        """Give back the memory of what answered the last request."""
        forget_modules(_ANSWERERS)

    def publish(self, line: str) -> None:
        """Send an event to whoever watches."""
        if self.link:
            self.link.publish(line)

    def _guard(self, is_talking: bool) -> None:
        """While a session talks, a Ctrl-C is a byte that a bad line has damaged."""
        if is_talking != self._is_guarded:
            self._is_guarded = is_talking
            self._program.hardware.let_break_in(not is_talking)

    def made(self) -> "Any":
        self._program.make_room()
        hardware = self._program.hardware
        if hardware.free_bytes() < _LEAST_BYTES:
            raise MemoryError  # the home's DNS goes first
        collect_early(True, _GARBAGE_BYTES)
        from spamgate.service.link import Link

        link = Link(self._line, Answers(self._program), ticks_ms, _nonce, read=_read)
        link.accept_files(hardware.storage, _may_put, self._taker)
        link.while_waiting = hardware.feed
        collect_early(self._program.engine is None, _GARBAGE_BYTES)
        return link

    def _taker(self, fields: "dict[str, Any]") -> "Any":
        """Return what takes a list, None for what is a file like any other."""
        if not fields["name"].startswith("list.sg"):
            return None
        program = self._program
        collect_early(True, _GARBAGE_BYTES)
        try:
            lists = program.open_lists()
            if lists:
                return lists.taker(fields)
        except MemoryError:
            if program.lists:
                program.lists.rest()
            raise
        finally:
            collect_early(program.engine is None, _GARBAGE_BYTES)
        from spamgate.wire.answers import MessageError

        raise MessageError("no lists are taken here", "set list_key to your public key, then reset the board")


class Answers:
    """Stands for the methods of `BoardCommands`, `Setter` and `Commands`; only those of one are there at a time."""

    def __init__(self, program: "Any") -> None:
        self._program = program

    def __getattr__(self, name: str) -> "Any":
        if name in _OF_THE_BOARD:
            from spamgate.app.board_commands import BoardCommands

            return getattr(BoardCommands(self._program), name)
        if name == "set":
            from spamgate.app.board_set import Setter

            return Setter(self._program).set
        if name.startswith("list"):
            from spamgate.app.board_list_commands import ListCommands

            return getattr(ListCommands(self._program), name)
        if self._program.engine is None:
            return _refuse
        from spamgate.app.commands import Commands

        return getattr(Commands(self._program), name, None)


def _refuse(fields: "dict[str, Any]", send: "Any") -> None:
    from spamgate.wire.answers import MessageError

    raise MessageError("this board is in safe mode", "look at its journal, mend settings.json, then reset it")


def _read(line: bytes) -> "tuple[str, dict[str, Any]]":
    """Read a request, and forget how to; what answered the last one makes room first."""
    forget_modules(_ANSWERERS)
    from spamgate.wire.link_messages import LINK_REQUESTS
    from spamgate.wire.messages import parse_request

    try:
        return parse_request(line, LINK_REQUESTS)
    finally:
        forget_modules(_READERS)


class SafeProgram:
    """Link and REPL: enough to look what went wrong, put other settings or files, and start anew."""

    engine = None
    lists = None

    def __init__(self, hardware: "Any") -> None:
        self.hardware = hardware
        self.journal = Journal(hardware.storage, _SAFE_JOURNAL_BYTES)
        self.link = LazyLink(self)

    def run(self) -> None:
        """Serve until interrupted."""
        sys.stdout.write("Spamgate %s: safe mode, as the last starts have failed\n" % VERSION)
        while True:
            self.link.poll(ticks_ms())
            time.sleep_ms(self.link.wait_ms())  # type: ignore[attr-defined]  # MicroPython's

    def open_lists(self) -> None:
        """None are taken."""

    def make_room(self) -> None:
        """There is room."""

    def resume(self) -> None:
        """There is nothing that rests."""

    def stop(self) -> None:
        """Start as usual the next time: whoever is here has seen what is wrong."""
        self.hardware.lived()

    def crashed(self, error: Exception) -> None:
        """Nor to write."""


def _nonce() -> bytes:
    return os.urandom(4)


def _may_put(name: str) -> bool:
    """A program file that came half or wrong would keep the board from starting: those come with `spamgate flash`."""
    return not name.endswith((".py", ".mpy")) and name not in ("identity.json", "events.jsonl")
