"""Imports point down only: fail on an import that climbs, and on I/O in core and wire.

A rule without a check decays.  Every way to import is looked at: at module level or inside a
function, absolute or relative, `from spamgate import wire`, `__import__("spamgate.wire")`.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

RANKS = {"core": 0, "wire": 1, "store": 2, "plane": 3, "hal": 3, "service": 4, "app": 5}
SILENT = ("core", "wire")  # no I/O, no clock
PURE_MODULES = ("array", "binascii", "hashlib", "json", "micropython", "struct")
IO_CALLS = ("print", "open", "input", "exec", "eval", "compile")
FOR_HOST_TOOLS = ("core", "wire")
CONTRACT = "contract"  # the module of plane and hal that services may know

_IMPORT_CALLS = ("__import__", "import_module")


class Source:
    """One parsed file and where it stands: `package` is its layer, '' outside firmware/spamgate."""

    def __init__(self, root: Path, path: Path) -> None:
        self.where = path.relative_to(root).as_posix()
        self.tree = ast.parse(path.read_text(encoding="utf-8"), self.where)
        parts = path.relative_to(root).with_suffix("").parts
        self.in_tools = parts[0] == "host_tools"
        self.module = parts[1:]  # without firmware/ or host_tools/
        self.package = self.module[1] if len(self.module) > 2 and not self.in_tools else ""
        self.is_root = self.module == ("spamgate", "__init__")


def check(root: Path) -> list[str]:
    """Return one line a broken rule: `file:line: what and why`."""
    problems = _unranked(root)
    for path in _sources(root):
        source = Source(root, path)
        for line, problem in _problems(source):
            problems.append(f"{source.where}:{line}: {problem}")
    return problems


def _sources(root: Path) -> Iterator[Path]:
    for pattern in ("firmware/*.py", "firmware/spamgate/**/*.py", "host_tools/spamgate_tools/**/*.py"):
        yield from sorted(root.glob(pattern))


def _unranked(root: Path) -> list[str]:
    """Every folder and file of the firmware package must belong to a layer."""
    inside = sorted((root / "firmware" / "spamgate").iterdir())
    strange = [entry.name for entry in inside if entry.name not in (*RANKS, "__init__.py", "__pycache__")]
    return [f"firmware/spamgate/{name}:1: has no rank; give it one in ci/check_layers.py" for name in strange]


def _problems(source: Source) -> Iterator[tuple[int, str]]:
    for node, for_types in _walk(source.tree, False):
        if not isinstance(node, (ast.Import, ast.ImportFrom, ast.Call)):
            continue
        for target in _imported(node, source):
            problem = _judge_import(source, target, for_types)
            if problem:
                yield node.lineno, problem
        if source.package in SILENT and isinstance(node, ast.Call) and _is_io(node):
            yield node.lineno, f"{source.package} does no I/O: {_called(node)}() is not for it"


def _walk(node: ast.AST, for_types: bool) -> Iterator[tuple[ast.AST, bool]]:
    """Yield every node and whether only a type checker sees it (`if TYPE_CHECKING:`)."""
    for child in ast.iter_child_nodes(node):
        guarded = isinstance(node, ast.If) and _is_type_checking(node.test) and child in node.body
        yield child, for_types or guarded
        yield from _walk(child, for_types or guarded)


def _is_type_checking(test: ast.expr) -> bool:
    return getattr(test, "id", getattr(test, "attr", "")) == "TYPE_CHECKING"


def _imported(node: ast.AST, source: Source) -> list[tuple[str, ...]]:
    """Return the dotted names, as tuples, that `node` imports; deep enough to see the layer."""
    if isinstance(node, ast.Import):
        return [tuple(alias.name.split(".")) for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        base = source.module[: -node.level] if node.level else ()
        base += tuple((node.module or "").split(".")) if node.module else ()
        return [(*base, alias.name) for alias in node.names]
    if isinstance(node, ast.Call) and _called(node) in _IMPORT_CALLS:
        names = [argument.value for argument in node.args[:1] if isinstance(argument, ast.Constant)]
        return [tuple(name.split(".")) for name in names if isinstance(name, str)]
    return []


def _called(node: ast.Call) -> str:
    return str(getattr(node.func, "id", getattr(node.func, "attr", "")))


def _is_io(node: ast.Call) -> bool:
    """A method that is called `open` is no I/O; the built-in is."""
    name = _called(node)
    return name in _IMPORT_CALLS or (name in IO_CALLS and isinstance(node.func, ast.Name))


def _judge_import(source: Source, target: tuple[str, ...], for_types: bool) -> str:
    """Return which rule the import of `target` breaks, or an empty string."""
    name = ".".join(target)
    if target[0] != "spamgate":
        return _judge_outside(source, target[0], for_types)
    layer = target[1] if len(target) > 1 else ""
    if source.is_root:
        return f"spamgate/__init__.py imports nothing, not even {name}"
    if source.in_tools:
        forbidden = layer in RANKS and layer not in FOR_HOST_TOOLS
        return f"host_tools may import core and wire, not {name}" if forbidden else ""
    if layer == "*":
        return "`from spamgate import *` hides what is imported"
    if layer not in RANKS or not source.package or layer == source.package:
        return ""
    return _judge_ranks(source.package, target)


def _judge_outside(source: Source, module: str, for_types: bool) -> str:
    if source.is_root:
        return f"spamgate/__init__.py imports nothing, not even {module}"
    if module == "spamgate_tools" and not source.in_tools:
        return "firmware may not import the host tools"
    if source.package not in SILENT or module in PURE_MODULES or (for_types and module == "typing"):
        return ""
    return f"{source.package} is pure: {module} is not among {', '.join(PURE_MODULES)}"


def _judge_ranks(package: str, target: tuple[str, ...]) -> str:
    layer, name = target[1], ".".join(target)
    mine, theirs = RANKS[package], RANKS[layer]
    if theirs > mine:
        return f"import climbs from {package} (rank {mine}) to {name} (rank {theirs})"
    if theirs == mine:
        return f"import crosses from {package} to {name}, both of rank {mine}"
    if package == "service" and theirs == RANKS["plane"] and target[2:3] != (CONTRACT,):
        return f"service may know the contract of {layer}, not {name}; app joins them"
    return ""


def main(arguments: list[str]) -> int:
    """Check the project this file lies in, or the one named."""
    root = Path(arguments[0]) if arguments else Path(__file__).resolve().parents[1]
    problems = check(root)
    for problem in problems:
        print(problem, file=sys.stderr)
    if not problems:
        print("layers: every import points down")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
