"""What moderators take away and bring back, from the hub through a node's own topic into its RSE."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from adapters.port import Act, Never, Written
from schemas import topics
from schemas.facts.message import MessageDeleted, MessageEdited, MessagePosted
from schemas.facts.moderation import MessageRestored, Words
from schemas.words import Ground
from tests.fakes_adapters import PATIENCE, Rig, posted, said_by, until
from tests.fakes_moderated import moderated, of_message, restored, rewritten
from tests.fakes_plain import answering

if TYPE_CHECKING:
    from adapters.offers import Greeting
    from adapters.port import Order, WriteOutcome
    from schemas.envelope import CanonicalEvent


async def numbered(rig: Rig, *events: CanonicalEvent) -> None:
    """Deliver events of the hub's that a whole community gets."""
    await rig.deliver(*events, extra=[rig.hub.numbered(event, rig.node) for event in events])


async def test_a_copy_is_taken_away_with_its_reason_and_written_again_from_its_ministrys_own_event(rig: Rig) -> None:
    message = said_by(rig.hub.nodes["education"], posted("Bonjour"), "$1")
    away = of_message(rig.hub.key, moderated(Ground.INSULTING, "Voir la <charte>."), message)
    back = of_message(rig.hub.key, restored(message), message, marker="r")
    async with rig.running():
        await rig.tie()
        await rig.deliver(message)
        await numbered(rig, away, back)
        receipts = await rig.receipts(4)
    _, gone, again = rig.rse.written
    assert (gone.act, gone.native_id, gone.reason) == (
        Act.DELETED,
        "copy:1",
        "Message retiré par la modération : propos injurieux. Voir la <charte>.",
    )
    assert (again.act, again.native_id, again.reviving, again.insisted) == (Act.EDITED, "copy:1", True, False)
    assert again.content is not None
    assert (again.content.text, again.occurred_at) == ("Bonjour", message.envelope.time)
    assert [receipt["verdict"] for receipt in receipts[-3:]] == ["written"] * 3


async def test_what_no_proof_came_with_is_shown_as_the_hubs_word(rig: Rig) -> None:
    message, fact = said_by(rig.hub.nodes["education"], posted("Bonjour"), "$1"), posted("Bonjour")
    back = of_message(rig.hub.key, MessageRestored(words=Words(author=fact.author, content=fact.content)), message)
    async with rig.running():
        await rig.tie()
        await numbered(rig, back)
        await rig.receipts(2)
    (order,) = rig.rse.written
    assert order.content is not None
    assert "Repris de l’historique du hub" in order.content.html


@pytest.mark.parametrize(
    ("forged", "reason"),
    [
        ("by_a_node", "not_the_hub"),
        ("another_object", "object_of_another_node"),
        ("another_message", "restored_mismatch"),
        ("changed_words", "digest_mismatch"),
        ("alone", "not_the_hub"),
        ("for_another_node", "not_for_this_node"),
        ("nothing", "restored_mismatch"),
    ],
)
async def test_a_forged_word_is_refused_by_name_and_changes_nothing(rig: Rig, forged: str, reason: str) -> None:
    key = rig.hub.nodes["education"]
    message, other = said_by(key, posted("Bonjour"), "$1"), said_by(key, posted("Autre"), "$2")
    alone = False
    match forged:
        case "by_a_node":
            word = of_message(key, moderated(), message)
        case "another_object":
            word = of_message(
                rig.hub.key,
                moderated(),
                type(message)(message.attributes, message.value, message.salt, message.envelope.model_copy(update={"source": rig.node})),
            )
        case "another_message":
            word = of_message(rig.hub.key, restored(other), message)
        case "changed_words":
            said = restored(message).said
            assert said is not None
            word = of_message(
                rig.hub.key, MessageRestored(said=said.model_copy(update={"value": said.value.replace("Bonjour", "Bonsoir")})), message
            )
        case "alone":
            word, alone = of_message(rig.hub.key, moderated(), message), True
        case "for_another_node":
            word, alone = of_message(rig.hub.key, rewritten(message, "education"), message), True
        case _:
            word = of_message(rig.hub.key, MessageRestored(), message)
    async with rig.running():
        await rig.tie()
        await rig.deliver(message)
        await (rig.deliver(word) if alone else numbered(rig, word))
        receipt = (await rig.receipts(3))[-1]
    assert (receipt["verdict"], receipt["reason"]) == ("refused", reason)
    assert len(rig.rse.written) == 1


