"""Connections as the kernel tracks them: asked for by either direction, read with both ends, and refused when cut."""

import struct
import unittest

from fakes.netlink import attribute, attributes, error, message, messages, number

from spamgate.wire import conntrack, netlink
from spamgate.wire.conntrack import TCP, Tuple
from spamgate.wire.cursor import FormError
from spamgate.wire.netlink import Request

_CLIENT = bytes((192, 168, 77, 7))
_SERVER = bytes((198, 51, 100, 25))
_WORLD = bytes((203, 0, 113, 77))
_CLIENT6 = b"\xfd" + bytes(14) + b"\7"
_SERVER6 = b"\x20\1" + bytes(13) + b"\x19"
# An answer of a kernel: TCP from 10.9.0.1:55428 to 10.9.0.2:25, with its timeout, mark, id and state.
_ANSWERED = (
    "d400000000010200010000009c550000020000003400018014000180080001000a090001080002000a0900021c0002800500010006000000"
    "06000200d884000006000300001900003400028014000180080001000a090002080002000a0900011c000280050001000600000006000200"
    "0019000006000300d8840000080003000000000e080008000000000008000c00ab1d4b3608000b0000000002080007000006977f30000480"
    "2c0001800500010003000000050002000a000000050003000a00000006000400230000000600050023000000"
)


def unhex(text):
    return bytes([int(text[at : at + 2], 16) for at in range(0, len(text), 2)])


def tuple_of(kind, source, port, target, to_port, swap=False):
    """Return the attribute of one direction; `swap`: with all that is in it the other way round."""
    first, second = (1, 2) if len(source) == 4 else (3, 4)
    addresses = [attribute(first, source), attribute(second, target)]
    ports = [attribute(1, bytes((6,))), attribute(2, struct.pack(">H", port)), attribute(3, struct.pack(">H", to_port))]
    parts = [(1, addresses), (2, ports)]
    if swap:
        parts = [(key, list(reversed(inside))) for key, inside in reversed(parts)]
    return attribute(kind | 0x8000, b"".join([attribute(key | 0x8000, b"".join(inside)) for key, inside in parts]))


def answer(*parts):
    return message(0x0100, b"\2\0\0\0" + b"".join(parts))


def ends(tuple_):
    return tuple_.source, tuple_.source_port, tuple_.target, tuple_.target_port


class Reading(unittest.TestCase):
    def read(self, data):
        """Read between other bytes: what follows an answer is no part of it."""
        original, reply = conntrack.read(bytearray(data + b"\xff" * 64), len(data))
        return ends(original), ends(reply)

    def test_both_directions_are_read(self):
        here, there = (_CLIENT, 50000, _SERVER, 25), (_SERVER, 25, _WORLD, 61234)
        for swap in (False, True):
            parts = [tuple_of(1, *here, swap=swap), tuple_of(2, *there, swap=swap)]
            for order in (parts, list(reversed(parts)), [number(3, 14)] + parts + [number(8, 1)]):
                self.assertEqual(self.read(answer(*order)), (here, there))

    def test_ipv6_and_large_ports(self):
        here, there = (_CLIENT6, 65535, _SERVER6, 256), (_SERVER6, 256, _CLIENT6, 65535)
        self.assertEqual(self.read(answer(tuple_of(1, *here), tuple_of(2, *there))), (here, there))

    @unittest.skipUnless(netlink.LITTLE, "the bytes are those of a little-endian machine")
    def test_what_a_kernel_answered_is_read(self):
        here = (b"\x0a\x09\0\1", 55428, b"\x0a\x09\0\2", 25)
        self.assertEqual(self.read(unhex(_ANSWERED)), (here, here[2:] + here[:2]))

    def test_no_answer_and_a_refusal_are_no_connection(self):
        for data in (b"", error(2), error(0), answer(), answer(number(3, 1))):
            with self.assertRaises(FormError):
                self.read(data)

    def test_half_a_connection_is_none(self):
        here = tuple_of(1, _CLIENT, 50000, _SERVER, 25)
        for half in ((here,), (tuple_of(2, _SERVER, 25, _CLIENT, 50000),), (here, attribute(2, b""))):
            with self.assertRaises(FormError):
                self.read(answer(*half))

    def test_an_answer_cut_anywhere_is_refused(self):
        whole = answer(tuple_of(1, _CLIENT, 50000, _SERVER, 25), tuple_of(2, _SERVER, 25, _CLIENT, 50000))
        for cut in range(len(whole)):
            with self.assertRaises(FormError):
                self.read(whole[:cut])

    def test_values_of_a_wrong_size_are_refused(self):
        """An address of three bytes, a port of one: what follows them is not theirs."""
        good = tuple_of(2, _SERVER, 25, _CLIENT, 50000)
        ports = attribute(2, attribute(1, b"\6") + attribute(2, b"\0\1") + attribute(3, b"\0\2"))
        for addresses, numbers in (
            (attribute(1, attribute(1, b"abc") + attribute(2, b"abcd")), ports),
            (attribute(1, attribute(3, b"abcd") + attribute(4, bytes(16))), ports),
            (attribute(1, attribute(1, b"abcd") + attribute(4, bytes(16))), ports),
            (attribute(1, b""), ports),
            (attribute(1, attribute(1, _CLIENT) + attribute(2, _SERVER)), attribute(2, attribute(2, b"\1"))),
            (attribute(1, attribute(1, _CLIENT) + attribute(2, _SERVER)), attribute(2, b"")),
        ):
            with self.assertRaises(FormError):
                self.read(answer(attribute(1, addresses + numbers), good))


class Asking(unittest.TestCase):
    def asked(self, is_reply, *what):
        ((kind, flags, _, body),) = messages(bytes(conntrack.ask(Request(1024), TCP, Tuple(*what), is_reply)))
        self.assertEqual((kind, flags), (0x0101, 1))
        ((direction, inside),) = attributes(body[4:]).items()
        self.assertEqual(direction, 2 if is_reply else 1)
        parts = attributes(inside)
        return body[0], attributes(parts[1]), attributes(parts[2])

    def test_a_connection_is_asked_for_by_either_direction(self):
        for is_reply in (False, True):
            family, addresses, ports = self.asked(is_reply, _CLIENT, 50000, _SERVER, 25)
            self.assertEqual((family, addresses), (2, {1: _CLIENT, 2: _SERVER}))
            self.assertEqual(ports, {1: b"\6", 2: b"\xc3\x50", 3: b"\0\x19"})
        family, addresses, ports = self.asked(True, _CLIENT6, 1, _SERVER6, 65535)
        self.assertEqual((family, addresses), (10, {3: _CLIENT6, 4: _SERVER6}))
        self.assertEqual(ports, {1: b"\6", 2: b"\0\1", 3: b"\xff\xff"})


if __name__ == "__main__":
    unittest.main()
