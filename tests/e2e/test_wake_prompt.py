"""A board at MicroPython's prompt is woken, whatever our frames have left there: tried on the prompt of the unix port.

Its line editor is that of boards; where a board does a soft reset it ends, and it has no raw prompt.
"""

import os
import pty
import select
import signal
import time

import pytest

from spamgate_tools.errors import UserError
from spamgate_tools.link.transports import SerialTransport
from spamgate_tools.runtime import find_micropython

_PATIENCE_S = 20
_LEFT = {
    "nothing": b"",
    "a mistake": b"~)+",
    "half an expression": b"~(",
    "half a text": b"'''",
    "half a block": b"if 1:",
    "an escape": b"~\x1b",
    "half a key": b"~\x1b[",
    "half a long key": b"~\x1b[3",
    "an escape in half an expression": b"(\x1b",
    "a pasted half": b"\x05(",
    "a word to complete": b"imp\t",
    "the line before": b"\x10\x10(",
}


@pytest.mark.parametrize("left", _LEFT.values(), ids=_LEFT)
def test_it_starts_anew(left: bytes) -> None:
    try:
        command = find_micropython()
    except UserError as missing:
        pytest.skip(f"not run: {missing}")
    child, line = pty.fork()
    if not child:
        os.execv(command[0], command)
    try:
        _read_until(line, b">>> ")
        os.write(line, left)
        time.sleep(0.05)
        os.write(line, SerialTransport.wake)
        _read_until(line, b"")
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(line)


def _read_until(line: int, expected: bytes) -> None:
    """Read until it has said `expected`; until it has ended, if that is nothing."""
    end = time.monotonic() + _PATIENCE_S
    said = b""
    while not expected or expected not in said:
        assert select.select([line], [], [], max(0.0, end - time.monotonic()))[0], said
        try:
            said += os.read(line, 4096)
        except OSError:
            assert not expected, said
            return
