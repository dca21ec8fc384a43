"""A scripted internet in a network namespace, and the lab's device programs in it: what both sides say.

As root or as an ordinary user, where the system lets one.
"""

import json
import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from spamgate_tools.lab.devices.kinds import KINDS
from spamgate_tools.lab.devices.people import HEADER

_TESTS = Path(__file__).resolve().parent
DOMAINS = ("one.example", "two.example", "three.example")
RELAY = "198.51.100.7"
MX = {domain: f"198.51.100.{10 + number}" for number, domain in enumerate(DOMAINS)}
MX6 = {domain: f"2001:db8:100::{10 + number}" for number, domain in enumerate(DOMAINS)}
_OFFERS = {"EHLO": ["PIPELINING", "8BITMIME"]}


def _records() -> dict[str, list[str]]:
    known = {
        "www.provider.example A": [RELAY],
        "mail.provider.example A": [RELAY],
        "one.example TXT": ['"orders"'],
    }
    for domain in DOMAINS:
        known |= {
            f"{domain} MX": [f"20 mx2.{domain}", f"10 mx1.{domain}"],
            f"mx1.{domain} A": [MX[domain]],
            f"mx1.{domain} AAAA": [MX6[domain]],
            f"mx2.{domain} A": ["198.51.100.99"],
        }
    return known


class Scene:
    """A scripted internet, and devices in its namespace."""

    def __init__(self, folder: Path, replies: dict, **script) -> None:
        self._folder = folder
        self._log = folder / "internet.jsonl"
        servers = dict.fromkeys((RELAY, "198.51.100.99", *MX.values(), *MX6.values()), _OFFERS)
        path = folder / "script.json"
        path.write_text(json.dumps({"records": _records(), "servers": servers | replies, **script}))
        unshare = ["unshare", "-n"] if os.geteuid() == 0 else ["unshare", "-Urn"]
        self.process = subprocess.Popen(
            [*unshare, sys.executable, str(_TESTS / "scripted_internet.py"), str(path), str(self._log)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout and self.process.stderr
        if self.process.stdout.readline() != "ready\n":
            complaint = self.process.stderr.read()
            if "not permitted" in complaint:
                pytest.skip(f"not run: no network namespaces here: {complaint.splitlines()[0]}")
            pytest.fail(complaint)

    def inside(self, *words: str) -> list[str]:
        """Return the command that runs `words` in the namespace."""
        user = [] if os.geteuid() == 0 else ["-U", "--preserve-credentials"]
        return ["nsenter", "-t", str(self.process.pid), "-n", *user, *words]

    def start(self, kind: str, *options: str, seconds: float = 60, name: str = "") -> subprocess.Popen:
        report = self._report(name or kind)
        words = ["--seed", "7", "--seconds", str(seconds), "--report", str(report), "--resolver", "192.0.2.1"]
        words += ["--name", name] if name else []
        if KINDS[kind].is_bot or kind == "mail-server":
            words += ["--idle", "0", "--domains", ",".join(DOMAINS)]
        command = self.inside(sys.executable, "-m", "spamgate_tools.lab.devices", kind, *words, *options)
        return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)

    def run(self, kind: str, *options: str, seconds: float = 60, name: str = "", **until: int) -> "Story":
        """Let a device live, at most until its report has so many lines of each kind; return what all say."""
        device = self.start(kind, *options, seconds=seconds, name=name)
        return self.end(device, name or kind, seconds, **until)

    def end(self, device: subprocess.Popen, name: str, seconds: float = 60, **until: int) -> "Story":
        deadline = time.monotonic() + seconds + 15
        while until and device.poll() is None and time.monotonic() < deadline:
            lines = Counter(line["what"].replace("-", "_") for line in self.told(name))
            if all(lines[what] >= count for what, count in until.items()):
                device.terminate()
                break
            time.sleep(0.02)
        _, complaint = device.communicate(timeout=max(2.0, deadline - time.monotonic()))
        assert (device.returncode, complaint) == (0, "")
        return Story(self.told(name), _lines(self._log))

    def told(self, name: str) -> list[dict]:
        return _lines(self._report(name))

    def _report(self, name: str) -> Path:
        return self._folder / f"{name}.jsonl"


class Story:
    """What a device reported and what the internet heard."""

    def __init__(self, report: list[dict], log: list[dict]) -> None:
        self.report = report
        self.log = log

    def did(self, what: str) -> list[dict]:
        return [line for line in self.report if line["what"] == what]

    def heard(self, what: str) -> list[dict]:
        return [line for line in self.log if line["what"] == what]

    def verbs(self, server: str = "") -> list[str]:
        return [line["line"][:4].upper() for line in self.heard("command") if server in ("", line["server"])]

    def arrived(self) -> list[str]:
        """The ids of the messages that a server has taken in, in order."""
        texts = [line["text"] for line in self.heard("message")]
        heads = [line.partition(": ") for text in texts for line in text.partition("\r\n\r\n")[0].split("\r\n")]
        return [value for name, _, value in heads if name == HEADER]

    def asked(self) -> Counter:
        return Counter(line["type"] for line in self.heard("query"))


def _lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
