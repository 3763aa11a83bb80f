"""The hub of a story: its worker, relay and fan-out over one real database, its Kafka made of lists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from hub.batches.fanout import FanoutBatch
from hub.communities.service import open_community
from hub.registry.repository import newest_document
from hub.registry.service import propose_tie
from hub.relay import Relay
from hub.resending import Resender
from schemas import topics
from schemas.wire.kafka import TopicNames
from schemas.words import Audience
from tests.converge.lists import Lists
from tests.hub_world import NODES, World

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    from sqlalchemy.ext.asyncio import AsyncEngine

    from hub.ports import Record


class Hub:
    """Reads what was said, numbers it, and sends it on; `kafka` holds all of it."""

    def __init__(self, world: World, community: str) -> None:
        self.world, self.community = world, community
        self.kafka = Lists(world.clock, list(NODES))
        names = TopicNames()
        lists: Any = self.kafka
        self._relay = Relay(world.engine, lists, names, world.hub_key)
        self._resender = Resender(world.engine, lists, names, world.rules)
        self._fanout = FanoutBatch(lists, names, world.dead_letters, world.clock)  # type: ignore[arg-type]  # kept in memory
        self._read = self._sent = self._numbers = 0

    async def begin(self, spaces: dict[str, str]) -> None:
        """Open the community and propose its ties; what an earlier story left behind is forgotten."""
        await _forget(self.world.engine)
        self.world.dead_letters.kept.clear()
        await self.world.work(lambda work: open_community(self.community, "Futurs Publics", Audience.MEMBERS, work))
        for node, space in spaces.items():
            await self._propose(node, space)
        await self.work()

    def next_number(self) -> int:
        """A number that no message of the story bears."""
        self._numbers += 1
        return self._numbers

    async def registry(self) -> bytes:
        """The signed registry as a connector fetches it."""
        async with self.world.engine.connect() as connection:
            found = await newest_document(connection)
        assert found is not None
        return found[1]

    async def work(self) -> bool:
        """Take in what came, number it, send it on; False where there was nothing to do."""
        new = self.said[self._read :]
        if new:
            await self.world.hear(*new)
            self._read += len(new)
        while await self._relay.publish_waiting():
            pass
        facts = self.facts[self._sent :]
        await self._fanout.carry_out(await self._fanout.read(facts))
        self._sent += len(facts)
        more = await self._resender.send_some()
        return bool(new or facts or more)

    async def wait(self, time: timedelta) -> None:
        """Let time pass: what waited for a parent in vain stands alone."""
        self.world.clock.moved += time
        while await self.world.inbound.release_due():
            pass

    @property
    def said(self) -> Sequence[Record]:
        """What the nodes said, in the order of its coming."""
        return self.kafka.topics[topics.RSE_INBOUND.name]

    @property
    def heard(self) -> Sequence[Record]:
        """Of these, what the hub has read."""
        return self.said[: self._read]

    @property
    def facts(self) -> Sequence[Record]:
        """What the hub sent on."""
        return self.kafka.topics[topics.HUB_FACTS.name]

    async def noted(self) -> set[tuple[str, str, str]]:
        """(object, node, state) of the copies that people withdrew or edited in their own RSE."""
        rows = await self.world.rows("SELECT object, node, state FROM hub.copies")
        return {(row["object"], row["node"], row["state"]) for row in rows}

    async def _propose(self, node: str, space: str) -> None:
        await self.world.work(lambda work: propose_tie(node, space, self.community, work))


async def _forget(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        for table in ("outbox", "held", "copies", "copy_reports", "moderations", "moderators"):
            await connection.execute(text(f"DELETE FROM hub.{table}"))  # noqa: S608 - names of our own
