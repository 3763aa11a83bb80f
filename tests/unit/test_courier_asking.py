"""An actor whose inbox nobody has told: what her server answers who asks for her, and what of it lets the rest of that server wait."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

import pytest

from hub.federation.delivery import BRIEFLY, TRIES, State, Trouble
from hub.federation.post import GuardedPost
from hub.federation.posting import Absent, Barred, Location, Reply
from hub.ui import words
from schemas.wire.destinations import Absence, FetchFailed, Refusal
from schemas.wire.fetched import Fetched
from tests.fakes_courier import Hand, World, answer, inbox_of, record

if TYPE_CHECKING:
    from collections.abc import Sequence

PEER = "a.example"
INBOX = inbox_of(PEER)
TYPO = f"https://{PEER}/groups/tpyo"
FOR_NOW = (*Absence, Refusal.ADDRESS, Refusal.BUDGET)
FOR_EVER = tuple(reason for reason in Refusal if reason not in FOR_NOW)


class Asking(Hand):
    """Asks as well."""

    def asking(self, *_: object) -> dict[str, str]:
        return {}


class Ring:
    """One pair, that signs nothing."""

    def hands(self) -> Sequence[Any]:
        return [Asking("")]


class Client:
    """Answers as a test says."""

    def __init__(self, said: Fetched | FetchFailed) -> None:
        self.said = said

    async def get(self, url: str, **_: object) -> Fetched:
        del url
        if isinstance(self.said, FetchFailed):
            raise self.said
        return self.said

    async def post(self, *_: object) -> Fetched:
        return await self.get("")


def post(said: Fetched | FetchFailed) -> GuardedPost:
    return GuardedPost(cast("Any", Client(said)), cast("Any", Ring()), "https://hub.example/actor")


def shown(**document: object) -> Fetched:
    return Fetched(TYPO, 200, json.dumps(document).encode())


@pytest.fixture
def world() -> World:
    made = World()
    made.follow(PEER, "b.example")
    return made


async def test_what_a_server_answers_who_asks_for_an_actor_keeps_its_name() -> None:
    assert await post(shown(id=TYPO, inbox=INBOX)).inbox_of(TYPO, Location()) == INBOX
    for status in (304, 401, 403, 404, 410, 500, 503):
        assert await post(Fetched(TYPO, status, b"")).inbox_of(TYPO, Location()) == Reply(status)


@pytest.mark.parametrize(
    "document", [{"id": TYPO}, {"id": TYPO, "inbox": "https://c.example/inbox"}, {"id": f"https://{PEER}/other", "inbox": INBOX}]
)
async def test_who_shows_no_inbox_of_her_own_server_has_none(document: dict[str, str]) -> None:
    with pytest.raises(Barred, match=Trouble.ACTOR_MISSING):
        await post(shown(**document)).inbox_of(TYPO, Location())


PERSON: dict[str, object] = {"id": TYPO, "inbox": f"{TYPO}/inbox"}


@pytest.mark.parametrize(
    ("said", "there"),
    [
        (shown(**PERSON, endpoints={"sharedInbox": INBOX}), True),
        (shown(id=TYPO, inbox=INBOX), True),
        (shown(**PERSON), False),
        (shown(**PERSON, endpoints=INBOX), False),
        (shown(id=f"{TYPO}/x", inbox=INBOX), False),
        (Fetched(TYPO, 200, b"[]"), False),
        (Fetched(TYPO, 404, b""), False),
        (FetchFailed(Absence.TIMEOUT), False),
    ],
)
async def test_an_actor_shows_an_inbox_as_her_own_or_her_servers(said: Fetched | FetchFailed, there: bool) -> None:  # noqa: FBT001 - what is expected
    assert await post(said).shows(TYPO, INBOX, Location()) is there


@pytest.mark.parametrize("reason", FOR_NOW)
async def test_what_may_go_otherwise_another_time_is_waited_for(reason: Refusal | Absence) -> None:
    with pytest.raises(Absent, match=reason):
        await post(FetchFailed(reason)).inbox_of(TYPO, Location())
    with pytest.raises(Absent, match=reason):
        await post(FetchFailed(reason)).post(INBOX, b"", {}, Location())


@pytest.mark.parametrize("reason", FOR_EVER)
async def test_what_a_rule_of_ours_forbids_is_not_waited_for(reason: Refusal) -> None:
    with pytest.raises(Barred, match=reason):
        await post(FetchFailed(reason)).inbox_of(TYPO, Location())
    with pytest.raises(Barred, match=reason):
        await post(FetchFailed(reason)).post(INBOX, b"", {}, Location())


def barred(reason: str) -> str:
    raise Barred(reason)


@pytest.mark.parametrize("said", [404, 410, Refusal.TYPE, Refusal.TOO_LARGE, Refusal.URL])
async def test_a_mistyped_group_holds_its_server_up_for_minutes_and_is_set_aside_by_name(world: World, said: int | Refusal) -> None:
    world.inboxes.tells[TYPO] = lambda: Reply(said) if isinstance(said, int) else barred(said.value)
    async with world.run() as courier:
        await world.say(answer(0, TYPO), record(1))
        await world.goes_by(BRIEFLY / 2)
        assert (world.kept.refusals, world.inboxes.took[INBOX]) == ([], [])
        assert world.inboxes.took[inbox_of("b.example")] == ["1"]
        await world.goes_by(3 * BRIEFLY)
        assert courier.window.mark == 2
    reason = Trouble.ACTOR_MISSING if isinstance(said, int) else said
    assert [(one.peer, one.offset, one.reason) for one in world.kept.refusals] == [(PEER, 0, reason)]
    assert words.reason(reason) != reason
    assert (len(world.following), world.inboxes.took[INBOX]) == (2, ["1"])
    assert TRIES <= len(world.inboxes.looked_up) < 20


async def test_who_takes_back_what_was_mistyped_waits_minutes_again_and_no_longer(world: World) -> None:
    world.inboxes.tells[TYPO] = lambda: Reply(404)
    async with world.run():
        await world.say(answer(0, TYPO), answer(1, TYPO), record(2))
        await world.goes_by(5 * BRIEFLY)
    assert [one.offset for one in world.kept.refusals] == [0, 1]
    assert world.inboxes.took[INBOX] == ["2"]


async def test_a_group_whose_server_was_restarted_is_asked_again_and_hears_us(world: World) -> None:
    world.inboxes.tells[TYPO] = lambda: Reply(404)
    async with world.run():
        await world.say(answer(0, TYPO), record(1))
        await world.goes_by(BRIEFLY / 2)
        world.inboxes.tells.clear()
        await world.goes_by(2 * BRIEFLY)
    assert world.kept.refusals == []
    assert len(world.inboxes.took[f"{TYPO}/inbox"]) == 1


@pytest.mark.parametrize(
    ("status", "reason"), [(500, Trouble.SERVER_ERROR), (503, Trouble.UNAVAILABLE), (401, Trouble.SIGNATURE), (429, Trouble.TOO_MANY)]
)
async def test_a_server_that_fails_when_it_is_asked_is_waited_for_under_its_own_name(world: World, status: int, reason: Trouble) -> None:
    world.inboxes.tells[TYPO] = lambda: Reply(status)
    async with world.run():
        await world.say(answer(0, TYPO), record(1))
        await world.goes_by(timedelta(hours=12))
        standing = world.kept.standings[PEER]
        assert (standing.state, standing.position, standing.reason, world.kept.refusals) == (State.OPEN, 0, reason, [])
        world.inboxes.tells.clear()
        await world.goes_by(timedelta(hours=7))
    assert len(world.inboxes.took[f"{TYPO}/inbox"]) == 1
    assert world.inboxes.took[INBOX] == ["1"]


@pytest.mark.parametrize(
    ("status", "reason"), [(500, Trouble.FAILS), (401, Trouble.SIGNATURE), (302, Trouble.REDIRECTED), (403, Trouble.SIGNATURE)]
)
async def test_no_answer_of_a_server_about_one_actor_is_waited_for_without_end(world: World, status: int, reason: Trouble) -> None:
    world.inboxes.tells[TYPO] = lambda: Reply(status)
    async with world.run():
        await world.say(answer(0, TYPO), record(1))
        await world.goes_by(timedelta(days=5))
    assert [(one.offset, one.reason) for one in world.kept.refusals] == [(0, reason)]
    assert world.inboxes.took[INBOX] == ["1"]


async def test_an_inbox_that_points_elsewhere_each_time_has_its_activity_set_aside_by_name(world: World) -> None:
    world.inboxes.says[INBOX] = lambda text, _: Reply(301 if text == "0" else 202)
    async with world.run():
        await world.say(record(0), record(1))
        await world.goes_by(timedelta(hours=23))
        assert world.kept.refusals == []
        await world.goes_by(timedelta(days=2))
    assert [(one.offset, one.reason) for one in world.kept.refusals] == [(0, Trouble.REDIRECTED)]
    assert world.inboxes.took[INBOX] == ["1"]
