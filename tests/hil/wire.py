"""The port of an emulated board: it stays, as a USB adapter does, while the board behind it is off, reset or dead."""

import contextlib
import os
import pty
import select
import threading
import time
import tty
from collections.abc import Callable

_PIECE = 4096
_PROMPT_S = 0.2


class Wire:
    """A pty for programs to open, joined to whatever the board's end is at the time."""

    def __init__(
        self,
        on_end: Callable[[], None] = lambda: None,
        on_sent: Callable[[bytes], None] = lambda _: None,
        rest_after: bytes = b"",
    ) -> None:
        """`on_end` hears in the wire's thread that the board's end has closed, `on_sent` what programs send.

        What follows the byte `rest_after` is delivered only when a prompt has had time to act on that.
        """
        self._outside, self._kept_open = pty.openpty()
        tty.setraw(self._kept_open)
        os.set_blocking(self._outside, False)
        self.port = os.ttyname(self._kept_open)
        self._on_end = on_end
        self._on_sent = on_sent
        self._rest_after = rest_after
        self._resting_until = 0.0
        self._board = -1
        self._to_board = b""
        self._to_outside = b""
        self._woken, self._wake = os.pipe()
        self._lock = threading.RLock()
        self._closing = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def join(self, board: int) -> None:
        """From now on the board is behind this file descriptor, which the wire owns."""
        os.set_blocking(board, False)
        with self._lock:
            self._drop()
            self._board = board
        os.write(self._wake, b".")

    def part(self) -> None:
        """From now on there is no board: what programs send is lost, as on a real line."""
        with self._lock:
            self._drop()
        os.write(self._wake, b".")

    def say(self, text: bytes) -> None:
        """Send something in the board's name."""
        with self._lock:
            self._to_outside += text
        os.write(self._wake, b".")

    def close(self) -> None:
        """Take the port away."""
        self._closing = True
        os.write(self._wake, b".")
        self._thread.join()
        self.part()
        for fd in (self._outside, self._kept_open, self._woken, self._wake):
            os.close(fd)

    def _drop(self) -> None:
        if self._board >= 0:
            os.close(self._board)
        self._board = -1
        self._to_board = b""

    def _run(self) -> None:
        while not self._closing:
            board = self._board
            readers = [self._woken, *([] if self._to_board else [self._outside])]
            writers = [self._outside] if self._to_outside else []
            rest_s = self._resting_until - time.monotonic()
            if board >= 0:
                readers += [] if self._to_outside else [board]
                writers += [board] if self._to_board and rest_s <= 0 else []
            try:
                ready, writable, _ = select.select(readers, writers, [], rest_s if rest_s > 0 else None)
            except OSError:
                continue  # the board's end was closed under us
            if self._woken in ready:
                os.read(self._woken, _PIECE)
            with self._lock:
                ended = self._move(board, ready, writable) if board == self._board else False
            if ended:
                self._on_end()

    def _move(self, board: int, ready: list[int], writable: list[int]) -> bool:
        """Move what can be moved; has the board's end closed?"""
        if self._outside in ready:
            self._from_outside()
        if self._outside in writable and self._to_outside:
            self._to_outside = self._to_outside[_written(self._outside, self._to_outside) :]
        if board in writable:
            self._send_to(board)
        if board not in ready:
            return False
        data = _read(board)
        if data:
            self._to_outside += data
        elif data == b"":
            self._drop()
            return True
        return False

    def _send_to(self, board: int) -> None:
        head, end, _ = self._to_board.partition(self._rest_after) if self._rest_after else (self._to_board, b"", b"")
        count = _written(board, head + end)
        self._to_board = self._to_board[count:]
        if end and count > len(head):
            self._resting_until = time.monotonic() + _PROMPT_S

    def _from_outside(self) -> None:
        data = _read(self._outside) or b""
        self._on_sent(data)
        if self._board >= 0:
            self._to_board += data


def _read(fd: int) -> bytes | None:
    """Return what is there, nothing at the end, None when it was a false alarm."""
    try:
        return os.read(fd, _PIECE)
    except BlockingIOError:
        return None
    except OSError:
        return b""


def _written(fd: int, data: bytes) -> int:
    with contextlib.suppress(OSError):
        return os.write(fd, data)
    return 0
