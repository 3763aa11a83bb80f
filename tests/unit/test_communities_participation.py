"""Who takes part in a community: once each, whatever the order of arrival, and only as her own node may say it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.communities import participation
from hub.communities.handlers import on_membership
from hub.communities.model import MEMBERSHIP_STEPS, MembershipState, Outcome
from hub.ports import Admitted, RefusedError
from schemas.envelope import object_id
from schemas.facts.membership import MembershipJoined
from schemas.names import one_line
from tests.fakes_rooms import AUTHOR, FakeWork, joined, left, posted, said

MEMBER = object_id("wifip", "member:1")
FEW = 40
RIGHT_TO_LEFT, ZERO_WIDTH, JOINER = "\u202e", "\u200b", "\u200d"


async def _hear(work: FakeWork, *events: Admitted) -> list[Outcome]:
    return [await on_membership(event, work) for event in events]


async def test_an_arrival_and_a_departure_are_numbered_and_the_name_is_forgotten() -> None:
    work = FakeWork()
    assert await _hear(work, joined("wifip", "member:1")) == [Outcome.SEQUENCED]
    assert work.members.known[MEMBER].name == "Camille Roux"
    assert await _hear(work, left("wifip", "member:1")) == [Outcome.SEQUENCED]
    assert (work.members.known[MEMBER].state, work.members.known[MEMBER].name) == (MembershipState.LEFT, "")
    assert len(work.announced) == 2


async def test_what_is_told_twice_counts_once() -> None:
    work = FakeWork()
    told = joined("wifip", "member:1"), joined("wifip", "member:1"), left("wifip", "member:1"), left("wifip", "member:1")
    assert await _hear(work, *told) == [Outcome.SEQUENCED, Outcome.SUPERSEDED, Outcome.SEQUENCED, Outcome.SUPERSEDED]


async def test_another_name_is_told_and_the_same_one_is_not() -> None:
    work = FakeWork()
    outcomes = await _hear(
        work, joined("wifip", "member:1"), joined("wifip", "member:1", "Camille Roux-Petit", "joined:2"),
        joined("wifip", "member:1", "Camille Roux-Petit", "joined:3"),
    )  # fmt: skip
    assert outcomes == [Outcome.SEQUENCED, Outcome.SEQUENCED, Outcome.SUPERSEDED]
    assert work.members.known[MEMBER].name == "Camille Roux-Petit"


async def test_a_departure_that_came_first_keeps_the_late_arrival_out() -> None:
    work = FakeWork()
    assert await _hear(work, left("wifip", "member:1"), joined("wifip", "member:1")) == [Outcome.NOTED, Outcome.SUPERSEDED]
    assert not work.announced


async def test_who_comes_back_takes_part_again() -> None:
    work = FakeWork()
    outcomes = await _hear(work, joined("wifip", "member:1"), left("wifip", "member:1"), joined("wifip", "member:2"))
    assert outcomes == [Outcome.SEQUENCED] * 3
    assert list(await work.members.present("wifip", "futurs-publics")) == [object_id("wifip", "member:2")]


async def test_a_person_takes_part_once_though_her_node_has_lost_its_memory() -> None:
    work = FakeWork()
    await _hear(work, joined("wifip", "member:1"), joined("wifip", "member:2"), joined("wifip", "member:3", actor="b" * 32))
    assert set(await work.members.present("wifip", "futurs-publics")) == {object_id("wifip", f"member:{number}") for number in (2, 3)}


async def test_those_of_a_space_tied_before_take_part_no_longer() -> None:
    work = FakeWork()
    await _hear(work, joined("wifip", "member:1"), joined("wifip", "member:2", actor="b" * 32, space="!s"))
    assert list(await work.members.present("wifip", "futurs-publics")) == [object_id("wifip", "member:2")]


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (joined("education", "member:1", space="ailleurs"), "not_tied"),
        (left("education", "member:1"), "not_owner"),
        (joined("education", "member:1"), "not_owner"),
        (said("wifip", MembershipJoined(space="97", member=AUTHOR), "member:9", community="ailleurs"), "community_unknown"),
    ],
    ids=["another space", "another's departure", "another's arrival", "another community"],
)
async def test_no_node_speaks_of_another_s_people(event: Admitted, reason: str) -> None:
    work = FakeWork()
    await _hear(work, joined("wifip", "member:1"))
    known = work.members.known.pop(MEMBER)
    work.members.known[object_id("education", "member:1")] = known  # as if the two had one name
    with pytest.raises(RefusedError) as refused:
        await on_membership(event, work)
    assert refused.value.reason == reason
    assert len(work.announced) == 1


async def test_a_departure_is_heard_though_the_space_is_tied_no_longer_and_an_arrival_is_not() -> None:
    work = FakeWork()
    await _hear(work, joined("wifip", "member:1"))
    work.untied.add("wifip")
    assert await _hear(work, left("wifip", "member:1")) == [Outcome.SEQUENCED]
    with pytest.raises(RefusedError):
        await on_membership(joined("wifip", "member:2"), work)


async def test_no_node_fills_the_hub_with_people(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(participation, "MEMBERS_LIMIT", FEW)
    work = FakeWork()
    await _hear(work, *(joined("wifip", f"member:{number}", actor=f"{number:032}") for number in range(FEW)))
    with pytest.raises(RefusedError) as refused:
        await on_membership(joined("wifip", "member:more", actor="f" * 32), work)
    assert refused.value.reason == "too_many_members"
    await _hear(work, left("wifip", "member:0", actor=f"{0:032}"), joined("wifip", "member:more", actor="f" * 32))
    assert len(await work.members.present("wifip", "futurs-publics")) == FEW


async def test_a_hostile_name_is_one_visible_line() -> None:
    work = FakeWork()
    await _hear(work, joined("wifip", "member:1", f"{RIGHT_TO_LEFT}Ada\n\n{ZERO_WIDTH}<b>Lovelace</b>\x07" + "x" * 100))
    assert work.members.known[MEMBER].name == "Ada <b>Lovelace</b> " + "x" * 100


async def test_what_is_no_membership_is_unsupported() -> None:
    assert await on_membership(posted("wifip", "post:1"), FakeWork()) is Outcome.UNSUPPORTED


def test_every_state_of_a_membership_has_its_steps() -> None:
    assert set(MEMBERSHIP_STEPS) == set(MembershipState)


@given(st.text(), st.integers(1, 50))
def test_one_line_is_one_line_no_longer_than_asked_and_says_the_same_twice(text: str, limit: int) -> None:
    line = one_line(text, limit)
    assert len(line) <= limit
    assert line.splitlines() in ([], [line])
    assert line == line.strip()
    assert one_line(line, limit) == line


def test_a_family_of_emoji_stays_together() -> None:
    assert one_line(f"👩{JOINER}👧 Ada", 20) == f"👩{JOINER}👧 Ada"


def test_an_emoji_that_is_younger_than_this_python_is_shown() -> None:
    assert one_line("\U0001fae8 Ada \U0001fac6", 20) == "\U0001fae8 Ada \U0001fac6"
