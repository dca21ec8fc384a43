"""Many modules as one: what a board with little memory is given.

On a board every module costs a dictionary, a path and a name for whatever it imports; a number that a constant stands
for is looked up by name again and again.  So the modules that a program imports when it starts are put into one, and
the constants into the places where they are used.  What is imported within functions stays a module of its own, that
can be forgotten again.

This is a linker: it resolves the imports that point into the program, gives what two modules call alike two names, and
changes nothing else.  It refuses what it does not understand.
"""

import ast
import operator
from collections.abc import Iterator
from pathlib import Path

from spamgate_tools.boards.rewriter import WHOLE, BundleError, Module, Rewriter, Symbol, is_for_checkers
from spamgate_tools.boards.shorten import shorten

PACKAGE = "spamgate"

_COMPILERS = ("const", "micropython", "ptr8", "ptr32")  # names that MicroPython's compiler knows
_KNOWN = ("array", "binascii", "gc", "hashlib", "json", "os", "select", "socket", "struct", "sys", "time")
_OPERATORS = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.LShift: operator.lshift,
    ast.BitOr: operator.or_,
    ast.BitAnd: operator.and_,
    ast.Pow: operator.pow,
}


def bundle(entry: str, source: Path) -> dict[str, str]:
    """Return the program that begins with module `entry` as texts by file name: the one module, and the lazy ones."""
    linker = Linker(entry, source)
    kept = linker.spoken_to_hardware()
    return shorten(linker.link(), kept)


