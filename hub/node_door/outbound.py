"""A node's own topic by long poll: byte for byte, many nodes at once, no consumer of Kafka's for any of them."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Final

import structlog
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError, OffsetOutOfRangeError, UnknownTopicOrPartitionError

from hub.node_door.answers import TurnedAway
from hub.node_door.positions import UNREACHABLE
from schemas import topics
from schemas.node_door import Carried, Cursor, Page
from schemas.wire.readers import Readers, started, stopped

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aiokafka import AIOKafkaConsumer
    from aiokafka.structs import ConsumerRecord

    from hub.node_door.positions import Positions
    from schemas.wire.kafka import KafkaSettings, TopicNames

READERS: Final = 4
LOOK_SECONDS: Final = 0.05
AGAIN_SECONDS: Final = 0.5
PATIENCE: Final = 5.0
ANSWER_SECONDS: Final = 1.5
"""A broker that is there says at once where topics end; of one that is gone it says nothing, and nothing of the others asked for with it."""
LEAST_SECONDS: Final = 0.2  # a poll that does not wait still looks once
POLLS_OF_A_NODE: Final = 4
log = structlog.get_logger()


class Ends:
    """Where topics end: one question to the broker for all that are waited on, and none while nobody waits."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._waiting: defaultdict[TopicPartition, list[tuple[int, asyncio.Future[int]]]] = defaultdict(list)
        self._awake = asyncio.Event()
        self._known: dict[TopicPartition, int] = {}
        self._there: set[str] = set()
        self._ready = asyncio.Event()
        self._looker: AIOKafkaConsumer = None

    def known(self, place: TopicPartition) -> int:
        """The end last seen: the topic is at least as long, unless it was made anew since."""
        return self._known.get(place, 0)

    def doubt(self, place: TopicPartition) -> None:
        """It is not as it was: what is known of it is asked for anew."""
        self._known.pop(place, None)
        self._there.discard(place.topic)

    async def of(self, place: TopicPartition) -> int:
        """The end as the broker says it now. Raises KafkaError, also where nobody says it in time."""
        try:
            async with asyncio.timeout(PATIENCE):
                return await self.past(place, -1)
        except TimeoutError as error:
            raise KafkaError("no answer") from error

    async def past(self, place: TopicPartition, offset: int) -> int:
        """Wait until a topic ends past an offset; the end. Raises KafkaError."""
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._waiting[place].append((offset, future))
        self._awake.set()
        try:
            return await future
        finally:
            self._waiting[place] = [one for one in self._waiting[place] if one[1] is not future]
            if not self._waiting[place]:
                del self._waiting[place]

    async def first(self, place: TopicPartition) -> int:
        """The oldest offset that the topic still keeps."""
        return int((await (await self._client()).beginning_offsets([place]))[place])

    async def exists(self, topic: str) -> bool:
        """Whether the broker has the topic: to ask for the end of one that is missing would keep all others waiting."""
        if topic not in self._there:
            self._there |= await (await self._client()).topics()
        return topic in self._there

    async def run(self) -> None:
        """Look for ever, by one client that is made anew when it is lost."""
        while True:
            try:
                looker = await started(self._settings)
            except (KafkaError, OSError, TimeoutError):
                await asyncio.sleep(AGAIN_SECONDS)
                continue
            self._looker = looker
            self._ready.set()
            try:
                await self._look_with(looker)
            except (KafkaError, OSError) as error:
                log.warning("ends_unknown", error=type(error).__name__)
            finally:
                self._ready.clear()
                self._tell(KafkaError("lost"))
                await stopped(looker)

    async def _client(self) -> AIOKafkaConsumer:
        try:
            async with asyncio.timeout(PATIENCE):
                await self._ready.wait()
        except TimeoutError as error:
            raise KafkaError("no broker") from error
        return self._looker

    async def _look_with(self, looker: AIOKafkaConsumer) -> None:
        while True:
            await self._awake.wait()
            ends = await self._asked(looker) if self._waiting else {}
            self._known |= ends
            for place, end in ends.items():
                for offset, future in self._waiting.get(place, ()):
                    if end > offset and not future.done():
                        future.set_result(end)
            if not self._waiting:
                self._awake.clear()
            await asyncio.sleep(LOOK_SECONDS)

    async def _asked(self, looker: AIOKafkaConsumer) -> Mapping[TopicPartition, int]:
        """The ends; of nobody's topic where one of them is missing, which is waited for no more."""
        places = list(self._waiting)
        asking = asyncio.ensure_future(looker.end_offsets(places))
        try:
            while not (await asyncio.wait({asking}, timeout=ANSWER_SECONDS))[0]:
                if self._missing(places, await looker.topics()):
                    return {}
            return dict(asking.result())
        finally:
            asking.cancel()
            await asyncio.wait({asking})

    def _missing(self, places: Sequence[TopicPartition], there: set[str]) -> bool:
        """Tell whoever waits for a topic that is not there."""
        missing = [place for place in places if place.topic not in there]
        for place in missing:
            log.warning("topic_missing", topic=place.topic)
            self.doubt(place)
            self._refuse(place, UnknownTopicOrPartitionError(place.topic))
        return bool(missing)

    def _tell(self, error: Exception) -> None:
        """Let nobody wait for a client that is gone."""
        for place in self._waiting:
            self._refuse(place, error)

    def _refuse(self, place: TopicPartition, error: Exception) -> None:
        for _, future in self._waiting.get(place, ()):
            if not future.done():
                future.set_exception(error)


