"""The lab's internet as a whole: resolver, mail servers and a web server on the network's internet host.

Mail servers accept everything, so that no leak is hidden by a refusal; two small providers are told to refuse, as some
always do.  Where Postfix can run, one small provider has the real thing.
"""

import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from spamgate_tools.errors import UserError
from spamgate_tools.lab.accounts import (
    EXCHANGES,
    LARGE_PROVIDERS,
    PROVIDERS,
    RESOLVER4,
    RESOLVER6,
    SMALL_PROVIDERS,
    Authority,
    addresses,
    records,
)
from spamgate_tools.lab.host import Host
from spamgate_tools.lab.lines import Follower
from spamgate_tools.lab.mx import MailServers, Server, exchangers, submission
from spamgate_tools.lab.postfix import Exchanger
from spamgate_tools.lab.unbound import Resolver

OWNER = "owner"
PASSWORD = "correct horse battery staple"  # of an account that lives for a minute
DOMAINS = tuple(provider.domain for provider in PROVIDERS)
LARGE_DOMAINS = tuple(provider.domain for provider in LARGE_PROVIDERS)
KNOWN_BY_HEART = tuple(exchange.address4 for exchange in EXCHANGES[::4])

_REAL, _LISTS_US, _KNOWS_NOBODY = SMALL_PROVIDERS[0], SMALL_PROVIDERS[-1], SMALL_PROVIDERS[-2]
_HTTP = 80
_PAGE = "<!doctype html><title>A page</title><p>Nothing to see.</p>\n" * 20


class Internet:
    """Resolver, mail and web on `host`, Postfix included if it can run; `note` is told what had to be done without."""

    def __init__(self, host: Host, has_postfix: bool, note: Callable[[str], None]) -> None:
        self._host = host
        self._note = note
        self.authority = Authority(host.folder / "authority")
        self._mail = MailServers(host, self._scripted(has_postfix))
        self._postfix = self._real() if has_postfix else None
        self._follower = Follower(host.folder / "mx.jsonl")
        self._known: set[str] = set()

    def start(self) -> None:
        """Start everything and wait until it serves."""
        self._host.ip(*(f"addr add {address} dev eth0" + " nodad" * (":" in address) for address in addresses()))
        self._start_resolver()
        self._start_web()
        if self._postfix:
            self._postfix.start()
        self._mail.start()

    def _start_resolver(self) -> None:
        """Start Unbound, or dnsmasq where it is missing or may not read our files (AppArmor)."""
        resolver = Resolver(self._host, records(), [RESOLVER4, RESOLVER6])
        try:
            resolver.start()
        except UserError as error:
            if resolver.program == "dnsmasq" or not shutil.which("dnsmasq"):
                raise
            resolver.stop()
            self._note(f"Unbound does not run here ({error}): dnsmasq takes its place")
            Resolver(self._host, records(), [RESOLVER4, RESOLVER6], "dnsmasq").start()

    def events(self) -> Iterator[dict[str, Any]]:
        """Yield what happened at the mail servers since the last call."""
        yield from self._follower.read()
        for row in self._postfix.received() if self._postfix else ():
            if row["id"] not in self._known:
                self._known.add(row["id"])
                yield {"event": "accepted", **row}

    def _scripted(self, has_postfix: bool) -> list[Server]:
        servers = [*exchangers(self.authority), *submission(self.authority, {OWNER: PASSWORD})]
        refusing: dict[str, dict[str, Any]] = {
            _LISTS_US.exchanges[0].name: {"banner": "never"},
            _KNOWS_NOBODY.exchanges[0].name: {"users": ()},
        }
        real = {exchange.name for exchange in _REAL.exchanges} if has_postfix else set()
        wanted = (server for server in servers if server.name not in real)
        return [replace(server, **refusing.get(server.name, {})) for server in wanted]

    def _real(self) -> Exchanger:
        exchange = _REAL.exchanges[0]
        certificate = self.authority.issue(exchange.name)
        return Exchanger(self._host, exchange.name, [_REAL.domain], exchange.addresses, certificate)

    def _start_web(self) -> None:
        pages = self._host.folder / "pages"
        pages.mkdir()
        Path(pages, "index.html").write_text(_PAGE)
        words = [sys.executable, "-m", "http.server", str(_HTTP), "--directory", str(pages)]
        self._host.serve(words, "web.log", _HTTP, "tcp")

