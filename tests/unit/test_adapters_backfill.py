"""One step of a back-fill at a time: when it rests, what it brings, what it leaves out, what it takes back."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from prometheus_client import REGISTRY

from adapters.backfill import IDLE_SECONDS, KNOWN, PORTION, TROUBLE_SECONDS, Backfiller, Bringing
from adapters.backfills import MOST_ITEMS, Item, Job, Progress, State
from adapters.ledger import LedgerUnavailable
from adapters.memory import Coming, Known, KnownObject
from adapters.offers import Held, Recounted, Survey
from adapters.port import Act, Change, Later, Never, Nonsense, Unused
from adapters.sorting import NotStored, Stored
from adapters.spool import Kind
from adapters.ties import Tie, TieState
from schemas.facts.message import Author, Content
from schemas.words import Audience
from tests.fakes_adapters import COMMUNITY
from tests.fakes_plain import SPACE, an_instance

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from pathlib import Path

    from adapters.port import Outcome
    from adapters.sorting import Answer

NOW = datetime(2026, 3, 31, tzinfo=UTC)
JOB = Job(SPACE, COMMUNITY, NOW - timedelta(days=30), NOW, State.BRINGING, None)
TIE = Tie(SPACE, COMMUNITY, "Futurs", Audience.MEMBERS, Audience.MEMBERS, externals=False, state=TieState.CONFIRMED, renewed_at=NOW)
OLD = Change(
    Act.POSTED, "post:1", "v", "post_created:v", SPACE, "user:1", NOW - timedelta(days=9), Author(name="Ada", organisation="F"),
    Content(html="Bonjour", text="Bonjour"),
)  # fmt: skip


@dataclass
class FakeBackfills:
    job: Job | None = JOB
    items: dict[str, Item] = field(default_factory=lambda: {"post:1": Item.WAITING})
    surveyed: list[tuple[list[str], str | None, str]] = field(default_factory=list)
    ended: list[tuple[State, str]] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    asked: list[tuple[str, int, datetime]] = field(default_factory=list)
    already: int = 0

    async def ask_once(self, space: str, community: str, days: int, since: datetime, until: datetime) -> None:
        assert (community, until) == (COMMUNITY, NOW)
        self.asked.append((space, days, since))

    async def claim(self) -> Job | None:
        return self.job

    async def found(self, job: Job, items: Sequence[Held], cursor: str | None, reason: str = "") -> None:
        assert job
        self.surveyed.append(([one.native_id for one in items], cursor, reason))

    async def count(self, job: Job) -> int:
        assert job
        return self.already

    async def oldest(self, job: Job, *, urgent: bool = False, but: Collection[str] = ()) -> tuple[str, Item] | None:
        assert job
        wanted = {Item.TELLING} if urgent else {Item.WAITING, Item.TELLING}
        return next(((name, state) for name, state in self.items.items() if state in wanted and name not in but), None)

    async def let_be(self, job: Job, native_id: str, *, tried: bool) -> None:
        await self.mark(job, native_id, Item.TELLING if tried else Item.WAITING)

    async def keep(self, job: Job) -> None:
        assert job

    async def newest_brought(self, job: Job) -> tuple[str, Item] | None:
        assert job
        return next(((name, state) for name, state in self.items.items() if state in {Item.BROUGHT, Item.UNTELLING}), None)

    async def mark(self, job: Job, native_id: str, state: Item, reason: str = "") -> None:
        assert job
        self.items[native_id] = state
        self.reasons.append(reason)

    async def end(self, job: Job, state: State, reason: str = "") -> None:
        assert job
        self.ended.append((state, reason))

    async def progress(self) -> list[Progress]:
        return []


@dataclass
class Rse:
    outcome: Change | Unused | Nonsense | Later = OLD
    set_on: tuple[Change, ...] = ()
    page: Survey | Later | Never = field(default_factory=lambda: Survey((), None))

    async def survey(self, space: str, since: datetime, cursor: str | None) -> Survey | Later | Never:
        assert (space, since, cursor) == (JOB.space, JOB.since, None)
        return self.page

    async def display_name(self, actor: str) -> str | None:
        return f"Personne {actor}"

    async def recount(self, space: str, native_id: str) -> Recounted | Unused | Nonsense | Later:
        assert (space, native_id) == (SPACE, "post:1")
        return Recounted(self.outcome, self.set_on) if isinstance(self.outcome, Change) else self.outcome


@dataclass
class World:
    """The parts of a back-filler, and what its admission was told."""

    folder: Path
    backfills: FakeBackfills = field(default_factory=FakeBackfills)
    rse: Rse = field(default_factory=Rse)
    tie: Tie | None = TIE
    paused: bool = False
    waiting: dict[Kind, int] = field(default_factory=dict)
    told: list[Any] = field(default_factory=list)
    answer: Answer = field(default_factory=lambda: Stored(("event=e@t",)))
    known: Known = field(default_factory=Known)
    settings: dict[str, Any] = field(default_factory=dict)
    wanted: set[str] = field(default_factory=set)
    now: datetime = NOW
    batches: list[Sequence[Outcome]] = field(default_factory=list)
    asking: asyncio.Lock = field(default_factory=asyncio.Lock)
    observes: bool = False

    @property
    def moves(self) -> bool:
        return any(self.waiting.values())

    def of(self, space: str) -> Tie | None:
        return self.tie if space == SPACE else None

    async def admit(self, outcomes: Sequence[Outcome], body: bytes, correlation: str) -> Answer:
        assert (body, len(correlation)) == (b"", 32)
        self.told += outcomes
        self.batches.append(outcomes)
        return self.answer

    async def want(self, native_ids: Sequence[str]) -> bool:
        news = not self.wanted.issuperset(native_ids)
        self.wanted |= set(native_ids)
        return news

    async def recall(self, references: Sequence[str], actors: Sequence[str]) -> Known:
        assert {"post:1", "topic:7/1"} & {*references} or not references
        assert actors in (["operator"], [])
        return self.known

    def filler(self, clock: Callable[[], datetime] = lambda: NOW) -> Backfiller:
        parts: dict[str, Any] = {
            "client": self.rse, "ties": self, "backfills": self.backfills, "memory": self, "spool": self, "pause": self, "admit": self.admit,
            "asking": self.asking, "observes": lambda: self.observes,
        }  # fmt: skip
        return Backfiller(Bringing("rse", an_instance(self.folder, **self.settings), clock=clock, **parts))

    async def step(self) -> float:
        return await self.filler().step()


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


async def test_an_observer_brings_no_history_before_it_speaks_but_takes_back_what_it_brought(world: World) -> None:
    world.observes = True
    await world.step()
    assert (world.told, world.backfills.items) == ([], {"post:1": Item.WAITING})
    world.backfills.items = {"post:1": Item.TELLING}  # what happens in its space waits for it
    await world.step()
    assert world.told == [replace(OLD, history=True, asked=OLD.version)]


async def test_a_message_is_told_as_history_and_noted_as_brought_at_the_pace_of_the_settings(world: World) -> None:
    world.settings = {"history_per_minute": 30}
    assert await world.step() == 2.0
    assert world.told == [replace(OLD, history=True)]
    assert world.backfills.items == {"post:1": Item.BROUGHT}


def liked(number: int) -> Change:
    name = Author(name="", organisation="F")
    return Change(Act.REACTED, f"like:{number}", "", "liked", SPACE, f"user:{number}", NOW, name, parent="post:1", emoji="❤️")


async def test_what_is_set_on_a_message_is_told_after_it_in_portions_and_counts_for_its_pace(world: World) -> None:
    world.rse.set_on, world.settings = tuple(map(liked, range(PORTION + 1))), {"history_per_minute": 60}
    assert await world.step() == 2.0 + PORTION
    assert [len(one) for one in world.batches] == [1, PORTION, 1]
    assert [(one.native_id, one.history) for one in world.told] == [("post:1", True), *((one.native_id, True) for one in world.rse.set_on)]
    assert world.told[1].author.name == "Personne user:0"
    assert world.backfills.items == {"post:1": Item.BROUGHT}


@pytest.mark.parametrize(("said", "portions"), [("dropped=kept_internal", 0), (KNOWN, 1), ("parked", 1)])
async def test_what_is_set_on_a_message_leaves_with_it_or_after_it(world: World, said: str, portions: int) -> None:
    world.rse.set_on, world.answer = (liked(1),), Stored((said,))
    await world.step()
    assert len(world.batches) == 1 + portions


async def test_a_message_is_marked_before_it_is_asked_for_so_that_what_happens_to_it_waits(world: World) -> None:
    async def recount(space: str, native_id: str) -> Recounted:
        assert world.backfills.items == {native_id: Item.TELLING}
        assert world.asking.locked()
        return Recounted(replace(OLD, space=space))

    world.rse.recount = recount  # type: ignore[method-assign]  # an RSE that looks at us
    await world.step()
    assert world.backfills.items == {"post:1": Item.BROUGHT}


async def test_what_may_have_been_told_in_vain_is_told_again_under_the_same_version(world: World) -> None:
    world.backfills.items, world.waiting = {"post:1": Item.TELLING}, {Kind.PARKED: 1}  # which waits for this very message
    await world.step()
    assert world.told == [replace(OLD, history=True, asked=OLD.version)]


async def test_what_an_rse_fails_on_for_ever_holds_up_nothing_and_is_left_out_after_a_day(world: World) -> None:
    filler, failing = world.filler(lambda: world.now), "post:1"
    world.backfills.items = {failing: Item.WAITING, "post:2": Item.WAITING}

    async def recount(space: str, native_id: str) -> Recounted | Later:
        return Later("http_500") if native_id == failing else Recounted(replace(OLD, native_id=native_id, space=space))

    world.rse.recount = recount  # type: ignore[method-assign]  # an RSE that fails on one
    await filler.step()
    await filler.step()
    assert world.backfills.items == {failing: Item.WAITING, "post:2": Item.BROUGHT}
    assert await filler.step() == IDLE_SECONDS  # the one that is left was asked for a moment ago
    assert world.backfills.ended == []
    world.now += timedelta(days=1)
    await filler.step()
    assert (world.backfills.items[failing], world.backfills.reasons[-1]) == (Item.LEFT_OUT, "rse_fails_on_object")


async def test_an_rse_that_fails_on_one_after_the_other_is_left_in_peace(world: World) -> None:
    filler = world.filler()
    world.backfills.items = {f"post:{number}": Item.WAITING for number in range(1, 4)}

    async def recount(space: str, native_id: str) -> Later:
        del space, native_id
        return Later("http_500")

    world.rse.recount = recount  # type: ignore[method-assign]  # an RSE that fails
    assert [await filler.step() for _ in range(2)] == [5.0, TROUBLE_SECONDS]


async def test_what_somebody_answers_is_brought_before_the_survey_goes_on(world: World) -> None:
    world.backfills.job, world.backfills.items = replace(JOB, state=State.SURVEYING), {"post:1": Item.TELLING}
    await world.step()
    assert (world.backfills.items, world.backfills.surveyed) == ({"post:1": Item.BROUGHT}, [])


async def test_what_is_brought_first_lets_what_it_answers_go_before_it(world: World) -> None:
    answer = replace(OLD, parent="topic:7/1")
    world.rse.outcome, world.known.coming = answer, {"topic:7/1": Coming("post:0", COMMUNITY, SPACE)}
    await world.step()
    assert (world.told, world.wanted, world.backfills.items) == ([], {"post:0"}, {"post:1": Item.WAITING})
    await world.step()  # still the first, by a clock that went back: nothing is waited for twice
    assert world.told == [replace(answer, history=True)]


async def test_what_another_community_s_back_fill_brings_is_not_waited_for(world: World) -> None:
    world.rse.outcome, world.known.coming = replace(OLD, parent="topic:7/1"), {"topic:7/1": Coming("post:0", "autre", SPACE)}
    await world.step()
    assert (len(world.told), world.wanted) == (1, set())


@pytest.mark.parametrize("why", ["nothing", "paused", "spool"])
async def test_history_rests_where_there_is_none_while_the_rse_is_unwell_and_while_today_s_words_wait(world: World, why: str) -> None:
    world.backfills.job = None if why == "nothing" else JOB
    world.paused = why == "paused"
    world.waiting = {Kind.RECORD: 1} if why == "spool" else {}
    assert await world.step() == IDLE_SECONDS
    assert not world.told


@pytest.mark.parametrize("tie", [None, replace(TIE, community="autre")])
async def test_a_tie_that_has_ended_ends_its_back_fill(world: World, tie: Tie | None) -> None:
    world.tie = tie
    await world.step()
    assert (world.told, world.backfills.ended) == ([], [(State.STOPPED, "not_tied")])


async def test_a_space_that_the_settings_offer_no_longer_ends_it_too(world: World) -> None:
    world.settings = {"spaces": frozenset()}
    await world.step()
    assert world.backfills.ended == [(State.STOPPED, "not_tied")]


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [
        (Unused("post_gone"), "post_gone"),
        (Nonsense("content_too_long"), "content_too_long"),
        (replace(OLD, act=Act.DELETED), "not_standing"),
        (replace(OLD, space="ailleurs"), "not_standing"),
        (replace(OLD, author=Author(name="system", organisation="F", kind="system")), "system"),
    ],
)
async def test_what_does_not_stand_there_any_more_is_left_out(world: World, outcome: Change | Unused | Nonsense, reason: str) -> None:
    world.rse.outcome = outcome
    await world.step()
    assert (world.told, world.backfills.items, world.backfills.reasons) == ([], {"post:1": Item.LEFT_OUT}, ["", reason])


@pytest.mark.parametrize("said", ["dropped=kept_internal", "dropped=own_account", KNOWN])
async def test_what_admission_keeps_inside_or_knows_is_left_out_by_its_reason(world: World, said: str) -> None:
    world.answer = Stored((said,))
    await world.step()
    assert (world.backfills.items, world.backfills.reasons[-1]) == ({"post:1": Item.LEFT_OUT}, said.partition("=")[2])


async def test_what_the_process_before_this_one_told_counts_as_brought(world: World) -> None:
    world.backfills.items = {"post:1": Item.TELLING}
    world.answer = Stored((KNOWN,))
    await world.step()
    assert world.backfills.items == {"post:1": Item.BROUGHT}


async def test_an_rse_that_wants_to_be_left_alone_is_and_so_is_a_ledger_that_takes_nothing(world: World) -> None:
    world.rse.outcome = Later("rate_limited", 90.0)
    assert await world.step() == 90.0
    assert world.backfills.items == {"post:1": Item.WAITING}  # what happens to it meanwhile is not held up
    world.rse.outcome, world.answer = OLD, NotStored("spool_full")
    assert await world.step() == TROUBLE_SECONDS
    assert world.backfills.items == {"post:1": Item.TELLING}  # to be told again


async def test_it_is_done_when_nothing_waits(world: World) -> None:
    world.backfills.items = {"post:1": Item.BROUGHT}
    await world.step()
    assert world.backfills.ended == [(State.DONE, "")]


async def test_a_page_of_the_survey_keeps_what_lies_between_the_days_asked_for_and_the_asking(world: World) -> None:
    world.backfills.job = replace(JOB, state=State.SURVEYING)
    days = {"post:old": 31, "post:1": 30, "post:2": 1, "post:new": -1}
    world.rse.page = Survey(tuple(Held(name, NOW - timedelta(days=age)) for name, age in days.items()), "next")
    await world.step()
    assert world.backfills.surveyed == [(["post:1", "post:2"], "next", "")]


async def test_what_the_ledger_knows_is_not_asked_for_again(world: World) -> None:
    world.backfills.job = replace(JOB, state=State.SURVEYING)
    world.known.add(KnownObject("post:1", "s", "own", None, (), SPACE, COMMUNITY))
    world.rse.page = Survey((Held("post:1", NOW), Held("post:2", NOW)), None)
    await world.step()
    assert world.backfills.surveyed == [(["post:2"], None, "")]


async def test_a_space_that_holds_too_much_is_brought_as_far_as_it_was_surveyed(world: World) -> None:
    world.backfills.job = replace(JOB, state=State.SURVEYING)
    world.backfills.already = MOST_ITEMS
    world.rse.page = Survey((Held("post:1", NOW),), "next")
    await world.step()
    assert world.backfills.surveyed == [(["post:1"], None, "too_many")]


async def test_a_space_that_refuses_to_be_read_stops_its_back_fill(world: World) -> None:
    world.backfills.job = replace(JOB, state=State.SURVEYING)
    world.rse.page = Never("forbidden")
    await world.step()
    assert world.backfills.ended == [(State.STOPPED, "forbidden")]


async def test_the_settings_ask_once_for_each_new_tie_that_the_hub_has_confirmed(world: World) -> None:
    world.settings, world.backfills.job = {"backfill_days": {SPACE: 7, "autre": 3}}, None
    await world.step()
    assert world.backfills.asked == [(SPACE, 7, NOW - timedelta(days=7))]
    world.tie = replace(TIE, state=TieState.ACCEPTED)
    await world.step()
    assert len(world.backfills.asked) == 1


@pytest.mark.parametrize("tie", [TIE, None])
async def test_what_was_brought_is_taken_back_by_a_deletion_whatever_became_of_the_tie(world: World, tie: Tie | None) -> None:
    world.tie, world.backfills.job = tie, replace(JOB, state=State.UNDOING)
    world.backfills.items = {"post:1": Item.BROUGHT}
    world.known.add(KnownObject("post:1", "s", "own", None, ("2026-03-22T00:00:00.000Z",), SPACE, COMMUNITY))
    await world.step()
    (told,) = world.told
    assert (told.act, told.native_id, told.version, told.history) == (Act.DELETED, "post:1", "2026-03-22T00:00:00.000Z", False)
    assert world.backfills.items == {"post:1": Item.TAKEN_BACK}
    await world.step()
    assert world.backfills.ended == [(State.UNDONE, "")]


async def test_what_its_author_has_deleted_meanwhile_is_not_deleted_twice(world: World) -> None:
    world.backfills.job = replace(JOB, state=State.UNDOING)
    world.backfills.items = {"post:1": Item.BROUGHT}
    world.known.add(KnownObject("post:1", "s", "own", None, (), SPACE, COMMUNITY, deleted=True))
    await world.step()
    assert (world.told, world.backfills.items) == ([], {"post:1": Item.TAKEN_BACK})


async def test_neither_a_ledger_that_is_away_nor_a_client_that_fails_ends_the_process(world: World) -> None:
    filler = world.filler()
    failures: list[Exception] = [LedgerUnavailable(), ZeroDivisionError()]

    async def claim() -> Job | None:
        raise failures.pop()

    world.backfills.claim = claim  # type: ignore[method-assign]  # for this test alone
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        if not failures:
            raise StopAsyncIteration

    filler._parts = replace(filler._parts, sleep=sleep)
    with pytest.raises(StopAsyncIteration):
        await filler.run()
    assert waits == [TROUBLE_SECONDS, TROUBLE_SECONDS]


async def test_what_was_set_back_is_counted_until_its_back_fill_ends(world: World) -> None:
    def counted() -> float:
        return REGISTRY.get_sample_value("traitdunion_objects_set_back", {"instance": "rse", "work": "backfill"}) or 0.0

    filler, others = world.filler(), counted()
    world.rse.outcome = Later("http_500")
    await filler.step()
    assert counted() == others + 1
    world.backfills.job = None  # an operator has stopped it
    await filler.step()
    assert counted() == others
