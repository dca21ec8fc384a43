"""The table shows what a device says of itself, and does nothing else with it."""

import io
import json

import pytest
from rich.console import Console

from spamgate_tools.device_table import Devices, show
from spamgate_tools.device_words import event_text

_SMTP = {"connects": 2, "messages_accepted": 1}
_DNS = {"queries": 3, "mx": 4}


def _device(name: str | None, state: str = "normal") -> dict:
    return {
        "type": "device",
        "device": "02:00:00:00:00:01",
        "addresses": ["192.168.1.2"],
        "state": state,
        "smtp": _SMTP,
        "dns": _DNS,
        "name": name,
    }


def _shown(*events: dict) -> str:
    devices = Devices()
    for event in events:
        devices.add(json.dumps(event))
    written = io.StringIO()
    show(devices, Console(width=80, file=written))
    return written.getvalue()


@pytest.mark.parametrize("name", ["[/b]", "[red]tv[/red]", "[link=//x]nas[/link]", ":skull:", "\\[x]"])
def test_a_name_is_no_markup(name):
    row = _shown(_device(name)).splitlines()[3]
    assert name in row
    assert row.split()[-4:] == ["2", "1", "3", "4"]


def test_suspects_come_first_with_their_reasons_and_the_answer_last():
    reasons = [{"kind": "mx_query", "count": 1, "last": 5.0}, {"kind": "fan_out", "count": 7, "last": 9.5}]
    verdict = {"type": "verdict", "device": "02:00:00:00:00:01", "t": 1290000000.25, "evidence": reasons}
    quiet = {**_device(None), "device": "02:00:00:00:00:02"}
    lines = _shown(verdict, quiet, _device("[tv]", "throttled")).splitlines()
    assert [line.split()[0] for line in lines[3:5]] == ["02:00:00:00:00:01", "02:00:00:00:00:02"]
    assert lines[6:9] == [
        "[tv] (02:00:00:00:00:01): throttled since 2010-11-17 13:20:00 UTC",
        "  - asked for the mail servers of other domains",
        "  - mailed three providers in ten minutes, or four in a day (7 times)",
    ]
    assert lines[-1] == "[tv] (02:00:00:00:00:01) sends spam; 1 of 2 devices."


def test_many_quiet_devices_are_counted():
    quiet = [{**_device(None), "device": f"02:00:00:00:00:{number:02x}"} for number in range(15)]
    assert "and 3 more in state normal" in _shown(*quiet)


def test_no_device_says_what_to_try():
    assert "--lan" in _shown()


def test_who_wants_what_the_blocklist_names_has_a_column_of_it():
    wants = {**_device("tv"), "listed": {"names": 5, "addresses": 2}}
    other = {**_device("nas"), "listed": {"names": 0, "addresses": 0}}
    lines = _shown(wants, other).splitlines()
    assert lines[1].split()[-1] == "listed"
    assert lines[3].split()[-5:] == ["2", "1", "3", "4", "7"]
    assert lines[4].split()[-4:] == ["2", "1", "3", "4"]
    assert "listed" not in _shown(other)


def test_events_of_lists_in_words():
    for event, words in (
        ({"event": "in force", "version": 7, "names": 5, "addresses": 0}, "in force: version 7, names 5, addresses 0"),
        ({"event": "refused", "text": "the list expired"}, "refused: the list expired"),
        ({"event": "none"}, "none"),
    ):
        assert event_text({"type": "list", "t": 0.5, **event}) == f"1970-01-01 00:00:00 UTC  list {words}"
