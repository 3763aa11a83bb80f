"""What the hub sends to a node, through its own topic on a real Kafka, into an RSE, and back as signed receipts."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from adapters.port import Act, Later, Never, Order, WriteOutcome, Written
from schemas import jcs, topics
from schemas.envelope import object_id
from schemas.facts.message import MessageDeleted, MessageEdited, MessagePosted
from schemas.facts.tie import TieRefused
from schemas.keys import SigningKey
from schemas.manifest import Registry
from schemas.proof import VerifiedEvent, encode, verify_event
from tests.fakes_adapters import PATIENCE, Rig, event_in, posted, said_by, until
from tests.fakes_plain import SPACE, answering

if TYPE_CHECKING:
    from schemas.envelope import CanonicalEvent


async def test_another_ministrys_message_is_written_once_and_reported_under_the_nodes_signature(rig: Rig) -> None:
    async with rig.running():
        await rig.tie()
        event = said_by(rig.hub.nodes["education"], posted("Bonjour d'ailleurs"), "$1")
        await rig.deliver(event)
        delivery = (await rig.receipts(2))[-1]
        headers, value = (await rig.all_of(topics.RSE_RECEIPTS.name))[-1]  # two deliveries may travel in one record
    registry = Registry.open(rig.hub.registry(), rig.hub.key.public.multibase, datetime.now(UTC))
    assert [order.content.text for order in rig.rse.written if order.content] == ["Bonjour d'ailleurs"]
    assert rig.rse.written[0].space == SPACE
    assert (delivery["event"], delivery["verdict"], delivery["native_id"]) == (event.envelope.id, "written", "copy:1")
    assert isinstance(verify_event(event_in(headers, value), registry, datetime.now(UTC)), VerifiedEvent)


async def test_a_thread_is_written_in_order_with_its_replies_edits_and_deletions(rig: Rig) -> None:
    key = rig.hub.nodes["education"]
    first, reply = said_by(key, posted("un"), "$1"), said_by(key, posted("deux"), "$2", parent=object_id("education", "$1"))
    edit = said_by(key, MessageEdited(**posted("un bis").model_dump()), "$1", marker="2")
    gone = said_by(key, MessageDeleted(space="ailleurs"), "$2", marker="3")
    stray = said_by(key, posted("orphelin"), "$4", parent=object_id("education", "$unknown"))
    async with rig.running():
        await rig.tie()
        await rig.deliver(first, reply, edit, gone, stray)
        await rig.receipts(6)
    assert [(order.act, order.native_id, order.parent, order.parent_missing) for order in rig.rse.written] == [
        (Act.POSTED, None, None, False),
        (Act.POSTED, None, "copy:1", False),
        (Act.EDITED, "copy:1", None, False),
        (Act.DELETED, "copy:2", None, False),
        (Act.POSTED, None, None, True),
    ]


async def test_a_message_that_its_author_brings_back_comes_back_and_is_edited_where_it_stands_now(rig: Rig) -> None:
    key = rig.hub.nodes["education"]
    first, gone = said_by(key, posted("un"), "$1"), said_by(key, MessageDeleted(space="ailleurs"), "$1", marker="2")
    back = said_by(key, MessageEdited(**posted("le revoilà").model_dump()), "$1", marker="3")
    edit = said_by(key, MessageEdited(**posted("corrigé").model_dump()), "$1", marker="4")

    async def anew(order: Order) -> WriteOutcome:
        await rig.rse.keep(order)
        return Written("copy:9", "v9")

    rig.rse.answers = [rig.rse.keep, rig.rse.keep, anew]
    async with rig.running():
        await rig.tie()
        await rig.deliver(first, gone, back, edit)
        receipts = await rig.receipts(5)
    assert [(order.act, order.native_id) for order in rig.rse.written] == [
        (Act.POSTED, None),
        (Act.DELETED, "copy:1"),
        (Act.EDITED, "copy:1"),
        (Act.EDITED, "copy:9"),
    ]
    assert [receipt["native_id"] for receipt in receipts[-2:]] == ["copy:9", "copy:9"]


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        ("attribute", "hub_proof_invalid"),
        ("value", "digest_mismatch"),
        ("key", "key_unknown"),
        ("target", "not_for_this_node"),
        ("object", "object_of_another_node"),
        ("ministry", "ministry_of_another_node"),
    ],
)
async def test_a_forged_record_becomes_a_dead_letter_with_a_receipt_that_names_the_reason(rig: Rig, spoil: str, reason: str) -> None:
    event = said_by(rig.hub.nodes["education"], posted(), "$1")
    hub = rig.hub.numbered(event, rig.node)
    match spoil:
        case "attribute":
            event = type(event)({**event.attributes, "actor": "someone"}, event.value, event.salt, event.envelope)
        case "value":
            event = type(event)(event.attributes, event.value.replace(b"Bonjour", b"Bonsoir"), event.salt, event.envelope)
        case "key":
            event = said_by(SigningKey.generate("education"), posted(), "$1")
            hub = rig.hub.numbered(event, rig.node)
        case "target":
            hub = rig.hub.numbered(event, "another")
        case "ministry":
            rig.hub.called[rig.node] = "Ministère des finances"
            event = said_by(rig.hub.nodes["education"], posted(ministry="MINISTERE DES\u200b FINANCES"), "$1")
            hub = rig.hub.numbered(event, rig.node)
        case _:
            event = _of_another(rig)
            hub = rig.hub.numbered(event, rig.node)
    async with rig.running():
        await rig.tie()
        await rig.deliver(event, extra=[hub])
        delivery = (await rig.receipts(2))[-1]
        headers, value = (await rig.read(topics.outbound(rig.node).dead_letters.name, 1))[0]
    assert (delivery["verdict"], delivery["reason"], headers["dlq_reason"]) == ("refused", reason, reason)
    assert value == event.value
    assert rig.rse.written == []


def _of_another(rig: Rig) -> CanonicalEvent:
    """Education signs an edit whose subject is the finances' own object: a valid proof over a lie about ownership."""
    key, honest = rig.hub.nodes["education"], said_by(rig.hub.nodes["education"], posted(), "$1")
    attributes = {name: said for name, said in honest.attributes.items() if name != "proof"} | {"subject": object_id("wifip", "post:1")}
    return type(honest)(
        {**attributes, "proof": encode(key.sign(jcs.canonical_strings(attributes)))}, honest.value, honest.salt, honest.envelope
    )


