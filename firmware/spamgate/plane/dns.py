"""The plane of a board that forwards nothing: it sees what devices ask of DNS, and sends a suspect's mail to itself.

A device is an address.  What it asks arms the test (`watched`), never more.  From then on names of mail exchangers are
answered with our own address, where the responder says 421 and the connection is one to the provider that was meant:
that is what fires.  Who is only watched keeps its first mail domain, and any other from the second try on, which a mail
server makes minutes later and a template bot does not; who is throttled or quarantined gets no exchanger at all.

Not seen, and not stopped: devices that ask another resolver, addresses nobody asked for, and names of mail servers that
no MX answer told (they arm only, as the same name may be where a laptop hands in its mail).
"""

from array import array

from spamgate.core.compat import const
from spamgate.core.devices import CONFIRMED, GRANT_MAIL_SERVER
from spamgate.core.engine import Engine
from spamgate.core.hashing import hash_pair
from spamgate.core.identity import Identity
from spamgate.core.states import NORMAL, QUARANTINED, THROTTLED
from spamgate.core.tables import Recall
from spamgate.plane.dns_facts import DnsFacts
from spamgate.wire.cursor import FormError

# What a guard may be told to do with a question.
PASS = 0
OWN = 1  # answer with our own address
BRIEF = 2  # pass, without what the answer says beyond the question: an address beside an MX would get around us

_PORT_25 = const(0)
_TYPE_MX = const(15)
_RETRY_S = const(240)  # RFC 5321 4.5.4.1 wants 30 minutes between tries, mailers in use take 5 and more
_DAY_S = const(86400)
_TRIED = const(64)
_MEANT = const(4)  # providers whose names were last answered with our address, a device
_NOBODY = const(0)


class DnsPlane:
    """What the guard asks and tells, and what the responder tells."""

    name = "dns"

    def __init__(self, engine: Engine, slots: int) -> None:
        devices = engine.devices.capacity
        self.degraded = ""  # why less is seen than could be
        self.asked = 0
        self.blocks = 0
        self._engine = engine
        self._facts = DnsFacts(engine)
        self._who = Identity()
        self._tried = Recall(_TRIED, _DAY_S)
        self._first = array("i", bytes(4 * devices))  # the mail domain a device asked for first
        self._first_s = array("i", bytes(4 * devices))
        self._meant = array("i", bytes(4 * devices * _MEANT))  # below 0 once connected to
        self._slots = slots
        self._slot = 0

    # --- for the guard -------------------------------------------------------------------------------

    def question(self, wire: bytes, end: int, address: bytes, port: int) -> int:
        """A device asks: note it, and return PASS, OWN or BRIEF."""
        self.asked += 1
        device = self.resident(address)
        try:
            name_hash = self._facts.asked(wire, 0, len(wire), device, port)
        except FormError:
            return PASS
        devices = self._engine.devices
        if devices.state[device] == NORMAL or devices.grant[device] == GRANT_MAIL_SERVER or not self._engine.enforces:
            return PASS
        if self._facts.qtype == _TYPE_MX:
            return BRIEF
        provider = self._engine.providers.of_exchange(name_hash, self._engine.now_s)
        if provider < 0 or self._may_go(device, provider):
            return PASS
        self._mean(device, name_hash)
        return OWN

    def answered(self, buf: "bytes | bytearray", start: int, end: int, address: bytes, port: int) -> None:
        """An upstream answered a device."""
        device = self._at(address)
        if device != _NOBODY:
            self._facts.answer(buf, start, end, device, port)

    def blocked(self, address: bytes, count: int) -> None:
        """Names on a list were refused."""
        self.blocks += count

    def listed(self, address: bytes) -> None:
        """A device asked for a name of the blocklist."""
        listed = self._engine.listed
        if listed:
            listed.asked(self.resident(address))

    # --- for the responder ---------------------------------------------------------------------------

    def connected(self, address: bytes, port: int) -> None:
        """A device opened port 25 here: it is the provider whose exchanger it asked for that was meant."""
        device = self._at(address)
        if device == _NOBODY:
            return
        meant = self._take(device)
        if not meant:
            return
        engine = self._engine
        slot = self._slot
        self._slot = (slot + 1) % self._slots
        engine.about_nobody()
        engine.mail.opened(slot, device, _PORT_25, meant, False)
        engine.mail.established(slot)
        engine.mail.closed(slot)

    def is_final(self, address: bytes) -> bool:
        """Has the owner confirmed that mail from this address is refused for good?"""
        devices = self._engine.devices
        device = self._at(address)
        return devices.state[device] == QUARANTINED and devices.flags[device] & CONFIRMED > 0

    # --- for all -------------------------------------------------------------------------------------

    def resident(self, address: bytes) -> int:
        """Return the device at this address, enrolled if it is new."""
        who = self._who
        size = len(address)
        who.from_address(address, 0, size)
        engine = self._engine
        device = engine.devices.find(who)
        if device < 0:
            device = engine.device(who)
            self._forget(device)
        engine.devices.seen(device, engine.now_s, address, 0, size)
        return device

    def _at(self, address: bytes) -> int:
        self._who.from_address(address, 0, len(address))
        return max(self._engine.devices.find(self._who), _NOBODY)

    def _forget(self, device: int) -> None:
        self._first[device] = 0
        for at in range(device * _MEANT, device * _MEANT + _MEANT):
            self._meant[at] = 0

    def _may_go(self, device: int, provider: int) -> bool:
        """May a device that is not throttled reach this provider?"""
        engine = self._engine
        state = engine.devices.state[device]
        if state == THROTTLED or state == QUARANTINED:
            return False
        now_s = engine.now_s
        if not self._first[device] or now_s - self._first_s[device] > _DAY_S:
            self._first[device] = provider
        if self._first[device] == provider:
            self._first_s[device] = now_s
            return True
        key = hash_pair(provider, device)
        since_s = self._tried.get(key, now_s)
        if since_s < 0:
            self._tried.set(key, now_s & 0xFFFFFF, now_s)
            return False
        return (now_s - since_s) & 0xFFFFFF >= _RETRY_S

    def _mean(self, device: int, name_hash: int) -> None:
        """Remember which provider stands behind the answer that we give; the oldest gives way."""
        engine = self._engine
        stand_in = hash_pair(name_hash, device) | 1
        engine.providers.note_host(name_hash, 0, stand_in, engine.now_s)
        row = device * _MEANT
        meant = self._meant
        for at in range(row, row + _MEANT):
            if meant[at] == stand_in or meant[at] == -stand_in:
                meant[at] = stand_in
                return
        for at in range(row, row + _MEANT - 1):
            meant[at] = meant[at + 1]
        meant[row + _MEANT - 1] = stand_in

    def _take(self, device: int) -> int:
        """Return the oldest that was not connected to yet, else the latest that was: it is tried again; 0: none."""
        row = device * _MEANT
        for at in range(row, row + _MEANT):
            found = self._meant[at]
            if found > 0:
                self._meant[at] = -found
                return found
        return -self._meant[row + _MEANT - 1]
