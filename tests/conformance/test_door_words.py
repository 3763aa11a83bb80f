"""Whoever a door turns away is told why in a French sentence of that reason's own."""

from __future__ import annotations

import ast
import importlib
import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hub.federation import answers as of_peers
from hub.node_door import answers as of_nodes
from schemas import proof, refusal_words
from schemas.content_digest import DigestFault
from schemas.http_signature import Reason as Unsigned

if TYPE_CHECKING:
    from collections.abc import Iterator
    from enum import StrEnum

CLONE = Path(__file__).resolve().parents[2]
WHY = ("Reason", "Fault", "Refusal", "Absence")
"""How classes of reasons are named."""


def enumerations() -> Iterator[tuple[str, type[StrEnum]]]:
    """Every class of reasons in the code, by where it stands."""
    for room in ("schemas", "hub"):
        for file in sorted((CLONE / room).rglob("*.py")):
            said = file.read_text()
            for node in ast.walk(ast.parse(said)) if "StrEnum" in said else ():
                if (
                    isinstance(node, ast.ClassDef)
                    and node.name.endswith(WHY)
                    and any(ast.unparse(base) == "StrEnum" for base in node.bases)
                ):
                    name = ".".join(file.relative_to(CLONE).with_suffix("").parts)
                    yield f"{name}.{node.name}", getattr(importlib.import_module(name), node.name)


FOUND = dict(enumerations())
OF_PEERS = [(where, reason.value) for where, reasons in FOUND.items() for reason in reasons]


def turned_away() -> Iterator[str]:
    """The reasons that the node door names in its code."""
    for file in sorted((CLONE / "hub" / "node_door").glob("*.py")):
        for call in ast.walk(ast.parse(file.read_text())):
            if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "TurnedAway" and isinstance(call.args[0], ast.Constant):
                yield str(call.args[0].value)


OF_NODES = sorted(
    {*turned_away(), *(reason.value for reason in (*Unsigned, *DigestFault))}
    | {reason.value for reason in proof.Reason if reason.value.startswith("key_")}
)


def test_the_classes_of_reasons_are_found() -> None:
    assert {
        "schemas.http_signature.message.Reason", "schemas.cavage.CavageReason", "schemas.content_digest.DigestFault", "schemas.documents.Reason",
        "schemas.actor_keys.KeyFault", "schemas.proof.Reason", "schemas.wire.destinations.Refusal", "schemas.wire.destinations.Absence",
        "hub.federation.reasons.Reason", "hub.federation.remote.Reason", "hub.federation.ministries.Fault",
    } <= set(FOUND)  # fmt: skip
    assert {"node_unknown", "registry_unavailable", "source_of_another_node"} <= set(OF_NODES)


@pytest.mark.parametrize(("where", "reason"), OF_PEERS, ids=[f"{where}-{reason}" for where, reason in OF_PEERS])
def test_the_peers_door_has_a_sentence_for_it(where: str, reason: str) -> None:
    status, sentence = of_peers.STATUSES.get(reason, of_peers.FALLBACK)
    assert (status, sentence) != of_peers.FALLBACK, where
    assert _french(sentence, reason)


@pytest.mark.parametrize("reason", OF_NODES)
def test_the_node_door_has_a_sentence_for_it(reason: str) -> None:
    assert _french(of_nodes.STATUSES[reason][1], reason)


@pytest.mark.parametrize("statuses", [of_peers.STATUSES, of_nodes.STATUSES], ids=["peers", "nodes"])
def test_no_two_reasons_are_told_in_the_same_words(statuses: dict[str, tuple[int, str]]) -> None:
    told = Counter(sentence for _, sentence in statuses.values())
    assert [sentence for sentence, times in told.items() if times > 1] == []


def test_no_sentence_is_kept_for_a_reason_that_nobody_gives() -> None:
    given = {reason for _, reason in OF_PEERS}
    kept = {*refusal_words.SIGNATURES, *refusal_words.KEYS, *refusal_words.PROOFS}
    assert kept <= given
    source = (CLONE / "schemas" / "jcs.py").read_text()
    assert [name for name in refusal_words.JSON if f'"{name}"' not in source] == []


def _french(sentence: str, reason: str) -> bool:
    """A sentence and not a name: its first letter is a capital, and the machines' name is not in it."""
    return sentence[:1].isupper() and " " in sentence and "_" not in sentence and reason not in sentence


def test_who_writes_a_program_is_told_of_every_refusal_whether_it_comes_again() -> None:
    page = (CLONE / "adapters" / "RACCORDER.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (.*?) \| (?:oui|plus tard|jamais)", page, re.MULTILINE)
    told = set(re.findall(r"\b[45]\d\d\b", " ".join(rows)))
    cursors = {"409", "410"}  # of readers alone, told below the table
    assert told == {str(status) for status, _ in of_nodes.STATUSES.values()} - cursors
    assert all(f"`{reason}`" in page for reason, (status, _) in of_nodes.STATUSES.items() if status in {403, 404})
