"""Anything said to the control socket, in any pieces and at any time: answered in lines, and nothing is left behind."""

import json

from fakes.net import FakeLoop, FakeNet
from hypothesis import given
from hypothesis import strategies as st

from spamgate.core.errors import SpamgateError
from spamgate.service.control import Control
from spamgate.wire.answers import MessageError
from spamgate.wire.messages import REQUESTS

PATH = "/run/spamgate/control"
NAMES = [row[0] for row in REQUESTS]
LINES = st.builds(
    lambda name, more: json.dumps({"type": name, "device": "tv", **more}).encode() + b"\n",
    st.sampled_from(NAMES) | st.text(max_size=5),
    st.dictionaries(st.sampled_from(["device", "grant", "time"]), st.integers() | st.text(max_size=70), max_size=2),
)
SAID = st.lists(LINES | st.binary(max_size=50) | st.sampled_from([b"\n", b"x" * 1500, b"{" * 600]), max_size=6)
STEPS = st.lists(st.tuples(st.integers(0, 9), st.sampled_from("ooossstrrcp"), SAID.map(b"".join)), max_size=40)
FAULTS = [SpamgateError("no"), MessageError("no", "hint"), OSError(5, "broken"), MemoryError()]


class Commands:
    """Answers every request with two lines; sometimes it cannot."""

    def __init__(self) -> None:
        self.count = 0

    def __getattr__(self, name):
        assert name in NAMES

        def answer(fields, send):
            self.count += 1
            if self.count % 5 == 4:
                raise FAULTS[self.count // 5 % len(FAULTS)]
            for _ in range(2):
                send('{"type":"device","pad":"' + "x" * 300 + '"}\n')

        return answer


class Talk:
    """A control socket, and up to ten clients that do as they like."""

    def __init__(self) -> None:
        self.net, self.loop = FakeNet(), FakeLoop()
        self.control = Control(self.net, self.loop, PATH, Commands(), lambda text: None)
        self.loop.each_tick(self.control.tick)
        self.clients: dict = {}

    def do(self, number: int, step: str, said: bytes) -> None:
        """Open, say, tick, read little, close, publish."""
        client = self.clients.get(number)
        if step == "o" and client is None:
            self.clients[number] = self.net.connect_unix(PATH)
        elif step == "t":
            self.loop.tick(0)
        elif step == "p":
            self.control.publish('{"type":"verdict"}\n')
        elif client and step == "s":
            try:
                client.send(said)
            except OSError:
                pass
        elif client and step == "r":
            client.room = 700
        elif client and step == "c":
            self.close(number)
        self.loop.spin()

    def close(self, number: int) -> None:
        """Read the rest and end the connection."""
        client = self.clients.pop(number)
        text = b""
        while client.inbox:
            text += client.recv(1 << 16)
        client.close()
        self.loop.spin()
        for line in text.split(b"\n")[:-1]:
            assert json.loads(line)["type"] in ("device", "done", "error", "verdict")


@given(STEPS)
def test_any_talk_is_answered_in_lines_and_nothing_is_left(steps):
    talk = Talk()
    for number, step, said in steps:
        talk.do(number, step, said)
        assert len(talk.loop.handlers) <= 9
    for number in list(talk.clients):
        talk.close(number)
    assert (talk.net.open_count(), len(talk.loop.handlers)) == (1, 1)
