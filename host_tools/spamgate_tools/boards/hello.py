"""After flashing: wait until the board says who it is, or know why nothing will be heard; then say what is next."""

import time
from typing import NamedTuple

from spamgate_tools.boards.catalogue import Board
from spamgate_tools.errors import UserError
from spamgate_tools.link.client import Client
from spamgate_tools.link.transports import open_port

PATIENCE_S = 40.0  # a first start also joins the network

_LEAST_S = 1.0
_AGAIN_S = 0.5
_CANNOT_RESTART = "not waited for: this line cannot restart the board"


class Hello(NamedTuple):
    """What was heard: the board's identity; or nothing, and why."""

    identity: dict
    why_not: str = ""
    is_fault: bool = False  # it should have answered


def wait_for_hello(port: str, restarted: bool, patience_s: float = PATIENCE_S) -> Hello:
    """Listen for the firmware on a board that was just flashed; a port on the chip itself goes and comes with it."""
    if not restarted:
        return Hello({}, _CANNOT_RESTART)
    end = time.monotonic() + patience_s
    while True:
        try:
            with Client(open_port(port), max(end - time.monotonic(), _LEAST_S)) as client:
                return Hello(client.identity)
        except UserError as error:
            if time.monotonic() >= end:
                return Hello({}, str(error), True)
            time.sleep(_AGAIN_S)


def next_steps(board: Board, port: str, settings: dict, hello: Hello) -> list[str]:
    """Return what the owner does next, in order."""
    steps = []
    if hello.is_fault:
        steps.append(f"see what it prints: mpremote connect {port}")
    elif not hello.identity:
        steps.append("press RESET on the board, or take its power away for a moment")
    if board.facts["network"] == "Wi-Fi" and not settings.get("wifi_name"):
        steps.append(f'tell it your Wi-Fi: spamgate flash --port {port} --wifi "NAME"')
    if board.facts["plane"] == "lwip":
        steps.append(_own_wifi(port, settings))
    steps.append(f"see the devices it hears of: spamgate devices --port {port}")
    if board.facts["plane"] == "dns":
        address = hello.identity.get("address") or "the board's address"
        steps.append(f"in your router, name {address} as the DNS server of the home (DHCP)")
    return steps


def _own_wifi(port: str, settings: dict) -> str:
    """Return what the owner does about the Wi-Fi that a router makes."""
    if settings.get("ap_name") and settings.get("ap_password"):
        return f"connect the devices of the home to its Wi-Fi, {settings['ap_name']}"
    return f'name the Wi-Fi that it makes for the home: spamgate flash --port {port} --ap "NAME"'
