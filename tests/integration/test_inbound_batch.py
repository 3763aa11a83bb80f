"""Messages through the worker's batch on a real PostgreSQL: numbered once, in order, sent to every tied node."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

from schemas.envelope import object_id
from schemas.facts.message import Author, Content, MessageEdited, MessagePosted
from schemas.wire.telemetry import Metric
from tests.hub_world import COMMUNITY, NODES, World

CONTENT = Content(html="<p>vol</p>", text="vol")


async def test_a_message_gets_a_number_and_goes_to_every_tied_node_byte_for_byte(world: World) -> None:
    record = world.posted("wifip", "post:1")
    await world.hear(record)
    row = (await world.rows("SELECT * FROM hub.outbox ORDER BY id DESC LIMIT 1"))[0]
    assert bytes(row["value"]) == record.value
    assert [(name, text.encode()) for name, text in row["headers"]] == list(record.headers)
    assert set(row["targets"]) == {"wifip", "education", "diplomatie"}
    assert await world.sequences() == list(range(1, row["sequence"] + 1))


async def test_n_deliveries_equal_one(world: World) -> None:
    record = world.posted("wifip", "post:1")
    await world.hear(record, record)
    await world.hear(record)
    before = await world.sequences()
    await world.hear(record)
    assert await world.sequences() == before
    assert len(await world.messages()) == 1


async def test_a_reply_waits_for_its_parent_and_follows_it_in_order(world: World) -> None:
    parent = object_id("wifip", "post:1")
    await world.hear(world.posted("education", "$reply", parent=parent))
    assert not await world.messages()
    await world.hear(world.posted("wifip", "post:1"))
    messages = await world.messages()
    reply = messages[object_id("education", "$reply")]
    assert reply["parent"] == parent
    assert reply["first_sequence"] > messages[parent]["first_sequence"]
    assert not await world.rows("SELECT * FROM hub.held")
    assert {row["outcome"] for row in await world.rows("SELECT outcome FROM hub.events WHERE type LIKE '%message%'")} == {"sequenced"}


async def test_an_edit_of_a_waiting_reply_stays_behind_it(world: World) -> None:
    parent = object_id("wifip", "post:1")
    await world.hear(world.posted("education", "$reply", "un", parent=parent))
    await world.hear(world.edited("education", "$reply", "deux"))
    await world.hear(world.posted("wifip", "post:1"))
    reply = (await world.messages())[object_id("education", "$reply")]
    assert reply["html"] == "<p>deux</p>"
    assert reply["parent"] == parent


async def test_a_reply_whose_parent_never_comes_stands_alone_after_a_minute(world: World) -> None:
    await world.hear(world.posted("education", "$reply", parent=object_id("wifip", "post:404")))
    assert await world.inbound.release_due() == 0
    world.clock.moved += timedelta(seconds=61)
    assert await world.inbound.release_due() == 1
    assert (await world.messages())[object_id("education", "$reply")]["parent"] is None
    assert await world.inbound.release_due() == 0


async def test_an_edit_of_an_unknown_message_creates_it_and_its_late_post_changes_nothing(world: World) -> None:
    await world.hear(world.edited("wifip", "post:1", "corrigé"))
    await world.hear(world.posted("wifip", "post:1", "premier jet"))
    assert (await world.messages())[object_id("wifip", "post:1")]["html"] == "<p>corrigé</p>"


async def test_a_deletion_leaves_a_tombstone_that_a_late_post_does_not_raise(world: World) -> None:
    await world.hear(world.deleted("wifip", "post:1"))
    await world.hear(world.posted("wifip", "post:1"))
    assert (await world.messages())[object_id("wifip", "post:1")]["state"] == "deleted"


async def test_a_deleted_message_is_restored_by_its_owner(world: World) -> None:
    await world.hear(world.posted("wifip", "post:1"), world.deleted("wifip", "post:1"))
    tombstone = (await world.messages())[object_id("wifip", "post:1")]
    assert (tombstone["state"], tombstone["html"]) == ("deleted", "")
    await world.hear(world.edited("wifip", "post:1", "revenu", marker="recovered"))
    assert (await world.messages())[object_id("wifip", "post:1")]["state"] == "visible"


async def test_a_chain_of_replies_however_long_is_freed_without_ending_the_worker(world: World) -> None:
    names = ["post:404", *(f"$c{number}" for number in range(400))]
    chain = [
        world.posted("education", name, parent=object_id("wifip" if answered == "post:404" else "education", answered))
        for answered, name in pairwise(names)
    ]
    await world.hear(*chain)
    world.clock.moved += timedelta(seconds=61)
    while await world.inbound.release_due():
        pass
    messages = await world.messages()
    assert len(messages) == 400
    assert messages[object_id("education", "$c399")]["parent"] == object_id("education", "$c398")


async def test_a_waiting_reply_that_was_edited_and_deleted_stays_deleted(world: World) -> None:
    parent = object_id("wifip", "post:1")
    await world.hear(world.posted("education", "$r", parent=parent))
    edit = MessageEdited(space=NODES["education"], author=Author(organisation="Y"), content=CONTENT)
    await world.hear(world.record("education", edit, "$r", marker="e", parent=parent), world.deleted("education", "$r"))
    await world.hear(world.posted("wifip", "post:1"))
    assert (await world.messages())[object_id("education", "$r")]["state"] == "deleted"
    assert not await world.rows("SELECT * FROM hub.held")


async def test_source_offsets_stand_in_the_transaction_of_their_effects(world: World) -> None:
    record = world.posted("wifip", "post:1")
    await world.hear(record)
    rows = await world.rows("SELECT next_offset FROM hub.stream_offsets WHERE \"group\" = 'inbound'")
    assert [row["next_offset"] for row in rows] == [record.offset + 1]


async def test_an_unknown_type_of_a_known_major_is_noted_not_refused(world: World) -> None:
    class Waved(MessagePosted):
        event_type = "fr.gouv.rse.message.waved.v1"

    fact = Waved(space="97", author=Author(name="X", organisation="Y"), content=Content(html="", text=""))
    await world.hear(world.record("wifip", fact, "post:1", marker="m"))
    assert world.dead_letters.reasons == []
    assert [row["outcome"] for row in await world.rows("SELECT outcome FROM hub.events WHERE type LIKE '%waved%'")] == ["unsupported"]


async def test_the_last_number_of_the_community_is_the_last_one_given(world: World) -> None:
    await world.hear(*(world.posted("wifip", f"post:{number}") for number in range(20)))
    rows = await world.rows(f"SELECT sequence FROM hub.communities WHERE id = '{COMMUNITY}'")  # noqa: S608 - a constant
    assert rows[0]["sequence"] == (await world.sequences())[-1]


async def test_fields_that_we_do_not_know_are_counted_while_the_bytes_travel_untouched(world: World) -> None:
    class Richer(MessagePosted):
        mood: str = "gaie"

    counter = Metric.unknown_fields.labels("fr.gouv.rse.message.posted.v1")
    before = counter._value.get()
    record = world.record("wifip", Richer(space="97", author=Author(organisation="Y"), content=CONTENT), "post:1", marker="m")
    await world.hear(record)
    assert counter._value.get() == before + 1
    assert b"gaie" in bytes((await world.rows("SELECT value FROM hub.outbox ORDER BY id DESC LIMIT 1"))[0]["value"])
