"""MicroPython with lwIP and the mail gate in it, which routes by itself: built on this machine, once."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

from spamgate_tools.errors import UserError

_TOP = Path(__file__).resolve().parents[3]
_BUILD = _TOP / "ci" / "micropython.sh"
_TARGET = "mailgate"
_PROGRAM = _TOP / "build" / "micropython-mailgate" / "micropython"


def find_lwip_micropython() -> list[str]:
    """Return the command that starts it; a UserError where it was not built."""
    if not _PROGRAM.exists():
        raise UserError("no MicroPython with lwIP is built here", f"run {_BUILD.relative_to(_TOP)} {_TARGET}")
    return [str(_PROGRAM)]


def built_lwip_micropython(on_step: Callable[[str], None]) -> list[str]:
    """Build it if it is not there or its sources have changed; `on_step` is told what takes a minute."""
    if not _BUILD.exists():
        text = "MicroPython with lwIP is built from the project's sources, which are not here"
        raise UserError(text, "run the lab from a checkout of the project: `make run PLANE=lwip`")
    if _PROGRAM.exists() and not os.access(_PROGRAM.parent, os.W_OK):
        return [str(_PROGRAM)]  # somebody else's, who looks after it
    on_step("building MicroPython with lwIP, which takes a minute or two the first time")
    done = subprocess.run([str(_BUILD), _TARGET], capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    if done.returncode:
        said = (done.stderr.strip() or "without a word").splitlines()[-1]
        raise UserError(f"MicroPython with lwIP cannot be built here: {said}", f"`{_BUILD} {_TARGET}` says more")
    return find_lwip_micropython()


def why_not() -> str:
    """Return why there can be no such gateway now, or an empty text."""
    try:
        find_lwip_micropython()
    except UserError as missing:
        return str(missing)
    return ""
