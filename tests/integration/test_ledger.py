"""The ledger on a real PostgreSQL: migrations, one truth per object, receipts and numbers in one transaction."""

from __future__ import annotations

import asyncio
import os
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import adapters.ledger
from adapters.applied import Applied, Copy, Numbers, Refused
from adapters.ledger import Ledger, LedgerUnavailable, migrate
from adapters.memory import KnownObject, Memory
from adapters.port import Act, Order, Written
from adapters.spool import Kind, Record, Spool, SpoolFull
from adapters.ties import Tie, Ties, TieState
from schemas.facts.delivery import Delivery
from schemas.words import Audience, Verdict

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
async def ledger(database_url: str) -> AsyncIterator[Ledger]:
    ledger = await Ledger.open(database_url, size=3)
    yield ledger
    await ledger.close()


def delivery(number: int) -> Delivery:
    return Delivery(
        event="e" * 32, event_digest="d" * 64, community="c", sequence=number, topic="t", partition=0, offset=number,
        verdict=Verdict.WRITTEN, at=NOW,
    )  # fmt: skip


def order(act: Act = Act.POSTED, native_id: str | None = None) -> Order:
    return Order(act, f"key-{act}", "subject", "salon", native_id=native_id)


async def test_migrating_twice_and_at_once_is_harmless(bare_database_url: str) -> None:
    environment = os.environ | {"TRAITDUNION_LEDGER_URL": bare_database_url}
    started = [await asyncio.create_subprocess_exec(sys.executable, "-m", "adapters", "migrate", env=environment) for _ in range(2)]
    assert [await process.wait() for process in started] == [0, 0]
    await asyncio.to_thread(migrate, bare_database_url)
    ledger = await Ledger.open(bare_database_url, size=1)
    async with ledger.connection() as connection:
        version = await connection.fetchval("SELECT version_num FROM adapters.alembic_version")
    await ledger.close()
    assert version == max(path.name[:4] for path in Path(adapters.ledger.__file__).parent.glob("migrations/versions/0*.py"))


async def test_a_persons_secret_is_made_once_whoever_sees_her_first(ledger: Ledger) -> None:
    first, second = Memory(ledger, "rse"), Memory(ledger, "rse")
    await asyncio.gather(first.recall([], ["ada"]), second.recall([], ["ada"]))
    assert len(first.secret("ada")) == 32
    assert first.secret("ada") == second.secret("ada")


async def test_objects_are_found_by_either_address_and_by_their_own_instance_alone(ledger: Ledger) -> None:
    memory = Memory(ledger, "rse")
    await memory.remember([KnownObject("post:1", "s", "own", "topic:7/1", (), "salon", "c")])
    await memory.remember([KnownObject("post:1", "s", "own", None, (), "salon", "c", deleted=True)])
    found = (await memory.recall(["topic:7/1"], [])).find("post:1")
    assert found is not None
    assert found.deleted
    assert (await Memory(ledger, "other").recall(["post:1"], [])).find("post:1") is None


async def test_an_answer_closes_its_intent_with_the_copy_the_number_and_the_receipt(ledger: Ledger) -> None:
    applied, memory = Applied(ledger, "rse"), Memory(ledger, "rse")
    await applied.intend(order(), NOW)
    assert [intent.space for intent in (await memory.recall([], [])).intents] == ["salon"]
    await applied.close(delivery(4), key="key-posted", copy=Copy(order(), Written("copy:1", "v1", "topic:1/1"), "c"))
    await applied.intend(order(Act.EDITED, "copy:1"), NOW)
    await applied.close(delivery(6), key="key-edited", copy=Copy(order(Act.EDITED, "copy:1"), Written("copy:1", "v2"), "c"))
    again = Applied(ledger, "rse")
    await again.load()
    copy = (await again.here(["subject"], "c"))["subject"]
    assert (copy.native_id, copy.versions, copy.locator, copy.is_copy) == ("copy:1", ("v1", "v2"), "topic:1/1", True)
    assert again.numbers("c") == Numbers(4, frozenset({6}))
    assert await again.open_intents() == frozenset()
    assert [waiting.delivery.sequence for waiting in await again.waiting_receipts()] == [4, 6]


async def test_a_write_that_anybody_began_is_known_whatever_became_of_it(ledger: Ledger) -> None:
    one, other = Applied(ledger, "rse"), Applied(ledger, "rse")
    assert not await one.intend(order(), NOW)
    assert await other.intend(order(), NOW)
    await one.close(delivery(1), key="key-posted")
    assert await other.intend(order(), NOW)
    assert not await Applied(ledger, "another").intend(order(), NOW)


