"""Where topics end: one question for all that are waited on, which one missing topic must not leave unanswered."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from aiokafka import TopicPartition
from aiokafka.errors import UnknownTopicOrPartitionError

from hub.node_door import outbound
from hub.node_door.outbound import Ends
from schemas.wire.kafka import KafkaSettings

if TYPE_CHECKING:
    import pytest

HERE, GONE = TopicPartition("node.wifip.outbound.v1", 0), TopicPartition("node.education.outbound.v1", 0)


class Broker:
    """Answers nothing as long as one of the topics that are asked for is missing, nor before a slow while has passed."""

    def __init__(self, slow: float = 0.0) -> None:
        self.ends, self.slow = {HERE: 7}, slow

    async def end_offsets(self, places: list[TopicPartition]) -> dict[TopicPartition, int]:
        await asyncio.sleep(self.slow)
        while not self.ends.keys() >= set(places):  # noqa: ASYNC110 - as aiokafka does
            await asyncio.sleep(0.005)
        return {place: self.ends[place] for place in places}

    async def topics(self) -> set[str]:
        return {place.topic for place in self.ends}


async def asked(broker: Any, *places: TopicPartition) -> list[int | BaseException]:
    ends = Ends(KafkaSettings(bootstrap="127.0.0.1:1"))
    looking = asyncio.create_task(ends._look_with(broker))
    async with asyncio.timeout(20):
        found = await asyncio.gather(*(ends.past(place, 6) for place in places), return_exceptions=True)
    looking.cancel()
    await asyncio.gather(looking, return_exceptions=True)
    return found


async def test_whoever_waits_for_a_missing_topic_is_told_and_the_others_are_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbound, "ANSWER_SECONDS", 0.02)
    there, missing = await asked(Broker(), HERE, GONE)
    assert there == 7
    assert isinstance(missing, UnknownTopicOrPartitionError)


async def test_a_broker_that_is_slow_is_waited_for_and_its_answer_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbound, "ANSWER_SECONDS", 0.02)
    assert await asked(Broker(slow=0.5), HERE) == [7]
