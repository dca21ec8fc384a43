"""The table of both planes in firmware/README.md: made of the summaries of two runs of the lab, which are kept."""

import json
from pathlib import Path

_TOP = Path(__file__).resolve().parents[2]
GOLDEN = _TOP / "tests" / "golden" / "lab_planes.json"
README = _TOP / "firmware" / "README.md"

_BEGIN = "<!-- lab_table: written by tests/e2e/test_lwip_lab.py -->"
_END = "<!-- end of lab_table -->"
_HEAD = """\
| infected device: how it spams | `linux`: leaked of tried | stopped after | `lwip`: leaked of tried | stopped after |
|---|---|---|---|---|
"""


def rendered(runs: dict) -> str:
    """Return the table of what `write` was given."""
    rows = []
    for linux, lwip in zip(runs["linux"]["bots"], runs["lwip"]["bots"], strict=True):
        cells = [f"{linux['name']}: {linux['kind']}", *_cells(linux), *_cells(lwip)]
        rows.append(f"| {' | '.join(cells)} |\n")
    both = [cell for plane in ("linux", "lwip") for cell in (_delivered(runs[plane]), "")]
    rows.append(f"| legitimate mail delivered | {' | '.join(both)} |\n".replace("|  |", "| |"))
    wrong = [cell for plane in ("linux", "lwip") for cell in (str(len(runs[plane]["wrong"])), "")]
    rows.append(f"| other devices that changed state | {' | '.join(wrong)} |\n".replace("|  |", "| |"))
    how = f"`spamgate lab --seed {runs['seed']}` on both planes at once, {runs['lwip']['seconds']:.0f} s"
    return f"{_HEAD}{''.join(rows)}\n{how}; {runs['date']}, {runs['machine']}.\n"


def _cells(bot: dict) -> tuple[str, str]:
    after = bot["seconds_to_throttle"]
    return f"{bot['messages_accepted']} of {bot['smtp_connects']}", "never" if after is None else f"{after:.2f} s"


def _delivered(summary: dict) -> str:
    mail = summary["legitimate"]
    return f"{mail['delivered']} of {mail['sent']}, {mail['bounced']} bounced, {mail['late']} late"


def in_readme() -> str:
    """Return the table that the README has now."""
    return README.read_text(encoding="utf-8").partition(f"{_BEGIN}\n")[2].partition(_END)[0]


def write(runs: dict) -> None:
    """Keep the summaries by plane, and put their table into the README."""
    GOLDEN.write_text(json.dumps(runs, indent=1) + "\n", encoding="utf-8")
    before, _, rest = README.read_text(encoding="utf-8").partition(f"{_BEGIN}\n")
    after = rest.partition(_END)[2]
    README.write_text(f"{before}{_BEGIN}\n{rendered(runs)}{_END}{after}", encoding="utf-8")
