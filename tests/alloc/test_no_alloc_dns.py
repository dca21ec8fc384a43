"""Reading DNS messages, their records and names takes nothing from the heap."""

import unittest

import micropython

from spamgate.wire.dns import Message

QUERY = b"\x12\x34\x01\0\0\1\0\0\0\0\0\0\3www\7example\2co\2uk\0\0\1\0\1"
ANSWER = (
    b"\xff\xff\x81\x80\0\1\0\2\0\0\0\1\3bbc\2co\2uk\0\0\x0f\0\1"
    b"\xc0\x0c\0\x0f\0\1\xff\xff\xff\xff\0\7\0\x0a\2mx\xc0\x0c"
    b"\xc0\x0c\0\x0f\0\1\xff\xff\xff\xff\0\4\0\x0a\xc0\x29"
    b"\0\0\x29\xff\xff\xff\xff\x80\0\0\0"
)
LOOKUP = b"\x12\x34\x01\0\0\1\0\0\0\0\0\0\0012\0010\0010\003127\3zen\10spamhaus\3org\0\0\1\0\1"


def use(message, data):
    """Call everything the engine calls for one message."""
    message.read(data, 0, len(data))
    message.hash_name(message.qname_at)
    message.domain_hash(message.qname_at)
    message.is_mail_name(message.qname_at)
    message.is_reverse_address(message.qname_at)
    while message.next_record():
        message.hash_name(message.name_at)
        if message.rtype == 15:
            message.hash_name(message.rdata_at + 2)
            message.domain_hash(message.rdata_at + 2)


class NoAllocation(unittest.TestCase):
    def test_reading_does_not_allocate(self):
        message = Message()
        for data in (QUERY, ANSWER, LOOKUP):
            micropython.heap_lock()
            try:
                for _ in range(20):
                    use(message, data)
            finally:
                micropython.heap_unlock()

    def test_the_messages_are_good_ones(self):
        message = Message()
        use(message, ANSWER)
        self.assertEqual((message.section, message.edns, message.rcode), (3, 255, 255 << 4))
        message.read(LOOKUP, 0, len(LOOKUP))
        self.assertTrue(message.is_reverse_address(message.qname_at))


if __name__ == "__main__":
    unittest.main()
