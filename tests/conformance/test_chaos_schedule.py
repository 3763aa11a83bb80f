"""The schedule of a chaos run: pure, seeded, and within what it promises."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.chaos import schedule
from tests.chaos.people import AGENTS, SETTLED, Abilities, Wish
from tests.chaos.schedule import OUTAGES, RECOVERY, Fault, Limits

if TYPE_CHECKING:
    from tests.chaos.schedule import Plan

ABILITIES = [Abilities(restores=True, accepts=True), Abilities(takes_back=True, joins=True), Abilities(restores=True)]


def plan(seed: int, seconds: float = 300.0, limits: Limits = schedule.USUAL) -> Plan:
    return schedule.plan(seed, seconds, abilities=ABILITIES, rate=5.0, communities=2, limits=limits)


@given(st.integers(0, 1_000_000))
@settings(max_examples=10)
def test_a_seed_makes_one_plan(seed: int) -> None:
    assert plan(seed, 60) == plan(seed, 60)


def test_another_seed_makes_another_plan() -> None:
    assert plan(1).deeds != plan(2).deeds
    assert plan(1).troubles != plan(2).troubles


def test_faults_do_not_change_what_people_do_but_for_the_burst_that_fills_a_spool() -> None:
    calm = Limits(faults=(Fault.RELAY_KILLED,))
    busy = Limits(faults=tuple(fault for fault in Fault if fault is not Fault.SPOOL_FULL))
    assert plan(3, limits=calm).deeds == plan(3, limits=busy).deeds


def test_every_kind_of_fault_comes_in_a_run_of_five_minutes() -> None:
    assert {trouble.fault for trouble in plan(4).troubles} == set(Fault)


@given(st.integers(0, 1_000_000))
@settings(max_examples=10)
def test_two_outages_never_come_together_and_none_outlasts_the_run(seed: int) -> None:
    troubles = plan(seed).troubles
    outages = [trouble for trouble in troubles if trouble.fault in OUTAGES]
    for before, after in pairwise(outages):
        assert after.at >= before.at + before.lasts + RECOVERY
    assert all(trouble.at + trouble.lasts <= 300.0 for trouble in troubles)


@given(st.integers(0, 1_000_000))
@settings(max_examples=10)
def test_people_change_only_what_they_wrote_and_answer_only_what_stands(seed: int) -> None:
    alive: dict[int, tuple[int, int, int]] = {}
    deleted: dict[int, tuple[int, int, int]] = {}
    reacted: set[tuple[int, int, int]] = set()
    parents: dict[int, int | None] = {}
    authors: dict[int, tuple[int, int, int]] = {}
    for deed in plan(seed, 120).deeds:
        whose = (deed.rse, deed.agent, deed.community)
        match deed.wish:
            case Wish.POST | Wish.REPLY:
                assert deed.message not in alive
                assert deed.parent is None or alive[deed.parent][2] == deed.community
                alive[deed.message] = authors[deed.message] = whose
                parents[deed.message] = deed.parent
            case Wish.EDIT:
                assert alive[deed.message] == whose
            case Wish.DELETE:
                deleted[deed.message] = alive.pop(deed.message)
                assert deleted[deed.message] == whose
            case Wish.RESTORE:
                assert ABILITIES[deed.rse].restores
                alive[deed.message] = deleted.pop(deed.message)
                assert alive[deed.message] == whose
            case Wish.REACT:
                assert alive[deed.message][:2] != whose[:2]
                assert (deed.message, deed.rse, deed.agent) not in reacted
                reacted.add((deed.message, deed.rse, deed.agent))
            case Wish.UNREACT:
                assert ABILITIES[deed.rse].takes_back
                reacted.remove((deed.message, deed.rse, deed.agent))
            case Wish.ACCEPT | Wish.UNACCEPT:
                assert ABILITIES[deed.rse].accepts
                number = deed.message
                while (parent := parents[number]) is not None:
                    number = parent
                assert authors[number] == whose
            case Wish.ENTER | Wish.LEAVE:
                assert ABILITIES[deed.rse].joins
                assert (deed.agent, deed.message) == (AGENTS, 0)


@given(st.integers(0, 1_000_000))
@settings(max_examples=10)
def test_before_a_space_is_tied_late_its_people_alone_write_there_and_nobody_marks_anything(seed: int) -> None:
    found = schedule.plan(seed, 120.0, abilities=ABILITIES, rate=5.0, communities=3, arrives=True)
    assert found.arrival is not None
    assert found.arrival.at == 40.0
    before = [deed for deed in found.deeds if deed.community == found.arrival.community and deed.at < found.arrival.at]
    assert {deed.wish for deed in before} - {Wish.ENTER, Wish.LEAVE} <= {Wish.POST, Wish.REPLY, Wish.EDIT, Wish.DELETE, Wish.RESTORE}
    assert {deed.rse for deed in before if deed.wish in {Wish.POST, Wish.REPLY}} == {found.arrival.rse}
    after = [deed for deed in found.deeds if deed.community == found.arrival.community and deed.at > found.arrival.at + SETTLED]
    assert {deed.rse for deed in after} == {0, 1, 2}


def test_some_messages_are_long_and_their_edits_by_turns() -> None:
    deeds = plan(8).deeds
    written = [deed for deed in deeds if deed.wish in {Wish.POST, Wish.REPLY}]
    assert 0.02 < sum(deed.long for deed in written) / len(written) < 0.12
    long_ = {deed.message for deed in written if deed.long}
    assert {deed.long for deed in deeds if deed.wish is Wish.EDIT and deed.message in long_} == {True, False}
    assert not any(deed.long for deed in deeds if deed.wish is Wish.EDIT and deed.message not in long_)


def test_all_wishes_come_about_at_the_rate_that_was_asked() -> None:
    without_bursts = Limits(faults=(Fault.RELAY_KILLED,))
    wishes = Counter(deed.wish for deed in plan(5, limits=without_bursts).deeds)
    assert wishes.total() == 1500
    assert set(wishes) == set(Wish)


def test_a_full_spool_comes_with_more_messages_than_it_holds_while_kafka_is_away() -> None:
    found = plan(6)
    full = next(trouble for trouble in found.troubles if trouble.fault is Fault.SPOOL_FULL)
    during = [deed for deed in found.deeds if full.at < deed.at < full.at + full.lasts and deed.rse == full.place % len(ABILITIES)]
    assert len(during) >= full.size


@pytest.mark.parametrize("seconds", [0.0, 1.0])
def test_a_run_too_short_for_a_fault_has_none(seconds: float) -> None:
    assert plan(7, seconds).troubles == ()
