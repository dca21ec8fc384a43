"""`spamgate blocklist sign`: say that a list is ours, which version it is, and until when it holds."""

import json
import time
from pathlib import Path
from typing import Any

import click

from spamgate_tools.errors import UserError

_FILE = click.Path(dir_okay=False, path_type=Path)
_DATE = "%Y-%m-%d %H:%M UTC"


@click.command()
@click.argument("file", type=_FILE)
@click.option("--key", metavar="PEM", type=_FILE, required=True, help="The private key that `keygen` made.")
@click.option("--expires-days", type=click.IntRange(1, 3650), default=30, show_default=True, help="How long it holds.")
@click.option("--version", type=click.IntRange(0), help="Instead of the minutes since 1970.")
@click.option("--next-key", metavar="PUB", type=_FILE, help="From this list on devices trust that key instead.")
@click.option("--passphrase-file", metavar="FILE", type=_FILE, help="Its first line opens the key; else asked for.")
@click.option("--json", "as_json", is_flag=True, help="Print the manifest as a JSON object.")
def sign(file: Path, key: Path, passphrase_file: Path | None, as_json: bool, **terms: Any) -> None:
    """Sign the list FILE, which gets a new head; the same head goes into a file beside it with the ending .head.

    Put FILE and its .head on any web server for routers to fetch; push FILE to boards.  Sign again before it expires:
    what has expired is refused, though a list in force stays in force.

    \b
    Examples:
      spamgate blocklist sign home.sgb --key home.key
      spamgate blocklist sign home.sgb --key home.key --expires-days 7
      spamgate blocklist sign home.sgb --key home.key --next-key new.pub
    """
    from spamgate.wire.pss import encode_key, fingerprint
    from spamgate_tools.blocklist.keys import modulus_of, read_passphrase, read_private, read_public
    from spamgate_tools.blocklist.signing import HEAD_SUFFIX, Terms, sign_file

    next_key: Path | None = terms["next_key"]
    following = encode_key(read_public(next_key)) if next_key else None
    private = read_private(key, read_passphrase(passphrase_file))
    if following == encode_key(modulus_of(private)):
        raise UserError(f"{next_key}: is the key that signs", "name another, or leave --next-key out")
    manifest = sign_file(file, private, Terms(int(time.time()), terms["expires_days"], terms["version"], following))
    if as_json:
        told = {"type": "sign", "file": str(file), "key": fingerprint(modulus_of(private)), "manifest": manifest}
        click.echo(json.dumps(told))
        return
    until = time.strftime(_DATE, time.gmtime(manifest["expires"]))
    click.echo(f"{file}: version {manifest['version']}, {manifest['names']:,} names, holds until {until}")
    click.echo(f"{file.with_suffix(HEAD_SUFFIX)}: its head, for web servers")
    if next_key:
        click.echo(f"devices that take it trust {next_key} from then on; sign the next list with that key")
