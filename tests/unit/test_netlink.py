"""Messages of netlink: written as the headers of the kernel say, and measured before they are read."""

import struct
import unittest

from fakes.netlink import attribute, attributes, changes, error, message, messages, number

from spamgate.wire import netlink, nft
from spamgate.wire.netlink import ACK, CREATE, REQUEST, Request, attribute_end, find_attribute, first_error

_ENOENT = 2
_MAC = b"\2\0\0\0\0\7"
# What a kernel answered to a question for a connection that it did not know (ENOENT), the question quoted in it.
_REFUSED = (
    "5c00000002000000020000009c550000feffffff48000000010101000200000000000000020000003400018014000180080001000a090001"
    "080002000a0900021c000280050001000600000006000200d88500000600030000190000"
)


def unhex(text):
    return bytes([int(text[at : at + 2], 16) for at in range(0, len(text), 2)])


def needs_little(test):
    return unittest.skipUnless(netlink.LITTLE, "the bytes are those of a little-endian machine")(test)


class Writing(unittest.TestCase):
    def test_messages_follow_each_other_whole_and_numbered(self):
        request = Request(256)
        request.message(0x0401, REQUEST | ACK, 2, 25).put(1, b"\1")
        request.put(2, b"")
        request.message(0x0A0C, REQUEST | CREATE).put(3, b"abcd")
        request.put_be32(4, 0xFFFFFFFD)
        request.put_milliseconds(5, 86400 * 30)
        found = messages(bytes(request.done()))
        kinds = [(kind, flags) for kind, flags, _, _ in found]
        self.assertEqual(kinds, [(0x0401, REQUEST | ACK), (0x0A0C, REQUEST | CREATE)])
        self.assertEqual(found[1][2] - found[0][2], 1)
        self.assertEqual(found[0][3][:4], b"\2\0\0\x19")
        self.assertEqual(attributes(found[0][3][4:]), {1: b"\1", 2: b""})
        long = struct.pack(">Q", 86400 * 30 * 1000)
        self.assertEqual(attributes(found[1][3][4:]), {3: b"abcd", 4: b"\xff\xff\xff\xfd", 5: long})

    def test_attributes_are_filled_up_to_four_with_zeros(self):
        request = Request(64)
        for value in (b"abcd", b"abc", b"ab", b"a"):
            request.clear().buf[:] = b"\xee" * 64
            request.message(1, REQUEST).put(7, value)
            self.assertEqual(bytes(request.done())[24:], (value + bytes(3))[:4])

    def test_nested_attributes_close_where_they_end(self):
        request = Request(128)
        request.message(1, REQUEST)
        outer = request.open(1)
        request.put(2, b"abc")
        inner = request.open(3)
        request.close(inner)
        request.close(outer)
        request.put(4, b"z")
        found = attributes(messages(bytes(request.done()))[0][3][4:])
        self.assertEqual(attributes(found[1]), {2: b"abc", 3: b""})
        self.assertEqual(found[4], b"z")

    def test_a_request_begins_anew_and_its_numbers_go_on(self):
        request = Request(64)
        request.message(1, REQUEST).put(7, b"abcd")
        first = messages(bytes(request.done()))[0]
        request.clear().message(2, REQUEST)
        second = messages(bytes(request.done()))
        self.assertEqual((len(second), second[0][0], second[0][2]), (1, 2, first[2] + 1))

    def test_what_does_not_fit_is_our_own_mistake(self):
        request = Request(32)
        with self.assertRaises(Exception):  # noqa: B017  the interpreters differ in which
            for _ in range(9):
                request.put_be32(1, 1)


class Errors(unittest.TestCase):
    def test_the_first_refusal_counts_and_acknowledgements_do_not(self):
        for parts, found in (
            (b"", -1),
            (error(0), 0),
            (error(_ENOENT), _ENOENT),
            (error(0) + error(0), 0),
            (error(0) + error(_ENOENT) + error(17), _ENOENT),
            (message(0x0400, bytes(20)), -1),
            (message(0x0400, bytes(20)) + error(1), 1),
            (message(0x0400, bytes(21)) + error(0), 0),
            (error(133), 133),
        ):
            self.assertEqual(first_error(parts, len(parts)), found)

    @needs_little
    def test_a_refusal_quotes_what_it_refuses(self):
        refused = unhex(_REFUSED)
        self.assertEqual(first_error(refused, len(refused)), _ENOENT)

    def test_only_what_was_received_is_looked_at(self):
        buf = error(0) + error(_ENOENT)
        for size in range(len(error(0)) + 20):
            self.assertTrue(first_error(buf, size) in (-1, 0), size)
        self.assertEqual(first_error(buf, 19), -1)

    def test_lengths_that_lie_end_it(self):
        for size in (0, 1, 15, 16, 0x7FFFFFFF, 0xFFFFFFFF):
            parts = message(0x0400, bytes(20), size) + error(1)
            self.assertTrue(first_error(parts, len(parts)) in (-1, 1))


