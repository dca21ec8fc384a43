"""What planes, services and the application expect of each other: shapes, for readers and for the type checker."""

from spamgate.core.compat import const

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from typing import Protocol

    class Own(Protocol):
        """The addresses of the machine itself, and the MAC it is known by."""

        mac: bytes

        def contains(self, buf: "bytes | bytearray", at: int, size: int) -> bool: ...

    class Flows(Protocol):
        """Who wants to hear of connections to mail servers, by their slot in the stream table."""

        def established(self, slot: int) -> None: ...
        def accepted(self, slot: int) -> None: ...
        def answered_sealed(self, slot: int) -> None: ...

    class Plane(Protocol):
        """A data path that can enforce what the engine decides."""

        name: str
        degraded: str  # why not everything is seen, or nothing

        def start(self) -> None: ...
        def changed(self, device: int, old: int, new: int) -> None: ...
        def tick(self, now_ms: int) -> None: ...
        def stop(self) -> None: ...
