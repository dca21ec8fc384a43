"""What every method makes of a folder of real captures: who sends spam is named in its `labels.tsv`.

The folder's captures of nobody who does are summed up by the folder they lie in.  A capture is no home of long
standing: it begins with devices that nobody knows, and has no owner who granted anything.
"""

import csv
import ipaddress
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from spamgate_tools.corpus.facts import Home
from spamgate_tools.evaluation.captures import read_capture
from spamgate_tools.evaluation.ledger import DeviceRecord
from spamgate_tools.evaluation.methods import METHODS
from spamgate_tools.evaluation.runner import run_home

_LABELS = "labels.tsv"
_SPAM = "spam"
_SUFFIXES = (".pcap", ".pcapng")

Row = dict[str, str | dict[str, str]]


@dataclass(frozen=True)
class Judged:
    """One device of one capture under one method."""

    capture: str
    device: str
    method: str
    is_sender: bool
    uses_25: bool
    record: DeviceRecord


def captured_homes(folder: Path) -> Iterator[tuple[str, Home]]:
    """Yield the captures below `folder`, by the path from there, as homes."""
    spammers = _spammers(folder / _LABELS)
    for path in sorted(path for path in folder.rglob("*") if path.suffix in _SUFFIXES):
        name = path.relative_to(folder).as_posix()
        yield name, read_capture(path, spammers.get(name, ()))


def judge_captures(folder: Path, methods: Sequence[str]) -> list[Judged]:
    """Let every method meet every capture."""
    judged = []
    for name, home in captured_homes(folder):
        for method in methods:
            records = run_home(home, METHODS[method].factory()).devices
            for resident, record in zip(home.residents, records, strict=True):
                judged.append(Judged(name, resident.name, method, resident.is_sender, resident.uses_25, record))
    return judged


def rows(judged: Sequence[Judged]) -> list[Row]:
    """Return the rows of the page's table: each sender of spam, and the others by folder."""
    found = []
    for capture, device in sorted({(it.capture, it.device) for it in judged if it.is_sender}):
        own = {it.method: _fate(it.record) for it in judged if (it.capture, it.device) == (capture, device)}
        found.append(_row(capture, f"{device} (spam)", own))
    clean = [it for it in judged if not it.is_sender]
    for folder in sorted({_folder(it.capture) for it in clean}):
        there = [it for it in clean if _folder(it.capture) == folder]
        methods = dict.fromkeys(it.method for it in there)
        sums = {method: _sum([it for it in there if it.method == method]) for method in methods}
        captures = len({it.capture for it in there})
        found.append(_row(f"{folder}: {captures} captures", f"{len(there) // len(methods)} devices", sums))
    return found


def _row(capture: str, device: str, methods: dict[str, str]) -> Row:
    return {"capture": capture, "device": device, "methods": methods}


def _fate(record: DeviceRecord) -> str:
    taken = f"{len(record.accepted_us)} messages taken"
    if record.acted_us is None:
        return f"never; {taken}"
    return f"acts at connection {record.calls_before} of {record.calls}; {taken}"


def _sum(judged: list[Judged]) -> str:
    touched = [it for it in judged if it.record.acted_us is not None]
    mailing = sum(it.uses_25 for it in judged)
    return f"acts against {len(touched)}" + (f" ({mailing} use port 25)" if mailing else "")


def _folder(capture: str) -> str:
    return capture.partition("/")[0]


def _spammers(labels: Path) -> dict[str, list[bytes]]:
    """Return the addresses of those who send spam, by capture."""
    found: dict[str, list[bytes]] = {}
    if not labels.is_file():
        return found
    with labels.open(encoding="utf-8") as table:
        for row in csv.DictReader(table, delimiter="\t"):
            if row["label"] == _SPAM:
                found.setdefault(row["file"], []).append(ipaddress.ip_address(row["host"]).packed)
    return found
