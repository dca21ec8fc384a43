"""More than the tables hold: forged MACs and rotating ones."""

from scenario.stage import DAY_S, MINUTE_S, Mailing, Stage, browse, campaign, mac_text, mail
from spamgate_tools.sample.network import v4
from spamgate_tools.sample.packets import Station


def test_ten_thousand_forged_macs(tmp_path):
    """A flood around a suspect between its first and its second message: it stays in the table."""
    stage = Stage()
    stage.everyday()
    bot = stage.device("tv-stick")
    stage.spawn(campaign(stage, bot, stage.domains(6), 10 * MINUTE_S, Mailing()), 2 * MINUTE_S)
    target = stage.internet.far(v4("203.0.113.9"))

    def flood():
        for number in range(10000):
            forged = Station(b"\x02" + number.to_bytes(5, "big"), bytes((10, 1, number >> 8, number & 255)))
            stage.world.send_udp(forged, 4000, target, 4000, b"x")
            yield 0.01

    stage.spawn(flood(), 4 * MINUTE_S)
    outcome = stage.replay(tmp_path)
    verdict = outcome.verdict(bot)
    assert (verdict["name"], verdict["smtp_connects"]) == ("tv-stick", 2)
    assert outcome.above_watched() == {mac_text(bot)}


def test_six_new_macs_an_hour_for_a_day(tmp_path):
    """A bot that changes its MAC for each message gains nothing: five at most are through before that ends."""
    stage = Stage()
    stage.everyday(49)
    young = [stage.silent_device(f"guest-{number}", bytes((2, 7, 7, 7, 7, number))) for number in range(144)]
    for number, (guest, domain) in enumerate(zip(young, stage.domains(144), strict=True)):
        guest.station.address = bytes((192, 168, 77, 100 + number))
        stage.spawn(_visit(stage, guest, domain), 1.5 * DAY_S + 10.0 * MINUTE_S * number)
    outcome = stage.replay(tmp_path)
    caught = {line["device"] for line in outcome.verdicts if line["to"] == "throttled"}
    through = [guest for guest in young if mac_text(guest) not in caught]
    if "crowd" in caught:
        through = [guest for guest in through if any(line["device"] == mac_text(guest) for line in outcome.devices)]
    assert len(through) <= 5, [guest.name for guest in through]


def _visit(stage: Stage, guest, domain):
    stage.world.spawn(browse(stage, guest, 1.0, 10.0))
    yield 3.0
    yield from mail(stage, guest, domain, Mailing())
