"""Elements of nftables sets, added and taken out over netlink (linux/netfilter/nf_tables.h).

Changes between `begin` and `end` are one transaction: all of them happen, or none.  The kernel answers what it refuses
only: no acknowledgement is asked for, since it is done when the order has been sent.
"""

from spamgate.core.compat import const
from spamgate.wire.netlink import CREATE, REQUEST, Request, find_attribute

NFPROTO_INET = 1
NEW_FLOW_TABLE = 10 << 8 | 22  # the kind of message that answers

_NFTABLES = const(10 << 8)
_GET_CHAIN = const(4)
_NEW_ELEMENT = const(12)
_DELETE_ELEMENT = const(14)
_GET_FLOW_TABLE = const(23)
_BATCH_BEGIN = const(0x10)
_BATCH_END = const(0x11)

_LIST_TABLE = const(1)  # NFTA_SET_ELEM_LIST_*
_LIST_SET = const(2)
_LIST_ELEMENTS = const(3)
_LIST_ITEM = const(1)
_ELEMENT_KEY = const(1)  # NFTA_SET_ELEM_*
_ELEMENT_DATA = const(2)
_ELEMENT_TIMEOUT = const(4)
_DATA_VALUE = const(1)
_DATA_VERDICT = const(2)
_VERDICT_CODE = const(1)
_VERDICT_CHAIN = const(2)
_HEADERS_BYTES = const(20)
_CHAIN_TABLE = const(1)  # NFTA_CHAIN_*
_CHAIN_HANDLE = const(2)
_CHAIN_NAME = const(3)
_CHAIN_USE = const(6)
_JUMP = const(0xFFFFFFFD)  # NFT_JUMP, -3
_DUMP = const(0x300)


class Changes:
    """A transaction on sets of one table.  `table` is its name."""

    def __init__(self, request: Request, table: str) -> None:
        self._request = request
        self._table = table.encode() + b"\0"

    def begin(self) -> "Changes":
        """Start a transaction and return self."""
        self._request.clear().message(_BATCH_BEGIN, REQUEST, 0, _NFTABLES >> 8)
        return self

    def add(self, name: str, key: bytes, timeout_s: int = 0, chain: str = "") -> None:
        """Add an element, for `timeout_s` (0: for good); in a verdict map it leads to `chain`."""
        request = self._request.message(_NFTABLES | _NEW_ELEMENT, REQUEST | CREATE, NFPROTO_INET)
        elements, item = self._open(name)
        self._key(key)
        if chain:
            self._verdict(chain)
        if timeout_s:
            request.put_milliseconds(_ELEMENT_TIMEOUT, timeout_s)
        self._close(elements, item)

    def delete(self, name: str, key: bytes) -> None:
        """Take an element out; the transaction fails with ENOENT if it is not in."""
        self._request.message(_NFTABLES | _DELETE_ELEMENT, REQUEST, NFPROTO_INET)
        elements, item = self._open(name)
        self._key(key)
        self._close(elements, item)

    def end(self) -> "memoryview":
        """Return the whole transaction, to be sent at once."""
        self._request.message(_BATCH_END, REQUEST, 0, _NFTABLES >> 8)
        return self._request.done()

    def _open(self, name: str) -> "tuple[int, int]":
        request = self._request
        request.put(_LIST_TABLE, self._table)
        request.put(_LIST_SET, name.encode() + b"\0")
        elements = request.open(_LIST_ELEMENTS)
        return elements, request.open(_LIST_ITEM)

    def _close(self, elements: int, item: int) -> None:
        self._request.close(item)
        self._request.close(elements)

    def _key(self, key: bytes) -> None:
        at = self._request.open(_ELEMENT_KEY)
        self._request.put(_DATA_VALUE, key)
        self._request.close(at)

    def _verdict(self, chain: str) -> None:
        request = self._request
        data = request.open(_ELEMENT_DATA)
        verdict = request.open(_DATA_VERDICT)
        request.put_be32(_VERDICT_CODE, _JUMP)
        request.put(_VERDICT_CHAIN, chain.encode() + b"\0")
        request.close(verdict)
        request.close(data)


def ask_chain(request: Request, table: str, chain: str) -> "memoryview":
    """Return the question for a chain; see `chain_mark`."""
    request.clear().message(_NFTABLES | _GET_CHAIN, REQUEST, NFPROTO_INET)
    request.put(_CHAIN_TABLE, table.encode() + b"\0")
    request.put(_CHAIN_NAME, chain.encode() + b"\0")
    return request.done()


def chain_mark(answer: "bytes | bytearray", size: int) -> int:
    """Return a number that differs once the chain's rules became more or fewer; -1: it is gone."""
    handle = find_attribute(answer, _HEADERS_BYTES, size, _CHAIN_HANDLE, 8)
    use = find_attribute(answer, _HEADERS_BYTES, size, _CHAIN_USE, 4)
    if handle < 0 or use < 0:
        return -1
    return (answer[handle + 10] << 8 | answer[handle + 11]) << 8 | answer[use + 7]


def ask_flow_tables(request: Request) -> "memoryview":
    """Return the question for all flow tables: where there is none, nothing is offloaded."""
    return request.clear().message(_NFTABLES | _GET_FLOW_TABLE, REQUEST | _DUMP, 0).done()


def pack_key(*fields: bytes) -> bytes:
    """Return the key of an element: its fields one after another, each filled up to four bytes."""
    return b"".join([field + bytes(-len(field) % 4) for field in fields])
