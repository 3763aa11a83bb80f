"""Which events tell who hears a community: those that go to all of it, and no others."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest

from adapters.last_door import Passed
from schemas.facts.answer import AnswerAccepted
from schemas.facts.membership import MembershipJoined, MembershipLeft
from schemas.facts.message import MessageDeleted, MessageEdited, MessagePosted
from schemas.facts.moderation import MessageModerated, MessageRestored
from schemas.facts.reaction import ReactionAdded, ReactionRemoved
from schemas.facts.tie import TieAccepted
from schemas.sequence import PEERS, Sequence

PLACE = Sequence("d" * 64, "futurs", 7, {"wifip": "97", "education": "13", PEERS: "{}"}, datetime(2026, 3, 1, tzinfo=UTC))
EVERYBODY = frozenset({"wifip", "education", PEERS})


def passed(kind: type, place: Sequence | None = PLACE) -> Passed:
    """An event of a kind, at its place; what it says is of no account."""
    verified = SimpleNamespace(fact=cast("Any", kind).model_construct())
    return Passed(cast("Any", verified), place, "c")


@pytest.mark.parametrize("kind", [MessagePosted, MessageEdited, TieAccepted, MembershipJoined, AnswerAccepted])
def test_what_goes_to_all_of_a_community_tells_who_hears_it(kind: type) -> None:
    assert passed(kind).company == EVERYBODY


@pytest.mark.parametrize("kind", [MessageDeleted, MessageModerated, ReactionRemoved, MembershipLeft])
def test_what_is_taken_back_goes_further_and_tells_nothing(kind: type) -> None:
    assert passed(kind).company is None


@pytest.mark.parametrize("kind", [ReactionAdded, MessageRestored])
def test_what_may_be_kept_from_peers_tells_nothing_so_that_the_notice_does_not_flicker(kind: type) -> None:
    without = replace(PLACE, targets={"wifip": "97", "education": "13"})
    assert passed(kind, without).company is None
    assert passed(kind).company is None


def test_what_is_sent_again_to_us_or_said_outside_any_numbering_or_unknown_here_tells_nothing() -> None:
    assert passed(MessagePosted, replace(PLACE, history="resync")).company is None
    assert passed(TieAccepted, None).company is None
    assert Passed(cast("Any", SimpleNamespace(fact=None)), PLACE, "c").company is None
