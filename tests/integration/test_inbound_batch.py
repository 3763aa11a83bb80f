"""The worker's inbound batch on a real PostgreSQL."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text

from hub.operations.quarantine import release
from hub.registry.key_service import revoke_key
from hub.registry.model import GradeRefused
from hub.registry.service import TieKnownError, propose_tie
from schemas.envelope import object_id
from schemas.facts.copy import CopyWithdrawn
from schemas.facts.external import External
from schemas.facts.message import Author, Content, MessageDeleted, MessageEdited, MessagePosted
from schemas.keys import SigningKey
from schemas.wire.telemetry import Metric
from schemas.words import Audience, Verdict
from tests import fakes_federation
from tests.hub_world import COMMUNITY, NODES, World

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from hub.ports import Record
    from hub.unit_of_work import UnitOfWork
    from schemas.facts.base import Fact

CONTENT = Content(html="<p>vol</p>", text="vol")


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[World]:
    made = await World.make(database_url, quarantine_after=5)
    await made.tie()
    yield made
    await made.close()


async def _sequences(world: World) -> list[int]:
    rows = await world.rows("SELECT sequence FROM hub.outbox WHERE community IS NOT NULL AND sequence IS NOT NULL ORDER BY sequence")
    return [row["sequence"] for row in rows]


async def _messages(world: World) -> dict[str, Any]:
    return {row["id"]: row for row in await world.rows("SELECT * FROM hub.messages")}


async def test_a_message_gets_a_number_and_goes_to_every_tied_node_byte_for_byte(world: World) -> None:
    record = world.posted("wifip", "post:1")
    await world.hear(record)
    row = (await world.rows("SELECT * FROM hub.outbox ORDER BY id DESC LIMIT 1"))[0]
    assert bytes(row["value"]) == record.value
    assert [(name, text.encode()) for name, text in row["headers"]] == list(record.headers)
    assert set(row["targets"]) == {"wifip", "education", "diplomatie"}
    assert await _sequences(world) == list(range(1, row["sequence"] + 1))


async def test_n_deliveries_equal_one(world: World) -> None:
    record = world.posted("wifip", "post:1")
    await world.hear(record, record)
    await world.hear(record)
    before = await _sequences(world)
    await world.hear(record)
    assert await _sequences(world) == before
    assert len(await _messages(world)) == 1


async def test_a_reply_waits_for_its_parent_and_follows_it_in_order(world: World) -> None:
    parent = object_id("wifip", "post:1")
    await world.hear(world.posted("education", "$reply", parent=parent))
    assert not await _messages(world)
    await world.hear(world.posted("wifip", "post:1"))
    messages = await _messages(world)
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
    reply = (await _messages(world))[object_id("education", "$reply")]
    assert reply["html"] == "<p>deux</p>"
    assert reply["parent"] == parent


async def test_a_reply_whose_parent_never_comes_stands_alone_after_a_minute(world: World) -> None:
    await world.hear(world.posted("education", "$reply", parent=object_id("wifip", "post:404")))
    assert await world.inbound.release_due() == 0
    world.clock.moved += timedelta(seconds=61)
    assert await world.inbound.release_due() == 1
    assert (await _messages(world))[object_id("education", "$reply")]["parent"] is None
    assert await world.inbound.release_due() == 0


async def test_an_edit_of_an_unknown_message_creates_it_and_its_late_post_changes_nothing(world: World) -> None:
    await world.hear(world.edited("wifip", "post:1", "corrigé"))
    await world.hear(world.posted("wifip", "post:1", "premier jet"))
    assert (await _messages(world))[object_id("wifip", "post:1")]["html"] == "<p>corrigé</p>"


async def test_a_deletion_leaves_a_tombstone_that_a_late_post_does_not_raise(world: World) -> None:
    await world.hear(world.deleted("wifip", "post:1"))
    await world.hear(world.posted("wifip", "post:1"))
    assert (await _messages(world))[object_id("wifip", "post:1")]["state"] == "deleted"


async def test_a_deleted_message_is_restored_by_its_owner(world: World) -> None:
    await world.hear(world.posted("wifip", "post:1"), world.deleted("wifip", "post:1"))
    tombstone = (await _messages(world))[object_id("wifip", "post:1")]
    assert (tombstone["state"], tombstone["html"]) == ("deleted", "")
    await world.hear(world.edited("wifip", "post:1", "revenu", marker="recovered"))
    assert (await _messages(world))[object_id("wifip", "post:1")]["state"] == "visible"


def _forged(world: World, record: Record, **changed: bytes) -> Record:
    headers = tuple((name, changed.get(name, raw)) for name, raw in record.headers)
    del world
    return replace(record, headers=headers)


async def test_a_stolen_envelope_under_another_nodes_key_is_refused_by_name(world: World) -> None:
    record = world.posted("wifip", "post:1")
    await world.hear(_forged(world, record, ce_keyid=world.keys["education"].key_id.encode()))
    assert world.dead_letters.reasons == ["key_of_another_node"]


async def test_an_altered_value_and_an_altered_attribute_are_refused_by_name(world: World) -> None:
    record = world.posted("wifip", "post:1")
    altered = replace(record, value=record.value.replace(b"Bonjour", b"Bonsoir"))  # type: ignore[union-attr]  # a posted record has a value
    await world.hear(altered, _forged(world, record, ce_actor=b"b" * 32))
    assert world.dead_letters.reasons == ["digest_mismatch", "proof_invalid"]
    assert not await _messages(world)


async def test_a_key_of_nobody_is_refused_by_name(world: World) -> None:
    fact = MessagePosted(space="97", author=Author(name="X", organisation="Y"), content=Content(html="", text=""))
    event = world.event("wifip", fact, "post:1", marker="m", key=SigningKey.generate("wifip"))
    await world.hear(world.carry(event, "wifip/97"))
    assert world.dead_letters.reasons == ["key_unknown"]


async def test_a_revoked_key_signs_nothing_any_more_while_what_came_before_stands(world: World) -> None:
    before = world.posted("wifip", "post:1")
    await world.work(lambda work: _revoke(world.keys["wifip"].key_id, work))
    await world.hear(before, world.posted("wifip", "post:2"))
    assert world.dead_letters.reasons == ["key_revoked"]
    assert set(await _messages(world)) == {object_id("wifip", "post:1")}


async def test_a_community_to_which_the_node_is_not_tied_is_refused_by_name(database_url: str) -> None:
    world = await World.make(database_url)
    await world.tie("wifip")
    await world.hear(world.posted("education", "$1"))
    assert world.dead_letters.reasons == ["not_tied"]
    await world.tie("education")
    await world.hear(world.posted("education", "$1"))
    assert object_id("education", "$1") in await _messages(world)
    await world.close()


async def test_a_node_lowered_to_observer_reads_on_takes_back_what_it_said_and_speaks_no_more(world: World) -> None:
    await world.hear(world.posted("education", "$1"))
    await world.work(partial(fakes_federation.lower, "node/education"))
    await world.hear(world.posted("education", "$2"), world.edited("education", "$1", "Autre"), world.posted("wifip", "post:1"))
    assert world.dead_letters.reasons == ["node_observes"] * 2
    await world.hear(world.deleted("education", "$1"))
    (row, before) = await world.rows("SELECT targets FROM hub.outbox WHERE sequence IS NOT NULL ORDER BY id DESC LIMIT 2")
    assert "education" in row["targets"]
    assert "education" in before["targets"]
    assert (await _messages(world))[object_id("education", "$1")]["state"] == "deleted"
    await world.work(partial(fakes_federation.approve, "node/education"))
    await world.hear(world.posted("education", "$3"))
    assert object_id("education", "$3") in await _messages(world)


async def test_past_its_manifests_end_a_node_reads_on_and_what_it_says_is_set_aside_until_another_is_accepted(world: World) -> None:
    end = world.clock() + timedelta(hours=1)
    await world.work(partial(fakes_federation.expire, "node/education", end))
    early = world.posted("education", "$1")
    world.clock.moved += timedelta(hours=1)
    late = [world.posted("education", f"$late{number}") for number in range(7)]
    await world.hear(early, *late, world.posted("wifip", "post:1"))  # what the broker admitted in time is judged by that time
    assert world.dead_letters.reasons == ["manifest_expired"] * 7
    assert set(await _messages(world)) == {object_id("education", "$1"), object_id("wifip", "post:1")}
    (row,) = await world.rows("SELECT targets FROM hub.outbox WHERE sequence IS NOT NULL ORDER BY id DESC LIMIT 1")
    assert "education" in row["targets"]
    await world.hear(world.deleted("education", "$1"))
    assert (await _messages(world))[object_id("education", "$1")]["state"] == "deleted"
    assert await world.rows("SELECT * FROM hub.nodes WHERE quarantined_at IS NOT NULL") == []  # seven refusals, of a limit of five
    await world.work(partial(fakes_federation.expire, "node/education", world.clock() + timedelta(days=1)))
    again = [replace(record, timestamp=world.clock()) for record in late]  # as a release has them read again
    await world.hear(*again)
    assert object_id("education", "$late6") in await _messages(world)


async def test_what_an_agent_of_a_suspended_node_deletes_is_deleted_everywhere(world: World) -> None:
    await world.hear(world.posted("education", "$1"))
    await world.work(partial(fakes_federation.suspend, "node/education"))
    await world.hear(world.deleted("education", "$1"))
    assert world.dead_letters.reasons == []
    assert (await _messages(world))[object_id("education", "$1")]["state"] == "deleted"


async def test_a_suspended_node_speaks_no_more_and_receives_no_more(world: World) -> None:
    await world.work(partial(fakes_federation.suspend, "node/education"))
    await world.hear(world.posted("education", "$1"), world.posted("wifip", "post:1"))
    assert world.dead_letters.reasons == ["node_not_admitted"]
    row = (await world.rows("SELECT targets FROM hub.outbox ORDER BY id DESC LIMIT 1"))[0]
    assert "education" not in row["targets"]


async def test_only_an_admitted_node_is_suspended(world: World) -> None:
    await world.work(partial(fakes_federation.apply, SigningKey.generate("recherche")))
    with pytest.raises(GradeRefused):
        await world.work(partial(fakes_federation.suspend, "node/recherche"))


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
    assert (await _messages(world))[object_id("wifip", "post:1")]["html"] == "<p>Bonjour</p>"


async def test_nobody_takes_the_name_of_a_message_that_another_node_will_post(world: World) -> None:
    fact = MessagePosted(space="12", author=Author(organisation="Y"), content=CONTENT)
    squat = world.event("diplomatie", fact, "post:7", marker="m", subject=object_id("wifip", "post:1"))
    await world.hear(world.carry(squat, "diplomatie/12"))
    assert world.dead_letters.reasons == ["subject_mismatch"]


async def test_a_flood_from_one_node_quarantines_that_node_only(world: World) -> None:
    strangers = [
        world.event("education", MessageDeleted(space="!x"), f"$f{number}", marker="m", community="ailleurs") for number in range(6)
    ]
    await world.hear(*(world.carry(event, "education/!x") for event in strangers))
    world.dead_letters.kept.clear()
    await world.hear(world.posted("education", "$ok"), world.posted("wifip", "post:1"))
    assert world.dead_letters.reasons == ["node_quarantined"]
    assert set(await _messages(world)) == {object_id("wifip", "post:1")}
    await world.work(lambda work: release(work.connection, "education"))
    await world.hear(world.posted("education", "$ok"))
    assert object_id("education", "$ok") in await _messages(world)


async def test_a_refused_event_that_somebody_replays_counts_once_against_its_node(world: World) -> None:
    event = world.event("education", MessageDeleted(space="!x"), "$f", marker="m", community="ailleurs")
    await world.hear(*(world.carry(event, "education/!x") for _ in range(20)))
    await world.hear(world.posted("education", "$ok"))
    assert object_id("education", "$ok") in await _messages(world)


async def test_a_flood_of_forgeries_in_a_nodes_name_silences_nobody(world: World) -> None:
    record = world.posted("education", "$1")
    await world.hear(*(_forged(world, record, ce_proof=b"A" * 86) for _ in range(20)))
    assert set(world.dead_letters.reasons) == {"proof_invalid"}
    await world.hear(record)
    assert object_id("education", "$1") in await _messages(world)


async def test_one_record_that_makes_a_handler_fail_is_alone_a_dead_letter(world: World) -> None:
    good = world.handlers["fr.gouv.rse.message.posted.v1"]

    async def fails_on_one(admitted: Any, work: Any) -> str | None:
        if admitted.subject == object_id("wifip", "post:2"):
            raise ZeroDivisionError
        return await good(admitted, work)

    world.handlers["fr.gouv.rse.message.posted.v1"] = fails_on_one
    await world.hear(*(world.posted("wifip", f"post:{number}") for number in (1, 2, 3)))
    assert world.dead_letters.reasons == ["handler_error"]
    assert set(await _messages(world)) == {object_id("wifip", "post:1"), object_id("wifip", "post:3")}
    assert [row["count"] for row in await world.rows("SELECT count FROM hub.attempts")] == [3]
    sequences = await _sequences(world)
    assert sequences == list(range(1, len(sequences) + 1))


async def test_a_space_wider_than_the_community_is_refused_and_told(database_url: str) -> None:
    world = await World.make(database_url)
    await world.tie("wifip", audience=Audience.PUBLIC)
    assert (await world.rows("SELECT state, reason FROM hub.ties"))[0] == {"state": "refused", "reason": "space_wider_than_community"}
    told = await world.rows("SELECT topic FROM hub.outbox WHERE topic = 'node.wifip.outbound.v1' ORDER BY id")
    assert len(told) == 2
    await world.close()


async def test_a_space_that_widens_later_receives_no_more(world: World) -> None:
    await world.hear(world.accepted("education", Audience.PUBLIC, marker="wider"))
    await world.hear(world.posted("wifip", "post:1"))
    row = (
        await world.rows("SELECT targets FROM hub.outbox WHERE community IS NOT NULL AND sequence IS NOT NULL ORDER BY id DESC LIMIT 1")
    )[0]
    assert set(row["targets"]) == {"wifip", "diplomatie"}


async def test_what_its_author_takes_back_is_told_wherever_it_may_lie(world: World) -> None:
    await world.hear(world.posted("education", "$1"), world.posted("wifip", "post:1"))
    await world.hear(world.accepted("education", Audience.PUBLIC, marker="wider"))
    await world.work(partial(fakes_federation.suspend, "node/diplomatie"))
    await world.hear(world.deleted("education", "$1"), world.deleted("wifip", "post:1"))
    assert world.dead_letters.reasons == []
    told = await world.rows("SELECT targets FROM hub.outbox WHERE sequence IS NOT NULL ORDER BY id DESC LIMIT 2")
    assert [set(row["targets"]) for row in told] == [set(NODES)] * 2


async def test_a_tie_that_nobody_renews_lets_nobody_speak_but_keeps_its_numbers(world: World) -> None:
    world.clock.moved += timedelta(hours=49)
    await world.hear(world.accepted("wifip", marker="day 3"))
    await world.hear(world.posted("wifip", "post:1"), world.posted("education", "$1"))
    assert world.dead_letters.reasons == ["not_tied"]
    row = (await world.rows("SELECT targets FROM hub.outbox WHERE sequence IS NOT NULL ORDER BY id DESC LIMIT 1"))[0]
    assert "education" in row["targets"]


async def test_a_backlog_is_judged_by_the_attestations_of_its_own_time(world: World) -> None:
    backlog = [world.posted("wifip", f"post:{number}") for number in range(8)]
    world.clock.moved += timedelta(hours=72)
    await world.hear(*backlog)
    assert world.dead_letters.reasons == []
    assert len(await _messages(world)) == 8


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
    messages = await _messages(world)
    assert len(messages) == 400
    assert messages[object_id("education", "$c399")]["parent"] == object_id("education", "$c398")


async def test_a_waiting_reply_that_was_edited_and_deleted_stays_deleted(world: World) -> None:
    parent = object_id("wifip", "post:1")
    await world.hear(world.posted("education", "$r", parent=parent))
    edit = MessageEdited(space=NODES["education"], author=Author(organisation="Y"), content=CONTENT)
    await world.hear(world.record("education", edit, "$r", marker="e", parent=parent), world.deleted("education", "$r"))
    await world.hear(world.posted("wifip", "post:1"))
    assert (await _messages(world))[object_id("education", "$r")]["state"] == "deleted"
    assert not await world.rows("SELECT * FROM hub.held")


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
    assert set(await _messages(world)) == {object_id("wifip", "post:2")}


async def test_a_space_that_was_never_tied_does_not_speak_under_another_ones_tie(world: World) -> None:
    fact = MessagePosted(space="98", author=Author(organisation="Y"), content=CONTENT)
    await world.hear(world.record("wifip", fact, "post:1", marker="m"))
    assert world.dead_letters.reasons == ["not_tied"]


async def test_nobody_notes_anything_on_a_message_that_is_not_a_copy_of_hers(world: World) -> None:
    await world.hear(world.posted("wifip", "post:1"))
    own = world.event("wifip", CopyWithdrawn(space="97"), "post:1", marker="w")
    copy = world.event("education", CopyWithdrawn(space=NODES["education"]), "$c", marker="w", subject=object_id("wifip", "post:1"))
    await world.hear(world.carry(own, "wifip/97"), world.carry(copy, f"education/{NODES['education']}"))
    assert world.dead_letters.reasons == ["copy_unknown"]
    assert [(row["node"], row["state"]) for row in await world.rows("SELECT node, state FROM hub.copies")] == [("education", "withdrawn")]


async def test_asking_again_for_a_living_tie_changes_nothing_and_another_space_is_refused(world: World) -> None:
    await world.work(lambda work: propose_tie("wifip", "97", COMMUNITY, work))
    await world.hear(world.posted("wifip", "post:1"))
    assert world.dead_letters.reasons == []
    with pytest.raises(TieKnownError):
        await world.work(lambda work: propose_tie("wifip", "98", COMMUNITY, work))


async def test_before_the_first_approval_the_worker_waits_instead_of_ending(database_url: str) -> None:
    world = await World.make(database_url)
    await world.rows("SELECT 1")
    async with world.engine.begin() as connection:
        await connection.execute(text("DELETE FROM hub.registry_documents"))
    world.reader._registry = None
    await world.hear(world.posted("wifip", "post:1"))
    assert world.dead_letters.reasons == ["node_unknown"]
    assert await world.inbound.release_due() == 0
    await world.close()


async def _revoke(key: str, work: UnitOfWork) -> None:
    await revoke_key("wifip", key, await fakes_federation.present(work), work)


async def test_two_revocations_at_once_both_hold(world: World) -> None:
    second = SigningKey.generate("wifip")
    async with world.engine.begin() as connection:
        row = {"id": second.key_id, "multibase": second.public.multibase}
        await connection.execute(
            text("INSERT INTO hub.node_keys (id, node, multibase, active_from) VALUES (:id, 'wifip', :multibase, now())"), row
        )
    keys = (world.keys["wifip"].key_id, second.key_id)
    await asyncio.gather(*(world.work(partial(_revoke, key)) for key in keys))
    assert await world.rows("SELECT id FROM hub.node_keys WHERE node = 'wifip' AND revoked_at IS NULL") == []
    registry = await world.reader()
    assert {registry.key_at("wifip", key, world.clock()) for key in keys} == {"key_revoked"}


async def test_a_registry_that_nobody_changes_is_signed_again_in_time(world: World) -> None:
    before = (await world.reader()).document.version
    assert not await world.work(lambda work: work.renew_registry())
    world.clock.moved += timedelta(days=16)
    assert await world.work(lambda work: work.renew_registry())
    assert (await world.reader()).document.version == before + 1


async def test_source_offsets_stand_in_the_transaction_of_their_effects(world: World) -> None:
    record = world.posted("wifip", "post:1")
    await world.hear(record)
    rows = await world.rows("SELECT next_offset FROM hub.stream_offsets WHERE \"group\" = 'inbound'")
    assert [row["next_offset"] for row in rows] == [record.offset + 1]


async def test_a_receipt_is_kept_and_a_written_one_is_never_taken_back(world: World) -> None:
    record = world.posted("wifip", "post:1")
    await world.hear(record)
    event = dict(record.headers)["ce_id"].decode()
    await world.receipts([world.report("education", event), world.report("education", "f" * 32)])
    await world.receipts([world.report("education", event, Verdict.REFUSED)])
    rows = await world.rows("SELECT node, verdict, native_id FROM hub.deliveries")
    assert [dict(row) for row in rows] == [{"node": "education", "verdict": "written", "native_id": "post:9"}]


async def test_a_node_reports_only_what_it_was_sent(world: World) -> None:
    record = world.posted("wifip", "post:1")
    await world.hear(record)
    event = dict(record.headers)["ce_id"].decode()
    genuine = world.digests[event]
    world.digests[event] = "0" * 64
    await world.receipts([world.report("education", event)])
    world.digests[event] = genuine
    async with world.engine.begin() as connection:
        await connection.execute(text('UPDATE hub.outbox SET targets = \'{"wifip": "97"}\''))
    await world.receipts([world.report("education", event)])
    assert await world.rows("SELECT * FROM hub.deliveries") == []


async def test_what_is_no_report_is_a_dead_letter_of_the_receipts(world: World) -> None:
    stray = replace(world.posted("wifip", "post:1"), key=b"wifip")
    await world.receipts([stray])
    assert world.dead_letters.reasons == ["not_a_report"]


async def test_an_unknown_type_of_a_known_major_is_noted_not_refused(world: World) -> None:
    class Waved(MessagePosted):
        event_type = "fr.gouv.rse.message.waved.v1"

    fact = Waved(space="97", author=Author(name="X", organisation="Y"), content=Content(html="", text=""))
    await world.hear(world.record("wifip", fact, "post:1", marker="m"))
    assert world.dead_letters.reasons == []
    assert [row["outcome"] for row in await world.rows("SELECT outcome FROM hub.events WHERE type LIKE '%waved%'")] == ["unsupported"]


async def test_an_unknown_major_is_a_dead_letter(world: World) -> None:
    class Newer(MessagePosted):
        event_type = "fr.gouv.rse.message.posted.v9"

    fact = Newer(space="97", author=Author(name="X", organisation="Y"), content=Content(html="", text=""))
    await world.hear(world.record("wifip", fact, "post:1", marker="m"))
    assert world.dead_letters.reasons == ["major_unknown"]


async def test_the_last_number_of_the_community_is_the_last_one_given(world: World) -> None:
    await world.hear(*(world.posted("wifip", f"post:{number}") for number in range(20)))
    rows = await world.rows(f"SELECT sequence FROM hub.communities WHERE id = '{COMMUNITY}'")  # noqa: S608 - a constant
    assert rows[0]["sequence"] == (await _sequences(world))[-1]


async def test_fields_that_we_do_not_know_are_counted_while_the_bytes_travel_untouched(world: World) -> None:
    class Richer(MessagePosted):
        mood: str = "gaie"

    counter = Metric.unknown_fields.labels("fr.gouv.rse.message.posted.v1")
    before = counter._value.get()
    record = world.record("wifip", Richer(space="97", author=Author(organisation="Y"), content=CONTENT), "post:1", marker="m")
    await world.hear(record)
    assert counter._value.get() == before + 1
    assert b"gaie" in bytes((await world.rows("SELECT value FROM hub.outbox ORDER BY id DESC LIMIT 1"))[0]["value"])
