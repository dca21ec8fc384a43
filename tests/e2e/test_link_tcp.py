"""The link over TCP of a real gateway: who has the key is heard from the LAN, and nobody else, whatever they do."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from e2e.mail_home import require

from spamgate.core.engine import Engine
from spamgate.core.identity import Identity
from spamgate.core.router_limits import RouterLimits
from spamgate.core.snapshot import record
from spamgate.hal.steady_clock import wall_s
from spamgate.hal.storage import Storage
from spamgate.store.state import StateFile
from spamgate_tools.control import Control
from spamgate_tools.errors import UserError
from spamgate_tools.lab.lines import Follower
from spamgate_tools.lab.network import GUEST, Network
from spamgate_tools.lab.router import Router
from spamgate_tools.lab.waiting import wait_until
from spamgate_tools.link.keys import KEY_VARIABLE, make_key_file

PORT = 8425
ROUTER = f"tcp://192.168.77.1:{PORT}"
DEVICES = 40
SOON_S = 10.0
SAME_HEAP_BYTES = 4096
HALF_A_HELLO = b"SGL1half".hex()
CALLERS = str(Path(__file__).with_name("link_callers.py"))
SPAMGATE = str(Path(sys.executable).with_name("spamgate"))
NAMES = ("laptop", "phone", "thief", "flooder", "flooder2", "deaf", "watcher", "spare")


class LinkHome:
    """A home whose gateway knows forty devices and serves the link; callers are its hosts."""

    def __init__(self, name: str, folder: Path) -> None:
        self.key, self.other_key = folder / "link.key", folder / "other.key"
        for path in (self.key, self.other_key):
            make_key_file(path)
        self.folder = folder
        self.net = Network(name)
        try:
            self.hosts = {name: self.net.host(name) for name in NAMES}
            self.hosts["guest"] = self.net.host("guest", lan=GUEST)
            self.hosts["internet"] = self.net.internet
            self.router = Router(self.net, ("192.0.2.53",), {"link_port": PORT, "link_key": str(self.key)})
            remember(self.router.configuration()["state_dir"])
            self.router.start_gateway()
        except BaseException:
            self.net.close()
            raise

    def do(self, host: str, kind: str, *words: object, url: str = ROUTER, key: Path | None = None) -> dict:
        """Let a program of link_callers.py run to its end on a host; return what it told last."""
        done = self.hosts[host].run(_words(kind, url, words), env=self._environment(key))
        return json.loads(done.stdout.splitlines()[-1])

    def start(self, host: str, kind: str, *words: object) -> subprocess.Popen:
        """Start a program of link_callers.py on a host, and wait for its first line."""
        options = {"stdout": subprocess.PIPE, "text": True, "env": self._environment(None)}
        process = self.hosts[host].popen(_words(kind, ROUTER, words), **options)
        assert process.stdout and json.loads(process.stdout.readline())
        return process

    def spamgate(self, host: str, *words: str) -> subprocess.CompletedProcess:
        """Run the command `spamgate` on a host."""
        return self.hosts[host].run([SPAMGATE, *words], check=False, env=self._environment(None))

    def status(self) -> dict:
        """Return how the gateway is, by its control socket."""
        with Control(str(self.router.control)) as control:
            return control.ask("status")[0].fields

    def log(self, kind: str) -> list[dict]:
        """Return all events of a kind."""
        events = Follower(self.net.router.folder / "events.jsonl").read()
        return [event for event in events if event["type"] == kind]

    def _environment(self, key: Path | None) -> dict[str, str]:
        return {**os.environ, KEY_VARIABLE: str(key or self.key)}


def remember(folder: str) -> None:
    """Write a state file with many devices."""
    engine = Engine(RouterLimits(), lambda *_: None)
    engine.at(wall_s(), 0)
    lines = []
    for number in range(1, DEVICES + 1):
        mac = bytes((2, 0, 0x5E, 0x10, 0, number))
        who = Identity()
        who.from_mac(mac, 0)
        device = engine.device(who)
        engine.devices.set_mac(device, mac, 0)
        engine.devices.seen(device, engine.now_s, bytes((192, 168, 77, 100 + number)), 0, 4)
        lines.append(json.dumps({**record(engine, device), "ticket": ""}))
    assert StateFile(Storage(folder)).save(lines)


def _words(kind: str, url: str, words: tuple[object, ...]) -> list[str]:
    return [sys.executable, CALLERS, kind, url, *[str(word) for word in words]]


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    require()
    home = LinkHome("link", tmp_path_factory.mktemp("link"))
    try:
        yield home
        assert home.router.gateway.poll() is None, home.router.last_words()
        assert not [event for event in home.log("error") if "heap" in event["text"]]
    finally:
        home.net.close()


@pytest.fixture(autouse=True)
def _runs(home):
    yield
    assert home.router.gateway.poll() is None, home.router.last_words()


def test_the_link_says_what_the_control_socket_says(home):
    with Control(str(home.router.control)) as control:
        devices = [line.fields for line in control.ask("devices")]
    assert len(devices) == DEVICES
    assert home.do("laptop", "ask", "devices") == {"lines": devices}


def test_a_wish_that_cannot_be_granted_is_refused_with_what_to_do(home):
    error = home.do("laptop", "ask", "release", '{"device":"nobody"}')["error"]
    assert "nobody: no such device" in error and "known are" in error


def test_what_a_router_does_not_do_it_says(home):
    assert "clock: not something" in home.do("laptop", "ask", "clock", '{"time":1}')["error"]


def test_settings_metrics_and_journal_are_told_and_the_key_is_not(home):
    settings = home.spamgate("laptop", "settings", "--port", ROUTER)
    assert (settings.returncode, settings.stderr) == (0, "")
    assert f"link_port = {PORT}\n" in settings.stdout and "link_key = true\n" in settings.stdout
    assert str(home.key) not in settings.stdout and home.key.read_text().strip() not in settings.stdout
    metrics = json.loads(home.spamgate("laptop", "metrics", "--json", "--port", ROUTER).stdout)
    assert (metrics["type"], metrics["devices"], metrics["plane"]) == ("metrics", DEVICES, "linux")
    journal = home.spamgate("laptop", "journal", "--json", "--port", ROUTER)
    told = [json.loads(line) for line in journal.stdout.splitlines()]
    assert told == [*Follower(home.net.router.folder / "events.jsonl").read()] and told[0]["type"] == "start"


def test_orders_are_carried_out(home):
    lines = home.do("laptop", "ask", "grant", '{"device":"02:00:5e:10:00:02","grant":"mail-server"}')["lines"]
    assert lines[0]["type"] == "action"
    assert [event["device"] for event in home.log("action")] == ["02:00:5e:10:00:02"]


def test_every_lan_is_served_over_both_protocols_and_the_internet_is_not(home):
    assert home.do("guest", "ask", "status", url=f"tcp://192.168.78.1:{PORT}")["lines"]
    assert home.do("laptop", "ask", "status", url=f"tcp://[fd77:77::1]:{PORT}")["lines"]
    for address in ("203.0.113.77", "[2001:db8:113::77]", "[2001:db8:77::1]"):
        assert home.do("internet", "reach", url=f"tcp://{address}:{PORT}") == {
            "reached": False,
            "error": "ConnectionRefusedError",
        }


def test_a_lan_that_goes_and_comes_back_is_served_again_and_sessions_stay(home):
    watcher = home.start("watcher", "watch", "action")
    router = home.net.router
    port = router.run(["ip", "-o", "link", "show", "master", GUEST]).stdout.split()[1].partition("@")[0]
    words = router.run(["ip", "-o", "link", "show", "dev", GUEST]).stdout.split()
    mac = words[words.index("link/ether") + 1]  # kept, or the guest would have to forget the old one first
    router.ip(f"link del {GUEST}")
    wait_until(lambda: home.status()["observation"] == "degraded", SOON_S, "the gateway's seeing it go")
    router.ip(f"link add {GUEST} address {mac} type bridge forward_delay 0 mcast_snooping 0", f"link set {GUEST} up")
    router.ip(f"link set {port} master {GUEST} up", f"addr add 192.168.78.1/24 dev {GUEST}")
    url = f"tcp://192.168.78.1:{PORT}"
    wait_until(lambda: "lines" in home.do("guest", "ask", "status", url=url), SOON_S, "the link on the guests' LAN")
    assert home.do("laptop", "ask", "grant", '{"device":"02:00:5e:10:00:05","grant":"submission"}')["lines"]
    assert watcher.stdout
    assert json.loads(watcher.stdout.readline())["device"] == "02:00:5e:10:00:05"


def test_another_key_is_named_and_after_five_failures_only_that_address_is_refused(home):
    errors = [home.do("thief", "ask", "status", key=home.other_key)["error"] for _ in range(6)]
    assert all("has another key" in error for error in errors[:5])
    assert "ended the connection" in errors[5] and "wait a minute" in errors[5]
    assert home.do("laptop", "ask", "status")["lines"]
    assert "wait a minute" in home.do("thief", "ask", "status")["error"], "the right key comes too late"
    told = [event["text"] for event in home.log("error") if "prove" in event["text"]]
    assert told == [f"link: {home.hosts['thief'].address4} failed to prove the key; it is refused for 60 s"]


def test_what_was_recorded_is_worth_nothing(home):
    path = home.folder / "recorded.json"
    order = '{"device":"02:00:5e:10:00:03","grant":"mail-server"}'
    assert home.do("laptop", "record", path, "grant", order)["lines"][0]["type"] == "action"
    count = len(home.log("action"))
    assert home.do("phone", "replay", path) == {"heard": 64, "ended": True}, "the server's nonce and proof, no more"
    assert len(home.log("action")) == count


def test_a_cut_session_leaves_nothing(home):
    before = home.status()["heap_used"]
    for _ in range(4):
        home.start("phone", "ask", "status", "{}", "60").kill()
    assert home.do("laptop", "ask", "status")["lines"]
    wait_until(lambda: home.status()["heap_used"] <= before + SAME_HEAP_BYTES, SOON_S, "the memory of the sessions")


def test_a_flood_of_half_meetings_keeps_nobody_out_and_leaves_nothing(home):
    before = home.status()["heap_used"]
    floods = [home.start(host, "strangers", 100, HALF_A_HELLO, 4) for host in ("flooder", "flooder2")]
    begun = time.monotonic()
    assert home.do("laptop", "ask", "status")["lines"]
    assert time.monotonic() - begun < SOON_S / 2
    for flood in floods:
        flood.wait(60)
    assert home.status()["heap_used"] <= before + SAME_HEAP_BYTES


def test_two_have_a_session_and_a_third_takes_that_of_whoever_is_silent(home):
    silent = home.start("phone", "ask", "status", "{}", "60")
    watcher = home.start("watcher", "watch", "action")
    assert home.do("laptop", "ask", "grant", '{"device":"02:00:5e:10:00:04","grant":"submission"}')["lines"]
    assert watcher.stdout
    assert json.loads(watcher.stdout.readline())["device"] == "02:00:5e:10:00:04"
    silent.kill()


def test_one_that_does_not_read_holds_up_nobody(home):
    deaf = home.start("deaf", "deaf", "4")
    took = []
    while deaf.poll() is None:
        begun = time.monotonic()
        home.status()
        took.append(time.monotonic() - begun)
        time.sleep(0.1)
    assert len(took) > 5 and max(took) < 2.0, took
    assert home.do("laptop", "ask", "status")["lines"]


def test_the_command_line_asks_over_tcp_what_it_asks_the_socket(home):
    words = [SPAMGATE, "devices", "--json"]
    told = home.spamgate("laptop", *words[1:], "--port", ROUTER)
    assert (told.returncode, told.stderr) == (0, "")
    words += ["--socket", str(home.router.control)]
    local = subprocess.run(words, capture_output=True, text=True, check=True)
    assert told.stdout == local.stdout and len(local.stdout.splitlines()) == DEVICES
    missing = home.hosts["laptop"].run(
        [SPAMGATE, "devices", "--port", ROUTER], check=False, env={**os.environ, KEY_VARIABLE: "/nowhere/link.key"}
    )
    assert missing.returncode == 2
    assert missing.stderr.startswith("spamgate: /nowhere/link.key: no key for the link is there; make one")


@pytest.mark.parametrize(
    ("key", "says"),
    [("/nowhere/link.key", "/nowhere/link.key: cannot be read"), ("", "link_port needs a key")],
    ids=["missing", "none"],
)
def test_a_gateway_without_its_key_does_not_start(tmp_path, key, says):
    require()
    with Network("linkless") as net:
        router = Router(net, ("192.0.2.53",), {"link_port": PORT, "link_key": key})
        with pytest.raises(UserError, match="ended with exit code 2") as caught:
            router.start_gateway()
        assert says in str(caught.value)
