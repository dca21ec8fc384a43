"""The link over TCP: callers from the LAN that prove the key, and a session for each that has.

The rules when somebody wants too much.  Before the proof: a caller has five seconds, 64 bytes and no memory but those;
four are heard at a time, two of an address, and the newest takes the place of the oldest, its own address's first.
Five that fail to prove themselves, and their address is refused for a minute, later longer (`link_patience.py`).  After
the proof: two sessions, each with two records and what a Link has; a third that proves itself takes the place of
whoever has been silent longest, for that may be a cable that was pulled.  Where there is no memory for two, one.
"""

import gc

from spamgate.core.compat import const
from spamgate.core.errors import SpamgateError
from spamgate.core.ticks import elapsed
from spamgate.service.link_patience import Patience
from spamgate.wire.address import address_text
from spamgate.wire.link_auth import HELLO_BYTES, NONCE_BYTES, PROOF_BYTES, Server

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from typing import Callable

    from spamgate.service.link_session import Session
    from spamgate.wire.link_seal import MakeAes, Seal

_CALLERS = const(4)
_OF_AN_ADDRESS = const(2)
_SESSIONS = const(2)
_MEET_MS = const(5000)
_BACKLOG = const(64)
_ACCEPTS_A_TURN = const(16)
_EVENTS = const(24)  # that wait for the tick
_EVENTS_A_TURN = const(4)  # a Link keeps no more
_ENODEV = const(19)


class Means:
    """What meeting takes: the key, AES, random bytes, and a clock in ms."""

    def __init__(self, key: bytes, make_aes: "MakeAes", random: "Callable[[int], bytes]", clock) -> None:
        self.key = key
        self.make_aes = make_aes
        self.random = random
        self.clock = clock


