"""Text on one side, sealed records on the other: what either end of a TCP link keeps between its socket and its frames.

Nothing here grows: one record is on its way in, one on its way out, and each waits until the other side takes it.
"""

from spamgate.core.compat import const
from spamgate.wire.link_seal import LENGTH_BYTES, RECORD_BYTES, TAG_BYTES, TEXT_BYTES, text_size

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from spamgate.wire.link_seal import Seal


class Records:
    """Both directions of one session.  AuthError ends it."""

    def __init__(self, sealing: "Seal", opening: "Seal") -> None:
        self._sealing = sealing
        self._opening = opening
        self._in = bytearray(RECORD_BYTES)
        self._have = 0
        self._need = LENGTH_BYTES
        self._text = 0  # what was opened and not read yet lies between here
        self._text_end = 0  # and here
        self._out = bytearray(RECORD_BYTES)
        self._put = 0  # text that waits to be sealed
        self._sent = 0
        self._sealed = 0  # the length of the record on its way out

    # --- what comes ----------------------------------------------------------------------------------

    def space(self) -> memoryview:
        """Return where bytes from the socket go; empty as long as there is text to read."""
        return memoryview(self._in)[self._have : self._have if self.has_text() else self._need]

    def received(self, count: int) -> None:
        """So many bytes have come into `space`."""
        self._have += count
        if self._have < self._need:
            return
        if self._need == LENGTH_BYTES:
            self._need += text_size(self._in) + TAG_BYTES
            return
        self._text_end = LENGTH_BYTES + self._opening.open(self._in, self._need - TAG_BYTES)
        self._text = LENGTH_BYTES
        self._have = 0
        self._need = LENGTH_BYTES

    def has_text(self) -> bool:
        """Is there text to read?"""
        return self._text < self._text_end

    def read_into(self, buf: "bytearray | memoryview") -> int:
        """Move text into `buf`; return how much, 0 when there is none."""
        count = min(len(buf), self._text_end - self._text)
        if count:
            buf[:count] = memoryview(self._in)[self._text : self._text + count]
            self._text += count
        return count

    # --- what goes -----------------------------------------------------------------------------------

    def write(self, view: "bytes | bytearray | memoryview") -> int:
        """Take text to be sent; return how much, 0 while a record is on its way."""
        count = 0 if self._sealed else min(len(view), TEXT_BYTES - self._put)
        if count:
            at = LENGTH_BYTES + self._put
            self._out[at : at + count] = view[:count]
            self._put += count
        return count

    def unsent(self) -> memoryview:
        """Return what the socket is to take next; empty when there is nothing."""
        if self._put and not self._sealed:
            self._sealed = self._sealing.seal(self._out, self._put)
        return memoryview(self._out)[self._sent : self._sealed]

    def sent(self, count: int) -> None:
        """The socket took so many bytes of `unsent`."""
        self._sent += count
        if self._sent == self._sealed:
            self._put = self._sent = self._sealed = 0
