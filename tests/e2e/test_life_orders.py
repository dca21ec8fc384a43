"""What settings and owners' orders do to real traffic, and who is judged: guests, the router itself, those behind a
repeater.
"""

import json
import sys
from pathlib import Path

import pytest
from e2e.life import MX, MX6, Home, first_word, soon, told
from e2e.mail_home import OWNER, PASSWORD, SUBMISSION, require

from spamgate_tools.errors import UserError
from spamgate_tools.lab.accounts import RESOLVER4
from spamgate_tools.lab.network import GUEST

ATTACK = str(Path(__file__).with_name("attack.py"))
BLOCKED = "mx1.south.example"
SERVED, NXDOMAIN = 0, 3
REFUSED = "ConnectionRefusedError"


@pytest.fixture
def home():
    require()
    with Home("orders", ["bot", "laptop", "server"]) as home:
        yield home


def remembering(home, states, **settings):
    """Start a gateway that finds these states in its file."""
    confirmed = settings.pop("confirmed", ())
    home.start_router(has_gateway=False, **settings)
    home.remember(states, confirmed)
    home.restart()


def elements(home, name):
    """Return the elements of a set or map of the table."""
    kind = "map" if name.startswith("states") else "set"
    listed = home.net.router.run(["nft", "-j", "list", kind, "inet", "spamgate", name]).stdout
    return json.loads(listed)["nftables"][1][kind].get("elem", [])


# --- settings -------------------------------------------------------------------------------------


def test_monitor_only_decides_the_same_and_enforces_nothing(home):
    home.start_router(monitor_only=True, guard_block=[BLOCKED])
    assert home.status()["monitor_only"] is True
    assert home.mail_around("bot") == ["250"] * 6
    soon(lambda: ("watched", "throttled") in decided(home, "bot"), "the verdict", home)
    assert home.mail_around("bot") == ["250"] * 6
    assert home.do("bot", "ask", RESOLVER4, BLOCKED)["rcode"] == SERVED
    listener = home.start(home.internet, "syns", 25, 2)
    assert first_word(listener) == "listening"
    spoof(home, "bot", "2001:db8:666::1", 40001, MX6[0])
    assert ["2001:db8:666::1", 40001] in told(listener)["seen"]
    assert "redirect" not in home.table() and "drop" not in home.table()
    with Home("enforces", ["bot"]) as other:
        other.start_router()
        other.mail_around("bot")
        assert decided(other, "bot") == decided(home, "bot")[:2] == [("normal", "watched"), ("watched", "throttled")]


def decided(home, device):
    return [(verdict["from"], verdict["to"]) for verdict in home.verdicts(device)]


@pytest.mark.parametrize("fail", ["open", "closed"])
def test_fail_closed_verdicts_have_no_end(home, fail):
    remembering(home, {"bot": "throttled", "laptop": "quarantined"}, fail=fail)
    for name, count in (("states", 2), ("stopped", 1), ("guarded", 2)):
        found = elements(home, name)
        assert len(found) == count
        ends = ["expires" in json.dumps(element) for element in found]
        assert ends == [fail == "open"] * count, found
    home.kill()
    assert home.says("bot", MX[9]) == home.says("laptop", MX6[9]) == REFUSED


def test_a_verdict_without_its_gateway_ends_in_time(home):
    remembering(home, {"bot": "throttled"}, verdict_hours=1)
    lasting = json.dumps(elements(home, "states"))
    assert '"timeout": 3600' in lasting


# --- orders ---------------------------------------------------------------------------------------


def test_confirm_turns_421_into_554_and_release_lets_mail_flow_at_once(home):
    remembering(home, {"bot": "quarantined"}, guard_block=[BLOCKED])
    ticket = home.ask("explain", device=home.devices["bot"].mac)[-1].fields["ticket"]
    later = home.do("bot", "call", MX[3])["line"]
    assert later.startswith("421 4.7.0 ") and ticket in later and "http://192.168.77.1/" in later
    assert home.do("bot", "ask", RESOLVER4, BLOCKED)["rcode"] == NXDOMAIN

    home.order("confirm", "bot")
    never = home.do("bot", "call", MX[3])["line"]
    assert never.startswith("554 5.7.1 ") and ticket in never
    assert home.says("bot", MX6[3]) == "554"
    home.kill()
    home.restart()
    assert home.says("bot", MX[3]) == "554"

    home.order("release", "bot")
    assert home.do("bot", "mail", MX[3], "bot.1@home.example")["said"] == 250
    assert home.says("bot", MX6[3]) == "220"
    assert home.do("bot", "ask", RESOLVER4, BLOCKED)["rcode"] == SERVED
    assert home.seen_state("bot") == "released"


