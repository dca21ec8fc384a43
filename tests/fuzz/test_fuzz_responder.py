"""The SMTP responder against clients that say anything, in any pieces, at any time.

What a client reads follows from its lines alone, however they are cut; places, time and sockets stay bounded, the loop
comes to rest after every step, and nothing is left when time has passed.
"""

import re

from fakes.net import FakeLoop, FakeNet
from hypothesis import given
from hypothesis import strategies as st

from spamgate.service.smtp_refusal import BYE, LATE, Refusal
from spamgate.service.smtp_responder import PLACES, PLACES_AN_ADDRESS, TOTAL_MS, Responder

PORT = 8421
QUIT = re.compile(rb"quit[ \t\r]{0,7}", re.IGNORECASE)

WORDS = (b"QUIT", b"quit ", b"QUI", b"QUITE", b"EHLO x", b"MAIL FROM:<a@b>", b"DATA", b".", b"", b"\0\xff", b"x" * 600)
ENDS = (b"\r\n", b"\r\n", b"\n", b"\r", b"")
lines = st.lists(st.builds(bytes.__add__, st.sampled_from(WORDS), st.sampled_from(ENDS)), max_size=30).map(b"".join)
speech = st.one_of(lines, lines, st.binary(max_size=50))


class Greeting:
    page = "http://gw/"

    def ticket(self, address):
        return address.hex()[-6:]


class Stage:
    def __init__(self, is_final=False):
        self.net, self.loop = FakeNet(), FakeLoop()
        self.refusal = Refusal(is_final, Greeting())
        self.responder = Responder(self.net, self.loop, PORT, lambda _: is_final, Greeting(), lambda *_: None)
        self.loop.each_tick(self.responder.tick)
        self.now_ms = 0

    def wait(self, ms):
        for _ in range(0, ms, 500):
            self.now_ms += 500
            self.loop.tick(self.now_ms)

    def expected(self, address, text):
        """Return all that a client at `address` should read who says `text`."""
        said = text.split(b"\n")[:-1]
        quits = [at for at, line in enumerate(said) if QUIT.fullmatch(line)]
        answered = min(quits[0] if quits else len(said), self.refusal.answers)
        last = BYE if quits else LATE if self.refusal.is_final else b""
        return self.refusal.banner(address) + self.refusal.answer(address) * answered + last


@given(speech, st.booleans(), st.integers(1, 700), st.integers(40, 300))
def test_what_is_read_follows_from_the_lines(text, is_final, piece, room):
    stage = Stage(is_final)
    address = b"\x0a\0\0\7"
    client = stage.net.connect(PORT, address)
    client.room = room
    heard = b""
    for at in range(0, len(text), piece):
        client.send(text[at : at + piece])
        stage.loop.spin()
        heard += client.received()
        if client.is_over():
            break
    for _ in range(0, TOTAL_MS + 1000, 500):
        stage.wait(500)
        heard += client.received()
    assert heard == stage.expected(address, text)
    assert client.is_over()


steps = st.one_of(
    st.tuples(st.just("connect"), st.integers(0, 9), st.integers(0, 200)),
    st.tuples(st.just("connect"), st.integers(0, 9), st.integers(0, 200)),
    st.tuples(st.just("crowd"), st.integers(1, 40), st.booleans()),
    st.tuples(st.just("say"), st.integers(0, 99), speech),
    st.tuples(st.just("close"), st.integers(0, 99), st.just(0)),
    st.tuples(st.just("half"), st.integers(0, 99), st.just(0)),
    st.tuples(st.just("read"), st.integers(0, 99), st.just(0)),
    st.tuples(st.just("wait"), st.integers(1, 80), st.just(0)),
    st.tuples(st.just("files"), st.booleans(), st.just(0)),
)


class Outside:
    """Everybody who may connect."""

    def __init__(self, stage):
        self.stage = stage
        self.clients = []

    def connect(self, host, room):
        client = self.stage.net.connect(PORT, bytes([10, 0, 0, host]))
        client.room = room
        self.clients.append(client)

    def crowd(self, count, is_one):
        for number in range(count):
            self.connect(0 if is_one else 100 + number, 1000)
            self.stage.loop.spin()

    def say(self, which, text):
        self._try(which, lambda client: client.send(text))

    def close(self, which, _):
        self._try(which, lambda client: client.close())

    def half(self, which, _):
        self._try(which, lambda client: client.shutdown_write())

    def read(self, which, _):
        self._try(which, lambda client: client.received())

    def wait(self, ticks, _):
        self.stage.wait(500 * ticks)

    def files(self, out, _):
        self.stage.net.out_of_files = out

    def _try(self, which, action):
        if self.clients:
            try:
                action(self.clients[which % len(self.clients)])
            except OSError:
                pass


@given(st.lists(steps, max_size=40), st.booleans())
def test_nothing_grows_and_nothing_stays(script, is_final):
    stage = Stage(is_final)
    outside = Outside(stage)
    for step, one, other in script:
        try:
            getattr(outside, step)(one, other)
        except OSError:
            assert step in ("connect", "crowd") and not stage.responder._is_listening  # the backlog is full
        stage.loop.spin()
        held = [stage.responder._addresses[slot] for slot in range(PLACES) if stage.responder._socks[slot]]
        assert len(held) <= PLACES and max(map(held.count, held), default=0) <= PLACES_AN_ADDRESS
        assert len(stage.loop.handlers) <= PLACES + 1
    stage.net.out_of_files = False
    stage.wait(2 * TOTAL_MS)
    assert list(stage.loop.handlers) == [stage.responder._listener.fileno()]
    stage.responder.close()
    open_outside = sum(1 for client in outside.clients if not client.closed)
    assert stage.net.open_count() == open_outside
