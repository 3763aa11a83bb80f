"""How far each node has read: committed to its own consumer group, so that every Kafka tool shows its backlog."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Final

import structlog
from kafka import TopicPartition
from kafka.errors import KafkaError, NoError
from kafka.structs import OffsetAndMetadata

from hub.operations.broker import BrokerRefused, BrokerUnreachable, administrator
from schemas.topics import outbound

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kafka import KafkaAdminClient

    from schemas.wire.kafka import KafkaSettings, TopicNames

EVERY_SECONDS: Final = 1.0
UNREACHABLE: Final = (BrokerUnreachable, BrokerRefused, KafkaError, OSError)
log = structlog.get_logger()


class Positions:
    """Nodes' positions on the broker. No consumer per node: one client, from one thread, commits for all of them each second."""

    def __init__(self, settings: KafkaSettings, names: TopicNames) -> None:
        self._settings, self._names = settings, names
        self._thread = ThreadPoolExecutor(1, "positions")
        self._open = ExitStack()
        self._admin: KafkaAdminClient | None = None
        self._moved: dict[str, int] = {}
        self._kept: dict[str, int] = {}

    def note(self, node: str, offset: int) -> None:
        """Everything below the offset is done; committed within a second."""
        if self._kept.get(node) != offset:
            self._moved[node] = offset
        else:  # back to where it was: what it said in between counts no more
            self._moved.pop(node, None)

    async def of(self, node: str) -> int | None:
        """Where a node stands, None where it never read; raises the broker's errors (UNREACHABLE)."""
        if node in self._moved:
            return self._moved[node]
        if node not in self._kept:
            found = await self._in_thread(self._ask, node)
            if found is None:
                return None
            self._kept[node] = found
        return self._kept[node]

    async def run(self) -> None:
        """Commit for ever what has moved; then once more, and close."""
        try:
            while True:
                await asyncio.sleep(EVERY_SECONDS)
                await self.flush()
        finally:
            await asyncio.shield(self._leave())

    async def flush(self) -> None:
        """Commit what has moved; what the broker does not take now is tried again with the next position."""
        moved, self._moved = self._moved, {}
        if not moved:
            return
        try:
            refused = await self._in_thread(self._commit, moved)
        except UNREACHABLE as error:
            log.warning("positions_not_kept", nodes=len(moved), error=type(error).__name__)
            self._moved = {**moved, **self._moved}
            return
        self._kept |= {node: offset for node, offset in moved.items() if node not in refused}
        for node, why in refused.items():
            log.warning("position_not_kept", node=node, error=why)  # a connector reads the topic through Kafka beside this door

    async def _leave(self) -> None:
        await self.flush()
        await self._in_thread(self._close)
        self._thread.shutdown(wait=False)

    async def _in_thread(self, ask: Any, *given: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._thread, ask, *given)

    def _client(self) -> KafkaAdminClient:
        if self._admin is None:
            self._admin = self._open.enter_context(administrator(self._settings))
        return self._admin

    def _ask(self, node: str) -> int | None:
        group, place = self._names.group(f"node.{node}"), self._place(node)
        found = self._tried(lambda admin: admin.list_group_offsets({group: [place]})[group].get(place))
        return found.offset if found is not None and found.offset >= 0 else None

    def _commit(self, moved: Mapping[str, int]) -> dict[str, str]:
        """Commit each node's own group; which ones the broker refused, and why."""
        refused = {}
        for node, offset in moved.items():
            place, said = self._place(node), OffsetAndMetadata(offset, "", -1)
            answer = self._tried(lambda admin, n=node, p=place, s=said: admin.alter_group_offsets(self._names.group(f"node.{n}"), {p: s}))
            if answer[place] is not NoError:
                refused[node] = answer[place].__name__
        return refused

    def _tried(self, ask: Any) -> Any:
        try:
            return ask(self._client())
        except UNREACHABLE:
            self._close()
            raise

    def _close(self) -> None:
        """Let the client go; the next question opens another."""
        self._admin = None
        self._open.close()

    def _place(self, node: str) -> TopicPartition:
        return TopicPartition(self._names.of(outbound(node)), 0)
