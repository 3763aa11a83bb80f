"""Likes that people took back where no webhook tells it: which messages are asked about, and what an answer comes to."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from adapters import unliked
from adapters.lately import LATELY, NOTED, Lately
from adapters.memory import Kind, KnownObject
from adapters.port import Act, Incomplete, Later
from adapters.sorting import NotStored, Stored
from adapters.unliked import AGAIN_SECONDS, AT_ONCE, LATELY_AT_ONCE, NEWEST, ROUND_SECONDS, TURN, Unliked

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adapters.sorting import Answer

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
POST = "post:7"
ADA = KnownObject("like:7/ada", "a" * 32, "own", None, (), "97", "c", kind=Kind.REACTION, about=POST)
EVE = replace(ADA, native_id="like:7/eve", subject="e" * 32, changes=2)


class Ties:
    def looked_at(self) -> list[Any]:
        return []


@dataclass
class Office:
    """A ledger, an RSE and an admission in one; `now` is everybody's clock."""

    told: dict[str, list[KnownObject]] = field(default_factory=dict)
    shown: dict[str, frozenset[str] | Later | None] = field(default_factory=dict)
    messages: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    said: list[Any] = field(default_factory=list)
    now: datetime = NOON
    answer: Answer = field(default_factory=lambda: Stored(()))
    lately: Lately = field(default_factory=Lately)

    async def likes(self, message: str) -> list[KnownObject]:
        return self.told.get(message, [])

    async def liked(self, spaces: Sequence[str], most: int) -> list[str]:
        assert list(spaces) == []
        return self.messages[:most]

    async def standing_likes(self, message: str) -> frozenset[str] | Later | None:
        self.asked.append(message)
        return self.shown.get(message, frozenset())

    async def admit(self, outcomes: Sequence[Any], body: bytes, correlation: str) -> Answer:
        del body, correlation
        self.said.extend(outcomes)
        return self.answer

    def unliked(self, **limits: float) -> Unliked:
        here: Any = self
        ties: Any = Ties()
        return Unliked("rse", here, here, ties, self.lately, here.admit, asyncio.Lock(), lambda: self.now, limits=limits)


def ends(office: Office) -> list[tuple[Act, str, str]]:
    return [(one.act, one.native_id, one.version) for one in office.said]


async def test_a_like_that_is_missed_twice_is_told_to_be_taken_back_and_by_nobody() -> None:
    office = Office({POST: [ADA, EVE]}, {POST: frozenset({ADA.native_id})}, [POST])
    asking = office.unliked()
    assert await asking.round() == AGAIN_SECONDS
    assert ends(office) == []
    assert await asking.round() == ROUND_SECONDS
    assert ends(office) == [(Act.UNREACTED, EVE.native_id, "2")]
    (told,) = office.said
    assert (told.marker, told.actor, told.parent, told.recurs, told.author) == ("unreacted", "nobody", POST, True, None)


async def test_a_like_that_is_back_at_the_second_question_was_never_taken_back() -> None:
    office = Office({POST: [ADA]}, {POST: frozenset()}, [POST])
    asking = office.unliked()
    await asking.round()
    office.shown[POST] = frozenset({ADA.native_id})
    assert await asking.round() == ROUND_SECONDS
    office.shown[POST] = frozenset()
    office.now += TURN
    assert await asking.round() == AGAIN_SECONDS
    assert ends(office) == []


async def test_a_like_set_anew_between_two_questions_is_another_one_and_stays() -> None:
    office = Office({POST: [ADA]}, {POST: frozenset()}, [POST])
    asking = office.unliked()
    await asking.round()
    office.told[POST] = [replace(ADA, changes=1)]
    await asking.round()
    assert ends(office) == []


async def test_a_like_whose_webhook_came_while_its_end_was_being_told_is_asked_for_soon() -> None:
    """Its own webhook found the first one standing, and was taken for one that comes twice."""
    office = Office({POST: [ADA]}, {POST: frozenset()}, [POST])
    asking = office.unliked()
    for _ in range(2):
        await asking.round()
    office.told[POST], office.shown[POST] = [replace(ADA, deleted=True)], frozenset({ADA.native_id})
    await asking.round()
    assert office.said[1:] == [Incomplete(ADA.native_id, Act.REACTED)]


