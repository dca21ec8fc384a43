"""`spamgate trace`: from a time and a port, as a report from outside names them, to the device."""

import sys
from datetime import UTC, datetime

import click

from spamgate.wire.address import AddressError, parse_address
from spamgate_tools.control import Control, Place
from spamgate_tools.errors import EXIT_DIFFERENT, UserError
from spamgate_tools.gateway_verbs import asks_gateway_by_link, print_lines

_MOST_EPOCH = (1 << 32) - 1


def _seconds(context: click.Context, option: click.Parameter, text: str) -> int:
    """Return UNIX seconds of a number of them, or of a time as in ISO 8601; without an offset it is UTC."""
    try:
        seconds = float(text)
    except ValueError:
        try:
            time = datetime.fromisoformat(text)
        except ValueError:
            raise UserError(f"--time {text}: no time", "write 2026-11-22T14:02:11Z or 1795356131") from None
        seconds = (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()
    if not 0 <= seconds <= _MOST_EPOCH:
        raise UserError(f"--time {text}: not between 1970 and 2106", "give UNIX seconds, not milliseconds")
    return int(seconds)


def _address(context: click.Context, option: click.Parameter, text: str | None) -> str | None:
    try:
        if text is not None:
            parse_address(text)
    except AddressError as error:
        raise UserError(f"--ip {error}") from None
    return text


@click.command()
@click.option("--time", "time_s", metavar="TIME", required=True, callback=_seconds, help="ISO 8601 or UNIX seconds.")
@click.option("--port", type=click.IntRange(1, 65535), help="The source port that the server saw.")
@click.option("--ip", metavar="ADDRESS", callback=_address, help="The home's public address that the server saw.")
@click.option("--skew", type=click.IntRange(0, 3600), default=60, show_default=True, help="Seconds clocks may differ.")
@asks_gateway_by_link
def trace(time_s: int, port: int | None, ip: str | None, skew: int, place: Place, as_json: bool) -> None:
    """Name the device behind a report.

    A report from outside says when and from which port of the home's address a mail server was reached.  Prints the
    device that had this connection, or "unknown" and who it could have been, and exits with 1 then: without a port, or
    if two devices had the same port within the skew, there is no answer, and none is guessed.

    \b
    Example:
      spamgate trace --time 2026-11-22T14:02:11Z --port 40123
    """
    fields = {"time": time_s, "port": port, "ip": ip, "skew": skew}
    with Control(place) as control:
        lines = control.ask("trace", **{name: value for name, value in fields.items() if value is not None})
    if as_json:
        print_lines(lines)
    found = lines[-1].fields if lines else {}
    if not as_json:
        _show(found.get("device"), found.get("candidates") or [])
    if not found.get("device"):
        sys.exit(EXIT_DIFFERENT)


def _show(device: str | None, candidates: list[str]) -> None:
    click.echo(device or "unknown")
    if not device and candidates:
        click.echo("could have been: " + ", ".join(candidates))
