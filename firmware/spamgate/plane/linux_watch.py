"""What a router sees beside what any capture shows: packets to what the blocklist names, which its rules turn away."""

from spamgate.core.compat import const
from spamgate.plane.watch import Watcher
from spamgate.wire.cursor import FormError

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from spamgate.core.listed import Listed


class RouterWatcher(Watcher):
    """A watcher of logged packets; `wanted` counts who called what the list names, where there is a list."""

    wanted: "Listed | None" = None

    def listed(self, link_type: int, buf: "bytes | bytearray", start: int, end: int) -> None:
        """Take a frame to an address of the list: its sender is counted, nothing else of it."""
        packet = self.packet
        try:
            packet.read_ip(link_type, buf, start, end)
            sender = self.sender(packet) if packet.version else -1
        except FormError:
            self.malformed += 1
            return
        if sender >= 0 and self.wanted:
            self.wanted.called(sender)
