"""DNS as packets show it: messages in datagrams and in TCP connections, between devices and servers."""

from spamgate.core.compat import const
from spamgate.plane.dns_facts import DnsFacts
from spamgate.wire.cursor import FormError
from spamgate.wire.dns_stream import DnsStreams

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from spamgate.core.engine import Engine
    from spamgate.wire.packet import Packet
    from spamgate.wire.streams import StreamTable

_DNS = const(53)


class DnsWatch(DnsFacts):
    """Reads messages on port 53 and tells the engine.  Allocation-free once made."""

    def __init__(self, engine: "Engine") -> None:
        DnsFacts.__init__(self, engine)
        self._streams = DnsStreams()

    def datagram(self, packet: "Packet", sender: int, receiver: int) -> None:
        """Take a UDP message from or to port 53; devices are numbers, -1 outside."""
        message = self._message
        message.read(packet.data, packet.payload_at, packet.payload_end)
        if message.qr:
            if packet.src_port == _DNS:
                self._reply(sender, receiver, packet.dst_port)
        elif packet.dst_port == _DNS and sender >= 0:
            self._engine.about(packet.buf, packet.dst_at, packet.address_bytes)
            self._query(sender, packet.src_port)

    def stream(self, slot: int, side: int, buf: "bytes | bytearray", start: int, end: int) -> None:
        """Take bytes of DNS over TCP, in order; `read_streamed` reads the messages in them."""
        self._streams.feed(slot, side, buf, start, end)

    def read_streamed(self, table: "StreamTable", slot: int) -> None:
        """Read the messages that the bytes last taken complete."""
        streams = self._streams
        while streams.next_message():
            try:
                self._message.read(streams.buf, streams.at, streams.end)
                self._streamed(table, slot)
            except FormError:
                continue

    def stream_ends(self, slot: int) -> None:
        """The connection is over; its number may come again."""
        self._streams.forget(slot)

    def _streamed(self, table: "StreamTable", slot: int) -> None:
        client = table.owner[slot]
        if client < 0:
            return
        if self._message.qr:
            self._reply(-1, client, table.client_port[slot])
        else:
            self._engine.about(table.addresses, table.server_at(slot), table.address_bytes(slot))
            self._query(client, table.client_port[slot])
