"""One look at what a platform that pushes could not tell us: asked of it, told, then noted as asked."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from adapters.gateway import named
from adapters.looks import Looked, NotKeptError
from adapters.port import Change, Losses
from adapters.sorting import NotStored, Stored
from schemas.wire.records import new_correlation
from schemas.wire.telemetry import Metric

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from adapters.looks import Admit, View
    from adapters.port import Later, Never, Outcome, Reminding
    from adapters.sorting import Answer
    from adapters.watch import Watch


class LossLooker:
    """Asks one instance for what its webhooks could not bring. It goes through admission, as they do, under their own markers."""

    def __init__(self, name: str, client: Reminding, watch: Watch, admit: Admit, clock: Callable[[], datetime]) -> None:
        self._name, self._client, self._watch, self._admit, self._clock = name, client, watch, admit, clock

    async def look(self, view: View) -> Looked | Later | Never:
        """Ask once. Raises NotKeptError, LeaseLost, LedgerUnavailable; nothing is noted that was not told."""
        found = await self._client.lost(view.poll.space, view.cursor, view.poll.since)
        if not isinstance(found, Losses):
            return found
        await self._tell(found)
        if found.cursor != view.cursor:
            await self._watch.keep(view.poll.space, [], self._clock(), found.cursor)
            view.cursor = found.cursor
        return Looked(changed=found.more)

    async def _tell(self, found: Losses) -> None:
        """All at once and in order: admission makes one batch of them."""
        outcomes = [await named(self._client, one) for one in found.outcomes]
        answers = await asyncio.gather(*(self._admit((one,), _named(one), new_correlation()) for one in outcomes))
        for answer in answers:
            self._count(answer)
            if isinstance(answer, NotStored):
                raise NotKeptError(answer.reason)

    def _count(self, answer: Answer) -> None:
        if isinstance(answer, Stored):
            for said in answer.said:
                Metric.recovered.labels(self._name, said.partition("=")[0]).inc()


def _named(outcome: Outcome) -> bytes:
    """What stands in a dead letter for a body that never came: which object it was."""
    return outcome.native_id.encode() if isinstance(outcome, Change) else b""