async def test_numbers_never_go_back_though_a_process_knows_less_than_another(ledger: Ledger) -> None:
    behind, ahead = Applied(ledger, "rse"), Applied(ledger, "rse")
    for applied in (behind, ahead):
        await applied.load()
    for number in (1, 2, 3, 5):
        await ahead.close(delivery(number))
    await behind.close(delivery(1))
    await behind.close(delivery(7))
    await behind.load()
    assert behind.numbers("c") == Numbers(3, frozenset({5, 7}))


async def test_what_the_writer_did_to_a_copy_meanwhile_outlives_what_a_slow_batch_remembers_of_it(ledger: Ledger) -> None:
    applied, memory = Applied(ledger, "rse"), Memory(ledger, "rse")
    await applied.close(delivery(1), copy=Copy(order(), Written("copy:1", "v1"), "c"))
    seen = (await memory.recall(["copy:1"], [])).natives["copy:1"]
    await applied.close(delivery(2), copy=Copy(order(Act.DELETED, "copy:1"), Written("copy:1", "v2"), "c"))
    await memory.remember([replace(seen, withdrawn=True)])
    kept = (await memory.recall(["copy:1"], [])).natives["copy:1"]
    assert (kept.deleted, kept.withdrawn, kept.versions) == (True, True, ("v1", "v2"))
    await memory.remember([replace(kept, withdrawn=False)])
    assert not (await memory.recall(["copy:1"], [])).natives["copy:1"].withdrawn


async def test_a_refused_creation_is_remembered(ledger: Ledger) -> None:
    applied = Applied(ledger, "rse")
    await applied.close(delivery(1), key="k", refused=Refused("subject", "too_short"))
    assert await applied.refusal("subject") == "too_short"
    assert await applied.refusal("another") is None


async def test_versions_of_one_copy_do_not_grow_for_ever(ledger: Ledger) -> None:
    applied = Applied(ledger, "rse")
    for number in range(1, 61):
        await applied.close(delivery(number), copy=Copy(order(), Written("copy:1", f"v{number}"), "c"))
    versions = (await applied.here(["subject"], "c"))["subject"].versions
    assert (len(versions), versions[-1]) == (50, "v60")


async def test_the_spool_keeps_order_and_bytes_and_refuses_what_does_not_fit(ledger: Ledger) -> None:
    spool = Spool(ledger, "rse", 3)
    records = [Record("t", b"k", bytes([n]), [("h", b"\xff"), ("h2", b"")]) for n in range(3)]
    await spool.store(Kind.RECORD, records, NOW)
    with pytest.raises(SpoolFull):
        await spool.store(Kind.RECORD, records[:1], NOW)
    rows = await spool.first(Kind.RECORD, 10)
    assert [row.record for row in rows] == records
    await spool.remove(Kind.RECORD, [row.position for row in rows[:2]])
    again = Spool(ledger, "rse", 3)
    await again.count()
    assert again.waiting[Kind.RECORD] == spool.waiting[Kind.RECORD] == 1


async def test_only_a_living_tie_lets_messages_pass(ledger: Ledger) -> None:
    ties = Ties(ledger, "rse")
    tie = Tie("salon", "c", "C", Audience.MEMBERS, Audience.MEMBERS, externals=False, state=TieState.ACCEPTED, renewed_at=NOW)
    await ties.put(replace(tie, behind="t10-11_0"))
    await ties.confirm("salon", "c", Audience.MEMBERS, NOW, "t12-13_0")
    again = Ties(ledger, "rse")
    await again.load()
    confirmed = again.of("salon")
    assert confirmed is not None
    assert (confirmed.state, confirmed.behind) == (TieState.CONFIRMED, "t10-11_0")
    await again.refuse("salon", "another community", "too_wide")
    assert again.of("salon") is not None
    await again.refuse("salon", "c", "too_wide")
    assert again.of("salon") is None


async def test_an_offset_never_goes_back(ledger: Ledger) -> None:
    applied = Applied(ledger, "rse")
    assert await applied.next_offset("t", 0) is None
    await applied.keep_offset("t", 0, 7)
    await applied.keep_offset("t", 0, 5)
    assert await applied.next_offset("t", 0) == 7


async def test_a_server_that_is_not_there_is_named_in_one_voice() -> None:
    with pytest.raises(LedgerUnavailable):
        await Ledger.open("postgresql://127.0.0.1:1/nothing")
