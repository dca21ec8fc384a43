"""MicroPython with lwIP and the mail gate in it, which routes by itself: built on this machine, once."""

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
    """Return the same, built if it is not there; `on_step` is told what takes a minute."""
    if _PROGRAM.exists():
        return find_lwip_micropython()
    if not _BUILD.exists():
        text = "MicroPython with lwIP is built from the project's sources, which are not here"
        raise UserError(text, "run the lab from a checkout of the project: `make run PLANE=lwip`")
    on_step("building MicroPython with lwIP: a minute or two, this once")
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