class LinkTcp:
    """Listens on the LAN's interfaces.

    `make_session(host, sock, seals, now_ms)` returns the Session of a caller that has proved itself.
    """

    def __init__(self, net, loop, means: Means, make_session: "Callable[..., Session]", report) -> None:
        self.loop = loop
        self.means = means
        self._make_session = make_session
        self.sessions: "list[Session]" = []
        self._net = net
        self._report = report
        self._patience = Patience()
        self._listeners: list = []
        self._resting: list = []  # of these, those that are not in the loop
        self._callers: "list[Caller]" = []
        self._events: "list[str]" = []

    def serve(self, port: int, interfaces: "list[str]") -> None:
        """Listen anew, on these interfaces: after they changed, a socket is bound to one that is gone."""
        self._end_listeners()
        for name in interfaces:
            try:
                sock = self._net.tcp_listener(port, _BACKLOG, name)
            except OSError as error:
                if error.args[0] != _ENODEV:
                    self._report("link: port %d cannot be served on %s (error %s)" % (port, name, error.args[0]))
                continue
            self._listeners.append(sock)
            self.loop.add(sock, self)

    def ready(self, sock) -> None:
        """Somebody calls."""
        for turn in range(_ACCEPTS_A_TURN):
            accepted = self._net.accept(sock)
            if accepted is None:
                if turn == 0:  # the process has no file left: ask again with the next tick, not at once for ever
                    self.loop.remove(sock)
                    self._resting.append(sock)
                return
            self._take(accepted[0], accepted[1])

    def tick(self, now_ms: int) -> None:
        """Let go of those who do not prove themselves, and let links do what is due."""
        self._patience.tick(now_ms)
        for sock in self._resting:
            self.loop.add(sock, self)
        self._resting = []
        for caller in list(self._callers):
            if elapsed(now_ms, caller.came_ms) >= _MEET_MS:
                self.failed(caller)
        self._work()
        while self._events and self.sessions:
            for _ in range(min(_EVENTS_A_TURN, len(self._events))):
                line = self._events.pop(0)
                for session in self.sessions:
                    session.link.publish(line)
            self._work()

    def publish(self, line: str) -> None:
        """Send an event, with the next tick, to all who asked for them; of too many at once the first are lost."""
        if self.sessions:
            if len(self._events) >= _EVENTS:
                self._events.pop(0)
            self._events.append(line)

    def close(self) -> None:
        """Stop serving."""
        self._end_listeners()
        for caller in list(self._callers):
            self.forget(caller)
        for session in list(self.sessions):
            self.drop(session)

    # --- who comes and goes ----------------------------------------------------------------------

    def _take(self, sock, address: bytes) -> None:
        now_ms = self.means.clock()
        if self._patience.is_refused(address, now_ms):
            sock.close()
            return
        self._make_room(address)
        try:
            self._callers.append(Caller(self, sock, address, now_ms))
        except MemoryError:
            sock.close()

    def _work(self) -> None:
        for session in list(self.sessions):
            session.work()

    def proved(self, caller: "Caller", seals: "tuple[Seal, Seal]") -> None:
        """This one has proved itself: it gets a session."""
        self._patience.forgive(caller.address)
        self._callers.remove(caller)
        self.loop.remove(caller.sock)
        if len(self.sessions) >= _SESSIONS:
            self._drop_longest_silent()
        if self._begin(caller.sock, seals):
            return
        if self.sessions:
            self._drop_longest_silent()
            if self._begin(caller.sock, seals):
                return
        caller.sock.close()
        self._report("link: no memory left for a session")

    def failed(self, caller: "Caller") -> None:
        """It has not, and goes."""
        self.forget(caller)
        now_ms = self.means.clock()
        if self._patience.is_refused(caller.address, now_ms):
            return  # it came before it was
        seconds = self._patience.failed(caller.address, now_ms)
        if seconds:
            who = address_text(caller.address)
            self._report("link: %s failed to prove the key; it is refused for %d s" % (who, seconds))

    def drop(self, session: "Session") -> None:
        """This session is over."""
        if session in self.sessions:
            self.sessions.remove(session)
            self.loop.remove(session.sock)
            session.sock.close()
            session.link.close()
            if not self.sessions:
                self._events = []

    def _begin(self, sock, seals: "tuple[Seal, Seal]") -> bool:
        """Make a session, if there is memory for it."""
        gc.collect()
        try:
            session = self._make_session(self, sock, seals, self.means.clock())
        except MemoryError:
            return False
        self.sessions.append(session)
        self.loop.add(sock, session)
        return True

    def _drop_longest_silent(self) -> None:
        now_ms = self.means.clock()
        self.drop(max(self.sessions, key=lambda session: elapsed(now_ms, session.heard_ms)))

    def forget(self, caller: "Caller") -> None:
        """It goes, and nobody is to blame."""
        self._callers.remove(caller)
        self.loop.remove(caller.sock)
        caller.sock.close()

    def _make_room(self, address: bytes) -> None:
        """Let a caller go that has not proved itself, if there are too many; they stand in the order they came."""
        own = [caller for caller in self._callers if caller.address == address]
        if len(own) >= _OF_AN_ADDRESS:
            self.failed(own[0])
        elif len(self._callers) >= _CALLERS:
            self.forget(self._callers[0])

    def _end_listeners(self) -> None:
        for sock in self._listeners:
            self.loop.remove(sock)
            sock.close()
        self._listeners = []
        self._resting = []


class Caller:
    """A connection that has not proved itself yet."""

    def __init__(self, host: LinkTcp, sock, address: bytes, now_ms: int) -> None:
        self.sock = sock
        self.address = address
        self.came_ms = now_ms
        self._host = host
        self._server = Server(host.means.key, host.means.random(NONCE_BYTES))
        self._heard = b""
        self._wanted = HELLO_BYTES
        host.loop.add(sock, self)

    def ready(self, sock) -> None:
        """It said something."""
        try:
            data = sock.recv(self._wanted - len(self._heard))
            if not data:
                raise SpamgateError
            self._heard += data
            if len(self._heard) == self._wanted:
                self._meet()
        except (OSError, SpamgateError):
            self._host.failed(self)
        except MemoryError:
            self._host.forget(self)

    def _meet(self) -> None:
        if self._wanted == HELLO_BYTES:
            self.sock.send(self._server.answer(self._heard))
            self._wanted = PROOF_BYTES
            self._heard = b""
            return
        self._server.check(self._heard)
        self._host.proved(self, self._server.seals(self._host.means.make_aes))
