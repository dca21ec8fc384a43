"""The table of firmware/PLANE_DNS.md that says what each plane stops: tests measure its cells."""

from functools import cache
from pathlib import Path

CONTAINED_MOST = 5  # messages that any mail server may accept of a bot that is called contained

_FILE = Path(__file__).resolve().parents[2] / "firmware" / "PLANE_DNS.md"
_FIRST = "| bot | `linux` | `dns` |"
_PLANES = ("linux", "dns")


@cache
def table() -> dict[str, dict[str, str]]:
    """Return for each kind of bot what is said of each plane."""
    lines = _FILE.read_text(encoding="utf-8").splitlines()
    rows: dict[str, dict[str, str]] = {}
    for line in lines[lines.index(_FIRST) + 2 :]:
        if not line.startswith("|"):
            break
        kind, *cells = (cell.strip() for cell in line.strip("|").split("|"))
        rows[kind] = dict(zip(_PLANES, cells, strict=True))
    return rows


def agrees(kind: str, plane: str, accepted: int, state: str = "") -> str:
    """Return what the table says wrongly of a bot of which so many messages were accepted; nothing if it is right.

    A cell is `contained` or `not contained`, and may name the state the bot came to after a comma.
    """
    cell = table()[kind][plane]
    verdict, _, told = cell.partition(",")
    measured = "contained" if accepted <= CONTAINED_MOST else "not contained"
    if verdict != measured or (state and told.strip() != state):
        return f"{kind} on {plane}: the table says {cell!r}, but {accepted} messages were accepted, and it is {state}"
    return ""
