"""What a peer says and is refused: it may be heard later, it leaves its trace, and only an offence counts against the server."""

from __future__ import annotations

import json
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text

from hub.batches.peers import NO_OFFENCE, QUARANTINED
from hub.federation.following import follow_group, leave_group
from hub.operations.quarantine import quarantined_peers
from hub.registry.peer_repository import SqlPeers
from hub.ui import words
from schemas.manifest import Grade
from tests import fakes_federation
from tests.fakes_abroad import HERE, peer
from tests.fakes_peer_town import ALICE, COMMUNITY, FORUM, MEMBER, Town

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence

    from hub.ports import Record
    from tests.fakes_abroad import Person


@pytest.fixture
async def town(database_url: str) -> AsyncIterator[Town]:
    made = await Town.make(database_url)
    yield made
    await made.world.close()


def announced(number: int = 1) -> tuple[Any, dict[str, Any]]:
    return FORUM, FORUM.does("Announce", MEMBER.note(f"post/{number}"), f"a/{number}")


async def strikes(town: Town) -> int:
    return len(await town.world.rows("SELECT * FROM hub.strikes"))


# --- what was refused was not heard ------------------------------------------------------------------------------------------


async def test_what_was_refused_is_heard_when_it_is_brought_again_and_nothing_stands_against_it(town: Town) -> None:
    records = await town.records(announced())
    await town.take(records)
    assert (town.reasons, await town.messages()) == (["group_not_followed"], [])
    await town.follow()
    await town.take(records)
    assert len(await town.messages()) == 1
    await town.take(records)
    assert (len(await town.messages()), town.reasons) == (1, ["group_not_followed"])


async def test_what_is_heard_at_last_in_the_batch_in_which_it_was_refused_is_remembered(town: Town) -> None:
    await town.run(lambda work: follow_group(COMMUNITY, FORUM.id, work, HERE))
    asked = json.loads((await town.outgoing())[-1]["value"])
    first = await town.records(announced())
    answer = await town.records((FORUM, FORUM.does("Accept", asked, "acts/accept")))
    await town.take([*first, *answer, *first])
    await town.take(first)
    assert (len(await town.messages()), town.reasons) == (1, ["group_not_followed"])