class Outbound:
    """What nodes read."""

    def __init__(self, settings: KafkaSettings, names: TopicNames, positions: Positions) -> None:
        self._names, self.positions = names, positions
        self.ends, self._readers = Ends(settings), Readers(settings, READERS)
        self._polls: Counter[str] = Counter()

    async def poll(self, node: str, after: Cursor | None, done: Cursor | None, wait: float, limit: int) -> Page:
        """What stands after a cursor, as soon as there is any; an empty page when the time is up. Raises TurnedAway.

        `done` is remembered as the node's position: what it has dealt with, not only read.
        """
        if self._polls[node] >= POLLS_OF_A_NODE:
            raise TurnedAway("too_many_requests")
        self._polls[node] += 1
        try:
            return await self._poll(node, after, done, wait, limit)
        except UNREACHABLE as error:
            raise TurnedAway("kafka_unavailable") from error
        except UnknownTopicOrPartitionError as error:
            raise TurnedAway("outbound_missing") from error
        except KafkaError as error:
            self.ends.doubt(self._place(node))
            log.warning("outbound_not_read", node=node, error=type(error).__name__)
            raise TurnedAway("kafka_unavailable") from error
        finally:
            self._polls[node] -= 1
            if not self._polls[node]:
                del self._polls[node]

    async def close(self) -> None:
        """Close the readers."""
        await self._readers.close()

    async def _poll(self, node: str, after: Cursor | None, done: Cursor | None, wait: float, limit: int) -> Page:
        place = self._place(node)
        if not await self.ends.exists(place.topic):
            raise TurnedAway("outbound_missing")
        start = after.offset if after is not None else await self._resume(node, place)
        if any(cursor is not None and cursor.partition != 0 for cursor in (after, done)):
            raise TurnedAway("query_malformed", "partition")
        if after is not None and start > self.ends.known(place):
            await self._look_whether_ahead(place, start)
        if after is not None:
            self.positions.note(node, min(done.offset if done is not None else start, start))
        return await self._page(place, start, wait, limit)

    async def _resume(self, node: str, place: TopicPartition) -> int:
        """Where the node was; at the beginning where it never was, or where its topic was made anew since."""
        kept, first = await self.positions.of(node), await self.ends.first(place)
        return first if kept is None or kept < first or kept > await self.ends.of(place) else kept

    async def _page(self, place: TopicPartition, start: int, wait: float, limit: int) -> Page:
        if start >= self.ends.known(place):
            try:
                async with asyncio.timeout(max(wait, LEAST_SECONDS)):
                    await self.ends.past(place, start)
            except TimeoutError:
                return Page(place.topic, (), Cursor(place.partition, start))
        try:
            records = await self._readers.read(place, start, limit)
        except OffsetOutOfRangeError as error:
            await self._look_whether_ahead(place, start)
            raise TurnedAway("cursor_expired", first=str(Cursor(place.partition, await self.ends.first(place)))) from error
        if not records:
            self.ends.doubt(place)  # else it would be read again and again, by a reader that others wait for, and never waited for
        following = records[-1].offset + 1 if records else start
        return Page(place.topic, [_carried(record) for record in records], Cursor(place.partition, following))

    async def _look_whether_ahead(self, place: TopicPartition, start: int) -> None:
        """Raises TurnedAway where the topic, as the broker says it now, ends before the cursor."""
        if start > await self.ends.of(place):
            raise TurnedAway("cursor_ahead", first=str(Cursor(place.partition, await self.ends.first(place))))

    def _place(self, node: str) -> TopicPartition:
        return TopicPartition(self._names.of(topics.outbound(node)), 0)


def _carried(record: ConsumerRecord) -> Carried:
    return Carried(record.value, tuple(record.headers), record.key, record.partition, record.offset, record.timestamp)
