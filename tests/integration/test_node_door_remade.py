"""The node door while a topic is deleted, and made anew, beneath it: whoever reads it is told, and nobody else waits for that."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from adapters.door_client import DoorClosed
from schemas import topics
from schemas.node_door import OUTBOUND, Page, read_page
from schemas.wire import kafka as wire
from schemas.wire.kafka import KafkaSettings
from tests.fakes_adapters import PATIENCE, until
from tests.fakes_streams import create_topics
from tests.integration.test_node_door import OTHER, Place, place

if TYPE_CHECKING:
    from adapters.door_client import DoorClient

__all__ = ["place"]
SOON = 12.0
"""Seconds: less than a poll that nobody answers would last, more than a machine under load needs."""


async def deleted(place: Place) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=place.bootstrap)
    await admin.start()
    try:
        await admin.delete_topics([place.topic])
        while place.topic in await admin.list_topics():  # noqa: ASYNC110 - the broker tells nobody when it has deleted
            await asyncio.sleep(0.1)
    finally:
        await admin.close()


async def polled(client: DoorClient, query: str) -> Page | str:
    """A page, or the reason for which there is none."""
    try:
        return read_page(await client.get(OUTBOUND, query, PATIENCE))
    except DoorClosed as closed:
        return closed.reason


async def test_a_node_whose_topic_was_deleted_is_told_so_and_keeps_nobody_else_waiting(place: Place) -> None:
    other = place.prefix + topics.outbound(OTHER).name
    await asyncio.to_thread(create_topics, place.bootstrap, other)
    await place.put(b"a")
    await place.poll("after=0:1&wait=0")
    gone, client = place.client(), place.client(OTHER)
    try:
        await deleted(place)
        forgotten = asyncio.create_task(polled(gone, "after=0:1&wait=60"))
        heard = asyncio.create_task(polled(client, "after=0:0&wait=60"))
        await asyncio.sleep(0.5)
        async with wire.producer(KafkaSettings(bootstrap=place.bootstrap)) as sender:
            await sender.send_and_wait(other, b"still", b"key")
        async with asyncio.timeout(SOON):
            page = await heard
            assert await forgotten == "outbound_missing"
        assert isinstance(page, Page)
        assert [one.value for one in page.records] == [b"still"]
        assert await polled(gone, "after=0:1&wait=0") == "outbound_missing"
        assert await polled(gone, "wait=0") == "outbound_missing"
        await asyncio.to_thread(create_topics, place.bootstrap, place.topic)
        await until(lambda: polled(gone, "after=0:1&wait=0"), "cursor_ahead")
    finally:
        await gone.close()
        await client.close()


async def test_who_was_behind_in_a_topic_that_was_made_anew_is_told_so_and_waits_at_its_end(place: Place) -> None:
    await place.put(b"a", b"b", b"c")
    await place.poll("after=0:3&wait=0")
    await deleted(place)
    await asyncio.to_thread(create_topics, place.bootstrap, place.topic)
    await place.put(b"new")
    client = place.client()
    try:
        with pytest.raises(DoorClosed) as ahead:
            await client.get(OUTBOUND, "after=0:2&wait=0", PATIENCE)
        assert (ahead.value.reason, ahead.value.said["first"]) == ("cursor_ahead", "0:0")
        waiting = asyncio.create_task(place.poll("after=0:1&wait=20"))
        await asyncio.sleep(3)
        assert not waiting.done()
        await place.put(b"newer")
        assert [one.value for one in (await waiting).records] == [b"newer"]
    finally:
        await client.close()


async def test_an_end_that_is_no_longer_true_is_asked_for_again(place: Place) -> None:
    await place.put(b"a", b"b", b"c")
    await place.poll("after=0:3&wait=0")
    await deleted(place)
    await asyncio.to_thread(create_topics, place.bootstrap, place.topic)
    await place.poll("after=0:0&wait=0")
    reads: list[Any] = []
    place.parts.outbound._readers.read = _counted(place, reads)  # type: ignore[method-assign]  # a reader is what others wait for
    page = await place.poll("after=0:0&wait=1")
    assert (list(page.records), reads) == ([], [])


def _counted(place: Place, reads: list[Any]) -> Any:
    read = place.parts.outbound._readers.read

    async def counted(*asked: Any) -> Any:
        reads.append(asked)
        return await read(*asked)

    return counted
