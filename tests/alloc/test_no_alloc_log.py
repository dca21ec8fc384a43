"""Packets from the kernel's log up to the engine take nothing from the heap: run with it locked, on MicroPython.

That reading them off a netlink socket takes nothing either is tried in e2e/test_kernel.py, with the real kernel.
"""

import struct
import unittest

import micropython
from fakes.netlink import error, log_message, message
from fakes.router import ACK, PSH, UPSTREAM, Connection, FakeRouter, ip, udp

from spamgate.core import states
from spamgate.plane import linux_log
from spamgate.plane.linux_log import PacketLog
from spamgate.wire.address import parse_address

_MAC = b"\2\0\0\0\0\7"
_CLIENT, _CLIENT6 = parse_address("192.168.77.7"), parse_address("fd77::7")
_SERVER, _SERVER6 = parse_address("203.0.113.9"), parse_address("2001:db8::19")
_NETLINK_SOCKET = linux_log.netlink_socket
_ROUNDS = 30


class Socket:
    """What is read is in the buffer already: a socket's own readinto writes it there."""

    size = 0

    def readinto(self, buf):
        return self.size


def question(name_id):
    return struct.pack(">HHHHHH", name_id, 0x0100, 1, 0, 0, 0) + b"\4mail\7example\3com\0\0\1\0\1"


def answer(name_id):
    record = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4" + _SERVER
    return struct.pack(">HHHHHH", name_id, 0x8180, 1, 1, 0, 0) + question(name_id)[12:] + record


class Recorder(FakeRouter):
    """A router that keeps the packets of a connection for the log instead of reading them."""

    recording = None

    def packet(self, data, mac, **more):
        if self.recording is None:
            super().packet(data, mac, **more)
        else:
            self.recording.append(log_message(data, mac, 7, **more))


class NoAllocation(unittest.TestCase):
    def setUp(self):
        self.socket = Socket()
        linux_log.netlink_socket = lambda: self.socket
        self.router = Recorder()
        self.log = PacketLog(25, bytearray(24576))

    def tearDown(self):
        linux_log.netlink_socket = _NETLINK_SOCKET

    def read_locked(self, parts):
        """Read the messages a few times, then with the heap locked; return how many were read then."""
        data = b"".join(parts)
        self.assertTrue(len(data) <= len(self.log.buf))
        self.log.buf[: len(data)] = data
        self.socket.size = len(data)
        watcher = self.router.watcher
        for _ in range(3):
            self.log.read(watcher)
        before = self.log.packets
        micropython.heap_lock()
        try:
            for _ in range(_ROUNDS):
                self.log.read(watcher)
        finally:
            micropython.heap_unlock()
        self.assertEqual(watcher.malformed, 0)
        return self.log.packets - before

    def recorded(self, connection, said):
        """Return the messages of what client and server say."""
        self.router.recording = []
        for side, text in said:
            (connection.server if side else connection.client)(text)
        parts = self.router.recording
        self.router.recording = None
        return parts

    def test_look_ups_and_answers(self):
        parts = []
        for source, target in ((_CLIENT, _SERVER), (_CLIENT6, _SERVER6)):
            for number in range(4):
                asked = udp(40000 + number, 53, question(number))
                told = udp(53, 40000 + number, answer(number))
                parts.append(log_message(ip(source, target, 17, asked), _MAC, 7))
                parts.append(log_message(ip(target, source, 17, told), UPSTREAM, 7))
        self.assertEqual(self.read_locked(parts), 16 * _ROUNDS)

    def test_mail_that_is_spoken_of(self):
        said = [(0, b"MAIL FROM:<a@b.example>\r\n"), (1, b"250 ok\r\n"), (0, b"RCPT TO:<c@d.example>\r\n")]
        said += [(1, b"550 5.7.1 no\r\n"), (0, b"RSET\r\n"), (1, b"250 ok\r\n"), (0, b"NOOP\r\n"), (1, b"250 ok\r\n")]
        for client, server in (("192.168.77.7", "203.0.113.9"), ("fd77::7", "2001:db8::19")):
            connection = Connection(self.router, _MAC, client, 50000, server).open().greet()
            parts = self.recorded(connection, said)
            self.assertEqual(self.read_locked(parts), len(parts) * _ROUNDS)

    def test_a_long_body_and_bare_acknowledgements(self):
        connection = Connection(self.router, _MAC, "192.168.77.7", 50000, "203.0.113.9").open().greet()
        connection.client(b"DATA\r\n").server(b"354 go\r\n")
        parts = self.recorded(connection, [(0, b"text\r\n" * 200), (1, b"")] * 8)
        self.assertEqual(self.read_locked(parts), 16 * _ROUNDS)

    def test_what_is_said_within_tls_by_a_suspect(self):
        """Each answer is counted; the flow ends at some of them, which is a change and may allocate."""
        connection = Connection(self.router, _MAC, "192.168.77.7", 50000, "203.0.113.9").open().greet().seal()
        device = self.router.device(_MAC)
        self.router.engine.devices.state[device] = states.QUARANTINED
        parts = self.recorded(connection, [(0, b"\x17\3\3\0\5xxxxx"), (1, b"\x17\3\3\0\5yyyyy")] * 8)
        self.assertEqual(self.read_locked(parts), 16 * _ROUNDS)

    def test_the_router_s_own_packets(self):
        own, world = parse_address("203.0.113.77"), parse_address("198.51.100.25")
        segment = struct.pack(">HHIIBBHHH", 40000, 587, 1, 1, 80, PSH | ACK, 0, 0, 0) + b"EHLO x\r\n"
        back = struct.pack(">HHIIBBHHH", 587, 40000, 1, 9, 80, PSH | ACK, 0, 0, 0) + b"250 x\r\n"
        parts = [log_message(ip(own, world, 6, segment), None, 7, indev=0)]
        parts.append(log_message(ip(world, own, 6, back), UPSTREAM, 7, outdev=0))
        self.assertEqual(self.read_locked(parts), 2 * _ROUNDS)

    def test_what_stands_between_packets_and_what_is_cut(self):
        asked = log_message(ip(_CLIENT, _SERVER, 17, udp(40000, 53, question(1))), _MAC, 7)
        connection = Connection(self.router, _MAC, "192.168.77.7", 50000, "203.0.113.9").open().greet()
        connection.client(b"DATA\r\n").server(b"354 go\r\n")
        (body,) = self.recorded(connection, [(0, b"text\r\n" * 200)])
        parts = [error(0), asked, message(3, b""), asked, message(4 << 8 | 1, asked), body[:-500]]
        self.assertEqual(self.read_locked(parts), 3 * _ROUNDS)
        self.assertEqual(self.log.cut, _ROUNDS + 3)

    def test_nobody_s_packets(self):
        stranger = ip(_SERVER, parse_address("198.51.100.1"), 17, udp(9, 9, b"x"))
        icmp = ip(_CLIENT, _SERVER, 1, bytes(8))
        parts = [log_message(stranger, UPSTREAM, 7), log_message(icmp, _MAC, 7)]
        self.assertEqual(self.read_locked(parts), 2 * _ROUNDS)


if __name__ == "__main__":
    unittest.main()
