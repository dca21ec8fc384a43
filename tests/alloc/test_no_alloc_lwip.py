"""Records of the C module up to the engine take nothing from the heap: run with it locked, on MicroPython."""

import struct
import unittest

import micropython
from fakes.lan import LAN_MAC, FakeLan
from fakes.mailgate import IN, LATER, OUT, PASS, RESET, record_of
from fakes.router import ACK, PSH, SYN, UPSTREAM, Connection, ip, udp

from spamgate.core import states
from spamgate.wire.address import parse_address

_MAC = b"\2\0\0\0\0\7"
_CLIENT, _CLIENT6 = parse_address("192.168.77.7"), parse_address("fd77::7")
_SERVER, _SERVER6 = parse_address("203.0.113.9"), parse_address("2001:db8::19")
_ROUNDS = 30


class Lan(FakeLan):
    """Keeps records for a batch instead of reading them at once; a batch is read without allocating."""

    batch = None
    data = b""
    size = 0

    def packet(self, data, mac, action=PASS):
        if self.batch is None:
            FakeLan.packet(self, data, mac, action)
            return
        kind = b"\x08\0" if data[0] >> 4 == 4 else b"\x86\xdd"
        is_inward = mac == UPSTREAM
        macs = _MAC + LAN_MAC if is_inward else LAN_MAC + mac
        self.batch.append(record_of(macs + kind + data, IN if is_inward else OUT, action))

    def read_into(self, buf):
        return self.size


class NoAllocation(unittest.TestCase):
    def setUp(self):
        self.lan = Lan().begin()

    def read_locked(self, parts):
        """Read the records a few times, then with the heap locked; return how many were read then."""
        data = b"".join(parts)
        log = self.lan.plane.log
        self.assertTrue(len(data) <= len(log.buf))
        log.buf[: len(data)] = data
        self.lan.size = len(data)
        log._read_into = self.lan.read_into
        plane = self.lan.plane
        for _ in range(3):
            plane.ready(None)
        before = log.packets
        micropython.heap_lock()
        try:
            for _ in range(_ROUNDS):
                plane.ready(None)
        finally:
            micropython.heap_unlock()
        self.assertEqual(self.lan.watcher.malformed, 0)
        return log.packets - before

    def recorded(self, act):
        """Return the records of what `act` has said."""
        self.lan.batch = []
        act()
        parts = self.lan.batch
        self.lan.batch = None
        return parts

    def connection(self, client="192.168.77.7", server="203.0.113.9"):
        return Connection(self.lan, _MAC, client, 50000, server).open().greet()

    def test_look_ups_and_answers(self):
        question = struct.pack(">HHHHHH", 7, 0x0100, 1, 0, 0, 0) + b"\4mail\7example\3com\0\0\1\0\1"
        record = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4" + _SERVER
        answer = question[:2] + b"\x81\x80\0\1\0\1\0\0\0\0" + question[12:] + record

        def act():
            for near, far in ((_CLIENT, _SERVER), (_CLIENT6, _SERVER6), (_CLIENT, parse_address("192.168.77.1"))):
                self.lan.packet(ip(near, far, 17, udp(40000, 53, question)), _MAC)
                self.lan.packet(ip(far, near, 17, udp(53, 40000, answer)), UPSTREAM)

        self.assertEqual(self.read_locked(self.recorded(act)), 6 * _ROUNDS)

    def test_mail_that_is_spoken_of(self):
        for client, server in (("192.168.77.7", "203.0.113.9"), ("fd77::7", "2001:db8::19")):
            connection = self.connection(client, server)

            def act(connection=connection):
                connection.client(b"MAIL FROM:<a@b.example>\r\n").server(b"250 ok\r\n")
                connection.client(b"RCPT TO:<c@d.example>\r\n").server(b"550 5.7.1 no\r\n")
                connection.client(b"RSET\r\n").server(b"250 ok\r\n").client(b"NOOP\r\n").server(b"250 ok\r\n")

            self.assertEqual(self.read_locked(self.recorded(act)), 8 * _ROUNDS)

    def test_a_long_body(self):
        connection = self.connection()
        connection.client(b"DATA\r\n").server(b"354 go\r\n")
        parts = self.recorded(lambda: connection.client(b"text\r\n" * 200).server(b""))
        self.assertEqual(self.read_locked(parts), 2 * _ROUNDS)

    def test_what_was_refused_or_reset(self):
        """Who calls a server with a past is told the module, which may allocate; a bot's calls are to strangers."""
        device = self.lan.enrol(_MAC, states.THROTTLED)
        tcp = struct.pack(">HHIIBBHHH", 40000, 25, 1, 0, 80, SYN, 0, 0, 0)
        word = struct.pack(">HHIIBBHHH", 40000, 25, 1, 1, 80, PSH | ACK, 0, 0, 0) + b"QUIT\r\n"

        def act():
            for near, far in ((_CLIENT, _SERVER), (_CLIENT6, _SERVER6)):
                self.lan.packet(ip(near, far, 6, tcp), _MAC, LATER)
                self.lan.packet(ip(near, far, 6, word), _MAC, RESET)

        self.assertEqual(self.read_locked(self.recorded(act)), 4 * _ROUNDS)
        self.assertEqual(self.lan.refused[device], 2 * (_ROUNDS + 3))


if __name__ == "__main__":
    unittest.main()
