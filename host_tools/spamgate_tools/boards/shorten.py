"""Names that cost a board less memory; what the program does stays the same.

MicroPython keeps each name once, with ten bytes beside its letters, and writes it as one byte where it is used if it is
among the first 128 of its module, else as two.  So our own names share a few short ones, wherever no object and no
module can tell them apart, and each module mentions its commonest names first.

A name is our own if a class or module of ours defines it, nothing that Python or MicroPython brings has it, and no text
in the program says it: what is in a text may be looked up by it, or be a key that people write.
"""

import array
import ast
import hashlib
import importlib
import io
import re
import select
import socket
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

_WORDS = re.compile(r"\w+")
_BROUGHT = (object, str, bytes, bytearray, memoryview, list, tuple, dict, set, frozenset, int, float, bool, range)
_MODULES = ("array", "binascii", "builtins", "gc", "hashlib", "io", "json", "os", "select", "socket", "struct", "sys")
_FOREIGN = {name for it in _BROUGHT for name in dir(it)}.union(
    *(dir(importlib.import_module(name)) for name in (*_MODULES, "time")),
    *map(dir, (array.array, io.FileIO, io.TextIOWrapper, OSError, hashlib.sha256, socket.socket, select.poll())),
    # what only MicroPython has
    ("ipoll", "ticks_ms", "ticks_us", "ticks_diff", "sleep_ms", "threshold", "mem_free", "mem_alloc"),
    ("print_exception", "implementation", "modules", "stdin", "stdout", "buffer", "encrypt", "aes", "const", "self"),
)
_FIRST = 120  # names that one byte can say, less those that MicroPython puts before them
_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


def shorten(texts: Mapping[str, str], kept: Iterable[str] = ()) -> dict[str, str]:
    """Return the modules of one program, by file name, with shorter names; those in `kept` stay as they are."""
    trees = {name: ast.parse(text, name) for name, text in texts.items()}
    ours = _our_own(trees) - set(kept) - _FOREIGN
    renamed = _share(_spheres(trees.values(), ours))
    said = {node.arg for tree in trees.values() for node in ast.walk(tree) if isinstance(node, ast.keyword)}
    for tree in trees.values():
        _Renamer(renamed).visit(tree)
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef):
                _Renamer(_arguments(node, said)).visit_own(node)
        tree.body[:0] = _mention(tree)
    return {name: ast.unparse(ast.fix_missing_locations(tree)) + "\n" for name, tree in trees.items()}


def _our_own(trees: Mapping[str, ast.Module]) -> set[str]:
    """Return the names that classes and modules of the program define, and that no text says."""
    found: set[str] = set()
    told: set[str] = {"main"}
    for tree in trees.values():
        for node in ast.walk(tree):
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                found.add(node.name)
            elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
                found.add(node.attr)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                told.update(_WORDS.findall(node.value))
            elif isinstance(node, ast.keyword) and node.arg:
                told.add(node.arg)
            elif isinstance(node, ast.Import):
                told.update(part for it in node.names for part in it.name.split("."))
            elif isinstance(node, ast.ImportFrom) and f"{node.module}.py" not in trees:
                told.update(it.name for it in node.names)
        found.update(name for node in tree.body for name in _assigned(node))
    return {name for name in found - told if not name.startswith("__")}


def _assigned(node: ast.stmt) -> Iterator[str]:
    """Yield the names that a statement of a module, or of a class in it, gives a value."""
    if isinstance(node, ast.ClassDef):
        for part in node.body:
            yield from _assigned(part)
    elif isinstance(node, ast.Assign):
        yield from (it.id for it in ast.walk(node) if isinstance(it, ast.Name) and isinstance(it.ctx, ast.Store))


def _spheres(trees: Iterable[ast.Module], ours: set[str]) -> list[set[str]]:
    """Return sets of our names of which no two may become the same: those of a module, of a family of classes."""
    families: dict[str, set[str]] = {}
    modules = []
    for tree in trees:
        modules.append({name for node in tree.body for name in _top_level(node) if name in ours})
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                names = {name for name in _mentioned(node) if name in ours}
                for base in node.bases:
                    if isinstance(base, ast.Name):
                        names |= families.get(base.id, set())
                        families.setdefault(base.id, set()).update(names)
                families.setdefault(node.name, set()).update(names)
            elif isinstance(node, ast.FunctionDef):
                modules.append({name for name in _mentioned(node) if name in ours})
    return modules + list(families.values())


