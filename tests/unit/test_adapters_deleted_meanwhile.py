"""What its author deletes while its RSE is being asked about an edit of it: a platform whose versions are no times tells not which came first."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from nacl.public import PrivateKey

from adapters.admission import Admission
from adapters.completions import Completions
from adapters.decisions import Desk
from adapters.memory import Known, KnownObject
from adapters.port import Act, Change, Incomplete, Unused
from adapters.sorting import Seat, Stored
from adapters.spool import Kind, Record, Row
from adapters.ties import Tie, TieState
from adapters.verdicts import Doubt, Publish
from schemas.facts.message import Author, Content, MessageDeleted, MessageEdited, MessagePosted
from schemas.keys import SigningKey
from schemas.wire.publisher import Place
from schemas.words import Audience
from tests.fakes_plain import SPACE, an_instance

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Sequence
    from pathlib import Path

    from adapters.port import Outcome

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
TIE = Tie(SPACE, "futurs", "Futurs", Audience.MEMBERS, Audience.MEMBERS, externals=False, state=TieState.CONFIRMED, renewed_at=NOW)
POSTED = Change(
    Act.POSTED, "$1", "$1", "$1", SPACE, "@claire:rse.example", NOW, Author(name="", organisation="F"), Content(html="Oui", text="Oui")
)
EDITED = replace(POSTED, act=Act.EDITED, version="$2", marker="$2")
DELETED = replace(POSTED, act=Act.DELETED, version="$3", marker="$3", author=None, content=None)
GONE = KnownObject("$1", "s" * 32, "own", None, ("$3",), SPACE, "futurs", deleted=True)


def known(*objects: KnownObject) -> Known:
    found = Known()
    for one in objects:
        found.add(one)
    return found


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(an_instance(tmp_path), {SPACE: TIE}.get)


def test_an_edit_that_was_asked_for_does_not_raise_a_deleted_message_before_it_is_asked_for_again(desk: Desk) -> None:
    doubt = Doubt(Incomplete("$1", Act.EDITED, "$2", space=SPACE))
    assert desk.decide(replace(EDITED, asked=""), known(GONE), NOW, NOW) == doubt
    assert desk.decide(replace(EDITED, asked="$1"), known(GONE), NOW, NOW) == doubt


@pytest.mark.parametrize(
    "back",
    [
        replace(EDITED, asked="$2"),  # asked since, and told so again: without end it is never asked
        EDITED,  # seen by a poll that had found nothing there
        replace(EDITED, asked="", version="2026-03-01T11:00:05.000Z"),
    ],
)
def test_what_its_rse_says_that_stands_again_comes_back(desk: Desk, back: Change) -> None:
    decision = desk.decide(back, known(GONE), NOW, NOW)
    assert isinstance(decision, Publish)
    assert isinstance(decision.fact, MessageEdited)


@dataclass
class House:
    """A connector in memory, and an RSE in which she deletes her message while her name is asked for."""

    instance: Any
    objects: dict[str, KnownObject] = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)
    waiting: Counter[Kind] = field(default_factory=Counter)
    room: int = 10
    limit: int = 10
    set_back: int = 0
    told: list[str] = field(default_factory=list)
    redacted: bool = False

    def __post_init__(self) -> None:
        ties: Any = SimpleNamespace(known={SPACE: TIE}.get)
        this: Any = self
        key, sealing = SigningKey.generate(self.instance.node), PrivateKey.generate().public_key
        self.admission = Admission(
            Seat("rse", self.instance, key, this, ties, this, this, sealing, lambda: NOW, lambda _: None, lambda _: None)
        )
        self.completions = Completions("rse", this, this, self.admission, lambda: NOW)

    async def admit(self, *outcomes: Outcome) -> None:
        assert isinstance(await self.admission.admit(outcomes, b"{}", "0" * 32), Stored)

    # --- the ledger, the spool, Kafka

    async def recall(self, references: Iterable[str], actors: Iterable[str]) -> Known:
        del references, actors
        return known(*self.objects.values())

    async def remember(self, objects: Sequence[KnownObject]) -> None:
        self.objects |= {one.native_id: one for one in objects}

    async def pay(self) -> None:
        """Nothing is owed."""

    async def drain(self) -> None:
        """Nothing waits."""

    def secret(self, actor: str) -> bytes:
        return actor.encode().ljust(32)

    async def put(self, records: Sequence[Record]) -> list[Place | None]:
        self.told += [dict(record.headers)["ce_type"].decode() for record in records]
        return [Place(record.topic, 0, 0) for record in records]

    async def store(self, kind: Kind, records: Sequence[Record], now: datetime, *, leaving: int) -> None:
        del leaving
        for record in records:
            self.waiting[kind] += 1
            self.rows.append(Row(self.waiting.total() + 100 * len(self.told), record.value, record, now))

    async def first(self, kind: Kind, limit: int, after: int = -1) -> list[Row]:
        return [row for row in self.rows if row.position > after][:limit] if kind is Kind.INCOMPLETE else []

    async def remove(self, kind: Kind, positions: Sequence[int]) -> None:
        self.rows = [row for row in self.rows if row.position not in positions]
        self.waiting[kind] -= len(positions)

    # --- the RSE

    async def complete(self, incomplete: Incomplete) -> Change | Unused:
        assert incomplete.space == SPACE
        return Unused("m.room.message.edit_not_shown") if self.redacted else EDITED

    async def display_name(self, actor: str) -> str | None:
        del actor
        if not self.redacted:
            self.redacted = True
            await self.admit(DELETED)  # its webhook waits for no question
        return "Claire"


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    made = House(an_instance(tmp_path))
    running = asyncio.create_task(made.admission.run())
    yield made
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running


@pytest.mark.parametrize("before", [[POSTED], []])
async def test_a_message_that_is_deleted_while_its_edit_is_being_asked_for_stays_deleted(house: House, before: list[Change]) -> None:
    """Whether others were told of it before or, as where its space had no tie then, not."""
    for one in before:
        await house.admit(replace(one, author=Author(name="Claire", organisation="F")))
    await house.admit(Incomplete("$1", Act.EDITED, space=SPACE))
    for _ in range(3):
        await house.completions.ask()
    assert house.told[: len(before)] == [MessagePosted.event_type] * len(before)
    assert house.told[-1] == MessageDeleted.event_type
    assert house.rows == []
