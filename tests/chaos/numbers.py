"""The hub's order as its database holds it: every numbered event, and which of our words its text holds."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tests.chaos.abroad import ELSEWHERE
from tests.chaos.marks import Answered, Reacted
from tests.chaos.oracle import Change, Numbered
from tests.chaos.words import word_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.chaos.town import Town

ORDER: Final = """
    SELECT event.sequence, event.node, event.native_id, event.type, event.subject, outbox.value, outbox.headers
    FROM hub.events AS event LEFT JOIN hub.outbox AS outbox ON outbox.event = event.id AND outbox.community = event.community
    WHERE event.community = $1 AND event.sequence IS NOT NULL ORDER BY event.sequence
"""
HUB: Final = "hub"
"""The node under which the numbers hold what servers of others say: the hub made events of it."""
MESSAGE: Final = "fr.gouv.rse.message."
REACTION: Final = "fr.gouv.rse.reaction."
ANSWER: Final = "fr.gouv.rse.answer."
JOINED: Final = "fr.gouv.rse.membership.joined.v1"
LEFT: Final = "fr.gouv.rse.membership.left.v1"
AGENT: Final = re.compile(r"^[Aa]gent ?([0-9]+) ")


@dataclass(frozen=True, slots=True)
class Order:
    """A community's events: those that write messages, those that set something on them, and by RSE the names of those who take part."""

    messages: Sequence[Numbered]
    marks: Sequence[Reacted | Answered]
    members: Mapping[str, Sequence[str]]
    comings: int
    """How often somebody came or went."""


async def order_of(town: Town, community: str, known: Mapping[tuple[str, str], int]) -> Order:
    """A community's events in their order; `known` is (RSE, native id) → the message's number."""
    rows = await town.ask(ORDER, community)
    messages = [_numbered(row, known) for row in rows]
    subjects = {row["subject"]: one.message for row, one in zip(rows, messages, strict=True) if one.message is not None}
    marks = [mark for row in rows if (mark := _mark(row, subjects)) is not None]
    return Order(messages, marks, _members(rows), sum(row["type"] in {JOINED, LEFT} for row in rows))


def _members(rows: Sequence[Mapping[str, Any]]) -> Mapping[str, Sequence[str]]:
    there: dict[str, tuple[str, str]] = {}
    for row in rows:
        if row["type"] == JOINED:
            there[row["subject"]] = (row["node"], json.loads(row["value"])["member"]["name"])
        if row["type"] == LEFT:
            there.pop(row["subject"], None)
    nodes = {node for node, _ in there.values()}
    return {node: sorted(name for at, name in there.values() if at == node) for node in nodes}


def _numbered(row: Mapping[str, Any], known: Mapping[tuple[str, str], int]) -> Numbered:
    deleted = row["type"] == f"{MESSAGE}deleted.v1"
    text = "" if deleted or not row["type"].startswith(MESSAGE) else json.loads(row["value"])["content"]["text"]
    number, version = word_of(text)
    rse = ELSEWHERE if row["node"] == HUB else row["node"]
    message = known.get((rse, row["native_id"]), number)
    history = "ce_history" in dict(json.loads(row["headers"])) if row["headers"] else False
    return Numbered(row["sequence"], rse, message, Change.DELETED if deleted else Change.WRITTEN, version, history)


def _mark(row: Mapping[str, Any], subjects: Mapping[str, int]) -> Reacted | Answered | None:
    about = subjects.get(dict(json.loads(row["headers"])).get("ce_parent", "")) if row["headers"] else None
    if row["type"].startswith(REACTION):
        value = json.loads(row["value"])
        agent = AGENT.match(value.get("author", {}).get("name", ""))
        emoji = value.get("emoji")
        return Reacted(row["sequence"], row["node"], row["native_id"], about, int(agent[1]) if agent else None, emoji)
    if row["type"].startswith(ANSWER):
        return Answered(row["sequence"], about, accepted=row["type"] == f"{ANSWER}accepted.v1")
    return None
