"""Talk to a board or a gateway over a link: requests and their answers, and files that go on where they were cut."""

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from spamgate.wire.answers import CANCEL, LINE_BYTES, PROTOCOL
from spamgate.wire.link_channel import BINARY, HOST_WINDOW, SPAN, TEXT, Channel
from spamgate.wire.link_frame import MAX_FRAME, OVERHEAD
from spamgate_tools.errors import UserError
from spamgate_tools.link.transports import Transport

Progress = Callable[[int, int], object]  # bytes that the board has, and of how many

OPEN_S = 15.0  # a board may be starting
ANSWER_S = 15.0
_WAKE_S = 1.0  # without an answer: the board may be at its prompt
_WAKE_AGAIN_S = 3.0
_TURN_S = 0.005
_IDLE_S = 0.05
_SURE_WAIT_MS = 2000
_MOST_LINE_BYTES = 1 << 20
_TICK_WRAP = (1 << 29) - 1
_SAID = 400  # bytes of what a board says outside frames, kept for an error
_TRIES = 5  # sessions lost in one transfer
_AWAY_MS = 3.0  # until a confirmation is back, as taken for granted: adapters, kernels, both sides' loops
_CONFIRMATION_BYTES = 11
_MOST_PARTS = 3  # shorter frames cost a board more time than they save


class LinkError(UserError):
    """The other side does not answer, or has begun anew."""


