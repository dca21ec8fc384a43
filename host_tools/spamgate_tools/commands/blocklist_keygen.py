"""`spamgate blocklist keygen`: make the key with which lists are signed."""

import json
from pathlib import Path

import click

from spamgate_tools.errors import UserError

_FILE = click.Path(dir_okay=False, path_type=Path)

_NEXT = """made {private}: the private key; keep it, keep a copy, and show it to nobody
     {public}: the public key, fingerprint {fingerprint}
sign a list        spamgate blocklist sign list.sgb --key {private}
trust it, boards   spamgate flash --list-key {public}, or: spamgate settings list_key "$(cat {public})" --port PORT
trust it, routers  the setting "list_key" is the text in {public}"""


@click.command()
@click.argument("file", type=_FILE)
@click.option("--ask-passphrase", is_flag=True, help="Ask for a passphrase with which the private key is encrypted.")
@click.option("--passphrase-file", metavar="FILE", type=_FILE, help="Its first line is the passphrase.")
@click.option("--json", "as_json", is_flag=True, help="Print what was made as a JSON object.")
def keygen(file: Path, ask_passphrase: bool, passphrase_file: Path | None, as_json: bool) -> None:
    """Make a key pair for signing lists: FILE, and the public key beside it with the ending .pub.

    Devices take lists that are signed with the key they trust, and no others.  A key is replaced by signing a list that
    names the next one (`spamgate blocklist sign --next-key`).

    \b
    Examples:
      spamgate blocklist keygen home.key
      spamgate blocklist keygen home.key --ask-passphrase
    """
    from spamgate.wire.pss import encode_key, fingerprint
    from spamgate_tools.blocklist.keys import make_keys, public_path, read_passphrase

    if ask_passphrase and passphrase_file:
        raise UserError("one passphrase, please", "give --ask-passphrase or --passphrase-file")
    public = public_path(file)
    passphrase = read_passphrase(passphrase_file)
    if ask_passphrase:
        passphrase = click.prompt("passphrase", hide_input=True, confirmation_prompt=True, err=True).encode()
    modulus = make_keys(file, passphrase)
    told = {
        "type": "keygen",
        "private": str(file),
        "public": str(public),
        "fingerprint": fingerprint(modulus),
        "list_key": encode_key(modulus),
    }
    click.echo(json.dumps(told) if as_json else _NEXT.format(**told))
