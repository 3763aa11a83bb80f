"""Batches on their way: the next one is decided while one is stored, and shares its fate."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from nacl.bindings import crypto_box_SEALBYTES
from nacl.public import PrivateKey

from adapters import admission, sorting
from adapters.admission import Admission
from adapters.ledger import LedgerUnavailable, Unstorable
from adapters.memory import Known, KnownObject
from adapters.owed import Owed
from adapters.port import Altered, Nonsense
from adapters.sorting import CUT, IN_FIRST_LETTER, NotStored, Seat, Stored
from adapters.spool import SpoolFull
from adapters.ties import Tie, TieState
from schemas import topics
from schemas.envelope import object_id
from schemas.keys import SigningKey
from schemas.wire.publisher import Place
from schemas.words import Audience
from tests.fakes_plain import SPACE, an_instance, change_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Sequence
    from pathlib import Path

    from adapters.settings import Instance
    from adapters.sorting import Answer
    from adapters.spool import Record

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ROOM = 10
SEAL = crypto_box_SEALBYTES
TIE = Tie(SPACE, "futurs", "Futurs", Audience.MEMBERS, Audience.MEMBERS, externals=False, state=TieState.CONFIRMED, renewed_at=NOW)


@dataclass
class SlowMemory:
    """A ledger that keeps what it is told only when it is let, and then fails if it shall."""

    open: asyncio.Event = field(default_factory=asyncio.Event)
    recalled: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))
    fails: bool = False
    unfit: frozenset[str] = frozenset()
    """Native ids that it cannot be asked for."""
    unkept: frozenset[str] = frozenset()
    """Native ids that it cannot keep."""
    objects: dict[str, KnownObject] = field(default_factory=dict)
    owed: Owed = field(default_factory=Owed)

    async def recall(self, references: Iterable[str], actors: Iterable[str]) -> Known:
        del actors
        asked = set(references)
        if self.unfit & asked:
            raise Unstorable
        known = Known()
        for one in self.objects.values():
            known.add(one)
        known.renew(self.owed.among(asked))
        self.recalled.release()
        return known

    def owe(self, objects: Sequence[KnownObject]) -> None:
        self.owed.owe(objects)

    async def pay(self) -> None:
        await self.owed.pay(self._remember)

    async def remember(self, objects: Sequence[KnownObject]) -> None:
        await self.owed.pay(self._remember)
        await self._remember(objects)

    async def _remember(self, objects: Sequence[KnownObject]) -> None:
        await self.open.wait()
        if self.fails:
            raise LedgerUnavailable
        if self.unkept & {one.native_id for one in objects}:
            raise Unstorable
        self.objects |= {one.native_id: one for one in objects}

    def secret(self, actor: str) -> bytes:
        return actor.encode().ljust(32)


@dataclass
class Out:
    """Kafka that takes all, or a spool that has room for ten."""

    records: list[Record] = field(default_factory=list)
    away: bool = False

    async def put(self, records: Sequence[Record]) -> list[Place | None]:
        if self.away and len(records) > ROOM:
            raise SpoolFull
        self.records += records
        return [Place(record.topic, 0, number) for number, record in enumerate(records)]

    async def drain(self) -> None:
        """Nothing waits."""


@dataclass
class Desk:
    """An admission at work over the fakes."""

    memory: SlowMemory
    out: Out
    instance: Instance
    admission: Admission
    hinted: list[str]
    observes: bool = False

    def ask(self, **said: Any) -> asyncio.Task[Answer]:
        return asyncio.ensure_future(self.admission.admit([change_of(said, self.instance)], b"{}", "0" * 32))

    @property
    def letters(self) -> list[str]:
        """Why each dead letter became one."""
        return [dict(record.headers)["dlq_reason"].decode() for record in self.out.records if record.topic == topics.ADAPTERS_DLQ.name]

    @property
    def events(self) -> set[str]:
        """The native ids of what was published."""
        return {dict(record.headers)["ce_nativeid"].decode() for record in self.out.records if record.topic == topics.RSE_INBOUND.name}

    @property
    def parents(self) -> list[str | None]:
        headers = [dict(record.headers) for record in self.out.records]
        return [found["ce_parent"].decode() if "ce_parent" in found else None for found in headers]


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    memory, out, instance, hinted = SlowMemory(), Out(), an_instance(tmp_path), list[str]()
    spool = SimpleNamespace(waiting=Counter(), limit=ROOM, room=ROOM, first=_nothing)
    ties = SimpleNamespace(known={SPACE: TIE}.get)
    seat = Seat(
        "rse", instance, SigningKey.generate(instance.node), memory, ties, spool, out, PrivateKey.generate().public_key, lambda: NOW, hinted.append, hinted.append, observes=lambda: made.observes  # type: ignore[arg-type]  # fakes
    )  # fmt: skip
    admission = Admission(seat)
    made = Desk(memory, out, instance, admission, hinted)
    running = asyncio.create_task(admission.run())
    yield made
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running


async def _nothing(_kind: object, _limit: int) -> list[object]:
    return []


async def test_a_reply_is_decided_while_its_parent_is_still_being_stored(desk: Desk) -> None:
    post = desk.ask(what="post", id="post:1", locator="topic:1/1")
    await desk.memory.recalled.acquire()
    reply = desk.ask(what="post", id="post:2", parent="topic:1/1")
    await desk.memory.recalled.acquire()
    assert len(desk.out.records) == 1
    assert not post.done()
    desk.memory.open.set()
    assert isinstance(await post, Stored)
    assert isinstance(await reply, Stored)
    assert desk.parents == [None, object_id(desk.instance.node, "post:1")]


async def test_those_who_come_one_by_one_behind_a_batch_on_its_way_are_decided_together(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admission, "GATHER_SECONDS", 0.5)  # longer than a busy machine takes to ask
    first = desk.ask(what="post", id="post:1")
    await desk.memory.recalled.acquire()
    crowd = []
    for number in range(2, 8):
        crowd.append(desk.ask(what="post", id=f"post:{number}"))
        await asyncio.sleep(0)
    await desk.memory.recalled.acquire()
    assert desk.memory.recalled.locked()
    desk.memory.open.set()
    assert all(isinstance(answer, Stored) for answer in await asyncio.gather(first, *crowd))
    assert desk.memory.recalled.locked()


async def test_what_was_decided_upon_a_batch_that_could_not_be_stored_is_not_stored_either(desk: Desk) -> None:
    desk.memory.fails = True
    post = desk.ask(what="post", id="post:1", locator="topic:1/1")
    await desk.memory.recalled.acquire()
    reply = desk.ask(what="post", id="post:2", parent="topic:1/1")
    await desk.memory.recalled.acquire()
    desk.memory.open.set()
    assert [await post, await reply] == [NotStored("ledger_unavailable")] * 2
    assert len(desk.out.records) == 1
    desk.memory.fails = False
    assert isinstance(await desk.ask(what="post", id="post:1", locator="topic:1/1"), Stored)
    first, again = (dict(record.headers)["ce_id"] for record in desk.out.records)
    assert first == again


async def test_more_webhooks_than_the_spool_has_room_for_are_not_all_refused_at_once(desk: Desk) -> None:
    desk.memory.open.set()
    desk.out.away = True
    answers = await asyncio.gather(*(desk.ask(what="post", id=f"post:{number}") for number in range(ROOM + 2)))
    assert all(isinstance(answer, Stored) for answer in answers)
    assert len(desk.out.records) == ROOM + 2


@pytest.mark.parametrize(("claimed", "told"), [(NOW + timedelta(days=1), NOW), (NOW - timedelta(days=1), NOW - timedelta(days=1))])
async def test_an_rse_whose_clock_is_ahead_speaks_at_the_moment_it_was_heard(desk: Desk, claimed: datetime, told: datetime) -> None:
    desk.memory.open.set()
    assert isinstance(await desk.ask(what="post", id="post:1", occurred_at=claimed), Stored)
    headers = dict(desk.out.records[0].headers)
    assert datetime.fromisoformat(headers["ce_time"].decode()) == told


async def test_a_hint_about_a_space_is_passed_on_and_publishes_nothing(desk: Desk) -> None:
    said = await desk.admission.admit([Altered(SPACE, "m.room.encryption")], b"{}", "0" * 32)
    assert said == Stored(("altered=m.room.encryption",))
    assert (desk.hinted, desk.out.records) == ([SPACE], [])


def test_versions_written_meanwhile_are_not_forgotten_for_what_a_batch_decided() -> None:
    known = Known()
    known.add(KnownObject("post:9", "s", "copy", "topic:9/1", ("1", "2"), SPACE, "futurs"))
    known.renew([KnownObject("post:9", "s", "copy", None, ("1",), SPACE, "futurs", withdrawn=True)])
    assert known.find("topic:9/1") == KnownObject("post:9", "s", "copy", "topic:9/1", ("1", "2"), SPACE, "futurs", withdrawn=True)


def test_a_copy_that_we_deleted_meanwhile_stays_so_for_what_a_batch_decided() -> None:
    known = Known()
    known.add(KnownObject("post:9", "s", "copy", None, ("1",), SPACE, "futurs", deleted=True))
    known.renew([KnownObject("post:9", "s", "copy", None, ("1",), SPACE, "futurs")])
    assert known.natives["post:9"].deleted


@pytest.mark.parametrize("fault", ["unfit", "unkept"])
async def test_an_event_that_the_ledger_cannot_hold_becomes_a_dead_letter_and_its_neighbours_go_on(desk: Desk, fault: str) -> None:
    setattr(desk.memory, fault, frozenset({"post:2"}))
    desk.memory.open.set()
    answers = await asyncio.gather(*(desk.ask(what="post", id=f"post:{number}") for number in (1, 2, 3)))
    assert all(isinstance(answer, Stored) for answer in answers)
    assert [answer.said[0].partition("@")[0] for answer in answers if isinstance(answer, Stored)][1] == "nonsense=event_unfit"
    assert desk.letters == ["event_unfit"]
    assert {"post:1", "post:3"} <= desk.events
    assert set(desk.memory.objects) == {"post:1", "post:3"}
    assert isinstance(await desk.ask(what="post", id="post:4"), Stored)


async def test_of_one_webhooks_events_that_one_alone_becomes_a_dead_letter(desk: Desk) -> None:
    desk.memory.unfit = frozenset({"post:2"})
    desk.memory.open.set()
    changes = [change_of({"what": "post", "id": f"post:{number}"}, desk.instance) for number in (1, 2, 3)]
    answer = await desk.admission.admit(changes, b"{}", "0" * 32)
    assert isinstance(answer, Stored)
    assert [said.partition("=")[0] for said in answer.said] == ["event", "nonsense", "event"]
    assert (desk.events, desk.letters) == ({"post:1", "post:3"}, ["event_unfit"])


async def test_what_was_decided_upon_a_batch_that_is_settled_apart_is_decided_again(desk: Desk) -> None:
    desk.memory.unkept = frozenset({"post:2"})
    first = [desk.ask(what="post", id="post:1", locator="topic:1/1"), desk.ask(what="post", id="post:2")]
    await desk.memory.recalled.acquire()
    reply = desk.ask(what="post", id="post:3", parent="topic:1/1")
    await desk.memory.recalled.acquire()
    desk.memory.open.set()
    assert all(isinstance(answer, Stored) for answer in await asyncio.gather(*first, reply))
    assert desk.letters == ["event_unfit"]
    assert desk.parents[-1] == object_id(desk.instance.node, "post:1")


async def test_one_body_is_sealed_once_however_much_of_it_is_nonsense(desk: Desk) -> None:
    answer = await desk.admission.admit([Nonsense(f"r{number}", "content") for number in range(3)], b"x" * 100, "0" * 32)
    assert isinstance(answer, Stored)
    assert desk.letters == ["r0", "r1", "r2"]
    assert [len(record.value) - SEAL for record in desk.out.records] == [100, 0, 0]
    errors = [dict(record.headers)["dlq_error"].decode() for record in desk.out.records]
    assert errors == ["content", *[f"content ; {IN_FIRST_LETTER}"] * 2]


async def test_one_body_is_sealed_once_though_its_outcomes_are_settled_apart(desk: Desk) -> None:
    desk.memory.unfit = frozenset({"post:1", "post:2"})
    changes = [change_of({"what": "post", "id": f"post:{number}"}, desk.instance) for number in (1, 2)]
    await desk.admission.admit(changes, b"x" * 100, "0" * 32)
    assert [len(record.value) - SEAL for record in desk.out.records] == [100, 0]


async def test_a_body_too_great_for_a_dead_letter_is_cut_and_says_so(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sorting, "MOST_SEALED", 10)
    await desk.admission.admit([Nonsense("json_malformed")], b"x" * 11, "0" * 32)
    assert [len(record.value) - SEAL for record in desk.out.records] == [10]
    assert dict(desk.out.records[0].headers)["dlq_error"].decode() == CUT


async def test_an_answer_names_each_outcome_once_though_it_was_decided_twice(desk: Desk) -> None:
    desk.memory.unkept = frozenset({"post:2"})
    first = [desk.ask(what="post", id="post:1", locator="topic:1/1"), desk.ask(what="post", id="post:2")]
    await desk.memory.recalled.acquire()
    reply = desk.ask(what="delete", id="post:3")
    await desk.memory.recalled.acquire()
    desk.memory.open.set()
    await asyncio.gather(*first)
    assert await reply == Stored(("dropped=unknown_object",))


async def test_a_ledger_that_goes_while_events_are_settled_apart_has_them_sent_again(desk: Desk) -> None:
    desk.memory.unfit, desk.memory.fails = frozenset({"post:2"}), True
    desk.memory.open.set()
    answers = await asyncio.gather(*(desk.ask(what="post", id=f"post:{number}") for number in (1, 2)))
    assert answers[0] == NotStored("ledger_unavailable")
    assert isinstance(answers[1], Stored)
