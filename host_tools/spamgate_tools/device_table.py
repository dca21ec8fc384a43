"""Devices as people look at them: who, in which state, since when, why, and how much."""

import json
from collections.abc import Iterable
from datetime import datetime, timezone

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from spamgate.core.sentences import SENTENCES
from spamgate.core.states import STATE_NAMES

_STYLES = {"normal": "green", "watched": "yellow", "throttled": "red", "quarantined": "bold red", "released": "cyan"}
_ALARM = ("quarantined", "throttled", "released", "watched", "normal")
_QUIET_ROWS = 12  # devices in state normal that are shown one by one


class Devices:
    """What a stream of verdict and device lines says by its end."""

    def __init__(self) -> None:
        self._devices: list[dict] = []
        self._verdicts: dict[str, dict] = {}

    def add(self, line: bytes | str) -> None:
        """Take one line."""
        event = json.loads(line)
        if event["type"] == "verdict":
            self._verdicts[event["device"]] = event
        elif event["type"] == "device":
            self._devices.append(event)

    def view(self) -> RenderableType:
        """Return the table and the sentence below it."""
        if not self._devices:
            return Text("No device of the home is in this capture: name the home's network with --lan CIDR.")
        ranked = sorted(self._devices, key=lambda device: _ALARM.index(device["state"]))
        quiet = [device for device in ranked if device["state"] == STATE_NAMES[0]]
        shown = [device for device in ranked if device["state"] != STATE_NAMES[0]] + quiet[:_QUIET_ROWS]
        table = Table(show_lines=True)
        for title in ("Device", "State", "Why", "Port 25", "DNS"):
            table.add_column(title, overflow="fold")
        for device in shown:
            table.add_row(*self._row(device))
        return Group(table, *self._below(len(ranked) - len(shown)))

    def _row(self, device: dict) -> list[RenderableType]:
        verdict = self._verdicts.get(device["device"])
        state = Text(device["state"], style=_STYLES[device["state"]])
        if verdict and device["state"] != STATE_NAMES[0]:
            state.append(f"\nsince {_time(verdict['t'])}", style="default")
        return [_who(device), state, _why(verdict), _mail(device["smtp"]), _dns(device["dns"])]

    def _below(self, hidden: int) -> Iterable[Text]:
        if hidden:
            yield Text(f"{hidden} more devices in state normal.")
        senders = [device for device in self._devices if device["state"] in _ALARM[:2]]
        for device in senders:
            state = device["state"]
            yield Text.assemble((_title(device), "bold"), " sends spam: ", (state, _STYLES[state]), ".")
        if not senders:
            yield Text(f"None of {len(self._devices)} devices sends spam over port 25 in what was captured.")


def show(devices: Devices, console: Console) -> None:
    """Print the table."""
    console.print(devices.view())


def _title(device: dict) -> str:
    return f"{device['name']} ({device['device']})" if device["name"] else device["device"]


def _who(device: dict) -> Text:
    others = [address for address in device["addresses"] if address != device["device"]]
    return Text("\n".join([device["name"] or "", device["device"], *others]).strip())


def _why(verdict: dict | None) -> Text:
    if verdict is None:
        return Text("")
    lines = []
    for row in verdict["evidence"]:
        times = f" ({row['count']}×)" if row["count"] > 1 else ""
        lines.append(SENTENCES[row["kind"]] + times)
    return Text("\n".join(lines))


def _mail(smtp: dict) -> Text:
    if not smtp["connects"] and not smtp["mail"]:
        return Text("-")
    refused = sum(count for code, count in smtp["replies"].items() if code >= "400")
    lines = [
        f"{smtp['connects']} connections",
        f"to {smtp['destinations']} servers",
        f"{smtp['messages_accepted']} mails accepted",
    ]
    return Text("\n".join([*lines, f"{refused} refusals"] if refused else lines))


def _dns(dns: dict) -> Text:
    return Text(f"{dns['queries']} queries\n{dns['mx']} for MX" if dns["queries"] else "-")


def _time(epoch: float) -> str:
    return datetime.fromtimestamp(epoch, timezone.utc).strftime("%Y-%m-%d %H:%M:%S UTC")
