"""The life of a gateway that is a board in path: orders over its line, restarts, settings, and names that it blocks."""

import json

import pytest
from e2e.life import MX, MX6, Home, soon
from e2e.mail_home import require

from spamgate_tools.errors import UserError
from spamgate_tools.lab import lwip_program
from spamgate_tools.lab.network import LAN
from spamgate_tools.link.client import Client

BLOCKED = "mx1.south.example"
SERVED, NXDOMAIN = 0, 3
PAGE = "http://owner.example/held"


@pytest.fixture
def home():
    require(lwip_program.why_not())
    with Home("board", ["bot", "laptop", "nas"], plane="lwip") as home:
        yield home


def explained(home, device):
    return next(line for line in home.order("explain", device) if line["type"] == "explain")


def test_what_the_owner_says_is_in_force_when_it_is_answered(home):
    home.start_router()
    home.throttle("bot")
    known = explained(home, "bot")
    assert (known["state"], len(known["ticket"])) == ("throttled", 6)
    assert home.says("bot", MX6[9]) == "421"
    assert explained(home, "bot")["refused"] == known["refused"] + 1 >= 2
    home.order("release", "bot")
    assert home.says("bot", MX[0]) == "220"
    home.order("grant", "bot", grant="mail-server")
    assert home.says("bot", MX6[9]) == "220"
    assert home.mail_around("bot") == ["250"] * 6
    home.quarantine("nas", "west.example")
    assert home.says("nas", MX[9]) == "421"
    home.order("confirm", "nas")
    assert home.says("nas", MX[9]) == home.says("nas", MX6[9]) == "554"
    assert home.says("laptop", MX[9]) == "220"


def test_verdict_ticket_and_grant_outlive_a_power_cut(home):
    home.start_router()
    home.throttle("bot")
    home.says("nas", MX[9])
    home.order("grant", "nas", grant="mail-server")
    ticket = explained(home, "bot")["ticket"]
    flash = home.folder / "flash"
    soon(lambda: any(is_kept(flash / name, ticket) for name in ("state.a", "state.b")), "the state on its flash", home)
    home.kill()
    home.router.start_gateway()
    home._has_gateway = True
    assert home.says("bot", MX[9]) == home.says("bot", MX6[9]) == "421"
    assert explained(home, "bot")["ticket"] == ticket
    assert home.mail_around("nas") == ["250"] * 6
    assert home.router.ask("status")[0]["devices"] >= 2


def is_kept(file, ticket):
    """Does it hold the suspect and the grant?"""
    text = file.read_text(errors="replace") if file.exists() else ""
    return ticket in text and '"grant":2' in text


def test_monitor_only_decides_the_same_and_enforces_nothing(home):
    home.start_router(monitor_only=True, guard_block=[BLOCKED])
    assert home.router.ask("status")[0]["monitor_only"] is True
    for _ in range(2):
        assert home.mail_around("bot") == ["250"] * 6
    soon(lambda: home.state("bot") == "throttled", "the verdict", home)
    assert home.mail_around("bot") == ["250"] * 6
    assert home.do("bot", "ask", home.net.gateway(LAN), BLOCKED)["rcode"] == SERVED
    numbers = home.router.ask("metrics")[0]
    assert numbers["later"] == numbers["never"] == numbers["reset"] == numbers["malformed"] == 0


def test_settings_grant_name_and_block(home):
    mac = home.devices["bot"].mac
    home.start_router(grants={mac: "mail-server"}, aliases={mac: "attic"}, guard_block=[BLOCKED], page=PAGE)
    assert home.mail_around("bot") == ["250"] * 6
    assert home.state("bot") == "normal"
    assert home.do("laptop", "ask", home.net.gateway(LAN), BLOCKED)["rcode"] == NXDOMAIN
    assert home.do("laptop", "ask", home.net.gateway(LAN), "mx1.west.example")["rcode"] == SERVED
    assert home.router.ask("status")[0]["blocked"] == 1
    row = next(line for line in home.router.ask("devices") if line["device"] == mac)
    assert row["name"] in ("attic", "bot"), "what it tells comes before what the owner calls it"


def test_the_resolver_is_for_the_home_alone(home):
    home.start_router()
    inside, name = home.net.gateway(LAN), "mx1.west.example"
    assert home.do("laptop", "ask", inside, name)["rcode"] == SERVED
    assert home.says("laptop", inside, 53) == "TimeoutError", "it listens"
    for address in (inside, home.internet.gateway4):
        assert home.do(home.internet, "ask", address, name)["rcode"] is None
        assert home.says(home.internet, address, 53) in ("", "ConnectionResetError")
    assert home.do("laptop", "ask", inside, name)["rcode"] == SERVED


def change(home, name, value):
    with Client(home.router.line.session()) as client:
        return list(client.request("set", name=name, value=value))


def test_a_setting_is_judged_by_this_kind_of_board(home):
    home.start_router()
    with pytest.raises(UserError, match="lan"):
        change(home, "lan", '["br-lan"]')
    change(home, "budget_per_day", "7")
    settings = {line["name"]: line for line in home.router.ask("settings") if line["type"] == "setting"}
    assert (settings["budget_per_day"]["value"], settings["budget_per_day"]["given"]) == (5, True)
    assert settings["lan"]["value"][0].startswith(f"{LAN} ")
    assert json.loads((home.folder / "flash" / "settings.json").read_text())["budget_per_day"] == 7
