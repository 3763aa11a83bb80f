"""Every single check of a module, switched off one at a time: what stands in its code as « refuse when », and no list that somebody must keep."""

from __future__ import annotations

import ast
import inspect
from contextlib import contextmanager
from dataclasses import dataclass
from types import CodeType, FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class Check:
    """One refusal in the code: `where` it stands, `what` it says, and which of several alike it is."""

    module: ModuleType
    where: str
    what: str
    number: int
    line: int

    @property
    def name(self) -> str:
        """`verifying._check_dates: Reason.TOO_OLD`."""
        return f"{self.module.__name__.rpartition('.')[2]}.{self.where}: {self.what}" + (f" ({self.number})" if self.number else "")


def checks_of(*modules: ModuleType) -> list[Check]:
    """All that these modules refuse. What an `except` says otherwise is no check: nothing would go on behind it."""
    return [check for module in modules for check in _found(module)]


def _found(module: ModuleType) -> Iterator[Check]:
    seen: dict[tuple[str, str], int] = {}
    for where, node in _refusals(ast.parse(inspect.getsource(module)).body, ""):
        what = _said(node)
        number = seen.get((where, what), 0)
        seen[where, what] = number + 1
        yield Check(module, where, what, number, node.lineno)


def _refusals(body: list[ast.stmt], where: str) -> Iterator[tuple[str, ast.Raise]]:
    for node in body:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield from _refusals(node.body, f"{where}.{node.name}".lstrip("."))
            case ast.Raise() if where and node.exc is not None:
                yield where, node
            case _:
                for part in ("body", "orelse", "finalbody"):
                    yield from _refusals(getattr(node, part, []), where)
                for case in getattr(node, "cases", []):
                    yield from _refusals(case.body, where)


def _said(node: ast.Raise) -> str:
    match node.exc:
        case ast.Call(args=[first, *_]):
            return ast.unparse(first).strip("'\"")
        case other:
            return ast.unparse(other) if other is not None else ""


@contextmanager
def switched_off(check: Check) -> Iterator[None]:
    """The function goes on where it would have refused, as long as the block; whoever imported it by name feels it too."""
    function = _function(check)
    kept = function.__code__
    tree = _Without(check.line).visit(ast.parse(inspect.getsource(check.module)))
    compiled = compile(ast.fix_missing_locations(tree), check.module.__file__ or "", "exec", dont_inherit=True)
    function.__code__ = _code(compiled, check.where.split("."))
    try:
        yield
    finally:
        function.__code__ = kept


class _Without(ast.NodeTransformer):
    def __init__(self, line: int) -> None:
        self._line = line

    def visit_Raise(self, node: ast.Raise) -> ast.stmt:
        return ast.copy_location(ast.Pass(), node) if node.lineno == self._line else node


def _function(check: Check) -> FunctionType:
    found: Any = check.module
    for name in check.where.split("."):
        found = found.__dict__[name]
    found = inspect.unwrap(getattr(found, "__func__", found))
    assert isinstance(found, FunctionType), check.name
    return found


def _code(within: CodeType, path: list[str]) -> CodeType:
    for name in path:
        within = next(one for one in within.co_consts if isinstance(one, CodeType) and one.co_name == name)
    return within
