"""`spamgate blocklist pull`: let this router fetch a newer list."""

import json
import sys

import click

from spamgate_tools.errors import UserError


@click.command()
@click.option("--config", metavar="FILE", type=click.Path(dir_okay=False), required=True, help="The gateway's file.")
@click.option("--from", "place", metavar="PLACE", help="URL or path of the .sgb file, instead of the setting list_url.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def pull(config: str, place: str | None, as_json: bool) -> None:
    """Fetch a newer list for the gateway on this router, over HTTP or HTTPS, and put it in force.

    Any server of files will do: put there what `sign` wrote, home.sgb and home.head, and from `diff` what leads from
    former versions, home.from-VERSION.sgd.  Only what is newer, signed with the key in the settings and whole is taken;
    until then, and whatever goes wrong, the list in force serves.  A gateway that runs takes it over by itself.

    Run it by a timer, a few times a day: it asks for 4096 bytes, and only if they have changed.

    \b
    Examples:
      spamgate blocklist pull --config /etc/spamgate/spamgate.json
      spamgate blocklist pull --config spamgate.json --from https://lists.example/home.sgb
      spamgate blocklist pull --config spamgate.json --from home.sgb

    \b
    Exit codes: 0 taken or nothing new, 1 not taken, 2 settings; one line says why.
    """
    from spamgate_tools.gateway import read_config, run_pull

    done = run_pull(read_config(config), place)
    if done.returncode not in (0, 1) or not done.stdout:
        raise UserError(done.stderr.strip().removeprefix("error: ") or "the fetch ended without a word")
    if done.stderr and not as_json:
        click.echo(done.stderr.rstrip(), err=True)
    told = json.loads(done.stdout.splitlines()[-1])
    if as_json:
        click.echo(json.dumps(told))
    else:
        click.echo(told["said"], err=not told["ok"])
    sys.exit(done.returncode)
