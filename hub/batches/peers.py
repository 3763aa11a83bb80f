"""A batch of peers' activities: readmitted, done in one transaction, and redone one by one when the data fails."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import structlog

from hub.access import MANIFEST_EXPIRED
from hub.batches.sifting import HANDLER_ERROR
from hub.federation import handlers
from hub.federation.following import may_come_again
from hub.federation.repository import ActivityName
from hub.federation.verification import VerifiedActivity, readmit
from hub.federation.work import DOUBLE, told_as
from hub.operations import quarantine, readmission
from hub.peer_work import PeerWork
from hub.ports import RefusedError
from hub.storage.engine import connection_lost
from schemas.activities import addressed, id_of, ids_of
from schemas.peer_receipt import Fate
from schemas.proof import Reason
from schemas.provenance import KEY, ProvenanceRefused
from schemas.wire import records
from schemas.wire.telemetry import Metric

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime
    from enum import StrEnum

    from hub.batches.group import Group
    from hub.federation.addresses import Addresses
    from hub.peer_work import Rooms
    from hub.ports import Record
    from hub.unit_of_work import UnitOfWork
    from schemas.keys import PublicKey
    from schemas.manifest import Registry

log = structlog.get_logger()
ATTEMPTS = 3
QUARANTINED = "peer_quarantined"
NO_OFFENCE = frozenset(
    {
        QUARANTINED, MANIFEST_EXPIRED, "peer_not_permitted", "group_not_followed", "community_not_public",  # we have changed meanwhile
        "community_unknown", "not_addressed_here", "emoji_unreadable",  # what its people do with its software, which believes to be right
    }
)  # fmt: skip
"""Refusals that are not held against a peer: a few of its people, or what we decide here, would park all of a server."""


@dataclass(frozen=True, slots=True)
class Readmitted:
    """An activity with the record in which it came."""

    record: Record
    activity: VerifiedActivity
    correlation: str


@dataclass(frozen=True, slots=True)
class TurnedDown:
    """A record on its way to the dead letters; `peer` is set only where the record is surely that peer's own."""

    record: Record
    reason: str
    error: str
    peer: str | None = None
    act: str = "?"


@dataclass(frozen=True, slots=True)
class PeerSifted:
    """A batch as it was read."""

    batch: Sequence[Record]
    registry: Registry
    readmitted: Sequence[Readmitted]
    refused: Sequence[TurnedDown]


