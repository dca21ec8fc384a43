"""One bot, many captures: however its frames are written down, cut or mixed, the same device is found as early.

The bot is the plainest one: it asks MX and mails a new domain each minute.
"""

from functools import cache

import pytest

from scenario import encodings
from scenario.encodings import Record
from scenario.stage import MINUTE_S, Mailing, Outcome, Stage, browse, campaign, judge
from spamgate_tools.sample.messages import REQUEST, Lease, dhcp_request
from spamgate_tools.sample.network import Device
from spamgate_tools.sample.packets import Station

_BOT = "00:00:5e:00:53:67"
_ROUTER = bytes.fromhex("00005e005301")
_NAME = "tv-stick"
_COUNT = 12


@cache
def _frames() -> tuple[Record, ...]:
    stage = Stage(7)
    stage.everyday()
    bot = stage.device(_NAME)
    stage.spawn(campaign(stage, bot, stage.domains(_COUNT), MINUTE_S), 2 * MINUTE_S)
    return tuple(stage.records())


def _is_found(outcome: Outcome, connects: int = 2) -> None:
    verdict = outcome.verdict(_BOT)
    assert verdict["smtp_connects"] <= connects, outcome.story()
    assert verdict["messages_accepted"] <= 5
    assert verdict["name"] == _NAME
    assert outcome.above_watched() == {_BOT}, outcome.story()


def _counts(outcome: Outcome) -> dict:
    summary = outcome.device(_BOT)
    return {key: summary[key] for key in ("addresses", "smtp", "dns")}


@pytest.fixture(scope="module")
def plain(tmp_path_factory) -> Outcome:
    return judge(encodings.classic(_frames()), tmp_path_factory.mktemp("plain"))


def test_plain(plain):
    _is_found(plain)
    smtp = plain.device(_BOT)["smtp"]
    assert (smtp["connects"], smtp["destinations"], smtp["messages_accepted"]) == (_COUNT,) * 3


_ENCODINGS = {
    "nanoseconds": lambda frames: encodings.classic(frames, nanos=True),
    "big-endian": lambda frames: encodings.classic(frames, order=">"),
    "pcapng": encodings.next_generation,
    "vlan": lambda frames: encodings.classic(encodings.tagged(frames, 20)),
    "qinq": lambda frames: encodings.next_generation(encodings.tagged(frames, 100, 20)),
    "doubled": lambda frames: encodings.classic(encodings.doubled(frames)),
    "swapped": lambda frames: encodings.classic(encodings.swapped(list(frames))),
}


@pytest.mark.parametrize(
    "encoding, runtime",
    [*((encoding, "cpython") for encoding in _ENCODINGS), ("pcapng", "micropython"), ("swapped", "micropython")],
)
def test_written_differently(plain, tmp_path, encoding, runtime):
    outcome = judge(_ENCODINGS[encoding](_frames()), tmp_path, runtime=runtime)
    _is_found(outcome)
    assert _counts(outcome) == _counts(plain)


@pytest.mark.parametrize("version", [1, 2])
def test_linux_cooked(plain, tmp_path, version):
    """Frames to a device carry the router's MAC and not its own: its address must lead to it."""
    if version == 1:
        capture = encodings.classic(encodings.cooked(_frames(), _ROUTER), encodings.COOKED)
    else:
        capture = encodings.next_generation(encodings.cooked_2(_frames(), _ROUTER), encodings.COOKED_2)
    outcome = judge(capture, tmp_path)
    _is_found(outcome)
    assert _counts(outcome) == _counts(plain)
    assert len(outcome.devices) == len(plain.devices)


def test_raw_ip(plain, tmp_path):
    """No MAC at all: the address is the identity."""
    outcome = judge(encodings.classic(encodings.raw(_frames()), 101), tmp_path)
    verdict = outcome.verdict("192.168.77.103")
    assert verdict["smtp_connects"] <= 2
    assert outcome.above_watched() == {"192.168.77.103"}
    assert outcome.device("192.168.77.103")["smtp"] == plain.device(_BOT)["smtp"]


