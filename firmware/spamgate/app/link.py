"""The gateway's link over TCP.

Its code takes memory: this is imported only where `link_port` is set, and then at the start, while the heap is in one
piece.
"""

import binascii
import os

from spamgate.app.link_commands import LinkCommands
from spamgate.core.compat import const
from spamgate.core.errors import SpamgateError
from spamgate.hal.steady_clock import ticks_ms
from spamgate.service.link import Link
from spamgate.service.link_session import Session
from spamgate.service.link_tcp import LinkTcp, Means
from spamgate.wire.link_auth import KEY_BYTES

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from spamgate.app.gateway import Gateway

_WINDOW = const(4096)  # TCP holds the other side back; this only bounds what may be unconfirmed
_WAIT_MS = const(10)
_PATIENCE_MS = const(2000)  # TCP loses nothing
_NO_AES = "settings: link_port: this MicroPython has no cryptolib; take a build with TLS, or remove link_port"


def make_link(gateway: "Gateway") -> LinkTcp:
    """Return the link; it serves once it is told where."""
    try:
        from spamgate.hal.cipher import make_aes
    except ImportError:
        raise SpamgateError(_NO_AES) from None

    commands = LinkCommands(gateway)

    def make_session(host: LinkTcp, sock, seals, now_ms: int) -> Session:
        session = Session(host, sock, seals, lambda line: Link(line, commands, ticks_ms, _nonce, _WINDOW), now_ms)

        def wait() -> None:
            session.flush()
            gateway.loop.turn(_WAIT_MS)

        session.link.while_waiting = wait
        session.link.channel.least_wait_ms = _PATIENCE_MS
        return session

    means = Means(read_key(gateway.settings.link_key), make_aes, os.urandom, ticks_ms)
    return LinkTcp(gateway.net, gateway.loop, means, make_session, gateway.report)


def read_key(text: str) -> bytes:
    """Return the key that the setting gives, or that is in the file it names."""
    where = "settings: link_key"
    if text.startswith("/"):
        where = text
        try:
            with open(text) as file:
                text = file.read(256).strip()
        except OSError as error:
            raise SpamgateError("%s: cannot be read: error %s" % (where, error.errno))
    try:
        key = binascii.unhexlify(text)
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise SpamgateError("%s: no key of 64 hexadecimal digits; make one with `spamgate link-key`" % where)
    return key


def _nonce() -> bytes:
    return os.urandom(4)
