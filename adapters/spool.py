"""The ledger's bounded spool: signed records that wait for Kafka, changes that wait for a write, changes to be completed."""

from __future__ import annotations

import asyncio
import base64
import json
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from adapters.ledger import LedgerUnavailable
from adapters.port import Act, Change, Incomplete, Placed, Standing
from schemas.facts.message import Attachment, Author, Content, Mention
from schemas.wire.telemetry import Metric

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from adapters.ledger import Ledger
    from schemas.wire.records import Headers


class Kind(StrEnum):
    """What a row of the spool waits for: Kafka, the end of a write, the RSE's own word."""

    RECORD = "record"
    PARKED = "parked"
    INCOMPLETE = "incomplete"


@dataclass(frozen=True, slots=True)
class Record:
    """A Kafka record that is ready to go; `topic` without the deployment's prefix."""

    topic: str
    key: bytes
    value: bytes
    headers: Headers
    event_type: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the spool with its place."""

    position: int
    value: bytes
    record: Record
    stored_at: datetime


class SpoolFull(OverflowError):
    """The spool holds as many rows as its settings allow."""


class Spool:
    """The spool of one instance; its size is counted in memory, since one process alone serves an instance."""

    def __init__(self, ledger: Ledger, instance: str, limit: int) -> None:
        self._ledger, self._instance, self.limit = ledger, instance, limit
        self.waiting = dict.fromkeys(Kind, 0)
        self.set_back = 0
        """How many of those that are to be completed the RSE fails on, while it answers for others."""
        self._doubtful = False
        """Whether the ledger may have done what it could not say: then `waiting` tells at least what waits, so that somebody looks."""
        self._alone = asyncio.Lock()

    @property
    def moves(self) -> bool:
        """Whether anything waits that is to go soon: all but what is set back, which may stay for ever and holds up nothing."""
        return sum(self.waiting.values()) > self.set_back

    @property
    def room(self) -> int:
        """How many rows it would still take."""
        return max(0, self.limit - sum(self.waiting.values()))

    async def count(self) -> None:
        """Count what waits; done at start."""
        async with self._alone:
            await self._count()

    async def _count(self) -> None:
        async with self._ledger.connection() as connection:
            rows = await connection.fetch("SELECT kind, count(*) AS n FROM spool WHERE instance = $1 GROUP BY kind", self._instance)
        self.waiting = dict.fromkeys(Kind, 0) | {Kind(row["kind"]): row["n"] for row in rows}
        self._doubtful = False
        self._show()

    async def _sure(self) -> None:
        if self._doubtful:
            await self._count()

    async def store(self, kind: Kind, records: Sequence[Record], now: datetime, reason: str = "", *, leaving: int = 0) -> None:
        """Store rows in order; raises SpoolFull and stores none where they do not all fit.

        `leaving` counts rows that go as soon as these are stored: what takes their place needs no other, or a full spool would stay full.
        """
        async with self._alone:
            await self._sure()
            if records and len(records) > self.room + leaving:
                raise SpoolFull(self._instance)
            try:
                await self._insert(kind, records, now, reason)
            except LedgerUnavailable:
                self._doubtful = True
                self._grow(kind, len(records))
                raise
            self._grow(kind, len(records))

    async def _insert(self, kind: Kind, records: Sequence[Record], now: datetime, reason: str) -> None:
        async with self._ledger.connection() as connection:
            await connection.execute(
                "INSERT INTO spool (instance, kind, reason, stored_at, topic, key, value, headers) "
                "SELECT $1, $2, $3, $4, t, k, v, h FROM unnest($5::text[], $6::bytea[], $7::bytea[], $8::bytea[]) "
                "WITH ORDINALITY AS given (t, k, v, h, place) ORDER BY place",
                self._instance,
                kind.value,
                reason,
                now,
                [record.topic for record in records],
                [record.key for record in records],
                [record.value for record in records],
                [_pack(record.headers) for record in records],
            )

    async def first(self, kind: Kind, limit: int, after: int = -1) -> list[Row]:
        """The oldest rows behind a position, in order."""
        async with self._alone:
            await self._sure()
        async with self._ledger.connection() as connection:
            rows = await connection.fetch(
                "SELECT position, topic, key, value, headers, stored_at FROM spool WHERE instance = $1 AND kind = $2 "
                "AND position > $4 ORDER BY position LIMIT $3",
                self._instance,
                kind.value,
                limit,
                after,
            )
        return [_row(row) for row in rows]

    async def remove(self, kind: Kind, positions: Sequence[int]) -> None:
        """Forget rows that have gone where they had to go."""
        if not positions:
            return
        async with self._alone:
            try:
                await self._delete(positions)
            except LedgerUnavailable:
                self._doubtful = True
                raise
            self._grow(kind, -len(positions))

    async def _delete(self, positions: Sequence[int]) -> None:
        async with self._ledger.connection() as connection:
            await connection.execute("DELETE FROM spool WHERE instance = $1 AND position = ANY($2)", self._instance, list(positions))

    def _grow(self, kind: Kind, by: int) -> None:
        self.waiting[kind] = max(0, self.waiting[kind] + by)
        self._show()

    def _show(self) -> None:
        Metric.spooled.labels(self._instance).set(sum(self.waiting.values()))


def _pack(headers: Headers) -> bytes:
    return json.dumps([[name, base64.b64encode(raw).decode()] for name, raw in headers]).encode()


def _row(row: Mapping[str, Any]) -> Row:
    headers = [(name, base64.b64decode(raw)) for name, raw in json.loads(row["headers"])]
    return Row(row["position"], row["value"], Record(row["topic"], row["key"], row["value"], headers), row["stored_at"])


def pack_change(change: Change) -> bytes:
    """A change as the spool keeps it while it waits."""
    return json.dumps(
        {
            "act": change.act,
            "native_id": change.native_id,
            "version": change.version,
            "marker": change.marker,
            "space": change.space,
            "actor": change.actor,
            "occurred_at": change.occurred_at.isoformat(),
            "author": change.author.model_dump() if change.author else None,
            "content": change.content.model_dump() if change.content else None,
            "title": change.title,
            "link": change.link,
            "parent": change.parent,
            "locator": change.locator,
            "attachments": [attachment.model_dump() for attachment in change.attachments],
            "emoji": change.emoji,
            "by_us": change.by_us,
            "history": change.history,
            "called": change.called,
            "mentions": [mention.model_dump() for mention in change.mentions],
            "handle": change.handle,
            "asked": change.asked,
            "recurs": change.recurs,
            "answers": _standing(change.answers),
            "quotes": change.quotes,
            "corrects": change.corrects,
            "inside": change.inside,
            "number": change.number,
            "placed": change.placed,
        }
    ).encode()


def unpack_change(packed: bytes) -> Change:
    """The change that `pack_change` wrote."""
    said = json.loads(packed)
    return Change(
        **{
            **said,
            "act": Act(said["act"]),
            "occurred_at": datetime.fromisoformat(said["occurred_at"]),
            "author": Author.model_validate(said["author"]) if said["author"] else None,
            "content": Content.model_validate(said["content"]) if said["content"] else None,
            "attachments": tuple(Attachment.model_validate(attachment) for attachment in said["attachments"]),
            "called": tuple(said.get("called", ())),
            "quotes": tuple(said.get("quotes", ())),
            "mentions": tuple(Mention.model_validate(mention) for mention in said.get("mentions", ())),
            "answers": _stood(said.get("answers")),
            "placed": Placed(said["placed"]) if said.get("placed") else None,
        }
    )


def _standing(answers: Standing | None) -> list[Any] | None:
    if answers is None:
        return None
    return [answers.native_id, answers.written_at.isoformat() if answers.written_at is not None else None, answers.number]


def _stood(said: list[Any] | None) -> Standing | None:
    if said is None:
        return None
    native_id, written_at, *number = said
    return Standing(native_id, datetime.fromisoformat(written_at) if written_at is not None else None, *number)


def pack_incomplete(incomplete: Incomplete) -> bytes:
    """What must be asked of the RSE, as the spool keeps it."""
    otherwise = pack_change(incomplete.otherwise).decode() if incomplete.otherwise is not None else None
    said = {
        "native_id": incomplete.native_id,
        "act": incomplete.act,
        "said": incomplete.said,
        "space": incomplete.space,
        "parent": incomplete.parent,
        "behind": incomplete.behind,
    }
    return json.dumps({**said, "otherwise": otherwise}).encode()


def unpack_incomplete(packed: bytes) -> Incomplete:
    """The reverse of `pack_incomplete`."""
    said = json.loads(packed)
    otherwise = unpack_change(said["otherwise"].encode()) if said.get("otherwise") else None
    about = said.get("said", ""), said.get("space", ""), otherwise, said.get("parent"), said.get("behind", "")
    return Incomplete(said["native_id"], Act(said["act"]), *about)