def _share(spheres: list[set[str]]) -> dict[str, str]:
    """Return a short name for each: the first that no neighbour has, the commonest names first (greedy colouring)."""
    neighbours: dict[str, set[str]] = {}
    for sphere in spheres:
        for name in sphere:
            neighbours.setdefault(name, set()).update(sphere)
    given: dict[str, str] = {}
    for name in sorted(neighbours, key=lambda it: (-len(neighbours[it]), it)):
        taken = {given.get(other) for other in neighbours[name]}
        given[name] = next(short for short in _short_names() if short not in taken)
    return given


def _short_names() -> Iterator[str]:
    for first in ["", *_LETTERS]:
        for second in _LETTERS:
            yield f"_{first}{second}"


def _top_level(node: ast.stmt) -> Iterable[str]:
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return [node.name]
    return _mentioned(node)


def _mentioned(tree: ast.AST) -> Iterator[str]:
    """Yield each name that bytecode may have, or that is a function's own, as often as it is there."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            yield node.name
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.alias):
            yield node.asname or node.name
        elif isinstance(node, ast.keyword) and node.arg:
            yield node.arg


def _arguments(node: ast.FunctionDef, said: set[str | None]) -> dict[str, str]:
    """Return a letter for each argument that no call gives by its name; MicroPython keeps their names, too."""
    own = [it.arg for it in ast.walk(node.args) if isinstance(it, ast.arg)]
    taken = set(_mentioned(node)) - {it for it in own if it not in said}
    free = (letter for letter in _LETTERS if letter not in taken)
    return {name: next(free) for name in own if name not in said and name != "self"}


class _Renamer(ast.NodeTransformer):
    """Gives names their short ones."""

    def __init__(self, renamed: Mapping[str, str]) -> None:
        self._renamed = renamed

    def visit_own(self, node: ast.FunctionDef) -> None:
        """Rename a function's own names: not attributes, nor what calls say by name."""
        for part in ast.walk(node):
            if isinstance(part, ast.Name) and part.id in self._renamed:
                part.id = self._renamed[part.id]
            elif isinstance(part, ast.arg) and part.arg in self._renamed:
                part.arg = self._renamed[part.arg]

    def visit(self, node: ast.AST) -> ast.AST:
        """Rename this node and those below."""
        for field in ("id", "attr", "arg", "name", "asname"):
            name = getattr(node, field, None)
            if isinstance(name, str) and name in self._renamed:
                setattr(node, field, self._renamed[name])
        self.generic_visit(node)
        return node


def _mention(tree: ast.Module) -> list[ast.stmt]:
    """Return a statement that fails at once and does no harm, in which the module's commonest names stand."""
    counts = Counter(name for name in _used(tree) if name.isidentifier())
    common = [name for name, _ in sorted(counts.items(), key=lambda it: (-it[1], it[0]))[:_FIRST]]
    if len(counts) <= _FIRST:
        return []
    chain = ".".join(common)
    return ast.parse(f"try:\n    nothing.{chain}\nexcept NameError:\n    pass\n").body


def _used(tree: ast.Module) -> Iterator[str]:
    """Yield names as often as bytecode has them: not those of a function's own variables."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            own = {it.id for it in ast.walk(node) if isinstance(it, ast.Name) and isinstance(it.ctx, ast.Store)}
            own |= {it.arg for it in ast.walk(node.args) if isinstance(it, ast.arg)}
            yield node.name
            yield from (it.arg for it in ast.walk(node.args) if isinstance(it, ast.arg))
            for part in node.body:
                yield from (it.id for it in ast.walk(part) if isinstance(it, ast.Name) and it.id not in own)
                yield from (it.attr for it in ast.walk(part) if isinstance(it, ast.Attribute))
