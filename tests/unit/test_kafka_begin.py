"""A Kafka client's start that is cancelled at the very moment when it is done."""

from __future__ import annotations

import asyncio
from typing import Any

from schemas.wire import kafka


class Client:
    """Cancels who starts it as it has started."""

    beginning: asyncio.Future[None]

    async def start(self) -> None:
        asyncio.get_running_loop().call_soon(self.beginning.cancel)


async def test_a_cancellation_that_comes_as_the_client_has_started_is_not_lost() -> None:
    client: Any = Client()
    client.beginning = asyncio.ensure_future(kafka.begin(client))
    await asyncio.wait({client.beginning})
    assert client.beginning.cancelled()
