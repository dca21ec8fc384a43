"""Have a board with little memory do nothing but take a list: break in, leave a mark, start it anew."""

import subprocess
import sys
import time

from spamgate_tools.errors import UserError
from spamgate_tools.link.client import Client
from spamgate_tools.link.transports import TCP, open_port

_MARK = "f = open('list_mode', 'w'); f.write('1'); f.close()"  # as app/board.py wants it
_QUIET_S = 0.7  # after the last frame of a session, until a Ctrl-C counts
_PROMPT_S = 60.0
_STARTS_S = 40.0
_LEAST_S = 1.0
_AGAIN_S = 0.5


def pause(port: str) -> None:
    """Break in at a board's prompt, and start it anew for lists only."""
    if port.startswith(TCP):
        raise UserError("there is no prompt at the other end", "a gateway fetches lists: `spamgate blocklist pull`")
    time.sleep(_QUIET_S)
    command = [sys.executable, "-m", "mpremote", "connect", port, "exec", _MARK, "+", "reset"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_PROMPT_S, check=False)
    except subprocess.TimeoutExpired:
        raise UserError("the board's prompt does not answer", "take its power away, then try again") from None
    if done.returncode:
        said = " ".join((done.stdout + done.stderr).split())[-200:]
        raise UserError(f"the board's prompt cannot be reached: {said}", "take its power away, then try again")


def client_at(port: str, baud: int) -> Client:
    """Return a session, begun, with a board that starts."""
    end = time.monotonic() + _STARTS_S
    while True:
        client = Client(open_port(port, baud), max(_LEAST_S, min(5.0, end - time.monotonic())))
        try:
            client.open()
            return client
        except UserError:
            client.transport.close()
            if time.monotonic() >= end:
                raise
            time.sleep(_AGAIN_S)
