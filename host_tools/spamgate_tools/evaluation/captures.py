"""A real capture as a home, so that every detector meets it: look-ups and calls, at the times they have there.

Read by the readers of the firmware (packets, DNS, connections, SMTP).  Who is inside: private addresses, told apart by
their MACs, or where there are none whoever asks or calls, by address.  What follows differs from the capture only by
what a detector stops.
"""

from collections.abc import Collection, Iterator
from dataclasses import replace
from pathlib import Path

from spamgate.core.compat import LATER_S
from spamgate.core.identity import is_station
from spamgate.wire.address import Scope
from spamgate.wire.capture import open_capture
from spamgate.wire.cursor import FormError
from spamgate.wire.dns import Message
from spamgate.wire.fragments import Fragments
from spamgate.wire.frame import known_link_type
from spamgate.wire.packet import FLAG_ACK, FLAG_SYN, TCP, UDP, Packet
from spamgate_tools.corpus.facts import AAAA, MX, SERVFAIL, A, Act, Errand, Home, Host, ProxyOpened, Question, Resident
from spamgate_tools.evaluation.capture_calls import CaptureCalls
from spamgate_tools.evaluation.wording import Wording

_DNS = 53
_MAIL_PORTS = (25, 465, 587)
_PROXY_PORTS = (1080, 3128, 4145, 8080, 8118)
_US = 1000000
_AFTER_S = 60.0  # the last connection ends
_RESEND_US = 60 * _US
_QUERY = 128  # below it: a question
_LABEL = 63

Key = tuple[int, int, int, str, int]  # of a look-up: device, port, id, name, type


def read_capture(path: Path, spammers: Collection[bytes] = ()) -> Home:
    """Return the home of a capture; `spammers` are the addresses of those known to send spam.

    A faulty file is read as far as it goes.
    """
    data = path.read_bytes()
    reading = _Reading(_scope(data), spammers)
    for now_us, packet, protocol in _packets(data):
        reading.take(now_us, packet, protocol)
    return reading.home(path.name)


def _packets(data: bytes) -> Iterator[tuple[int, Packet, int]]:
    """Yield (microseconds since 1970, packet, protocol); the same packet object each time."""
    packet = Packet(Fragments())
    at = 0
    try:
        reader = open_capture(data, 0, len(data))
        while at < len(data):
            size = reader.next(data, at, len(data))
            if not size:
                return
            at += size
            if not reader.packet:
                continue
            known_link_type(reader.link_type)
            protocol = _protocol(packet, reader.link_type, data, reader.packet_at, reader.packet_end)
            if protocol:
                yield (reader.seconds + LATER_S) * _US + reader.micros, packet, protocol
    except FormError:
        return


def _protocol(packet: Packet, link_type: int, data: bytes, start: int, end: int) -> int:
    try:
        protocol = packet.read(link_type, data, start, end)
    except FormError:
        return 0
    return protocol if packet.version else 0


class _Askers:
    """Inside is whoever asks or calls, where no address is private."""

    def __init__(self) -> None:
        self._members: set[bytes] = set()

    def learn(self, packet: Packet, protocol: int) -> None:
        if protocol == TCP:
            asks = packet.flags & (FLAG_SYN | FLAG_ACK) == FLAG_SYN or packet.dst_port in _MAIL_PORTS
        else:
            asks = packet.dst_port == _DNS and _is_query(packet)
        if asks:
            self._members.add(_source(packet))

    def contains(self, buf: bytes | bytearray, at: int, size: int) -> bool:
        return bytes(buf[at : at + size]) in self._members


def _scope(data: bytes) -> Scope | _Askers:
    private = Scope([])
    askers = _Askers()
    for _, packet, protocol in _packets(data):
        size = packet.address_bytes
        if private.contains(packet.buf, packet.src_at, size) or private.contains(packet.buf, packet.dst_at, size):
            return private
        askers.learn(packet, protocol)
    return askers


