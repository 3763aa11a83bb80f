"""What this node did with what it was sent: receipts, up to 500 under one signature, gone only when Kafka has them."""

from __future__ import annotations

import asyncio
import hashlib
from typing import TYPE_CHECKING

import structlog

from adapters.ledger import LedgerUnavailable
from adapters.spool import Record
from schemas import topics
from schemas.facts.delivery import REPORT_LIMIT, DeliveryReported
from schemas.proof import sign_event
from schemas.wire.publisher import NotAcknowledged
from schemas.wire.records import new_correlation, to_headers
from schemas.words import Audience

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from adapters.applied import Applied, Waiting
    from schemas.keys import KeyHolder
    from schemas.wire.publisher import Publisher

GATHER_SECONDS = 0.02
RETRY_SECONDS = 0.5
log = structlog.get_logger()


class Receipts:
    """The receipts of one node on their way."""

    def __init__(self, key: KeyHolder, platform: str, publisher: Publisher, applied: Applied, clock: Callable[[], datetime]) -> None:
        self._key, self._platform, self._publisher, self._applied, self._clock = key, platform, publisher, applied, clock
        self._waiting: list[tuple[Waiting, Callable[[], None]]] = []
        self._held: set[int] = set()
        self._awake = asyncio.Event()

    def add(self, waiting: Waiting, once_durable: Callable[[], None]) -> None:
        """Send a receipt that the ledger holds already; `once_durable` is called when Kafka has acknowledged it."""
        self._held.add(waiting.position)
        self._waiting.append((waiting, once_durable))
        self._awake.set()

    async def recall(self) -> None:
        """Send what the last run, or the process whose place we take, left unacknowledged; the hub knows a double by its contents."""
        for waiting in await self._applied.waiting_receipts():
            if waiting.position not in self._held:
                self.add(waiting, _nothing)

    async def run(self) -> None:
        """Send for ever, a batch as soon as a moment has passed."""
        while True:
            await self._awake.wait()
            await asyncio.sleep(GATHER_SECONDS)
            batch, self._waiting = self._waiting[:REPORT_LIMIT], self._waiting[REPORT_LIMIT:]
            if not self._waiting:
                self._awake.clear()
            await self._send(batch)

    async def _send(self, batch: Sequence[tuple[Waiting, Callable[[], None]]]) -> None:
        record = self._signed([waiting for waiting, _ in batch])
        while not await self._published(record):  # noqa: ASYNC110 - each turn is an attempt, not a look
            await asyncio.sleep(RETRY_SECONDS)
        for _, once_durable in batch:
            once_durable()
        positions = [waiting.position for waiting, _ in batch]
        try:
            await self._applied.receipts_sent(positions)
        except LedgerUnavailable:
            log.warning("receipts_left_in_ledger", receipts=len(batch))  # they go a second time at the next start
        self._held.difference_update(positions)

    async def _published(self, record: Record) -> bool:
        try:
            await self._publisher.publish([record])
        except NotAcknowledged:
            return False
        return True

    def _signed(self, batch: Sequence[Waiting]) -> Record:
        fact = DeliveryReported(deliveries=tuple(waiting.delivery for waiting in batch))
        native_id = hashlib.sha256(fact.to_bytes()).hexdigest()
        event = sign_event(
            self._key.held(),
            fact,
            subject=f"receipt/{native_id}",
            time=self._clock(),
            platform=self._platform,
            native_id=native_id,
            change_marker=native_id,
            actor=self._key.owner,
            audience=Audience.PRIVATE,
        )
        correlation = batch[0].delivery.correlation or new_correlation()
        return Record(topics.RSE_RECEIPTS.name, self._key.owner.encode(), event.value, to_headers(event, correlation), fact.event_type)


def _nothing() -> None:
    """A receipt of an earlier run: its record is committed or comes again, and is known either way."""
