"""What the C module on a board holds of each device: a verdict by MAC, or by MAC and address behind a relay.

It has few places.  A device that is only settled makes room for a suspect; which destinations have a past is kept here
by age, so that the oldest makes room for a new one.
"""

from spamgate.core import states
from spamgate.core.compat import const
from spamgate.core.devices import CONFIRMED, CROWD, GRANT_MAIL_SERVER
from spamgate.core.identity import BEHIND_RELAY, BY_MAC

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from typing import Any

    from spamgate.core.engine import Engine

PASTS = 64  # as many as the module has places for (mailgate/gate.h)

_DAY_S = const(86400)
_PAST_S = const(8 * 86400)
_MAC_BYTES = const(6)
_STATE = const(0)  # of what is known of an element
_TICKET = const(1)
_UNTIL = const(2)


class GateSets:
    """Puts devices into the module `gate` and takes them out; see plane/contract.py, `Sets`.

    `lasting_s`: how long a verdict holds without being renewed.  `tickets` are the devices', by number, in hexadecimal
    digits.  `failures` counts what the module had no place for.
    """

    def __init__(self, gate: "Any", engine: "Engine", lasting_s: int, tickets: "list[str]") -> None:
        self._gate = gate
        self._engine = engine
        self._devices = engine.devices
        self._lasting_s = lasting_s
        self._tickets = tickets
        self._known: "dict[bytes, tuple[int, int, int]]" = {}  # state, ticket, and until when, of each element
        self._settled: "dict[bytes, int]" = {}  # until when who has this MAC is no newcomer
        self._pasts: "list[bytes]" = []  # MAC and server, the oldest first
        self._pasts_s: "list[int]" = []
        self.changes = 0
        self.failures = 0
        self.last_error = 0

    def show(self, device: int) -> None:
        """Let the module treat the device as its state and grant say."""
        state = self._state(device)
        ticket = _number(self._tickets[device])
        for key in self._keys(device):
            self._put(key, state, ticket)

    def empty_budget(self, device: int, refill_s: int) -> None:
        """The budget of a device just throttled starts empty, and is so for `refill_s`."""
        for key in self._keys(device):
            self._order(self._gate.drain, key, refill_s)

    def settle(self, device: int) -> None:
        """The device is no newcomer; nor is who joins behind the same relay."""
        if self._has_mac(device):
            mac = self._devices.mac(device)
            self._settled[mac] = self._engine.now_s + _DAY_S
            state, ticket, _ = self._known.get(mac, (self._gate.NORMAL, 0, 0))
            self._put(mac, state, ticket)

    def be_strict(self, name: str) -> None:
        """Newcomers share one budget, for a day, on all LANs."""
        self._order(self._gate.strict, _DAY_S)

    def has_past(self, device: int, address: bytes) -> None:
        """The device's mail to this address always passes."""
        if not self._has_mac(device):
            return
        pair = self._devices.mac(device) + address
        self._forget_past(pair)
        if len(self._pasts) >= PASTS:
            self._take_past(self._pasts[0])
        if self._order(self._gate.past, pair[:_MAC_BYTES], address, True):
            self._pasts.append(pair)
            self._pasts_s.append(self._engine.now_s)

    def no_past(self, device: int, address: bytes) -> None:
        """The device's mail to this address is like any other's."""
        if self._has_mac(device):
            self._take_past(self._devices.mac(device) + address)

    def end_flow(self, client: bytes, port: int, server: bytes) -> None:
        """Reset the connection at the client's next word."""
        self._order(self._gate.end, client, port, server)

    def tidy(self) -> None:
        """Let go of what has run out; the module does so by itself, but for pasts."""
        now_s = self._engine.now_s
        while self._pasts and now_s - self._pasts_s[0] >= _PAST_S:
            self._take_past(self._pasts[0])
        for key in [key for key in self._settled if self._settled[key] <= now_s]:
            del self._settled[key]
        for key in [key for key in self._known if 0 < self._known[key][_UNTIL] <= now_s]:
            del self._known[key]

    def _put(self, key: bytes, state: int, ticket: int) -> None:
        now_s = self._engine.now_s
        settled_s = max(self._settled.get(key[:_MAC_BYTES], 0) - now_s, 0)
        is_plain = state == self._gate.NORMAL
        if is_plain and not settled_s:
            if self._known.pop(key, None):
                self._order(self._gate.remove, key)
            return
        lasting_s = settled_s if is_plain else self._lasting_s
        while not self._order(self._gate.put, key, state, settled_s > 0, ticket, lasting_s):
            if is_plain or not self._make_room(key):
                return
            self.failures -= 1
        self._known[key] = (state, ticket, now_s + lasting_s if lasting_s else 0)

    def _make_room(self, wanted: bytes) -> bool:
        """Take out an element that is there for a newcomer's sake only."""
        for key in self._known:
            if self._known[key][_STATE] == self._gate.NORMAL and key != wanted:
                del self._known[key]
                return self._order(self._gate.remove, key)
        return False

    def _take_past(self, pair: bytes) -> None:
        self._forget_past(pair)
        self._order(self._gate.past, pair[:_MAC_BYTES], pair[_MAC_BYTES:], False)

    def _forget_past(self, pair: bytes) -> None:
        if pair in self._pasts:
            at = self._pasts.index(pair)
            self._pasts.pop(at)
            self._pasts_s.pop(at)

    def _state(self, device: int) -> int:
        devices = self._devices
        gate = self._gate
        state = devices.state[device]
        if state == states.QUARANTINED:
            return gate.CONFIRMED if devices.flags[device] & CONFIRMED else gate.QUARANTINED
        if state == states.THROTTLED:
            return gate.THROTTLED
        return gate.GRANTED if devices.grant[device] == GRANT_MAIL_SERVER else gate.NORMAL

    def _keys(self, device: int) -> "list[bytes]":
        """Return the keys of all elements that stand for the device: its MAC, with an address if that is a relay's."""
        if not self._has_mac(device):
            return []
        mac = self._devices.mac(device)
        if self._devices.kind(device) != BEHIND_RELAY:
            return [mac]
        return [mac + address for address in self._devices.addresses.of(device)]

    def _has_mac(self, device: int) -> bool:
        return device != CROWD and self._devices.kind(device) in (BY_MAC, BEHIND_RELAY)

    def _order(self, call: "Any", *what: "bytes | int") -> bool:
        """Tell the module; False where it has no place, or does not know the key."""
        self.changes += 1
        try:
            call(*what)
        except OSError as error:
            self.failures += 1
            self.last_error = error.args[0]
            return False
        return True


def _number(ticket: str) -> int:
    """Return the ticket's number; 0 for none, and for what was none of ours."""
    try:
        return int(ticket or "0", 16) & 0xFFFFFF
    except ValueError:
        return 0
