"""A board made of a Linux process: who it is, its address, its starts in vain; and the serial line of any board."""

import os
import sys
import unittest

from spamgate.hal import board as board_module
from spamgate.hal import console_line, resolvers, unix_board
from spamgate.hal.console_line import ConsoleLine
from spamgate.hal.unix_board import RESET_STATUS, Hardware

FOLDER = "/tmp/spamgate-board-%d" % (os.urandom(2)[0] << 8 | os.urandom(1)[0])
FIB_TRIE = """Main:
  +-- 0.0.0.0/0 3 0 5
     |-- 0.0.0.0
        /0 universe UNICAST
     +-- 127.0.0.0/8 2 0 2
           |-- 127.0.0.1
              /32 host LOCAL
           |-- 127.255.255.255
              /32 link BROADCAST
     +-- 192.168.77.0/24 2 0 2
        |-- 192.168.77.0
           /24 link UNICAST
        |-- 192.168.77.53
           /32 host LOCAL
"""
RESOLV_CONF = "# made by hand\nsearch home\nnameserver 192.168.77.1\nnameserver fe80::1%eth0\nnameserver 2001:db8::53\n"


class Files:
    """In the place of `open`: the system's files."""

    def __init__(self, contents):
        self.contents = contents

    def __call__(self, path, mode="r"):
        if path not in self.contents:
            raise OSError(2)
        return Reader(self.contents[path])


class Reader:
    def __init__(self, text):
        self.text = text

    def __enter__(self):
        return self

    def __exit__(self, *trouble):
        return None

    def __iter__(self):
        return iter([line + "\n" for line in self.text.split("\n")])

    def read(self, size):
        taken, self.text = self.text[:size], self.text[size:]
        return taken


class AProcess(unittest.TestCase):
    def setUp(self):
        self.told = []
        self.set_memory("")
        self.hardware = Hardware(FOLDER)

    def tearDown(self):
        unix_board.open = resolvers.open = open
        self.set_memory("")
        for name in ("identity.json", "rtc"):
            if self.hardware.storage.exists(name):
                (getattr(os, "unlink", None) or os.remove)(FOLDER + "/" + name)
        os.rmdir(FOLDER)

    def set_memory(self, path):
        if hasattr(os, "environ"):
            os.environ["SPAMGATE_RTC"] = path
        else:  # MicroPython
            os.putenv("SPAMGATE_RTC", path)

    def with_files(self, **more):
        """Let the board see this system."""
        files = {"/proc/net/fib_trie": FIB_TRIE, "/etc/resolv.conf": RESOLV_CONF}
        files.update(more)
        unix_board.open = resolvers.open = Files(files)
        self.hardware.join(None, self.told.append)

    def test_its_address_and_resolvers_are_those_of_linux(self):
        self.with_files()
        self.hardware.tick(5)
        self.assertEqual(self.hardware.address, b"\xc0\xa8\x4d\x35")
        self.assertEqual(self.hardware.resolvers, ["192.168.77.1", "2001:db8::53"])
        self.assertEqual((self.told, self.hardware.trouble), (["address 192.168.77.53"], ""))

    def test_an_address_that_goes_is_told_once_and_not_before_two_seconds(self):
        self.with_files()
        self.hardware.tick((1 << 29) - 100)
        unix_board.open = resolvers.open = Files({})
        self.hardware.tick(500)
        self.assertEqual(len(self.told), 1)
        self.hardware.tick(2500)
        self.hardware.tick(5000)
        self.assertEqual(self.told[1:], ["Linux has no IPv4 address for us"])
        self.assertEqual((self.hardware.address, self.hardware.resolvers), (b"", []))

    def test_the_clock_is_linuxs(self):
        self.assertTrue(self.hardware.clock_set)
        self.assertFalse(self.hardware.set_clock(1795348800))

    def test_a_reset_ends_the_process(self):
        with self.assertRaises(SystemExit) as caught:
            self.hardware.reset()
        self.assertEqual(caught.exception.args[0], RESET_STATUS)

    def test_starts_in_vain_are_counted_in_the_file_that_is_named(self):
        self.set_memory(FOLDER + "/rtc")
        self.assertEqual([Hardware(FOLDER).starts() for _ in range(3)], [1, 2, 3])
        self.hardware = Hardware(FOLDER)
        self.assertEqual(self.hardware.reset_cause, "reset")
        self.hardware.lived()
        self.assertEqual(Hardware(FOLDER).starts(), 1)

    def test_without_such_a_file_every_start_is_the_first(self):
        self.assertEqual([Hardware(FOLDER).starts() for _ in range(3)], [1, 1, 1])
        self.assertEqual(self.hardware.reset_cause, "power")

    def test_who_it_is(self):
        self.assertEqual(self.hardware.name, "UNIX")
        self.hardware.storage.write("identity.json", [b'{"serial": "SG-7", "board": "PTY"}'])
        self.assertEqual((Hardware(FOLDER).name, self.hardware.identity("serial")), ("PTY", "SG-7"))
        self.assertEqual(len(self.hardware.unique_id), 6)

    def test_an_identity_that_is_damaged_is_none(self):
        for damaged in (b"", b"{", b"[]", b"\xff\xff", b'{"serial": 7'):
            self.hardware.storage.write("identity.json", [damaged])
            self.assertEqual(self.hardware.identity("serial"), "")

    def test_a_number_is_given_as_text(self):
        self.hardware.storage.write("identity.json", [b'{"serial": 7}'])
        self.assertEqual(self.hardware.identity("serial"), "7")

    def test_a_machine_without_an_id(self):
        unix_board.open = Files({"/etc/machine-id": "none"})
        self.assertEqual(unix_board._machine_id(), bytes(6))

    def test_free_heap(self):
        is_micropython = sys.implementation.name == "micropython"
        self.assertEqual(self.hardware.free_bytes() > 1000, is_micropython)

    def test_what_survives_differs_by_board(self):
        with self.assertRaises(NotImplementedError):
            board_module.Board(FOLDER).starts()


