"""What another Trait d'union brought is told back to it: numbered, held, refused by name, and then written by which of our nodes."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text

from hub import bootstrap
from hub.acknowledging import Acknowledger
from hub.federation.acknowledgements import MEMBER, opened
from hub.federation.addresses import Addresses
from hub.federation.owing import forget_owed
from hub.operations.quarantine import release_peer
from hub.registry.peers import Peer
from schemas import activities
from schemas.envelope import object_id
from schemas.peer_receipt import Acknowledged, Fate, PeerReceipt
from schemas.provenance import sha256
from tests.fakes_abroad import HERE, written
from tests.fakes_peer_town import ALICE, COMMUNITY, FORUM, OPSI, OPSI_GROUP, OPSI_NODE, Town
from tests.fakes_peer_town import MEMBER as FORUM_MEMBER

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

THERE = Addresses("https://opsi.example")


@pytest.fixture
async def town(database_url: str) -> AsyncIterator[Town]:
    made = await Town.make(database_url)
    await made.follow(group=OPSI_GROUP)
    yield made
    await made.world.close()


def announced(number: int, inner: dict[str, Any] | None = None) -> dict[str, Any]:
    """What OPSI's group tells: its ministry's message, unless another act is given."""
    said = inner or OPSI_NODE.creates(OPSI_NODE.note(f"notes/{number}", f"<p>Parole {number}</p>"), f"activities/{number}")
    return OPSI_GROUP.does("Announce", said, f"activities/{number}#announce")


def acknowledger(town: Town) -> Acknowledger:
    begin = bootstrap.begin(town.world.engine, town.world.rules)
    return Acknowledger(begin, HERE, town.world.hub_key, town.world.clock)


async def told(town: Town) -> list[list[Acknowledged]]:
    """Every receipt that leaves, as OPSI would open it."""
    us = Peer("hub.example", "hub", "hub", OPSI.kind, OPSI.grade, OPSI.applied_at, anchor=town.world.hub_key.public.multibase)
    found = []
    for row in await town.outgoing():
        document = json.loads(row["value"])
        if document["type"] != "Receipt":
            continue
        assert (row["headers"]["peer_to"], row["headers"]["peer_inbox"]) == (THERE.host_actor, "https://opsi.example/inbox")
        receipt = opened(activities.told(document), us, THERE, town.world.clock())
        assert isinstance(receipt, PeerReceipt), receipt
        assert document[MEMBER]["issuer"] == "hub.example"
        found.append(list(receipt.deliveries))
    return found


async def test_what_is_numbered_is_told_with_its_number_its_bytes_and_every_nodes_word(town: Town) -> None:
    await town.hear((OPSI_GROUP, said := announced(1)))
    assert await acknowledger(town).send_due() == 1
    [[first]] = await told(town)
    assert (first.activity, first.digest, first.fate) == (THERE.announce("1"), sha256(written(said)), Fate.SEQUENCED)
    (message,) = await town.messages()
    assert (first.community, first.sequence) == (COMMUNITY, message["first_sequence"])
    assert first.nodes == {"wifip": "pending", "education": "pending", "diplomatie": "pending"}


async def test_the_nodes_that_wrote_it_are_told_once_they_have_said_so_and_then_nothing_more(town: Town) -> None:
    await town.hear((OPSI_GROUP, announced(1)))
    teller = acknowledger(town)
    await teller.send_due()
    (message,) = await town.messages()
    rows = await town.world.rows("SELECT event, digest FROM hub.outbox WHERE topic = 'hub.facts.v1' ORDER BY id DESC LIMIT 1")
    town.world.digests[rows[0]["event"]] = rows[0]["digest"]
    for node in ("wifip", "education", "diplomatie"):
        await town.world.receipts([town.world.report(node, message["first_event"])])
    town.world.clock.moved = timedelta(seconds=2)
    assert await teller.send_due() == 1
    assert (await told(town))[-1][0].nodes == dict.fromkeys(("wifip", "education", "diplomatie"), "written")
    assert [row["due_at"] for row in await town.world.rows("SELECT due_at FROM hub.receipts_owed")] == [None]


async def test_where_nothing_changes_it_is_looked_at_less_and_less_often_and_said_once(town: Town) -> None:
    await town.hear((OPSI_GROUP, announced(1)))
    teller, looks = acknowledger(town), []
    for _ in range(6):
        await teller.send_due()
        looks.append((await town.world.rows("SELECT looks, due_at FROM hub.receipts_owed"))[0])
        town.world.clock.moved = looks[-1]["due_at"] - town.world.clock() + town.world.clock.moved
    assert [row["looks"] for row in looks] == [1, 2, 3, 4, 5, 6]
    assert len(await told(town)) == 1


async def test_many_are_told_in_one_receipt_each_by_its_own_fate(town: Town) -> None:
    answer = OPSI_NODE.note("notes/9", "<p>Réponse</p>", inReplyTo="https://opsi.example/notes/8")
    early = OPSI_NODE.creates(answer, "activities/9")
    stolen = OPSI_NODE.does("Update", {**OPSI_NODE.note("notes/1"), "attributedTo": OPSI_NODE.id, "content": ""}, "activities/3")
    again = OPSI_NODE.creates(OPSI_NODE.note("notes/1"), "activities/4")
    await town.hear((OPSI_GROUP, announced(1)), (OPSI_GROUP, announced(9, early)))
    await town.hear((OPSI_GROUP, announced(3, stolen)), (OPSI_GROUP, announced(4, again)))
    await town.hear((OPSI_GROUP, announced(5, OPSI_NODE.does("Dislike", "https://opsi.example/notes/1", "activities/5"))))
    await acknowledger(town).send_due()
    [several] = await told(town)
    assert [(one.activity, one.fate, one.reason) for one in sorted(several, key=lambda one: one.activity)] == [
        (THERE.announce("1"), Fate.SEQUENCED, None),
        (THERE.announce("3"), Fate.REFUSED, "post_without_text"),
        (THERE.announce("4"), Fate.KNOWN, None),
        (THERE.announce("5"), Fate.NOTED, None),
        (THERE.announce("9"), Fate.HELD, None),
    ]


async def test_what_was_held_is_told_again_once_it_has_its_number(town: Town) -> None:
    answer = OPSI_NODE.note("notes/9", "<p>Réponse</p>", inReplyTo="https://opsi.example/notes/1")
    await town.hear((OPSI_GROUP, announced(9, OPSI_NODE.creates(answer, "activities/9"))))
    teller = acknowledger(town)
    await teller.send_due()
    await town.hear((OPSI_GROUP, announced(1)))
    town.world.clock.moved = timedelta(seconds=2)
    await teller.send_due()
    fates = [(one.activity, one.fate) for receipt in await told(town) for one in receipt if one.activity == THERE.announce("9")]
    assert fates == [(THERE.announce("9"), Fate.HELD), (THERE.announce("9"), Fate.SEQUENCED)]


async def test_n_deliveries_are_told_of_once(town: Town) -> None:
    records = await town.records((OPSI_GROUP, announced(1)))
    await town.take([*records, *records])
    await town.take(records)
    await acknowledger(town).send_due()
    assert [len(receipt) for receipt in await told(town)] == [1]


async def test_others_servers_and_what_no_group_announced_are_told_nothing(town: Town) -> None:
    await town.follow(group=FORUM)
    await town.hear(
        (ALICE, ALICE.creates()),
        (FORUM, FORUM.does("Announce", FORUM_MEMBER.creates(FORUM_MEMBER.note("post/1"), "post/1#create"), "a/1")),
        (OPSI_NODE, OPSI_NODE.creates(OPSI_NODE.note("notes/7"), "activities/7")),
    )
    assert await acknowledger(town).send_due() == 0
    assert await told(town) == []


async def test_what_fails_here_is_said_to_have_failed(town: Town) -> None:
    async with town.world.engine.begin() as connection:
        await connection.execute(text("ALTER TABLE hub.messages ADD CONSTRAINT no_poison CHECK (html NOT LIKE '%poison%')"))
    bad = OPSI_NODE.creates(OPSI_NODE.note("notes/2", "<p>poison</p>"), "activities/2")
    await town.hear((OPSI_GROUP, announced(1)), (OPSI_GROUP, announced(2, bad)))
    await acknowledger(town).send_due()
    assert {(one.activity, one.fate, one.reason) for receipt in await told(town) for one in receipt} == {
        (THERE.announce("1"), Fate.SEQUENCED, None),
        (THERE.announce("2"), Fate.REFUSED, "handler_error"),
    }


async def test_what_a_quarantine_set_aside_is_told_anew_when_it_is_heard_after_all(town: Town) -> None:
    async with town.world.engine.begin() as connection:
        await connection.execute(text("INSERT INTO hub.peer_quarantines (peer, at) VALUES ('opsi.example', now())"))
    records = await town.records((OPSI_GROUP, announced(1)))
    await town.take(records)
    teller = acknowledger(town)
    await teller.send_due()
    async with town.world.engine.begin() as connection:
        assert await release_peer(connection, OPSI.id)
    await town.take(records)
    await teller.send_due()
    assert [(one.fate, one.reason) for receipt in await told(town) for one in receipt] == [
        (Fate.REFUSED, "peer_quarantined"),
        (Fate.SEQUENCED, None),
    ]
    assert (await town.messages())[0]["id"] == object_id("hub", "https://opsi.example/notes/1")


async def test_what_is_too_old_is_owed_no_longer(town: Town) -> None:
    await town.hear((OPSI_GROUP, announced(1)))
    async with town.world.engine.begin() as connection:
        await forget_owed(connection, town.world.clock() + timedelta(days=1))
    assert await acknowledger(town).send_due() == 0


async def test_whether_a_community_that_is_not_public_exists_or_holds_something_is_told_to_nobody(town: Town) -> None:
    await town.world.hear(town.world.posted("wifip", "post:1"))
    async with town.world.engine.begin() as connection:
        await connection.execute(text("UPDATE hub.communities SET audience = 'members'"))
    likes = [
        announced(number, OPSI_NODE.does("Like", HERE.note(name), f"activities/{number}"))
        for number, name in ((2, object_id("wifip", "post:1")), (3, object_id("wifip", "post:absent")))
    ]
    await town.hear((OPSI_GROUP, announced(1)), *((OPSI_GROUP, like) for like in likes))
    assert town.reasons == ["community_not_public"]  # operators know
    await acknowledger(town).send_due()
    [several] = await told(town)
    assert [(one.fate, one.reason) for one in sorted(several, key=lambda one: one.activity)] == [
        (Fate.REFUSED, "community_unknown"),
        (Fate.NOTED, None),
        (Fate.NOTED, None),
    ]
