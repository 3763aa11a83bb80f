"""Who takes part in a space: told once, by the difference of two rosters, whatever hints, floods and faults come between."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.members import Row, Standing, compared
from adapters.people import ROSTER_LIMIT, TOO_MANY, Member
from adapters.port import UNSUPPORTED, Later, Never
from adapters.rosters import AT_FIRST, AT_ONCE, PACE, REST, Office, Rosters
from adapters.spool import SpoolFull
from adapters.ties import Tie, Ties, TieState
from schemas.keys import SigningKey
from schemas.words import Audience
from tests.fakes_adapters import COMMUNITY, Mouth, NoLedger
from tests.fakes_plain import SPACE, an_instance
from tests.fakes_rosters import EVERY, MemoryMembers, RosteredRse

if TYPE_CHECKING:
    from pathlib import Path

    from adapters.ledger import Ledger
    from adapters.outgoing import Outgoing

START = datetime(2026, 3, 1, tzinfo=UTC)


class Secrets:
    """Everybody's secret is her own name."""

    async def recall(self, references: object, actors: Any) -> None:
        del references
        list(actors)

    def secret(self, actor: str) -> bytes:
        return actor.encode()


@dataclass
class Reception:
    """The rosters of one RSE under a clock that a test turns."""

    folder: Path
    now: datetime = START
    rse: RosteredRse = field(default_factory=RosteredRse)
    mouth: Mouth = field(default_factory=Mouth)
    kept: MemoryMembers = field(default_factory=MemoryMembers)
    observes: bool = False

    def __post_init__(self) -> None:
        self.ties = Ties(cast("Ledger", NoLedger()), "rse")
        instance = an_instance(self.folder, spaces=frozenset({SPACE, "autre"}))
        key = SigningKey.load(instance.node, instance.signing_key)
        memory: Any = Secrets()
        self.rosters = Rosters(
            Office(
                "rse", instance, key, self.rse, self.ties, self.kept, memory, cast("Outgoing", self.mouth), lambda: self.now,
                asyncio.sleep, lambda: 1.0, lambda: self.observes,
            )
        )  # fmt: skip

    async def tie(self, space: str = SPACE, state: TieState = TieState.CONFIRMED, community: str = COMMUNITY, **changes: Any) -> None:
        audience = changes.get("audience", Audience.MEMBERS)
        await self.ties.put(Tie(space, community, "F", Audience.MEMBERS, audience, externals=False, state=state, renewed_at=START))

    async def passes(self, span: timedelta, rounds: int = 1) -> None:
        for _ in range(rounds):
            self.now += span
            await self.rosters.round()

    async def begun(self, **people: str) -> None:
        """Tied, and all who were there told."""
        await self.tie()
        self.rse.people[SPACE] = people
        await self.rosters.round()
        await self.passes(AT_FIRST)
        self.now += REST + PACE * len(people)

    def told(self) -> list[tuple[str, str]]:
        """What left: arrivals and departures with their names."""
        return [(record.event_type.split(".")[-2], json.loads(record.value)["member"]["name"]) for record in self.mouth.said]


@pytest.fixture
def hall(tmp_path: Path) -> Reception:
    return Reception(tmp_path)


async def test_those_who_were_there_before_the_tie_are_told_once(hall: Reception) -> None:
    await hall.begun(ada="Ada", bob="Bob")
    await hall.passes(EVERY, rounds=3)
    assert hall.told() == [("joined", "Ada"), ("joined", "Bob")]
    assert len(hall.rse.asked) == 4


async def test_an_observer_tells_who_leaves_and_who_came_meanwhile_once_it_speaks(hall: Reception) -> None:
    await hall.begun(ada="Ada", bob="Bob")
    hall.observes = True
    hall.rse.people[SPACE] = {"bob": "Robert", "cleo": "Cléo", "dan": "Dan"}
    await hall.passes(EVERY)
    assert hall.told()[2:] == [("left", "Ada")]
    hall.rse.people[SPACE] = {"bob": "Robert", "cleo": "Cléo"}
    await hall.passes(EVERY)
    hall.observes = False
    await hall.passes(EVERY)
    assert hall.told()[3:] == [("joined", "Robert"), ("joined", "Cléo")]


async def test_nothing_that_leaves_names_a_person_but_her_display_name(hall: Reception) -> None:
    await hall.begun(**{"@ada.secret:tchap.example": "Ada"})
    (record,) = hall.mouth.said
    said = b"".join(raw for _, raw in record.headers) + record.value + record.key
    assert b"secret" not in said
    assert json.loads(record.value) == {"space": SPACE, "member": {"name": "Ada", "organisation": "Finances", "kind": "person"}}