class Wire:
    """Standard input and output of a board: gives as many bytes as asked for, and waits; poll tells of one."""

    def __init__(self):
        self.waiting = bytearray()
        self.sent = bytearray()
        self.takes = True
        self.is_gone = False

    def readinto(self, buf):
        if self.is_gone:
            return 0
        if len(self.waiting) < len(buf):
            raise AssertionError("this would wait for ever")
        buf[:] = self.waiting[: len(buf)]
        self.waiting = self.waiting[len(buf) :]
        return len(buf)

    def write(self, view):
        self.sent.extend(view)
        return len(view)


class Polls:
    """In the place of the module `select`."""

    def poll(self):
        return Poll()


class Poll:
    def register(self, stream, events):
        self.stream, self.events = stream, events

    def ipoll(self, timeout_ms):
        assert timeout_ms == 0
        ready = self.stream.is_gone or self.stream.waiting if self.events == 1 else self.stream.takes
        return [(self.stream, self.events)] if ready else []


class TheSerialLine(unittest.TestCase):
    def setUp(self):
        self.kept, console_line.select = console_line.select, Polls()
        self.wire = Wire()
        self.line = ConsoleLine(self.wire, self.wire)

    def tearDown(self):
        console_line.select = self.kept

    def test_what_has_arrived_and_no_more(self):
        buf = bytearray(b"....")
        self.assertEqual(self.line.read_into(buf), 0)
        self.wire.waiting.extend(b"abcdef")
        self.assertEqual((self.line.read_into(buf), bytes(buf)), (4, b"abcd"))
        self.assertEqual((self.line.read_into(buf), bytes(buf)), (2, b"efcd"))
        self.assertEqual(self.line.read_into(bytearray(0)), 0)

    def test_whether_anything_has_arrived(self):
        self.assertFalse(self.line.has_input())
        self.wire.waiting.extend(b"a")
        self.assertTrue(self.line.has_input())
        self.assertEqual(self.line.read_into(bytearray(4)), 1)

    def test_the_other_end_is_gone(self):
        self.wire.is_gone = True
        self.assertEqual(self.line.read_into(bytearray(9)), 0)

    def test_sending_when_it_can(self):
        self.assertEqual(self.line.write(b"hello"), 5)
        self.wire.takes = False
        self.assertEqual(self.line.write(b"more"), 0)
        self.assertEqual(bytes(self.wire.sent), b"hello")
