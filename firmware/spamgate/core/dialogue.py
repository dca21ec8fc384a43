"""What is said on port 25: how a device introduces itself, as whom and to whom it writes, how servers answer.

Names and addresses arrive as hashes and are kept for the day only as "seen before".  Policy refusals and
temporary ones are the line's or the server's business: they weigh nothing here.
"""

from array import array

from spamgate.core import evidence
from spamgate.core.compat import const
from spamgate.core.devices import GRANT_MAIL_SERVER
from spamgate.core.hashing import hash_pair
from spamgate.core.tables import DistinctSet

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from spamgate.core.engine import Engine

# How a HELO name looks.
HOST_NAME = 0
LITERAL = 1  # [192.0.2.1]: what mail clients send
BAD_NAME = 2

_DAY_S = const(86400)

_HELOS = const(0)
_SENDERS = const(1)
_RECIPIENTS = const(2)
_IMPERSONATED = const(3)
_UNKNOWN = const(4)
_LOGIN_HOSTS = const(5)
_STRANGERS = const(6)
_KNOWN_BITS = const(7)
_FIELDS = const(8)

_HELO_LIMIT = const(3)
_SENDER_LIMIT = const(5)
_STRANGER_LIMIT = const(5)
_MASS_LIMIT = const(20)
_MAP_BYTES = const(16)
_KNOWN_LIMIT = const(101)  # 128 (1 - exp(-200 / 128))
_IMPERSONATED_LIMIT = const(2)
_MESSAGE_LIMIT = const(4)
_LOGIN_HOST_LIMIT = const(5)
_UNKNOWN_PROVIDERS = const(2)
_UNKNOWN_MANY_PROVIDERS = const(3)
_UNKNOWN_MINIMUM = const(4)


class Dialogue:
    """A day's counts of each device.  Allocation-free once made."""

    def __init__(self, engine: "Engine", distinct: int) -> None:
        self._engine = engine
        devices = engine.devices.capacity
        self._seen = DistinctSet(distinct)
        self._counts = array("H", bytes(2 * devices * _FIELDS))
        self._known = bytearray(_MAP_BYTES * devices)
        self._since_s = array("i", bytes(4 * devices))
        self._generation = bytearray(devices)
        self._helo_domain = array("I", bytes(4 * devices))

    def introduced(self, device: int, form: int, name_hash: int, domain_hash: int, is_direct: bool = True) -> None:
        """HELO or EHLO, with the hash of the name and of its registrable domain; to a relay several may speak as one.

        Containers do, and what is behind a second router: each by its own name, and seldom straight to strangers.
        """
        if form == BAD_NAME:
            self._engine.observe(device, evidence.BAD_HELO)
        if is_direct and form != LITERAL and self._count(_HELO_LIMIT, device, _HELOS, name_hash) >= _HELO_LIMIT:
            self._engine.observe(device, evidence.HELO_CHANGES)
        self._helo_domain[device] = domain_hash if form == HOST_NAME else 0

    def wrote_as(self, device: int, domain_hash: int) -> None:
        """MAIL FROM, with the hash of the sender's domain; 0 for the null sender, which says nothing."""
        if domain_hash and self._count(_SENDER_LIMIT, device, _SENDERS, domain_hash) >= _SENDER_LIMIT:
            self._engine.observe(device, evidence.MANY_SENDERS)

    def wrote_to(self, device: int, address_hash: int, domain_hash: int) -> None:
        """RCPT TO, with the hashes of the address and of its registrable domain."""
        self._roll(device)
        self._bump(device * _FIELDS + _RECIPIENTS)
        if domain_hash and domain_hash == self._helo_domain[device]:
            if self._count(_IMPERSONATED_LIMIT, device, _IMPERSONATED, domain_hash) >= _IMPERSONATED_LIMIT:
                self._engine.observe(device, evidence.HELO_IMPERSONATES)

    def wrote_to_stranger(self, device: int, address_hash: int, is_direct: bool) -> None:
        """The recipient is at a provider that has no past with the device; on a new relay a club's letter may be."""
        strangers = self._count(_MASS_LIMIT, device, _STRANGERS, address_hash)
        if strangers >= _STRANGER_LIMIT:
            self._engine.observe(device, evidence.MANY_RECIPIENTS)
        if strangers >= _MASS_LIMIT and is_direct:
            self._engine.observe(device, evidence.MASS_RECIPIENTS)

    def wrote_to_known(self, device: int, address_hash: int) -> bool:
        """The recipient is at a provider that has a past with the device; True if there are 200 today.

        Counted by linear counting (Whang, Vander-Zanden, Taylor 1990) on a map of 128 bits: of n addresses
        128 (1 - exp(-n / 128)) bits are set.
        """
        self._roll(device)
        at = device * _MAP_BYTES + (address_hash >> 3 & 15)
        bit = 1 << (address_hash & 7)
        if self._known[at] & bit:
            return False
        self._known[at] |= bit
        return self._bump(device * _FIELDS + _KNOWN_BITS) >= _KNOWN_LIMIT

    def unknown_recipient(self, device: int, providers: int) -> None:
        """A recipient does not exist; so said `providers` providers by now."""
        self._roll(device)
        at = device * _FIELDS
        unknown = self._bump(at + _UNKNOWN)
        if providers >= _UNKNOWN_PROVIDERS:
            self._engine.observe(device, evidence.UNKNOWN_USER)
        # A granted mail server has old lists and forwards: it is measured by a half, not a quarter.
        times = 2 if self._engine.devices.grant[device] == GRANT_MAIL_SERVER else 4
        many = unknown >= _UNKNOWN_MINIMUM and unknown * times >= self._counts[at + _RECIPIENTS]
        if many and providers >= _UNKNOWN_MANY_PROVIDERS:
            self._engine.observe(device, evidence.MANY_UNKNOWN_USERS)

    def took(self, device: int, count: int) -> None:
        """A server without a past took a message: so many on this connection."""
        if count >= _MESSAGE_LIMIT:
            self._engine.observe(device, evidence.MANY_MESSAGES)

    def login_failed(self, device: int, address_hash: int) -> None:
        """A mail service refused the device's password."""
        if self._count(_LOGIN_HOST_LIMIT, device, _LOGIN_HOSTS, address_hash) >= _LOGIN_HOST_LIMIT:
            self._engine.observe(device, evidence.AUTH_FAILURES)

    def clear(self, device: int) -> None:
        """Forget the device: another one takes its number."""
        self._start_day(device)

    def _count(self, limit: int, device: int, field: int, value: int) -> int:
        """Count `value` if it is the first of the day, and return the day's count.

        Beyond the limit all count: one device's flood must not wash out of the set what the others said.
        """
        self._roll(device)
        at = device * _FIELDS + field
        if self._counts[at] < limit:
            key = hash_pair(hash_pair(value, device << 4 | field), self._generation[device])
            if not self._seen.add(key):
                return self._counts[at]
        return self._bump(at)

    def _bump(self, at: int) -> int:
        if self._counts[at] < 65535:
            self._counts[at] += 1
        return self._counts[at]

    def _roll(self, device: int) -> None:
        if not 0 <= self._engine.now_s - self._since_s[device] < _DAY_S:
            self._start_day(device)

    def _start_day(self, device: int) -> None:
        self._since_s[device] = self._engine.now_s
        self._generation[device] = (self._generation[device] + 1) & 0xFF
        self._helo_domain[device] = 0
        for field in range(_FIELDS):
            self._counts[device * _FIELDS + field] = 0
        for at in range(device * _MAP_BYTES, device * _MAP_BYTES + _MAP_BYTES):
            self._known[at] = 0
