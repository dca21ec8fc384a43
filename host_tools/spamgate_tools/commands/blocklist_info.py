"""`spamgate blocklist info`: what a list says of itself."""

import json
from datetime import UTC, datetime
from pathlib import Path

import click


@click.command()
@click.argument("file", metavar="LIST.sgb", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def info(file: Path, as_json: bool) -> None:
    """Tell what is in a list.

    How many names and addresses it has, how sure its answers are, for which boards it is, whether it is signed and how
    long it is good; and, where the report of its build lies beside it, which sources it was made of.  Whether the
    signature is a good one, `spamgate blocklist verify` tells.

    \b
    Example:
      spamgate blocklist info home.sgb
    """
    from spamgate_tools.blocklist.make import read_report
    from spamgate_tools.blocklist.open_list import open_list
    from spamgate_tools.blocklist.saying import list_facts, list_lines

    opened = open_list(file)
    facts = list_facts(opened.body, opened.manifest)
    report = read_report(file)
    sources = report.get("sources", []) if report.get("sha256") == facts["sha256"] else None
    if as_json:
        told = {"type": "list", "file": str(file), "signed": opened.is_signed, **facts}
        click.echo(json.dumps({**told, "manifest": opened.manifest, "sources": sources}))
        return
    click.echo(f"list       {file}, id {facts['id']}, sha-256 {facts['sha256'][:16]}...")
    for line in (*_signature_lines(opened.manifest, opened.is_signed), *list_lines(facts)):
        click.echo(line)
    for source in sources or ():
        click.echo(f"source     {source['source']}: {source['format']}, {sum(source['taken'].values()):,} entries")


def _signature_lines(manifest: dict, is_signed: bool) -> list[str]:
    if not is_signed:
        return ["signed     no: no board takes it before `spamgate blocklist sign`"]
    created, expires = (_date(manifest[name]) for name in ("created", "expires"))
    return [f"signed     version {manifest['version']}, made {created}, good until {expires}"]


def _date(time_s: int) -> str:
    try:
        return f"{datetime.fromtimestamp(time_s, UTC):%Y-%m-%d %H:%M} UTC"
    except (OverflowError, ValueError, OSError):
        return f"UNIX time {time_s}"
