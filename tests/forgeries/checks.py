"""Every single check of a module, switched off one at a time: what stands in its code as « refuse when », and no list that somebody must keep."""

from __future__ import annotations

import ast
import inspect
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from types import CodeType, FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

REJECTION = "Rejection"
REFUSE = "refuse"
"""A function of the verifier's own that makes a refusal."""
PROBLEM = "Problem"
Names = frozenset[str]
NOBODY: Names = frozenset()


@dataclass(frozen=True)
class Check:
    """One refusal in the code: `where` it stands, `what` it says, and which of several alike it is; `branch` of several in one statement."""

    module: ModuleType
    where: str
    what: str
    number: int
    line: int
    branch: int = 0

    @property
    def name(self) -> str:
        """`verifying._check_dates: Reason.TOO_OLD`."""
        return f"{self.module.__name__.rpartition('.')[2]}.{self.where}: {self.what}" + (f" ({self.number})" if self.number else "")


def checks_of(*modules: ModuleType) -> list[Check]:
    """All that these modules refuse. What an `except` says otherwise is no check: nothing would go on behind it."""
    return [check for module in modules for check in _found(module)]


def _found(module: ModuleType) -> Iterator[Check]:
    seen: dict[tuple[str, str], int] = {}
    for where, node, told in _statements(ast.parse(inspect.getsource(module)).body, ""):
        for branch, refusal in _refusals(node, module, told):
            what = _said(refusal)
            number = seen.get((where, what), 0)
            seen[where, what] = number + 1
            yield Check(module, where, what, number, node.lineno, branch)


def _statements(body: list[ast.stmt], where: str, told: Names = NOBODY) -> Iterator[tuple[str, ast.Raise | ast.Return, Names]]:
    """Each statement that may refuse, where it stands, and which names are problems there."""
    for node in body:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield from _statements(node.body, f"{where}.{node.name}".lstrip("."))
            case ast.Raise() | ast.Return() if where:
                yield where, node, told
            case ast.If():
                yield from _statements(node.body, where, told | _told(node.test))
                yield from _statements(node.orelse, where, told)
            case _:
                for part in ("body", "orelse", "finalbody"):
                    yield from _statements(getattr(node, part, []), where, told)
                for case in getattr(node, "cases", []):
                    yield from _statements(case.body, where, told)


def _told(test: ast.expr) -> Names:
    """The name that is a problem where `isinstance(…, Problem)` holds."""
    match test:
        case ast.Call(func=ast.Name(id="isinstance"), args=[ast.Name(id=name), ast.Name(id=kind)]) if kind == PROBLEM:
            return frozenset({name})
        case _:
            return NOBODY


def _refusals(node: ast.Raise | ast.Return, module: ModuleType, told: Names) -> list[tuple[int, ast.expr]]:
    """What a statement refuses by: all that it raises; of what it returns, the branches that are a rejection, a problem or the name of one."""
    if isinstance(node, ast.Raise):
        return [(0, node.exc)] if node.exc is not None else []
    return [(branch, leaf) for branch, (leaf, known) in enumerate(_leaves(node.value, told)) if _refuses(leaf, module, known)]


def _leaves(value: ast.expr | None, told: Names = NOBODY) -> Iterator[tuple[ast.expr, Names]]:
    if isinstance(value, ast.IfExp):
        yield from _leaves(value.body, told | _told(value.test))
        yield from _leaves(value.orelse, told)
    elif value is not None:
        yield value, told


def _refuses(leaf: ast.expr, module: ModuleType, told: Names) -> bool:
    match leaf:
        case ast.Call(func=ast.Name(id=name)) if name in {REJECTION, REFUSE, PROBLEM}:
            return True
        case ast.Call(args=[inner]):  # an answer that is made of a problem
            return _problem(inner, told)
        case ast.Name():
            return _problem(leaf, told)
        case ast.Attribute(value=ast.Name(id=name)):
            owner = getattr(module, name, None)
            return isinstance(owner, type) and issubclass(owner, StrEnum) and hasattr(owner, leaf.attr)
        case _:
            return False


def _problem(value: ast.expr, told: Names) -> bool:
    match value:
        case ast.Call(func=ast.Name(id=name)):
            return name == PROBLEM
        case ast.Name(id=name):
            return name in told
        case _:
            return False


def _said(refusal: ast.expr) -> str:
    match refusal:
        case ast.Call(func=ast.Name(id=name), args=[_, reason, *_]) if name == PROBLEM:
            return ast.unparse(reason).strip("'\"")
        case ast.Call(args=[ast.Call() as inner]) if _problem(inner, NOBODY):
            return _said(inner)
        case ast.Call(args=[first, *_]):
            return ast.unparse(first).strip("'\"")
        case _:
            return ast.unparse(refusal)


@contextmanager
def switched_off(check: Check) -> Iterator[None]:
    """The function goes on where it would have refused, as long as the block; whoever imported it by name feels it too."""
    function, path = _function(check)
    kept = function.__code__
    tree = _Without(check).visit(ast.parse(inspect.getsource(check.module)))
    compiled = compile(ast.fix_missing_locations(tree), check.module.__file__ or "", "exec", dont_inherit=True)
    function.__code__ = _code(compiled, path)
    try:
        yield
    finally:
        function.__code__ = kept


class _Without(ast.NodeTransformer):
    def __init__(self, check: Check) -> None:
        self._check = check

    def visit_Raise(self, node: ast.Raise) -> ast.stmt:
        return ast.copy_location(ast.Pass(), node) if node.lineno == self._check.line else node

    def visit_Return(self, node: ast.Return) -> ast.stmt:
        if node.lineno != self._check.line:
            return node
        refusal, _ = list(_leaves(node.value))[self._check.branch]
        left = _spared(node.value, refusal)
        return ast.copy_location(ast.Pass() if left is None else ast.Return(left), node)


def _spared(value: ast.expr | None, refusal: ast.expr) -> ast.expr | None:
    """What is left to be returned without this refusal; None where it was all."""
    if value is refusal or value is None:
        return None
    if isinstance(value, ast.IfExp):
        body, orelse = _spared(value.body, refusal), _spared(value.orelse, refusal)
        return orelse if body is None else body if orelse is None else ast.IfExp(value.test, body, orelse)
    return value


def _function(check: Check) -> tuple[FunctionType, list[str]]:
    """The function in which the check stands, the outermost one where they stand in each other, and the way to it."""
    found: Any = check.module
    path: list[str] = []
    for name in check.where.split("."):
        if isinstance(found, FunctionType):
            break
        path.append(name)
        found = found.__dict__[name]
        found = found if isinstance(found, type) else inspect.unwrap(getattr(found, "__func__", found))
    assert isinstance(found, FunctionType), check.name
    return found, path


def _code(within: CodeType, path: list[str]) -> CodeType:
    for name in path:
        within = next(one for one in within.co_consts if isinstance(one, CodeType) and one.co_name == name)
    return within
