"""The courier before a topic that ends sooner than it has read: made anew by its operators, or cut off by its brokers."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING

import pytest
from kafka.admin import KafkaAdminClient
from sqlalchemy import text

from hub.storage.engine import engine_for
from schemas.rsa_keys import RsaSigningKey
from schemas.topics import PEERS_OUTBOUND
from tests.fakes_inboxes import Inbox, OurKeys, admit, courier_settings, ids, parcel, serving
from tests.fakes_streams import Streams, becomes, create_hub_topics, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path
    from typing import Any

    from sqlalchemy.ext.asyncio import AsyncEngine

    from tests.servers import Kafka


class Courier(Streams):
    """A courier that is stopped, and its topic, which is made anew."""

    async def runs_until(self, here: Inbox, took: list[str]) -> None:
        """Start it, and kill it once that has arrived and is noted."""
        running = self.start("courier", "-m", "hub", "courier")
        await until(lambda: here.took == took)
        await asyncio.sleep(1.5)  # its place is written each second
        running.send(signal.SIGKILL)
        await running.ended()

    async def say(self, first: int, end: int) -> None:
        """Put activities on the topic."""
        await self.publish(*(parcel(number) for number in range(first, end)), topic=PEERS_OUTBOUND)


@pytest.fixture
def ours(tmp_path: Path) -> OurKeys:
    return OurKeys.saved_in(tmp_path, RsaSigningKey.generate("x", 2048))


@pytest.fixture
def courier(kafka: Kafka, database_url: str, topic_prefix: str, tmp_path: Path) -> Iterator[Courier]:
    made = Courier(kafka.bootstrap, database_url, topic_prefix, tmp_path)
    made.environment |= courier_settings(tmp_path)
    create_hub_topics(kafka.bootstrap, topic_prefix)
    yield made
    made.discard()


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    made = engine_for(database_url)
    yield made
    await made.dispose()


async def told(engine: AsyncEngine) -> list[Any]:
    async with engine.connect() as connection:
        return list(await connection.execute(text('SELECT "offset", event FROM hub.peer_activities ORDER BY "offset"')))


def made_anew(kafka: Kafka, prefix: str) -> None:
    admin = KafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    try:
        admin.delete_topics([prefix + PEERS_OUTBOUND.name])
    finally:
        admin.close()
    create_hub_topics(kafka.bootstrap, prefix)


async def test_a_topic_that_was_made_anew_is_brought_from_its_beginning(
    courier: Courier, engine: AsyncEngine, ours: OurKeys, kafka: Kafka, topic_prefix: str
) -> None:
    here = Inbox(ours)
    async with serving(here):
        await admit(engine, here.url)
        await courier.say(0, 6)
        await courier.runs_until(here, ids(0, 6))
        await asyncio.to_thread(made_anew, kafka, topic_prefix)
        await courier.say(10, 13)
        await courier.runs_until(here, [*ids(0, 6), *ids(10, 13)])
        await becomes(lambda: told(engine), [(number, f"{number + 10:032x}") for number in range(3)])


async def test_a_topic_that_lost_its_end_is_not_brought_once_more(courier: Courier, engine: AsyncEngine, ours: OurKeys) -> None:
    here = Inbox(ours)
    async with serving(here):
        await admit(engine, here.url)
        await courier.say(0, 6)
        await courier.runs_until(here, ids(0, 6))
        async with engine.begin() as connection:  # as if four more had been brought, of which no broker knows
            await connection.execute(text("UPDATE hub.stream_offsets SET next_offset = 10 WHERE \"group\" = 'courier'"))
            await connection.execute(text("UPDATE hub.peer_positions SET position = 10"))
        await courier.say(6, 8)
        await courier.runs_until(here, ids(0, 8))