class _Reading:
    """What a capture's packets come to."""

    def __init__(self, scope: Scope | _Askers, spammers: Collection[bytes]) -> None:
        self._scope = scope
        self._spammers = spammers
        self._by_mac = isinstance(scope, Scope)
        self._numbers: dict[bytes, int] = {}
        self._addresses: list[bytes] = []
        self._acts: list[tuple[int, int, Act]] = []
        self._asked: dict[Key, tuple[int, int]] = {}  # when, and where among the acts
        self._names: dict[bytes, str] = {}
        self._message = Message()
        self._wording = Wording()
        self._calls = CaptureCalls(self._whose, self._host, self._is_sender)
        self._first_us = self._last_us = 0

    def take(self, now_us: int, packet: Packet, protocol: int) -> None:
        """Take a packet."""
        self._first_us = self._first_us or now_us
        self._last_us = max(self._last_us, now_us)
        if protocol == UDP:
            if _DNS in (packet.src_port, packet.dst_port):
                self._take_dns(now_us, packet)
        elif packet.dst_port in _MAIL_PORTS or packet.src_port in _MAIL_PORTS:
            self._calls.feed(packet, now_us // _US - LATER_S, now_us)
        elif packet.dst_port in _PROXY_PORTS and packet.flags & (FLAG_SYN | FLAG_ACK) == FLAG_SYN:
            self._take_proxied(now_us, packet)

    def home(self, name: str) -> Home:
        """Return all of it."""
        self._calls.close()
        errands = [(at_us, device, Errand(tries=((call,),))) for at_us, device, call in self._calls.done]
        acts = sorted([*self._acts, *errands], key=lambda act: act[0])
        mails = {device for _, device, call in self._calls.done if call.port == 25}
        start_s = self._first_us // _US
        residents = tuple(
            Resident(_text(address), "captured", is_sender=self._is_sender(number), uses_25=number in mails)
            for number, address in enumerate(self._addresses)
        )
        plan = [(at_us / _US - start_s, device, act) for at_us, device, act in acts]
        seconds = (self._last_us - self._first_us) / _US + _AFTER_S
        return Home(name, 0, seconds, residents, lambda: iter(plan), start_s=start_s)

    # --- who -------------------------------------------------------------------------------------------

    def _whose(self, packet: Packet) -> int:
        """Return the number of the device that the packet comes from, -1 outside."""
        return self._inside(packet, packet.src_at, packet.mac_at)

    def _inside(self, packet: Packet, at: int, mac_at: int) -> int:
        if not self._scope.contains(packet.buf, at, packet.address_bytes):
            return -1
        address = bytes(packet.buf[at : at + packet.address_bytes])
        has_mac = self._by_mac and mac_at >= 0 and is_station(packet.buf, mac_at)
        key = bytes(packet.buf[mac_at : mac_at + 6]) if has_mac else address
        if key not in self._numbers:
            self._numbers[key] = len(self._numbers)
            self._addresses.append(address)
        return self._numbers[key]

    def _is_sender(self, device: int) -> bool:
        return self._addresses[device] in self._spammers

    def _host(self, address: bytes) -> Host:
        return Host(self._names.get(address, ""), address)

    def _take_proxied(self, now_us: int, packet: Packet) -> None:
        if self._whose(packet) < 0:
            device = self._inside(packet, packet.dst_at, packet.to_mac_at)
            if device >= 0:
                self._acts.append((now_us, device, ProxyOpened(packet.dst_port)))

    # --- look-ups --------------------------------------------------------------------------------------

    def _take_dns(self, now_us: int, packet: Packet) -> None:
        message = self._message
        try:
            message.read(packet.data, packet.payload_at, packet.payload_end)
            if message.qname_at < 0 or message.opcode:
                return
            name = message.name_text(message.qname_at).removesuffix(".")
            if message.qr and packet.src_port == _DNS:
                self._take_answer(packet, name)
            elif not message.qr and packet.dst_port == _DNS:
                self._take_query(now_us, packet, name)
        except FormError:
            return

    def _take_query(self, now_us: int, packet: Packet, name: str) -> None:
        device = self._whose(packet)
        if device < 0 or any(len(label) > _LABEL for label in name.split(".")):
            return
        key = (device, packet.src_port, self._message.id, name, self._message.qtype)
        asked_us, _ = self._asked.get(key, (-_RESEND_US, 0))
        if now_us - asked_us >= _RESEND_US:
            self._asked[key] = (now_us, len(self._acts))
            self._acts.append((now_us, device, Question(name, self._message.qtype, SERVFAIL)))

    def _take_answer(self, packet: Packet, name: str) -> None:
        """An answer completes its question, which stands as unanswered until then."""
        message = self._message
        device = self._inside(packet, packet.dst_at, packet.to_mac_at)
        key = (device, packet.dst_port, message.id, name, message.qtype)
        _, place = self._asked.get(key, (0, -1))
        if place < 0:
            return
        at_us, _, question = self._acts[place]
        assert isinstance(question, Question)
        rcode = message.rcode
        hosts = self._hosts_of(name) if rcode == 0 else ()
        self._acts[place] = (at_us, device, replace(question, rcode=rcode, hosts=hosts))

    def _hosts_of(self, name: str) -> tuple[Host, ...]:
        """Return whom the answer names: exchanges, the preferred first, or the hosts of the name."""
        message = self._message
        exchanges: list[tuple[int, int, str]] = []
        found: list[tuple[str, bytes]] = []
        while message.next_record():
            rdata = bytes(message.buf[message.rdata_at : message.rdata_end])
            if message.rtype == MX and message.section == 1 and len(rdata) > 3:
                text = message.name_text(message.rdata_at + 2).removesuffix(".")
                exchanges.append((rdata[0] << 8 | rdata[1], self._wording.name(text).domain, text))
            elif message.rtype in (A, AAAA):
                owner = name if message.section == 1 else message.name_text(message.name_at).removesuffix(".")
                found.append((owner, rdata))
        self._names.update({address: owner for owner, address in found})
        if message.qtype != MX:
            return tuple(Host(owner, address) for owner, address in found if owner == name)
        hosts = []
        for _, _, text in sorted(exchanges):
            known = [Host(text, address) for owner, address in found if owner == text]
            hosts.extend(known or [Host(text, b"")])
        return tuple(hosts)


def _source(packet: Packet) -> bytes:
    return bytes(packet.buf[packet.src_at : packet.src_at + packet.address_bytes])


def _is_query(packet: Packet) -> bool:
    return packet.payload_end - packet.payload_at >= 12 and packet.data[packet.payload_at + 2] < _QUERY


def _text(address: bytes) -> str:
    return ".".join(str(byte) for byte in address) if len(address) == 4 else address.hex(":", 2)
