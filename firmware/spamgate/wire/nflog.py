"""How the kernel is told to log packets to us (linux/netfilter/nfnetlink_log.h).

What it sends are frames of link type NFLOG, which `frame` reads, each in a message of its own.
"""

from spamgate.core.compat import const
from spamgate.wire.netlink import ACK, REQUEST, Request

PACKET = 4 << 8  # the kind of message that carries a packet

_LOG = const(4 << 8)
_CONFIG = const(1)
_COMMAND = const(1)  # NFULA_CFG_*
_MODE = const(2)
_BUFFER_BYTES = const(3)
_TIMEOUT = const(4)
_FLAGS = const(6)
_BIND = const(1)
_COPY_PACKET = const(2)
_SEQUENCE = const(1)  # NFULNL_CFG_F_SEQ


def bind(request: Request, group: int) -> "memoryview":
    """Return the order to send us what is logged to `group`."""
    request.clear().message(_LOG | _CONFIG, REQUEST | ACK, 0, group)
    request.put(_COMMAND, bytes((_BIND,)))
    return request.done()


def configure(request: Request, group: int, snap_bytes: int, buffer_bytes: int) -> "memoryview":
    """Return the order how: up to `snap_bytes` of each packet, at most `buffer_bytes` at a time, within 10 ms."""
    request.clear().message(_LOG | _CONFIG, REQUEST | ACK, 0, group)
    request.put(_MODE, bytes((0, 0, snap_bytes >> 8, snap_bytes & 0xFF, _COPY_PACKET, 0)))
    request.put_be32(_BUFFER_BYTES, buffer_bytes)
    request.put_be32(_TIMEOUT, 1)
    request.put(_FLAGS, bytes((0, _SEQUENCE)))
    return request.done()