class Linker:
    """The work of `bundle`, step by step."""

    def __init__(self, entry: str, source: Path) -> None:
        self._source = source
        self._whole: list[Module] = []  # in the order in which they run
        self._lazy: list[Module] = []
        self._bindings: dict[str, dict[str, Symbol]] = {}  # by module: what its top-level names stand for
        self._constants: dict[Symbol, int] = {}
        self._final: dict[Symbol, str] = {}
        self._load(entry, self._whole, is_lazy=False)
        self._load_lazy()

    def link(self) -> dict[str, str]:
        """Return the texts by file name."""
        for module in self._whole + self._lazy:
            self._find_constants(module)
        self._name_all()
        body = [node for module in self._whole for node in self._rewrite(module)]
        texts = {f"{WHOLE}.py": self._text(self._foreign_imports(), body)}
        for module in self._lazy:
            text = self._text([], self._rewrite(module))
            if text.strip():  # else it was the compiler's business only
                texts[f"{flat_name(module.name)}.py"] = text
        return texts

    def spoken_to_hardware(self) -> set[str]:
        """Return the attributes that stand in modules which use more of MicroPython than every computer has."""
        found: set[str] = set()
        for module in self._whole + self._lazy:
            if any(not _is_ours(name) and name.split(".")[0] not in _KNOWN for name in _imported(module.tree)):
                found.update(node.attr for node in ast.walk(module.tree) if isinstance(node, ast.Attribute))
        return found

    # --- reading ---

    def _load(self, name: str, into: list[Module], is_lazy: bool) -> None:
        """Read a module after those that it imports at its top."""
        if name in self._bindings or not self._path(name):
            return
        tree = ast.parse(self._path(name).read_text(), name)  # type: ignore[union-attr]
        tree.body = [node for node in tree.body if not is_for_checkers(node) and not _is_for_cpython(name, node)]
        self._bindings[name] = {}
        for node in tree.body:
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                self._bind_import(name, node, into, is_lazy)
            else:
                for text in _defined(node):
                    self._bindings[name][text] = Symbol(name, text)
        into.append(Module(name, tree, is_lazy))

    def _load_lazy(self) -> None:
        """Read what functions import, and what that imports in its turn."""
        seen = 0
        while seen < len(self._whole) + len(self._lazy):
            module = (self._whole + self._lazy)[seen]
            seen += 1
            for node in _imports_within(module.tree):
                for name in self._named_by(node):
                    self._load(name, self._lazy, is_lazy=True)

    def _bind_import(self, name: str, node: ast.Import | ast.ImportFrom, into: list[Module], is_lazy: bool) -> None:
        for target in self._named_by(node):
            self._load(target, into, is_lazy)
        for local, symbol in self.meanings(node):
            self._bindings[name][local] = symbol

    def _named_by(self, node: ast.Import | ast.ImportFrom) -> Iterator[str]:
        """Yield the modules of the program that the statement loads."""
        if isinstance(node, ast.Import):
            if any(_is_ours(it.name) for it in node.names):
                raise BundleError(f"line {node.lineno}: `import {node.names[0].name}`: use `from ... import ...`")
        elif _is_ours(node.module or ""):
            for it in node.names:
                full = f"{node.module}.{it.name}"
                yield full if self._path(full) else str(node.module)

    def meanings(self, node: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, Symbol]]:
        """Yield each local name with what it stands for."""
        if isinstance(node, ast.Import):
            for it in node.names:
                yield it.asname or it.name, Symbol("", it.name)
            return
        for it in node.names:
            full = f"{node.module}.{it.name}"
            if not _is_ours(str(node.module)):
                yield it.asname or it.name, Symbol(f"={node.module}", it.name)
            elif self._path(full):
                yield it.asname or it.name, Symbol(full, "")
            else:
                yield it.asname or it.name, self._origin(Symbol(str(node.module), it.name))

    def _origin(self, symbol: Symbol) -> Symbol:
        """Follow a name that is handed on from module to module to where it is defined."""
        found = self._bindings.get(symbol.home, {}).get(symbol.name, symbol)
        return found if found == symbol else self._origin(found)

    def _path(self, name: str) -> Path | None:
        base = self._source.joinpath(*name.split("."))
        for path in (base.with_suffix(".py"), base / "__init__.py"):
            if path.is_file():
                return path
        return None

    # --- constants and names ---

    def _find_constants(self, module: Module) -> None:
        kept = []
        for node in module.tree.body:
            value = self._folded(module, node)
            if value is None:
                kept.append(node)
            else:
                name = node.targets[0].id  # type: ignore[attr-defined]
                self._constants[Symbol(module.name, name)] = value
        module.tree.body[:] = kept

    def _folded(self, module: Module, node: ast.stmt) -> int | None:
        """Return the whole number that a top-level statement gives a name in capitals, if it does just that."""
        if not isinstance(node, ast.Assign) or len(node.targets) != 1 or not isinstance(node.targets[0], ast.Name):
            return None
        if not node.targets[0].id.isupper():
            return None
        return self._value(module.name, node.value)

    def _value(self, module: str, node: ast.expr) -> int | None:
        """Return the whole number that an expression made of constants stands for, else None."""
        if isinstance(node, ast.Constant):
            return node.value if type(node.value) is int else None
        if isinstance(node, ast.Name):
            return self._constants.get(self._bindings[module].get(node.id, Symbol("", "")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "const":
            return self._value(module, node.args[0])
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            value = self._value(module, node.operand)
            return None if value is None else -value
        if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
            left, right = self._value(module, node.left), self._value(module, node.right)
            return None if left is None or right is None else _OPERATORS[type(node.op)](left, right)
        return None

    def _name_all(self) -> None:
        """Give every symbol of the one module a name of its own; `main` and what comes first keep theirs."""
        taken = {"main"}
        whole = {module.name for module in self._whole}
        for module in reversed(self._whole):
            for symbol in self._bindings[module.name].values():
                is_inside = symbol.home in whole and symbol.name or not symbol.home or symbol.home.startswith("=")
                if symbol not in self._final and symbol not in self._constants and is_inside:
                    wish = symbol.name.replace(".", "_")
                    is_entry = module is self._whole[-1] and wish == "main"
                    self._final[symbol] = wish if is_entry else _free(wish, taken)
                    taken.add(self._final[symbol])

    def _foreign_imports(self) -> list[ast.stmt]:
        """Return the imports of what MicroPython brings."""
        found: list[ast.stmt] = []
        for symbol, name in self._final.items():
            alias = None if name == symbol.name else name
            if not symbol.home:
                found.append(ast.Import([ast.alias(symbol.name, alias)]))
            elif symbol.home.startswith("=") and symbol.name not in _COMPILERS:
                found.append(ast.ImportFrom(symbol.home[1:], [ast.alias(symbol.name, alias)], 0))
        return found

    # --- writing ---

    def _rewrite(self, module: Module) -> list[ast.stmt]:
        return Rewriter(self, module, self._bindings[module.name]).rewritten()

    def _text(self, imports: list[ast.stmt], body: list[ast.stmt]) -> str:
        return ast.unparse(ast.fix_missing_locations(ast.Module(imports + body, []))) + "\n"

    def replacement(self, symbol: Symbol) -> str | int | None:
        """Return what stands in the place of a top-level name: a number, another name, or None: the name itself."""
        symbol = self._origin(symbol)
        if symbol in self._constants:
            return self._constants[symbol]
        final = self._final.get(symbol)
        return None if final == symbol.name else final

    def import_from(self, node: ast.Import | ast.ImportFrom, is_lazy: bool) -> list[ast.stmt]:
        """Return what stands in the place of an import."""
        if isinstance(node, ast.Import):
            return [node]
        if not _is_ours(str(node.module)):
            kept = [it for it in node.names if it.name not in _COMPILERS]
            return [ast.ImportFrom(node.module, kept, 0)] if kept else []
        found: list[ast.stmt] = []
        for it, (local, symbol) in zip(node.names, self.meanings(node), strict=True):
            found += self._one_import(it, local, self._origin(symbol))
        return found

    def _one_import(self, alias: ast.alias, local: str, symbol: Symbol) -> list[ast.stmt]:
        if symbol in self._constants or symbol.name in _COMPILERS:
            return []
        if not symbol.name:
            if symbol.home in {module.name for module in self._whole}:
                return []  # `from spamgate.core import states`: its attributes are replaced one by one
            return [ast.Import([ast.alias(flat_name(symbol.home), local)])]
        final = self._final.get(symbol)
        home = WHOLE if final else flat_name(symbol.home)
        name = final or symbol.name
        return [ast.ImportFrom(home, [ast.alias(name, None if name == local else local)], 0)]

    def module_of(self, text: str) -> str | None:
        """Return the file name of a lazy module that a text names."""
        return flat_name(text) if text in {module.name for module in self._lazy} else None


def flat_name(name: str) -> str:
    """Return the file name, without its ending, of a module that stays one."""
    return name.removeprefix(PACKAGE + ".").replace(".", "_")


def _is_ours(name: str) -> bool:
    return name == PACKAGE or name.startswith(PACKAGE + ".")


def _imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (it.name for it in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield str(node.module)


def _is_for_cpython(module: str, node: ast.stmt) -> bool:
    """What the files say that know both runtimes: all but their numbers is MicroPython's compiler's business."""
    return module.endswith((".compat", ".machine_code")) and not isinstance(node, ast.Assign)


def _defined(node: ast.stmt) -> Iterator[str]:
    """Yield the names that a top-level statement defines."""
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        yield node.name
        return
    for part in ast.walk(node):
        if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
            yield part.id
        elif isinstance(part, (ast.FunctionDef, ast.ClassDef)):
            yield part.name
        elif isinstance(part, ast.ImportFrom) and not _is_ours(str(part.module)):
            yield from (it.asname or it.name for it in part.names)  # what not every MicroPython has
        elif isinstance(part, (ast.Import, ast.ImportFrom)):
            raise BundleError(f"line {part.lineno}: an import at the top within another statement")


def _imports_within(tree: ast.Module) -> Iterator[ast.Import | ast.ImportFrom]:
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            for part in ast.walk(node):
                if isinstance(part, (ast.Import, ast.ImportFrom)):
                    yield part


def _free(wish: str, taken: set[str]) -> str:
    name, count = wish, 2
    while name in taken:
        name, count = f"{wish}{count}", count + 1
    return name
