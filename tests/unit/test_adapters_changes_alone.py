"""Two tasks of a connector change what the ledger keeps at one moment: neither undoes what the other did."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from adapters.resyncs import COLUMNS, Lost, Resyncs
from adapters.ties import WIDER, Tie, Ties, TieState
from schemas.words import Audience

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

NOW = datetime(2026, 11, 23, tzinfo=UTC)
AWAITED: dict[str, Any] = {
    **dict.fromkeys(COLUMNS.split(", ")), "instance": "rse", "community": "c", "space": "s", "reason": "log_expired", "missed_at": NOW,
}  # fmt: skip
TIE = Tie("s", "c", "Titre", Audience.MEMBERS, Audience.MEMBERS, externals=False, state=TieState.CONFIRMED, renewed_at=NOW)


class SlowLedger:
    """Answers its first statement only when it is let; what it answers was so when it was asked."""

    def __init__(self, *rows: dict[str, Any]) -> None:
        self._rows = list(rows)
        self.asked, self.let = asyncio.Event(), asyncio.Event()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[SlowLedger]:
        yield self

    async def fetch(self, *_: object) -> list[dict[str, Any]]:
        rows = list(self._rows)
        await self._answers()
        return rows

    async def execute(self, *_: object) -> None:
        await self._answers()

    async def _answers(self) -> None:
        if not self.asked.is_set():
            self.asked.set()
            await self.let.wait()


async def beside(ledger: SlowLedger, first: Any, then: Any) -> None:
    """Begin the one, the other while its statement is on its way, and end both."""
    one = asyncio.create_task(first)
    await ledger.asked.wait()
    other = asyncio.create_task(then)
    for _ in range(20):
        await asyncio.sleep(0)
    ledger.let.set()
    await asyncio.gather(one, other)


async def test_what_has_all_come_is_awaited_no_more_though_the_ledger_was_being_read() -> None:
    ledger: Any = SlowLedger(AWAITED)
    resyncs = Resyncs(ledger, "rse")
    await beside(ledger, resyncs.load(), resyncs.end("c", NOW))
    assert resyncs.of("c") is None


async def test_what_was_found_missing_is_awaited_though_the_ledger_was_being_read() -> None:
    ledger: Any = SlowLedger()
    resyncs = Resyncs(ledger, "rse")
    await beside(ledger, resyncs.load(), resyncs.begin("c", "s", Lost.GAP.value, NOW))
    assert resyncs.of("c") is not None


async def test_a_space_that_the_hub_refuses_stays_refused_though_it_was_being_attested() -> None:
    ledger: Any = SlowLedger()
    ties = Ties(ledger, "rse")
    ties._spaces["s"] = TIE
    await beside(ledger, ties.refuse("s", "c", WIDER), ties.attested("s", "c", NOW, "Salle"))
    assert ties.of("s") is None
