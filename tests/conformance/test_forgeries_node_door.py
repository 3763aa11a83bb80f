"""Every forgery of the table against the node door at work, over HTTP: each refused by its name, in the answer, the metrics and the log."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from schemas import topics
from tests.fakes_door import door_at_work
from tests.fakes_streams import create_topics
from tests.forgeries import node_door
from tests.forgeries.cast import NODE, Cast
from tests.forgeries.drafts import signed
from tests.forgeries.post import Answer, send
from tests.forgeries.signatures import against

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.forgeries.drafts import Base
    from tests.servers import Kafka

AT_LEAST = 400


class Place:
    """A door at work and who is in its registry."""

    def __init__(self, url: str, cast: Cast) -> None:
        self.url, self.cast = url, cast
        self.port = urlsplit(url).port or 0

    @property
    def bases(self) -> list[Base]:
        return node_door.bases(self.url, self.cast)


@pytest.fixture
async def place(kafka: Kafka, topic_prefix: str) -> AsyncIterator[Place]:
    cast = Cast()
    wanted = (topics.RSE_INBOUND, topics.RSE_RECEIPTS, topics.ADAPTERS_DLQ, *topics.of_node(NODE))
    await asyncio.to_thread(create_topics, kafka.bootstrap, *(topic_prefix + topic.name for topic in wanted))
    document = cast.registry()
    async with door_at_work(kafka.bootstrap, topic_prefix, lambda: document, cast.hub.public.multibase) as (url, _):
        yield Place(url, cast)


def counted() -> Counter[str]:
    """Requests that the door has counted, by outcome."""
    found: Counter[str] = Counter()
    for metric in REGISTRY.collect():
        if metric.name == "traitdunion_door_requests":
            for one in metric.samples:
                found[one.labels["outcome"]] += int(one.value) if one.name.endswith("_total") else 0
    return found


async def sent(place: Place, base: Base) -> Answer:
    """The answer to a valid request; a broker's very first group has no coordinator for a moment, and who asks is told to come again."""
    for _ in range(40):
        answer = await send(place.port, signed(base.make()))
        if answer.reason != "kafka_unavailable":
            break
        await asyncio.sleep(0.2)
    return answer


async def test_what_is_forged_was_valid_before(place: Place) -> None:
    for base in place.bases:
        answer = await sent(place, base)
        assert (base.name, answer.status, answer.reason) == (base.name, base.accepted, "")


async def test_every_forgery_is_refused_by_its_name_in_the_answer_the_metrics_and_the_log(place: Place) -> None:
    plays = against(place.bases)
    plays += [(place.bases[0], row) for row in node_door.TABLE]
    before, wrong, expected = counted(), [], Counter[str]()
    with capture_logs() as logged:
        for base, row in plays:
            answer = await send(place.port, row.alter(base.make(), place.cast))
            expected[answer.reason] += 1
            if answer.reason != row.reason:
                wrong.append(f"{base.name}: {row.name}: {answer.status} {answer.reason}, not {row.reason}")
    assert not wrong, "\n".join(wrong)
    assert len(plays) >= AT_LEAST
    assert counted() - before == expected
    assert Counter(line["outcome"] for line in logged if line["event"] == "door") == expected


async def test_nothing_is_taken_twice(place: Place) -> None:
    for base in place.bases:
        await sent(place, base)
        draft = base.make()
        assert (await send(place.port, signed(draft))).status == base.accepted
        assert (await send(place.port, signed(draft))).reason == "signature_replayed"
        again = draft.parameter("created", str(int(draft.now) - 1))  # another signature, the same nonce
        assert (await send(place.port, signed(again))).reason == "signature_replayed"
