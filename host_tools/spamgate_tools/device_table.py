"""Devices as people look at them: who, in which state, since when, how much; and for suspects, why."""

import json

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from spamgate.core.states import STATE_NAMES
from spamgate_tools.device_words import sentence, state, title, utc

_NORMAL = STATE_NAMES[0]
_ALARM = ("quarantined", "throttled", "released", "watched", "normal")
_SPAMMING = _ALARM[:2]
_CROWD = "crowd"
_QUIET_ROWS = 12  # devices in state normal that are shown one by one
_NONE_CAPTURED = "No device of the home is in this capture: name the home's network with --lan CIDR."
_NONE_LIVE = "The gateway has not seen any device yet."


class Devices:
    """What a stream of verdict and device lines says by its end: of captures, or of a gateway that is `live`."""

    def __init__(self, live: bool = False) -> None:
        self._live = live
        self._devices: list[dict] = []
        self._verdicts: dict[str, dict] = {}
        self._since: dict[str, float] = {}

    def add(self, line: bytes | str) -> None:
        """Take one line."""
        event = json.loads(line)
        if event["type"] == "verdict":
            self._verdicts[event["device"]] = event
        elif event["type"] == "device":
            self._devices.append(event)
        elif event["type"] == "explain":
            self._since[event["device"]] = event["since"]

    def is_empty(self) -> bool:
        """Is there no device to show?"""
        return not self._devices

    def view(self) -> RenderableType:
        """Return the table, and below it the reasons and the answer."""
        if not self._devices:
            return Text(_NONE_LIVE if self._live else _NONE_CAPTURED)
        ranked = sorted(self._devices, key=lambda device: _ALARM.index(device["state"]))
        suspects = [device for device in ranked if device["state"] != _NORMAL]
        quiet = ranked[len(suspects) :]
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), collapse_padding=True)
        table.add_column("device", no_wrap=True)
        table.add_column("name or address", overflow="fold")
        table.add_column("state", no_wrap=True)
        has_list = any(_listed(device) for device in ranked)
        for heading in ("port 25", "mails", "DNS", "MX") + ("listed",) * has_list:
            table.add_column(heading, justify="right")
        for device in suspects + quiet[:_QUIET_ROWS]:
            table.add_row(*_row(device), *[str(_listed(device) or "")] * has_list)
        parts: list[RenderableType] = [table]
        if len(quiet) > _QUIET_ROWS:
            parts.append(Text(f"and {len(quiet) - _QUIET_ROWS} more in state normal\n"))
        parts += [self._reasons(device) for device in suspects]
        return Group(*parts, self._answer())

    def _reasons(self, device: dict) -> Text:
        known = device["device"]
        verdict = self._verdicts.get(known)
        text = Text.assemble((title(device), "bold"), ": ", state(device))
        if verdict:
            text.append(f" since {utc(self._since.get(known) or verdict['t'])}")
        for row in verdict["evidence"] if verdict else ():
            text.append(f"\n  - {sentence(row)}{_times(row['count'])}")
        return text.append("\n")

    def _answer(self) -> Text:
        senders = [device for device in self._devices if device["state"] in _SPAMMING]
        if not senders:
            where = "" if self._live else " in what was captured"
            return Text(f"None of {len(self._devices)} devices sends spam over port 25{where}.")
        names = ", ".join(title(device) for device in senders)
        verb = "sends" if len(senders) == 1 else "send"
        return Text.assemble((names, "bold red"), f" {verb} spam; {len(senders)} of {len(self._devices)} devices.")


def show(devices: Devices, console: Console) -> None:
    """Print the table."""
    console.print(devices.view())


def _row(device: dict) -> list[RenderableType]:
    """Return the cells; as Text, for in a plain string rich would obey what a device calls itself."""
    smtp = device["smtp"]
    dns = device["dns"]
    counts = (smtp["connects"], smtp["messages_accepted"], dns["queries"], dns["mx"])
    return [Text(device["device"]), Text(_label(device)), state(device), *(str(count or "") for count in counts)]


def _listed(device: dict) -> int:
    """Return how often it wanted what the blocklist names."""
    return sum(device.get("listed", {}).values())


def _label(device: dict) -> str:
    """Return the DHCP name, else the first address that is not what the device is known by anyway."""
    if device["device"] == _CROWD:
        return "all who came too late"
    others = [address for address in device["addresses"] if address != device["device"]]
    return device["name"] or (others[0] if others else "")


def _times(count: int) -> str:
    return f" ({count} times)" if count > 1 else ""