async def test_a_space_that_is_not_tied_refuses(rig: Rig) -> None:
    async with rig.running():
        await rig.deliver(said_by(rig.hub.nodes["education"], posted(), "$1"))
        first = (await rig.receipts(1))[0]
    assert (first["verdict"], first["reason"]) == ("refused", "space_not_tied")


async def test_our_own_event_comes_back_as_a_confirmation_and_is_not_written(rig: Rig) -> None:
    async with rig.running():
        await rig.tie()
        await rig.deliver(said_by(rig.hub.nodes[rig.node], posted(), "post:1"))
        assert (await rig.receipts(2))[-1]["verdict"] == "confirmed"
    assert rig.rse.written == []


async def test_an_rse_that_answers_429_is_waited_for_in_order_and_nothing_is_written_twice(rig: Rig) -> None:
    async def lost(order: Order) -> WriteOutcome:
        await rig.rse.keep(order)
        return Later("timeout")

    rig.rse.answers = [answering(Later("429", 0.1)), lost]
    key = rig.hub.nodes["education"]
    async with rig.running():
        await rig.tie()
        await rig.deliver(*(said_by(key, posted(str(n)), f"${n}") for n in range(3)))
        deliveries = await rig.receipts(4)
    assert [order.content.text for order in rig.rse.written if order.content] == ["0", "1", "2"]
    assert [delivery["verdict"] for delivery in deliveries] == ["confirmed", "written", "written", "written"]
    assert [delivery["sequence"] for delivery in deliveries] == [0, 1, 2, 3]


async def test_what_the_rse_refuses_for_ever_is_a_dead_letter_and_its_edits_are_skipped(rig: Rig) -> None:
    rig.rse.answers = [answering(Never("body_too_short"))]
    key = rig.hub.nodes["education"]
    edit = said_by(key, MessageEdited(**posted("plus long").model_dump()), "$1", marker="2")
    reply = said_by(key, posted("réponse"), "$2", parent=object_id("education", "$1"))
    async with rig.running():
        await rig.tie()
        await rig.deliver(said_by(key, posted(), "$1"), edit, reply)
        verdicts = [(one["verdict"], one.get("reason")) for one in await rig.receipts(4)][1:]
    assert verdicts == [("refused", "body_too_short"), ("skipped", "body_too_short"), ("written", None)]
    assert rig.rse.written[0].parent_missing


async def test_an_event_that_comes_twice_is_written_once(rig: Rig) -> None:
    event = said_by(rig.hub.nodes["education"], posted(), "$1")
    hub = rig.hub.numbered(event, rig.node)
    after = said_by(rig.hub.nodes["education"], posted("après"), "$2")
    async with rig.running():
        await rig.tie()
        await rig.deliver(event, event, after, extra=[hub, hub, rig.hub.numbered(after, rig.node)])
        await rig.receipts(3)
    assert len(rig.rse.written) == 2


