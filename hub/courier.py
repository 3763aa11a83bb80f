"""`peers.outbound.v1` → a signed POST into each follower's inbox; one cursor a peer, one courier at a time by an advisory lock."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import structlog
from aiokafka import TopicPartition

from hub import bootstrap
from hub.federation import place, positions
from hub.federation.addresses import Addresses
from hub.federation.delivery import Patience, State
from hub.federation.keeping import Keeper
from hub.federation.keyring import Keyring
from hub.federation.laggards import MOST, Laggards
from hub.federation.lanes import Lanes, Parts
from hub.federation.pair_files import PairFiles
from hub.federation.parcel import ParcelMalformed
from hub.federation.positions import Told, Wish
from hub.federation.post import GuardedPost
from hub.federation.posting import Posting
from hub.federation.readership import Readership
from hub.federation.repository import SqlFollowers
from hub.federation.ring import Ring
from hub.federation.unpacking import parcel_of
from hub.federation.window import Window
from hub.registry.peer_repository import SqlPeers
from hub.storage.engine import alone, engine_for
from schemas.provenance import sha256
from schemas.topics import PEERS_OUTBOUND
from schemas.wire import kafka, telemetry
from schemas.wire.egress import EgressSettings
from schemas.wire.fetching import DevelopmentRules, GuardedClient, PublicRules
from schemas.wire.readers import Readers
from schemas.wire.telemetry import Metric

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import asyncpg
    from aiokafka import AIOKafkaConsumer
    from aiokafka.structs import ConsumerRecord
    from sqlalchemy.ext.asyncio import AsyncEngine

    from hub.federation.parcel import Parcel
    from hub.federation.positions import Writing
    from hub.federation.unpacking import Earlier
    from hub.registry.peers import Peer
    from hub.settings import HubSettings
    from schemas.wire.kafka import KafkaSettings, TopicNames

log = structlog.get_logger()
SHARD: Final = 0x74647501
HEAD_RECORDS: Final = 100
HEAD_MS: Final = 500
PATIENCE: Final = 10.0
"""How long all wait for the slowest peer that keeps up, before it goes on alone."""
TICK_SECONDS: Final = 1.0
SWEEP_SECONDS: Final = 3600.0
AT_HAND: Final = 128
AT_HAND_BYTES: Final = 64 * 1024


class Courier:
    """Reads once for all the peers that keep up; the others read for themselves."""

    def __init__(self, window: Window, lanes: Lanes, parts: Parts, past: Earlier) -> None:
        self.window, self.lanes = window, lanes
        self._parts, self._past = parts, past

    async def take(self, record: ConsumerRecord) -> None:
        """Offer one activity to all that it is for."""
        while not await self.window.room(PATIENCE):
            if self.window.oldest is not None:
                await self.lanes.leave_behind(self.window.oldest)
        try:
            parcel = await parcel_of(record, self._past)
        except ParcelMalformed as error:
            log.error("parcel_malformed", offset=record.offset, error=str(error))  # noqa: TRY400 - no content in traces
            Metric.records.labels("courier", "hub", "parcel_malformed").inc()
            self.window.skip(record.offset)
            return
        readers = await self._parts.readership.of(parcel, asyncio.get_running_loop().time())
        self._offer(record.offset, parcel, readers)

    def _offer(self, offset: int, parcel: Parcel, readers: Mapping[str, tuple[str, ...]]) -> None:
        """No step of this waits: a peer that catches up at this moment gets it from one side or the other, never from neither."""
        now = self._parts.clock()
        if readers:
            self._parts.keeper.note(
                Told(offset, parcel.event, parcel.community, parcel.form.value, tuple(sorted(readers)), now, sha256(parcel.body))
            )
        entry = self.window.add(offset, parcel)
        for peer, inboxes in readers.items():
            self.lanes.offer(peer, entry, inboxes)
        self.window.done(entry)
        Metric.records.labels("courier", "hub", "handled").inc()


@dataclass(frozen=True, slots=True)
class SqlSource:
    """Followers and peers as the database has them."""

    database: AsyncEngine

    async def inboxes_of(self, community: str) -> Mapping[str, tuple[str, ...]]:
        """Peer → the inboxes behind which somebody follows a community."""
        async with self.database.connect() as connection:
            return await SqlFollowers(connection).inboxes(community)

    async def behind(self, community: str, peer: str, inbox: str, most: int) -> Sequence[str]:
        """So many of those who follow a community by this inbox."""
        async with self.database.connect() as connection:
            return await SqlFollowers(connection).behind(community, peer, inbox, most)

    async def peers(self) -> Mapping[str, Peer]:
        """Every peer of the registry."""
        async with self.database.connect() as connection:
            return await SqlPeers(connection).all()

    async def drop(self, community: str, peer: str, inbox: str) -> int:
        """Who follows a community by this inbox follows nothing here any more; how many others of that peer do."""
        async with self.database.begin() as connection:
            followers = SqlFollowers(connection)
            await followers.remove_behind(community, peer, inbox)
            return await followers.number_of(peer)


@dataclass(frozen=True, slots=True)
class KafkaPast:
    """The topic, read from any place by a few consumers without a group; what of it was for whom, from the database.

    Peers that fail together fail on the same few activities: the last ones asked for singly are kept at hand.
    """

    database: AsyncEngine
    readers: Readers
    head: AIOKafkaConsumer
    place: TopicPartition
    at_hand: OrderedDict[int, ConsumerRecord] = field(default_factory=OrderedDict)

    async def read(self, offset: int, limit: int) -> Sequence[ConsumerRecord]:
        """Records from an offset on; raises OffsetOutOfRangeError."""
        if limit > 1:
            return await self.readers.read(self.place, offset, limit)
        if offset in self.at_hand:
            self.at_hand.move_to_end(offset)
            return [self.at_hand[offset]]
        found = await self.readers.read(self.place, offset, 1)
        if found and len(found[0].value or b"") <= AT_HAND_BYTES:
            self.at_hand[offset] = found[0]
            if len(self.at_hand) > AT_HAND:
                self.at_hand.popitem(last=False)
        return found

    async def first(self) -> int:
        """The oldest offset that is still kept."""
        return int((await self.head.beginning_offsets([self.place]))[self.place])

    async def end(self) -> int:
        """The offset that will be given next."""
        return int((await self.head.end_offsets([self.place]))[self.place])

    async def told_to(self, peer: str, offset: int) -> bool:
        """Whether this was for a peer when it was told."""
        async with self.database.connect() as connection:
            return await positions.told_to(connection, peer, offset)


async def run(settings: HubSettings, kafka_settings: KafkaSettings, names: TopicNames) -> None:
    """Run until cancelled; ends with an error when database or broker are gone, and its supervisor starts it again."""
    health = telemetry.Health()
    runner = await telemetry.serve(health, settings.metrics_host, settings.metrics_port)
    url = bootstrap.own_database(settings, "courier_database_url")
    lock, connected = await alone(url, SHARD), asyncio.Event()
    health.checks |= {"lock": lambda: not lock.is_closed(), "kafka": connected.is_set}
    database = engine_for(url)
    partition = TopicPartition(names.of(PEERS_OUTBOUND), 0)
    head, readers = kafka.consumer(kafka_settings, group=None), Readers(kafka_settings, MOST)
    rules = DevelopmentRules() if settings.federation_loopback else PublicRules()
    client = GuardedClient(EgressSettings(), rules, f"Trait d'union; +{settings.federation_url}", bootstrap.clock)
    host_actor = Addresses(settings.federation_url).host_actor
    ring = Ring(PairFiles.of(settings), host_actor, bootstrap.clock)
    keyring = Keyring(ring.believed, ring.unheralded, bootstrap.clock)
    log.info("courier_started", metrics_at=telemetry.address(runner))
    try:
        await kafka.begin(head)
        connected.set()
        post = GuardedPost(client, keyring, host_actor)
        posting = Posting(post, post, keyring, bootstrap.clock)
        patience = Patience(settings.peer_attempts, settings.peer_patience)
        ground = Ground(database, lock, timedelta(days=settings.outbox_days), patience)
        await _deliver(ground, KafkaPast(database, readers, head, partition), posting, ring)
    finally:
        await kafka.closed(head.stop(), 1.0)
        await readers.close()
        await client.close()
        await database.dispose()
        await runner.cleanup()


@dataclass(frozen=True, slots=True)
class Ground:
    """The database, the lock that lets no other courier deliver, how long what was published is kept, and how long one activity is tried."""

    database: AsyncEngine
    lock: asyncpg.Connection
    kept: timedelta
    patience: Patience


async def _deliver(ground: Ground, past: KafkaPast, posting: Posting, ring: Ring) -> None:
    database = ground.database
    past.head.assign([past.place])
    async with database.connect() as connection:
        await ring.follow(connection)
        noted = await place.noted(connection, past)
        start = max(await past.first(), noted.mark)
        # first of all: where nothing can be noted, each of our starts would post the same once more
        await positions.save_mark(connection, PEERS_OUTBOUND.name, start)
    past.head.seek(past.place, start)

    async def write(writing: Writing) -> None:
        async with database.connect() as connection:
            await positions.write(connection, writing)

    async with asyncio.TaskGroup() as tasks:
        keeper, window = Keeper(write), Window(start)
        parts = Parts(posting, keeper, Readership(SqlSource(database)), bootstrap.clock, tasks.create_task, ground.patience)
        courier = Courier(window, Lanes(parts, window, noted.standings), parts, past)
        tasks.create_task(keeper.run())
        tasks.create_task(Laggards(courier.lanes, parts, window, past).run())
        tasks.create_task(_tick(courier, ring, ground))
        while True:
            found = await past.head.getmany(past.place, timeout_ms=HEAD_MS, max_records=HEAD_RECORDS)
            for record in found.get(past.place, ()):
                await courier.take(record)


async def _tick(courier: Courier, ring: Ring, ground: Ground) -> None:
    """Each second: see what signs, write how far all are, hear the operators, count; each hour: forget what the topic has forgotten."""
    saved, swept = -1, float("-inf")
    clock = asyncio.get_running_loop().time
    while not ground.lock.is_closed():
        async with ground.database.connect() as connection:
            await ring.follow(connection)
            if courier.window.mark != saved:
                saved = courier.window.mark
                await positions.save_mark(connection, PEERS_OUTBOUND.name, saved)
            wishes = await positions.take_wishes(connection)
            if clock() - swept > SWEEP_SECONDS:
                swept = clock()
                await positions.forget(connection, bootstrap.clock() - ground.kept)
        for peer, wished in wishes.items():
            await _grant(courier.lanes, peer, wished)
        count(courier)
        await asyncio.sleep(TICK_SECONDS)
    raise ConnectionError("the advisory lock's connection is gone")


async def _grant(lanes: Lanes, peer: str, wished: Wish) -> None:
    lane = lanes.get(peer)
    if lane is None:
        return
    match wished:
        case Wish.PAUSE:
            await lanes.pause(lane)
        case Wish.RESUME | Wish.RETRY:
            await lanes.retry(lane)
    log.info("wish_granted", peer=peer, wish=wished.value)


def count(courier: Courier) -> None:
    """Show how the peers stand."""
    now, states = bootstrap.clock(), dict.fromkeys(State, 0)
    behind = 0
    for lane in courier.lanes:
        standing = lane.standing
        states[standing.state] += 1
        behind += standing.behind and standing.state in {State.CLOSED, State.OPEN}
        Metric.peer_failing.labels(lane.peer).set(standing.failing_for(now).total_seconds())
    for state, number in states.items():
        Metric.peers_by_state.labels(state.value).set(number)
    Metric.peers_behind.set(behind)