async def test_a_member_who_is_called_by_her_address_is_an_agent(hall: Reception) -> None:
    await hall.begun(ada="ada@rse.example", bob="Bob <bob@rse.example>", zoe="")
    assert hall.told() == [("joined", "un agent"), ("joined", "Bob"), ("joined", "un agent")]


async def test_a_hint_is_followed_soon_and_a_departure_and_another_name_are_told(hall: Reception) -> None:
    await hall.begun(ada="Ada", bob="Bob")
    hall.rse.people[SPACE] = {"bob": "Bob Diallo", "zoe": "Zoé"}
    hall.rosters.touched(SPACE)
    await hall.passes(timedelta(0))
    assert hall.told()[2:] == [("left", "Ada"), ("joined", "Bob Diallo"), ("joined", "Zoé")]


async def test_the_subject_stays_while_she_stays_and_is_another_when_she_comes_back(hall: Reception) -> None:
    await hall.begun(ada="Ada")
    for people in ({"ada": "Ada L."}, {}, {"ada": "Ada"}):
        hall.rse.people[SPACE] = dict(people)
        await hall.passes(EVERY)
    subjects = [dict(record.headers)["ce_subject"] for record in hall.mouth.said]
    assert [kind for kind, _ in hall.told()] == ["joined", "joined", "left", "joined"]
    assert subjects[0] == subjects[1] == subjects[2] != subjects[3]
    assert len({dict(record.headers)["ce_id"] for record in hall.mouth.said}) == 4


async def test_a_hint_of_an_unknown_space_does_nothing_and_one_without_a_space_asks_about_all(hall: Reception) -> None:
    await hall.begun(ada="Ada")
    await hall.tie("autre")
    await hall.passes(AT_FIRST, rounds=2)
    hall.now += REST
    hall.rse.asked.clear()
    hall.rosters.touched("ailleurs")
    await hall.passes(timedelta(0), rounds=2)
    assert hall.rse.asked == []
    hall.rosters.touched("")
    await hall.passes(timedelta(0), rounds=2)
    assert sorted(hall.rse.asked) == ["autre", SPACE]


async def test_a_flood_of_hints_asks_once_in_a_while_and_who_came_and_went_is_not_told(hall: Reception) -> None:
    await hall.begun(ada="Ada")
    hall.rse.asked.clear()
    for _ in range(1000):
        hall.rosters.touched(SPACE)
        await hall.passes(timedelta(milliseconds=10))
    assert len(hall.rse.asked) <= 10 / REST.total_seconds() + 1
    assert hall.told() == [("joined", "Ada")]


async def test_a_crowd_that_comes_and_goes_is_told_no_faster_than_the_pace(hall: Reception) -> None:
    await hall.begun()
    crowds: list[dict[str, str]] = [{f"p{number}": "P" for number in range(500)}, {}]
    for _ in range(1200):  # two minutes
        hall.rse.people[SPACE] = crowds[len(hall.rse.asked) % 2]  # each look sees another room
        hall.rosters.touched(SPACE)
        await hall.passes(timedelta(milliseconds=100))
    assert AT_ONCE < len(hall.mouth.said) <= 120 / PACE.total_seconds() + AT_ONCE


async def test_a_hint_that_comes_while_the_rse_is_being_asked_is_not_lost(hall: Reception) -> None:
    await hall.begun(ada="Ada")

    async def meanwhile() -> None:
        hall.rse.meanwhile = None
        hall.rosters.touched(SPACE)

    hall.rse.meanwhile = meanwhile
    hall.rosters.touched(SPACE)
    await hall.passes(timedelta(0))
    await hall.passes(REST)
    assert len(hall.rse.asked) == 3


async def test_a_large_roster_is_told_in_turns_until_all_are(hall: Reception) -> None:
    await hall.begun(**{f"p{number:03}": f"P{number:03}" for number in range(250)})
    await hall.passes(REST + PACE * AT_ONCE, rounds=4)
    assert len(hall.told()) == len(set(hall.told())) == 250


CROWD = {f"p{number}": "P" for number in range(ROSTER_LIMIT + 1)}


