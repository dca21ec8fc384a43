"""Where the home ends, on a Linux router: its LANs' networks, and the router's own addresses."""

from spamgate.core.compat import const
from spamgate.plane.netfilter import interface_index, interface_mac
from spamgate.plane.own import Surroundings
from spamgate.wire.address import address_text

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from spamgate.plane.netfilter import Netfilter


class Home(Surroundings):
    """Networks inside, as the interfaces have them now, and the router's own addresses.

    `lan` and `wan` are interfaces; of a machine with very many addresses, theirs are known first.
    """

    def __init__(self, kernel: "Netfilter", lan: "list[str]", wan: "list[str]", networks: "list[str]") -> None:
        Surroundings.__init__(self, networks)
        self._kernel = kernel
        self._lan = lan
        self._wan = wan
        self._known: list = []
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
        self.learn(networks, [address_text(address) for _, address, _ in found], interface_mac(self._lan[0]))
        return True
