"""The faults of Faust that the design names, each shown on a real broker, and the worker's own way that has none of them.

When a test of a fault fails, Faust was repaired: read the design again before simplifying the worker.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from hub.worker import LOST
from schemas.topics import HUB_FACTS
from schemas.wire import kafka as wire
from tests.fakes_streams import PATIENCE, Streams, becomes, committed, create_topics, delete_topics, until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes_streams import Running
    from tests.servers import Kafka

pytestmark = pytest.mark.long
PROBE = "tests.probes_faust_faults"
SENT = {
    "raising": (b"good", b"bad"),
    "taking": (b"one", b"two"),
    "decoding": (b'{"text": "one"}', b"\xff\xfe", b'{"text": "two"}'),
    "modelled": (b'{"text": "one"}', b'{"text": "two"}'),
    "concurrent": (b"slow", b"quick"),
    "one_by_one": (b"slow", b"quick"),
    "with_event": (b"bad",),
}
NOTED = {"raising": 2, "taking": 1, "decoding": 2, "concurrent": 2, "one_by_one": 1, "with_event": 1, "sending": 3}
"""How many lines each way writes of what it saw; an offset may be committed before."""
SAFE = (b"good", b"bad", b"\xff\xfe", b"after")


@dataclass
class Seen:
    """What the ways saw, and where their groups stand."""

    saw: dict[str, list[str]]
    stands: dict[str, int | None]
    first_life: int
    stands_after_first_life: int | None
    second_life: list[str]
    stands_at_last: int | None


@pytest.fixture(scope="module")
def seen(kafka: Kafka, tmp_path_factory: pytest.TempPathFactory) -> Seen:
    """All ways run once, side by side: starting Faust costs more than what it does here."""
    return asyncio.run(_observe(kafka.bootstrap, tmp_path_factory.mktemp("faults")))


async def _observe(bootstrap: str, folder: Path) -> Seen:
    prefix = f"faults-{folder.name}."
    facts = prefix + HUB_FACTS.name
    streams = Streams(bootstrap, "postgresql://127.0.0.1/none", prefix, folder)
    create_topics(bootstrap, *(prefix + way for way in [*SENT, "sending"]), facts)
    async with wire.producer(streams.settings) as sender:
        for topic, values in [*((prefix + way, values) for way, values in SENT.items()), (facts, SAFE)]:
            for value in values:
                await sender.send_and_wait(topic, value)
    try:
        return await _two_lives(streams, facts)
    finally:
        streams.discard()
        delete_topics(bootstrap, prefix)


async def _two_lives(streams: Streams, facts: str) -> Seen:
    first = streams.start("first", "-m", PROBE, "safe", HANDLER="fails")
    code = await first.ended()
    group = f"{streams.prefix}worker.fanout"
    between = await committed(streams.bootstrap, group, facts)
    second = streams.start("second", "-m", PROBE, "safe", HANDLER="works")
    naive = streams.start("naive", "-m", PROBE, "naive")
    stands = await asyncio.gather(*(_stands(streams, way, naive) for way in SENT))
    await until(lambda: all(len(_saw(naive)[way]) >= least for way, least in NOTED.items()))
    at_last = await _eventually(streams.bootstrap, group, facts, len(SAFE))
    return Seen(_saw(naive), dict(zip(SENT, stands, strict=True)), code, between, _saw(second)["safe"], at_last)


async def _stands(streams: Streams, way: str, naive: Running) -> int | None:
    topic = streams.prefix + way
    if way == "one_by_one":  # it never commits: what is asked is whether it did once the others had
        await until(lambda: "slow" in _saw(naive)[way])
        await _eventually(streams.bootstrap, streams.prefix + "concurrent", streams.prefix + "concurrent", len(SENT["concurrent"]))
        return await committed(streams.bootstrap, topic, topic)
    return await _eventually(streams.bootstrap, topic, topic, len(SENT[way]))


async def _eventually(bootstrap: str, group: str, topic: str, wanted: int) -> int | None:
    """Where a group stands once it has come so far, or when patience ends."""
    with suppress(AssertionError):
        await becomes(lambda: committed(bootstrap, group, topic), wanted, PATIENCE)
    return await committed(bootstrap, group, topic)


def _saw(running: Running) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for line in running.said("saw"):
        found[line["way"]].append(line["saw"])
    return found


def test_fault_an_exception_in_a_handler_acknowledges_the_event(seen: Seen) -> None:
    assert "bad" in seen.saw["raising"]
    assert seen.stands["raising"] == len(SENT["raising"])  # the one that failed is counted as done: lost


def test_fault_take_loses_the_batch_whose_handler_fails(seen: Seen) -> None:
    assert seen.saw["taking"]
    assert seen.stands["taking"] == len(SENT["taking"])


def test_fault_a_value_that_does_not_decode_is_acknowledged_and_dropped(seen: Seen) -> None:
    assert seen.saw["decoding"] == ["one", "two"]
    assert seen.stands["decoding"] == len(SENT["decoding"])


def test_fault_a_pydantic_value_type_drops_everything(seen: Seen) -> None:
    assert seen.saw["modelled"] == []
    assert seen.stands["modelled"] == len(SENT["modelled"])


def test_fault_with_concurrency_an_offset_is_committed_past_an_event_still_in_work(seen: Seen) -> None:
    assert sorted(seen.saw["concurrent"]) == ["quick", "slow"]
    assert seen.stands["concurrent"] == len(SENT["concurrent"])


def test_one_handler_at_a_time_commits_nothing_past_an_event_still_in_work(seen: Seen) -> None:
    assert seen.saw["one_by_one"] == ["slow"]
    assert seen.stands["one_by_one"] is None


def test_fault_leaving_an_event_by_an_exception_acknowledges_it(seen: Seen) -> None:
    assert seen.saw["with_event"] == ["bad"]
    assert seen.stands["with_event"] == 1


def test_fault_sending_returns_before_delivery_which_has_to_be_awaited_too(seen: Seen) -> None:
    assert seen.saw["sending"][0] == "delivered False"
    assert "at 0, delivered True" in seen.saw["sending"]


def test_the_worker_ends_at_a_failing_handler_with_nothing_acknowledged(seen: Seen) -> None:
    assert seen.first_life == LOST
    assert seen.stands_after_first_life is None


def test_the_workers_next_start_takes_the_whole_batch_again_in_order_and_raw(seen: Seen) -> None:
    again = " ".join(seen.second_life)
    assert again == " ".join(repr(value) for value in SAFE)  # what does not decode reaches the handler, which can name it
    assert seen.stands_at_last == len(SAFE)
