"""A mail server that somebody runs at home, whichever program it is: hand it mail, look at its queue, count bounces.

An hour of such a server takes `hour_s` seconds: its timers for retries, queue runs and giving up are shortened alike.
"""

import subprocess
from collections.abc import Iterable, Sequence
from email import message_from_bytes
from pathlib import Path
from typing import Any

from spamgate_tools.lab.accounts import HOME_DOMAIN, HOME_SERVER
from spamgate_tools.lab.host import Host
from spamgate_tools.lab.submit import Letter, submit
from spamgate_tools.lab.waiting import listens, wait_until

OWNER = f"owner@{HOME_DOMAIN}"

_LOOPBACK = "127.0.0.1"
_SMTP = 25
_START_S = 40.0
_HOUR_S = 3600


class HomeServer:
    """What all of them have in common: SMTP on the loopback address, a queue, the owner's mailbox as a Maildir."""

    program = ""
    _stamp_size = 0  # of the time in its log, in characters

    def __init__(self, host: Host, hour_s: float = _HOUR_S) -> None:
        self.host = host
        self.name = HOME_SERVER
        self.addresses: Sequence[str] = (_LOOPBACK,)  # where it takes mail
        self.hour_s = hour_s
        self.folder = host.folder / self.program
        self.mailbox = self.folder / "mailbox"
        self._process: subprocess.Popen[Any] | None = None

    def start(self) -> None:
        """Start it and wait until it takes mail."""
        self.folder.mkdir(exist_ok=True)
        self._prepare()
        self._process = self.host.popen(self._command(), log=f"{self.program}.out")
        pid = self._process.pid
        everywhere = self.addresses
        what = f"{self.program} (see {self.folder})"
        wait_until(lambda: all(listens(pid, _SMTP, "tcp", address) for address in everywhere), _START_S, what)

    def stop(self) -> None:
        """End it; what is in the queue stays there."""
        if self._process:
            self._process.terminate()
            self._process.wait()
            self._process = None

    def submit(self, letters: Iterable[Letter]) -> None:
        """Hand it letters as a program on the same machine does."""
        submit(self.host, letters)

    def queued(self) -> int:
        """Return how many messages wait in its queue."""
        raise NotImplementedError

    def flush(self) -> None:
        """Try everything in the queue now."""
        raise NotImplementedError

    def attempts(self) -> int:
        """Return how often a delivery was put off so far."""
        raise NotImplementedError

    def rounds(self, address: str) -> int:
        """Return how often it has tried the mail server at an address, messages of the same second counted once."""
        lines = (line for line in self.log().splitlines() if f"[{address}]" in line)
        return len({line[: self._stamp_size] for line in lines})

    def log(self) -> str:
        """Return what it has logged."""
        raise NotImplementedError

    def bounces(self) -> list[str]:
        """Return the notices in the owner's mailbox that a message could not be delivered."""
        letters = (path.read_bytes() for path in messages_in(self.mailbox))
        return [letter.decode("utf-8", "replace") for letter in letters if is_bounce(letter)]

    def _prepare(self) -> None:
        """Write settings and folders."""
        raise NotImplementedError

    def _command(self) -> list[str]:
        """Return the command that runs it in the foreground."""
        raise NotImplementedError

    def _scaled(self, seconds: float) -> int:
        """Return a time of its own in seconds of ours, at least one."""
        return max(1, round(seconds * self.hour_s / _HOUR_S))


def messages_in(maildir: Path) -> list[Path]:
    """Return the messages of all Maildirs below a folder."""
    return sorted(path for path in maildir.rglob("*") if path.parent.name in ("new", "cur") and path.is_file())


def is_bounce(message: bytes) -> bool:
    """Is it a notice of failure (RFC 3464), as opposed to one of delay?"""
    notice = message_from_bytes(message)
    if not notice.is_multipart():
        return False
    reports = [part for part in notice.walk() if part.get_content_type() == "message/delivery-status"]
    return any("action: failed" in report.as_string().lower() for report in reports)
