"""Scripted mail servers of the lab's internet: what they are told, and what they have accepted.

They run in one process of their own (`mx_process.py`), accept everything unless told otherwise, answer after a
realistic 20 ms, and write a line of JSON for each connection, refusal and accepted message.
"""

import json
import signal
import subprocess
import sys
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from spamgate_tools.lab.accounts import EXCHANGES, SUBMISSION_SERVER, Authority, Certificate, Exchange
from spamgate_tools.lab.host import Host
from spamgate_tools.lab.waiting import listens, wait_until

SMTP, SUBMISSION, SUBMISSIONS = 25, 587, 465
_START_S = 40.0


@dataclass(frozen=True)
class Server:
    """How one server behaves.  All of it but the first three and the TLS part may change while it runs."""

    name: str
    addresses: tuple[str, ...]
    port: int = SMTP
    reply_ms: int = 20
    banner: str = "accept"  # "never": 554 to whoever connects; "later": 421
    refused_clients: tuple[str, ...] = ()  # networks the banner's refusal is for; none = everybody
    users: tuple[str, ...] | None = None  # local parts that exist, others are 550 5.1.1; None = all exist
    greylist_s: float = 0.0  # 451 4.7.1 until a client, sender and recipient have been known for so long
    chunk_ms: int = 0  # pause before each read of a message, to take a big one slowly
    after_data_s: float = 0.0  # between the final dot and its reply; a change counts for who waits, too
    certificate: str = ""
    key: str = ""
    tls_at_once: bool = False  # port 465
    logins: dict[str, str] = field(default_factory=dict)  # user: password; given = nobody sends without


class MailServers:
    """Servers in one process on `host`, which must have their addresses."""

    def __init__(self, host: Host, servers: list[Server]) -> None:
        self._host = host
        self._servers = {(server.name, server.port): server for server in servers}
        self._settings = host.folder / "mx.json"
        self._log = host.folder / "mx.jsonl"
        self._process: subprocess.Popen[Any] | None = None
        self._told = 0

    def start(self) -> None:
        """Start the process and wait until all its ports are open."""
        self._write()
        self._log.touch()
        words = [sys.executable, "-m", "spamgate_tools.lab.mx_process", str(self._settings), str(self._log)]
        self._process = self._host.popen(words, log="mx.log")
        pid = self._process.pid
        last = list(self._servers.values())[-1]  # they are opened one after the other
        where = f"mail servers (see {self._host.folder}/mx.log)"
        wait_until(lambda: listens(pid, last.port, "tcp", last.addresses[-1]), _START_S, where)

    def change(self, name: str, port: int = SMTP, **settings: Any) -> None:
        """Tell a running server to behave differently from its next connection on; waits until it has heard."""
        self._servers[name, port] = replace(self._servers[name, port], **settings)
        self._write()
        assert self._process
        self._process.send_signal(signal.SIGHUP)
        wait_until(self._has_heard, _START_S, "mail servers' settings")

    def events(self, kind: str = "") -> list[dict[str, Any]]:
        """Return what happened so far: "connect", "refused", "data" (final dot), "accepted"; all or one kind."""
        lines = self._log.read_text().splitlines(keepends=True)
        found = [json.loads(line) for line in lines if line.endswith("\n")]
        return [event for event in found if not kind or event["event"] == kind]

    def accepted(self) -> list[dict[str, Any]]:
        """Return the accepted messages: server, client, sender, recipients, id, bytes, sha256, t."""
        return self.events("accepted")

    def _has_heard(self) -> bool:
        return any(event["generation"] == self._told for event in self.events("settings"))

    def _write(self) -> None:
        self._told += 1
        told = {"generation": self._told, "servers": [asdict(server) for server in self._servers.values()]}
        fresh = self._settings.with_suffix(".new")
        fresh.write_text(json.dumps(told))
        fresh.replace(self._settings)


def exchangers(authority: Authority | None = None, **settings: Any) -> list[Server]:
    """Return every provider's exchangers as scripted servers, all with the same settings."""
    certificate = authority.issue(EXCHANGES[0].name, [one.name for one in EXCHANGES[1:]]) if authority else None
    return [_server(exchange, SMTP, certificate, **settings) for exchange in EXCHANGES]


def submission(authority: Authority, logins: dict[str, str]) -> list[Server]:
    """Return the provider's submission server: 587 with STARTTLS, 465, both with AUTH."""
    made = authority.issue(SUBMISSION_SERVER.name)
    return [
        _server(SUBMISSION_SERVER, SUBMISSION, made, logins=logins),
        _server(SUBMISSION_SERVER, SUBMISSIONS, made, logins=logins, tls_at_once=True),
        _server(SUBMISSION_SERVER, SMTP, made),
    ]


def _server(exchange: Exchange, port: int, certificate: Certificate | None, **settings: Any) -> Server:
    if certificate:
        settings = {**settings, "certificate": str(certificate.certificate), "key": str(certificate.key)}
    return Server(exchange.name, exchange.addresses, port, **settings)
