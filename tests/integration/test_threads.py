"""A reply comes before what it answers was taken, on a real PostgreSQL: it keeps its thread, and nothing that happens meanwhile is lost."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest
from nacl.public import PrivateKey

from adapters.admission import Admission
from adapters.completions import ENOUGH, ENOUGH_TRIES, Completions
from adapters.ledger import Ledger
from adapters.memory import Memory
from adapters.port import Act, Change, Later, Standing, Unused
from adapters.sorting import NotStored, Seat, Stored
from adapters.spool import Kind, Record, Spool
from adapters.ties import Tie, TieState
from schemas.envelope import object_id
from schemas.facts.message import Author, Content
from schemas.keys import SigningKey
from schemas.wire.publisher import Place
from schemas.words import Audience
from tests import full_disk
from tests.fakes_plain import SPACE, PlainRse, an_instance

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from adapters.outgoing import Outgoing
    from adapters.port import Incomplete, Nonsense, Outcome
    from adapters.ties import Ties

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
BEGUN = NOW - timedelta(hours=1)
TIE = Tie(
    SPACE, "futurs", "Futurs", Audience.MEMBERS, Audience.MEMBERS, externals=False, state=TieState.CONFIRMED, renewed_at=NOW, begun_at=BEGUN
)
MARCH = "2026-03-01T11:{:02}:00.000Z"
A_STANDS = Standing("post:1", NOW)


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
class Rse(PlainRse):
    """An RSE that is asked about posts, and about the one answer that is accepted."""

    accepted: Change | Later = field(default_factory=lambda: Later("not yet"))

    async def complete(self, incomplete: Incomplete) -> Change | Unused | Nonsense | Later:
        return self.accepted if incomplete.act is Act.ACCEPTED else await super().complete(incomplete)


@dataclass
class World:
    """An admission at work, an RSE to be asked, and a disk that may be full."""

    url: str
    node: str
    admission: Admission
    completions: Completions
    spool: Spool
    out: Out
    rse: Rse
    time: dict[str, datetime]
    seat: Seat

    async def taken(self, change: Change) -> Stored:
        """A webhook that comes again, as its platform sends it, while what was decided before it is refused."""
        while isinstance(answer := await self.comes(change), NotStored):
            pass
        return answer

    async def comes(self, *changes: Outcome) -> Stored | NotStored:
        return await self.admission.admit(changes, b"{}", "0" * 32)

    async def says(self, **stands: Change | Unused | Later) -> None:
        """The RSE says how things stand, and is asked."""
        self.rse.completions |= {f"post:{name[1:]}": said for name, said in stands.items()}
        await self.completions.ask()

    @contextlib.asynccontextmanager
    async def another(self) -> AsyncIterator[Admission]:
        """The process that comes after this one."""
        async with at_work(Admission(self.seat)) as admission:
            yield admission

    @property
    def told(self) -> list[tuple[str, str, str | None]]:
        """What left: the fact in a word, native id, and the native id of the parent."""
        ids = {object_id(self.node, f"post:{number}"): f"post:{number}" for number in range(10)}
        headers = [{name: raw.decode() for name, raw in record.headers} for record in self.out.records]
        return [(one["ce_type"].split(".")[-2], one["ce_nativeid"], ids.get(one.get("ce_parent", ""))) for one in headers]


@contextlib.asynccontextmanager
async def at_work(admission: Admission) -> AsyncIterator[Admission]:
    running = asyncio.create_task(admission.run())
    yield admission
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running


@pytest.fixture
async def world(database_url: str, tmp_path: Path) -> AsyncIterator[World]:
    ledger, instance, out, rse, time = await Ledger.open(database_url, size=3), an_instance(tmp_path), Out(), Rse(), {"now": NOW}
    await full_disk.install(database_url)
    memory, spool = Memory(ledger, "rse"), Spool(ledger, "rse", 20)
    ties, key = SimpleNamespace(known={SPACE: TIE}.get), SigningKey.generate(instance.node)
    seat = Seat(
        "rse", instance, key, memory, cast("Ties", ties), spool, cast("Outgoing", out), PrivateKey.generate().public_key,
        lambda: time["now"], print, print,
    )  # fmt: skip
    await memory.recall([], ["u1"])  # she is known: the ledger needs no room for her
    async with at_work(Admission(seat)) as admission:
        completions = Completions("rse", rse, spool, admission, lambda: time["now"])
        yield World(database_url, instance.node, admission, completions, spool, out, rse, time, seat)
    await ledger.close()


def post(number: int, answers: int | None = None, act: Act = Act.POSTED, minute: int = 1) -> Change:
    """A post of a topic; its number there is its own."""
    said, version = Content(html=f"<p>{minute}</p>", text=str(minute)), MARCH.format(minute)
    return Change(
        act, f"post:{number}", version, f"{act}:{version}", SPACE, "u1", NOW, Author(name="Ada", organisation="F"), said,
        parent=f"topic:7/{answers}" if answers is not None else None, locator=f"topic:7/{number}",
    )  # fmt: skip


def stands(change: Change, standing: Standing = A_STANDS) -> Change:
    return replace(change, answers=standing)


async def test_a_reply_names_what_kafka_took_and_the_ledger_could_not_remember(world: World) -> None:
    async with full_disk.full(world.url):
        assert isinstance(await world.comes(post(1)), NotStored)
    await world.taken(post(2, answers=1))  # what the ledger owes is remembered in memory: nobody need be asked
    await world.taken(post(1))
    assert world.told[:2] == [("posted", "post:1", None), ("posted", "post:2", "post:1")]
    assert world.spool.waiting[Kind.INCOMPLETE] == 0


async def test_what_it_answers_comes_while_the_rse_is_asked_and_is_found_at_home(world: World) -> None:
    await world.comes(post(2, answers=1))
    await world.comes(post(1))
    await world.says(_2=stands(post(2, answers=1), Standing()))
    assert world.told == [("posted", "post:1", None), ("posted", "post:2", "post:1")]


async def test_an_edit_and_a_reply_to_it_wait_behind_a_reply_that_waits(world: World) -> None:
    edited = post(2, answers=1, act=Act.EDITED, minute=5)
    await world.comes(post(2, answers=1))
    await world.comes(edited)
    await world.comes(post(3, answers=2))
    assert world.told == []
    await world.says(_2=stands(edited), _3=stands(post(3, answers=2), Standing("post:2", NOW)))
    assert {one[1:] for one in world.told[:2]} == {("post:2", "post:1")}
    assert world.told[2:] == [("posted", "post:3", "post:2")]


async def test_a_reply_that_was_deleted_while_it_waited_ends_deleted(world: World) -> None:
    await world.comes(post(2, answers=1))
    gone = replace(post(2, answers=1, act=Act.DELETED, minute=9), content=None)
    assert await world.comes(replace(gone, asked="")) == Stored(("dropped=unknown_object",))
    await world.says(_2=gone)
    assert [kind for kind, *_ in world.told] == ["deleted"]
    await world.comes(post(2, answers=1))
    await world.says(_2=Unused("post_gone"))
    assert [kind for kind, *_ in world.told] == ["deleted"]


def liked(number: int, native_id: str = "like:2/camille") -> Change:
    author = Author(name="Camille", organisation="F")
    return Change(Act.REACTED, native_id, "", "post_liked", SPACE, "u1", NOW, author, parent=f"post:{number}", emoji="❤️")


async def test_what_is_set_on_a_reply_that_waits_is_told_behind_it(world: World) -> None:
    accepted = Change(Act.ACCEPTED, "solution:7", "", "", SPACE, "u1", NOW, parent="post:2", asked="")
    await world.comes(post(2, answers=1))
    assert await world.comes(liked(2)) == Stored(("incomplete",))
    assert await world.comes(accepted) == Stored(("incomplete",))
    world.rse.accepted = replace(accepted, asked=None)
    await world.says(_2=stands(post(2, answers=1)))
    assert [kind for kind, *_ in world.told] == ["posted", "added", "accepted"]
    assert world.told[1:] == [("added", "like:2/camille", "post:2"), ("accepted", "solution:7", "post:2")]
    assert world.spool.waiting[Kind.INCOMPLETE] == 0


async def test_what_is_set_on_it_waits_as_long_as_the_rse_fails_on_it_and_holds_up_nothing(world: World) -> None:
    await world.comes(post(2, answers=1))
    await world.comes(liked(2))
    await world.comes(post(3, answers=1))
    await world.says(_2=Later("status_500"), _3=stands(post(3, answers=1)))
    assert world.told == [("posted", "post:3", "post:1")]
    world.time["now"] += timedelta(minutes=5)
    await world.says(_2=stands(post(2, answers=1)))
    assert world.told[1:] == [("posted", "post:2", "post:1"), ("added", "like:2/camille", "post:2")]


async def test_what_is_set_on_it_is_told_though_its_words_are_told_for_want_of_an_answer(world: World) -> None:
    await world.comes(post(2, answers=1))
    await world.comes(liked(2))
    world.rse.completions["post:2"] = Later("status_500")
    for _ in range(2 * ENOUGH_TRIES + 20):
        world.time["now"] += ENOUGH / 5
        await world.completions.ask()
    assert world.told == [("posted", "post:2", None), ("added", "like:2/camille", "post:2")]
    assert world.spool.waiting[Kind.INCOMPLETE] == 0


async def test_what_is_set_on_a_reply_that_went_while_it_waited_goes_with_it(world: World) -> None:
    await world.comes(post(2, answers=1))
    await world.comes(liked(2))
    await world.says(_2=Unused("post_gone"))
    assert (world.told, world.spool.waiting[Kind.INCOMPLETE]) == ([], 0)


async def test_a_process_that_starts_knows_who_waits(world: World) -> None:
    await world.comes(post(2, answers=1))
    async with world.another() as admission:
        assert await admission.admit([liked(2)], b"{}", "0" * 32) == Stored(("incomplete",))
        assert await admission.admit([liked(3, "like:3/camille")], b"{}", "0" * 32) == Stored(("dropped=unknown_object",))


async def test_others_that_answer_the_same_are_not_asked_about_again(world: World) -> None:
    await world.comes(post(2, answers=1))
    await world.says(_2=stands(post(2, answers=1), Standing("post:1", BEGUN - timedelta(days=1))))
    assert (await world.comes(post(3, answers=1))) != Stored(("incomplete",))
    assert world.told == [("posted", "post:2", None), ("posted", "post:3", None)]


async def test_where_the_rse_fails_for_hours_a_reply_is_told_as_its_webhook_proved_it(world: World) -> None:
    await world.comes(post(2, answers=1))
    world.rse.completions["post:2"] = Later("status_500")
    for _ in range(ENOUGH_TRIES + 10):
        world.time["now"] += ENOUGH / 5
        await world.completions.ask()
    assert world.told == [("posted", "post:2", None)]
    assert world.spool.waiting[Kind.INCOMPLETE] == 0
