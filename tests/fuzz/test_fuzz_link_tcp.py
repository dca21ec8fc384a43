"""Callers of the link over TCP that do as they like: bounded, unheard without the key, and nothing is left of them."""

import itertools

from fakes.aes import make_aes
from fakes.link_caller import KEY, OTHER_KEY, LinkCaller
from fakes.net import FakeLoop, FakeNet
from hypothesis import given
from hypothesis import strategies as st

from spamgate.service.link_session import Session
from spamgate.service.link_tcp import LinkTcp, Means
from spamgate.wire.link_seal import AuthError

PORT = 8425
MOST_CALLERS, MOST_SESSIONS = 4, 2
KINDS = ["open", "hello", "bytes", "lie", "change", "repeat", "deaf", "tick", "close"] + 2 * ["prove", "say"]
STEPS = st.lists(st.tuples(st.integers(0, 5), st.sampled_from(KINDS), st.binary(max_size=80)), max_size=60)


class Link:
    """What a session talks to: notes what it heard, and says it again."""

    def __init__(self, line, heard: list[bytes]) -> None:
        self._line = line
        self._heard = heard
        self._unsent = b""
        self._buf = bytearray(64)

    def poll(self, now_ms: int) -> None:
        """Read a little, say a little."""
        data = bytes(self._buf[: self._line.read_into(self._buf)])
        if data:
            self._heard.append(data)
        self._unsent = (self._unsent + data)[-4096:]
        self._unsent = self._unsent[self._line.write(self._unsent) :]

    def publish(self, line: str) -> None:
        """No events here."""

    def close(self) -> None:
        """The session is over."""


class World:
    """A link over TCP, and up to six callers from three addresses."""

    def __init__(self) -> None:
        self.net, self.loop = FakeNet(), FakeLoop()
        self.now_ms = 0
        self.heard: list[bytes] = []
        self.told: list[str] = []
        numbers = itertools.count(1)
        means = Means(KEY, make_aes, lambda size: next(numbers).to_bytes(size, "big"), lambda: self.now_ms)
        self.host = LinkTcp(self.net, self.loop, means, self._session, self.told.append)
        self.host.serve(PORT, [""])
        self.loop.each_tick(self.host.tick)
        self.callers: dict[int, LinkCaller] = {}

    def _session(self, host, sock, seals, now_ms):
        return Session(host, sock, seals, lambda line: Link(line, self.heard), now_ms)

    def do(self, number: int, kind: str, data: bytes) -> None:
        """Let a caller do something."""
        caller = self.callers.get(number)
        if kind == "tick":
            self.now_ms += 1 + 100 * len(data)
            self.loop.tick(self.now_ms)
            return
        if caller is None and kind in ("open", "prove", "lie"):
            address = bytes((192, 168, 1, number // 2))
            caller = self.callers[number] = LinkCaller(self.net, self.loop, PORT, address, bytes([number]) * 32)
            self.loop.spin()
        if caller:
            try:
                self._act(caller, kind, data)
            except (OSError, AuthError, IndexError):
                pass  # the other side has ended it, or it is not as far yet
            if kind == "close":
                caller.sock.close()
                del self.callers[number]
            self.loop.spin()

    def _act(self, caller: LinkCaller, kind: str, data: bytes) -> None:
        if kind in ("hello", "bytes"):
            caller.send(b"SGL1" + data[:32].ljust(32, b"x") if kind == "hello" else data)
        elif kind in ("prove", "lie") and caller.records is None:
            caller.meet(KEY if kind == "prove" else OTHER_KEY)
        elif kind == "deaf":
            caller.sock.room = len(data)
        elif caller.records and data:
            before = len(caller.said)
            caller.say(data)
            record = caller.said[before:]
            if kind == "change":
                caller.send(record[:-1] + bytes([record[-1] ^ 1]))
            elif kind == "repeat":
                caller.send(record)

    def close(self) -> None:
        """All callers leave."""
        for number in list(self.callers):
            self.do(number, "close", b"")


@given(STEPS)
def test_whatever_callers_do_is_bounded_and_leaves_nothing(steps):
    world = World()
    for number, kind, data in steps:
        world.do(number, kind, data)
        assert len(world.host.sessions) <= MOST_SESSIONS
        assert len(world.loop.handlers) <= 1 + MOST_CALLERS + MOST_SESSIONS
    world.close()
    assert (world.net.open_count(), len(world.loop.handlers), world.host.sessions) == (1, 1, [])


@given(STEPS)
def test_nothing_is_heard_of_those_who_have_not_the_key(steps):
    world = World()
    for number, kind, data in steps:
        world.do(number, "lie" if kind == "prove" else kind, data)
    assert (world.heard, world.host.sessions) == ([], [])
