"""State events of a room, each by what it says of the room's tie or of our own users."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.matrix.rooms import people_of, report_of
from adapters.people import Member
from adapters.port import Altered, Closed, Unused
from tests.fakes_matrix import PERSON, ROOM, matrix_instance, outcomes, room_event

BOT = "@traitdunion:tchap.example"
GHOST = "@_tdu_1234:tchap.example"


def said(kind: str, content: Any, state_key: str = "", sender: str = PERSON) -> Any:
    (outcome,) = outcomes(room_event(kind, content=content, state_key=state_key, sender=sender))
    return outcome


@pytest.mark.parametrize(
    "kind",
    ["m.room.encryption", "m.room.history_visibility", "m.room.join_rules", "m.room.tombstone", "im.vector.room.access_rules"],
)
def test_state_on_which_a_tie_rests_has_the_room_asked_about(kind: str) -> None:
    assert said(kind, {"any": "thing"}) == Altered(ROOM, kind)
    assert said(kind, {"any": "thing"}, "elsewhere") != Altered(ROOM, kind)


def test_other_state_is_counted_by_its_name() -> None:
    assert said("m.room.pinned_events", {"pinned": []}) == Unused("m.room.pinned_events")
    assert said("com.example.mine", {}) == Unused("other")


@pytest.mark.parametrize("membership", ["leave", "ban"])
def test_a_bot_that_others_put_out_has_the_room_asked_about_and_a_ghost_is_counted(membership: str) -> None:
    assert said("m.room.member", {"membership": membership}, BOT) == Altered(ROOM, "bot_put_out")
    assert said("m.room.member", {"membership": membership}, GHOST) == Unused("m.room.member.ghost_put_out")


def test_an_invitation_of_our_users_is_counted_by_name_and_enters_no_room() -> None:
    assert said("m.room.member", {"membership": "invite"}, BOT) == Unused("m.room.member.bot_invited")
    assert said("m.room.member", {"membership": "invite"}, GHOST) == Unused("m.room.member.ghost_invited")


@pytest.mark.parametrize(("user", "sender"), [(BOT, BOT), (GHOST, GHOST), (GHOST, BOT)])
@pytest.mark.parametrize("membership", ["join", "leave", "invite"])
def test_what_our_users_do_themselves_is_nobodys_coming_or_going(user: str, sender: str, membership: str) -> None:
    assert said("m.room.member", {"membership": membership}, user, sender) == Unused("m.room.member")


@pytest.mark.parametrize("content", [None, [], "x", {"membership": 7}, {}])
def test_state_that_makes_no_sense_is_counted_only(content: Any) -> None:
    event = room_event("m.room.member", state_key=BOT) | {"content": content}
    assert outcomes(event) == [Unused("m.room.member")]


def state(*events: tuple[str, str, dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"type": kind, "state_key": key, "content": content} for kind, key, content in events]


@pytest.mark.parametrize(
    ("events", "reason"),
    [
        ([("m.room.member", BOT, {"membership": "leave"}), ("m.room.encryption", "", {"algorithm": "x"})], "bot_put_out"),
        ([("m.room.tombstone", "", {"replacement_room": "!new"}), ("m.room.encryption", "", {"algorithm": "x"})], "space_upgraded"),
        ([("m.room.member", BOT, {"membership": "join"}), ("m.room.encryption", "", {"algorithm": "x"})], "space_encrypted"),
    ],
)
def test_a_room_that_is_closed_to_us_says_the_first_reason_why(events: Any, reason: str) -> None:
    assert report_of(state(*events), matrix_instance()) == Closed(reason)


def test_guests_from_another_homeserver_are_not_told_as_people_of_this_ministry() -> None:
    joined = {
        PERSON: {"display_name": "Claire Moreau"}, "@nobody:tchap.example": None, BOT: {}, GHOST: {"display_name": "Léa (Finances)"},
        "@omar:agent.finances.example": {"display_name": "Omar"}, "@x:externe.example": {},
    }  # fmt: skip
    assert people_of(joined, matrix_instance()) == (Member(PERSON, "Claire Moreau"), Member("@nobody:tchap.example", ""))
