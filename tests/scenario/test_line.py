"""The line's fault is not a device's: a provider that blocks port 25, an address on a list."""

import pytest

from scenario.people import every, is_calm, own_domain, relay_of, to_owner
from scenario.stage import DAY_S, HOUR_S, MINUTE_S, Mailing, Stage, knock, mail
from spamgate_tools.sample import messages
from spamgate_tools.sample.network import v4
from spamgate_tools.sample.packets import host_unreachable


@pytest.mark.parametrize("how", ["silent", "reset", "icmp"])
def test_the_provider_blocks_port_25(tmp_path, how):
    """For five days nothing on port 25 works, whoever tries: the line, not a device."""
    stage = Stage()
    stage.everyday(5 * 24, 12 * HOUR_S)
    server, nas = stage.device("home-server"), stage.device("nas")
    domains = stage.domains(30)
    relay = relay_of(stage)
    for server_ in [domain.server for domain in domains] + [relay.server]:
        server_.absent = how
    every(stage, HOUR_S / 2, 240, lambda turn: mail(stage, server, domains[turn % 30], Mailing("mail.family.example")))
    every(stage, DAY_S / 4, 20, lambda turn: mail(stage, nas, relay, to_owner("nas@family.example")))
    is_calm(stage.replay(tmp_path))


def test_the_provider_says_that_it_blocks(tmp_path):
    """ICMP `administratively prohibited` (type 3, code 13) comes from the provider's own router."""
    stage = Stage()
    server = stage.device("home-server")
    domains = stage.domains(20)
    gate = stage.internet.far(v4("192.0.2.254"))

    def try_one(turn: int):
        domain = domains[turn % 20]
        yield from stage.home.ask(server, domain.name, messages.MX)
        yield from stage.home.ask(server, domain.server.name, messages.A)
        stage.home.connection(server, domain.server.station, 25)
        knock(stage, server.station, domain.server.station, (server.next_port(), 25))
        quoted = stage.world.records[-1][1][14:]
        yield 0.01
        stage.world.send_ip(gate, server.station, 1, _prohibited(quoted))

    every(stage, 20 * MINUTE_S, 72, try_one)
    is_calm(stage.replay(tmp_path))


def _prohibited(quoted: bytes) -> bytes:
    """The sample's message says code 1; the checksum differs from it by as much as the code (RFC 1624)."""
    made = host_unreachable(quoted)
    sum_ = int.from_bytes(made[2:4], "big") - 12
    return made[:1] + bytes((13,)) + sum_.to_bytes(2, "big") + made[4:]


@pytest.mark.parametrize(
    "banner, sender",
    [("554 5.7.1 Your address is on a list", ""), ("", "550 5.7.1 Client host blocked using a list")],
)
def test_a_listed_line(tmp_path, banner, sender):
    """All turn the home away: NAS and UPS go on trying, and pay nothing for it."""
    stage = Stage()
    nas, ups = stage.device("nas"), stage.device("ups")
    relay, own = relay_of(stage), own_domain(stage)
    for server in (relay.server, own.server):
        server.banner = banner or server.banner
        server.sender = sender or server.sender
    every(stage, 30 * MINUTE_S, 48, lambda turn: mail(stage, nas, relay, to_owner("nas@family.example")))
    every(stage, 40 * MINUTE_S, 36, lambda turn: mail(stage, ups, own, Mailing("ups", "ups@family.example")))
    is_calm(stage.replay(tmp_path))
