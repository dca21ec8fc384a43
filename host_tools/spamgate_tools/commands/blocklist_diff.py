"""`spamgate blocklist diff`: what a new list changes, and the delta that carries only this."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from spamgate_tools.errors import UserError

if TYPE_CHECKING:
    from spamgate_tools.blocklist.open_list import OpenList


@click.command()
@click.argument("old", metavar="OLD.sgb", type=click.Path(path_type=Path))
@click.argument("new", metavar="NEW.sgb", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write the delta: a file that ends in .sgd.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def diff(old: Path, new: Path, output: Path | None, as_json: bool) -> None:
    """Tell what differs between two lists.

    Names are told apart by their hashes, so they can be counted but not named.  A delta holds what differs and the
    signature of NEW, so sign that first.  It serves boards and routers that have OLD.  `spamgate blocklist push` makes
    deltas by itself; routers look for one as NAME.from-VERSION.sgd beside NAME.sgb, VERSION being that of OLD.

    \b
    Examples:
      spamgate blocklist diff yesterday.sgb today.sgb
      spamgate blocklist diff yesterday.sgb today.sgb -o today.from-29756160.sgd
    """
    from spamgate.wire.cursor import FormError
    from spamgate_tools.blocklist.differences import changes, delta_file
    from spamgate_tools.blocklist.make import write_file
    from spamgate_tools.blocklist.open_list import open_list

    before, after = open_list(old), open_list(new)
    try:
        found = changes(before, after)
        delta = delta_file(before, after)
    except FormError as error:
        raise UserError(f"{old} or {new}: is no good list: {error}", "build both again") from None
    told: dict[str, Any] = {"type": "diff", "old": str(old), "new": str(new)}
    told |= {what: change._asdict() for what, change in found.items()}
    told |= {"new_bytes": new.stat().st_size, "delta_bytes": len(delta) if delta else None}
    if output:
        write_file(output, _worth_sending(delta, after))
        told["delta"] = str(output)
    for line in (json.dumps(told),) if as_json else _lines(told):
        click.echo(line)


def _worth_sending(delta: bytes | None, new: "OpenList") -> bytes:
    if delta is None:
        text = "there is no delta between these: their blocks are laid out differently"
        raise UserError(text, f"send {new.path} whole")
    if not new.is_signed:
        raise UserError(f"{new.path}: is not signed, and no board takes a delta to it", "sign it first")
    return delta


def _lines(told: dict[str, Any]) -> list[str]:
    lines = [
        f"{what:<11}{told[what]['added']:,} added, {told[what]['removed']:,} removed, {told[what]['kept']:,} as before"
        for what in ("names", "allowed", "networks", "exceptions")
    ]
    size = told["delta_bytes"]
    if size is None:
        lines.append("delta      none: their blocks are laid out differently; the whole list must go")
    else:
        share = 100 * size / told["new_bytes"]
        lines.append(f"delta      {size:,} bytes, {share:.1f} % of the whole list's {told['new_bytes']:,}")
    if "delta" in told:
        lines.append(f"written    {told['delta']}")
    return lines
