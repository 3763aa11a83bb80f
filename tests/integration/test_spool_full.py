"""A spool with no room left, on a real PostgreSQL: what waits in it goes on all the same, since what takes its place needs no other."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest
from nacl.public import PrivateKey

from adapters.admission import Admission
from adapters.completions import Completions
from adapters.ledger import Ledger
from adapters.memory import KnownObject, Memory
from adapters.port import Act, Change
from adapters.sorting import NotStored, Seat
from adapters.spool import Kind, Record, Spool, pack_change
from adapters.ties import Tie, TieState
from schemas.envelope import object_id
from schemas.facts.message import Author, Content
from schemas.keys import SigningKey
from schemas.wire.publisher import Place
from schemas.words import Audience
from tests.fakes_adapters import until
from tests.fakes_plain import SPACE, PlainRse, an_instance

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from adapters.outgoing import Outgoing
    from adapters.ties import Ties

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
TIE = Tie(SPACE, "futurs", "Futurs", Audience.MEMBERS, Audience.MEMBERS, externals=False, state=TieState.CONFIRMED, renewed_at=NOW)
LIMIT = 2
HEARD, EARLIER = "2026-03-01T11:00:00.000Z", "2026-03-01T10:00:00.000Z"


@dataclass
class Out:
    """A Kafka that takes all."""

    records: list[Record] = field(default_factory=list)

    async def put(self, records: Sequence[Record]) -> list[Place | None]:
        self.records += records
        return [Place(record.topic, 0, number) for number, record in enumerate(records)]

    async def drain(self) -> None:
        """Nothing of Kafka's waits."""


@dataclass
class World:
    """An admission whose spool holds as much as it may: edits of messages that were heard of in a later state."""

    admission: Admission
    completions: Completions
    spool: Spool
    out: Out
    rse: PlainRse

    async def waiting(self) -> dict[Kind, int]:
        self.admission.wake()
        await asyncio.sleep(0)
        return {kind: count for kind, count in self.spool.waiting.items() if count}


def edit(native_id: str, version: str = EARLIER) -> Change:
    said = Content(html="<p>Bonjour</p>", text="Bonjour")
    return Change(Act.EDITED, native_id, version, "m", SPACE, "u1", NOW, Author(name="Ada", organisation="F"), said)


@pytest.fixture
async def world(database_url: str, tmp_path: Path) -> AsyncIterator[World]:
    ledger, instance, out, rse = await Ledger.open(database_url, size=3), an_instance(tmp_path), Out(), PlainRse()
    memory, spool = Memory(ledger, "rse"), Spool(ledger, "rse", LIMIT)
    names = [f"post:{number}" for number in range(LIMIT)]
    await memory.remember(
        [KnownObject(name, object_id(instance.node, name), "own", None, (HEARD,), SPACE, TIE.community) for name in names]
    )
    parked = [Record("", SPACE.encode(), pack_change(edit(name)), []) for name in names]
    await spool.store(Kind.PARKED, parked, NOW)
    ties, key = SimpleNamespace(known={SPACE: TIE}.get), SigningKey.generate(instance.node)
    seat = Seat(
        "rse", instance, key, memory, cast("Ties", ties), spool, cast("Outgoing", out), PrivateKey.generate().public_key,
        lambda: NOW + timedelta(hours=1), print, print,
    )  # fmt: skip
    admission = Admission(seat)
    running = asyncio.create_task(admission.run())
    yield World(admission, Completions("rse", rse, spool, admission), spool, out, rse)
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    await ledger.close()


async def test_what_is_parked_and_must_be_asked_for_leaves_a_full_spool(world: World) -> None:
    await until(world.waiting, {Kind.INCOMPLETE: LIMIT})


async def test_what_was_asked_for_and_must_be_asked_again_leaves_a_full_spool(world: World) -> None:
    await until(world.waiting, {Kind.INCOMPLETE: LIMIT})
    world.rse.completions = {f"post:{number}": edit(f"post:{number}") for number in range(LIMIT)}

    async def asked() -> dict[Kind, int]:
        await world.completions.ask()
        return await world.waiting()

    await until(asked, {})
    assert [dict(record.headers)["ce_nativeid"].decode() for record in world.out.records] == ["post:0", "post:1"]


async def test_a_webhook_takes_no_place_that_is_not_there(world: World) -> None:
    await until(world.waiting, {Kind.INCOMPLETE: LIMIT})
    assert await world.admission.admit([edit("post:0")], b"{}", "0" * 32) == NotStored("spool_full")
    assert await world.waiting() == {Kind.INCOMPLETE: LIMIT}
