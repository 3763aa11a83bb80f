"""What the worker's batch refuses, each by its name, on a real PostgreSQL."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from schemas.envelope import object_id
from schemas.facts.copy import CopyWithdrawn
from schemas.facts.external import External
from schemas.facts.message import Author, Content, MessageDeleted, MessageEdited, MessagePosted
from schemas.keys import SigningKey
from tests.hub_world import NODES, World, forged

if TYPE_CHECKING:
    from schemas.facts.base import Fact


CONTENT = Content(html="<p>vol</p>", text="vol")


async def test_a_stolen_envelope_under_another_nodes_key_is_refused_by_name(world: World) -> None:
    record = world.posted("wifip", "post:1")
    await world.hear(forged(record, ce_keyid=world.keys["education"].key_id.encode()))
    assert world.dead_letters.reasons == ["key_of_another_node"]


async def test_an_altered_value_and_an_altered_attribute_are_refused_by_name(world: World) -> None:
    record = world.posted("wifip", "post:1")
    altered = replace(record, value=record.value.replace(b"Bonjour", b"Bonsoir"))  # type: ignore[union-attr]  # a posted record has a value
    await world.hear(altered, forged(record, ce_actor=b"b" * 32))
    assert world.dead_letters.reasons == ["digest_mismatch", "proof_invalid"]
    assert not await world.messages()


async def test_a_key_of_nobody_is_refused_by_name(world: World) -> None:
    fact = MessagePosted(space="97", author=Author(name="X", organisation="Y"), content=Content(html="", text=""))
    event = world.event("wifip", fact, "post:1", marker="m", key=SigningKey.generate("wifip"))
    await world.hear(world.carry(event, "wifip/97"))
    assert world.dead_letters.reasons == ["key_unknown"]


async def test_a_record_key_that_disagrees_with_its_envelope_is_refused_by_name(world: World) -> None:
    await world.hear(replace(world.posted("wifip", "post:1"), key=b"education/97"))
    assert world.dead_letters.reasons == ["record_key_mismatch"]


async def test_a_node_says_nothing_in_the_name_of_people_on_servers_of_others(world: World) -> None:
    forged = External(actor="https://a.example/u/1", server="a.example", object="https://a.example/n/1", activity="{}", provenance="{}")
    fact = MessagePosted(space="97", author=Author(organisation="Y"), content=CONTENT, external=forged)
    await world.hear(world.record("wifip", fact, "post:1", marker="posted"))
    assert world.dead_letters.reasons == ["external_mismatch"]


@pytest.mark.parametrize("fact", [MessageDeleted(space="12"), MessageEdited(space="12", author=Author(organisation="Y"), content=CONTENT)])
async def test_nobody_edits_or_deletes_the_message_of_another_node(world: World, fact: Fact) -> None:
    await world.hear(world.posted("wifip", "post:1"))
    theft = world.event("diplomatie", fact, "post:7", marker="m", subject=object_id("wifip", "post:1"))
    await world.hear(world.carry(theft, "diplomatie/12"))
    assert world.dead_letters.reasons == ["not_owner"]
    assert (await world.messages())[object_id("wifip", "post:1")]["html"] == "<p>Bonjour</p>"


async def test_nobody_takes_the_name_of_a_message_that_another_node_will_post(world: World) -> None:
    fact = MessagePosted(space="12", author=Author(organisation="Y"), content=CONTENT)
    squat = world.event("diplomatie", fact, "post:7", marker="m", subject=object_id("wifip", "post:1"))
    await world.hear(world.carry(squat, "diplomatie/12"))
    assert world.dead_letters.reasons == ["subject_mismatch"]


async def test_headers_of_the_senders_own_making_go_no_further(world: World) -> None:
    record = world.posted("wifip", "post:1")
    await world.hear(replace(record, headers=(*record.headers, ("hub_sequence", b"1"), ("x-padding", b"junk"))))
    row = (await world.rows("SELECT headers FROM hub.outbox ORDER BY id DESC LIMIT 1"))[0]
    assert [name for name, _ in row["headers"]] == [name for name, _ in record.headers]


async def test_a_record_that_no_topic_could_carry_on_is_refused_by_name(world: World) -> None:
    class Heavy(MessagePosted):
        ballast: str = ""

    fact = Heavy(space="97", author=Author(organisation="Y"), content=CONTENT, ballast="x" * (8 * 1024 * 1024))
    await world.hear(world.record("wifip", fact, "post:1", marker="m"), world.posted("wifip", "post:2"))
    assert world.dead_letters.reasons == ["record_too_large"]
    assert set(await world.messages()) == {object_id("wifip", "post:2")}


async def test_nobody_notes_anything_on_a_message_that_is_not_a_copy_of_hers(world: World) -> None:
    await world.hear(world.posted("wifip", "post:1"))
    own = world.event("wifip", CopyWithdrawn(space="97"), "post:1", marker="w")
    copy = world.event("education", CopyWithdrawn(space=NODES["education"]), "$c", marker="w", subject=object_id("wifip", "post:1"))
    await world.hear(world.carry(own, "wifip/97"), world.carry(copy, f"education/{NODES['education']}"))
    assert world.dead_letters.reasons == ["copy_unknown"]
    assert [(row["node"], row["state"]) for row in await world.rows("SELECT node, state FROM hub.copies")] == [("education", "withdrawn")]


async def test_an_unknown_major_is_a_dead_letter(world: World) -> None:
    class Newer(MessagePosted):
        event_type = "fr.gouv.rse.message.posted.v9"

    fact = Newer(space="97", author=Author(name="X", organisation="Y"), content=Content(html="", text=""))
    await world.hear(world.record("wifip", fact, "post:1", marker="m"))
    assert world.dead_letters.reasons == ["major_unknown"]
