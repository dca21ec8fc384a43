"""Netlink, random and damaged: FormError at the most, an end to every search, and nothing beyond what was received."""

import struct

from fakes.netlink import attribute, error, log_message, logged, message, number
from fuzz.test_fuzz_packet import DATAGRAMS, NOISE, check_packet, damaged
from hypothesis import given
from hypothesis import strategies as st

from spamgate.plane.linux_log import PacketLog
from spamgate.wire import conntrack, nft
from spamgate.wire.cursor import FormError
from spamgate.wire.netlink import attribute_end, find_attribute, first_error
from spamgate.wire.packet import Packet
from spamgate.wire.rtnetlink import read_addresses

NFLOG = 239
MAC = b"\2\0\0\0\0\7"
ROOM = bytes(64)  # of the buffer, behind what was received

# --- logged packets -------------------------------------------------------------------------------

MACS = st.sampled_from((None, MAC, b"abcd", b"abcdefgh"))
BEFORE = st.lists(
    st.sampled_from((attribute(3, bytes(16)), number(2, 7), number(11, 0) + number(14, 0), attribute(19, bytes(8)))),
    max_size=3,
).map(b"".join)
LOGGED = st.builds(
    lambda packet, mac, sequence, ports, before: logged(packet, mac, sequence, *ports, before=before),
    st.sampled_from(DATAGRAMS),
    MACS,
    st.none() | st.integers(0, 0xFFFFFF),
    st.sampled_from(((2, 3), (2, 0), (0, 3))),
    BEFORE,
)
FRAMES = st.lists(st.binary(max_size=120) | LOGGED | damaged(LOGGED), max_size=5)


def outcome(packet, frame, noise=NOISE):
    """Return all that reading told, the same wherever the frame lies."""
    lent = noise + frame + noise
    start, end = len(noise), len(noise) + len(frame)
    try:
        protocol = packet.read(NFLOG, lent, start, end)
    except FormError:
        return None
    check_packet(packet, protocol, start, end)
    mac = lent[packet.mac_at : packet.mac_at + 6] if packet.mac_at >= 0 else None
    payload = packet.data[packet.payload_at : packet.payload_end] if protocol else None
    return protocol, packet.version, mac, payload, packet.missing


@given(FRAMES)
def test_logged_packets_keep_inside_their_frames(frames):
    packet = Packet()
    for frame in frames:
        outcome(packet, frame)


@given(st.lists(LOGGED | damaged(LOGGED), max_size=3), LOGGED)
def test_a_packet_is_read_the_same_after_any_others(others, frame):
    after = Packet()
    for other in others:
        outcome(after, other)
    told, alone = outcome(after, frame), outcome(Packet(), frame)
    assert told[1:3] == alone[1:3]  # a fragment may complete another


@given(damaged(LOGGED))
def test_what_lies_around_a_logged_packet_does_not_matter(frame):
    assert outcome(Packet(), frame, bytes(40)) == outcome(Packet(), frame, b"\xff" * 40)


# --- the log: many in one buffer, cut and among others ------------------------------------------------


class Log(PacketLog):
    """A log that reads what a test lays into its buffer."""

    def __init__(self) -> None:
        self.buf = bytearray(600)
        self.sock = self
        self.reads = self.packets = self.cut = self.lost = 0
        self._expected = -1
        self.seen: list[tuple[int, int]] = []
        self.waiting = b""

    def readinto(self, buf):
        size = min(len(self.waiting), len(buf))
        buf[:size] = self.waiting[:size]
        return size

    def frame(self, link_type, buf, start, end):
        assert link_type == NFLOG
        self.seen.append((start, end))

    listed = frame


