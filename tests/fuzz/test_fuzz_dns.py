"""DNS messages out of thin air, and real ones with bytes changed: FormError or what dnspython says, soon."""

import dns.exception
import dns.message
import dns.rdata
from hypothesis import example, given
from hypothesis import strategies as st

from spamgate.wire.cursor import FormError
from spamgate.wire.dns import Message
from spamgate.wire.dns_strict import read_all, read_questions
from spamgate_tools.decode_dns import decode_lines

# Else one record of class ANY makes dnspython forget the form of a type it has not met before.
dns.rdata.load_all_types()

QUERY = bytes.fromhex("1234010000010000000000000b6578616d706c652d6f6e65036f726700000f0001")
ANSWER = bytes.fromhex(
    "1234818000010002000100010b6578616d706c652d6f6e65036f726700000f0001"
    "c00c000f00010000003c0008000a036d7831c00cc00c000f00010000003c00090014046d783031c02f"
    "c00c00020001000000e10006036e7331c0180000291000000080000000"
)
TEXTS = bytes.fromhex("abcd8400000100010000000003777777016100001000010100001000010000000000060568656c6c6f")
UPDATE = bytes.fromhex(
    "0001280000010001000100000161026e6c0000060001c00c000100ff000000000000c00c000100010000000000047f000001"
)
REAL = [QUERY, ANSWER, TEXTS, UPDATE]

# A change puts a byte or a pointer somewhere, cuts the end off, or makes room for one byte more.
CHANGES = st.lists(
    st.tuples(st.sampled_from(["put", "point", "cut", "insert"]), st.integers(0, 200), st.integers(0, 255)),
    max_size=4,
)


def changed(data: bytes, changes: list[tuple[str, int, int]]) -> bytes:
    wire = bytearray(data)
    for how, at, byte in changes:
        at %= len(wire) + 1
        if how == "put":
            wire[at : at + 1] = bytes([byte])
        elif how == "point":
            wire[at : at + 2] = bytes([0xC0, byte])
        elif how == "insert":
            wire[at:at] = bytes([byte])
        elif at >= 12:
            del wire[at:]
    return bytes(wire)


MESSAGES = st.builds(changed, st.sampled_from(REAL), CHANGES)


def dnspython_question(wire: bytes) -> tuple[str | None, int | None] | None:
    """Return name and type of the first question as dnspython reads them, or None."""
    try:
        message = dns.message.from_wire(wire, question_only=True, ignore_trailing=True)
    except dns.exception.DNSException:
        return None
    if not message.question:
        return None, None
    return message.question[0].name.to_text(), int(message.question[0].rdtype)


def our_question(wire: bytes) -> tuple[str | None, int | None] | None:
    message = Message()
    try:
        read_questions(message, wire, 0, len(wire))
    except FormError:
        return None
    if message.qname_at < 0:
        return None, None
    return message.name_text(message.qname_at), message.qtype


@given(MESSAGES)
@example(QUERY)
@example(ANSWER)
@example(UPDATE)
def test_the_question_is_dnspythons(wire: bytes) -> None:
    assert our_question(wire) == dnspython_question(wire)


@given(MESSAGES)
@example(ANSWER)
def test_the_whole_message_is_dnspythons(wire: bytes) -> None:
    """With the types of REAL nothing is left out, so both accept or both refuse."""
    message = Message()
    try:
        read_all(message, wire, 0, len(wire))
        ours = (message.rcode, message.edns)
    except FormError:
        ours = None
    assert ours == dnspython_rcode(wire) or uses_other_types(wire)


def dnspython_rcode(wire: bytes) -> tuple[int, int] | None:
    try:
        message = dns.message.from_wire(wire, ignore_trailing=True)
    except dns.exception.DNSException:
        return None
    return int(message.rcode()), message.edns


def uses_other_types(wire: bytes) -> bool:
    """A changed type or EDNS option may be one whose values we leave unchecked."""
    known = {1, 2, 6, 15, 16}
    message = Message()
    message.read(wire, 0, len(wire))
    try:
        while message.next_record():
            odd_options = message.rtype == 41 and message.rdata_end > message.rdata_at
            if odd_options or message.rtype not in known | {41}:
                return True
    except FormError:
        pass
    return False


def walk(wire: bytes) -> None:
    """Do what the engine does with a message, and whatever else may be asked of names."""
    message = Message()
    message.read(wire, 0, len(wire))
    if message.qname_at >= 0:
        read_name(message, message.qname_at)
    while message.next_record():
        assert message.rdata_at <= message.rdata_end <= len(wire)
        for at in (message.name_at, message.rdata_at, message.rdata_at + 2):
            try:
                read_name(message, at)
            except FormError:
                pass


def read_name(message: Message, at: int) -> None:
    text = message.name_text(at)
    assert text.endswith(".")
    assert 0 <= message.hash_name(at) < 2**30
    assert 0 <= message.domain_hash(at) < 2**30
    message.is_mail_name(at)
    message.is_reverse_address(at)


@given(st.one_of(MESSAGES, st.binary(max_size=600), st.binary(max_size=400).map(lambda rest: QUERY[:12] + rest)))
@example(QUERY[:12] + b"\xc0\x0c\0\1\0\1")
@example(QUERY[:4] + b"\xff\xff" * 4 + b"\0\0\1\0\1" * 600)
@example(QUERY[:12] + b"\1a" * 300)
def test_only_form_errors_and_no_end_without_answer(wire: bytes) -> None:
    try:
        walk(wire)
    except FormError:
        pass


@given(st.lists(st.one_of(st.text(max_size=60), MESSAGES.map(bytes.hex), st.binary(max_size=60).map(bytes.hex))))
def test_decode_says_something_of_every_line(lines: list[str]) -> None:
    decoded = list(decode_lines(lines))
    assert len(decoded) == len(lines)
    for one in decoded:
        assert list(one) in (
            ["error"],
            ["qname", "qtype", "qclass", "qr", "opcode", "rcode", "answers", "edns"],
        )
