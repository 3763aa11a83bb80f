"""The writer's half of the ledger: copies, intents, sequences, refused objects, receipts that wait, offsets."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import TYPE_CHECKING

from adapters.ledger import Unstorable
from adapters.memory import OBJECT_COLUMNS, VERSIONS_KEPT, Kind, KnownObject, object_of
from adapters.port import ACCEPTANCES, ENDINGS, REACTIONS, Act
from adapters.tenure import Tenure, still
from adapters.together import Together
from adapters.turns import turn
from schemas.facts.delivery import Delivery

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Sequence
    from contextlib import AbstractAsyncContextManager
    from datetime import datetime

    from adapters.ledger import Ledger
    from adapters.parts import PartCopy
    from adapters.port import Order, Written

GAP_KEPT = 64  # sequences past a gap: the one partition is in order, so what is still missing after so many will not come
CLOSE_INTENT = "UPDATE intents SET state = 'closed', native_id = coalesce($3, native_id) WHERE instance = $1 AND key = $2"
KEEP_COPY = f"""
    INSERT INTO objects (instance, native_id, subject, origin, locator, versions, space, community, deleted, kind, about, quoted)
    VALUES ($1, $2, $3, 'copy', $4, ARRAY[$5], $6, $7, $8, $9, $10, $11)
    ON CONFLICT (instance, native_id) DO UPDATE SET
        subject = excluded.subject, origin = 'copy', locator = coalesce(excluded.locator, objects.locator),
        versions = (array_append(objects.versions, $5))[greatest(1, cardinality(objects.versions) + 2 - {VERSIONS_KEPT}):],
        space = excluded.space, community = excluded.community, deleted = excluded.deleted, kind = excluded.kind, about = excluded.about,
        quoted = excluded.quoted, withdrawn = objects.withdrawn AND NOT $12
"""  # noqa: S608 - made of constants alone
KEEP_PART = f"""
    INSERT INTO objects (instance, native_id, subject, origin, locator, versions, space, community, kind, about, changes)
    VALUES ($1, $2, $3, 'copy', $4, ARRAY[$5], $6, $7, 'part', $8, $9)
    ON CONFLICT (instance, native_id) DO UPDATE SET
        locator = coalesce(excluded.locator, objects.locator), deleted = false,
        versions = (array_append(objects.versions, $5))[greatest(1, cardinality(objects.versions) + 2 - {VERSIONS_KEPT}):]
"""  # noqa: S608 - made of constants alone
KEEP_REQUOTED = (
    f"UPDATE objects SET versions = (array_append(versions, $3))[greatest(1, cardinality(versions) + 2 - {VERSIONS_KEPT}):] "  # noqa: S608 - constants
    "WHERE instance = $1 AND native_id = $2"
)
QUOTING = f"SELECT {OBJECT_COLUMNS} FROM objects WHERE instance = $1 AND quoted = $2 AND NOT deleted AND NOT withdrawn ORDER BY native_id"  # noqa: S608 - constants
GONE = "UPDATE objects SET deleted = true WHERE instance = $1 AND native_id = $2"
REPLACED = (
    "UPDATE objects SET deleted = true WHERE instance = $1 AND subject = $2 AND native_id <> $3 AND origin = 'copy' AND kind <> 'part'"
)
SETTLE = "UPDATE objects SET moderated = $3, settled = array_append(settled, $4) WHERE instance = $1 AND native_id = $2"
RENAMING = frozenset({Act.ACCEPTED, Act.EDITED})
"""Acts after which a copy may be another object: the mark of another answer, a message brought back where nothing is undeleted."""
KEEP_REFUSED = "INSERT INTO refused_objects VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING"
KEEP_NUMBERS = """
    INSERT INTO sequences VALUES ($1, $2, $3, $4) ON CONFLICT (instance, community) DO UPDATE SET
        applied = greatest(sequences.applied, excluded.applied),
        later = ARRAY(SELECT DISTINCT n FROM unnest(sequences.later || excluded.later) AS n
            WHERE n > greatest(sequences.applied, excluded.applied) ORDER BY n)
"""
"""Never back: what another process of this instance has applied meanwhile is applied."""
INTEND = f"""
    WITH ours AS ({still(1, 7)})
    INSERT INTO intents (instance, key, act, space, native_id, opened_at)
    SELECT $1, $2, $3, $4, $5, $6 WHERE $7 = 0 OR EXISTS (SELECT FROM ours)
    ON CONFLICT (instance, key) DO UPDATE SET state = 'open', native_id = excluded.native_id
    RETURNING xmax <> 0
