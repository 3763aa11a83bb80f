"""Twins that keep their limits, and the writer's way to them: lanes, a turn, a pause that all share."""

from __future__ import annotations

import asyncio
import random
import re
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from adapters.intake import AT_ONCE
from adapters.lanes import Lanes
from adapters.patience import Pause
from adapters.port import Act, Never, Order, Written
from schemas.facts.message import Author, Content
from tests.fakes_discourse_twin import forum
from tests.fakes_exo_twin import portal
from tests.fakes_matrix_twin import BOT, House

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    import aiohttp

    from adapters.port import RseClient, WriteOutcome

MINUTE = 60  # calls, by default, of a Discourse; its minute is made shorter
GHOSTS = 4  # each with a limit of her own in a homeserver
NUMBERED = re.compile(r"Parole (\d+) de la file (\d+)")


@dataclass
class Limited:
    """A twin that keeps a limit, its connector, and what people read in it."""

    client: RseClient
    space: str
    session: aiohttp.ClientSession
    url: str
    read: Callable[[], Awaitable[list[str]]]

    async def counted(self) -> tuple[int, int]:
        """How many calls were taken, and how many were too many."""
        async with self.session.get(f"{self.url}/twin/limits") as answer:
            said = await answer.json()
            return said["taken"], said["refused"]


@asynccontextmanager
async def discourse(folder: Path, per_second: float) -> AsyncIterator[Limited]:
    async with forum(folder, rate=MINUTE, rate_window=MINUTE / per_second) as rse:

        async def read() -> list[str]:
            return [post["raw"] for post in sorted(await rse.posts(), key=lambda post: int(post["id"]))]

        yield Limited(rse.client, "97", rse.session, rse.options.url, read)


@asynccontextmanager
async def exo(folder: Path, per_second: float) -> AsyncIterator[Limited]:
    async with portal(folder, rate=MINUTE, rate_window=MINUTE / per_second) as rse:

        async def read() -> list[str]:
            return [item["title"] for item in sorted(await rse.items(), key=lambda item: int(item["id"]))]

        yield Limited(rse.client, "12", rse.session, rse.options.url, read)


@asynccontextmanager
async def matrix(folder: Path, per_second: float) -> AsyncIterator[Limited]:
    async with AsyncExitStack() as stack:
        house = House(folder, stack, messages_per_second=per_second / GHOSTS, rate_limited=True)
        await house.open()
        claire = await house.person()
        room = await claire.create_room("Futurs Publics", invite=[BOT])

        async def read() -> list[str]:
            return [message["body"] for message in await house.visible(room)]

        yield Limited(house.client, room, house.session, house.url, read)


def order(space: str, lane: int, number: int) -> Order:
    text = f"Parole {number} de la file {lane} : bonjour à toutes et à tous."
    return Order(
        Act.POSTED, f"k{lane}-{number}", f"urn:traitdunion:{lane}-{number}", space,
        author=Author(name=f"Agent {lane % GHOSTS}", organisation="Finances"), content=Content(html=f"<p>{text}</p>", text=text),
        occurred_at=datetime(2026, 3, 2, 12, tzinfo=UTC),
    )  # fmt: skip


class Writing:
    """The writer's way to an RSE: lanes, a turn, a pause that all share."""

    def __init__(self, rse: Limited) -> None:
        self._rse, self._pause = rse, Pause("limited", asyncio.sleep, random.random)
        self.outcomes: list[Written | Never] = []

    async def write(self, order: Order) -> None:
        looks = False

        async def attempt() -> WriteOutcome:
            nonlocal looks
            await self._rse.client.turn(order)
            found = await self._rse.client.find(order) if looks else None
            looks = True
            return found or await self._rse.client.write(order)

        outcome = await self._pause.through(attempt)
        assert isinstance(outcome, Written), outcome
        self.outcomes.append(outcome)

    async def burst(self, lanes: int, numbers: range) -> None:
        """One order of each number in each lane."""
        work = Lanes(self.write, AT_ONCE)
        for number in numbers:
            for lane in range(lanes):
                work.put(str(lane), order(self._rse.space, lane, number))
        while len(self.outcomes) < lanes * numbers.stop:  # noqa: ASYNC110 - lanes tell nobody
            await asyncio.sleep(0.02)


async def in_order(rse: Limited, lanes: int) -> list[list[int]]:
    """Of each lane, the numbers that people read, in the order in which they stand there."""
    said = [NUMBERED.search(text) for text in await rse.read()]
    return [[int(one[1]) for one in said if one is not None and int(one[2]) == lane] for lane in range(lanes)]
