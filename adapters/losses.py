"""One look at what a platform that pushes could not tell us: asked of it, told, then noted as asked."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from adapters.echoes import is_ours
from adapters.gateway import named
from adapters.looks import Looked
from adapters.port import Change, Losses
from adapters.sorting import Stored
from adapters.telling import NotKeptError, leading
from schemas.wire.records import new_correlation
from schemas.wire.telemetry import Metric

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence
    from datetime import datetime

    from adapters.looks import View
    from adapters.memory import Known
    from adapters.port import Claim, Later, Loss, Never, Outcome, Reminding
    from adapters.sorting import Answer
    from adapters.telling import Admit
    from adapters.watch import Watch


class LossLooker:
    """Asks one instance for what its webhooks could not bring. It goes through admission, as they do, under their own markers."""

    def __init__(
        self,
        name: str,
        client: Reminding,
        watch: Watch,
        recall: Callable[[Iterable[str], Iterable[str]], Awaitable[Known]],
        admit: Admit,
        room: Callable[[], int],
        clock: Callable[[], datetime],
    ) -> None:
        self._name, self._client, self._watch, self._recall = name, client, watch, recall
        self._admit, self._room, self._clock = admit, room, clock
        self._waiting: dict[str, int] = {}

    async def look(self, view: View) -> Looked | Later | Never:
        """Ask once. Raises NotKeptError, LeaseLost, LedgerUnavailable; nothing is noted that was not stored."""
        found = await self._client.lost(view.poll.space, view.cursor, view.poll.since, self._ours)
        if not isinstance(found, Losses):
            return found
        await self._tell(found, view)
        await self._note(found.cursor, view)
        self._waiting[view.poll.space] = found.waiting
        self._show()
        return Looked(changed=found.waiting > 0)

    def left(self, space: str) -> None:
        """What waits there is not ours to ask for any more."""
        self._waiting.pop(space, None)
        self._show()

    def _show(self) -> None:
        Metric.losses.labels(self._name).set(sum(self._waiting.values()))

    async def _ours(self, claims: Sequence[Claim]) -> frozenset[Claim]:
        known = (await self._recall({claim.native_id for claim in claims}, ())).natives if claims else {}
        return frozenset(claim for claim in claims if is_ours(claim, known.get(claim.native_id)))

    async def _tell(self, found: Losses, view: View) -> None:
        """As many at once as the spool could take, in order; what was stored is noted, whatever becomes of the rest."""
        rest = found.losses
        while rest:
            answers = await self._answers(rest[: max(1, self._room())])
            stored, refused = leading(answers)
            self._count(answers[:stored])
            rest = rest[stored:]
            if stored and rest:
                await self._note(rest[0].cursor, view)
            if refused is not None:
                raise NotKeptError(refused.reason)

    async def _answers(self, portion: Sequence[Loss]) -> list[Answer]:
        """All at once: admission makes one batch of them."""
        outcomes = [await named(self._client, one.outcome) for one in portion]
        return await asyncio.gather(*(self._admit((one,), _named(one), new_correlation()) for one in outcomes))

    async def _note(self, cursor: str | None, view: View) -> None:
        if cursor != view.cursor:
            await self._watch.keep(view.poll.space, [], self._clock(), cursor)
            view.cursor = cursor

    def _count(self, answers: Sequence[Answer]) -> None:
        for answer in answers:
            if isinstance(answer, Stored):
                for said in answer.said:
                    Metric.recovered.labels(self._name, said.partition("=")[0]).inc()


def _named(outcome: Outcome) -> bytes:
    """What stands in a dead letter for a body that never came: which object it was."""
    return outcome.native_id.encode() if isinstance(outcome, Change) else b""