async def test_a_worker_that_is_killed_before_its_dead_letters_are_sent_leaves_their_trace_when_it_is_back(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = await town.records((ALICE, ALICE.does("Accept", "https://social.example/f/1", "acts/1")))

    async def killed(refused: Sequence[tuple[Record, str, str]], attempts: int = 1) -> None:
        del refused, attempts
        raise ConnectionError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(town.world.dead_letters, "send", killed)
        with pytest.raises(ConnectionError):
            await town.take(records)
    await town.take(records)
    assert town.reasons == ["follow_unknown"]
    assert await strikes(town) == 1  # one record, however often it was read


async def test_what_is_refused_again_and_again_counts_each_time_that_it_is_brought(town: Town) -> None:
    for _ in range(3):
        await town.take(await brought(town))
    assert town.reasons == ["follow_unknown"] * 3
    assert await strikes(town) == 3


async def brought(town: Town) -> list[Record]:
    """The same activity, signed anew."""
    town.world.clock.moved += timedelta(seconds=1)
    return await town.records((ALICE, ALICE.does("Accept", "https://social.example/f/1", "acts/1")))


# --- what is no offence ------------------------------------------------------------------------------------------------------


def several(one: Callable[[int], tuple[Person, dict[str, Any]]]) -> list[tuple[Person, dict[str, Any]]]:
    """One more than the town's limit within a minute, and another."""
    return [one(number) for number in range(7)]


async def unfollowed(town: Town) -> list[Record]:
    """The Group goes on until it has heard our Undo."""
    await town.follow()
    assert await town.run(lambda work: leave_group(COMMUNITY, FORUM.id, work, HERE))
    return await town.records(*several(announced))


async def suspended(town: Town) -> list[Record]:
    records = await town.records(*several(lambda number: (ALICE, ALICE.creates(path=f"acts/{number}"))))
    async with town.world.engine.begin() as connection:
        await SqlPeers(connection).save(peer(ALICE.server, Grade.SUSPENDED))
    return records


async def expired(town: Town) -> list[Record]:
    """The door had not yet read of it."""
    await town.world.work(partial(fakes_federation.expire, f"peer/{ALICE.server}", town.world.clock()))
    return await town.records(*several(lambda number: (ALICE, ALICE.creates(path=f"acts/{number}"))))


async def to_nobody(town: Town) -> list[Record]:
    """They wrote to an address that is no community's."""
    note = {**ALICE.note(), "cc": [HERE.group("absente")]}
    return await town.records(*several(lambda number: (ALICE, ALICE.does("Create", note, f"acts/{number}"))))


async def narrowed(town: Town) -> list[Record]:
    async with town.world.engine.begin() as connection:
        await connection.execute(text("UPDATE hub.communities SET audience = 'members'"))
    return await town.records(*several(lambda number: (ALICE, ALICE.creates(path=f"acts/{number}"))))


async def mentioned(town: Town) -> list[Record]:
    """They call a ministry's actor by its name, and answer nothing of ours."""
    note = {**ALICE.note(), "cc": [HERE.node("wifip")]}
    return await town.records(*several(lambda number: (ALICE, ALICE.does("Create", note, f"acts/{number}"))))


async def with_a_picture(town: Town) -> list[Record]:
    """Misskey, Pleroma, Akkoma: each server has emoji of its own."""
    await town.hear((ALICE, ALICE.creates()))

    def blob(number: int) -> tuple[Person, dict[str, Any]]:
        return ALICE, ALICE.does("EmojiReact", ALICE.note()["id"], f"acts/e{number}", content=":blob:")

    return await town.records(*several(blob))


BLAMELESS: Mapping[str, Callable[[Town], Awaitable[list[Record]]]] = {
    "group_not_followed": unfollowed,
    "peer_not_permitted": suspended,
    "manifest_expired": expired,
    "community_unknown": to_nobody,
    "community_not_public": narrowed,
    "not_addressed_here": mentioned,
    "emoji_unreadable": with_a_picture,
}


def test_each_refusal_that_is_no_offence_is_tried() -> None:
    assert BLAMELESS.keys() | {QUARANTINED} == NO_OFFENCE
    assert all(words.reason(reason) != reason for reason in NO_OFFENCE)


@pytest.mark.parametrize("reason", BLAMELESS)
async def test_what_is_no_offence_is_set_aside_by_its_name_and_parks_no_server(town: Town, reason: str) -> None:
    await town.take(await BLAMELESS[reason](town))
    assert town.reasons == [reason] * 7
    async with town.world.engine.connect() as connection:
        assert await quarantined_peers(connection) == {}
    assert await strikes(town) == 0


@pytest.mark.parametrize("whom", [HERE.node("wifip"), HERE.node("absent"), HERE.host_actor], ids=["a node", "no node", "the server"])
async def test_who_asks_to_follow_what_is_no_community_is_told_no_by_that_actor(town: Town, whom: str) -> None:
    await town.hear(*several(lambda number: (ALICE, ALICE.does("Follow", whom, f"acts/f{number}"))))
    answers = [json.loads(row["value"]) for row in await town.outgoing()]
    assert len({one["id"] for one in answers}) == 7
    assert {(one["type"], one["actor"], one["object"]["object"], one["summary"]) for one in answers} == {
        ("Reject", whom, whom, "on ne peut suivre qu’une communauté")
    }
    assert (town.reasons, await strikes(town)) == ([], 0)
    assert await town.world.rows("SELECT * FROM hub.followers") == []


@pytest.mark.parametrize("what", [HERE.note("m"), "https://ailleurs.example/users/carol"], ids=["a message", "somebody of another server"])
async def test_nobody_speaks_for_what_is_no_actor_of_ours(town: Town, what: str) -> None:
    await town.hear((ALICE, ALICE.does("Follow", what, "acts/f")))
    assert (town.reasons, await town.outgoing()) == (["not_followable"], [])
