"""Every forgery of the table against the webhooks' door at work, over HTTP: refused by its name, in the answer, the metrics and the log; nothing admitted."""

from __future__ import annotations

import asyncio
import socket
from collections import Counter as Tally
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from adapters.gateway import application
from hub.door import server
from schemas.wire.telemetry import Health
from tests.fakes_counters import Kept, counters
from tests.forgeries import webhooks
from tests.forgeries.post import send

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

AT_LEAST = 60


@dataclass(frozen=True)
class Place:
    """A gateway at work, and what it took in."""

    port: int
    kept: Kept


@pytest.fixture
async def place() -> AsyncIterator[Place]:
    kept = Kept()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        serving = server(application(counters(kept), Health({})), "127.0.0.1", 0)
        task = asyncio.create_task(serving.serve(sockets=[listening]))
        try:
            yield Place(listening.getsockname()[1], kept)
        finally:
            serving.should_exit = True
            await task


def counted() -> Tally[str]:
    """Webhooks that the door has counted, by outcome."""
    found: Tally[str] = Tally()
    for metric in REGISTRY.collect():
        if metric.name == "traitdunion_webhooks":
            for one in metric.samples:
                found[one.labels["outcome"]] += int(one.value) if one.name.endswith("_total") else 0
    return found


async def test_what_is_forged_was_valid_before(place: Place) -> None:
    for base, _ in webhooks.TABLE:
        assert (await send(place.port, base())).status == 200
    assert len(place.kept.outcomes) == len(webhooks.TABLE)


async def test_every_forgery_is_refused_by_its_name_in_the_answer_the_metrics_and_the_log(place: Place) -> None:
    before, wrong, expected = counted(), [], Tally[str]()
    with capture_logs() as logged:
        for base, table in webhooks.TABLE:
            for row in table:
                got = await send(place.port, row.alter(base()))
                expected[got.reason] += 1
                if got.reason != row.reason:
                    wrong.append(f"{base.__name__}: {row.name}: {got.status} {got.reason}, not {row.reason}")
    assert not wrong, "\n".join(wrong)
    assert sum(expected.values()) >= AT_LEAST
    assert counted() - before == expected
    assert Tally(line["outcome"] for line in logged if line["event"] == "webhook") == expected
    assert "nulle-part" not in str(logged)  # whoever asks writes what she likes in the path
    assert place.kept.outcomes == []


async def test_the_same_webhook_twice_is_the_same_event_twice(place: Place) -> None:
    for base, _ in webhooks.TABLE:
        place.kept.outcomes.clear()
        for _again in range(2):
            assert (await send(place.port, base())).status == 200
        first, second = place.kept.outcomes
        assert first == second  # neither platform dates its proof: the marker of the event makes the second one a double
