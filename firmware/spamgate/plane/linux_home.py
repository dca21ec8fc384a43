"""Where the home ends, on a Linux router: its LANs' networks, and the router's own addresses."""

from spamgate.core.compat import const
from spamgate.plane.netfilter import interface_index, interface_mac
from spamgate.wire.address import Scope, address_text

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from spamgate.plane.netfilter import Netfilter

_LINK_LOCAL_V6 = "fe80::/10"


class Home:
    """Networks inside, as the interfaces have them now, and the router's own addresses.

    Serves a Watcher as `scope` (what is inside, the router included) and as `own` through `router`.  `lan` and `wan`
    are interfaces; of a machine with very many addresses, theirs are known first.
    """

    def __init__(self, kernel: "Netfilter", lan: "list[str]", wan: "list[str]", networks: "list[str]") -> None:
        self._kernel = kernel
        self._lan = lan
        self._wan = wan
        self._named = networks
        self._known: list = []
        self._scope = Scope(networks + [_LINK_LOCAL_V6])
        self.router = Router()
        self.lan_addresses: "list[tuple[bytes, int, int]]" = []  # address, prefix bits, interface
        self.missing: "list[str]" = []  # LAN interfaces that are not there

    def refresh(self) -> bool:
        """Look at the interfaces; True when something changed."""
        indexes = [interface_index(name) for name in self._lan]
        self.missing = [name for name, index in zip(self._lan, indexes) if not index]
        first = indexes + [interface_index(name) for name in self._wan]
        known = self._kernel.addresses([index for index in first if index])
        found = [(one.interface, one.address, one.prefix_bits) for one in known if not one.is_tentative]
        if not found or found == self._known:  # a machine without any address could not be asked
            return False
        self._known = found
        inside = [entry for entry in found if entry[0] in indexes]
        self.lan_addresses = [(address, bits, interface) for interface, address, bits in inside]
        networks = ["%s/%d" % (address_text(address), bits) for address, bits, _ in self.lan_addresses]
        own = [address_text(address) for _, address, _ in found]
        self._scope = Scope(networks + own + self._named + [_LINK_LOCAL_V6])
        self.router.learn(own, interface_mac(self._lan[0]))
        return True

    def contains(self, buf: "bytes | bytearray", at: int, size: int) -> bool:
        """Is the address inside, or the router's own?"""
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

    def contains(self, buf: "bytes | bytearray", at: int, size: int) -> bool:
        """Is this one of its own addresses?"""
        return self._scope.contains(buf, at, size)
