"""What a board says over the link, and what it keeps when its power is cut."""

import random
import time

import pytest
from hil.bench import SECRET, SERIAL, Bench
from hil.known_device import ADDRESS, KINDS, TICKET

from spamgate import VERSION
from spamgate.core.evidence import kind_name
from spamgate.wire.answers import PROTOCOL
from spamgate_tools.errors import UserError

_SEED = 20261122
_NOW = 1_795_000_000  # in November 2026
_SAVED_S = 4.0  # a board saves within two seconds
_CUTS = 5


@pytest.mark.needs("application")
def test_after_its_start_it_says_who_it_is(bench: Bench) -> None:
    with bench.link() as client:
        identity = client.identity
    assert identity["type"] == "hello"
    assert (identity["version"], identity["protocol"]) == (VERSION, PROTOCOL)
    assert identity["board"] == bench.rig.board
    if "install" in bench.rig.can:
        assert identity["serial"] == SERIAL


@pytest.mark.needs("application", "power")
def test_it_is_there_again_after_a_power_cut(bench: Bench) -> None:
    bench.ask("hello")
    bench.cut_power()
    assert bench.ask("hello")[0]["board"] == bench.rig.board


@pytest.mark.needs("application", "power")
def test_settings_survive_a_power_cut(bench: Bench) -> None:
    before = bench.settings()["hostname"]
    bench.ask("set", name="hostname", value='"after-the-cut"')
    bench.cut_power()
    assert bench.settings()["hostname"] == "after-the-cut"
    bench.ask("set", name="hostname", value=f'"{before}"')
    bench.cut_power()
    assert bench.settings()["hostname"] == before


@pytest.mark.needs("application", "power")
def test_a_power_cut_while_a_setting_is_written_leaves_the_old_or_the_new(bench: Bench) -> None:
    chance = random.Random(_SEED)
    before = bench.settings()["hostname"]
    held = before
    for number in range(_CUTS):
        wanted = f"cut-{number}"
        try:
            with bench.link() as client:
                client.send_text(b'{"type":"set","name":"hostname","value":"\\"%s\\""}\n' % wanted.encode())
                time.sleep(chance.uniform(0, 0.06))
                bench.rig.power_off()
        except UserError:
            pass  # its end could no longer be told
        bench.rig.power_on()
        now = bench.settings()["hostname"]
        assert now in (held, wanted), f"seed {_SEED}, cut {number}"
        held = now
    bench.ask("set", name="hostname", value=f'"{before}"')
    bench.cut_power()


@pytest.mark.needs("application")
def test_secrets_are_not_told(bench: Bench) -> None:
    told = str(bench.ask("settings"))
    assert "wifi_name" in told
    assert SECRET not in told


@pytest.mark.needs("application")
def test_a_setting_that_cannot_be_is_refused_and_changes_nothing(bench: Bench) -> None:
    before = bench.settings()
    for name, value in (("hostname", "7"), ("hostname", "nonsense"), ("no_such_setting", "1")):
        with pytest.raises(UserError):
            bench.ask("set", name=name, value=value)
    assert bench.settings() == before


@pytest.mark.needs("application")
def test_devices_and_explain_answer_over_the_link(bench: Bench) -> None:
    with bench.link() as client:
        for line in client.request("devices"):
            assert line["type"] == "device"
        with pytest.raises(UserError, match="02:00:5e:00:00:99"):
            list(client.request("explain", device="02:00:5e:00:00:99"))
        assert list(client.request("hello")), "the session goes on after a refusal"


@pytest.mark.needs("application", "install", "power")
def test_a_device_known_from_before_is_told_explained_and_let_go(bench: Bench) -> None:
    """What was decided outlives power cuts, and so does what the owner says to it; the journal has both."""
    device = next(line for line in bench.ask("devices") if line["device"] == ADDRESS)
    assert (device["addresses"], device["state"]) == ([ADDRESS], "throttled")
    told = {line["type"]: line for line in bench.ask("explain", device=ADDRESS)}
    assert [row["kind"] for row in told["verdict"]["evidence"]] == [kind_name(kind) for kind in KINDS]
    assert (told["explain"]["state"], told["explain"]["ticket"]) == ("throttled", TICKET)
    action = bench.ask("release", device=ADDRESS)[0]
    assert (action["action"], action["state"]) == ("release", "released")
    time.sleep(_SAVED_S)
    bench.cut_power()
    assert [line["state"] for line in bench.ask("devices") if line["device"] == ADDRESS] == ["released"]
    written = [(line["type"], line.get("to", line.get("action"))) for line in bench.ask("journal")]
    assert ("verdict", "released") in written


@pytest.mark.needs("application")
def test_the_journal_tells_of_the_start(bench: Bench) -> None:
    assert "start" in [line["type"] for line in bench.ask("journal")]


@pytest.mark.needs("application")
def test_the_clock_can_be_set_or_says_that_it_is_not_ours(bench: Bench) -> None:
    try:
        bench.ask("clock", time=_NOW)
    except UserError:
        assert bench.rig.board == "UNIX", "Linux keeps its own time, no other board does"


@pytest.mark.needs("application")
def test_a_reset_over_the_link_ends_the_session_and_starts_anew(bench: Bench) -> None:
    try:
        bench.ask("reset")
    except UserError:
        pass  # the board may be gone before its answer is
    assert bench.answers_within(60)