async def test_of_a_crowd_that_is_not_read_nobody_is_told_and_nobody_is_taken_for_gone(hall: Reception) -> None:
    await hall.begun(ada="Ada")
    hall.rse.instead = [Never(TOO_MANY)]
    await hall.passes(EVERY)
    assert hall.told() == [("joined", "Ada")]


@pytest.mark.parametrize("in_pages", [False, True], ids=["in one answer", "in pages"])
async def test_of_a_space_that_has_become_a_crowd_nobody_new_is_told_and_who_was_told_and_goes_is(
    hall: Reception, *, in_pages: bool
) -> None:
    hall.rse.in_pages = in_pages
    await hall.begun(ada="Ada", bob="Bob")
    hall.rse.people[SPACE] = {"ada": "Ada Lo", "bob": "Bob"} | CROWD
    await hall.passes(EVERY)
    assert hall.told()[2:] == []
    del hall.rse.people[SPACE]["bob"]
    await hall.passes(EVERY, rounds=2)
    assert hall.told()[2:] == [("left", "Bob")]
    hall.rse.people[SPACE] = {"ada": "Ada Lo", "zoe": "Zoé"}
    await hall.passes(EVERY)
    assert hall.told()[3:] == [("joined", "Ada Lo"), ("joined", "Zoé")]


async def test_a_crowd_of_which_nobody_was_told_is_not_read(hall: Reception) -> None:
    hall.rse.in_pages = True
    await hall.begun(**CROWD)
    await hall.passes(EVERY)
    assert (hall.told(), set(hall.rse.most)) == ([], {ROSTER_LIMIT})


async def test_who_is_missing_from_a_roster_that_came_in_pages_is_gone_once_she_is_missing_twice(hall: Reception) -> None:
    hall.rse.in_pages = True
    await hall.begun(ada="Ada", bob="Bob")
    hall.rse.people[SPACE] = {"ada": "Ada"}  # bob slid from one page into another that was read already
    await hall.passes(EVERY)
    hall.rse.people[SPACE] = {"ada": "Ada", "bob": "Bob"}
    await hall.passes(REST)
    hall.rse.people[SPACE] = {"bob": "Bob"}
    await hall.passes(EVERY)
    assert hall.told()[2:] == []
    await hall.passes(REST)
    assert hall.told()[2:] == [("left", "Ada")]


async def test_the_longer_a_roster_in_pages_the_longer_its_space_is_left_in_peace(hall: Reception) -> None:
    hall.rse.in_pages = True
    await hall.begun(ada="Ada")
    hall.rse.people[SPACE] = {"ada": "Ada"} | CROWD
    await hall.passes(EVERY)
    hall.rse.asked.clear()
    for _ in range(40):
        hall.rosters.touched(SPACE)
        await hall.passes(timedelta(seconds=1))
    assert hall.rse.asked == []


@pytest.mark.parametrize("fault", [Later("timeout"), Never("forbidden"), ZeroDivisionError("Ada")], ids=["later", "never", "crash"])
async def test_a_fault_takes_nobody_for_gone_and_stops_nothing(hall: Reception, fault: Later | Never | Exception) -> None:
    await hall.begun(ada="Ada")
    hall.rse.instead = [fault]
    await hall.passes(EVERY)
    hall.rse.people[SPACE] = {"ada": "Ada", "bob": "Bob"}
    await hall.passes(EVERY)
    assert hall.told() == [("joined", "Ada"), ("joined", "Bob")]


async def test_an_rse_that_is_in_trouble_is_left_in_peace(hall: Reception) -> None:
    await hall.begun(ada="Ada")
    hall.rse.asked.clear()
    hall.rse.instead = [Later("rate_limited", after=60.0)]
    await hall.passes(EVERY)
    hall.rosters.touched(SPACE)
    await hall.passes(timedelta(seconds=5), rounds=11)
    assert len(hall.rse.asked) == 1
    await hall.passes(timedelta(seconds=6))
    assert len(hall.rse.asked) == 2


async def test_a_space_open_to_all_has_no_members_any_more(hall: Reception) -> None:
    await hall.begun(ada="Ada")
    hall.rse.instead = [Never(UNSUPPORTED, "open_to_all")]
    await hall.passes(EVERY)
    assert hall.told()[1:] == [("left", "Ada")]


