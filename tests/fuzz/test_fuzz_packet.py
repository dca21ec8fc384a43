"""Captures, frames and DHCP from random bytes and from damaged real-shaped ones.

Only FormError may come out, every offset lies inside the buffer it is said to be in, and a file
fed in pieces gives what it gives as a whole.
"""

import struct

from hypothesis import given
from hypothesis import strategies as st

from spamgate.wire.capture import open_capture
from spamgate.wire.cursor import FormError
from spamgate.wire.dhcp import DhcpMessage
from spamgate.wire.packet import TCP, UDP, Packet

LINK_TYPES = (0, 1, 12, 14, 101, 108, 113, 228, 229, 276)
NOISE = b"\xa5" * 3  # around what is read, so that no offset is right by chance

# --- frames that resemble real ones ------------------------------------------------------------


def ipv4(protocol, body, fragment=0, ident=1):
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(body), ident, fragment, 64, protocol, 0)
    return head + b"\x0a\x00\x00\x01" + b"\xc0\x00\x02\x19" + body


def ipv6(protocol, body):
    return struct.pack(">BBHHBB", 0x60, 0, 0, len(body), protocol, 64) + bytes(range(32)) + body


def fragment6(word, body):
    return ipv6(44, struct.pack(">BBHI", 17, 0, word, 7) + body)


SEGMENT = struct.pack(">HHIIBBHHH", 51000, 25, 7, 8, 0x70, 0x18, 0, 0, 0) + bytes(8) + b"MAIL FROM:<>\r\n"
MESSAGE = struct.pack(">HHHH", 51000, 53, 40, 0) + bytes(range(32))
CHAIN = b"\x2b\x00" + bytes(6) + b"\x3c\x01" + bytes(14) + b"\x33\x00" + bytes(6) + b"\x06\x04" + bytes(22)
DATAGRAMS = (
    ipv4(6, SEGMENT),
    ipv4(17, MESSAGE),
    ipv4(1, b"\x03\x01" + bytes(6) + ipv4(6, SEGMENT)),
    ipv4(17, MESSAGE[:16], 0x2000),
    ipv4(17, MESSAGE[16:32], 0x2002),
    ipv4(17, MESSAGE[32:], 4),
    ipv6(6, SEGMENT),
    ipv6(17, MESSAGE),
    ipv6(0, CHAIN + SEGMENT),
    fragment6(1, MESSAGE[:24]),
    fragment6(24, MESSAGE[24:]),
)


def framed(link_type, datagram):
    """Put a datagram behind a header of the link type."""
    six = datagram[0] >> 4 == 6
    kind = b"\x86\xdd" if six else b"\x08\x00"
    if link_type == 1:
        return bytes(range(12)) + b"\x81\x00\x00\x05" + kind + datagram
    if link_type == 113:
        return b"\x00\x00\x00\x01\x00\x06" + bytes(8) + kind + datagram
    if link_type == 276:
        return kind + bytes(6) + b"\x00\x01\x00\x06" + bytes(8) + datagram
    if link_type in (0, 108):
        return bytes([0, 0, 0, 30 if six else 2]) + datagram
    return datagram


@st.composite
def damaged(draw, wholes):
    """One of `wholes` with some bytes changed, some inserted or taken, perhaps cut short."""
    data = bytearray(draw(wholes))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(data)))
        change = draw(st.sampled_from(("set", "insert", "delete")))
        if change == "set" and at < len(data):
            data[at] = draw(st.integers(0, 255))
        elif change == "insert":
            data[at:at] = draw(st.binary(max_size=9))
        elif change == "delete":
            del data[at : at + draw(st.integers(1, 9))]
    return bytes(data[: draw(st.integers(0, len(data)))]) if draw(st.booleans()) else bytes(data)


FRAMES = st.sampled_from(LINK_TYPES).flatmap(
    lambda link_type: st.tuples(
        st.just(link_type),
        st.one_of(
            st.binary(max_size=120),
            damaged(st.sampled_from(DATAGRAMS).map(lambda datagram: framed(link_type, datagram))),
        ),
    )
)


