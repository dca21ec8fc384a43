"""Many modules as one: what a board with little memory is given.

On a board every module costs a dictionary, a path and a name for whatever it imports; a number that a constant stands
for is looked up by name again and again.  So the modules that a program imports when it starts are put into one, and
the constants into the places where they are used.  What is imported within functions stays a module of its own, that
can be forgotten again.

This is a linker: it resolves the imports that point into the program, gives what two modules call alike two names, and
changes nothing else.  It refuses what it does not understand.
"""

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

PACKAGE = "spamgate"
WHOLE = "spamgate"  # the name of the one module

_FOLDED = (ast.Constant, ast.UnaryOp, ast.BinOp, ast.Name, ast.Call, ast.operator, ast.unaryop, ast.expr_context)


class BundleError(Exception):
    """A module that the linker cannot take; the text says which and why."""


class Module(NamedTuple):
    """One source module, without what only checkers read."""

    name: str
    tree: ast.Module
    is_lazy: bool


class Symbol(NamedTuple):
    """What a name at the top of a module stands for."""

    home: str  # the module that defines it; "" for what MicroPython brings
    name: str  # there; "" for the module itself


def bundle(entry: str, source: Path) -> dict[str, str]:
    """Return the program that begins with module `entry` as texts by file name: the one module, and the lazy ones."""
    return Linker(entry, source).link()


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
            texts[f"{flat_name(module.name)}.py"] = self._text([], self._rewrite(module))
        return texts

    # --- reading ---

    def _load(self, name: str, into: list[Module], is_lazy: bool) -> None:
        """Read a module after those that it imports at its top."""
        if name in self._bindings or not self._path(name):
            return
        tree = ast.parse(self._path(name).read_text(), name)  # type: ignore[union-attr]
        tree.body = [node for node in tree.body if not _is_for_checkers(node) and not _is_for_cpython(name, node)]
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
        for local, symbol in self._meanings(node):
            self._bindings[name][local] = symbol

    def _named_by(self, node: ast.Import | ast.ImportFrom) -> Iterator[str]:
        """Yield the modules of the program that the statement loads."""
        if isinstance(node, ast.Import):
            yield from (it.name for it in node.names if _is_ours(it.name))
        elif _is_ours(node.module or ""):
            for it in node.names:
                full = f"{node.module}.{it.name}"
                yield full if self._path(full) else str(node.module)

    def _meanings(self, node: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, Symbol]]:
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
        if not node.targets[0].id.isupper() or not all(isinstance(part, _FOLDED) for part in ast.walk(node.value)):
            return None
        known: dict[str, object] = {"const": int}
        for text, symbol in self._bindings[module.name].items():
            if symbol in self._constants:
                known[text] = self._constants[symbol]
        try:
            value = eval(compile(ast.Expression(node.value), module.name, "eval"), {"__builtins__": {}}, known)
        except (NameError, TypeError):
            return None
        return value if type(value) is int else None

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
            elif symbol.home.startswith("=") and symbol.name != "const":
                found.append(ast.ImportFrom(symbol.home[1:], [ast.alias(symbol.name, alias)], 0))
        return found

    # --- writing ---

    def _rewrite(self, module: Module) -> list[ast.stmt]:
        names = dict(self._bindings[module.name])
        return Rewriter(self, module, names).rewritten()

    def _text(self, imports: list[ast.stmt], body: list[ast.stmt]) -> str:
        return ast.unparse(ast.fix_missing_locations(ast.Module(imports + body, []))) + "\n"

    def replacement(self, symbol: Symbol, is_lazy: bool) -> str | int | None:
        """Return what stands in the place of a top-level name: a number, another name, or None: the name itself."""
        symbol = self._origin(symbol)
        if symbol in self._constants:
            return self._constants[symbol]
        final = self._final.get(symbol)
        return None if is_lazy or final == symbol.name else final

    def import_from(self, node: ast.Import | ast.ImportFrom, is_lazy: bool) -> list[ast.stmt]:
        """Return what stands in the place of an import."""
        if isinstance(node, ast.Import):
            if any(_is_ours(it.name) for it in node.names):
                raise BundleError(f"line {node.lineno}: `import {node.names[0].name}`: use `from ... import ...`")
            return [node]
        if not _is_ours(str(node.module)):
            kept = [it for it in node.names if it.name != "const"]
            return [ast.ImportFrom(node.module, kept, 0)] if kept else []
        found: list[ast.stmt] = []
        for it, (local, symbol) in zip(node.names, self._meanings(node), strict=True):
            found += self._one_import(it, local, self._origin(symbol))
        return found

    def _one_import(self, alias: ast.alias, local: str, symbol: Symbol) -> list[ast.stmt]:
        if symbol in self._constants or symbol.name == "const":
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


