"""Whoever calls a router's link over TCP, run on a machine of the lab: `link_callers.py KIND URL ...`.

The key is in the file that SPAMGATE_LINK_KEY names.  Each prints one JSON object.
"""

import json
import socket
import sys
import threading
import time
from pathlib import Path

from spamgate_tools.errors import UserError
from spamgate_tools.link.client import Client
from spamgate_tools.link.tcp import TcpTransport, address_of

_PATIENCE_S = 10.0


def tell(what: dict) -> None:
    """Print one JSON object."""
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def ask(url: str, kind: str, fields: str = "{}", then_s: str = "0") -> dict:
    """Ask something, and keep the session for a while."""
    try:
        with Client(TcpTransport(url)) as client:
            lines = list(client.request(kind, **json.loads(fields)))
            if float(then_s):
                tell({"lines": lines})
                time.sleep(float(then_s))
            return {"lines": lines}
    except UserError as error:
        return {"error": str(error)}


def watch(url: str, kind: str) -> dict:
    """Subscribe to events; return the first of this kind."""
    with Client(TcpTransport(url)) as client:
        list(client.request("monitor"))
        tell({"ready": True})
        while True:
            event = json.loads(client.receive(60.0))
            if event["type"] == kind:
                return event


def deaf(url: str, seconds: str) -> dict:
    """Ask for all devices, and read nothing."""
    client = Client(TcpTransport(url))
    client.open()
    for _ in range(3):
        client.send_text(b'{"type":"devices"}\n')
    tell({"ready": True})
    time.sleep(float(seconds))
    return {}


def strangers(url: str, count: str, said: str, hold_s: str) -> dict:
    """Open connections one after the other, say something that is no meeting, and keep them open."""
    held = []
    for _ in range(int(count)):
        try:
            held.append(socket.create_connection(address_of(url), _PATIENCE_S))
            held[-1].sendall(bytes.fromhex(said))
        except OSError:
            pass
    tell({"opened": len(held)})
    time.sleep(float(hold_s))
    return {}


def record(url: str, path: str, kind: str, fields: str) -> dict:
    """Ask through somebody in between who notes all that the caller sends."""
    listener = socket.create_server(("127.0.0.1", 0))
    sent: list[str] = []
    threading.Thread(target=_forward, args=(listener, address_of(url), sent), daemon=True).start()
    answer = ask(f"tcp://127.0.0.1:{listener.getsockname()[1]}", kind, fields)
    time.sleep(0.1)
    Path(path).write_text(json.dumps(sent))
    return answer


def _forward(listener: socket.socket, to: tuple[str, int], sent: list[str]) -> None:
    near, _ = listener.accept()
    far = socket.create_connection(to)

    def back() -> None:
        while data := far.recv(4096):
            near.sendall(data)

    threading.Thread(target=back, daemon=True).start()
    while data := near.recv(4096):
        sent.append(data.hex())
        far.sendall(data)


def replay(url: str, path: str) -> dict:
    """Say again what somebody else has said, piece by piece; tell what came back, and whether we were let go."""
    connection = socket.create_connection(address_of(url), _PATIENCE_S)
    connection.settimeout(0.5)
    heard = 0
    for piece in [*json.loads(Path(path).read_text()), *[""] * 20]:
        try:
            connection.sendall(bytes.fromhex(piece))
            data = connection.recv(4096)
        except TimeoutError:
            continue
        except OSError:
            data = b""
        if not data:
            return {"heard": heard, "ended": True}
        heard += len(data)
    return {"heard": heard, "ended": False}


def reach(url: str) -> dict:
    """Can the port be reached at all?"""
    try:
        socket.create_connection(address_of(url), _PATIENCE_S).close()
    except OSError as error:
        return {"reached": False, "error": type(error).__name__}
    return {"reached": True}


if __name__ == "__main__":
    kinds = {one.__name__: one for one in (ask, watch, deaf, strangers, record, replay, reach)}
    tell(kinds[sys.argv[1]](*sys.argv[2:]))