class Finding(unittest.TestCase):
    def find(self, data, kind, least=0):
        """Look between others, so that no offset is right by chance."""
        at = find_attribute(b"\xa5\xa5\xa5" + data + number(kind, 9), 3, 3 + len(data), kind, least)
        return at if at < 0 else at - 3

    def test_it_is_found_wherever_it_stands(self):
        data = attribute(1, b"a") + attribute(2 | 0x8000, b"bc") + attribute(3, b"")
        self.assertEqual([self.find(data, kind) for kind in (1, 2, 3, 4, 0)], [0, 8, 16, -1, -1])
        self.assertEqual(attribute_end(data, 8), 14)

    def test_the_first_of_several_counts(self):
        self.assertEqual(self.find(attribute(1, b"a") + attribute(1, b"b"), 1), 0)

    def test_too_short_a_value_is_none(self):
        data = attribute(1, b"ab")
        self.assertEqual([self.find(data, 1, least) for least in (0, 2, 3)], [0, 0, -1])

    def test_sizes_that_lie_end_the_search(self):
        for size in (0, 1, 3):
            self.assertEqual(self.find(attribute(1, b"", size), 1), -1)
            self.assertEqual(self.find(attribute(1, b"", size) + attribute(2, b""), 2), -1)
        for size in (9, 0x7FFF, 0xFFFF):
            self.assertEqual(self.find(attribute(1, b"abcd", size), 1), -1)
            self.assertEqual(self.find(attribute(1, b"abcd", size) + b"", 2), -1)

    def test_what_is_cut_is_not_found(self):
        data = attribute(1, b"abcd") + attribute(2, b"efgh")
        for cut in range(len(data)):
            self.assertEqual(self.find(data[:cut], 1), 0 if cut >= 8 else -1)
            self.assertEqual(self.find(data[:cut], 2), -1)


class Elements(unittest.TestCase):
    def setUp(self):
        self.changes = nft.Changes(Request(1024), "spamgate")

    def test_a_transaction_says_what_changes_in_which_set(self):
        """And does so once more, out of the same buffer."""
        for _ in range(2):
            self.changes.begin()
            self.changes.delete("states", _MAC)
            self.changes.add("states", _MAC, 86400, "quarantined")
            self.changes.add("drained", b"abcd")
            told = changes(bytes(self.changes.end()))
            expected = [
                ("delete", "states", _MAC),
                ("add", "states", _MAC, 86400000, "quarantined"),
                ("add", "drained", b"abcd", 0, ""),
            ]
            self.assertEqual(told, expected)

    def test_the_largest_change_fits_the_buffer_of_the_plane(self):
        key = nft.pack_key(bytes(16), bytes(2), bytes(16))
        self.changes.begin()
        self.changes.delete("guarded_lan", key)
        self.changes.add("guarded_lan", key, 86400, "quarantined")
        self.assertTrue(len(self.changes.end()) <= 1024)

    def test_fields_of_a_key_are_filled_up_to_four(self):
        self.assertEqual(nft.pack_key(_MAC, b"\x0a\0\0\7"), _MAC + b"\0\0\x0a\0\0\7")
        self.assertEqual(nft.pack_key(b"abcd", b"\0\x19", b"efgh"), b"abcd\0\x19\0\0efgh")
        self.assertEqual(nft.pack_key(_MAC), _MAC + b"\0\0")


class Chains(unittest.TestCase):
    def answer(self, handle=0x30201, use=9, name=b"passed_on\0"):
        body = b"\1\0\0\0" + attribute(1, b"spamgate\0") + attribute(3, name)
        body += attribute(2, struct.pack(">Q", handle)) if handle else b""
        return message(0x0A03, body + (number(6, use) if use is not None else b""))

    def mark(self, answer):
        return nft.chain_mark(answer, len(answer))

    def test_the_mark_changes_with_chain_and_rules(self):
        marks = [self.mark(self.answer(*what)) for what in ((1, 9), (2, 9), (1, 8), (1, 10), (257, 9))]
        self.assertEqual(len(set(marks)), 5)
        self.assertTrue(min(marks) >= 0)
        self.assertEqual(self.mark(self.answer(1, 9)), marks[0])

    def test_a_chain_that_is_gone_has_none(self):
        for answer in (b"", error(_ENOENT), self.answer(handle=0), self.answer(use=None)):
            self.assertEqual(self.mark(answer), -1)

    def test_an_answer_cut_anywhere_has_none(self):
        answer = self.answer()
        for cut in range(len(answer)):
            self.assertEqual(self.mark(answer[:cut]), -1)

    def test_questions_name_what_they_ask_for(self):
        request = Request(64)
        ((kind, flags, _, body),) = messages(bytes(nft.ask_chain(request, "spamgate", "passed_on")))
        self.assertEqual((kind, flags, body[0]), (0x0A04, REQUEST, 1))
        self.assertEqual(attributes(body[4:]), {1: b"spamgate\0", 3: b"passed_on\0"})
        ((kind, flags, _, body),) = messages(bytes(nft.ask_flow_tables(request)))
        self.assertEqual((kind, flags, body), (0x0A17, 0x301, bytes(4)))


if __name__ == "__main__":
    unittest.main()
