"""A ledger that can be read and keeps nothing, as with a full disk: what Kafka took meanwhile is known all the same."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from adapters.ledger import LedgerUnavailable, Unstorable
from adapters.memory import KnownObject
from adapters.owed import Owed
from adapters.sorting import NotStored, Stored
from tests.fakes_plain import SPACE
from tests.unit.test_adapters_admission import Desk, desk

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["desk"]
AWAY = NotStored("ledger_unavailable")


@pytest.fixture
def filled(desk: Desk) -> Desk:
    """A desk whose ledger keeps nothing."""
    desk.memory.open.set()
    desk.memory.fails = True
    return desk


async def stored(desk: Desk, **said: Any) -> None:
    async with asyncio.timeout(5):
        while not isinstance(await desk.ask(**said), Stored):
            pass


async def published(desk: Desk, **said: Any) -> None:
    """Its platform is told to come again, and it does until Kafka has it: what comes at once shares the fate of what is on its way."""
    async with asyncio.timeout(5):
        while not any(dict(record.headers)["ce_changemarker"].decode().startswith(said["what"]) for record in desk.out.records):
            assert await desk.ask(**said) == AWAY


async def published_now(desk: Desk, **said: Any) -> None:
    """It is taken, and leaves as an event."""
    before = len(desk.out.records)
    await stored(desk, **said)
    assert len(desk.out.records) == before + 1


async def test_what_kafka_took_from_a_full_disk_is_liked_and_taken_back(filled: Desk) -> None:
    await published(filled, what="post", id="post:1", locator="topic:1/1")
    filled.memory.fails = False
    await published_now(filled, what="react", id="like:1", parent="topic:1/1", emoji="👍")
    await published_now(filled, what="delete", id="post:1", version="2")


async def test_the_ledger_is_told_what_it_is_owed_as_soon_as_it_has_room(filled: Desk) -> None:
    await published(filled, what="post", id="post:1")
    filled.memory.fails = False
    await stored(filled, what="delete", id="post:1", version="2")
    assert filled.memory.objects["post:1"].deleted
    await stored(filled, what="post", id="post:2")
    assert filled.memory.objects["post:1"].deleted


async def test_nothing_more_is_published_before_the_ledger_has_been_told(filled: Desk) -> None:
    await published(filled, what="post", id="post:1")
    for what in ("post:2", "post:3"):
        assert await filled.ask(what="post", id=what) == AWAY
    assert filled.events == {"post:1"}
    filled.memory.fails = False
    await stored(filled, what="post", id="post:2")
    assert (filled.events, set(filled.memory.objects)) == ({"post:1", "post:2"}, {"post:1", "post:2"})


async def test_what_the_ledger_can_never_hold_is_owed_no_longer_and_the_rest_is_paid() -> None:
    debts, kept = Owed(), set[str]()
    debts.owe(KnownObject(name, "s", "own", None, (), SPACE, "futurs") for name in "abc")

    async def remember(objects: Sequence[KnownObject]) -> None:
        if "b" in {one.native_id for one in objects}:
            raise Unstorable
        kept.update(one.native_id for one in objects)

    await debts.pay(remember)
    assert kept == {"a", "c"}
    assert debts.among("abc") == []


async def test_a_debt_that_cannot_be_paid_stays_one() -> None:
    debts = Owed()
    debts.owe([KnownObject("a", "s", "own", None, (), SPACE, "futurs")])

    async def remember(_: Sequence[KnownObject]) -> None:
        raise LedgerUnavailable

    with pytest.raises(LedgerUnavailable):
        await debts.pay(remember)
    assert [one.native_id for one in debts.among(["a"])] == ["a"]
