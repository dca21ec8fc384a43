"""The serial ports of this machine that a board may be behind."""

from typing import NamedTuple

from serial.tools import list_ports

from spamgate_tools.errors import UserError


class Port(NamedTuple):
    """A serial port with something on USB behind it."""

    path: str
    what: str  # as the adapter calls itself


def usb_ports() -> list[Port]:
    """Return the ports with something on USB behind them."""
    return sorted(Port(it.device, it.description or "") for it in list_ports.comports() if it.vid is not None)


def only_port() -> str:
    """Return the one port there is; UserError when there is none, or a choice."""
    ports = usb_ports()
    if not ports:
        hint = "connect the board with a cable that carries data; a port that is not on USB is named with --port"
        raise UserError("no board is connected over USB", hint)
    if len(ports) > 1:
        there = ", ".join(f"{it.path} ({it.what})" for it in ports)
        hint = "name one with --port, or see `spamgate provision`"
        raise UserError(f"{len(ports)} boards are connected: {there}", hint)
    return ports[0].path
