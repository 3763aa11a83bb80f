"""What cannot be asked now is no refusal: who brings it is told to bring it again. What was answered, and what a rule of ours forbids, is one."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from hub.federation.absences import FORGOTTEN, WAITED
from hub.federation.delivery import Later, Scheme, judge
from hub.federation.remote import PASSING, Reason
from schemas.actor_keys import KeyFault
from schemas.documents import sign_document
from schemas.wire.destinations import Absence, Refusal
from tests.fakes_abroad import NOW, Door, Person, written

if TYPE_CHECKING:
    from enum import StrEnum

    from tests.fakes_asgi import Answer

ALICE = Person("https://social.example/users/alice")
CAROL = Person("https://ailleurs.example/users/carol", name="Carol Blanc")
FORUM = Person("https://forum.example/category/2", "Group", "Le forum")
PASSED = sorted(PASSING)
REFUSED: list[StrEnum] = [*(one for one in Refusal if one not in PASSING), Reason.UNAVAILABLE]


@pytest.fixture
def door() -> Door:
    door = Door()
    door.admit(ALICE, CAROL, FORUM)
    door.abroad.documents = {CAROL.note()["id"]: written(CAROL.note())}
    return door


def said(answer: Answer) -> tuple[int, str]:
    return answer.status, json.loads(answer.body)["reason"]


def passed_on() -> dict[str, Any]:
    return FORUM.does("Announce", CAROL.creates())


def proved() -> dict[str, Any]:
    return FORUM.does("Announce", sign_document(CAROL.creates(), CAROL.key, NOW))


def moved() -> dict[str, Any]:
    return ALICE.does("Move", ALICE.id, target=CAROL.id)


ASKING = pytest.mark.parametrize(
    ("sender", "activity"), [(FORUM, passed_on()), (FORUM, proved()), (ALICE, moved())], ids=["object", "proof", "move"]
)


@ASKING
@pytest.mark.parametrize("why", PASSED)
async def test_who_passes_on_what_cannot_be_asked_now_is_told_to_come_again(
    door: Door, sender: Person, activity: Any, why: StrEnum
) -> None:
    door.abroad.silent[CAROL.server] = why
    answer = await door.bring(sender, activity)
    assert said(answer) == (503, why)
    assert answer.headers["retry-after"] == "30"
    assert isinstance(judge(answer.status, 30.0, Scheme.ED25519), Later)


@pytest.mark.parametrize("why", PASSED)
async def test_who_cannot_be_known_now_is_told_to_come_again(door: Door, why: StrEnum) -> None:
    door.abroad.silent[ALICE.server] = why
    assert said(await door.bring(ALICE, ALICE.creates())) == (503, why)


async def test_a_signature_whose_key_cannot_be_asked_for_anew_is_not_refused_for_ever(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    """She has another key since; what we know is the former."""
    renewed = Person(ALICE.id)

    async def away(*_: object) -> StrEnum:
        return Absence.TIMEOUT

    monkeypatch.setattr(door.abroad, "renewed", away)
    forged = await door.bring(ALICE, ALICE.creates(), key=Named(renewed, ALICE))
    assert said(forged) == (503, "peer_timeout")


class Named:
    """One's key under another's key id."""

    def __init__(self, signs: Person, named: Person) -> None:
        self.key_id, self.algorithm, self._key = named.key.key_id, named.key.algorithm, signs.key

    def sign(self, message: bytes) -> bytes:
        return self._key.sign(message)


@pytest.mark.parametrize("why", REFUSED)
async def test_what_was_answered_or_a_rule_forbids_is_refused(door: Door, why: StrEnum) -> None:
    door.abroad.silent[CAROL.server] = why
    assert said(await door.bring(FORUM, passed_on())) == (403, "object_unavailable")
    door.abroad.silent = {ALICE.server: why}
    status, reason = said(await door.bring(ALICE, ALICE.creates()))
    assert (400 <= status < 500, reason) == (True, why)


@pytest.mark.parametrize("gone", [None, Reason.UNAVAILABLE, KeyFault.UNKNOWN])
async def test_what_its_server_no_longer_has_is_refused(door: Door, gone: StrEnum | None) -> None:
    door.abroad.documents = {CAROL.note()["id"]: gone}
    assert said(await door.bring(FORUM, passed_on())) == (403, "object_unavailable")


@ASKING
async def test_a_server_that_is_away_too_long_holds_up_nobody(door: Door, sender: Person, activity: Any) -> None:
    """Another Trait d'union brings all in order: what follows would wait as long."""
    door.abroad.silent[CAROL.server] = Absence.NAME
    assert (await door.bring(sender, activity)).status == 503
    door.now += WAITED - timedelta(seconds=1)
    assert (await door.bring(sender, activity)).status == 503
    door.now += timedelta(seconds=1)
    assert said(await door.bring(sender, activity)) == (403, "object_unavailable")
    door.now += FORGOTTEN
    assert (await door.bring(sender, activity)).status == 503


@ASKING
async def test_while_our_own_key_is_silent_no_server_is_away(door: Door, sender: Person, activity: Any) -> None:
    door.abroad.silent[CAROL.server] = Absence.OUR_KEY
    for _ in range(3):
        assert said(await door.bring(sender, activity)) == (503, Absence.OUR_KEY)
        door.now += WAITED


@ASKING
async def test_an_answer_ends_an_absence(door: Door, sender: Person, activity: Any) -> None:
    door.abroad.silent[CAROL.server] = Absence.TIMEOUT
    assert (await door.bring(sender, activity)).status == 503
    del door.abroad.silent[CAROL.server]
    door.now += timedelta(minutes=30)
    await door.bring(sender, activity)
    door.abroad.silent[CAROL.server] = Absence.TIMEOUT
    door.now += timedelta(minutes=45)
    assert (await door.bring(sender, activity)).status == 503