def test_only_a_quarantine_can_be_confirmed(home):
    remembering(home, {"bot": "throttled"})
    with pytest.raises(UserError, match="is not quarantined"):
        home.ask("confirm", device=home.devices["bot"].mac)
    assert home.says("bot", MX[3]) == "421"


def test_a_grant_lets_a_mail_server_pass_and_can_be_taken_back(home):
    home.start_router()
    home.throttle("server")
    home.order("grant", "server", grant="mail-server")
    assert home.mail_around("server", 9) == ["250"] * 9
    assert home.do("server", "mail", MX6[3], "server.6@home.example")["said"] == 250
    home.order("grant", "server", grant="none")
    home.mail_around("server", 9)
    home.wait_for("server", "throttled", 5)
    assert home.says("server", MX6[7]) == "421"


def test_a_quarantined_device_still_submits_on_587_and_465(home):
    remembering(home, {"laptop": "quarantined"})
    assert home.says("laptop", MX[0]) == "421"
    done = home.submit_587("laptop", "laptop.1@home.example", "friend@north.example")
    assert done.returncode == 0, done.stdout
    words = ["swaks", "--server", SUBMISSION, "--port", "465", "--tls-on-connect", "--auth-user", OWNER]
    words += ["--auth-password", PASSWORD, "--from", OWNER, "--to", "friend@north.example"]
    done = home.devices["laptop"].run([*words, "--header", "Message-Id: <laptop.2@home.example>"], check=False)
    assert done.returncode == 0, done.stdout
    home.wait_for_mail("laptop", ["laptop.1@home.example", "laptop.2@home.example"], 30)


# --- who is judged --------------------------------------------------------------------------------


def test_a_guest_is_judged_too(home):
    home.devices["guest"] = home.net.host("guest", lan=GUEST)
    home.devices["visitor"] = home.net.host("visitor", lan=GUEST)
    home.start_router()
    home.throttle("guest")
    assert home.says("guest", MX6[9]) == "421"
    assert home.mail_around("visitor", 1) == home.mail_around("laptop", 1) == ["250"]
    assert throttled(home) == {"guest"}


def test_the_routers_own_mail_is_judged_as_a_devices(home):
    home.start_router()
    home.devices["router"] = home.net.router
    said = home.mail_around("router", 13)
    home.wait_for("router", "throttled", 5)
    assert said == ["250"] * 13, "what it sends itself is not held back"
    assert throttled(home) == {"router"}


def throttled(home):
    return {name for name in home.devices if ("watched", "throttled") in decided(home, name)}


def test_mail_from_an_address_outside_the_lan_is_dropped(home):
    home.start_router()
    listener = home.start(home.internet, "syns", 25, 3)
    assert first_word(listener) == "listening"
    laptop = home.devices["laptop"]
    spoof(home, "laptop", "2001:db8:666::1", 40001, MX6[0])
    spoof(home, "laptop", "10.9.8.7", 40002, MX[0])
    spoof(home, "laptop", "192.168.78.9", 40003, MX[0])  # the guests' network, from the LAN
    spoof(home, "laptop", laptop.global6, 40004, MX6[0])
    spoof(home, "laptop", laptop.address4, 40005, MX[0])
    seen = told(listener)["seen"]
    assert sorted(port for _, port in seen if port in range(40001, 40006)) == [40004, 40005]


def spoof(home, device, source, port, server):
    words = [sys.executable, ATTACK, "spoof", home.net.router.mac, source, str(port), server]
    home.devices[device].run(words)


def test_behind_a_repeater_only_the_infected_one_is_throttled(home):
    home.start_router()
    repeater = home.devices["server"]
    sick, well = "192.168.77.201", "192.168.77.202"
    for number, address in enumerate((sick, well)):
        repeater.add_address(f"{address}/24")
        home.do("server", "join", f"device{number}", f"02:00:5e:00:00:0{number}", address)
    assert home.do("server", "mail", MX[0], "well.1@home.example", 0, well)["said"] == 250
    assert "421" in home.mail_around("server", 6, sick)
    mac = repeater.mac
    states = {line.fields["device"]: line.fields["state"] for line in home.ask("devices")}
    assert states[f"{mac}/{sick}"] == "throttled"
    assert states[f"{mac}/{well}"] == "normal"
    assert home.do("server", "mail", MX[1], "well.2@home.example", 0, well)["said"] == 250
    assert home.do("server", "call", MX[9], 25, 0, sick)["said"] == "421"
    rows = [line.fields for line in home.ask("devices")]
    assert {row["name"] for row in rows if row["device"].startswith(mac + "/")} == {"device0", "device1"}
    home.kill()
    home.restart()
    assert home.do("server", "call", MX[9], 25, 0, sick)["said"] == "421"
    assert home.do("server", "mail", MX[1], "well.3@home.example", 0, well)["said"] == 250
