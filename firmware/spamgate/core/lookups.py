"""What a device asks DNS: look-ups arm, they never fire.

Names arrive as hashes; no name is kept.  A query is counted once however often it is resent.
"""

from array import array

from spamgate.core import evidence
from spamgate.core.compat import const
from spamgate.core.counters import DNS_MX, DNS_MX_NAMES, DNS_NXDOMAIN, DNS_QUERIES, MX_NAMES
from spamgate.core.devices import ASKED_DNS, ASKED_MX, CROWD, GRANT_MAIL_SERVER, RESOLVER
from spamgate.core.hashing import hash_pair
from spamgate.core.states import QUARANTINED, THROTTLED
from spamgate.core.tables import DistinctSet, Recall

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from spamgate.core.engine import Engine

TYPE_MX = 15
NXDOMAIN = 3

PLAIN_NAME = 0
MAIL_NAME = 1  # mail., smtp., mx1. ...
LIST_NAME = 2  # a reversed address under a blocklist's zone (RFC 5782)

# A stub resolver gives up a query within half a minute (five tries of five seconds, resolv.conf(5)).
_RESEND_S = const(60)
_PENDING = const(0)
_FAILED = const(1)
_HOUR_S = const(3600)
_MAIL_DOMAINS = const(3)  # mail-like names of this many domains within an hour are one observation
_DAY_S = const(86400)
_MX_DOMAINS = const(5)
_MX_CALLS = const(3)
_FAILURES = const(10)  # names that do not exist, within ten minutes
_FAILURE_WINDOW_S = const(600)
_NEVER = const(-(1 << 30))


class Lookups:
    """DNS facts of all devices.  Allocation-free once made."""

    def __init__(self, engine: "Engine", slots: int, distinct: int) -> None:
        self._engine = engine
        devices = engine.devices.capacity
        self._first_s = self._asked_s = _NEVER  # of all queries
        self._queries = Recall(slots, _RESEND_S)
        self._domains = DistinctSet(distinct)
        self._domain_count = bytearray(devices)
        self._domains_since_s = array("i", bytes(4 * devices))
        self._mx_count = bytearray(devices)
        self._mx_calls = bytearray(devices)
        self._mx_since_s = array("i", bytes(4 * devices))
        self._failures = bytearray(devices)
        self._failures_since_s = array("i", bytes(4 * devices))

    def asked(self, device: int, question: int, qtype: int, name_hash: int) -> bool:
        """A device sent a query; `question` is a hash of (port, id, name, type).  True unless it was resent."""
        engine = self._engine
        key = hash_pair(question, device)
        if self._queries.find(key, engine.now_s) >= 0:
            return False
        self._queries.add(key, _PENDING, engine.now_s)
        if self._asked_s == _NEVER or engine.now_s < self._first_s:
            self._first_s = engine.now_s
        self._asked_s = engine.now_s
        engine.devices.flags[device] |= ASKED_DNS
        counters = engine.counters
        counters.add(device, DNS_QUERIES)
        if qtype == TYPE_MX:
            engine.devices.flags[device] |= ASKED_MX
            counters.add(device, DNS_MX)
            if counters.is_new(device, MX_NAMES, name_hash):
                counters.add(device, DNS_MX_NAMES)
                self._count_mx(device)
        return True

    def judge(self, device: int, qtype: int, kind: int, domain_hash: int) -> None:
        """Weigh a query that `asked` called new."""
        if self.is_excused(device):
            return
        if qtype == TYPE_MX:
            self._engine.observe(device, evidence.MX_QUERY)
        elif kind == MAIL_NAME:
            self._guessed(device, domain_hash)
        elif kind == LIST_NAME:
            self._engine.observe(device, evidence.DNSBL_QUERY)

    def answered(self, device: int, question: int, rcode: int) -> bool:
        """The device got a reply to a query; True the first time."""
        engine = self._engine
        key = hash_pair(question, device)
        at = self._queries.get(key, engine.now_s)
        if at != _PENDING:
            return False
        self._queries.set(key, _FAILED, engine.now_s)
        if rcode == NXDOMAIN:
            engine.counters.add(device, DNS_NXDOMAIN)
            if not self.is_excused(device):
                self._missed(device)
        return True

    def are_seen(self, for_s: int) -> bool:
        """Are the home's look-ups seen: one in the last day, and the first at least `for_s` ago?"""
        now_s = self._engine.now_s
        return self._asked_s != _NEVER and now_s - self._asked_s <= _DAY_S and now_s - self._first_s >= for_s

    def calls_widely(self, device: int) -> bool:
        """The device calls a server that an MX answer named: for many new domains' mail of a day, and not by hand?"""
        if not 0 <= self._engine.now_s - self._mx_since_s[device] <= _DAY_S:
            return False
        if self._mx_calls[device] < _MX_CALLS:
            self._mx_calls[device] += 1
        return self._mx_count[device] >= _MX_DOMAINS and self._mx_calls[device] >= _MX_CALLS

    def serves(self, device: int) -> None:
        """The device answers DNS queries of others: it is the home's resolver."""
        if device != CROWD:
            self._engine.devices.flags[device] |= RESOLVER

    def clear(self, device: int) -> None:
        """Forget the device: another one takes its number."""
        self._domain_count[device] = 0
        self._mx_count[device] = self._mx_calls[device] = 0
        self._failures[device] = 0

    def is_excused(self, device: int) -> bool:
        """Says nothing: a mail server, the home's resolver, and whoever must look up again because we refused it."""
        devices = self._engine.devices
        state = devices.state[device]
        if self._engine.enforces and (state == THROTTLED or state == QUARANTINED):
            return True
        return devices.grant[device] == GRANT_MAIL_SERVER or bool(devices.flags[device] & RESOLVER)

    def _count_mx(self, device: int) -> None:
        now_s = self._engine.now_s
        if not 0 <= now_s - self._mx_since_s[device] <= _DAY_S:
            self._mx_since_s[device] = now_s
            self._mx_count[device] = self._mx_calls[device] = 0
        if self._mx_count[device] < _MX_DOMAINS:
            self._mx_count[device] += 1

    def _guessed(self, device: int, domain_hash: int) -> None:
        now_s = self._engine.now_s
        if not 0 <= now_s - self._domains_since_s[device] <= _HOUR_S:
            self._domains_since_s[device] = now_s
            self._domain_count[device] = 0
        if self._domain_count[device] < _MAIL_DOMAINS:  # beyond, a flood would wash the others' out of the set
            key = hash_pair(hash_pair(domain_hash, device), self._domains_since_s[device] & 0x3FFFFFFF)
            if self._domains.add(key):
                self._domain_count[device] += 1
        if self._domain_count[device] >= _MAIL_DOMAINS:
            self._engine.observe(device, evidence.MAIL_NAME_QUERY)

    def _missed(self, device: int) -> None:
        now_s = self._engine.now_s
        if not 0 <= now_s - self._failures_since_s[device] <= _FAILURE_WINDOW_S:
            self._failures_since_s[device] = now_s
            self._failures[device] = 0
        if self._failures[device] < 255:
            self._failures[device] += 1
        if self._failures[device] >= _FAILURES:
            self._engine.observe(device, evidence.NXDOMAIN_BURST)
