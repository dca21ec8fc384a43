"""A caller that has proved the key: its Link, and the sealed line under it."""

from spamgate.core.compat import const
from spamgate.core.errors import SpamgateError
from spamgate.wire.link_records import Records

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from typing import Callable

    from spamgate.service.link import Link
    from spamgate.service.link_tcp import LinkTcp
    from spamgate.wire.link_seal import Seal

_READS = const(8)
_POLLS = const(16)
_EAGAIN = const(11)
_ECONNRESET = const(104)
# socket(7), tcp(7): the kernel ends a session whose other end does not answer for a minute and a half.
_OPTIONS = ((1, 9, 1), (6, 4, 60), (6, 5, 10), (6, 6, 3), (6, 18, 90000))


class Session:
    """The handler of its socket, and the line of its Link: `read_into(buf)` and `write(view)`."""

    def __init__(
        self, host: "LinkTcp", sock, seals: "tuple[Seal, Seal]", make_link: "Callable[[Session], Link]", now_ms: int
    ) -> None:
        self.sock = sock
        self.heard_ms = now_ms
        self._host = host
        self._records = Records(*seals)
        self._waits = False
        for level, name, value in _OPTIONS:
            sock.setsockopt(level, name, value)
        self.link = make_link(self)

    def ready(self, sock) -> None:
        """It said something."""
        self.heard_ms = self._host.means.clock()
        self.work()

    def writable(self, sock) -> None:
        """It takes more."""
        self.work()

    def work(self) -> None:
        """Let the link read, answer and send."""
        clock = self._host.means.clock
        try:
            self.link.poll(clock())
            for _ in range(_POLLS):
                if not self._records.has_text():  # of text the loop will not tell, for the socket has given it
                    break
                self.link.poll(clock())
            self.flush()
        except (OSError, SpamgateError, MemoryError):
            self._host.drop(self)

    def read_into(self, buf) -> int:
        """Put what has come into `buf`; return how much, 0 for nothing.  OSError at the end.

        Before it asks the socket for more it sends what there is to send: a Link that waits for room only reads.
        """
        records = self._records
        count = records.read_into(buf)
        if not count:
            self.flush()
        reads = 0
        while not count and reads < _READS:
            reads += 1
            size = self.sock.readinto(records.space())
            if size is None:
                break
            if not size:
                raise OSError(_ECONNRESET)
            records.received(size)
            count = records.read_into(buf)
        return count

    def write(self, view) -> int:
        """Take text to send; return how much.  It goes once a record is full, or the link has done its work."""
        count = self._records.write(view)
        if not count:
            self.flush()
            count = self._records.write(view)
        return count

    def flush(self) -> None:
        """Send what the socket takes."""
        waits = False
        view = self._records.unsent()
        while len(view) and not waits:
            try:
                self._records.sent(self.sock.send(view))
                view = self._records.unsent()
            except OSError as error:
                if error.args[0] != _EAGAIN:
                    raise
                waits = True
        if waits != self._waits:
            self._waits = waits
            self._host.loop.want_write(self.sock, waits)
