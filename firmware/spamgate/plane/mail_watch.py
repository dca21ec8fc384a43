"""From TCP segments on the mail ports to what the engine hears of mail; DNS over TCP goes back to the watcher."""

from spamgate.core.compat import const
from spamgate.core.counters import AUTH, DATA, HELO, MAIL, PORT_25, RCPT, STARTTLS, SUBMISSION
from spamgate.core.hashing import hash_bytes
from spamgate.wire import smtp
from spamgate.wire.envelope import Envelope
from spamgate.wire.holes import HoldPool
from spamgate.wire.rejections import Rejections
from spamgate.wire.streams import StreamTable

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from spamgate.core.engine import Engine
    from spamgate.core.limits import Limits
    from spamgate.plane.contract import Flows
    from spamgate.plane.watch import Watcher
    from spamgate.wire.packet import Packet

_SMTP = const(25)
_SUBMISSIONS = const(465)
_SUBMISSION = const(587)
_DNS = const(53)
_PORTS = (25, 53, 465, 587)
_NEGATIVE = const(400)
_LOGGED_IN = const(235)
_LOGIN_FAILED = const(535)

# Which counter a command adds to.
_COUNTED = {
    smtp.HELO: HELO,
    smtp.EHLO: HELO,
    smtp.MAIL: MAIL,
    smtp.RCPT: RCPT,
    smtp.DATA: DATA,
    smtp.AUTH: AUTH,
    smtp.STARTTLS: STARTTLS,
}


