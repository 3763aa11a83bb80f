"""A spool whose ledger did what it was asked and could not say so: it is counted again, so that nothing is waited for that has gone."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from adapters.ledger import Ledger, LedgerUnavailable, Unstorable, migrate
from adapters.spool import Kind, Record, Spool

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LIMIT = 3


class Unheard(Ledger):
    """A ledger whose answers are lost while it is `mute`; what it was told it has done."""

    mute = False

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Any]:
        async with super().connection() as connection:
            yield connection
        if self.mute:
            raise LedgerUnavailable("ConnectionDoesNotExistError")


@pytest.fixture
async def ledger(database_url: str) -> AsyncIterator[Unheard]:
    await asyncio.to_thread(migrate, database_url)
    ledger = await Unheard.open(database_url, size=2)
    yield ledger
    await ledger.close()


def rows(count: int) -> list[Record]:
    return [Record("", b"", b"{}", []) for _ in range(count)]


@pytest.mark.parametrize("kind", list(Kind))
async def test_what_was_removed_unheard_is_waited_for_no_longer(ledger: Unheard, kind: Kind) -> None:
    spool = Spool(ledger, "rse", LIMIT)
    await spool.store(kind, rows(2), NOW)
    positions = [row.position for row in await spool.first(kind, LIMIT)]
    ledger.mute = True
    with pytest.raises(LedgerUnavailable):
        await spool.remove(kind, positions)
    ledger.mute = False
    assert spool.moves  # in doubt, somebody looks
    assert await spool.first(kind, LIMIT) == []
    assert not spool.moves


@pytest.mark.parametrize("kind", list(Kind))
async def test_what_was_stored_unheard_is_served(ledger: Unheard, kind: Kind) -> None:
    spool = Spool(ledger, "rse", LIMIT)
    ledger.mute = True
    with pytest.raises(LedgerUnavailable):
        await spool.store(kind, rows(2), NOW)
    ledger.mute = False
    assert spool.waiting[kind] == 2
    assert len(await spool.first(kind, LIMIT)) == 2
    assert spool.room == 1


async def test_a_spool_that_only_seemed_full_takes_what_comes(ledger: Unheard) -> None:
    spool = Spool(ledger, "rse", LIMIT)
    await spool.store(Kind.PARKED, rows(LIMIT), NOW)
    positions = [row.position for row in await spool.first(Kind.PARKED, LIMIT)]
    ledger.mute = True
    with pytest.raises(LedgerUnavailable):
        await spool.remove(Kind.PARKED, positions)
    ledger.mute = False
    await spool.store(Kind.RECORD, rows(LIMIT), NOW)
    assert (spool.waiting[Kind.PARKED], spool.waiting[Kind.RECORD]) == (0, LIMIT)


async def test_what_the_ledger_refused_counts_as_nothing(ledger: Unheard) -> None:
    spool = Spool(ledger, "rse", LIMIT)
    with pytest.raises(Unstorable):
        await spool.store(Kind.PARKED, [Record("\0", b"", b"{}", [])], NOW)
    assert not spool.moves


async def test_what_is_stored_while_it_is_counted_counts_once(ledger: Unheard) -> None:
    spool = Spool(ledger, "rse", 100)
    await asyncio.gather(*(spool.store(Kind.PARKED, rows(1), NOW) for _ in range(20)), *(spool.count() for _ in range(20)))
    assert spool.waiting[Kind.PARKED] == 20
