"""What the kernel holds of each device: elements of the table's sets, by MAC, or by MAC and address behind a relay.

Each change is one transaction.  Elements run out by themselves, and somebody else may flush the table: so what
is in the sets is not remembered, only where the maps' elements lead to.
"""

from spamgate.core import states
from spamgate.core.compat import const
from spamgate.core.devices import CONFIRMED, CROWD, GRANT_MAIL_SERVER
from spamgate.core.identity import BEHIND_RELAY, BY_MAC
from spamgate.wire.nft import Changes, pack_key

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from typing import Callable

    from spamgate.core.devices import DeviceTable
    from spamgate.plane.netfilter import Netfilter

TABLE = "spamgate"
LISTS_TABLE = "spamgate_lists"  # of a blocklist's addresses: it outlives the other one, which is loaded at every start

# A guarded device's redirect is renewed by the daemon; without one it resolves by itself again after this time.
GUARD_LEASE_S = 3

_PAST_S = const(8 * 86400)
_SETTLED_S = const(86400)  # as long as _STRICT_S
_ENDED_S = const(3600)
_STRICT_S = const(86400)

_NO_CHAIN = ""
_STOPPING = ("quarantined", "confirmed")


class KernelSets:
    """Puts devices into sets and takes them out.

    `lasting_s`: how long a verdict holds without being renewed (0: for good, as fail: closed demands).  `failures`
    counts orders that the kernel refused.
    """

    def __init__(self, kernel: "Netfilter", devices: "DeviceTable", lasting_s: int) -> None:
        self._kernel = kernel
        self._devices = devices
        self._lasting_s = lasting_s
        self._changes = self._own_changes = Changes(kernel.request, TABLE)
        self._chains: "dict[bytes, str]" = {}  # where the elements of the maps lead to
        self.changes = 0
        self.failures = 0
        self.last_error = 0

    def forget(self) -> None:
        """The table was loaded anew: nothing is in it."""
        self._chains.clear()

    def show(self, device: int) -> None:
        """Let the kernel treat the device as its state and grant say."""
        chain = self._chain(device)
        for suffix, key in self._keys(device):
            old = self._chains.get(key, _NO_CHAIN)
            if (old or chain) and self._lead(suffix, key, old, chain):
                if chain:
                    self._chains[key] = chain
                else:
                    self._chains.pop(key)

    def empty_budget(self, device: int, refill_s: int) -> None:
        """The budget of a device just throttled starts empty, and is so for `refill_s`."""
        if self._has_mac(device):
            self._put("drained", self._devices.mac(device), refill_s)

    def guard(self, device: int) -> None:
        """Send the device's DNS to the guard, until the lease runs out."""
        for suffix, key in self._keys(device):
            self._put("guarded" + suffix, key, GUARD_LEASE_S if self._lasting_s else 0)

    def unguard(self, device: int) -> None:
        """Let the device ask whom it likes."""
        for suffix, key in self._keys(device):
            self._drop("guarded" + suffix, key)

    def guard_lan(self, name: str) -> None:
        """Send the DNS of everybody on a LAN to the guard, until the lease runs out."""
        self._put("guarded_lan", _interface_key(name), GUARD_LEASE_S if self._lasting_s else 0)

    def settle(self, device: int) -> None:
        """The device is no newcomer."""
        if self._has_mac(device):
            self._put("settled", self._devices.mac(device), _SETTLED_S)

    def be_strict(self, name: str) -> None:
        """Newcomers on this LAN share one budget, for a day."""
        self._put("strict", _interface_key(name), _STRICT_S)

    def has_past(self, device: int, address: bytes) -> None:
        """The device's mail to this address always passes."""
        if self._has_mac(device):
            name = "past4" if len(address) == 4 else "past6"
            self._put(name, pack_key(self._devices.mac(device), address), _PAST_S)

    def no_past(self, device: int, address: bytes) -> None:
        """The device's mail to this address is like any other's."""
        if self._has_mac(device):
            self._drop("past4" if len(address) == 4 else "past6", pack_key(self._devices.mac(device), address))

    def end_flow(self, client: bytes, port: int, server: bytes) -> None:
        """Reset the connection at the client's next command."""
        name = "ended4" if len(client) == 4 else "ended6"
        self._put(name, pack_key(client, bytes((port >> 8, port & 0xFF)), server), _ENDED_S)

    def bar_lan(self, name: str) -> None:
        """Hold a LAN's devices to the blocklist's addresses."""
        self._of_lists(self._put, "barring", _interface_key(name), self._lasting_s)

    def grant(self, device: int) -> None:
        """Let a granted mail server mail what the blocklist names, and nobody else."""
        if self._has_mac(device):
            is_granted = self._devices.grant[device] == GRANT_MAIL_SERVER
            self._of_lists(self._put if is_granted else self._drop, "grantees", self._devices.mac(device))

    def _of_lists(self, change: "Callable[..., None]", *what: "str | bytes | int") -> None:
        """Change a set of the other table."""
        self._changes = Changes(self._kernel.request, LISTS_TABLE)
        change(*what)
        self._changes = self._own_changes

    def _chain(self, device: int) -> str:
        devices = self._devices
        state = devices.state[device]
        if state == states.QUARANTINED:
            return "confirmed" if devices.flags[device] & CONFIRMED else "quarantined"
        if state == states.THROTTLED:
            return "throttled"
        return "granted" if devices.grant[device] == GRANT_MAIL_SERVER else _NO_CHAIN

    def _keys(self, device: int) -> "list[tuple[str, bytes]]":
        """Return (suffix of the set's name, key) of all elements that stand for the device."""
        if not self._has_mac(device):
            return []
        mac = self._devices.mac(device)
        if self._devices.kind(device) != BEHIND_RELAY:
            return [("", mac)]
        addresses = self._devices.addresses.of(device)
        return [("4" if len(address) == 4 else "6", pack_key(mac, address)) for address in addresses]

    def _has_mac(self, device: int) -> bool:
        return device != CROWD and self._devices.kind(device) in (BY_MAC, BEHIND_RELAY)

    def _lead(self, suffix: str, key: bytes, old: str, chain: str) -> bool:
        """Let the device's mail be judged in `chain` instead of `old`, and stop its flows if that stops them."""
        changes = self._changes.begin()
        if old:
            self._take_out("states" + suffix, key, old)
        if chain:
            changes.add("states" + suffix, key, self._lasting_s, chain)
        if old in _STOPPING:
            self._take_out("stopped" + suffix, key)
        if chain in _STOPPING:
            changes.add("stopped" + suffix, key, self._lasting_s)
        return self._order()

    def _put(self, name: str, key: bytes, timeout_s: int = 0) -> None:
        """Add the element, in the place of an older one."""
        self._changes.begin()
        self._take_out(name, key)
        self._changes.add(name, key, timeout_s)
        self._order()

    def _drop(self, name: str, key: bytes) -> None:
        """Take the element out, if it is in."""
        self._changes.begin()
        self._take_out(name, key)
        self._order()

    def _take_out(self, name: str, key: bytes, chain: str = _NO_CHAIN) -> None:
        """Take out what may not be in: put in first, for a transaction that fails costs the kernel some 10 ms."""
        self._changes.add(name, key, 1, chain)
        self._changes.delete(name, key)

    def _order(self) -> bool:
        error = self._kernel.order(self._changes.end())
        self._note(error)
        return error <= 0

    def _note(self, error: int) -> None:
        self.changes += 1
        if error > 0:
            self.failures += 1
            self.last_error = error


def _interface_key(name: str) -> bytes:
    """Interface names are compared as 16 bytes."""
    return (name.encode() + bytes(16))[:16]
