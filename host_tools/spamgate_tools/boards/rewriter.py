"""One module's text, rewritten as the linker (`bundle.py`) decided: other names, numbers in the place of constants."""

import ast
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from spamgate_tools.boards.bundle import Linker

WHOLE = "spamgate"  # the name of the one module


class BundleError(Exception):
    """A module that the linker cannot take; the text says which and why."""


class Module(NamedTuple):
    """One source module, without what only checkers read."""

    name: str
    tree: ast.Module
    is_lazy: bool


class Symbol(NamedTuple):
    """What a name at the top of a module stands for."""

    home: str  # the module that defines it; "" for what MicroPython brings, "=NAME" for what its module NAME has
    name: str  # there; "" for the module itself


class Rewriter(ast.NodeTransformer):
    """Puts into one module's text what the linker decided."""

    def __init__(self, linker: "Linker", module: Module, names: dict[str, Symbol]) -> None:
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
        is_machine_code = _is_machine_code(node)
        if not is_machine_code:
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
            if isinstance(arg, ast.arg) and not is_machine_code:
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
        if is_for_checkers(node):
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
                final = self._linker.replacement(member)
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
        for local, symbol in self._linker.meanings(node):
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
        final = self._linker.replacement(symbol)
        return final if isinstance(final, int) or not self._module.is_lazy else None


def is_for_checkers(node: ast.stmt) -> bool:
    if isinstance(node, ast.If):
        return isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
        return node.targets[0].id == "TYPE_CHECKING"
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _is_machine_code(node: ast.FunctionDef) -> bool:
    """Does MicroPython's compiler read the annotations, too?"""
    return any(isinstance(it, ast.Attribute) and it.attr == "viper" for it in node.decorator_list)


def _is_function(node: ast.stmt) -> bool:
    return isinstance(node, ast.FunctionDef)


def _stored(nodes: Iterable[ast.stmt]) -> Iterator[str]:
    """Yield the names that are assigned to anywhere in these."""
    for node in nodes:
        for part in ast.walk(node):
            if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
                yield part.id


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