@pytest.mark.parametrize(
    ("state", "audience"),
    [(TieState.PROPOSED, Audience.MEMBERS), (TieState.REFUSED, Audience.MEMBERS), (TieState.CONFIRMED, Audience.UNKNOWN)],
)
async def test_nobody_is_told_of_a_space_that_is_not_tied_or_whose_readers_are_unknown(
    hall: Reception, state: TieState, audience: Audience
) -> None:
    await hall.tie(state=state, audience=audience)
    hall.rse.people[SPACE] = {"ada": "Ada"}
    await hall.passes(EVERY, rounds=3)
    assert (hall.rse.asked, hall.told()) == ([], [])


async def test_a_suspended_tie_tells_nothing_and_lives_again_where_it_stood(hall: Reception) -> None:
    await hall.begun(ada="Ada")
    await hall.tie(state=TieState.SUSPENDED)
    hall.rse.people[SPACE] = {"bob": "Bob"}
    await hall.passes(EVERY, rounds=2)
    assert hall.told() == [("joined", "Ada")]
    await hall.tie()
    await hall.passes(AT_FIRST, rounds=2)
    assert hall.told()[1:] == [("left", "Ada"), ("joined", "Bob")]


async def test_a_tie_that_ends_takes_everybody_out(hall: Reception) -> None:
    await hall.begun(**{f"p{number}": f"P{number}" for number in range(AT_ONCE + 20)})
    await hall.passes(REST + PACE * AT_ONCE, rounds=2)
    await hall.tie(state=TieState.REFUSED)
    await hall.passes(timedelta(0))
    assert sum(kind == "left" for kind, _ in hall.told()) == AT_ONCE + 20
    assert hall.kept.kept == {}


async def test_who_takes_part_in_another_community_from_now_on_leaves_the_one_before(hall: Reception) -> None:
    await hall.begun(ada="Ada")
    await hall.tie(community="autre-communaute")
    await hall.passes(EVERY)
    await hall.passes(REST + PACE)
    told = [(record.event_type.split(".")[-2], dict(record.headers)["ce_community"]) for record in hall.mouth.said]
    assert told == [("joined", COMMUNITY.encode()), ("left", COMMUNITY.encode()), ("joined", b"autre-communaute")]


async def test_what_a_full_spool_did_not_take_is_told_again_under_the_same_id(hall: Reception) -> None:
    await hall.tie()
    hall.rse.people[SPACE] = {"ada": "Ada"}
    await hall.rosters.round()
    hall.mouth.full = True
    with pytest.raises(SpoolFull):
        await hall.passes(AT_FIRST)
    noted = (await hall.kept.of(SPACE))["ada"].native_id
    hall.mouth.full = False
    hall.rse.people[SPACE] = {"ada": "Ada L."}
    await hall.passes(EVERY, rounds=2)
    assert hall.told() == [("joined", "Ada"), ("joined", "Ada L.")]
    assert {dict(record.headers)["ce_nativeid"].decode() for record in hall.mouth.said} == {noted}


async def test_hostile_names_are_one_line_and_actors_that_no_ledger_can_keep_are_left_out(hall: Reception) -> None:
    people = {"ada": "\u202eAda\n<script>\x00" + "x" * 500, "nul\x00": "Nul", "\ud800": "Surrogate", "": "Nobody", "bob": ""}
    await hall.begun(**people)
    names = [name for _, name in hall.told()]
    assert names == ["Ada <script> " + "x" * 187, "un agent"]


# --- the comparison itself ---------------------------------------------------------------------------------------------


def at(row: Row) -> tuple[str, str]:
    return row.actor, row.name


@given(st.lists(st.dictionaries(st.sampled_from("abcde"), st.sampled_from(["", "X", "Y"])), max_size=6), st.data())
def test_whatever_was_cut_short_the_rows_end_as_the_last_roster(rosters: list[dict[str, str]], data: st.DataObject) -> None:
    rows: dict[str, Row] = {}
    ids = iter(range(10_000))
    for roster in [*rosters, *([rosters[-1]] * 4 if rosters else [])]:
        members = [Member(actor, name) for actor, name in roster.items()]
        for row in compared(rows, members, "s", "c", lambda: f"m{next(ids)}"):
            rows[row.actor] = row
            if roster is rosters[-1] or data.draw(st.booleans()):  # a crash leaves some untold
                _settle(rows, row)
    assert {at(row) for row in rows.values()} == set(rosters[-1].items() if rosters else ())
    assert all(row.state is Standing.PRESENT for row in rows.values())


def _settle(rows: dict[str, Row], row: Row) -> None:
    if row.state is Standing.LEAVING:
        del rows[row.actor]
    else:
        rows[row.actor] = replace(row, state=Standing.PRESENT)
