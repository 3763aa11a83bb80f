"""Lifecycles of nodes and ties."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from hub.registry.model import GRADES, TIE_STEPS, GradeRefused, Tie, TieState, TieStepRefused, moved
from schemas.manifest import Grade
from schemas.words import Audience

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
PROPOSED = Tie("wifip", "futurs-publics", "97", TieState.PROPOSED, NOW)
LIFE = timedelta(hours=48)


def test_every_state_has_its_steps_and_every_step_leads_to_a_state() -> None:
    assert set(GRADES) == set(Grade)
    assert set(TIE_STEPS) == set(TieState)


def test_a_node_that_is_gone_never_comes_back_under_its_name() -> None:
    with pytest.raises(GradeRefused):
        moved(Grade.GONE, Grade.FULL)


@pytest.mark.parametrize(("before", "after"), list(product(Grade, Grade)))
def test_a_node_takes_the_declared_steps_alone(before: Grade, after: Grade) -> None:
    if after in GRADES[before]:
        assert moved(before, after) is after
    else:
        with pytest.raises(GradeRefused):
            moved(before, after)


@pytest.mark.parametrize(("before", "after"), list(product(TieState, (TieState.ACTIVE, TieState.SUSPENDED, TieState.REFUSED))))
def test_a_tie_takes_the_declared_steps_alone(before: TieState, after: TieState) -> None:
    tie = replace(PROPOSED, state=before)
    steps = {
        TieState.ACTIVE: lambda: tie.attested(Audience.MEMBERS, "Salle", Audience.MEMBERS, NOW),
        TieState.SUSPENDED: lambda: tie.attested(Audience.PUBLIC, "Salle", Audience.MEMBERS, NOW),
        TieState.REFUSED: lambda: tie.refused("space_not_offered"),
    }
    if after in TIE_STEPS[before]:
        assert steps[after]().state is after
    elif (before, after) == (TieState.PROPOSED, TieState.SUSPENDED):
        assert steps[after]().state is TieState.REFUSED  # a space that is too wide from the start
    else:
        with pytest.raises(TieStepRefused):
            steps[after]()


def test_only_a_refused_tie_is_proposed_again() -> None:
    assert [state for state in TieState if replace(PROPOSED, state=state).may_be_proposed_again()] == [TieState.REFUSED]


def test_a_tie_carries_once_its_node_has_attested_the_space() -> None:
    assert not PROPOSED.carries(NOW, LIFE)
    assert PROPOSED.attested(Audience.MEMBERS, "Salle", Audience.MEMBERS, NOW).carries(NOW, LIFE)


@pytest.mark.parametrize("wider", [Audience.PUBLIC, Audience.UNKNOWN])
def test_a_space_that_more_people_read_than_the_community_never_carries(wider: Audience) -> None:
    tie = PROPOSED.attested(wider, "Salle", Audience.MEMBERS, NOW)
    assert tie.state is TieState.REFUSED
    assert not tie.carries(NOW, LIFE)


def test_a_space_that_widens_is_suspended_and_carries_again_once_it_is_narrow() -> None:
    active = PROPOSED.attested(Audience.MEMBERS, "Salle", Audience.MEMBERS, NOW)
    wide = active.attested(Audience.PUBLIC, "Salle", Audience.MEMBERS, NOW)
    assert (wide.state, wide.carries(NOW, LIFE)) == (TieState.SUSPENDED, False)
    assert wide.attested(Audience.PRIVATE, "Salle", Audience.MEMBERS, NOW).carries(NOW, LIFE)


def test_an_attestation_that_is_not_renewed_lapses() -> None:
    active = PROPOSED.attested(Audience.MEMBERS, "Salle", Audience.MEMBERS, NOW)
    assert active.carries(NOW + LIFE, LIFE)
    assert not active.carries(NOW + LIFE + timedelta(seconds=1), LIFE)
