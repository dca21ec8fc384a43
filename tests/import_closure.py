"""All modules that a program of the firmware can come to import, also late, within functions.

An independent look: the linker that makes what boards run (boards/bundle.py) and the manifest for builds with frozen
modules must come to the same; a module that was forgotten would be missed only on the board, perhaps in the night.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

from spamgate_tools.compiled import SOURCE

_PACKAGE = SOURCE.name
_TYPES_ONLY = "TYPE_CHECKING"


def modules(entry: str, root: Path = SOURCE.parent) -> list[str]:
    """Return the source files, below `root`, of all modules of the firmware that `entry` can come to import."""
    found: set[Path] = set()
    waiting = [entry]
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
