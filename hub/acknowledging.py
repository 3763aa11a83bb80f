"""Tells other Trait d'union what becomes of what they brought: numbered or refused, then written by which of our nodes."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import structlog

from hub.federation import acknowledgements
from hub.federation.addresses import Addresses
from hub.operations.awaited import unacknowledged
from hub.operations.trace import steps_of
from hub.peer_work import PeerWork
from schemas.origins import origin_of
from schemas.peer_receipt import PENDING, RECEIPT_LIMIT, Acknowledged, Fate
from schemas.provenance import KnownActor
from schemas.wire.records import new_correlation
from schemas.wire.telemetry import Metric

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

    from hub.federation.owing import Owed
    from hub.operations.trace import Step
    from hub.ports import Clock
    from hub.unit_of_work import UnitOfWork
    from schemas.keys import KeyHolder
    from schemas.manifest import Registry

FIRST_LOOK: Final = timedelta(seconds=1)
LONGEST: Final = timedelta(hours=1)
WATCH: Final = timedelta(seconds=10)
FATES: Final[Mapping[str, Fate]] = {
    "sequenced": Fate.SEQUENCED,
    "held": Fate.HELD,
    "superseded": Fate.KNOWN,
    "refused": Fate.REFUSED,
}
"""Outcomes of an event, as we tell them; of any other there was nothing to do."""
log = structlog.get_logger()


class Acknowledger:
    """Looks at what is owed each second, less and less often where nothing changes, and says what is new, many at once."""

    def __init__(
        self, begin: Callable[[Registry | None], AbstractAsyncContextManager[UnitOfWork]], here: Addresses, key: KeyHolder, clock: Clock
    ) -> None:
        """Keep the parts; `key` is the hub's own, by which its registry is signed."""
        self._begin, self._here, self._key, self._clock = begin, here, key, clock
        self._watched = clock() - WATCH

    async def send_due(self) -> int:
        """Look at all that is due; returns how many activities something new was said of."""
        said = 0
        while True:
            looked, new = await self._look()
            said += new
            if looked < RECEIPT_LIMIT:
                return said

    async def watch(self) -> None:
        """Show how long others have owed us a word, every ten seconds."""
        now = self._clock()
        if now - self._watched < WATCH:
            return
        self._watched = now
        async with self._begin(None) as work:
            waiting = await unacknowledged(work.connection, now)
        for peer, found in waiting.items():
            Metric.peer_unacknowledged.labels(peer).set((now - found.since).total_seconds() if found.since else 0)
            Metric.peer_silent.labels(peer).set((now - found.silent_since).total_seconds() if found.silent_since else 0)

    async def _look(self) -> tuple[int, int]:
        async with self._begin(None) as work:
            due = await work.owed.due(RECEIPT_LIMIT, self._clock())
            if not due:
                return 0, 0
            fates = await _fates(work.connection, due, self._clock())
            new = [one for one in due if _text(fates[one.activity]) != one.told]
            for peer in sorted({one.peer for one in new}):
                self._tell([one for one in new if one.peer == peer], fates, work)
            for one in due:
                work.owed.look(self._looked_at(one, fates[one.activity]))
            await work.commit()
        return len(due), len(new)

    def _tell(self, several: Sequence[Owed], fates: Mapping[str, Acknowledged], work: UnitOfWork) -> None:
        """One receipt to one peer."""
        inbox = several[0].inbox
        to = Addresses(origin_of(inbox) or "").host_actor
        receipt = acknowledgements.activity([fates[one.activity] for one in several], to, self._here, self._key.held(), self._clock())
        PeerWork(work, {}, new_correlation()).bring("", KnownActor(to, "Application", "", inbox), receipt)
        log.info("receipt_told", peer=several[0].peer, activities=len(several))

    def _looked_at(self, one: Owed, fate: Acknowledged) -> Owed:
        looks = one.looks + 1 if _text(fate) == one.told else 1
        wait = min(FIRST_LOOK * 2 ** min(looks - 1, 20), LONGEST)
        return replace(one, told=_text(fate), looks=looks, due_at=None if _is_final(fate) else self._clock() + wait)


async def _fates(connection: AsyncConnection, due: Iterable[Owed], now: datetime) -> dict[str, Acknowledged]:
    """Activity → what became of it, as we know it now."""
    ways = {step.event: step for step in await steps_of(connection, {one.event for one in due if one.event is not None}, now)}
    return {one.activity: _fate(one, ways.get(one.event or "")) for one in due}


def _fate(one: Owed, step: Step | None) -> Acknowledged:
    if one.fate is not None or step is None:
        return Acknowledged(activity=one.activity, digest=one.digest, fate=Fate(one.fate or Fate.NOTED), reason=one.reason)
    nodes = {arrival.node: arrival.verdict or PENDING for arrival in step.arrivals}
    fate = FATES.get(step.outcome, Fate.NOTED)
    return Acknowledged(activity=one.activity, digest=one.digest, fate=fate, community=step.community, sequence=step.sequence, nodes=nodes)


def _is_final(fate: Acknowledged) -> bool:
    return fate.fate is not Fate.HELD and PENDING not in fate.nodes.values()


def _text(fate: Acknowledged) -> str:
    return json.dumps(fate.model_dump(mode="json", exclude={"activity", "digest"}, exclude_none=True), sort_keys=True)