def test_a_capture_that_begins_in_the_middle(tmp_path):
    """It starts within the bot's third message: what follows is enough."""
    frames = _frames()
    smtp = [at for at, (_, frame) in enumerate(frames) if frame[36:38] == b"\x00\x19" and b"MAIL FROM" in frame]
    outcome = judge(encodings.classic(frames[smtp[2] :]), tmp_path)
    verdict = outcome.verdict(_BOT)
    assert verdict["smtp_connects"] <= 2, outcome.story()
    assert verdict["messages_accepted"] <= 5
    assert outcome.above_watched() == {_BOT}


def test_only_what_leaves(tmp_path):
    """A port mirror of one direction: no answer of DNS or of a server is seen."""
    outcome = judge(encodings.classic(encodings.one_side(_frames(), _ROUTER, True)), tmp_path)
    _is_found(outcome, connects=5)
    assert outcome.device(_BOT)["smtp"]["connects"] == _COUNT


def test_only_what_comes_in(tmp_path):
    """Servers' words alone: nobody else may be blamed, and what was accepted is counted."""
    outcome = judge(encodings.classic(encodings.one_side(_frames(), _ROUTER, False)), tmp_path)
    assert outcome.above_watched() <= {_BOT}
    smtp = outcome.device(_BOT)["smtp"]
    assert smtp["messages_accepted"] == _COUNT
    assert smtp["replies"]["220"] == _COUNT


def test_swapped_stamps(plain, tmp_path):
    """Several capture queues: time goes back by a millisecond now and then."""
    outcome = judge(encodings.classic(encodings.swapped(list(_frames()), with_stamps=True)), tmp_path)
    _is_found(outcome)
    assert _counts(outcome) == _counts(plain)


_REPEATER = bytes.fromhex("00005e0053f0")


def _behind(stage: Stage, name: str, is_seen_joining: bool) -> Device:
    """A device behind a Wi-Fi repeater: Ethernet knows the repeater only, DHCP tells whose lease it is."""
    device = stage.silent_device(name)
    device.station.mac = _REPEATER
    if is_seen_joining:
        lease = Lease(device.mac, name, device.station.address, stage.router.station.address, bytes(4))
        request = dhcp_request(lease, REQUEST, 4711)
        stage.spawn(_broadcast(stage, request), 10.0)
    stage.spawn(browse(stage, device, 600.0, 6.0), 20)
    return device


def _broadcast(stage: Stage, request: bytes):
    nobody_yet, everyone = Station(_REPEATER, bytes(4)), Station(b"\xff" * 6, b"\xff" * 4)
    stage.world.send_udp(nobody_yet, 68, everyone, 67, request)
    yield 0.1


@pytest.mark.parametrize("is_seen_joining", [True, False])
def test_behind_a_repeater(tmp_path, is_seen_joining):
    """One MAC, several devices: the address tells them apart, and the clean one keeps its name clean."""
    stage = Stage()
    stage.everyday()
    bot = _behind(stage, _NAME, is_seen_joining)
    clean = _behind(stage, "guest-laptop", is_seen_joining)
    stage.spawn(campaign(stage, bot, stage.domains(20), MINUTE_S, Mailing()), 4 * MINUTE_S)
    outcome = stage.replay(tmp_path)
    bot_id, clean_id = (f"00:00:5e:00:53:f0/192.168.77.{device.station.address[3]}" for device in (bot, clean))
    assert outcome.above_watched() == {bot_id}, outcome.story()
    verdict = outcome.verdict(bot_id)
    assert verdict["smtp_connects"] <= 2
    assert verdict["name"] == (_NAME if is_seen_joining else "something behind 00:00:5e:00:53:f0")
    assert outcome.worst(clean_id) == "normal"