class Client:
    """One link over a transport; use it in a `with`, which begins a session and asks the board who it is.

    `identity` is its answer to hello.
    """

    def __init__(self, transport: Transport, patience_s: float = OPEN_S) -> None:
        self.transport = transport
        self.identity: dict = {}
        self._patience_s = patience_s
        self._text = bytearray()
        self._said = b""
        self._is_lost = False
        self.channel = Channel(self, lambda: os.urandom(4), True, HOST_WINDOW, SPAN, MAX_FRAME)
        self.channel.reader.on_text = self._hear

    def __enter__(self) -> "Client":
        try:
            self.open()
        except BaseException:
            self.transport.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def is_lost(self) -> bool:
        """Has the session ended by itself?"""
        return self._is_lost

    def open(self) -> None:
        """Begin a session; wake the board if it sits at its prompt."""
        self._is_lost = False
        self.channel.open(_now_ms())
        begun = time.monotonic()
        wake_s = _WAKE_S
        while not self.channel.is_open:
            self._turn(_TURN_S)
            waited_s = time.monotonic() - begun
            if waited_s > self._patience_s:
                raise self._silent()
            if waited_s > wake_s and self.transport.wake:
                wake_s += _WAKE_AGAIN_S
                self.transport.write(self.transport.wake)
        self._divide_window()
        self.identity = next(iter(list(self.request("hello", protocol=PROTOCOL))), {})

    def close(self) -> None:
        """End the session and let go of the line."""
        try:
            self.channel.close()
            self._turn(0)
        except UserError:
            pass
        self.transport.close()

    def request(self, name: str, /, **fields: object) -> Iterator[dict]:
        """Yield each object of the answer; UserError when the board refuses, LinkError when it does not answer."""
        self.send_text(json.dumps({"type": name, **fields}).encode() + b"\n")
        yield from self._answer(ANSWER_S)

    def put(self, path: Path, name: str, progress: Progress | None = None) -> None:
        """Put a file on the board, which goes on where an earlier try was cut."""
        data = path.read_bytes()
        digest = hashlib.sha256(data).hexdigest()
        for remaining in reversed(range(_TRIES)):
            try:
                if self._is_lost:
                    self.open()
                self._put(data, {"name": name, "size": len(data), "sha256": digest}, progress)
                return
            except LinkError:
                if not remaining or not self._is_lost:
                    raise

    # --- text --------------------------------------------------------------------------------------

    def send_text(self, data: bytes) -> None:
        """Send whole lines."""
        if len(data) > LINE_BYTES:
            raise UserError(f"a request of more than the {LINE_BYTES} bytes that a board reads")
        at = 0
        until = time.monotonic() + ANSWER_S
        while at < len(data):
            at += self._send(TEXT, data, at)
            if time.monotonic() > until:
                raise self._silent()

    def receive(self, patience_s: float | None) -> bytes:
        """Return the next line; TimeoutError after `patience_s` of silence."""
        begun = time.monotonic()
        while True:
            line = self._next_line()
            if line:
                return line
            self._turn(_IDLE_S if self.channel.is_idle() else _TURN_S)
            self._check()
            if patience_s is not None and time.monotonic() - begun > patience_s:
                raise TimeoutError

    def _next_line(self) -> bytes:
        line, end, rest = self._text.partition(b"\n")
        if not end:
            if len(self._text) > _MOST_LINE_BYTES:
                raise UserError(f"{self.transport.name}: an endless line came", "is this a board of Spamgate?")
            return b""
        self._text = rest
        return bytes(line.rpartition(CANCEL.encode())[2])

    def _answer(self, patience_s: float) -> Iterator[dict]:
        while True:
            try:
                line = json.loads(self.receive(patience_s))
            except TimeoutError:
                raise self._silent() from None
            except ValueError:
                raise UserError(f"{self.transport.name}: whoever answers there is no board of Spamgate") from None
            if line.get("type") == "done":
                return
            if line.get("type") == "error" and "t" not in line:  # an event has a time
                raise UserError(str(line.get("text")), str(line.get("hint") or ""))
            yield line

    # --- files -------------------------------------------------------------------------------------

    def _put(self, data: bytes, fields: dict, progress: Progress | None) -> None:
        self.send_text(json.dumps({"type": "put", **fields}).encode() + b"\n")
        answer = self._answer(ANSWER_S)
        at = self._offset(answer, len(data))
        shown = -1
        while at < len(data):
            at += self._send(BINARY, data, at)
            if progress and at >> 12 != shown:
                shown = at >> 12
                progress(at, len(data))
            if self._text:
                break  # the board has something against it
        for _ in answer:
            pass
        if progress:
            progress(len(data), len(data))

    def _offset(self, answer: Iterator[dict], size: int) -> int:
        offset = next(answer, {}).get("offset")
        if not isinstance(offset, int) or not 0 <= offset <= size:
            raise UserError(f"{self.transport.name}: whoever answers there is no board of Spamgate")
        return offset

    # --- the line ----------------------------------------------------------------------------------

    def _send(self, kind: int, data: bytes, at: int) -> int:
        """Send as much as there is room for; wait a little if there is none."""
        sent = 0
        while at + sent < len(data) and self.channel.has_room():
            count = self.channel.send(kind, data, at + sent, min(len(data), at + sent + MAX_FRAME))
            sent += count
            if not count:
                break
        self._turn(_TURN_S if not self.channel.has_room() else 0)
        self._check()
        return sent

    def _turn(self, timeout_s: float) -> None:
        """Send what is due, and take what comes."""
        self._send_out()
        data = self.transport.read(timeout_s)

        inbox = self.channel.reader.inbox
        for at in range(0, len(data), len(inbox)):
            part = data[at : at + len(inbox)]
            inbox[: len(part)] = part
            self.channel.feed(len(part), _now_ms())
        self._send_out()

    def _send_out(self) -> None:
        view = self.channel.pending(_now_ms())
        while view:
            count = self.transport.write(view)
            if not count:
                return
            self.channel.wrote(count)
            view = self.channel.pending(_now_ms())

    def _divide_window(self) -> None:
        """Let more frames share the window of a quick line, where a confirmation takes as long as some of them."""
        if self.transport.baud is None:  # nothing is lost there
            self.channel.least_wait_ms = _SURE_WAIT_MS
            return
        away_bytes = self.transport.baud / 10000 * _AWAY_MS + _CONFIRMATION_BYTES
        window = self.channel.window

        def speed(parts: int) -> float:
            frame = min(MAX_FRAME, window // parts)
            return min(1.0, window / (away_bytes + frame)) * (frame - OVERHEAD) / frame

        self.channel.divide_window(max(range(2, _MOST_PARTS + 1), key=speed))

    def _check(self) -> None:
        if self._is_lost:
            hint = "repeat the command" + self._last_words()
            raise LinkError(f"{self.transport.name}: the board has begun anew, or the line was bad for long", hint)

    def _silent(self) -> LinkError:
        text = f"{self.transport.name}: the board does not answer"
        return LinkError(text, "is Spamgate on it? `spamgate flash --port PORT` puts it there" + self._last_words())

    def _last_words(self) -> str:
        said = "".join(letter if letter.isprintable() else " " for letter in self._said.decode("utf-8", "replace"))
        return f" (it said: {' '.join(said.split())[-200:]})" if said.strip() else ""

    # --- what the channel tells ----------------------------------------------------------------------

    def opened(self) -> None:
        """A session begins."""
        self._text.clear()

    def lost(self) -> None:
        """The session is over."""
        self._is_lost = True

    def received(self, kind: int, buf: bytearray, start: int, end: int) -> None:
        """Content came."""
        if kind == TEXT:
            self._text.extend(buf[start:end])

    def _hear(self, text: bytes) -> None:
        self._said = (self._said + text)[-_SAID:]


def _now_ms() -> int:
    return time.monotonic_ns() // 1000000 & _TICK_WRAP