MESSAGES = st.lists(
    st.builds(lambda number: log_message(DATAGRAMS[0], MAC, number), st.integers(0, 0xFFFFFF))
    | st.builds(lambda number: log_message(DATAGRAMS[0], MAC, number, prefix=b"L"), st.integers(0, 0xFFFFFF))
    | st.builds(error, st.integers(0, 133))
    | st.builds(message, st.sampled_from((3, 20, 0x0400)), st.binary(max_size=40), st.none() | st.integers(0, 99)),
    max_size=5,
).map(b"".join)


@given(st.lists(st.binary(max_size=900) | MESSAGES | damaged(MESSAGES), max_size=3))
def test_a_log_ends_with_what_was_read(reads):
    log = Log()
    for waiting in reads:
        log.waiting = waiting
        size = min(len(waiting), len(log.buf))
        log.seen.clear()
        assert log.read(log) == len(log.seen)
        for start, end in log.seen:
            assert 16 <= start <= end <= size
        assert log.seen == sorted(log.seen)
        assert 0 <= log.lost


# --- attributes and answers ----------------------------------------------------------------------


@st.composite
def attributes_of(draw, depth=2):
    """Attributes, some of which hold others, and whose sizes sometimes lie."""
    parts = []
    for _ in range(draw(st.integers(0, 4))):
        inside = draw(attributes_of(depth - 1) if depth and draw(st.booleans()) else st.binary(max_size=17))
        lie = draw(st.none() | st.none() | st.integers(0, 40))
        parts.append(attribute(draw(st.integers(0, 5)), inside, lie))
    return b"".join(parts)


TUPLES = st.builds(
    lambda addresses, ports: attribute(1, attribute(1, addresses) + attribute(2, ports)),
    st.sampled_from((attribute(1, b"abcd") + attribute(2, b"efgh"), attribute(3, bytes(16)) + attribute(4, bytes(16)))),
    st.just(attribute(1, b"\6") + attribute(2, b"\0\1") + attribute(3, b"\0\2")),
)
ANSWERS = st.builds(lambda one, other: message(0x0100, bytes(4) + one + b"\x34\0\2\0" + other[4:]), TUPLES, TUPLES)
NESTED = attributes_of().map(lambda data: message(0x0100, bytes(4) + data))
ADDRESSES = st.lists(
    st.builds(
        lambda kind, bits, data: message(kind, struct.pack("@BBBBI", 2, bits, 0, 0, 2) + data),
        st.sampled_from((20, 20, 3, 2)),
        st.integers(0, 255),
        attributes_of(1) | st.just(attribute(1, b"abcd")),
    ),
    max_size=5,
).map(b"".join)
REPLIES = st.binary(max_size=200) | NESTED | ANSWERS | damaged(ANSWERS) | ADDRESSES | damaged(ADDRESSES)


@given(st.binary(max_size=100) | attributes_of(), st.integers(0, 5), st.integers(0, 20), st.data())
def test_an_attribute_that_is_found_lies_inside(data, kind, least, draw):
    start = draw.draw(st.integers(0, len(data)))
    end = draw.draw(st.integers(0, len(data)))
    at = find_attribute(data, start, end, kind, least)
    if at >= 0:
        assert start <= at and at + 4 + least <= attribute_end(data, at) <= end


@given(REPLIES)
def test_connections_are_read_or_refused(data):
    try:
        both = conntrack.read(data + ROOM, len(data))
    except FormError:
        return
    for one in both:
        assert len(one.source) == len(one.target) and len(one.source) in (4, 16)
        assert 0 <= one.source_port < 65536 and 0 <= one.target_port < 65536


@given(REPLIES, st.binary(max_size=30))
def test_answers_do_not_depend_on_what_lies_behind_them(data, behind):
    def read(buf):
        found = []
        is_last = read_addresses(buf, len(data), found)
        told = [(one.interface, one.address, one.prefix_bits, one.is_tentative) for one in found]
        return told, is_last, first_error(buf, len(data)), nft.chain_mark(buf, len(data))

    told = read(data)
    assert told == read(data + behind)
    assert all(len(address) in (4, 16) for _, address, _, _ in told[0])
    assert told[2] >= -1
