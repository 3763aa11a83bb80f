"""Every reason for which something is refused has French words for people."""

from __future__ import annotations

import ast
import re
from functools import cache
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hub.access import Speech, why_not_speak
from hub.federation import remote
from hub.ui import reasons, words
from schemas.manifest import Grade
from schemas.proof import Reason
from schemas.wire.destinations import Absence, Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

CLONE = Path(__file__).resolve().parents[2]
REFUSING = {
    "RefusedError",
    "Never",
    "Closed",
    "Nonsense",
    "Stopped",
    "SequenceRefused",
    "Verdicted",
    "Refused",
    "_stopped",
    "_refuse",
    "_give_up",
}
"""What is called with the name of a reason that a page, a trace or a list of dead letters may show."""
CALLS = re.compile(rf"\b({'|'.join(REFUSING)})\s*\(")
"""Most files call none of them, and need not be parsed each time that tests are collected."""
STREAMS = tuple(f"hub/batches/{name}.py" for name in ("fanout", "group", "inbound", "receipts", "sifting"))
"""Where a stream's own reasons are constants."""
NAME = re.compile(r"[a-z]+(_[a-z]+)*")


def _called(tree: ast.AST) -> Iterator[str]:
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and getattr(call.func, "id", getattr(call.func, "attr", "")) in REFUSING:
            if call.args and ast.unparse(call.args[0]).startswith("Reason."):
                continue  # a member of an enumeration; what follows it is a detail
            named = [one.value for one in call.args if isinstance(one, ast.Constant) and isinstance(one.value, str)]
            yield from (name for name in named[:1] if NAME.fullmatch(name))


def _constants(tree: ast.Module) -> Iterator[str]:
    for line in tree.body:
        if isinstance(line, ast.Assign) and isinstance(line.value, ast.Constant) and isinstance(line.value.value, str):
            yield line.value.value


@cache
def _reasons() -> frozenset[str]:
    found = {reason.value for reason in (*Reason, *Refusal, *Absence, *remote.Reason)}
    for room in ("adapters", "hub", "schemas"):
        for file in (CLONE / room).rglob("*.py"):
            if CALLS.search(said := file.read_text()):
                found.update(_called(ast.parse(said)))
    for name in STREAMS:
        found.update(_constants(ast.parse((CLONE / name).read_text())))
    for grade, *held in product((None, *Grade), *[(True, False)] * 4):
        if reason := why_not_speak(Speech(grade, *held)):
            found.add(reason)
    return frozenset(found)


def test_the_reasons_are_found_where_they_are_given() -> None:
    assert {
        "object_of_another_community",
        "space_not_tied",
        "hub_proof_invalid",
        "post_malformed",
        "not_owner",
        "topic_missing",
    } <= _reasons()


@pytest.mark.parametrize("reason", sorted(_reasons()))
def test_a_reason_has_words_for_people(reason: str) -> None:
    assert words.reason(reason) != reason


def test_no_words_are_kept_for_a_reason_that_nobody_gives() -> None:
    said = "\n".join(
        file.read_text()
        for room in ("adapters", "hub", "schemas")
        for file in (CLONE / room).rglob("*.py")
        if file.parent != Path(reasons.__file__).parent
    )
    assert [name for name in reasons.REASONS if f'"{name}"' not in said] == []
