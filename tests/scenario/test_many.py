"""A guest network, where a home's tables would not do: in a heap of 4 MB and more a thousand devices have room."""

import pytest

from scenario.stage import MINUTE_S, Mailing, Stage, campaign, mac_text
from spamgate_tools.sample.network import v4
from spamgate_tools.sample.packets import Station

_HEAP_KB = 8192
_GUESTS = 700


def _guest(number: int) -> Station:
    return Station(b"\x02\x33" + number.to_bytes(4, "big"), bytes((10, 1, number >> 8, number & 255)))


def _chatter(stage: Stage, guests: int, every_s: float):
    """Guests come, and each says something twice."""
    target = stage.internet.far(v4("203.0.113.9"))
    for number in [*range(guests), *range(guests)]:
        stage.world.send_udp(_guest(number), 4000, target, 4000, b"x")
        yield every_s


@pytest.mark.parametrize("runtime", ["cpython", "micropython"])
def test_the_bot_among_seven_hundred(tmp_path, runtime):
    """Everyone is told apart and reported; the bot, which came after them, is throttled at its second connection."""
    stage = Stage()
    stage.spawn(_chatter(stage, _GUESTS, 0.5), 1.0)
    bot = stage.device("tv-stick")
    stage.spawn(campaign(stage, bot, stage.domains(6), MINUTE_S, Mailing()), 10 * MINUTE_S)
    outcome = stage.replay(tmp_path, runtime=runtime, heap_kb=_HEAP_KB)
    verdict = outcome.verdict(bot)
    assert (verdict["name"], verdict["smtp_connects"]) == ("tv-stick", 2)
    assert outcome.above_watched() == {mac_text(bot)}
    told = {line["device"] for line in outcome.devices}
    assert {mac_text(_guest(number)) for number in range(_GUESTS)} < told and "crowd" not in told


def test_forged_macs_replace_each_other_there_too(tmp_path):
    """More than the table holds come between a suspect's first and second message: it stays."""
    stage = Stage()
    bot = stage.device("tv-stick")
    stage.spawn(campaign(stage, bot, stage.domains(6), 10 * MINUTE_S, Mailing()), 2 * MINUTE_S)
    stage.spawn(_chatter(stage, 1500, 0.05), 4 * MINUTE_S)
    outcome = stage.replay(tmp_path, heap_kb=_HEAP_KB)
    assert outcome.verdict(bot)["smtp_connects"] == 2
    assert outcome.above_watched() == {mac_text(bot)}
    assert len(outcome.devices) == 1023
