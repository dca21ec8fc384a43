"""What `spamgate flash` says at its end: what was done, what is on the board now, what comes next."""

import click

from spamgate_tools.boards.catalogue import LISTS
from spamgate_tools.boards.flashing import Outcome
from spamgate_tools.boards.hello import Hello, next_steps
from spamgate_tools.boards.screen import Screen, bytes_text


def show_outcome(screen: Screen, outcome: Outcome, hello: Hello | None) -> None:
    """Print it; `hello` is None where nothing was written."""
    screen.clear()
    steps = next_steps(outcome.board, outcome.facts["port"], outcome.settings, hello) if hello else []
    if screen.as_json:
        heard = {"hello": hello.identity or None, "no_hello": hello.why_not, "next": steps} if hello else {}
        screen.print_object({**outcome.facts, **heard})
        return
    facts = outcome.facts
    click.echo(f"{facts['board']} at {facts['port']}: {facts['chip']}, {facts['mac']}, flash {_size(facts)}")
    click.echo(f"MicroPython {facts['version'] or 'of unknown version'} from {facts['image']}")
    if hello is None:
        _show_plan(facts)
        return
    click.echo(f"wrote {bytes_text(facts['written_bytes'])} in {facts['seconds']} s, and the board confirms them")
    if facts["kept"]:
        click.echo(f"kept {', '.join(facts['kept'])}")
    if facts["list"]:
        click.echo(f"and the list, version {facts['list']['version']}, of {facts['list']['names']} names")
    click.echo(_heard(hello))
    click.echo("next:")
    for number, step in enumerate(steps, 1):
        click.echo(f"  {number}. {step}")


def _show_plan(facts: dict) -> None:
    click.echo("would erase all of it first" if facts["erase"] else "would leave the lists as they are")
    click.echo(f"would keep {', '.join(facts['kept']) or 'nothing: it was no guard before'}")
    click.echo(f"would write {bytes_text(facts['write']['size_bytes'])} at {facts['write']['offset']:#x}:")
    for it in facts["partitions"]:
        click.echo(f"  {it['offset']:#08x}  {bytes_text(it['size_bytes']):>8}  {it['label']}")
    count, size_bytes = len(facts["files"]), sum(facts["files"].values())
    if facts["list"]:
        click.echo(f"  and a list of {facts['list']['names']} names into {LISTS[0]}")
    click.echo(f"with {count} files of {bytes_text(size_bytes)} in vfs; nothing was written")


def _heard(hello: Hello) -> str:
    if not hello.identity:
        return f"hello: {hello.why_not}"
    words = [f"{key} {value}" for key, value in hello.identity.items() if key != "type" and isinstance(value, str)]
    return f"it says hello: {', '.join(words)}"


def _size(facts: dict) -> str:
    return bytes_text(facts["flash_bytes"])
