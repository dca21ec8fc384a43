"""One home judged twice: from its facts, as the evaluation does, and from its frames, as a program on a router does."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from spamgate.core.limits import Limits
from spamgate.wire.events import write_device, write_verdict
from spamgate_tools.corpus.facts import Act, Home
from spamgate_tools.errors import UserError
from spamgate_tools.evaluation.frames import write_capture
from spamgate_tools.evaluation.methods.spamgate import SpamgateMethod
from spamgate_tools.evaluation.runner import run_home
from spamgate_tools.replay import Replay

MOMENT_S = 0.5  # within a fact frames follow one another by microseconds
_RESIDENTS = "02:00:5e:"


class Listening(SpamgateMethod):
    """Ours, which stops nothing and writes down what it decides, as the replay program does."""

    def __init__(self) -> None:
        super().__init__(limits=Limits(), enforces=False)
        self.lines: list[dict] = []

    def changed(self, device: int, old: int, new: int) -> None:
        self.lines.append(_as_json(write_verdict, self.engine, device, old, new))

    def devices(self) -> Iterator[dict]:
        for device in range(1, self.engine.devices.capacity):
            if self.engine.devices.is_present(device):
                yield _as_json(write_device, self.engine, device)


class Outcome:
    """What was decided, device by device: verdicts, when each fell, and the counters at the end."""

    def __init__(self, lines: list[dict]) -> None:
        verdicts = [line for line in lines if line["type"] == "verdict"]
        verdicts.sort(key=lambda line: line["device"])
        self.verdicts = [_what(line) for line in verdicts]
        self.times = [line["t"] for line in verdicts]
        heard = [line for line in lines if line["type"] == "device" and _has_spoken(line)]
        self.devices = {line["device"]: _counts(line) for line in heard}


def from_facts(home: Home) -> Outcome:
    """Judge the home event by event."""
    method = Listening()
    run_home(home, method)
    return Outcome([*method.lines, *method.devices()])


def from_frames(home: Home, folder: Path, runtime: str) -> Outcome:
    """Judge the home as a capture, by the program itself."""
    path = folder / "home.pcap"
    write_capture(home, path)
    try:
        run = Replay([str(path)], runtime=runtime)
    except UserError as missing:
        pytest.skip(f"not run: {missing}")
    lines = [json.loads(line) for line in run.lines()]
    run.finish()
    return Outcome(lines)


def shortened(home: Home, history_s: float, acts: int) -> Home:
    """Return the home without what is older than `history_s`, and with so many acts of its senders.

    Nobody is granted anything there: a capture does not tell the replay program of grants.
    """
    first_s = max(home.counted_from_s - history_s, 0.0)

    def plan() -> Iterator[tuple[float, int, Act]]:
        left = acts
        for at_s, device, act in home.plan():
            left -= home.residents[device].is_sender and at_s >= first_s
            if left < 0:
                return
            if at_s >= first_s:
                yield at_s - first_s, device, act

    residents = [replace(one, is_granted=False, joins_s=max(one.joins_s - first_s, 0.0)) for one in home.residents]
    return replace(
        home, residents=tuple(residents), plan=plan, seconds=home.seconds - first_s, counted_from_s=history_s
    )


def _as_json(write, *what) -> dict:
    parts: list[str] = []
    write(parts.append, *what)
    return json.loads("".join(parts))


def _what(line: dict) -> tuple:
    evidence = [(row["kind"], row["count"], row["peer"]) for row in line["evidence"]]
    counts = (line["smtp_connects"], line["messages_accepted"])
    return line["device"], line["from"], line["to"], line["score"], evidence, counts


def _has_spoken(line: dict) -> bool:
    is_resident = line["device"].startswith(_RESIDENTS)
    return is_resident and any((line["dns"]["queries"], line["smtp"]["connects"], line["submission"]["connects"]))


def _counts(line: dict) -> dict:
    return {key: line[key] for key in ("state", "smtp", "dns", "submission")}
