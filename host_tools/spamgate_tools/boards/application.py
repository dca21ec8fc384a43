"""The files that a board runs: the firmware's modules that its program can come to import, and what starts it.

What is imported late counts too: a module that was forgotten would be missed only on the board, perhaps in the night.
"""

import ast
import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from spamgate_tools.boards.catalogue import Board
from spamgate_tools.compiled import SOURCE, compiled_firmware
from spamgate_tools.errors import UserError

SETTINGS_FILE = "settings.json"
IDENTITY_FILE = "identity.json"
PROGRAM_FILE = "main.py"

_PACKAGE = SOURCE.name
_TYPES_ONLY = "TYPE_CHECKING"


def board_files(board: Board, settings: Mapping[str, object], identity: Mapping[str, object]) -> dict[str, bytes]:
    """Return every file that a board of this kind is given."""
    return {
        **application_files(str(board.facts["entry"])),
        SETTINGS_FILE: _json({**board.facts.get("settings", {}), **settings}),
        IDENTITY_FILE: _json({"board": board.name, **identity}),
    }


@cache
def application_files(entry: str) -> dict[str, bytes]:
    """Return the program and its modules, compiled."""
    folder = compiled_firmware()
    files = {PROGRAM_FILE: f"from {entry} import main\n\nmain()\n".encode()}
    for path in modules(entry):
        compiled = Path(path).with_suffix(".mpy")
        files[compiled.as_posix()] = (folder / compiled).read_bytes()
    return files


def modules(entry: str, root: Path = SOURCE.parent) -> list[str]:
    """Return the source files, below `root`, of all modules of the firmware that `entry` can come to import."""
    found: set[Path] = set()
    waiting = [entry]
    if _file(root, entry) is None:
        raise UserError(f"{entry}: the firmware has no such program", "correct the entry in its board.json")
    while waiting:
        path = _file(root, waiting.pop())
        if path is not None and path not in found:
            found.add(path)
            waiting += _imported(root, path)
    return sorted(path.relative_to(root).as_posix() for path in found)


def _imported(root: Path, path: Path) -> Iterator[str]:
    """Yield what this file imports anywhere in it, and the packages that it lies in."""
    package = path.parent.relative_to(root).parts
    yield from (".".join(package[:depth]) for depth in range(1, len(package) + 1))
    for node in _runs(ast.parse(path.read_bytes(), str(path))):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "__import__":
            names = [str(argument.value) for argument in node.args if isinstance(argument, ast.Constant)]
        yield from (name for name in names if name.split(".")[0] == _PACKAGE)


def _runs(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield each node below that is not for type checkers only."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == _TYPES_ONLY:
            continue
        yield node
        yield from _runs(node)


def _file(root: Path, module: str) -> Path | None:
    """Return the file of a module or package; None for a name inside a module."""
    place = root.joinpath(*module.split("."))
    for path in (place.with_suffix(".py"), place / "__init__.py"):
        if path.is_file():
            return path
    return None


def _json(content: Mapping[str, object]) -> bytes:
    return json.dumps(content, indent=1).encode() + b"\n"
