"""What this node missed while its topic forgot it: the communities that await it, as the ledger keeps them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from schemas.facts import TakenBack
from schemas.wire.telemetry import Metric

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from adapters.last_door import Passed
    from adapters.ledger import Ledger

COLUMNS: Final = "community, space, reason, missed_at, request, asked_at, completed_at"
BEGIN: Final = """
    INSERT INTO resyncs (instance, community, space, reason, missed_at) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (community, instance) DO UPDATE SET
        space = excluded.space, reason = excluded.reason, missed_at = excluded.missed_at, request = '', asked_at = NULL, completed_at = NULL
"""
AWAITED: Final = "resync_awaited"
NOT_ASKED: Final = "resync_not_asked"


class Lost(StrEnum):
    """How it was found out that something is missing."""

    EXPIRED = "log_expired"  # the topic begins behind what was read last
    REPLACED = "log_replaced"  # the topic ends before what was read last: it is another one of that name
    GAP = "sequence_gap"  # the hub's numbers go on further than they should
    ASKED = "operator"


@dataclass(frozen=True, slots=True)
class Awaited:
    """A community of which something is missing; `request` is the id of the last asking, empty before the first."""

    community: str
    space: str
    reason: str
    missed_at: datetime
    request: str = ""
    asked_at: datetime | None = None
    completed_at: datetime | None = None


class Resyncs:
    """What one instance awaits: read from memory, written through to the ledger, one change at a time.

    What is read of the ledger while something else changes it would put back into memory what is over, and what comes then be skipped.
    """

    def __init__(self, ledger: Ledger, instance: str) -> None:
        self._ledger, self._instance = ledger, instance
        self._awaited: Mapping[str, Awaited] = {}
        self._heard: dict[str, datetime] = {}
        self._alone = asyncio.Lock()

    async def load(self) -> None:
        """Read what is awaited; an operator or another process may have asked for it."""
        async with self._alone:
            rows = await resyncs_of(self._ledger, self._instance)
            self._awaited = {one.community: one for _, one in rows if one.completed_at is None}
            self._show()

    def awaited(self) -> Sequence[Awaited]:
        """All that is awaited."""
        return list(self._awaited.values())

    def of(self, community: str) -> Awaited | None:
        """What is awaited of a community."""
        return self._awaited.get(community)

    def heard_at(self, community: str) -> datetime | None:
        """When something of it came last, as far as this process knows."""
        return self._heard.get(community)

    def heard(self, community: str, now: datetime) -> None:
        """Something that was awaited has come."""
        self._heard[community] = now

    def why_not(self, community: str, passed: Passed) -> str | None:
        """Why an event is not carried out now: it will be sent again in its turn, or nobody here has asked for it.

        What is taken back is taken away at once, whatever else is missing: a node that was suspended may not even ask.
        Without the second, whoever holds the hub's key could put words into a ministry's mouth at any time; so only while we ask.
        """
        if passed.resent:
            return None if community in self._awaited else NOT_ASKED
        if passed.place is None or isinstance(passed.verified.fact, TakenBack):
            return None
        return AWAITED if community in self._awaited else None

    async def begin(self, community: str, space: str, reason: str, now: datetime) -> None:
        """Something is missing: nothing of the community is written until it has come. What is awaited already is asked for anew."""
        async with self._alone:
            async with self._ledger.connection() as connection:
                await connection.execute(BEGIN, self._instance, community, space, reason, now)
            self._awaited = {**self._awaited, community: Awaited(community, space, reason, now)}
            self._show()

    async def asked(self, awaited: Awaited, request: str, now: datetime) -> None:
        """Note an asking before it is sent, so that its answer is known."""
        async with self._alone:
            async with self._ledger.connection() as connection:
                await connection.execute(
                    "UPDATE resyncs SET request = $3, asked_at = $4 WHERE instance = $1 AND community = $2 AND completed_at IS NULL",
                    self._instance, awaited.community, request, now,
                )  # fmt: skip
            if awaited.community in self._awaited:
                self._awaited = {**self._awaited, awaited.community: replace(awaited, request=request, asked_at=now)}

    async def end(self, community: str, now: datetime) -> None:
        """All of it has come."""
        async with self._alone:
            async with self._ledger.connection() as connection:
                await connection.execute(
                    "UPDATE resyncs SET completed_at = $3 WHERE instance = $1 AND community = $2", self._instance, community, now
                )
            self._awaited = {name: one for name, one in self._awaited.items() if name != community}
            self._show()

    def _show(self) -> None:
        Metric.awaited.labels(self._instance).set(len(self._awaited))


async def resyncs_of(ledger: Ledger, instance: str | None = None) -> list[tuple[str, Awaited]]:
    """(instance, what it awaits or awaited), of one instance or of all."""
    async with ledger.connection() as connection:
        rows = await connection.fetch(
            f"SELECT instance, {COLUMNS} FROM resyncs WHERE $1::text IS NULL OR instance = $1 ORDER BY missed_at DESC, instance, community",  # noqa: S608 - constants
            instance,
        )
    return [(row["instance"], Awaited(**{name: row[name] for name in COLUMNS.split(", ")})) for row in rows]
