"""The link's side of a board or gateway: requests in, answers and events out, over any line.

It runs beside whatever else there is: `poll` takes what came, sends what is due, and returns at once when there is
nothing.  Only an answer that is longer than what may be on its way waits for room, up to three seconds without any;
`while_waiting` is called meanwhile, so that others have their turn.  A session whose other side does not read, or asks
for more than a request may be, is ended.
"""

from spamgate.core.compat import const
from spamgate.core.errors import SpamgateError
from spamgate.core.ticks import elapsed
from spamgate.wire.answers import CANCEL, DONE, LINE_BYTES, MessageError, error_line
from spamgate.wire.link_channel import BINARY, TEXT, WINDOW, Channel

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from typing import Any, Callable, Protocol

    class Line(Protocol):
        """What bytes come from and go to; neither call waits."""

        def read_into(self, buf: bytearray) -> int:
            """Put what is there into `buf`, as far as it holds that; return how many bytes, 0 for none."""

        def write(self, view: memoryview) -> int:
            """Send what is possible now of `view`; return how many bytes."""


_OUT_BYTES = const(128)
_PIECE = const(64)  # characters encoded at a time
_READS = const(8)  # in one turn
_EVENTS = const(4)  # that wait; the oldest goes when there are more
_PATIENCE_MS = const(3000)
_NO_MEMORY = '{"type":"error","text":"there is no memory left for this","hint":"try again later"}\n'


def _no_taker(fields: "dict[str, Any]") -> "Any":
    """Every file is a file."""
    return None