def check_packet(packet, protocol, start, end):
    """All that `read` has set lies where it should."""
    assert protocol in (0, TCP, UDP)
    assert packet.version in (0, 4, 6)
    assert packet.missing >= 0
    for mac_at in (packet.mac_at, packet.to_mac_at):
        assert mac_at == -1 or start <= mac_at <= end - 6
    if packet.version:
        assert packet.address_bytes == (4 if packet.version == 4 else 16)
        for address_at in (packet.src_at, packet.dst_at):
            assert start <= address_at <= end - packet.address_bytes
    if protocol:
        low, high = (start, end) if packet.data is packet.buf else (0, len(packet.data))
        assert low <= packet.payload_at <= packet.payload_end <= high
        assert max(packet.seq, packet.ack) < 1 << 28


@given(st.lists(FRAMES, max_size=12))
def test_packets_keep_inside_their_frames(frames):
    packet = Packet()
    for link_type, frame in frames:
        lent = NOISE + frame + NOISE
        start, end = len(NOISE), len(NOISE) + len(frame)
        try:
            protocol = packet.read(link_type, lent, start, end)
        except FormError:
            continue
        check_packet(packet, protocol, start, end)


@given(FRAMES)
def test_what_lies_around_a_frame_does_not_matter(link_and_frame):
    link_type, frame = link_and_frame
    results = []
    for noise in (b"\x00" * 40, b"\xff" * 40):
        lent = noise + frame + noise
        packet = Packet()
        try:
            results.append((packet.read(link_type, lent, 40, 40 + len(frame)), packet.version))
            if results[-1][0]:
                payload = packet.data[packet.payload_at : packet.payload_end]
                results[-1] += (
                    payload,
                    packet.src_port,
                    packet.dst_port,
                    packet.seq,
                    packet.ack,
                    packet.flags,
                )
        except FormError as error:
            results.append(str(error))
    assert results[0] == results[1]


# --- reassembly --------------------------------------------------------------------------------


@given(st.data(), st.integers(57, 300), st.sampled_from((8, 16, 24, 64)), st.booleans())
def test_fragments_in_any_order_and_number_give_the_datagram(data, size, step, six):
    text = bytes(at * 7 & 255 for at in range(size))
    body = struct.pack(">HHHH", 51000, 53, 8 + size, 0) + text
    pieces = []
    for at in range(0, len(body), step):
        more = at + step < len(body)
        piece = body[at : at + step]
        pieces.append(fragment6(at | more, piece) if six else ipv4(17, piece, more << 13 | at >> 3))
    order = data.draw(st.permutations(pieces + data.draw(st.lists(st.sampled_from(pieces), max_size=5))))
    packet = Packet()
    whole = []
    for piece in order:
        if packet.read(101, piece, 0, len(piece)):
            whole.append(bytes(packet.data[packet.payload_at : packet.payload_end]))
    assert whole == [text]


# --- capture files -----------------------------------------------------------------------------


def block(order, kind, body):
    body += bytes(-len(body) % 4)
    size = struct.pack(order + "I", len(body) + 12)
    return struct.pack(order + "I", kind) + size + body + size


def pcapng_section(order):
    data = block(order, 0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1))
    for unit in (6, 9, 0x94):
        options = struct.pack(order + "HHBxxx", 9, 1, unit) + struct.pack(order + "HHq", 14, 8, -7)
        data += block(order, 1, struct.pack(order + "HHI", 1, 0, 0) + options)
    data += block(order, 5, bytes(12))
    for number in range(3):
        head = struct.pack(order + "IIIII", number, 0x4951B, 0x12345678, 21, 99)
        data += block(order, 6, head + bytes(range(21)))
    data += block(order, 3, struct.pack(order + "I", 17) + bytes(17))
    return data + block(order, 2, struct.pack(order + "HHIIII", 1, 0, 0x4951B, 9, 5, 5) + b"frame")


