"""Random lines, replies, addresses and DNS streams: no reader crashes, reads beyond its bytes or depends on pieces."""

import ipaddress

from hypothesis import given
from hypothesis import strategies as st

from spamgate.core.dialogue import BAD_NAME, HOST_NAME, LITERAL
from spamgate.core.meanings import OTHER, TEMPORARY, UNKNOWN_RECIPIENT
from spamgate.wire.address import AddressError, Scope, address_text, parse_address, parse_network
from spamgate.wire.dns import Message
from spamgate.wire.dns_stream import DnsStreams
from spamgate.wire.envelope import Envelope, text_domain_hash
from spamgate.wire.rejections import Rejections

meaning = Rejections().meaning

MARKS = [bytes([byte]) for byte in b"<>@: .[]"]
WORDS = [*MARKS, b"5.1.1", b"5.7.", b"RCPT TO:", b"user unknown", b"blocked", b"a.example"]
TEXT = st.binary(max_size=60) | st.lists(st.sampled_from(WORDS) | st.binary(max_size=4), max_size=10).map(b"".join)
LABELS = st.text("abcCoUukmMx0-", min_size=1, max_size=6)
BODIES = st.lists(st.binary(max_size=40) | st.binary(min_size=480, max_size=700), max_size=6)
KEPT = 510


@given(TEXT, st.binary(max_size=8), st.binary(max_size=8))
def test_envelopes_depend_on_the_line_alone(line, before, after):
    alone, inside = Envelope(), Envelope()
    for read in (Envelope.read_helo, Envelope.read_address):
        read(alone, line, 0, len(line))
        read(inside, bytearray(before + line + after), len(before), len(before) + len(line))
        assert (alone.name_hash, alone.domain_hash) == (inside.name_hash, inside.domain_hash)
        assert 0 <= alone.name_hash < 1 << 30 and 0 <= alone.domain_hash < 1 << 30
    assert alone.form == inside.form
    assert alone.form in (HOST_NAME, LITERAL, BAD_NAME)


@given(TEXT, st.integers(400, 599), st.integers(-1, 15), st.binary(max_size=8), st.binary(max_size=8))
def test_rejections_depend_on_the_reply_alone(text, code, verb, before, after):
    found = meaning(code, verb, text, 0, len(text))
    assert found == meaning(code, verb, before + text + after, len(before), len(before) + len(text))
    assert UNKNOWN_RECIPIENT <= found <= OTHER
    assert (found == TEMPORARY) == (code < 500)


@given(st.lists(LABELS, min_size=1, max_size=6))
def test_a_name_has_the_same_domain_in_smtp_and_dns(labels):
    wire = b"\0\0\0\0\0\1" + bytes(6)
    wire += b"".join(bytes([len(label)]) + label.encode() for label in labels) + b"\0\0\1\0\1"
    message = Message()
    message.read(wire, 0, len(wire))
    for dot in ("", "."):
        text = (".".join(labels) + dot).encode()
        assert text_domain_hash(text, 0, len(text)) == message.domain_hash(message.qname_at)


@given(st.text("0123456789abcdfF:./%+_ -²", max_size=24) | st.ip_addresses().map(str))
def test_addresses_are_read_as_python_reads_them(text):
    try:
        theirs = ipaddress.ip_address(text)
        assert "%" in text or parse_address(text) == theirs.packed
    except ValueError:
        try:
            ours = parse_address(text)
        except AddressError:
            return
        assert any(len(part) > 1 and part[0] == "0" for part in text.replace(":", ".").split("."))
        assert parse_address(address_text(ours)) == ours


@given(st.ip_addresses(), st.integers(0, 128), st.ip_addresses())
def test_networks_contain_what_python_says(network, bits, address):
    bits = min(bits, network.max_prefixlen)
    text = f"{network}/{bits}"
    assert parse_network(text) == (network.packed, bits)
    expected = address in ipaddress.ip_network(text, strict=False)
    packed = address.packed
    assert Scope([text]).contains(b"x" + packed + b"y", 1, len(packed)) == expected
    assert Scope([text]).contains(network.packed, 0, len(network.packed))


def _read(streams: DnsStreams, slot: int, data: bytes) -> list[bytes]:
    streams.feed(slot, 0, b"#" + data + b"#", 1, 1 + len(data))
    found = []
    while streams.next_message():
        found.append(bytes(streams.buf[streams.at : streams.end]))
    return found


def _framed(bodies: list[bytes]) -> bytes:
    return b"".join(len(body).to_bytes(2, "big") + body for body in bodies)


@given(BODIES)
def test_dns_over_tcp_byte_by_byte_is_as_whole(bodies):
    data = _framed(bodies)
    streams = DnsStreams()
    assert _read(DnsStreams(), 1, data) == bodies
    pieces = [message for byte in data for message in _read(streams, 1, bytes([byte]))]
    assert pieces == [body[:KEPT] for body in bodies]


@given(BODIES, BODIES, st.lists(st.tuples(st.integers(0, 1), st.integers(1, 900)), max_size=60))
def test_two_streams_in_any_pieces_give_their_own_messages(one, other, steps):
    streams = DnsStreams()
    left = [_framed(one), _framed(other)]
    found: list[list[bytes]] = [[], []]
    for slot, size in [*steps, (0, 100_000), (1, 100_000)]:
        found[slot] += _read(streams, slot, left[slot][:size])
        left[slot] = left[slot][size:]
    for slot, bodies in enumerate((one, other)):
        assert len(found[slot]) == len(bodies)
        assert all(got in (body, body[:KEPT]) for got, body in zip(found[slot], bodies, strict=True))


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans(), st.binary(max_size=700)), max_size=30))
def test_any_bytes_of_many_streams_end_and_stay_in_bounds(pieces):
    streams = DnsStreams()
    for slot, ends, data in pieces:
        for message in _read(streams, slot, data):
            assert len(message) <= max(KEPT, len(data))
        if ends:
            streams.forget(slot)
            assert _read(streams, slot, b"\0\3new") == [b"new"]
