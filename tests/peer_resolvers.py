"""Real resolvers as judges of configurations: Unbound, BIND, dnsmasq on loopback, above a world that answers all.

What a resolver answers with the address of that world it resolved as usual; whatever else it says, it blocked.
"""

import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dns.exception
import dns.message
import dns.query
import dns.rdatatype
import dns.rrset
import pytest
from free_ports import free_ports

from spamgate_tools.lab.waiting import wait_until

WORLD_ADDRESS = "198.51.100.77"
_LOOPBACK = "127.0.0.1"
_PATIENCE_S = 20.0

_UNBOUND = """server:
  username: ""
  chroot: ""
  directory: "{folder}"
  pidfile: ""
  use-syslog: no
  verbosity: 0
  num-threads: 1
  module-config: "respip iterator"
  do-not-query-localhost: no
  interface: 127.0.0.1@{port}
  qname-minimisation: no
  local-zone: "test." nodefault
  local-zone: "invalid." nodefault
{server}
{zones}
forward-zone:
  name: "."
  forward-addr: 127.0.0.1@{world}
remote-control:
  control-enable: no
"""
_ZONE = 'rpz:\n  name: "{name}"\n  zonefile: "{file}"\n'

_NAMED = """options {{
  directory "{folder}";
  pid-file none;
  session-keyfile none;
  listen-on port {port} {{ 127.0.0.1; }};
  listen-on-v6 {{ none; }};
  dnssec-validation no;
  forward only;
  forwarders port {world} {{ 127.0.0.1; }};
  {policy}
}};
controls {{ }};
{zones}
"""


class Peer:
    """A resolver to ask."""

    def __init__(self, port: int) -> None:
        self.port = port

    def blocks(self, name: str) -> bool:
        """Ask for an address: does it keep the world's answer back?"""
        answer = dns.query.udp(dns.message.make_query(name, "A"), _LOOPBACK, _PATIENCE_S, self.port)
        return not any(WORLD_ADDRESS in rrset.to_text() for rrset in answer.answer)


@contextmanager
def unbound(folder: Path, server: str = "", zones: tuple[str, ...] = ()) -> Iterator[Peer]:
    """Run Unbound with lines of its `server:` clause and with policy zones, given as text, the first one first."""
    with _world() as world:
        port = free_ports()
        clauses = []
        for number, text in enumerate(zones):
            file = folder / f"zone{number}"
            file.write_text(text)
            clauses.append(_ZONE.format(name=f"rpz{number}.example.", file=file))
        settings = folder / "unbound.conf"
        values = {"folder": folder, "port": port, "world": world, "server": server, "zones": "".join(clauses)}
        settings.write_text(_UNBOUND.format(**values))
        with _running(["unbound", "-d", "-c", str(settings)], port, folder):
            yield Peer(port)


@contextmanager
def named(folder: Path, zones: str = "", policy: str = "") -> Iterator[Peer]:
    """Run BIND with zone statements, or with a policy zone given as text."""
    with _world() as world:
        port = free_ports()
        clause = ""
        if policy:
            (folder / "policy").write_text(policy)
            clause = 'response-policy { zone "rpz0.example"; };'
            zones += 'zone "rpz0.example" { type primary; file "policy"; };'
        settings = folder / "named.conf"
        settings.write_text(_NAMED.format(folder=folder, port=port, world=world, policy=clause, zones=zones))
        with _running(["named", "-g", "-c", str(settings)], port, folder):
            yield Peer(port)


@contextmanager
def dnsmasq(folder: Path, lines: str) -> Iterator[Peer]:
    """Run dnsmasq with these lines of configuration."""
    with _world() as world:
        port = free_ports()
        settings = folder / "dnsmasq.conf"
        own = (
            "no-resolv", "no-hosts", "user=", "pid-file=", "cache-size=0", "bind-interfaces", "local-service=host",
            f"port={port}", f"listen-address={_LOOPBACK}", f"server={_LOOPBACK}#{world}",
        )  # fmt: skip
        settings.write_text("\n".join((*own, lines)))
        with _running(["dnsmasq", "--keep-in-foreground", f"--conf-file={settings}"], port, folder):
            yield Peer(port)


@contextmanager
def _running(words: list[str], port: int, folder: Path) -> Iterator[None]:
    if not shutil.which(words[0]):
        pytest.skip(f"not run: no {words[0]} here")
    log = folder / f"{words[0]}.log"
    with log.open("wb") as out:
        process = subprocess.Popen(words, stdout=out, stderr=subprocess.STDOUT)
    try:
        wait_until(lambda: process.poll() is not None or _answers(port), _PATIENCE_S, f"{words[0]} (see {log})")
        assert process.poll() is None, log.read_text()
        yield
    finally:
        process.terminate()
        process.wait()


def _answers(port: int) -> bool:
    try:
        dns.query.udp(dns.message.make_query("is-it-up.example", "A"), _LOOPBACK, 0.2, port)
    except (OSError, dns.exception.Timeout):
        return False
    return True


@contextmanager
def _world() -> Iterator[int]:
    """Answer every question with one address."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((_LOOPBACK, 0))
    thread = threading.Thread(target=_serve, args=(sock,), daemon=True)
    thread.start()
    try:
        yield int(sock.getsockname()[1])
    finally:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", sock.getsockname())
        thread.join()
        sock.close()


def _serve(sock: socket.socket) -> None:
    while True:
        wire, peer = sock.recvfrom(4096)
        if not wire:
            return
        answer = dns.message.make_response(dns.message.from_wire(wire), recursion_available=True)
        question = answer.question[0]
        if question.rdtype == dns.rdatatype.A:
            answer.answer.append(dns.rrset.from_text(question.name, 60, "IN", "A", WORLD_ADDRESS))
        sock.sendto(answer.to_wire(), peer)