def pcap_file(order, magic):
    data = struct.pack(order + "IHHIIII", magic, 2, 4, 0, 0, 65535, 1)
    for size in (21, 0, 60):
        data += struct.pack(order + "IIII", 1290000000, 999999, size, 1514) + bytes(range(size))
    return data


FILES = (
    [pcap_file(order, magic) for order in "<>" for magic in (0xA1B2C3D4, 0xA1B23C4D)]
    + [pcapng_section(order) for order in "<>"]
    + [pcapng_section("<") + pcapng_section(">")]
)
CAPTURES = st.one_of(st.binary(max_size=120), damaged(st.sampled_from(FILES)), st.sampled_from(FILES))


def packets_of(data, window):
    """Read a capture as a program with a buffer of `window` bytes does: move on, fill, read."""
    found = []
    try:
        reader = open_capture(data, 0, len(data))
        at = 0
        while at < len(data):
            end = min(len(data), at + window)
            size = reader.next(data, at, end)
            if not size:
                assert reader.wanted > end - at
                if reader.wanted > window:
                    size = reader.next_cut(data, at, end)
                if not size:
                    return [*found, "cut"]
            assert 0 < size <= end - at
            if reader.packet:
                assert at <= reader.packet_at <= reader.packet_end <= at + size
                assert 0 <= reader.micros < 1000000
                assert -(1 << 30) <= reader.seconds < 3 << 30
                assert 0 <= reader.wire_bytes < 1 << 24
                frame = data[reader.packet_at : reader.packet_end]
                found.append((reader.link_type, reader.seconds, reader.micros, frame, reader.wire_bytes))
            at += size + reader.to_skip
    except FormError as error:
        found.append(str(error))
    return found


@given(CAPTURES)
def test_captures_are_read_or_refused(data):
    packets_of(data, len(data) + 1)


@given(CAPTURES, st.integers(28, 80))
def test_a_small_window_gives_the_same_packets_cut(data, window):
    """Not the same times: the options of an interface may have been cut too."""
    whole = packets_of(data, len(data) + 1)
    pieces = packets_of(data, window)
    for one, piece in zip(whole, pieces, strict=False):
        if isinstance(one, tuple) and isinstance(piece, tuple):
            assert one[0] == piece[0]
            assert one[3].startswith(piece[3])


@given(st.sampled_from(FILES), st.integers(40, 400))  # 40: an interface block
def test_a_sound_file_gives_all_its_packets_through_any_window(data, window):
    whole = packets_of(data, len(data))
    pieces = packets_of(data, window)
    assert len(whole) == len(pieces)
    for one, piece in zip(whole, pieces, strict=True):
        assert one[:3] == piece[:3]
        assert one[3][: len(piece[3])] == piece[3]
        assert len(piece[3]) >= min(len(one[3]), window - 28)


# --- DHCP --------------------------------------------------------------------------------------

REQUEST = (
    b"\x01\x01\x06\x00"
    + bytes(24)
    + bytes(range(6))
    + bytes(202)
    + b"\x63\x82\x53\x63\x35\x01\x03\x32\x04\x0a\x00\x00\x07\x0c\x06camera\xff"
)


@given(st.one_of(st.binary(max_size=300), damaged(st.just(REQUEST))))
def test_dhcp_keeps_inside_its_message(data):
    lent = NOISE + data + NOISE
    start, end = len(NOISE), len(NOISE) + len(data)
    dhcp = DhcpMessage()
    try:
        dhcp.read(lent, start, end)
    except FormError:
        return
    assert dhcp.client_mac_at == -1 or start <= dhcp.client_mac_at <= end - 6
    assert dhcp.requested_at == 0 or start <= dhcp.requested_at <= end - 4
    assert (dhcp.name_at, dhcp.name_end) == (0, 0) or start < dhcp.name_at < dhcp.name_end <= end
