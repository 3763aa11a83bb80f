"""What a node missed, sent again in portions: in the hub's order, on the node's own topic, marked as history under the hub's proof."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import structlog

from hub.access import Right, node_may
from hub.communities import resyncs
from hub.communities.reactions import answers_numbered, reactions_named
from hub.communities.resync import ResyncState
from hub.communities.stand_ins import Listener, Memory, StandIn, what_to_send
from hub.registry.model import TieState
from hub.unit_of_work import PLATFORM, transaction
from schemas.envelope import RESYNC
from schemas.facts.resync import ResyncCompleted
from schemas.proof import sign_event
from schemas.sequence import Sequence as Place
from schemas.topics import outbound
from schemas.wire import kafka, records
from schemas.wire.telemetry import Metric
from schemas.words import Audience

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from datetime import datetime

    from aiokafka import AIOKafkaProducer
    from sqlalchemy.ext.asyncio import AsyncEngine

    from hub.communities.resync import Resync
    from hub.communities.resyncs import Kept, Step
    from hub.unit_of_work import Rules, UnitOfWork
    from schemas.envelope import CanonicalEvent
    from schemas.wire.kafka import TopicNames

PORTION: Final = 200
PAUSE_SECONDS: Final = 0.25
"""Between two portions of one node and community."""
log = structlog.get_logger()
Sent = tuple[bytes, list[tuple[str, bytes]]]


async def nothing_said() -> None:
    """Nobody says anything now."""


class Resender:
    """Sends again what nodes missed. One portion at a time, acknowledged by the broker before it is noted: at least once.

    The community stays locked meanwhile: what gets a number after the last portion is published after it, so that nothing is
    missing between what is sent again and what comes as usual.
    """

    def __init__(self, database: AsyncEngine, producer: AIOKafkaProducer, names: TopicNames, rules: Rules) -> None:
        self._database, self._producer, self._names, self._rules = database, producer, names, rules
        self._shown: set[str] = set()
        self._missing: set[str] = set()

    async def send_some(self, publish: Callable[[], Awaitable[None]] = nothing_said) -> bool:
        """A portion for each that waits, and before each of them what people say now (`publish`); whether more is to come soon."""
        async with self._database.connect() as connection:
            waiting = await resyncs.waiting(connection)
            self._show(await resyncs.to_go(connection))
        more = False
        for node, community in waiting:  # every node in every community, when a broker lost all: together they take minutes
            await publish()
            more |= await self._portion(node, community)
        return more

    async def _portion(self, node: str, community: str) -> bool:
        if not await self._exists(self._names.of(outbound(node))):
            return False
        async with transaction(self._database, self._rules) as work:
            resync, listener = await self._listener(node, community, work)
            if resync is None or listener is None:
                return False
            now = self._rules.clock()
            steps = await work.resyncs.steps(resync, listener.tied, PORTION)
            done = await self._send(steps, resync, listener, work)
            if not steps:
                done = done.completed()
                await self._produce(resync, [self._completion(resync, now)])
            work.resyncs.save(replace(done, moved_at=now))
            await work.commit()
        log.info("resync_portion", node=node, community=community, reached=done.reached, state=done.state.value)
        return done.state is ResyncState.SENDING

    async def _exists(self, topic: str) -> bool:
        """Tell whether a node's topic is there; that it is not is said once."""
        if await kafka.has_topic(self._producer, topic):
            self._missing.discard(topic)
            return True
        if topic not in self._missing:
            log.error("topic_missing", topic=topic)
        self._missing.add(topic)
        return False

    async def _listener(self, node: str, community: str, work: UnitOfWork) -> tuple[Resync | None, Listener | None]:
        """Who asked, as it stands now; nobody while it may not even forget."""
        await work.communities.lock([community])
        resync, tie, grade = await work.resyncs.of(node, community), await work.ties.get(node, community), await work.grade_of(node)
        if resync is None or resync.state is not ResyncState.SENDING or tie is None or not node_may(grade, Right.FORGET):
            return None, None
        receives = tie.state is TieState.ACTIVE and tie.space == resync.space and node_may(grade, Right.RECEIVE)
        return resync, Listener(node, resync.space, receives, await work.resyncs.tied_anew(node, community))

    async def _send(self, steps: Sequence[Step], resync: Resync, listener: Listener, work: UnitOfWork) -> Resync:
        """Send a portion; the re-synchronisation as it stands then."""
        memory, now, said = await _memory(steps, resync.community, work), self._rules.clock(), Counter[str]()
        sent: list[Sent] = []
        for step in steps:
            match what_to_send(step, memory, listener, now):
                case StandIn() as stand_in:
                    said["stand_in"] += 1
                    sent.append(self._spoken_for(step, stand_in, listener, resync, now))
                case None:
                    said["left_out"] += 1
                case kept:
                    said["original"] += 1
                    sent.append(self._again(step, kept, listener, resync))
        await self._produce(resync, sent)
        for what, count in said.items():
            Metric.resent.labels(resync.node, what).inc(count)
        return replace(
            resync, reached=steps[-1].number if steps else resync.reached, originals=resync.originals + said["original"],
            stand_ins=resync.stand_ins + said["stand_in"], left_out=resync.left_out + said["left_out"],
        )  # fmt: skip

    async def _produce(self, resync: Resync, sent: Sequence[Sent]) -> None:
        topic, key = self._names.of(outbound(resync.node)), resync.community.encode()
        pending = [await self._producer.send(topic, value=value, key=key, headers=headers) for value, headers in sent]
        await asyncio.gather(*pending)

    def _again(self, step: Step, kept: Kept, listener: Listener, resync: Resync) -> Sent:
        place = Place(kept.digest, resync.community, step.number, {listener.node: listener.space}, kept.admitted_at, RESYNC)
        return kept.value, [*kept.headers, *self._signed(place)]

    def _spoken_for(self, step: Step, stand_in: StandIn, listener: Listener, resync: Resync, now: datetime) -> Sent:
        event = sign_event(
            self._rules.key.held(), stand_in.fact, subject=step.subject, time=stand_in.time, platform=PLATFORM, native_id=step.native_id,
            change_marker=f"{RESYNC}:{step.number}", actor=self._rules.key.owner, audience=Audience.MEMBERS,
            community=resync.community, parent=stand_in.parent, history=RESYNC, on_behalf=stand_in.owner or step.node,
        )  # fmt: skip
        place = Place(event.digest, resync.community, step.number, {listener.node: listener.space}, now, RESYNC)
        return event.value, [*_headers(event), *self._signed(place)]

    def _completion(self, resync: Resync, now: datetime) -> Sent:
        """Said to the node alone, outside any numbering."""
        fact = ResyncCompleted(node=resync.node, space=resync.space, request=resync.request, through=resync.reached)
        name = f"resync/{resync.request}"
        event = sign_event(
            self._rules.key.held(), fact, subject=name, time=now, platform=PLATFORM, native_id=name, change_marker=str(resync.reached),
            actor=self._rules.key.owner, audience=Audience.MEMBERS, community=resync.community,
        )  # fmt: skip
        return event.value, _headers(event)

    def _signed(self, place: Place) -> list[tuple[str, bytes]]:
        return [(name, said.encode()) for name, said in place.signed(self._rules.key.held()).items()]

    def _show(self, to_go: Mapping[str, int]) -> None:
        for node in self._shown - set(to_go):
            Metric.to_resend.labels(node).set(0)
        for node, count in to_go.items():
            Metric.to_resend.labels(node).set(count)
        self._shown |= set(to_go)


async def _memory(steps: Sequence[Step], community: str, work: UnitOfWork) -> Memory:
    """What the hub still knows of a portion's objects: a statement for each kind."""
    names = {step.subject for step in steps}
    await work.messages.load(names)
    found = {name: message for name in names if (message := await work.messages.get(name)) is not None}
    forgotten = [step for step in steps if step.kept is None]
    return Memory(
        found,
        await reactions_named(work.connection, {step.subject for step in forgotten}),
        await answers_numbered(work.connection, community, {step.number for step in forgotten}),
    )


def _headers(event: CanonicalEvent) -> list[tuple[str, bytes]]:
    return records.to_headers(event, records.new_correlation())
