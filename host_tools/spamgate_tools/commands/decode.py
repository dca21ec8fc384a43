"""`spamgate decode`: what our readers make of raw messages, one JSON object a line."""

import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

import click

from spamgate.wire.cursor import FormError
from spamgate_tools.decode_dns import decode_lines
from spamgate_tools.decode_link import decode_link as decode_bytes
from spamgate_tools.decode_smtp import decode_capture
from spamgate_tools.errors import UserError


@click.group()
def decode() -> None:
    """Show what our readers make of raw messages, one JSON object a line.

    \b
    Examples:
      spamgate decode dns queries.hex
      spamgate decode smtp mail.pcap
      spamgate decode link line.bin
    """


@decode.command("dns")
@click.argument("file", type=click.Path(readable=False))
@click.option("--json", "as_json", is_flag=True, help="JSON is what this command prints anyway.")
def decode_dns(file: str, as_json: bool) -> None:
    """Decode DNS messages: FILE has one message a line, in hex; - reads standard input.

    \b
    Example:
      echo 000001000001000000000000076578616d706c6503636f6d00000f0001 | spamgate decode dns -
    """
    if file == "-":
        _print(decode_lines(sys.stdin))
        return
    try:
        with open(file, encoding="ascii", errors="replace") as lines:
            _print(decode_lines(lines))
    except OSError as error:
        raise UserError(f"{file}: cannot be read: {error.strerror}") from None


@decode.command("smtp")
@click.argument("capture", type=click.Path(readable=False))
@click.option("--json", "as_json", is_flag=True, help="JSON is what this command prints anyway.")
def decode_smtp(capture: str, as_json: bool) -> None:
    """Decode the mail transactions of a CAPTURE.  This view for debugging shows addresses; no other does.

    \b
    Example:
      spamgate decode smtp mail.pcap
    """
    data = _read(capture)
    try:
        _print(decode_capture(data))
    except FormError as error:
        raise UserError(f"{capture}: {error}") from None


@decode.command("link")
@click.argument("file", type=click.Path(readable=False))
@click.option("--json", "as_json", is_flag=True, help="JSON is what this command prints anyway.")
def decode_link(file: str, as_json: bool) -> None:
    """Decode the bytes of a link to a board.

    FILE has them as they were on the line, of one direction or both, from before the session began: only then can be
    told what is damaged.  What is outside frames is shown as well.

    \b
    Example:
      spamgate decode link line.bin
    """
    _print(decode_bytes(_read(file)))


def _read(file: str) -> bytes:
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise UserError(f"{file}: cannot be read: {error.strerror}") from None


def _print(objects: Iterable[Mapping]) -> None:
    for decoded in objects:
        click.echo(json.dumps(decoded))
