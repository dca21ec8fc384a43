"""Writers of the DNS answers that the gateway makes itself (RFC 1035 4.1, RFC 6891), and what they need of a query.

The question is copied as it was sent, in the asker's case; RD and CD are kept (RFC 1035 4.1.1, RFC 4035 3.2.2).  An OPT
record is put in only where the query had one, and with it at most an Extended DNS Error (RFC 8914).  The longest
answer, to a name of 255 bytes with a text of 64, has 380 bytes: it fits the 512 of plain UDP, so none is ever cut.
"""

from spamgate.core.compat import const
from spamgate.wire.dns import Message

FORMERR = 1
SERVFAIL = 2
NXDOMAIN = 3
NOTIMP = 4

_FORMERR = const(1)
_NOTIMP = const(4)

_HEADER_BYTES = const(12)
_MOST_ROOT = const(266)  # where the root label of a name of 255 bytes lies
_ROOT_TYPE_AND_CLASS_BYTES = const(5)
_MAX_TEXT_BYTES = const(64)
_PLAIN = const(64)  # below it the first byte is a label's size
_OPT_BYTES = const(11)  # root name, type, class, TTL, rdata length

_QR = const(0x80)
_QR_AND_OPCODE = const(0xF8)
_OPCODE = const(0x78)
_OPCODE_AND_RD = const(0x79)
_RD = const(0x01)
_TC = const(0x02)
_RA = const(0x80)
_CD = const(0x10)
_DO = const(0x80)
_RCODE = const(0x0F)

_A = const(1)
_AAAA = const(28)
_OPT = const(41)
_IN = const(1)

_NO_RECORDS = bytes(6)
_ONE_RECORD = b"\0\0\0\0\0\x01"
_NO_COUNTS = bytes(4)  # neither questions nor answers
_COUNTS = b"\0\x01" + _NO_RECORDS
_OPT_BEGINS = b"\0\0\x29"
_NO_RDATA = b"\0\0"
_OPT_HEAD = b"\0\0\x29\x04\xd0\0\0"  # we take 1232 bytes (RFC 9715), version 0
_NXDOMAIN_FLAGS = (b"\x80\x83", b"\x81\x83", b"\x80\x93", b"\x81\x93")  # by RD and CD
_NAME_OF_QUESTION = b"\xc0\x0c"
_TTL = b"\0\0\0\x0a"  # of address zero: an owner who allows a name does not want to wait
_ZERO_V4 = _NAME_OF_QUESTION + b"\0\x01\0\x01" + _TTL + b"\0\x04" + bytes(4)
_ZERO_V6 = _NAME_OF_QUESTION + b"\0\x1c\0\x01" + _TTL + b"\0\x10" + bytes(16)
_EDE = b"\0\x0f"  # OPTION-CODE, RFC 8914 2
_BLOCKED = b"\0\x0f"  # INFO-CODE, RFC 8914 4.16


def question_end(query: bytes) -> int:
    """Return the offset behind the query's one question; 0: it deserves silence; -n: answer it with RCODE n."""
    root = len(query) - _ROOT_TYPE_AND_CLASS_BYTES
    if root < _HEADER_BYTES or query[2] & _QR_AND_OPCODE or query[4] or query[5] != 1:
        return _no_question(query)
    at = _HEADER_BYTES
    label = query[at]
    while label:
        at += label + 1
        if label >= _PLAIN or at > root:
            return -_FORMERR
        label = query[at]
    return at + _ROOT_TYPE_AND_CLASS_BYTES if at <= _MOST_ROOT else -_FORMERR


def _no_question(query: bytes) -> int:
    """Return what a message deserves that is no query with one whole question, as `question_end` does."""
    if len(query) < _HEADER_BYTES or query[2] & _QR:
        return 0
    return -_NOTIMP if query[2] & _OPCODE else -_FORMERR


def opt_class_at(message: Message, query: bytes, end: int) -> int:
    """Return where the class of the query's OPT record lies, which is the UDP size it announces; 0 when it has none.

    `end` is what `question_end` gave.  FormError when the records behind the question are no records.
    """
    if query.startswith(_NO_RECORDS, 6):
        return 0
    if query.startswith(_ONE_RECORD, 6) and query.startswith(_OPT_BEGINS, end) and len(query) == end + _OPT_BYTES:
        if query.endswith(_NO_RDATA):
            return end + 3
    message.read(query, 0, len(query))
    found = 0
    while message.next_record():
        if message.rtype == _OPT:
            found = message.rdata_at - 8
    return found


def is_answer(reply: bytes, query: bytes, end: int) -> bool:
    """Has a message of twelve bytes or more the query's question, or is it an error that repeats none?

    Ids are not looked at.
    """
    if reply[2] & _QR and reply.startswith(query[_HEADER_BYTES:end], _HEADER_BYTES):
        return True
    return is_bare_error(reply)


def is_bare_error(reply: bytes) -> bool:
    """Is a message of twelve bytes or more an error without a question?"""
    return reply[2] & _QR > 0 and reply.startswith(_NO_COUNTS, 4) and reply[3] & _RCODE > 0


def refuse(query: bytes, rcode: int) -> bytes:
    """Return an answer without a question, for a query of twelve bytes or more that cannot be read."""
    return query[:2] + _flags(query, rcode) + bytes(8)


def fail(query: bytes, end: int, rcode: int) -> bytes:
    """Return an answer that says RCODE and nothing else."""
    return query[:2] + _flags(query, rcode) + _COUNTS + query[_HEADER_BYTES:end]


def block(query: bytes, end: int) -> bytes:
    """Return an answer that says that the name does not exist."""
    return query[:2] + _NXDOMAIN_FLAGS[query[2] & _RD | query[3] >> 3 & 2] + _COUNTS + query[_HEADER_BYTES:end]


def block_with_zero(query: bytes, end: int) -> bytes:
    """Return an answer that says that the name's addresses are 0.0.0.0 and ::, and that it has nothing else."""
    answer = fail(query, end, 0)
    if query[end - 1] != _IN or query[end - 2] or query[end - 4]:
        return answer
    if query[end - 3] == _A:
        return answer[:7] + b"\1" + answer[8:] + _ZERO_V4
    if query[end - 3] == _AAAA:
        return answer[:7] + b"\1" + answer[8:] + _ZERO_V6
    return answer


def with_opt(answer: bytes, flags: int, option: bytes) -> bytes:
    """Return the answer with an OPT record that holds an option or none; DO is that of the query's (RFC 3225 3)."""
    return answer[:11] + b"\1" + answer[12:] + _OPT_HEAD + bytes((flags & _DO, 0, 0, len(option))) + option


def blocked_error(text: bytes) -> bytes:
    """Return the Extended DNS Error that says "blocked"; `text` says by what, in up to 64 bytes."""
    text = text[:_MAX_TEXT_BYTES]
    return _EDE + bytes((0, len(text) + 2)) + _BLOCKED + text


def cut(reply: bytes, end: int) -> bytes:
    """Return the reply without its records and with TC: the asker comes back over TCP."""
    return reply[:2] + bytes((reply[2] | _TC, reply[3])) + _COUNTS + reply[_HEADER_BYTES:end]


def _flags(query: bytes, rcode: int) -> bytes:
    return bytes((_QR | query[2] & _OPCODE_AND_RD, _RA | query[3] & _CD | rcode))
