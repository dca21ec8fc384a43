"""What a device does with mail servers: connections fire.

A connection weighs when it is known to mean something: at its SYN while the line is open, else once its server,
or within ten minutes any other, answers.  So a provider that blocks port 25 makes nobody a suspect, and a bot on
an open line is judged before its server has spoken.  A line is open when servers of strangers answer: its own
provider's relay does so behind a block, too.

Destinations are providers, not addresses; servers inside the home are counted and not judged.  What is said on
connections is heard_mail's business: boards hear none of it, and have no room for more.
"""

from array import array

from spamgate.core import evidence
from spamgate.core.compat import const
from spamgate.core.contacts import DIRECT, DOUBTED, FAILED
from spamgate.core.counters import CONNECTS, PORT_25, SUBMISSION
from spamgate.core.devices import ASKED_DNS, CROWD, MAILED
from spamgate.core.household import Household
from spamgate.core.providers import is_exchange, network_provider

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from spamgate.core.engine import Engine

_DAY_S = const(86400)
_BURST_S = const(600)
# Linux gives up an unanswered SYN after 127 s, most mailers after 30 (RFC 5321 asks for no more on connecting).
_NO_ANSWER_S = const(30)
_PROXIED_S = const(60)

_SYN = const(1)  # no answer yet
_DEFERRED = const(2)  # weighs once the server answers
LOCAL = const(4)  # the server is in the home
_SUBMISSION = const(8)
MET = const(16)  # the provider has been weighed and stands in the device's row
FAN_OUT = const(3)  # providers
WIDE_FAN_OUT = const(5)
NOBODY = const(0xFFFF)
_ALL = const(0xFFFF)
_NEVER = const(-(1 << 30))


