"""What a link's bytes go through: a serial port or pty, or TCP to a gateway."""

import errno
import os
import select
from typing import Protocol

import serial

from spamgate_tools.errors import UserError

TCP = "tcp://"
DEFAULT_BAUD = 115200
_READ_BYTES = 4096


class Transport(Protocol):
    """A line with its bytes; UserError when it is cut."""

    name: str
    baud: int | None  # None: faster than anybody need know
    wake: bytes  # what brings a board from its prompt to its program; empty where there is none

    def read(self, timeout_s: float) -> bytes:
        """Return what is there, waiting up to `timeout_s` for the first of it."""

    def write(self, data: bytes | memoryview) -> int:
        """Send what is possible now; return how many bytes."""

    def close(self) -> None:
        """End it."""


class SerialTransport:
    """A serial port or a pty."""

    # Out of the raw prompt, and a soft reset: on an empty line of the prompt only, a running program ignores it.  Our
    # frames may have left half an escape sequence there (the first line end completes it) or half a statement (which
    # Ctrl-D only ends); so all is said twice, at once, before the next frame can spoil the line again.
    wake = b"\r\r\x02\x04" * 2

    def __init__(self, port: str, baud: int = DEFAULT_BAUD) -> None:
        self.name = port
        self.baud: int | None = baud
        try:
            self._serial = serial.Serial(port, baud, timeout=0, write_timeout=0, exclusive=True)
        except (OSError, ValueError) as error:
            raise _no_port(port, error) from None

    def read(self, timeout_s: float) -> bytes:
        """Return what is there."""
        try:
            if not select.select([self._serial.fileno()], [], [], timeout_s)[0]:
                return b""
            data = os.read(self._serial.fileno(), _READ_BYTES)
        except BlockingIOError:
            return b""
        except (OSError, TypeError, ValueError):
            data = b""
        if not data:
            raise self._cut()
        return data

    def write(self, data: bytes | memoryview) -> int:
        """Send what is possible now."""
        try:
            return os.write(self._serial.fileno(), data)
        except BlockingIOError:
            return 0
        except (OSError, TypeError, ValueError):
            raise self._cut() from None

    def close(self) -> None:
        """Let go of the port."""
        try:
            self._serial.close()
        except OSError:
            pass

    def _cut(self) -> UserError:
        return UserError(f"{self.name}: the line was cut", "plug the board in again, then repeat the command")


def open_port(port: str, baud: int = DEFAULT_BAUD) -> Transport:
    """Return the transport that `port` names: the path of a serial port, or tcp://host:port."""
    if port.startswith(TCP):
        from spamgate_tools.link.tcp import TcpTransport

        return TcpTransport(port)
    return SerialTransport(port, baud)


def _no_port(port: str, error: Exception) -> UserError:
    number = getattr(error, "errno", None)
    if number in (errno.EACCES, errno.EPERM):
        return UserError(f"{port}: no permission to use it", "join the group that owns it (often dialout), log in anew")
    if number in (errno.EAGAIN, errno.EBUSY):
        return UserError(f"{port}: another program uses it", "end that program, then try again")
    if number == errno.ENOENT:
        return UserError(f"{port}: there is no such port", "is the board plugged in? `ls /dev/serial/by-id`")
    return UserError(f"{port}: cannot be used as a serial port ({error})", "name the board's port with --port")
