"""The query at hand: one object that the parts of the guard hand on to each other, filled anew for each query."""

from spamgate.core.compat import const

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from typing import Any, Protocol

    class Way(Protocol):
        """How a query came, and its answer goes."""

        def send(self, answer: "bytes | memoryview", peer: bytes) -> None:
            """Send to the packed address.  OSError when the kernel refuses: the answer is lost, as datagrams are."""


class Query:
    """A query and what was found out about it; made once, so that functions need one argument for all of it.

    A function that needs more than eleven words for arguments, variables and intermediate results has its frame on
    MicroPython's heap, which costs microseconds a call: hence this object, and the small steps that a query takes.
    """

    def __init__(self, way: "Way") -> None:
        self.way = way
        self.datagram: "tuple[bytes, Any]" = (b"", b"")  # the message, and who asks (packed, or address and port)
        self.end = 0  # of its question
        self.name = b""  # in small letters, as it lies in the question
        self.mark = 0  # hash of the name, 16 bits of it