async def test_a_copy_that_people_here_took_away_comes_back_only_where_that_was_the_moderators_own_act(rig: Rig) -> None:
    key = rig.hub.nodes["education"]
    one, two = said_by(key, posted("un"), "$1"), said_by(key, posted("deux"), "$2")
    words = [of_message(rig.hub.key, moderated(), message) for message in (one, two)]
    back = [
        of_message(rig.hub.key, restored(one, rig.node), one, marker="r"),
        of_message(rig.hub.key, restored(two, "ailleurs"), two, marker="r"),
    ]

    async def anew(order: Order) -> WriteOutcome:
        await rig.rse.keep(order)
        return Written("copy:9", "v9")

    async with rig.running():
        await rig.tie()
        await rig.deliver(one, two)
        await rig.receipts(3)
        for number in (1, 2):
            await rig.post({"what": "delete", "id": f"copy:{number}", "version": f"w{number}"})
        await until(lambda: rig.value("SELECT count(*) FROM adapters.objects WHERE withdrawn"), 2)
        await numbered(rig, *words)
        await rig.receipts(5)
        rig.rse.answers = [anew, rig.rse.keep]
        await numbered(rig, *back)
        receipts = await rig.receipts(7)
        again = of_message(rig.hub.key, moderated(), one, marker="encore")
        await numbered(rig, again)
        await rig.receipts(8)
    assert [receipt["verdict"] for receipt in receipts[3:5]] == ["written"] * 2
    assert [order.act for order in rig.rse.written[2:4]] == [Act.DELETED] * 2  # whoever undeletes them there finds no words
    insisted, gently = rig.rse.written[4:6]
    assert (insisted.native_id, insisted.reviving, insisted.insisted) == ("copy:1", True, True)
    assert (gently.native_id, gently.reviving, gently.insisted) == ("copy:2", False, False)
    assert rig.rse.written[6].native_id == "copy:9"  # where it stands since


async def test_an_edited_copy_is_written_again_when_the_hub_asks_this_node_for_it(rig: Rig) -> None:
    message = said_by(rig.hub.nodes["education"], posted("Bonjour"), "$1")
    word = of_message(rig.hub.key, rewritten(message, rig.node), message)
    async with rig.running():
        await rig.tie()
        await rig.deliver(message, word)
        receipts = await rig.receipts(3)
    order = rig.rse.written[-1]
    assert (order.act, order.native_id, order.insisted, receipts[-1]["verdict"]) == (Act.EDITED, "copy:1", True, "written")


async def test_an_original_is_taken_away_and_brought_back_and_none_of_it_passes_for_its_authors_act(rig: Rig) -> None:
    async with rig.running():
        await rig.tie()
        await rig.post({"what": "post", "id": "post:1", "version": "1"})
        await until(lambda: rig.value("SELECT count(*) FROM adapters.objects WHERE origin = 'own'"), 1)
        own = said_by(rig.hub.nodes[rig.node], posted("Bonjour"), "post:1")
        orders: list[Order] = []

        async def settled(order: Order) -> WriteOutcome:
            orders.append(order)
            return Written("post:1", f"v-{order.act}")

        rig.rse.answers = [settled, settled]
        await numbered(rig, of_message(rig.hub.key, moderated(), own))
        away = (await rig.receipts(2))[-1]
        assert await rig.value("SELECT moderated FROM adapters.objects WHERE native_id = 'post:1'")
        await rig.post({"what": "delete", "id": "post:1", "version": "2"})
        await numbered(rig, of_message(rig.hub.key, restored(own), own, marker="r"))
        back = (await rig.receipts(3))[-1]
        await rig.post({"what": "edit", "id": "post:1", "version": "v-edited"})
        await rig.post({"what": "delete", "id": "post:1", "version": "4"})
        said = await rig.read(topics.RSE_INBOUND.name, 3)
    assert [headers["ce_type"] for headers, _ in said[1:]] == [MessagePosted.event_type, MessageDeleted.event_type]  # and no echo between
    assert [(order.act, order.original) for order in orders] == [(Act.DELETED, True), (Act.EDITED, True)]
    assert [one["verdict"] for one in (away, back)] == ["written"] * 2


