"""The process of the scripted mail servers: `python -m spamgate_tools.lab.mx_process SETTINGS LOG`."""

import asyncio
import ipaddress
import json
import signal
import socket
import ssl
import sys
import time
from pathlib import Path
from typing import Any, TextIO

from spamgate_tools.lab.mx import Server
from spamgate_tools.lab.mx_session import Session

_BACKLOG = 512


class Process:
    """All servers, found anew for each connection by the address and port it came in on."""

    def __init__(self, settings: Path, log: TextIO) -> None:
        self._settings = settings
        self._log = log
        self._servers: dict[tuple[str, int], Server] = {}
        self._contexts: dict[str, ssl.SSLContext] = {}
        self._sessions: set[asyncio.Task[None]] = set()
        self.first_seen: dict[tuple[str, str, str], float] = {}  # of greylisting

    def read_settings(self) -> None:
        """Take what the file says now for all connections to come."""
        told = json.loads(self._settings.read_text())
        for row in told["servers"]:
            server = Server(**{**row, "addresses": tuple(row["addresses"])})
            for address in server.addresses:
                self._servers[address, server.port] = server
        self.write("settings", generation=told["generation"])

    def now(self, server: Server) -> Server:
        """Return how a server behaves by now."""
        return self._servers[server.addresses[0], server.port]

    def write(self, event: str, **facts: Any) -> None:
        """Add a line to the log."""
        self._log.write(json.dumps({"event": event, "t": time.time(), **facts}) + "\n")
        self._log.flush()

    def context(self, server: Server) -> ssl.SSLContext | None:
        """Return what TLS with this server needs, None where it has no certificate."""
        if server.certificate and server.certificate not in self._contexts:
            made = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            made.load_cert_chain(server.certificate, server.key)
            self._contexts[server.certificate] = made
        return self._contexts.get(server.certificate)

    async def run(self) -> None:
        """Serve until the process is told to end."""
        self.read_settings()
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self.read_settings)
        for address, port in list(self._servers):
            await asyncio.start_server(self._connected, sock=_listener(address, port))
        await asyncio.Event().wait()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        local, peer = writer.get_extra_info("sockname"), writer.get_extra_info("peername")
        if peer:
            server = self._servers[str(ipaddress.ip_address(local[0])), local[1]]
            await Session(self, server, reader, writer, peer[0], peer[1]).run()


def _listener(address: str, port: int) -> socket.socket:
    known = ipaddress.ip_address(address)
    listener = socket.socket(socket.AF_INET if known.version == 4 else socket.AF_INET6, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((address, port))
    listener.listen(_BACKLOG)
    listener.setblocking(False)
    return listener


def main() -> None:
    with open(sys.argv[2], "a", encoding="utf-8") as log:
        asyncio.run(Process(Path(sys.argv[1]), log).run())


if __name__ == "__main__":
    main()
