"""`spamgate blocklist verify`: would a device that trusts this key take that list?"""

import json
import sys
import time
from pathlib import Path

import click

from spamgate_tools.errors import EXIT_DIFFERENT

_FILE = click.Path(dir_okay=False, path_type=Path)
_DATE = "%Y-%m-%d %H:%M UTC"


@click.command()
@click.argument("file", type=_FILE)
@click.option("--key", metavar="PUB", type=_FILE, required=True, help="The public key that devices trust.")
@click.option("--json", "as_json", is_flag=True, help="Print the judgement as a JSON object.")
def verify(file: Path, key: Path, as_json: bool) -> None:
    """Check the list or delta FILE as a device does: signature, dates, size and digest.

    What only a device knows it decides itself: which version it has, which list it is set for, and for a delta whether
    the bytes it arrives at are those of the manifest.

    \b
    Example:
      spamgate blocklist verify home.sgb --key home.pub

    \b
    Exit codes: 0 it is good, 1 it is not, 2 it cannot be read.
    """
    from spamgate.wire.pss import fingerprint
    from spamgate_tools.blocklist.keys import read_public
    from spamgate_tools.blocklist.signing import judge_file

    modulus = read_public(key)
    judgement = judge_file(file, modulus, int(time.time()))
    problems = judgement.problems
    if as_json:
        told = {
            "type": "verify",
            "file": str(file),
            "good": not problems,
            "problems": problems,
            "delta": judgement.is_delta,
            "key": fingerprint(modulus),
            "manifest": judgement.manifest,
        }
        click.echo(json.dumps(told))
    elif problems:
        for problem in problems:
            click.echo(f"{file}: {problem}")
    else:
        manifest = judgement.manifest
        until = time.strftime(_DATE, time.gmtime(manifest["expires"]))
        kind = "delta to version" if judgement.is_delta else "version"
        click.echo(f"{file}: good; {kind} {manifest['version']}, {manifest['names']:,} names, holds until {until}")
    if problems:
        sys.exit(EXIT_DIFFERENT)
