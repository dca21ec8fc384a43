"""Every record and every packet of the real captures, against dpkt, an independent reader."""

from collections import Counter
from functools import lru_cache

import dpkt
import pytest
from shared_data import NOT_THERE, shared_data

from spamgate.core.compat import LATER_S
from spamgate.wire.capture import open_capture
from spamgate.wire.cursor import FormError
from spamgate.wire.packet import TCP, Packet

# --- where we differ, and why ------------------------------------------------------------------

# File: after how many packets it is damaged (the next length is 3.9 GB; tshark stops there too).
DAMAGED = {"pcap_smtp/suricata/smtp-to-comma__10.7.29.101_49898-178.63.41.150_25.pcap": 18}

# File: packets to which dpkt gives a time of its own: it reads all packets of a pcapng with the clock
# of the first interface.  capinfos counts as many on interfaces whose unit is another one.
OTHER_CLOCKS = {"pcap_benign/nDPI/viber.pcap": 15, "pcap_dns/nDPI/dns-google-nsid.pcapng": 12}

# File: what we say of packets in which dpkt sees TCP or UDP, and how often.  This capture was damaged
# on purpose (by Wireshark's fuzzing).  dpkt does not look at these fields; a receiver drops the packet:
# UDP length: more than the IP datagram holds (tshark: "bogus, payload length"); RFC 768.
# IPv4 header: the version is not 4; RFC 1122, 3.2.1.1.
EXCEPTIONS = {"pcap_dns/nDPI/fuzz-2006-06-26-2594.pcap": {"UDP length": 25, "IPv4 header": 3}}

_RAW_LINKS = (12, 14, 101, 228, 229)
_LINKS = {1: dpkt.ethernet.Ethernet, 113: dpkt.sll.SLL, 276: dpkt.sll2.SLL2, 0: dpkt.loopback.Loopback}


def captures():
    """Return the captures' names below the shared folder."""
    folder = shared_data()
    if folder is None:
        return [pytest.param("", marks=pytest.mark.skip(reason=NOT_THERE))]
    found = (path for path in folder.rglob("*") if path.suffix in (".pcap", ".pcapng"))
    return sorted(str(path.relative_to(folder)) for path in found)


# --- what we read ------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def our_records(name):
    """Return [(link type, seconds, micros, frame)] and whether the file turned out damaged."""
    data = (shared_data() / name).read_bytes()
    reader = open_capture(data, 0, len(data))
    records = []
    at = 0
    while at < len(data):
        try:
            size = reader.next(data, at, len(data))
        except FormError:
            return records, True
        assert size > 0, "cut short"
        at += size
        if reader.packet:
            frame = data[reader.packet_at : reader.packet_end]
            records.append((reader.link_type, reader.seconds + LATER_S, reader.micros, frame))
    return records, False


def our_view(packet, link_type, frame):
    """Return what our reader makes of a frame, or the text of its refusal."""
    try:
        protocol = packet.read(link_type, frame, 0, len(frame))
    except FormError as error:
        return str(error)
    if not protocol:
        return None
    size = packet.address_bytes
    addresses = frame[packet.src_at : packet.src_at + size], frame[packet.dst_at : packet.dst_at + size]
    payload = bytes(packet.data[packet.payload_at : packet.payload_end])
    view = (*addresses, protocol, packet.src_port, packet.dst_port, payload)
    return (*view, packet.seq, packet.ack, packet.flags) if protocol == TCP else view


# --- what dpkt reads ---------------------------------------------------------------------------


def dpkt_view(whole, link_type, frame):
    """Return the same of dpkt; `whole` collects the fragments, which it leaves alone."""
    try:
        if link_type in _RAW_LINKS:
            ip = dpkt.ip.IP(frame) if frame[0] >> 4 == 4 else dpkt.ip6.IP6(frame)
        else:
            ip = _LINKS[link_type](frame).data
        if not isinstance(ip, dpkt.ip.IP | dpkt.ip6.IP6):
            return None
        return transport_view(ip, whole.add(ip))
    except (dpkt.UnpackError, IndexError):
        return None


def transport_view(ip, body):
    if isinstance(body, bytes):
        protocols = {6: dpkt.tcp.TCP, 17: dpkt.udp.UDP}
        body = protocols[ip.p](body) if body and ip.p in protocols else None
    if isinstance(body, dpkt.tcp.TCP):
        view = (ip.src, ip.dst, 6, body.sport, body.dport, bytes(body.data))
        return (*view, body.seq & 0xFFFFFFF, body.ack & 0xFFFFFFF, body.flags & 0xFF)
    if isinstance(body, dpkt.udp.UDP):
        payload = bytes(body.data)[: body.ulen - 8] if body.ulen else bytes(body.data)
        return (ip.src, ip.dst, 17, body.sport, body.dport, payload)
    return None


class Whole:
    """Plain reassembly: enough for captures in which nobody plays tricks."""

    def __init__(self):
        self.parts = {}

    def add(self, ip):
        """Return the body of the datagram, or None while fragments are missing."""
        if isinstance(ip, dpkt.ip6.IP6):
            header = ip.extension_hdrs.get(44)
            if header is None:
                return ip.data
            key = (ip.src, ip.dst, header.id)
            offset, more = header.frag_off * 8, header.m_flag
        else:
            key = (ip.src, ip.dst, ip.id, ip.p)
            offset, more = ip.offset * 8, ip.mf
            if not offset and not more:
                return ip.data
        parts = self.parts.setdefault(key, {})
        parts[offset] = (bytes(ip.data), more)
        return self.join(key)

    def join(self, key):
        body = b""
        while len(body) in self.parts[key]:
            part, more = self.parts[key][len(body)]
            body += part
            if not more:
                del self.parts[key]
                return body
            if not part:
                break
        return None


# --- the tests ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", captures())
def test_records_are_those_of_dpkt(name):
    ours, damaged = our_records(name)
    assert damaged == (name in DAMAGED)
    with (shared_data() / name).open("rb") as file:
        reader = dpkt.pcap.UniversalReader(file)
        theirs = reader.readpkts() if not damaged else [next(reader) for _ in ours]
        link_type = reader.datalink()
    if damaged:
        assert len(ours) == DAMAGED[name]
    assert [record[3] for record in ours] == [frame for _, frame in theirs]
    assert {record[0] for record in ours} == {link_type}
    # dpkt's times are floats; ours are cut to microseconds, not rounded
    times = [
        (record[1] + record[2] / 1e6, float(time)) for record, (time, _) in zip(ours, theirs, strict=True)
    ]
    others = sum(abs(our_time - their_time) > 1.5e-6 for our_time, their_time in times)
    assert others == OTHER_CLOCKS.get(name, 0)


@pytest.mark.parametrize("name", captures())
def test_packets_are_those_of_dpkt(name):
    packet = Packet()
    whole = Whole()
    differences = Counter()
    for link_type, _, _, frame in our_records(name)[0]:
        ours = our_view(packet, link_type, frame)
        theirs = dpkt_view(whole, link_type, frame)
        if isinstance(ours, str) and theirs is None:
            continue  # malformed to both
        if ours != theirs:
            differences[ours if isinstance(ours, str) else f"{ours} != {theirs}"] += 1
    assert dict(differences) == EXCEPTIONS.get(name, {})
