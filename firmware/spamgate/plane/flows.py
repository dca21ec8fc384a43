"""Connections to mail servers on a gateway in path: ended when their device may no longer use them, and noted.

A quarantined device's flows are cut by rule, at once.  A throttled one's end after the message under way, so that its
budget is one message a connection; where TLS hides the messages, after ten answers of the server, which one message
needs.  Destinations with a past are left alone.
"""

from array import array

from spamgate.core import states
from spamgate.core.compat import const
from spamgate.core.hashing import hash_bytes
from spamgate.core.heard_mail import SEALED_ANSWERS

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from typing import Callable

    from spamgate.core.engine import Engine
    from spamgate.plane.contract import Sets
    from spamgate.plane.watch import Watcher

_SMTP = const(25)
_OPENING = const(2)
_REMEMBERED = const(64)


class Flows:
    """Hears of connections from the watcher; ends them through the plane's sets.

    `on_established(device, client, client_port, server, server_port)` is called for each connection to a mail server
    outside, with addresses as bytes; `on_leak(device)` for messages of throttled devices that their budget has not
    been charged for.
    """

    def __init__(
        self,
        engine: "Engine",
        watcher: "Watcher",
        sets: "Sets",
        on_established: "Callable[[int, bytes, int, bytes, int], None]",
        on_leak: "Callable[[int], None]",
    ) -> None:
        self._engine = engine
        self._mail = watcher.mail
        self._streams = watcher.mail.streams
        self._sets = sets
        self._on_established = on_established
        self._on_leak = on_leak
        self._sealed_answers = bytearray(self._streams.slots)
        self._told = bytearray(_REMEMBERED)  # destinations with a past that the sets hold, by a hash
        self._told_ends: "list[bytes]" = [b""] * _REMEMBERED
        self._told_who = array("H", bytes(2 * _REMEMBERED))

    def established(self, slot: int) -> None:
        """A server accepted the connection."""
        self._sealed_answers[slot] = 0
        device, client, port, server = self._ends(slot)
        if self._engine.mail.is_judged(slot):
            self._remember_past(slot, device, server)
        self._on_established(device, client, port, server, self._streams.port[slot])

    def accepted(self, slot: int) -> None:
        """A server took a message."""
        if not self._engine.mail.is_judged(slot):
            return
        device, client, port, server = self._ends(slot)
        self._remember_past(slot, device, server)
        if self._is_limited(slot, device):
            self._sets.end_flow(client, port, server)
            self._pays(slot, device)

    def answered_sealed(self, slot: int) -> None:
        """A server said something within TLS."""
        answers = self._sealed_answers[slot] + 1
        if answers >= SEALED_ANSWERS and self._is_limited(slot, self._engine.mail.device(slot)):
            _, client, port, server = self._ends(slot)
            self._sets.end_flow(client, port, server)
            self._pays(slot, self._engine.mail.device(slot))
            answers = 0
        if answers < 256:
            self._sealed_answers[slot] = answers

    def _pays(self, slot: int, device: int) -> None:
        """Another message leaked: one under way at the verdict, or the only one of the day."""
        engine = self._engine
        if engine.mail.began_before(slot, engine.devices.since_s[device]):
            self._on_leak(device)
        elif not engine.contacts.has_any_past(device, engine.now_s):
            self._on_leak(device)

    def limit(self, device: int) -> None:
        """The device is throttled from now on: what has no message under way ends, and who is doubted has no past."""
        self._take_back_past(device)
        streams = self._streams
        for slot in range(streams.slots):
            if streams.state[slot] >= _OPENING and streams.owner[slot] == device and streams.port[slot] == _SMTP:
                if self._is_limited(slot, device):
                    self._end_unless_busy(slot)

    def tell_again(self) -> None:
        """The sets have lost what they held."""
        for key in range(_REMEMBERED):
            self._told_ends[key] = b""

    def _end_unless_busy(self, slot: int) -> None:
        if self._mail.is_busy(slot):
            self._sealed_answers[slot] = 0  # what was answered before the verdict is not of this message
            return
        _, client, port, server = self._ends(slot)
        self._sets.end_flow(client, port, server)

    def _is_limited(self, slot: int, device: int) -> bool:
        mail = self._engine.mail
        if not mail.is_judged(slot) or self._engine.devices.state[device] != states.THROTTLED:
            return False
        return not mail.has_past(slot)

    def _take_back_past(self, device: int) -> None:
        """Take out of the sets who is a friend no more; one that another has pushed out here stays for eight days."""
        engine = self._engine
        for key in range(_REMEMBERED):
            server = self._told_ends[key]
            if server and self._told_who[key] == device:
                if not engine.mail.is_known(device, server, 0, len(server)):
                    self._told_ends[key] = b""
                    self._sets.no_past(device, server)

    def _remember_past(self, slot: int, device: int, server: bytes) -> None:
        """Tell the sets of a destination with a past, once in a while."""
        if not self._engine.mail.has_past(slot):
            return
        key = hash_bytes(server, 0, len(server)) + device & _REMEMBERED - 1
        day = self._engine.now_s // 86400 & 0xFF
        if self._told[key] != day or self._told_ends[key] != server:
            self._told[key] = day
            self._told_ends[key] = server
            self._told_who[key] = device
            self._sets.has_past(device, server)

    def _ends(self, slot: int) -> "tuple[int, bytes, int, bytes]":
        streams = self._streams
        size = streams.address_bytes(slot)
        client = streams.client_at(slot)
        server = streams.server_at(slot)
        addresses = streams.addresses
        return (
            self._engine.mail.device(slot),
            bytes(addresses[client : client + size]),
            streams.client_port[slot],
            bytes(addresses[server : server + size]),
        )