class Link:
    """Serves one line.

    `commands` has a method for each request it can answer, `method(fields, send)` as for the control socket; `clock`
    returns milliseconds as `core/ticks.py` wants them, `nonce` four random bytes.  `window`: how many unconfirmed bytes
    the line's input holds; more than its ring only where the line holds the host back.  `read` returns name and fields
    of a request, as `messages.parse_request` does, which is the default.
    """

    def __init__(
        self,
        line: "Line",
        commands: "Any",
        clock: "Callable[[], int]",
        nonce: "Callable[[], bytes]",
        window: int = WINDOW,
        read: "Callable[[bytes], tuple[str, dict[str, Any]]] | None" = None,
    ) -> None:
        self.channel = Channel(self, nonce, False, window)
        self.while_waiting: "Callable[[], object] | None" = None
        self._line = line
        self._commands = commands
        self._read = read or _read
        self._clock = clock
        self._storage: "Any" = None
        self._allows: "Callable[[str], bool] | None" = None
        self._taker: "Callable[[dict[str, Any]], Any]" = _no_taker
        self._files: "Any" = None  # what takes the file that comes
        self._out = bytearray(_OUT_BYTES)
        self._used = 0
        self._events: "list[str]" = []
        self._is_busy = False
        self.opened()

    def accept_files(
        self,
        storage: "Any",
        allows: "Callable[[str], bool]",
        taker: "Callable[[dict[str, Any]], Any]" = _no_taker,
    ) -> None:
        """Let the host put files in a `hal/storage.py`, those for whose name `allows(name)` is true.

        `taker` may return what takes a file in another way, like `link_files.Files`, for the fields of its request.
        """
        self._storage = storage
        self._allows = allows
        self._taker = taker

    def poll(self, now_ms: int) -> None:
        """Do what there is to do."""
        self._exchange(now_ms)
        if self._is_busy or not self.channel.is_open:
            return
        self._is_busy = True
        try:
            self._act()
        except SpamgateError:
            self._used = 0  # nobody takes it
        finally:
            self._is_busy = False
        self._send_out(self._clock())  # later than `now_ms`: an answer may have waited

    def publish(self, line: str) -> None:
        """Send an event, soon, if somebody has asked for them."""
        if self._is_subscribed:
            if len(self._events) >= _EVENTS:
                self._events.pop(0)
            self._events.append(line)

    def is_idle(self) -> bool:
        """Has everything that was said arrived?"""
        return not self._used and self.channel.is_idle()

    def close(self) -> None:
        """End the session."""
        self.channel.close()

    # --- what the channel tells ------------------------------------------------------------------

    def opened(self) -> None:
        """A session begins, or is over."""
        self._request = bytearray()
        self._is_too_much = False
        self._is_subscribed = False
        self._events.clear()
        self._files = None

    lost = opened

    def received(self, kind: int, buf: bytearray, start: int, end: int) -> None:
        """Content came."""
        if kind == BINARY:
            if self._files:
                self._files.take(buf, start, end)
        elif len(self._request) + end - start <= LINE_BYTES:
            self._request.extend(buf[start:end])
        else:
            self._is_too_much = True

    # --- requests and answers ----------------------------------------------------------------------

    def _act(self) -> None:
        if self._is_too_much:
            self.channel.close()
            return
        end = self._request.find(b"\n")
        if end >= 0:
            line = bytes(self._request[:end])
            self._request = self._request[end + 1 :]
            self._guarded(self._answer, line)
        elif self._files:
            self._guarded(self._carry_on, self._files)
        while self._events:
            self._write(self._events.pop(0))
        self._flush()

    def _guarded(self, work: "Callable[[Any], object]", what: "Any") -> None:
        """Do a part of a request; say what is wrong when it is."""
        try:
            work(what)
            return
        except SpamgateError as error:
            if not self.channel.is_open:
                raise
            problem = error_line(str(error), getattr(error, "hint", ""))
        except MemoryError:
            problem = _NO_MEMORY
        except OSError as error:
            problem = error_line("the board cannot do this now (error %s)" % error.errno, "try again later")
        self._files = None
        self._write(CANCEL)
        self._write(problem)

    def _answer(self, line: bytes) -> None:
        name, fields = self._read(line)
        if name == "put" and self._storage and self._allows:
            self._files = None
            self._files = self._taker(fields)
            if not self._files:
                from spamgate.service.link_files import Files

                self._files = Files(self._storage, self._allows, fields)
            return
        method = getattr(self._commands, name, None)
        if not method:
            raise MessageError("%s: not something this board does" % name)
        method(fields, self._write)
        if name == "monitor":
            self._is_subscribed = True
        self._write(DONE)

    def _carry_on(self, files: "Any") -> None:
        if files.step(self._write):
            self._files = None
            self._write(DONE)

    def _write(self, text: str) -> None:
        for at in range(0, len(text), _PIECE):
            data = text[at : at + _PIECE].encode()
            if self._used + len(data) > _OUT_BYTES:
                self._flush()
            self._out[self._used : self._used + len(data)] = data
            self._used += len(data)

    def _flush(self) -> None:
        at = 0
        while at < self._used:
            self._wait_for_room()
            at += self.channel.send(TEXT, self._out, at, self._used)
        self._used = 0

    def _wait_for_room(self) -> None:
        """Wait until the channel takes more."""
        since_ms = self._clock()
        while not self.channel.has_room():
            now_ms = self._clock()
            if elapsed(now_ms, since_ms) > _PATIENCE_MS:
                self.channel.close()
            if not self.channel.is_open:
                raise SpamgateError("nobody takes the answer")
            self._exchange(now_ms)
            if self.while_waiting:
                self.while_waiting()

    # --- the line ----------------------------------------------------------------------------------

    def _exchange(self, now_ms: int) -> None:
        """Take what came, and send what is due."""
        channel = self.channel
        inbox = channel.reader.inbox
        for _ in range(_READS):
            count = self._line.read_into(inbox)
            if not count:
                break
            channel.feed(count, now_ms)
            self._send_out(now_ms)
        self._send_out(now_ms)

    def _send_out(self, now_ms: int) -> None:
        channel = self.channel
        view = channel.pending(now_ms)
        while view:
            count = self._line.write(view)
            if not count:
                return
            channel.wrote(count)
            view = channel.pending(now_ms)


def _read(line: bytes) -> "tuple[str, dict[str, Any]]":
    from spamgate.wire.link_messages import LINK_REQUESTS
    from spamgate.wire.messages import parse_request

    return parse_request(line, LINK_REQUESTS)
