"""`spamgate decode smtp`: the mail transactions in a capture, one object each.

What a transaction is, is said in transactions.py.
"""

from collections.abc import Iterator
from ipaddress import ip_address

from spamgate.wire.capture import open_capture
from spamgate.wire.cursor import FormError
from spamgate.wire.frame import known_link_type
from spamgate.wire.holes import HoldPool
from spamgate.wire.packet import TCP, Packet
from spamgate.wire.pcap import CaptureReader
from spamgate.wire.smtp import SmtpObserver
from spamgate.wire.smtp_verbs import argument_at
from spamgate.wire.streams import SMTP_PORTS, StreamTable
from spamgate_tools.transactions import Session, Transaction

Bytes = bytes | bytearray

_SLOTS = 4096
_HELD_SEGMENTS = 64
_SEGMENT_BYTES = 65536
_LINES = 200
_LINE_BYTES = 65536 - 1
_IMPLICIT_TLS_PORT = 465


def decode_capture(data: Bytes, ports: tuple[int, ...] = SMTP_PORTS) -> Iterator[Transaction]:
    """Yield the transactions of a capture in the order they ended; FormError at its first fault, if any."""
    decoder = _Decoder(ports)
    fault = None
    try:
        reader = open_capture(data, 0, len(data))
        for packet in _packets(reader, data):
            decoder.streams.tick(reader.seconds)
            decoder.streams.feed(packet)
            yield from decoder.take_done()
    except FormError as error:
        fault = error
    decoder.streams.close_all()
    yield from decoder.take_done()
    if fault is not None:
        raise fault


def _packets(reader: CaptureReader, data: Bytes) -> Iterator[Packet]:
    """Yield the TCP packets of a capture; the same object each time."""
    packet = Packet()
    at = 0
    while at < len(data):
        size = reader.next(data, at, len(data))
        if size == 0:
            raise FormError(f"ends within the record at byte {at}")
        at += size
        if reader.packet and _is_tcp(reader, packet, data):
            yield packet


def _is_tcp(reader: CaptureReader, packet: Packet, data: Bytes) -> bool:
    known_link_type(reader.link_type)
    try:
        return packet.read(reader.link_type, data, reader.packet_at, reader.packet_end) == TCP
    except FormError:
        return False  # one broken frame says nothing about the next


class _Decoder:
    """Listens to connections and dialogues, and writes transactions."""

    def __init__(self, ports: tuple[int, ...]) -> None:
        pool = HoldPool(_HELD_SEGMENTS, _SEGMENT_BYTES)
        self.streams = StreamTable(self, _SLOTS, ports, pool)
        self._observer = SmtpObserver(self, _SLOTS, _LINES, _LINE_BYTES)
        self._sessions: dict[int, Session] = {}
        self._done: list[Transaction] = []

    def take_done(self) -> list[Transaction]:
        """Return the transactions that have ended since the last call."""
        done = self._done
        if done:
            self._done = []
        return done

    # --- connections ---------------------------------------------------------------------------

    def opened(self, slot: int, packet: Packet) -> None:
        self._begin(slot, False)

    def midstream(self, slot: int, packet: Packet) -> None:
        self._begin(slot, True)

    def _begin(self, slot: int, midstream: bool) -> None:
        streams = self.streams
        self._sessions[slot] = Session(
            self._address(streams.client_at(slot), slot), self._address(streams.server_at(slot), slot)
        )
        self._observer.begin(slot, midstream, streams.port[slot] == _IMPLICIT_TLS_PORT)

    def _address(self, at: int, slot: int) -> str:
        return str(ip_address(bytes(self.streams.addresses[at : at + self.streams.address_bytes(slot)])))

    def established(self, slot: int) -> None:
        """Nothing has been said yet."""

    def refused(self, slot: int) -> None:
        """Nothing was said at all."""

    def data(self, slot: int, side: int, buf: Bytes, start: int, end: int) -> None:
        self._observer.feed(slot, side, buf, start, end)

    def gap(self, slot: int, side: int, size: int) -> None:
        self._observer.gap(slot, side, size)

    def closed(self, slot: int) -> None:
        self._observer.end(slot)
        session = self._sessions.pop(slot)
        session.close()
        self._done += session.take_done()

    # --- dialogues -----------------------------------------------------------------------------

    def command(self, slot: int, verb: int, buf: Bytes, start: int, end: int) -> None:
        argument = bytes(buf[argument_at(verb, buf, start, end) : end])
        self._sessions[slot].hear_command(verb, argument)
        self._collect(slot)

    def reply(self, slot: int, code: int, verb: int, buf: Bytes, start: int, end: int) -> None:
        self._sessions[slot].hear_reply(code, verb)
        self._collect(slot)

    def accepted(self, slot: int) -> None:
        self._sessions[slot].hear_accepted()
        self._collect(slot)

    def encrypted(self, slot: int) -> None:
        self._sessions[slot].hear_encrypted()

    def _collect(self, slot: int) -> None:
        self._done += self._sessions[slot].take_done()
