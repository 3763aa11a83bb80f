"""Two connector processes of one instance behind the hub's door: one reads, the other is its spare."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import pytest

from tests.fakes_adapters import NOWHERE, PATIENCE, Rig, posted, said_by, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from adapters.port import Order
    from tests.servers import Kafka

HOLDERS = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
END_HOLDERS = HOLDERS.replace("count(*)", "count(pg_terminate_backend(pid))")


@pytest.fixture
async def rig(kafka: Kafka, database_url: str, topic_prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Rig]:
    monkeypatch.setenv("TRAITDUNION_KAFKA_BOOTSTRAP", NOWHERE)
    monkeypatch.setenv("TRAITDUNION_TOPIC_PREFIX", topic_prefix)
    rig = Rig(kafka.bootstrap, topic_prefix, database_url, tmp_path)
    await rig.prepare()
    async with rig.reached("door"), rig.registry():
        yield rig


def words(rig: Rig) -> Counter[str]:
    """What stands in the RSE, and how often."""
    return Counter(order.content.text for order in rig.rse.written if order.content)


async def stands(rig: Rig, text: str) -> bool:
    return text in words(rig)


async def say(rig: Rig, *texts: str) -> None:
    await rig.deliver(*(said_by(rig.hub.nodes["education"], posted(text), f"${text}") for text in texts))


async def test_two_processes_of_one_instance_write_each_message_once(rig: Rig) -> None:
    async def slow(_: Order) -> None:
        await asyncio.sleep(0.3)

    async with rig.running():
        await rig.tie()
        async with rig.running():
            rig.rse.before = slow
            await say(rig, "un", "deux", "trois")
            await rig.receipts(4)
            await asyncio.sleep(1.0)
    assert words(rig) == {"un": 1, "deux": 1, "trois": 1}


async def test_the_spare_goes_on_where_the_process_that_read_has_ended(rig: Rig) -> None:
    async with AsyncExitStack() as spare:
        async with rig.running():
            await rig.tie()
            await say(rig, "un")
            await rig.receipts(2)
            await spare.enter_async_context(rig.running())
            assert await rig.value(HOLDERS) == 1
        await say(rig, "deux")
        await until(lambda: stands(rig, "deux"), wanted=True)  # what the first had reported as it ended may be reported again
    assert words(rig) == {"un": 1, "deux": 1}


async def test_who_loses_the_turn_in_the_middle_of_a_write_looks_for_it_before_another_is_made(rig: Rig) -> None:
    begun = asyncio.Event()

    async def interrupted(_: Order) -> None:
        if not begun.is_set():
            begun.set()
            await rig.value(END_HOLDERS)

    async with rig.running():
        await rig.tie()
        rig.rse.before = interrupted
        await say(rig, "un")
        await asyncio.wait_for(begun.wait(), PATIENCE)
        await until(lambda: rig.value(HOLDERS), 1)
        await say(rig, "deux")
        await until(lambda: stands(rig, "deux"), wanted=True)  # what the first had reported as it ended may be reported again
    assert words(rig) == {"un": 1, "deux": 1}
