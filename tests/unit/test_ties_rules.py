"""Lifecycles of nodes and ties."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from hub.registry.model import GRADES, TIE_STEPS, GradeRefused, Tie, TieState, moved
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
