"""What a peer's people take back is told to the community's other followers, in the characters in which it came."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from hub.federation.telling import Voice, parcels
from hub.ports import Record
from schemas.sequence import PEERS
from schemas.sequence import Sequence as Numbering
from schemas.wire.records import texts
from tests.fakes_abroad import GROUP, HERE, PUBLIC, written
from tests.fakes_peer_town import ALICE, BOB, FORUM, MEMBER, Town

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from hub.federation.parcel import Parcel


@pytest.fixture
async def town(database_url: str) -> AsyncIterator[Town]:
    made = await Town.make(database_url)
    yield made
    await made.world.close()


async def told(town: Town) -> list[list[Parcel]]:
    """What the fan-out makes for peers of each fact that was numbered for them, in order."""
    rows = await town.world.rows("SELECT * FROM hub.outbox WHERE topic = 'hub.facts.v1' ORDER BY id")
    return [list(parcels(_record(row, town), row["targets"], Voice(HERE, "hub"))) for row in rows if PEERS in row["targets"]]


def _record(row: Mapping[str, Any], town: Town) -> Record:
    headers = [(name, said.encode()) for name, said in row["headers"]]
    place = Numbering(row["digest"], row["community"], row["sequence"], row["targets"], row["admitted_at"]).signed(town.world.hub_key)
    headers += [(name, said.encode()) for name, said in place.items()]
    return Record("hub.facts.v1", 0, row["id"], row["admitted_at"], row["community"].encode(), bytes(row["value"]), tuple(headers))


def passed_on(found: list[Parcel], activity: Mapping[str, Any]) -> bool:
    """Whether the Group announces this very activity, once, and keeps it from the server that it came from."""
    return (
        [one.source for one in found] == ["social.example"]
        and found[0].body.endswith(b',"object":' + written(activity) + b"}")
        and json.loads(found[0].body)["actor"] == GROUP
    )


async def test_a_deletion_and_an_undo_go_to_the_other_followers_as_they_came(town: Town) -> None:
    like = BOB.does("Like", ALICE.note()["id"], "acts/l")
    await town.hear((ALICE, ALICE.creates()), (BOB, like))
    undo = BOB.does("Undo", like, "acts/u")
    delete = ALICE.does("Delete", {"type": "Tombstone", "id": ALICE.note()["id"]}, "acts/d", to=[PUBLIC])
    await town.hear((BOB, undo), (ALICE, delete))
    created, liked, undone, deleted = await told(town)
    assert [[one.source for one in found] for found in (created, liked)] == [["", ""], [""]]
    assert passed_on(undone, undo)
    assert passed_on(deleted, delete)
    assert town.reasons == []


async def test_n_deliveries_of_a_deletion_are_told_once(town: Town) -> None:
    await town.hear((ALICE, ALICE.creates()))
    for number in range(3):
        await town.hear((ALICE, ALICE.does("Delete", ALICE.note()["id"], f"acts/{number}")))
    assert len(await told(town)) == 2


async def test_who_is_gone_altogether_is_told_once_however_much_she_wrote(town: Town) -> None:
    await town.hear(*[(ALICE, ALICE.creates(ALICE.note(f"notes/{number}"), f"acts/{number}")) for number in range(3)])
    gone = ALICE.does("Delete", ALICE.id, "acts/gone")
    await town.hear((ALICE, gone))
    found = (await told(town))[3:]
    assert [len(one) for one in found] == [1, 0, 0]
    assert passed_on(found[0], gone)
    assert [row["state"] for row in await town.messages()] == ["deleted"] * 3


async def test_what_a_group_told_and_took_back_is_that_groups_to_tell(town: Town) -> None:
    await town.follow()
    note = MEMBER.note("post/1")
    await town.hear((FORUM, FORUM.does("Announce", MEMBER.creates(note, "post/1#create"), "a/1")))
    await town.hear((MEMBER, MEMBER.does("Delete", note["id"], "post/1#delete")))
    assert [row["state"] for row in await town.messages()] == ["deleted"]
    assert await told(town) == [[], []]


async def test_a_deletion_that_says_the_words_again_deletes_and_spreads_nothing(town: Town) -> None:
    await town.hear((ALICE, ALICE.creates()))
    await town.hear((ALICE, ALICE.does("Delete", ALICE.note(), "acts/d")))
    assert [row["state"] for row in await town.messages()] == ["deleted"]
    rows = await town.world.rows("SELECT value, headers FROM hub.outbox WHERE topic = 'hub.facts.v1' ORDER BY id DESC LIMIT 1")
    assert b"Bonjour" not in bytes(rows[0]["value"])
    assert texts([(name, said.encode()) for name, said in rows[0]["headers"]])["ce_type"] == "fr.gouv.rse.message.deleted.v1"
    assert (await told(town))[1:] == [[]]
