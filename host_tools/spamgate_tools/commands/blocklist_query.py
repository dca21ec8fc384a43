"""`spamgate blocklist query`: is a name on a list?"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from spamgate_tools.errors import UserError


@click.command()
@click.argument("file", metavar="LIST.sgb", type=click.Path(path_type=Path))
@click.argument("names", nargs=-1, metavar="[NAME...]")
@click.option("--file", "names_file", type=click.Path(path_type=Path), help="More names, one a line (- is stdin).")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a name.")
def query(file: Path, names: tuple[str, ...], names_file: Path | None, as_json: bool) -> None:
    """Ask a list for names and addresses, as a board does.

    A name is listed by itself ("exact"), by a name above it ("parent"), or, if it is an address, by one of the networks
    ("address").  What is listed and not allowed is blocked.  Exits with 0 whatever the answers are.

    \b
    Examples:
      spamgate blocklist query home.sgb ads.example 192.0.2.7
      spamgate blocklist query home.sgb --file names.txt --json
    """
    from spamgate.wire.cursor import FormError
    from spamgate_tools.blocklist.ask import ask
    from spamgate_tools.blocklist.open_list import open_list
    from spamgate_tools.blocklist.patient_reader import PatientReader

    if not names and not names_file:
        raise UserError("query: no name was given", "write names behind the list, or a file of them with --file")
    reader = PatientReader(open_list(file).body)
    try:
        for name in (*names, *(_lines(names_file) if names_file else ())):
            answer = ask(reader, name)
            click.echo(json.dumps(answer) if as_json else _line(answer))
    except FormError as error:
        raise UserError(f"{file}: is damaged: {error}", "fetch or build it again") from None


def _lines(path: Path) -> Iterator[str]:
    """Return the lines that say something."""
    try:
        data = sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
    lines = (line.strip() for line in data.decode("utf-8", "surrogateescape").split("\n"))
    return (line for line in lines if line)


def _line(answer: dict) -> str:
    how = {"exact": "listed", "parent": "listed by a name above it", "address": "in a listed network"}
    words = how.get(answer["by"], "not listed")
    return f"{answer['name']}: {words}{', but allowed' if answer['allowed'] else ''}"
