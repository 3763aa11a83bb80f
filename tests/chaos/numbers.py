"""The hub's order as its database holds it: every numbered event, and which of our words its text holds."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tests.chaos.marks import Answered, Reacted
from tests.chaos.oracle import Change, Numbered
from tests.chaos.rse import word_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.chaos.town import Town

ORDER: Final = """
    SELECT event.sequence, event.node, event.native_id, event.type, event.subject, outbox.value, outbox.headers
    FROM hub.events AS event LEFT JOIN hub.outbox AS outbox ON outbox.event = event.id AND outbox.community = event.community
    WHERE event.community = $1 AND event.sequence IS NOT NULL ORDER BY event.sequence
"""
MESSAGE: Final = "fr.gouv.rse.message."
REACTION: Final = "fr.gouv.rse.reaction."
ANSWER: Final = "fr.gouv.rse.answer."
AGENT: Final = re.compile(r"^[Aa]gent ?([0-9]+) ")


@dataclass(frozen=True, slots=True)
class Order:
    """A community's events: those that write messages, and those that set something on them."""

    messages: Sequence[Numbered]
    marks: Sequence[Reacted | Answered]


async def order_of(town: Town, community: str, known: Mapping[tuple[str, str], int]) -> Order:
    """A community's events in their order; `known` is (RSE, native id) → the message's number."""
    rows = await town.ask(ORDER, community)
    messages = [_numbered(row, known) for row in rows]
    subjects = {row["subject"]: one.message for row, one in zip(rows, messages, strict=True) if one.message is not None}
    marks = [mark for row in rows if (mark := _mark(row, subjects)) is not None]
    return Order(messages, marks)


def _numbered(row: Mapping[str, Any], known: Mapping[tuple[str, str], int]) -> Numbered:
    deleted = row["type"] == f"{MESSAGE}deleted.v1"
    text = "" if deleted or not row["type"].startswith(MESSAGE) else json.loads(row["value"])["content"]["text"]
    number, version = word_of(text)
    message = known.get((row["node"], row["native_id"]), number)
    return Numbered(row["sequence"], row["node"], message, Change.DELETED if deleted else Change.WRITTEN, version)


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
