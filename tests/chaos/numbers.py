"""The hub's order as its database holds it: every numbered event, and which of our words its text holds."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.chaos.oracle import Change, Numbered
from tests.chaos.rse import word_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.chaos.town import Town

ORDER = """
    SELECT event.sequence, event.node, event.native_id, event.type, outbox.value
    FROM hub.events AS event LEFT JOIN hub.outbox AS outbox ON outbox.event = event.id AND outbox.community = event.community
    WHERE event.community = $1 AND event.sequence IS NOT NULL ORDER BY event.sequence
"""
MESSAGE = "fr.gouv.rse.message."


async def numbered(town: Town, community: str, known: Mapping[tuple[str, str], int]) -> list[Numbered]:
    """A community's events in their order; `known` is (RSE, native id) → the message's number."""
    return [_numbered(row, known) for row in await town.ask(ORDER, community)]


def _numbered(row: Mapping[str, Any], known: Mapping[tuple[str, str], int]) -> Numbered:
    deleted = row["type"] == f"{MESSAGE}deleted.v1"
    text = "" if deleted or not row["type"].startswith(MESSAGE) else json.loads(row["value"])["content"]["text"]
    number, version = word_of(text)
    message = known.get((row["node"], row["native_id"]), number)
    return Numbered(row["sequence"], row["node"], message, Change.DELETED if deleted else Change.WRITTEN, version)