"""  # noqa: S608 - made of constants alone
"""Whether the row was there: only one that is updated was locked before, which `xmax` tells (PostgreSQL 18 § 5.6)."""
KEEP_RECEIPT = "INSERT INTO receipts (instance, delivery) VALUES ($1, $2) RETURNING position"
KEEP_RECEIPT_OF_OURS = f"INSERT INTO receipts (instance, delivery) VALUES (({still(1, 3)}), $2) RETURNING position"  # noqa: S608 - constants
"""The instance may not be NULL: nothing at all is kept where the records are another process's."""
ACQUAINTANCES = """
    SELECT handle, name FROM acquaintances
    WHERE instance = $1 AND community = $2 AND strpos(lower($3), '@' || lower(name)) > 0 ORDER BY handle
"""
OTHERS = (
    "SELECT count(*) FROM objects WHERE instance = $1 AND about = $2 AND subject <> $3 "
    "AND origin = 'copy' AND kind = 'reaction' AND NOT deleted"
)


@dataclass(frozen=True, slots=True)
class Numbers:
    """Which sequences of a community were applied: all up to `applied`, and those `later` ones past a gap."""

    applied: int
    later: frozenset[int] = frozenset()

    def has(self, number: int) -> bool:
        """Whether this number was applied."""
        return number <= self.applied or number in self.later

    def skips_to(self, number: int) -> bool:
        """Whether this number opens a gap; those that follow it in order do not open it again."""
        return number > max(self.applied, *self.later, 0) + 1

    def plus(self, number: int) -> Numbers:
        """With this number applied too; the contiguous part grows as far as it can, past a gap when too many lie beyond it."""
        later, applied = self.later | {number}, self.applied
        while True:
            while applied + 1 in later:
                applied += 1
            later = frozenset(n for n in later if n > applied)
            if len(later) <= GAP_KEPT:
                return Numbers(applied, later)
            applied = min(later) - 1

    def reaching(self, number: int) -> Numbers:
        """With everything up to this number applied: what is sent again comes in order, and what is left out of it is not to come."""
        return Numbers(max(self.applied, number), frozenset(n for n in self.later if n > number))


class Counting(Enum):
    """What an event's number says of the others."""

    NEXT = auto()  # it alone is done
    REACHED = auto()  # it and all before it
    NOT_YET = auto()  # it comes again in its turn


@dataclass(frozen=True, slots=True)
class Waiting:
    """A receipt that the ledger holds until Kafka has acknowledged it."""

    position: int
    delivery: Delivery


@dataclass(frozen=True, slots=True)
class Copy:
    """What a successful write leaves in the ledger."""

    order: Order
    written: Written
    community: str
    parts: tuple[PartCopy, ...] = ()


@dataclass(frozen=True, slots=True)
class Requoted:
    """A copy whose quotation was rewritten, and its version since."""

    native_id: str
    version: str


@dataclass(frozen=True, slots=True)
class Settled:
    """An own message that a moderator took away or brought back here, and the versions that it has by that (`own_hand.span`)."""

    native_id: str
    moderated: bool
    version: str


@dataclass(frozen=True, slots=True)
class Refused:
    """An object whose creation this RSE refused for ever."""

    subject: str
    reason: str


