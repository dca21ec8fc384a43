"""The serial line of a board, on MicroPython's own standard input and output behind a pty."""

import os
import pty
import subprocess
import threading
import tty
from pathlib import Path

import pytest

from spamgate_tools.errors import UserError
from spamgate_tools.runtime import find_micropython

FIRMWARE = Path(__file__).resolve().parents[2] / "firmware"
BYTES = 40000
# Answers each byte, but only once it has all of them; says what that took of the heap.
PROGRAM = f"""
import sys
sys.path.insert(0, {str(FIRMWARE)!r})
import gc
from spamgate.hal.console_line import ConsoleLine
line, buf, kept = ConsoleLine(), bytearray(240), bytearray({BYTES})
count = line.read_into(buf)
line.write(b"READY %d\\n" % count)
gc.collect()
before = gc.mem_alloc()
total = 0
while total < {BYTES}:
    count = line.read_into(buf)
    kept[total : total + count] = buf[:count] if count else b""
    total += count
    if count:
        gc.collect()
grown = gc.mem_alloc() - before
sent, view = 0, memoryview(kept)
while sent < {BYTES}:
    sent += line.write(view[sent : sent + 200])
line.write(b"GROWN %d\\n" % grown)
"""
# Reads with the heap locked.
LOCKED = f"""
import sys
sys.path.insert(0, {str(FIRMWARE)!r})
import micropython
from spamgate.hal.console_line import ConsoleLine
line, buf, total = ConsoleLine(), bytearray(240), 0
line.write(b"READY 0\\n")
micropython.heap_lock()
while total < {BYTES}:
    total += line.read_into(buf)
    if total:
        line.write(b"")
micropython.heap_unlock()
line.write(b"GROWN 0\\n")
"""


class Board:
    """A process behind a pty: bytes to it and from it."""

    def __init__(self, program):
        try:
            command = find_micropython()
        except UserError as missing:
            pytest.skip(f"not run: {missing}")
        self._end, inner = pty.openpty()
        tty.setraw(inner)
        self.process = subprocess.Popen([*command, "-c", program], stdin=inner, stdout=inner, stderr=inner)
        os.close(inner)

    def send(self, data):
        threading.Thread(target=self._write, args=(data,), daemon=True).start()

    def read_line(self):
        line = b""
        while not line.endswith(b"\n"):
            line += os.read(self._end, 1)
        return line

    def read(self, size):
        data = b""
        while len(data) < size:
            data += os.read(self._end, size - len(data))
        return data

    def close(self):
        self.process.kill()
        self.process.wait()
        os.close(self._end)

    def _write(self, data):
        while data:
            data = data[os.write(self._end, data) :]


@pytest.fixture
def board():
    boards = []

    def make(program):
        boards.append(Board(program))
        return boards[-1]

    yield make
    for made in boards:
        made.close()


def test_every_byte_arrives_in_order_and_comes_back(board):
    whole = bytes(value for value in range(256)) * (BYTES // 256) + bytes(BYTES % 256)
    here = board(PROGRAM)
    assert here.read_line() == b"READY 0\n"
    here.send(whole)
    assert here.read(BYTES) == whole
    assert int(here.read_line().split()[1]) < 1024


def test_reading_allocates_nothing(board):
    here = board(LOCKED)
    assert here.read_line() == b"READY 0\n"
    here.send(bytes(BYTES))
    assert here.read_line() == b"GROWN 0\n"