async def test_what_was_taken_back_and_told_is_not_told_again() -> None:
    office = Office({POST: [replace(ADA, deleted=True)]}, {POST: frozenset()}, [POST])
    asking = office.unliked()
    assert [await asking.round(), await asking.round()] == [ROUND_SECONDS, ROUND_SECONDS]
    assert office.said == []


@pytest.mark.parametrize("answer", [None, Later("status_500"), Later("unreachable")])
async def test_where_not_all_likes_are_shown_nothing_is_concluded(answer: Later | None) -> None:
    office = Office({POST: [ADA]}, {POST: answer}, [POST])
    asking = office.unliked()
    assert [await asking.round(), await asking.round()] == [ROUND_SECONDS, ROUND_SECONDS]
    assert office.said == []


async def test_a_message_on_which_the_rse_fails_holds_up_no_other_and_an_outage_ends_the_round() -> None:
    messages = [f"post:{number}" for number in range(4)]
    office = Office({one: [ADA] for one in messages}, {messages[0]: Later("status_500"), messages[2]: Later("unreachable")}, messages)
    await office.unliked().round()
    assert office.asked == messages[:3]


async def test_what_could_not_be_stored_is_found_again() -> None:
    office = Office({POST: [ADA]}, {POST: frozenset()}, [POST], answer=NotStored("spool_full"))
    asking = office.unliked()
    for _ in range(2):
        await asking.round()
    office.now += TURN
    office.answer = Stored(())
    for _ in range(2):
        await asking.round()
    assert ends(office) == [(Act.UNREACTED, ADA.native_id, "0")] * 2


async def test_what_somebody_has_just_liked_is_asked_about_each_time_and_the_rest_in_turn() -> None:
    everything = [f"post:{number}" for number in range(NEWEST + 5)]
    office = Office({one: [] for one in everything}, {}, everything)
    office.told = {one: [ADA] for one in everything}
    office.shown = {one: frozenset({ADA.native_id}) for one in everything}
    for number in range(LATELY_AT_ONCE + 3):
        office.lately.note(f"post:{number}", NOON)
    asking = office.unliked()
    await asking.round()
    assert len(office.asked) == LATELY_AT_ONCE  # those that come twice are asked once
    await asking.round()
    assert office.asked[LATELY_AT_ONCE : LATELY_AT_ONCE + 3] == [f"post:{number}" for number in range(LATELY_AT_ONCE, LATELY_AT_ONCE + 3)]
    office.now += LATELY
    office.asked.clear()
    for _ in range(NEWEST // AT_ONCE + 3):
        await asking.round()
    assert office.asked == everything[4:NEWEST]  # each once in half an hour
    office.now += TURN
    await asking.round()
    assert office.asked[-AT_ONCE:] == everything[:AT_ONCE]


async def test_a_forum_that_lets_us_ask_less_is_asked_less() -> None:
    messages = [f"post:{number}" for number in range(20)]
    office = Office({one: [ADA] for one in messages}, {one: frozenset({ADA.native_id}) for one in messages}, messages)
    await office.unliked(api=20.0).round()
    assert len(office.asked) == AT_ONCE / 3
    office.asked.clear()
    await office.unliked(api=1.0).round()
    assert len(office.asked) == 1


async def test_nothing_is_asked_about_a_message_of_whose_likes_nobody_was_told() -> None:
    office = Office({}, {}, [POST])
    await office.unliked().round()
    assert office.asked == []


async def test_an_rse_that_never_answers_ends_the_question(monkeypatch: pytest.MonkeyPatch) -> None:
    office = Office({POST: [ADA]}, {}, [POST])
    asking = office.unliked()

    async def silent(message: str) -> None:
        office.asked.append(message)
        await asyncio.Event().wait()

    monkeypatch.setattr(office, "standing_likes", silent)
    monkeypatch.setattr(unliked, "ASKING_SECONDS", 0.01)
    assert await asking.round() == ROUND_SECONDS
    assert (office.asked, office.said) == ([POST], [])


def test_what_was_liked_lately_is_forgotten_by_and_by_and_never_grows_without_end() -> None:
    lately = Lately()
    for number in range(NOTED + 1):
        lately.note(str(number), NOON + timedelta(milliseconds=number))
    assert len(lately.some(NOON, NOTED + 1)) == NOTED
    assert "0" not in lately.some(NOON, NOTED + 1)
    assert lately.some(NOON + LATELY * 2, NOTED) == []
