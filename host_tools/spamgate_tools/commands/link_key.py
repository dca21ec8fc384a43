"""`spamgate link-key`: make the key for the link over TCP to a router."""

import json
from pathlib import Path

import click

from spamgate_tools.link.keys import key_file, make_key_file

_NEXT = """made {path}
on the router   copy it, readable for root only, and name it in the settings:
                  "link_port": 8425, "link_key": "/etc/spamgate/link.key"
from here       spamgate devices --port tcp://192.168.1.1:8425"""


@click.command("link-key")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path), required=False)
@click.option("--replace", is_flag=True, help="Replace a key that is there: every router then needs the new one.")
@click.option("--json", "as_json", is_flag=True, help="Print where the key is as a JSON object.")
def link_key(file: Path | None, replace: bool, as_json: bool) -> None:
    """Make a key for the link over TCP.

    With it this machine and a router prove to each other who they are; whoever has it may look at the home and give
    orders.  Writes 64 hex digits to FILE, or to where `--port tcp://...` looks for the key.  The key is not shown.

    \b
    Examples:
      spamgate link-key
      spamgate link-key router-7.key
    """
    path = file or key_file()
    make_key_file(path, replace)
    click.echo(json.dumps({"type": "link-key", "file": str(path)}) if as_json else _NEXT.format(path=path))
