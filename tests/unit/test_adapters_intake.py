"""The consumer of a node while its broker is away: waited for ever longer, and told of once a minute."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

import pytest
from aiokafka.errors import KafkaConnectionError
from structlog.testing import capture_logs

from adapters import intake
from adapters.intake import Intake
from adapters.patience import MOST_SECONDS
from schemas.wire.kafka import KafkaSettings, TopicNames

if TYPE_CHECKING:
    from adapters.applied import Applied
    from adapters.writer import Writer

TRIES = 12


class EnoughError(Exception):
    """The end of a test whose loop has none."""


async def test_a_broker_that_is_away_is_waited_for_ever_longer_and_told_of_once(monkeypatch: pytest.MonkeyPatch) -> None:
    waited = list[float]()

    async def away() -> None:
        raise KafkaConnectionError

    async def asleep(seconds: float) -> None:
        waited.append(seconds)
        if len(waited) == TRIES:
            raise EnoughError

    one = Intake("rse", "wifip", KafkaSettings(), TopicNames(), cast("Writer", None), cast("Applied", None))
    monkeypatch.setattr(one, "_consume", away)
    monkeypatch.setattr(asyncio, "sleep", asleep)
    with capture_logs() as lines, pytest.raises(EnoughError):
        await one.run()
    assert [(line["event"], line["instance"], line["reason"]) for line in lines] == [("consumer_lost", "rse", "KafkaConnectionError")]
    assert waited[0] <= intake.RETRY_SECONDS
    assert MOST_SECONDS / 2 <= waited[-1] <= MOST_SECONDS