async def test_where_the_rse_keeps_an_original_the_receipt_and_its_author_are_told_and_nothing_is_brought_back_later(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Greeting] = []

    async def greet(_: object, greeting: Greeting) -> WriteOutcome:
        told.append(greeting)
        return Written("private:1", "1")

    monkeypatch.setattr(rig.rse, "__class__", type("Private", (type(rig.rse),), {"greet": greet}))  # a class of its own: ABCs remember
    async with rig.running():
        await rig.tie()
        await rig.post({"what": "post", "id": "post:1", "version": "1"})
        await until(lambda: rig.value("SELECT count(*) FROM adapters.objects WHERE origin = 'own'"), 1)
        own = said_by(rig.hub.nodes[rig.node], posted("Bonjour"), "post:1")
        rig.rse.answers = [answering(Never("forbidden"))]
        await numbered(rig, of_message(rig.hub.key, moderated(), own), of_message(rig.hub.key, restored(own), own, marker="r"))
        kept, confirmed = (await rig.receipts(3))[-2:]
    assert (kept["verdict"], kept["reason"]) == ("unsupported", "original_kept")
    assert confirmed["verdict"] == "confirmed"
    (word,) = [one for one in told if one.key.startswith("tdu-moderation-")]
    assert (word.title, word.native_id) == ("Votre message a été retiré ailleurs par la modération", "post:1")
    assert "celui-ci n’a pas permis de le retirer" in word.content.text
    assert rig.rse.written == []


async def test_a_deletion_that_comes_while_we_take_an_original_away_waits_and_is_our_own(rig: Rig) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slowly(order: Order) -> WriteOutcome:
        await rig.rse.keep(order)
        begun.set()
        await go_on.wait()
        return Written("post:1", "v-away")

    async with rig.running():
        await rig.tie()
        await rig.post({"what": "post", "id": "post:1", "version": "1"})
        await until(lambda: rig.value("SELECT count(*) FROM adapters.objects WHERE origin = 'own'"), 1)
        own = said_by(rig.hub.nodes[rig.node], posted("Bonjour"), "post:1")
        rig.rse.answers = [slowly]
        await numbered(rig, of_message(rig.hub.key, moderated(), own))
        await asyncio.wait_for(begun.wait(), PATIENCE)
        await rig.post({"what": "delete", "id": "post:1", "version": "2"})
        go_on.set()
        await rig.receipts(2)
        await until(lambda: rig.value("SELECT count(*) FROM adapters.spool"), 0)
        await rig.post({"what": "post", "id": "post:2"})
        said = await rig.read(topics.RSE_INBOUND.name, 3)
    assert [headers["ce_type"] for headers, _ in said[1:]] == [MessagePosted.event_type] * 2


async def test_an_edit_of_the_author_after_all_of_it_goes_its_usual_way(rig: Rig) -> None:
    key = rig.hub.nodes["education"]
    message = said_by(key, posted("un"), "$1")
    edit = said_by(key, MessageEdited(**posted("deux").model_dump()), "$1", marker="2")
    async with rig.running():
        await rig.tie()
        await rig.deliver(message)
        await numbered(rig, of_message(rig.hub.key, moderated(), message), of_message(rig.hub.key, restored(message), message, marker="r"))
        await rig.deliver(edit)
        await rig.receipts(5)
    assert [order.act for order in rig.rse.written] == [Act.POSTED, Act.DELETED, Act.EDITED, Act.EDITED]
