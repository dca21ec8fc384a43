"""What the stream table and the SMTP observer, of the size a device has, tell of a capture."""

from collections import defaultdict
from functools import cache
from ipaddress import ip_address
from pathlib import Path

from fakes.mail_wire import SmtpLog

from spamgate.wire.capture import open_capture
from spamgate.wire.cursor import FormError
from spamgate.wire.packet import TCP, Packet
from spamgate.wire.smtp import SmtpObserver
from spamgate.wire.streams import SMTP_PORTS, StreamTable

Ends = tuple[str, int, str, int]  # of the client, of the server


class Told:
    """All that was told: counts of connections, and a log for every pair of ends."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = defaultdict(int)
        self.logs: dict[Ends, SmtpLog] = defaultdict(SmtpLog)
        self.servers: set[str] = set()  # of connection attempts
        self._streams = StreamTable(self)
        self._smtp = SmtpObserver(self)
        self._ends: dict[int, Ends] = {}

    def feed(self, packet: Packet) -> None:
        self._streams.feed(packet)

    def close(self) -> None:
        self._streams.close_all()

    def tick(self, now_s: int) -> None:
        self._streams.tick(now_s)

    def opened(self, slot, packet) -> None:
        self.counts["opened"] += 1
        self._begin(slot, False)
        self.servers.add(self._ends[slot][2])

    def midstream(self, slot, packet) -> None:
        self.counts["midstream"] += 1
        self._begin(slot, True)

    def _begin(self, slot: int, midstream: bool) -> None:
        streams = self._streams
        client = self._address(slot, streams.client_at(slot))
        server = self._address(slot, streams.server_at(slot))
        self._ends[slot] = (client, streams.client_port[slot], server, streams.port[slot])
        self._smtp.begin(slot, midstream, streams.port[slot] == 465)

    def _address(self, slot: int, at: int) -> str:
        return str(ip_address(bytes(self._streams.addresses[at : at + self._streams.address_bytes(slot)])))

    def established(self, slot) -> None:
        self.counts["established"] += 1

    def refused(self, slot) -> None:
        self.counts["refused"] += 1

    def data(self, slot, side, buf, start, end) -> None:
        self._smtp.feed(slot, side, buf, start, end)

    def gap(self, slot, side, size) -> None:
        self.counts["gap"] += 1
        self._smtp.gap(slot, side, size)

    def closed(self, slot) -> None:
        self._smtp.end(slot)
        del self._ends[slot]

    def command(self, slot, *what) -> None:
        self.logs[self._ends[slot]].command(slot, *what)

    def reply(self, slot, *what) -> None:
        self.logs[self._ends[slot]].reply(slot, *what)

    def accepted(self, slot) -> None:
        self.logs[self._ends[slot]].accepted(slot)

    def encrypted(self, slot) -> None:
        self.logs[self._ends[slot]].encrypted(slot)


@cache
def read_capture(path: Path) -> Told:
    """Read a capture up to its end or its first fault."""
    told = Told()
    data = path.read_bytes()
    packet = Packet()
    reader = open_capture(data, 0, len(data))
    at = 0
    try:
        while at < len(data):
            size = reader.next(data, at, len(data))
            if not size:
                break
            at += size
            if reader.packet and is_mail(packet, reader, data):
                told.tick(reader.seconds)
                told.feed(packet)
    except FormError:
        pass
    told.close()
    return told


def is_mail(packet: Packet, reader, data: bytes) -> bool:
    try:
        protocol = packet.read(reader.link_type, data, reader.packet_at, reader.packet_end)
    except FormError:
        return False
    return protocol == TCP and (packet.src_port in SMTP_PORTS or packet.dst_port in SMTP_PORTS)
