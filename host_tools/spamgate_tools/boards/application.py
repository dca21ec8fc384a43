"""The files that a board is given: its program, linked to a few modules and compiled, its settings, its identity."""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from spamgate_tools.boards.bundle import BundleError, bundle
from spamgate_tools.boards.catalogue import Board
from spamgate_tools.compiled import SOURCE, kept_files
from spamgate_tools.errors import UserError
from spamgate_tools.mpy import compiled

SETTINGS_FILE = "settings.json"
IDENTITY_FILE = "identity.json"
PROGRAM_FILE = "main.py"

# Linking takes seconds, so what it makes is kept for as long as these and the firmware stay as they are
_MAKERS = ("application.py", "bundle.py", "rewriter.py", "shorten.py")


def board_files(board: Board, settings: Mapping[str, object], identity: Mapping[str, object]) -> dict[str, bytes]:
    """Return every file that a board of this kind is given; a program that its firmware has in it is none of them."""
    machine = str(board.facts.get("native", ""))
    program = {} if board.frozen_program else application_files(str(board.facts["entry"]), machine)
    return {
        **program,
        SETTINGS_FILE: _json({**board.facts.get("settings", {}), **settings}),
        IDENTITY_FILE: _json({**identity, "board": board.name}),
    }


@cache
def application_files(entry: str, machine: str = "") -> dict[str, bytes]:
    """Return the program that begins with module `entry`, linked and compiled, and what starts it.

    `machine` is what machine code is made for (mpy-cross's -march); empty: none.
    """
    makers = (Path(__file__).with_name(name) for name in _MAKERS)
    return kept_files(f"{entry} {machine}", makers, lambda: _linked(entry, machine))


def _linked(entry: str, machine: str) -> dict[str, bytes]:
    files = {PROGRAM_FILE: b"import spamgate\n\nspamgate.main()\n"}
    try:
        texts = bundle(entry, SOURCE.parent)
    except (BundleError, OSError) as error:
        raise UserError(f"{entry}: cannot be put together for a board: {error}") from None
    for name, text in texts.items():
        files[Path(name).with_suffix(".mpy").name] = compiled(text, name, machine)
    return files


def _json(content: Mapping[str, object]) -> bytes:
    return json.dumps(content, indent=1).encode() + b"\n"
