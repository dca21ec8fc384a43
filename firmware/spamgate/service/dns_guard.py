"""The DNS guard: answers what a rule blocks and passes everything else on, over UDP and TCP.

What is where: `dns_rules` judges a query, `dns_forward` takes one that came by UDP to an upstream and back, with
`dns_pending`, `dns_cache` and `dns_upstream`; `dns_tcp` does so for TCP, with `dns_relay`.
"""

from spamgate.core.compat import const
from spamgate.service.dns_forward import Forwarder
from spamgate.service.dns_query import Query
from spamgate.service.dns_rules import QUERY_BYTES, Rules
from spamgate.service.dns_tcp import TcpGuard
from spamgate.service.dns_upstream import Server, drop
from spamgate.wire.address import parse_address

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from spamgate.service.dns_rules import Blocklist

_BURST = const(32)
_TOLD = const(64)
_LAST_BYTES = const(256)


class DnsGuard:
    """`serve` says where, `tick` tells the time, `close` ends it.

    `observer.answered(buf, start, end, address, port)` hears every answer of an upstream, lent for the call, or as much
    of a long one as came first; `observer.blocked(address, count)` hears of queries that hit a rule, and
    `observer.listed(address, count)` of those among them that the blocklist brought.
    """

    def __init__(self, net, loop, settings, observer, log) -> None:
        self._net = net
        self._loop = loop
        self._observer = observer
        self._log = log
        self._port = settings.guard_port
        self._split = net.split
        self._listeners: "dict[bytes, Listener]" = {}  # by address
        self._is_like_ours = bytearray(_LAST_BYTES)  # by last byte of an address, as in `dns_pending.device_of`
        self._rules = Rules(settings)
        self.judge = self._rules.judge
        self.failure = self._rules.failure
        self._forwarder = Forwarder(net, loop, self, observer, log)
        self.look_up = self._forwarder.look_up
        self.make_room = self._forwarder.make_room
        self.upstreams = self._forwarder.upstreams
        self._tcp = TcpGuard(net, loop, self._port, self)
        self.use_upstreams(settings.guard_upstreams)

    def serve(self, addresses: "list[bytes]") -> None:
        """Serve on these addresses and no others; again when they have changed."""
        for address in [old for old in self._listeners if old not in addresses]:
            self._listeners.pop(address).close(self._loop)
        for address in addresses:
            if address not in self._listeners:
                self._listen(address)
        for last in range(_LAST_BYTES):
            self._is_like_ours[last] = last in [address[-1] for address in self._listeners]

    def use_upstreams(self, texts: "list[str]") -> None:
        """Ask these servers from now on."""
        self._forwarder.forget_answers()
        self.upstreams.use([Server(parse_address(text), text) for text in texts])

    def use_list(self, blocklist: "Blocklist | None") -> None:
        """Block what this list names from now on."""
        self._rules.blocklist = blocklist
        self._rules.trouble = ""

    @property
    def trouble(self) -> str:
        """Why the list could not be read, if so."""
        return self._rules.trouble

    def tick(self, now_ms: int) -> None:
        """Do what is due."""
        self.tell_blocked()
        self._forwarder.tick(now_ms)
        self._tcp.tick(now_ms)

    def close(self) -> None:
        """Close every socket; what waits is lost."""
        self.tell_blocked()
        self.serve([])
        self.upstreams.close()
        self._tcp.close()

    # --- for those who do the work -------------------------------------------------------------------

    def is_own(self, address: bytes) -> bool:
        """Is the address one of ours?"""
        return address in self._listeners

    def is_ours(self, peer: bytes) -> bool:
        """As `is_own`, of a packed address."""
        return self._is_like_ours[peer[7] ^ peer[-5]] > 0 and self._split(peer)[0] in self._listeners

    def tell(self, answer: bytes, start: int, client: "tuple[bytes, int]") -> None:
        """Tell that this client, an address and a port, had this answer of an upstream."""
        self._observer.answered(answer, start, len(answer), client[0], client[1])

    def tell_blocked(self, least: int = 1) -> None:
        """Tell who asked for what is blocked, if they are so many; not at once, as it costs as much as an answer."""
        hits = self._rules.hits
        if len(hits) < least:
            return
        for asker, count in hits.items():
            client = self._split(asker) if isinstance(asker, bytes) else asker
            self._observer.blocked(client[0], count)
        hits.clear()
        for asker, count in self._rules.list_hits.items():
            client = self._split(asker) if isinstance(asker, bytes) else asker
            self._observer.listed(client[0], count)
        self._rules.list_hits.clear()

    def _listen(self, address: bytes) -> None:
        try:
            sock = self._net.udp(address, self._port)
        except OSError as error:
            self._log("guard: no UDP socket at port %d of an address of ours: %s" % (self._port, error))
            return
        self._listeners[address] = listener = Listener(self, sock)
        self._loop.add(sock, listener)


class Listener:
    """The UDP socket at one of our addresses."""

    def __init__(self, guard: DnsGuard, sock) -> None:
        self._tell_blocked = guard.tell_blocked
        self.send = sock.sendto
        self._sock = sock
        self._judge = guard.judge
        self._look_up = guard.look_up
        self._make_room = guard.make_room
        self._rotate = guard.upstreams.rotate
        self._query = Query(self)
        self._burst = 1
        self._left = 0

    def ready(self, sock) -> None:
        """Take as many datagrams as there were the last time: hearing that there are no more costs as much as one."""
        try:
            self._take(sock.recvfrom)
        except OSError:
            self._burst = self._burst - self._left or 1
        except MemoryError:
            if not self._make_room():
                drop(sock)
            raise
        self._tell_blocked(_TOLD)

    def _take(self, receive) -> None:
        self._rotate()
        query = self._query
        self._left = self._burst
        while self._left:
            query.datagram = receive(QUERY_BYTES + 1)
            answer = self._judge(query)
            if answer is None:
                self._look_up(query)
            elif answer:
                self.send(answer, query.datagram[1])
            self._left -= 1
        self._burst = min(2 * self._burst, _BURST)

    def close(self, loop) -> None:
        """Be no longer there."""
        loop.remove(self._sock)
        self._sock.close()