class PeerBatch:
    """What peers say: `peer.inbound.v1` into the rooms."""

    def __init__(self, group: Group, rooms: Rooms, here: Addresses, first: PublicKey) -> None:
        """`first` is the first key of the peers' door: until a registry names its keys, the only one."""
        self._group, self._rooms, self._here, self._first = group, rooms, here, first
        self._parked: frozenset[str] = frozenset()

    async def read(self, batch: Sequence[Record]) -> PeerSifted:
        """Part a batch in what the door proved and what bears no proof of its."""
        readmitted: list[Readmitted] = []
        refused: list[TurnedDown] = []
        registry = await self._group.registry()
        for record in batch:
            try:
                key_of = partial(self._key_at, registry, readmission.admitted_at(record, registry))
                readmitted.append(Readmitted(record, readmit(record, key_of), _correlation(record)))
            except ProvenanceRefused as refusal:
                refused.append(TurnedDown(record, refusal.reason, refusal.reason))
            except Exception as error:  # noqa: BLE001 - any other answer would end every worker that meets this record
                log.error("record_not_judged", position=record.position, error=type(error).__name__)  # noqa: TRY400 - no content in traces
                refused.append(TurnedDown(record, HANDLER_ERROR, type(error).__name__))
        return PeerSifted(batch, registry, readmitted, refused)

    def _key_at(self, registry: Registry, first: datetime, key_id: str, moment: datetime) -> PublicKey | StrEnum:
        """The door's key as it stood when what was parked `first` came, unless it was revoked meanwhile."""
        if registry.document.federation:
            now = registry.door_key_at(key_id, moment)
            return now if now is Reason.KEY_REVOKED else registry.door_key_at(key_id, first)
        return self._first if key_id.partition("#")[2] == self._first.multibase else Reason.KEY_UNKNOWN

    async def carry_out(self, read: PeerSifted) -> None:
        """Do a batch once, however often it comes."""
        try:
            more = await self._transact(read.batch, read.readmitted, read.registry)
        except Exception as error:
            if connection_lost(error):
                raise
            log.warning("batch_redone_one_by_one", records=len(read.batch), error=type(error).__name__)
            more = await self._one_by_one(read)
        await self._refuse([*read.refused, *more])

    async def _transact(self, batch: Sequence[Record], several: Sequence[Readmitted], registry: Registry) -> list[TurnedDown]:
        refused: list[TurnedDown] = []
        done: list[tuple[str, str, str]] = []
        async with self._group.begin(registry) as work:
            parked = frozenset(await quarantine.quarantined_peers(work.connection))
            self._show_quarantine(parked)
            refused += [_down(one, QUARANTINED) for one in several if one.activity.peer in parked]
            heard = [one for one in several if one.activity.peer not in parked]
            for one in several:
                if one.activity.peer in parked:
                    await self._hearing(one, work).owe(one.activity, Fate.REFUSED, QUARANTINED)
            await self._lock(heard, work)
            await work.abroad.see({_name(one.activity) for one in heard})
            for one in heard:
                outcome = DOUBLE
                if work.abroad.unheard(one.activity.id, one.activity.actor) or may_come_again(one.activity.told):
                    hearing = self._hearing(one, work)
                    try:
                        outcome = await handlers.hear(one.activity, hearing, self._here)
                    except RefusedError as refusal:
                        refused.append(_down(one, refusal.reason))
                        await hearing.owe(one.activity, Fate.REFUSED, told_as(refusal.reason))
                        continue
                    await hearing.owe(one.activity, outcome)
                    work.abroad.heard(one.activity.id, one.activity.actor)
                done.append((one.activity.peer, one.activity.told.verb, outcome))
            await work.abroad.forget_unheard()
            work.store_offsets(self._group.name, batch)
            await work.commit()
        _count(done)
        for (peer, fate), number in work.acknowledged.counted.items():
            Metric.peer_receipts.labels(peer, fate).inc(number)
        return refused

    def _hearing(self, one: Readmitted, work: UnitOfWork) -> PeerWork:
        return PeerWork(work, self._rooms, one.correlation, one.activity.signed[KEY].partition("#")[2])

    def _show_quarantine(self, parked: frozenset[str]) -> None:
        for peer in parked ^ self._parked:
            Metric.peer_quarantined.labels(peer).set(peer in parked)
        self._parked = parked

    async def _lock(self, several: Sequence[Readmitted], work: UnitOfWork) -> None:
        """Read ahead what a batch speaks of, and lock its communities in the order in which all workers lock them."""
        names = {name for one in several for name in _spoken_of(one.activity)}
        await work.abroad.load(names)
        known = [one for name in names if (one := await work.abroad.object(name)) is not None]
        subjects = {self._here.message_of(name) or PeerWork(work, self._rooms, "").subject_of(name) for name in names}
        await work.messages.load(subjects)
        messages = [message for name in subjects if (message := await work.messages.get(name)) is not None]
        addressees = {community for one in several for uri in _readers(one.activity) if (community := self._here.community_of(uri))}
        heard_by = [
            name for one in several if one.activity.told.via for name in await work.follows.communities_following(one.activity.told.via)
        ]
        communities = addressees | set(heard_by) | {one.community for one in known} | {one.community for one in messages}
        await work.communities.lock(communities - {""})

    async def _one_by_one(self, read: PeerSifted) -> list[TurnedDown]:
        tried = [(one, await self._alone(one, read.registry)) for one in read.readmitted]
        refused = [down for _, several in tried for down in several]
        async with self._group.begin(None) as work:  # past those that failed, too: the next start must not take them for forgotten
            for one, several in tried:
                if any(down.reason == HANDLER_ERROR for down in several):
                    await self._hearing(one, work).owe(one.activity, Fate.REFUSED, HANDLER_ERROR)
            work.store_offsets(self._group.name, read.batch)
            await work.commit()
        return refused

    async def _alone(self, one: Readmitted, registry: Registry) -> list[TurnedDown]:
        why, attempts = "", 0
        for _ in range(ATTEMPTS):
            try:
                return await self._transact([one.record], [one], registry)
            except Exception as error:
                if connection_lost(error):
                    raise
                why, attempts = type(error).__name__, await self._count_attempt(one.record)
        log.error("record_failed_alone", position=one.record.position, attempts=attempts, error=why)
        return [TurnedDown(one.record, HANDLER_ERROR, why, one.activity.peer, one.activity.told.verb)]

    async def _count_attempt(self, record: Record) -> int:
        async with self._group.begin(None) as work:
            count = await quarantine.count_attempt(work.connection, record, self._group.clock())
            await work.connection.commit()
        return count

    async def _refuse(self, refused: Sequence[TurnedDown]) -> None:
        if not refused:
            return
        for one in refused:
            Metric.external.labels(one.peer or "?", _named(one.act), one.reason).inc()
            log.info("activity_turned_down", position=one.record.position, peer=one.peer, reason=one.reason)
        found = {
            (f"{quarantine.OF_PEER}{one.peer}", one.record.position)
            for one in refused
            if one.peer is not None and one.reason not in NO_OFFENCE
        }
        if found:
            await self._strike(found)
        await self._group.dead_letters.send([(one.record, one.reason, one.error) for one in refused])

    async def _strike(self, found: set[tuple[str, str]]) -> None:
        """Too many refused activities of one peer within a minute: what it sends is parked, the others go on."""
        async with self._group.begin(None) as work:
            now = self._group.clock()
            struck = await quarantine.strike(work.connection, found, now, self._group.quarantine_after)
            over = [name.removeprefix(quarantine.OF_PEER) for name in struck]
            if over:
                await quarantine.quarantine_peers(work.connection, over, now)
            await work.connection.commit()
        for peer in over:
            log.error("peer_quarantined", peer=peer)


def _down(one: Readmitted, reason: str) -> TurnedDown:
    return TurnedDown(one.record, reason, one.activity.told.verb, one.activity.peer, one.activity.told.verb)


def _name(activity: VerifiedActivity) -> ActivityName:
    return ActivityName(activity.id, activity.actor, activity.peer)


def _spoken_of(activity: VerifiedActivity) -> Iterator[str]:
    told = activity.told
    yield from ids_of(told.object)
    yield told.id
    if isinstance(told.object, dict):
        yield id_of(told.object.get("inReplyTo"))
        yield id_of(told.object.get("object"))


def _readers(activity: VerifiedActivity) -> Iterator[str]:
    told = activity.told
    for document in (told.object, told.act):
        if isinstance(document, dict):
            yield from addressed(document)
            yield id_of(document.get("object"))


def _correlation(record: Record) -> str:
    return records.correlation_of({name: (raw or b"").decode() for name, raw in record.headers if name == records.CORRELATION})


def _named(act: str) -> str:
    """An act as a metric names it: of what others may invent, one name."""
    return act if act in handlers.HANDLERS else "other"


def _count(done: Sequence[tuple[str, str, str]]) -> None:
    for peer, act, outcome in done:
        Metric.external.labels(peer, _named(act), outcome).inc()