async def test_a_process_that_ends_between_write_and_answer_looks_before_it_writes_again(rig: Rig) -> None:
    hangs = asyncio.Event()

    async def hang(order: Order) -> WriteOutcome:
        await rig.rse.keep(order)
        hangs.set()
        await asyncio.Event().wait()
        return Written("never", "never")

    rig.rse.answers = [hang]
    async with rig.running():
        await rig.tie()
        await rig.deliver(said_by(rig.hub.nodes["education"], posted(), "$1"))
        await asyncio.wait_for(hangs.wait(), PATIENCE)
    async with rig.running():
        assert (await rig.receipts(2))[-1]["verdict"] == "written"
    assert (len(rig.rse.written), rig.rse.found) == (1, 1)


async def test_our_own_write_that_comes_back_is_an_echo_even_while_its_answer_is_awaited(rig: Rig) -> None:
    held = asyncio.Event()

    async def wait(_: Order) -> None:
        await held.wait()

    rig.rse.before = wait
    async with rig.running():
        await rig.tie()
        await rig.deliver(said_by(rig.hub.nodes["education"], posted(), "$1"))
        await until(lambda: rig.value("SELECT count(*) FROM adapters.intents WHERE state = 'open'"), 1)
        parked = await rig.post({"what": "post", "id": "copy:1", "version": "v1"})
        behind = await rig.post({"what": "post", "id": "post:9", "version": "1"})
        held.set()
        inbound = await rig.read(topics.RSE_INBOUND.name, 2)
        await until(lambda: rig.value("SELECT count(*) FROM adapters.spool"), 0)
        again = await rig.post({"what": "edit", "id": "copy:1", "version": "v1"})
        withdrawn = await rig.post({"what": "delete", "id": "copy:1", "version": "v7"})
        late = (await rig.read(topics.RSE_INBOUND.name, 3))[-1][0]
    assert [answer.headers["X-Traitdunion-Outcome"] for answer in (parked, behind)] == ["parked", "parked"]
    assert [headers["ce_nativeid"] for headers, _ in inbound[1:]] == ["post:9"]
    assert again.headers["X-Traitdunion-Outcome"] == "dropped=echo"
    assert withdrawn.headers["X-Traitdunion-Outcome"].startswith("event=")
    assert (late["ce_type"], late["ce_subject"]) == ("fr.gouv.rse.copy.withdrawn.v1", object_id("education", "$1"))


async def test_a_space_that_the_settings_do_not_offer_is_refused_to_the_hub(rig: Rig) -> None:
    async with rig.running():
        await rig.deliver(rig.hub.proposal(rig.node, "autre"))
        headers, value = (await rig.read(topics.RSE_INBOUND.name, 1))[0]
    assert headers["ce_type"] == TieRefused.event_type
    assert json.loads(value)["reason"] == "space_not_offered"


async def test_a_tie_that_the_hub_refuses_closes_the_space(rig: Rig) -> None:
    refusal = TieRefused(node=rig.node, space=SPACE, reason="space_too_wide")
    async with rig.running():
        await rig.tie()
        await rig.deliver(said_by(rig.hub.key, refusal, "tie:refused"))
        await rig.receipts(2)
        answer = await rig.post({"what": "post", "id": "post:1"})
    assert answer.headers["X-Traitdunion-Outcome"] == "dropped=not_tied"


async def test_a_record_that_makes_the_handler_fail_is_a_dead_letter_alone_and_the_next_one_is_written(rig: Rig) -> None:
    async def fail(_: Order) -> WriteOutcome:
        raise ZeroDivisionError

    rig.rse.answers = [fail]
    key = rig.hub.nodes["education"]
    async with rig.running():
        await rig.tie()
        await rig.deliver(said_by(key, posted("un"), "$1"), said_by(key, posted("deux"), "$2"))
        verdicts = [(one["verdict"], one.get("reason")) for one in await rig.receipts(3)][1:]
        headers, _ = (await rig.read(topics.outbound(rig.node).dead_letters.name, 1))[0]
        own = await rig.post({"what": "post", "id": "post:1"})
    assert verdicts == [("refused", "handler_error"), ("written", None)]
    assert (headers["dlq_reason"], headers["dlq_error"]) == ("handler_error", "ZeroDivisionError")
    assert own.headers["X-Traitdunion-Outcome"].startswith("event=")


async def test_an_unknown_type_of_a_known_major_is_reported_as_unsupported(rig: Rig) -> None:
    class PollOpened(MessagePosted):  # a fact that tomorrow's connectors will know
        event_type = "fr.gouv.rse.poll.opened.v1"

    async with rig.running():
        await rig.tie()
        await rig.deliver(said_by(rig.hub.nodes["education"], PollOpened(**posted().model_dump()), "$1"))
        assert (await rig.receipts(2))[-1]["verdict"] == "unsupported"
    assert rig.rse.written == []