class Mail:
    """Connections to mail servers, by the number the stream table gives them.  Allocation-free once made."""

    def __init__(self, engine: "Engine", connections: int) -> None:
        self._engine = engine
        self.household = Household(engine)
        self._proxied_s = array("i", [_NEVER] * engine.devices.capacity)
        self._device = array("H", [NOBODY] * connections)
        self._flags = bytearray(connections)
        self._provider = array("I", bytes(4 * connections))
        self._host = array("i", bytes(4 * connections))
        self._opened_s = array("i", bytes(4 * connections))

    def opened(self, slot: int, device: int, port: int, address_hash: int, is_local: bool) -> None:
        """A connection attempt; the server's address is what the engine was last told with `about()`."""
        self.joined(slot, device, port, address_hash, is_local)
        engine = self._engine
        counters = engine.counters
        counters.add_smtp(device, port, CONNECTS)
        counters.add_destination(device, port, address_hash)
        if port != PORT_25:
            return
        counters.connected(device, engine.now_s, engine.now_us)
        self._flags[slot] |= _SYN
        if is_local:
            return
        engine.devices.flags[device] |= MAILED
        if self._is_direct(slot):
            engine.line.asked()
        if engine.line.is_open(engine.now_s):
            self._weigh(slot)
        else:
            self._flags[slot] |= _DEFERRED

    def joined(self, slot: int, device: int, port: int, address_hash: int, is_local: bool) -> None:
        """A connection seen for the first time in its middle: nobody knows how it began."""
        engine = self._engine
        host = engine.providers.of_host(address_hash, engine.now_s)
        self._device[slot] = device
        self._host[slot] = host
        if host < 0:
            self._provider[slot] = network_provider(engine.peer, engine.peer_at, engine.peer_size)
        else:
            self._provider[slot] = host | 1
        self._flags[slot] = (LOCAL if is_local else 0) | (_SUBMISSION if port == SUBMISSION else 0)
        self._opened_s[slot] = engine.now_s

    def established(self, slot: int) -> None:
        """The server accepted the connection."""
        flags = self._flags[slot]
        self._flags[slot] = flags & ~(_SYN | _DEFERRED)
        if flags & (LOCAL | _SUBMISSION) or self._device[slot] == NOBODY:
            return
        engine = self._engine
        if self._is_direct(slot):
            was_open = engine.line.is_open(engine.now_s)
            engine.line.answered(engine.now_s)
            if not was_open:
                self._weigh_deferred()
        if flags & _DEFERRED:
            self._weigh(slot)

    def refused(self, slot: int) -> None:
        """The server answered the SYN with a reset."""
        if self._flags[slot] & _SYN:
            self._failed(slot)

    def closed(self, slot: int) -> None:
        """The connection is over."""
        self._device[slot] = NOBODY
        self._flags[slot] = 0

    def expire(self, first: int = 0, end: int = _ALL) -> None:
        """Take connections that nobody answered as failed: those in the slots `first` to `end`."""
        latest_s = self._engine.now_s - _NO_ANSWER_S
        for slot in range(first, min(end, len(self._flags))):
            if self._flags[slot] & _SYN and self._opened_s[slot] < latest_s:
                self._engine.about_nobody()
                self._failed(slot)

    def clear(self, device: int, was_taken: bool) -> None:
        """Forget the device: another one takes its number; nobody had it before unless it was taken."""
        if was_taken:
            for slot in range(len(self._device)):
                if self._device[slot] == device:
                    self._device[slot] = CROWD
        self._proxied_s[device] = _NEVER
        self.forget_said(device)
        self.household.clear(device)

    def forget_said(self, device: int) -> None:
        """Forget what the device said today."""

    def expect_servers(self) -> None:
        """There are granted mail servers."""

    def device(self, slot: int) -> int:
        """Return whose connection it is, or -1."""
        device = self._device[slot]
        return -1 if device == NOBODY else device

    def port(self, slot: int) -> int:
        """Return PORT_25 or SUBMISSION."""
        return SUBMISSION if self._flags[slot] & _SUBMISSION else PORT_25

    def is_judged(self, slot: int) -> bool:
        """Is what is said on this connection evidence: port 25, to a server outside?"""
        return self._device[slot] != NOBODY and not self._flags[slot] & (LOCAL | _SUBMISSION)

    def has_past(self, slot: int) -> bool:
        """Has the server's provider taken the device's mail before, for longer than a day?"""
        engine = self._engine
        return engine.contacts.has_past(self._device[slot], self._provider[slot], engine.now_s)

    def proxied(self, device: int) -> None:
        """Somebody outside opened a port of the device that proxies use."""
        self._proxied_s[device] = self._engine.now_s

    def _is_direct(self, slot: int) -> bool:
        """Is the server one that an MX answer named, or that nobody looked up where look-ups are seen?"""
        host = self._host[slot]
        return is_exchange(host) if host >= 0 else self._engine.lookups.are_seen(0)

    def _weigh_deferred(self) -> None:
        """The line has proved open: what was tried in the last minutes and is still unanswered weighs now."""
        engine = self._engine
        peer = engine.peer
        at = engine.peer_at
        size = engine.peer_size
        engine.about_nobody()
        for slot in range(len(self._flags)):
            if self._flags[slot] & _DEFERRED:
                self._flags[slot] &= ~_DEFERRED
                if 0 <= engine.now_s - self._opened_s[slot] <= _BURST_S:
                    self._weigh(slot)
        engine.about(peer, at, size)

    def _weigh(self, slot: int) -> None:
        """A connection to a provider outside: does it say something about the device?"""
        engine = self._engine
        device = self._device[slot]
        self._flags[slot] |= MET
        provider = self._provider[slot]
        host = self._host[slot]
        is_new = engine.contacts.meet(device, provider, engine.now_s)
        if host >= 0 and is_exchange(host) and engine.lookups.calls_widely(device):
            if not engine.contacts.has_past(device, provider, engine.now_s):
                engine.observe(device, evidence.MX_MANY_DOMAINS)
        if is_new:
            self._weigh_new(slot, device)

    def _weigh_new(self, slot: int, device: int) -> None:
        engine = self._engine
        provider = self._provider[slot]
        host = self._host[slot]
        if engine.is_held(device):
            engine.contacts.mark(device, provider, DOUBTED, engine.now_s)
        is_direct = self._is_direct(slot)
        if is_direct:
            engine.contacts.mark(device, provider, DIRECT, engine.now_s)
        if host >= 0:
            if is_direct:
                engine.observe(device, evidence.MX_CONNECT)
        elif engine.devices.flags[device] & ASKED_DNS:
            engine.observe(device, evidence.NO_DNS_CONNECT)
        proxied_s = self._proxied_s[device]
        if proxied_s != _NEVER and engine.now_s - proxied_s <= _PROXIED_S:
            engine.observe(device, evidence.PROXIED)
        if engine.listed:
            engine.listed.mailed(device)
        self._weigh_fan_out(device)
        # On a gateway's first day all devices are new to it, and what they use was looked up before anybody watched.
        is_settled = engine.lookups.are_seen(_DAY_S)
        is_stranger = is_direct if is_settled else host >= 0 and is_exchange(host)
        self.household.met(device, provider, is_stranger, is_settled)

    def _has_second(self, device: int, in_day: int) -> bool:
        """Two providers of one sort?  To report straight to one domain, and by one relay, is no beginning of more."""
        direct = self._engine.contacts.recent(device, self._engine.now_s, _DAY_S, DIRECT)
        return direct >= 2 or in_day - direct >= 2

    def _weigh_fan_out(self, device: int) -> None:
        engine = self._engine
        in_day = engine.contacts.recent(device, engine.now_s, _DAY_S)
        if self._has_second(device, in_day):
            engine.observe(device, evidence.SECOND_PROVIDER)
        if in_day > FAN_OUT or engine.contacts.recent(device, engine.now_s, _BURST_S) >= FAN_OUT:
            engine.observe(device, evidence.FAN_OUT)
        if in_day >= WIDE_FAN_OUT:
            engine.observe(device, evidence.WIDE_FAN_OUT)

    def _failed(self, slot: int) -> None:
        flags = self._flags[slot]
        self._flags[slot] = flags & ~_SYN
        engine = self._engine
        device = self._device[slot]
        if not flags & MET or device == NOBODY or not engine.line.is_open(engine.now_s):
            return
        if engine.contacts.has_past(device, self._provider[slot], engine.now_s):
            return
        engine.contacts.mark(device, self._provider[slot], FAILED, engine.now_s)
        if engine.contacts.troubled(device, FAILED, engine.now_s) >= 2:
            engine.observe(device, evidence.CONNECT_FAILED)
