"""Where the home ends, as far as every gateway in path knows it alike, and the gateway as a device of the home."""

from spamgate.core.compat import const
from spamgate.wire.address import Scope

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    Buffer = bytes | bytearray

_LINK_LOCAL_V6 = "fe80::/10"


class Surroundings:
    """Serves a Watcher as `scope` (what is inside, the gateway included), and through `router` as `own`.

    `named` are networks that the owner calls the home's, beside those of its LANs.
    """

    def __init__(self, named: "list[str]") -> None:
        self._named = named
        self._scope = Scope(named + [_LINK_LOCAL_V6])
        self.router = Router()

    def learn(self, networks: "list[str]", own: "list[str]", mac: bytes) -> None:
        """These are the LANs' networks now, our own addresses, and our MAC, or zeros while that cannot be told."""
        self._scope = Scope(networks + own + self._named + [_LINK_LOCAL_V6])
        self.router.learn(own, mac)

    def contains(self, buf: "Buffer", at: int, size: int) -> bool:
        """Is the address inside, or our own?"""
        return self._scope.contains(buf, at, size)


class Router:
    """The machine itself, as a device of the home."""

    def __init__(self) -> None:
        self.mac = bytes(6)
        self._scope = Scope(["127.0.0.0/8"])

    def learn(self, addresses: "list[str]", mac: bytes) -> None:
        """These are its addresses now, and its MAC, or zeros while that cannot be told."""
        if mac != bytes(6):
            self.mac = mac
        self._scope = Scope(addresses or ["127.0.0.0/8"])

    def contains(self, buf: "Buffer", at: int, size: int) -> bool:
        """Is this one of its own addresses?"""
        return self._scope.contains(buf, at, size)