class MailWatch:
    """Listens to the stream table and to the SMTP observer; tells the engine.  Allocation-free once made."""

    def __init__(self, watcher: "Watcher", engine: "Engine", limits: "Limits") -> None:
        self._watcher = watcher
        self._engine = engine
        self._mail = engine.mail
        self._envelope = Envelope()
        self._rejections = Rejections()
        self._smtp = smtp.SmtpObserver(self, limits.connections, limits.lines, limits.line_bytes, limits.runs)
        self._sender = -1
        self.flows: "Flows | None" = None
        self.streams = StreamTable(self, limits.connections, _PORTS, HoldPool(limits.segments))

    def segment(self, packet: "Packet", sender: int) -> None:
        """Take a TCP segment if it belongs to mail or DNS."""
        port = packet.dst_port
        if port != _SMTP and port != _SUBMISSION and port != _SUBMISSIONS and port != _DNS:
            port = packet.src_port
            if port != _SMTP and port != _SUBMISSION and port != _SUBMISSIONS and port != _DNS:
                return
        self._sender = sender
        self.streams.feed(packet)

    # --- the stream table speaks ---

    def opened(self, slot: int, packet: "Packet") -> None:
        """A connection attempt by a device, or by somebody outside, which is none of ours."""
        if self._join(slot, packet, self._sender) >= 0:
            is_local = self._is_local(slot)
            port = self.streams.port[slot]
            self._mail.opened(slot, self.streams.owner[slot], _class(port), self._address_hash(slot), is_local)
            self._smtp.begin(slot, False, port == _SUBMISSIONS)

    def midstream(self, slot: int, packet: "Packet") -> None:
        """A connection that began before we looked."""
        from_client = packet.dst_port == self.streams.port[slot]
        client = self._sender if from_client else self._watcher.receiver(packet)
        if self._join(slot, packet, client) >= 0:
            is_local = self._is_local(slot)
            port = self.streams.port[slot]
            self._mail.joined(slot, client, _class(port), self._address_hash(slot), is_local)
            self._smtp.begin(slot, True, port == _SUBMISSIONS)

    def established(self, slot: int) -> None:
        """The server accepted the connection."""
        if self._is_ours(slot):
            self._about(slot)
            self._mail.established(slot)
            if self.flows:
                self.flows.established(slot)

    def refused(self, slot: int) -> None:
        """The server reset the attempt."""
        if self._is_ours(slot):
            self._about(slot)
            self._mail.refused(slot)

    def data(self, slot: int, side: int, buf: "bytes | bytearray", start: int, end: int) -> None:
        """Bytes in order, once."""
        if self._is_ours(slot):
            self._smtp.feed(slot, side, buf, start, end)
            if side and self._smtp.is_sealed(slot):
                self._mail.answered_sealed(slot)
                if self.flows:
                    self.flows.answered_sealed(slot)
        elif self.streams.port[slot] == _DNS:
            self._watcher.segment_of_dns(slot, side, buf, start, end)

    def gap(self, slot: int, side: int, size: int) -> None:
        """Bytes that the capture lost."""
        if self._is_ours(slot):
            self._smtp.gap(slot, side, size)

    def closed(self, slot: int) -> None:
        """The connection is over."""
        if self._is_ours(slot):
            self._smtp.end(slot)
            self._mail.closed(slot)
        elif self.streams.port[slot] == _DNS:
            self._watcher.end_of_dns(slot)

    # --- the SMTP observer speaks ---

    def command(self, slot: int, verb: int, buf: "bytes | bytearray", start: int, end: int) -> None:
        """A command line of the client."""
        field = _COUNTED.get(verb, -1)
        if field < 0:
            return
        self._mail.count(slot, field)
        if not self._mail.is_judged(slot):
            return
        envelope = self._envelope
        self._about(slot)
        if field == HELO:
            envelope.read_helo(buf, start, end)
            self._mail.introduced(slot, envelope.form, envelope.name_hash, envelope.domain_hash)
        elif field == MAIL:
            envelope.read_address(buf, start, end)
            self._mail.wrote_as(slot, envelope.domain_hash)
        elif field == RCPT:
            envelope.read_address(buf, start, end)
            self._mail.wrote_to(slot, envelope.name_hash, envelope.domain_hash)

    def reply(self, slot: int, code: int, verb: int, buf: "bytes | bytearray", start: int, end: int) -> None:
        """A whole reply of the server."""
        device = self._mail.device(slot)
        self._engine.counters.add_reply(device, self._mail.port(slot), code)
        if code < _NEGATIVE:
            if verb == smtp.BANNER:
                self._mail.greeted(slot)
            elif code == _LOGGED_IN and verb == smtp.AUTH:
                self._mail.logged_in(slot)
            return
        self._about(slot)
        if code == _LOGIN_FAILED and verb == smtp.AUTH:
            self._mail.login_failed(slot, self._address_hash(slot))
        elif self._mail.is_judged(slot):
            self._mail.rejected(slot, self._rejections.meaning(code, verb, buf, start, end))

    def accepted(self, slot: int) -> None:
        """The server took a message."""
        self._about(slot)
        self._mail.accepted(slot)
        if self.flows:
            self.flows.accepted(slot)

    def is_busy(self, slot: int) -> bool:
        """Is a message under way on this connection, or may one be?"""
        return self._smtp.is_sealed(slot) or self._smtp.is_busy(slot)

    def encrypted(self, slot: int) -> None:
        """From here on there are only counts."""
        self._mail.sealed(slot)

    def _join(self, slot: int, packet: "Packet", client: int) -> int:
        """Give the connection to its device; -1 when nobody here is its client or it is not mail."""
        port = self.streams.port[slot]
        self.streams.owner[slot] = client
        if client < 0 or port == _DNS:
            return -1
        self._about(slot)
        return client

    def _is_ours(self, slot: int) -> bool:
        return self._mail.device(slot) >= 0

    def _is_local(self, slot: int) -> bool:
        engine = self._engine
        return self._watcher.scope.contains(engine.peer, engine.peer_at, engine.peer_size)

    def _address_hash(self, slot: int) -> int:
        streams = self.streams
        at = streams.server_at(slot)
        return hash_bytes(streams.addresses, at, at + streams.address_bytes(slot))

    def _about(self, slot: int) -> None:
        streams = self.streams
        self._engine.about(streams.addresses, streams.server_at(slot), streams.address_bytes(slot))


def _class(port: int) -> int:
    return PORT_25 if port == _SMTP else SUBMISSION