class Applied:
    """What the writer of one instance asks and tells."""

    def __init__(self, ledger: Ledger, instance: str) -> None:
        self._ledger, self._instance = ledger, instance
        self._numbers: dict[str, Numbers] = {}
        self._tenure = Tenure(ledger, instance)

    @property
    def overtaken(self) -> bool:
        """Whether another process was found to carry out what we took for ours."""
        return self._tenure.over

    async def begin(self) -> None:
        """The records have become ours: whoever had them before begins nothing more."""
        await self._tenure.begin()

    async def ours(self) -> None:
        """Raises Overtaken where the records are another process's by now."""
        await self._tenure.look()

    async def load(self) -> None:
        """Read the sequences of every community; done at start."""
        async with self._ledger.connection() as connection:
            rows = await connection.fetch("SELECT community, applied, later FROM sequences WHERE instance = $1", self._instance)
        self._numbers = {row["community"]: Numbers(row["applied"], frozenset(row["later"])) for row in rows}

    def numbers(self, community: str) -> Numbers | None:
        """The sequences applied of a community; None where it is new here."""
        return self._numbers.get(community)

    @property
    def began(self) -> bool:
        """Whether anything of any community was ever applied here."""
        return bool(self._numbers)

    def turn(self) -> AbstractAsyncContextManager[asyncio.Event]:
        """Our turn to read this instance's records, where nobody else says whose they are; its event tells that it is over."""
        return turn(self._ledger, self._instance)

    async def open_intents(self) -> frozenset[str]:
        """Keys of writes whose answer was never seen: to be looked for before they are written again."""
        async with self._ledger.connection() as connection:
            rows = await connection.fetch("SELECT key FROM intents WHERE instance = $1 AND state = 'open'", self._instance)
        return frozenset(row["key"] for row in rows)

    async def intend(self, order: Order, now: datetime) -> bool:
        """Say what we are about to do, before each time that we do it; whether it was begun before, by whomever. Raises Overtaken."""
        given = (self._instance, order.key, order.act.value, order.space, order.native_id, now, self._tenure.number)
        async with self._ledger.connection() as connection:
            known: bool | None = await connection.fetchval(INTEND, *given)
        self._tenure.sure(known)
        return bool(known)

    async def here(self, subjects: Sequence[str], community: str) -> dict[str, KnownObject]:
        """Objects by their subject; of several copies one of this community before another's, a living one before a deleted one."""
        async with self._ledger.connection() as connection:
            rows = await connection.fetch(
                f"SELECT {OBJECT_COLUMNS} FROM objects WHERE instance = $1 AND subject = ANY($2) ORDER BY community = $3, deleted DESC",  # noqa: S608 - constants
                self._instance,
                list(subjects),
                community,
            )
        found = [object_of(row) for row in rows]
        return {one.subject: replace(one, parts=_parts(one, found)) for one in found if one.kind is not Kind.PART}

    async def others(self, message: str, subject: str) -> int:
        """How many reactions of other ministries stand on a message here, one left out."""
        async with self._ledger.connection() as connection:
            found: int = await connection.fetchval(OTHERS, self._instance, message, subject)
        return found

    async def acquaintances(self, community: str, text: str) -> dict[str, str]:
        """Names of people of this RSE who wrote in the community and are named in a text after an « @ », by their handles."""
        async with self._ledger.connection() as connection:
            rows = await connection.fetch(ACQUAINTANCES, self._instance, community, text)
        return {row["handle"]: row["name"] for row in rows}

    async def quoting(self, subject: str) -> list[KnownObject]:
        """The copies here that repeat words of an object."""
        async with self._ledger.connection() as connection:
            rows = await connection.fetch(QUOTING, self._instance, subject)
        return [object_of(row) for row in rows]

    async def refusal(self, subject: str) -> str | None:
        """Why the object's creation was refused here, if it was."""
        async with self._ledger.connection() as connection:
            reason: str | None = await connection.fetchval(
                "SELECT reason FROM refused_objects WHERE instance = $1 AND subject = $2", self._instance, subject
            )
        return reason

    async def close(
        self,
        delivery: Delivery,
        *,
        key: str | None = None,
        copy: Copy | None = None,
        refused: Refused | None = None,
        counting: Counting = Counting.NEXT,
        parts: Sequence[str] = (),
        requoted: Sequence[Requoted] = (),
        settled: Settled | None = None,
    ) -> Waiting:
        """All or nothing: the intents closed, the copy or the refusal kept, the sequence applied, the receipt laid out. Raises Overtaken."""
        numbers = self._advanced(delivery, counting) if delivery.sequence else None
        kept = Together()
        if key is not None:
            kept.add(CLOSE_INTENT, self._instance, key, copy.written.native_id if copy else None)
        for part in parts:
            kept.add(CLOSE_INTENT, self._instance, part, None)
        if copy is not None:
            self._keep_copy(kept, copy)
        for one in requoted:
            kept.add(KEEP_REQUOTED, self._instance, one.native_id, one.version)
        if settled is not None:
            kept.add(SETTLE, self._instance, settled.native_id, settled.moderated, settled.version)
        if refused is not None:
            kept.add(KEEP_REFUSED, self._instance, refused.subject, refused.reason, delivery.at)
        if numbers is not None:
            kept.add(KEEP_NUMBERS, self._instance, delivery.community, numbers.applied, sorted(numbers.later))
        position = await self._laid_out(kept, delivery.model_dump_json(exclude_none=True).encode())
        if numbers is not None:
            self._numbers[delivery.community] = numbers
        return Waiting(position, delivery)

    async def _laid_out(self, kept: Together, receipt: bytes) -> int:
        number = self._tenure.number
        try:
            async with self._ledger.connection() as connection:
                if not number:
                    return int(await kept.fetchval(connection, KEEP_RECEIPT, self._instance, receipt))
                return int(await kept.fetchval(connection, KEEP_RECEIPT_OF_OURS, self._instance, receipt, number))
        except Unstorable:
            await self.ours()
            raise

    def _advanced(self, delivery: Delivery, counting: Counting) -> Numbers | None:
        before = self._numbers.get(delivery.community)
        match counting:
            case Counting.NEXT:
                return before.plus(delivery.sequence) if before is not None else Numbers(delivery.sequence)
            case Counting.REACHED:
                return (before or Numbers(0)).reaching(delivery.sequence)
            case Counting.NOT_YET:
                return None

    async def reach(self, community: str, number: int) -> None:
        """All up to a number has come again."""
        numbers = (self._numbers.get(community) or Numbers(0)).reaching(number)
        async with self._ledger.connection() as connection:
            await connection.execute(KEEP_NUMBERS, self._instance, community, numbers.applied, sorted(numbers.later))
        self._numbers[community] = numbers

    def _keep_copy(self, kept: Together, copy: Copy) -> None:
        order, written = copy.order, copy.written
        renamed = order.native_id is None or order.act in RENAMING
        native_id = written.native_id if renamed else order.native_id
        kept.add(
            KEEP_COPY, self._instance, native_id, order.subject, written.locator, written.version, order.space, copy.community,
            order.act in ENDINGS, _kind(order.act), order.target, order.answered if written.quotes else None, order.insisted,
        )  # fmt: skip
        for part in copy.parts:
            self._keep_part(kept, copy, native_id or "", part)
        if order.act is Act.ACCEPTED or order.insisted:
            kept.add(REPLACED, self._instance, order.subject, native_id)

    def _keep_part(self, kept: Together, copy: Copy, message: str, part: PartCopy) -> None:
        """A later part leads back to its message: who answers it or likes it answers or likes the message."""
        if part.written is None:
            kept.add(GONE, self._instance, part.native_id)
        else:
            kept.add(
                KEEP_PART, self._instance, part.native_id, copy.order.subject, part.written.locator, part.written.version, copy.order.space,
                copy.community, message, part.number,
            )  # fmt: skip

    async def waiting_receipts(self) -> list[Waiting]:
        """Receipts whose acknowledgement by Kafka was never seen."""
        async with self._ledger.connection() as connection:
            rows = await connection.fetch("SELECT position, delivery FROM receipts WHERE instance = $1 ORDER BY position", self._instance)
        return [Waiting(row["position"], Delivery.model_validate_json(row["delivery"])) for row in rows]

    async def receipts_sent(self, positions: Sequence[int]) -> None:
        """Kafka has acknowledged these receipts."""
        async with self._ledger.connection() as connection:
            await connection.execute("DELETE FROM receipts WHERE instance = $1 AND position = ANY($2)", self._instance, list(positions))

    async def next_offset(self, topic: str, partition: int) -> int | None:
        """Where to go on when the broker has forgotten it."""
        async with self._ledger.connection() as connection:
            found: int | None = await connection.fetchval(
                "SELECT next_offset FROM offsets WHERE instance = $1 AND topic = $2 AND partition = $3", self._instance, topic, partition
            )
        return found

    async def keep_offset(self, topic: str, partition: int, offset: int) -> None:
        """Note the contiguous mark beside the broker's own note of it."""
        async with self._ledger.connection() as connection:
            await connection.execute(
                "INSERT INTO offsets VALUES ($1, $2, $3, $4) ON CONFLICT (instance, topic, partition) "
                "DO UPDATE SET next_offset = greatest(offsets.next_offset, excluded.next_offset)",
                self._instance, topic, partition, offset,
            )  # fmt: skip

    async def begin_anew(self, topic: str, partition: int, offset: int) -> None:
        """The topic is another one of that name: what was reached in the old one counts no more."""
        async with self._ledger.connection() as connection:
            await connection.execute(
                "UPDATE offsets SET next_offset = $4 WHERE instance = $1 AND topic = $2 AND partition = $3",
                self._instance, topic, partition, offset,
            )  # fmt: skip

    async def tidy(self, before: datetime) -> None:
        """Forget closed intents that no echo can need any more."""
        async with self._ledger.connection() as connection:
            await connection.execute(
                "DELETE FROM intents WHERE instance = $1 AND state = 'closed' AND opened_at < $2", self._instance, before
            )


def _parts(message: KnownObject, found: Sequence[KnownObject]) -> tuple[str, ...]:
    """The later parts of a message, in order."""
    parts = [one for one in found if one.kind is Kind.PART and one.about == message.native_id and not one.deleted]
    return tuple(one.native_id for one in sorted(parts, key=lambda one: one.changes))


def _kind(act: Act) -> Kind:
    if act in REACTIONS:
        return Kind.REACTION
    return Kind.ANSWER if act in ACCEPTANCES else Kind.MESSAGE