class Rewriter(ast.NodeTransformer):
    """Puts into one module's text what the linker decided."""

    def __init__(self, linker: Linker, module: Module, names: dict[str, Symbol]) -> None:
        self._linker = linker
        self._module = module
        self._scopes: list[dict[str, Symbol | None]] = [dict(names)]
        self._borrowed: set[str] = set()  # what a lazy module takes from the one module by an attribute of a part of it

    def rewritten(self) -> list[ast.stmt]:
        """Return the statements; imports at the top of a part of the one module are gone."""
        found: list[ast.stmt] = []
        for node in self._module.tree.body:
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                found += self._linker.import_from(node, True) if self._module.is_lazy else []
            else:
                new = self.visit(node)
                found += new if isinstance(new, list) else [new]
        return [ast.ImportFrom(WHOLE, [ast.alias(name)], 0) for name in sorted(self._borrowed)] + found

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        """A function has names of its own."""
        node.returns = None
        node.decorator_list = [self.visit(it) for it in node.decorator_list]
        node.args.defaults = [self.visit(it) for it in node.args.defaults]
        node.args.kw_defaults = [self.visit(it) if it else None for it in node.args.kw_defaults]
        final = self._replaced(node.name) if len(self._scopes) == 1 else None
        node.name = str(final) if isinstance(final, str) else node.name
        self._scopes.append(_locals_of(node))
        node.body = _without_docstring([new for it in node.body for new in _as_list(self.visit(it))])
        self._scopes.pop()
        for arg in ast.walk(node.args):
            if isinstance(arg, ast.arg):
                arg.annotation = None
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        """A class has names of its own that its functions do not see."""
        node.bases = [self.visit(it) for it in node.bases]
        node.decorator_list = [self.visit(it) for it in node.decorator_list]
        final = self._replaced(node.name) if len(self._scopes) == 1 else None
        node.name = str(final) if isinstance(final, str) else node.name
        own: dict[str, Symbol | None] = dict.fromkeys(_stored(it for it in node.body if not _is_function(it)))
        body = []
        for it in node.body:
            self._scopes.append({} if _is_function(it) else own)
            body += _as_list(self.visit(it))
            self._scopes.pop()
        node.body = _without_docstring(body)
        return node

    def visit_Lambda(self, node: ast.Lambda) -> ast.AST:
        """So has a lambda."""
        self._scopes.append({arg.arg: None for arg in ast.walk(node.args) if isinstance(arg, ast.arg)})
        node.body = self.visit(node.body)
        self._scopes.pop()
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST | list[ast.stmt]:
        """What checkers read costs memory."""
        if node.value is None:
            return []
        return self.visit(ast.copy_location(ast.Assign([node.target], node.value), node))

    def visit_If(self, node: ast.If) -> ast.AST | list[ast.stmt]:
        """As does what only they run."""
        if _is_for_checkers(node):
            return []
        self.generic_visit(node)
        return node

    def visit_ImportFrom(self, node: ast.ImportFrom) -> list[ast.stmt]:
        """An import within a function."""
        return self._within(node)

    def visit_Import(self, node: ast.Import) -> list[ast.stmt]:
        """Likewise."""
        return self._within(node)

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        """`states.NORMAL`, where `states` is a module that is a module no more."""
        if isinstance(node.value, ast.Name):
            symbol = self._meaning(node.value.id)
            if symbol is not None and symbol.home and not symbol.name and not self._linker.module_of(symbol.home):
                member = Symbol(symbol.home, node.attr)
                final = self._linker.replacement(member, is_lazy=False)
                name = final if final is not None else node.attr
                if self._module.is_lazy and isinstance(name, str):
                    self._borrowed.add(name)
                return _node_of(name, node)
        self.generic_visit(node)
        return node

    def visit_Name(self, node: ast.Name) -> ast.AST:
        """A name at the top of the module."""
        final = self._replaced(node.id)
        return node if final is None else _node_of(final, node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """`const(1)` within a function is 1."""
        self.generic_visit(node)
        if isinstance(node.func, ast.Name) and node.func.id == "const":
            return node.args[0]
        return node

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        """The name of a module, as a text."""
        name = self._linker.module_of(node.value) if isinstance(node.value, str) else None
        return ast.copy_location(ast.Constant(name), node) if name else node

    def _within(self, node: ast.Import | ast.ImportFrom) -> list[ast.stmt]:
        for local, symbol in self._linker._meanings(node):
            self._scopes[-1][local] = symbol
        return self._linker.import_from(node, self._module.is_lazy) or [ast.Pass()]

    def _meaning(self, name: str) -> Symbol | None:
        for scope in reversed(self._scopes):
            if name in scope:
                return scope[name]
        return None

    def _replaced(self, name: str) -> str | int | None:
        symbol = self._meaning(name)
        if symbol is None:
            return None
        is_own = symbol.home in self._linker._bindings and not self._module.is_lazy
        final = self._linker.replacement(symbol, is_lazy=not is_own and not symbol.home.startswith("=") and bool(symbol.home))
        return final if isinstance(final, int) or not self._module.is_lazy else None


def flat_name(name: str) -> str:
    """Return the file name, without its ending, of a module that stays one."""
    return name.removeprefix(PACKAGE + ".").replace(".", "_")


def _is_ours(name: str) -> bool:
    return name == PACKAGE or name.startswith(PACKAGE + ".")


def _is_for_checkers(node: ast.stmt) -> bool:
    if isinstance(node, ast.If):
        return isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
        return node.targets[0].id == "TYPE_CHECKING"
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _is_for_cpython(module: str, node: ast.stmt) -> bool:
    """What the one file says that knows both runtimes: `const` is MicroPython's compiler's business."""
    return module.endswith(".compat") and not isinstance(node, ast.Assign)


def _is_function(node: ast.stmt) -> bool:
    return isinstance(node, ast.FunctionDef)


def _stored(nodes: Iterable[ast.stmt]) -> Iterator[str]:
    """Yield the names that are assigned to anywhere in these."""
    for node in nodes:
        for part in ast.walk(node):
            if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
                yield part.id


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
        elif isinstance(part, (ast.Import, ast.ImportFrom)):
            raise BundleError(f"line {node.lineno}: an import at the top within another statement")


def _imports_within(tree: ast.Module) -> Iterator[ast.Import | ast.ImportFrom]:
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            for part in ast.walk(node):
                if isinstance(part, (ast.Import, ast.ImportFrom)):
                    yield part


def _locals_of(node: ast.FunctionDef) -> dict[str, Symbol | None]:
    """Return the names that are the function's own."""
    own: dict[str, Symbol | None] = {arg.arg: None for arg in ast.walk(node.args) if isinstance(arg, ast.arg)}
    for part in ast.walk(node):
        if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
            own[part.id] = None
        elif isinstance(part, ast.ExceptHandler) and part.name:
            own[part.name] = None
        elif isinstance(part, (ast.Global, ast.Nonlocal)):
            raise BundleError(f"line {part.lineno}: global and nonlocal are not understood")
    return own


def _without_docstring(body: list[ast.stmt]) -> list[ast.stmt]:
    kept = [node for node in body if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))]
    return kept or [ast.Pass()]


def _as_list(new: ast.AST | list[ast.stmt] | None) -> list[ast.stmt]:
    if new is None:
        return []
    return new if isinstance(new, list) else [new]  # type: ignore[list-item]


def _node_of(value: str | int, at: ast.expr) -> ast.AST:
    if isinstance(value, int):
        return ast.copy_location(ast.Constant(value), at)
    return ast.copy_location(ast.Name(value, getattr(at, "ctx", ast.Load())), at)


def _free(wish: str, taken: set[str]) -> str:
    name, count = wish, 2
    while name in taken:
        name, count = f"{wish}{count}", count + 1
    return name
