"""Reactions and accepted answers through a node's own topic on a real Kafka, into an RSE; and what its people set, out of it."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from adapters.applied import Applied, Copy
from adapters.ledger import Ledger, migrate
from adapters.memory import Kind, KnownObject, Memory
from adapters.port import UNSUPPORTED, Act, Never, Order, Written
from schemas import topics
from schemas.envelope import object_id
from schemas.facts.answer import AnswerAccepted, AnswerWithdrawn
from schemas.facts.delivery import Delivery
from schemas.facts.message import Author
from schemas.facts.reaction import ReactionAdded, ReactionRemoved
from schemas.words import Verdict
from tests.fakes_adapters import Rig, posted, said_by
from tests.fakes_plain import SPACE, answering

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


NOW = datetime(2026, 3, 1, tzinfo=UTC)
LEO = Author(name="Léo", organisation="Éducation")
OURS = object_id("wifip", "post:1")


@pytest.fixture
async def ledger(database_url: str) -> AsyncIterator[Ledger]:
    await asyncio.to_thread(migrate, database_url)
    ledger = await Ledger.open(database_url, size=3)
    yield ledger
    await ledger.close()


def delivery(number: int) -> Delivery:
    return Delivery(
        event="e" * 32, event_digest="d" * 64, community="c", sequence=number, topic="t", partition=0, offset=number,
        verdict=Verdict.WRITTEN, at=NOW,
    )  # fmt: skip


async def test_a_reaction_and_its_removal_are_written_on_our_own_message_and_on_a_copy(rig: Rig) -> None:
    key = rig.hub.nodes["education"]
    message = said_by(key, posted(), "$1")
    heart = ReactionAdded(space="ailleurs", author=LEO, emoji="❤️")
    on_ours, on_copy = said_by(key, heart, "$r1", parent=OURS), said_by(key, heart, "$r2", parent=object_id("education", "$1"))
    gone = said_by(key, ReactionRemoved(space="ailleurs"), "$r1", marker="2")
    stray = said_by(key, heart, "$r3", parent=object_id("education", "$unknown"))
    never = said_by(key, ReactionRemoved(space="ailleurs"), "$r9")
    async with rig.running():
        await rig.tie()
        assert (await rig.post({"what": "post", "id": "post:1"})).headers["X-Traitdunion-Outcome"].startswith("event=")
        await rig.deliver(message, on_ours, on_copy, gone, stray, never)
        verdicts = [(one["verdict"], one.get("reason")) for one in await rig.receipts(7)][1:]
    assert verdicts == [("written", None)] * 4 + [("skipped", "unknown_object")] * 2
    orders = rig.rse.written[1:]
    assert [(order.act, order.target, order.native_id, order.emoji) for order in orders] == [
        (Act.REACTED, "post:1", None, "❤️"),
        (Act.REACTED, "copy:1", None, "❤️"),
        (Act.UNREACTED, "post:1", "copy:2", None),
    ]
    assert [order.space for order in orders] == [SPACE] * 3
    assert orders[0].author == LEO


async def test_an_order_tells_how_many_other_reactions_from_elsewhere_stand_there(rig: Rig) -> None:
    key = rig.hub.nodes["education"]
    heart = ReactionAdded(space="ailleurs", author=LEO, emoji="❤️")
    events = [said_by(key, heart, f"$r{number}", parent=OURS) for number in (1, 2)]
    events += [said_by(key, ReactionRemoved(space="ailleurs"), f"$r{number}", marker="2") for number in (1, 2)]
    async with rig.running():
        await rig.tie()
        await rig.post({"what": "post", "id": "post:1"})
        await rig.deliver(*events)
        await rig.receipts(5)
    assert [order.others for order in rig.rse.written] == [0, 1, 1, 0]


async def test_an_accepted_answer_is_marked_moved_and_taken_away_and_what_cannot_be_shown_is_unsupported(rig: Rig) -> None:
    key = rig.hub.nodes["education"]
    answers = [said_by(key, posted(), "$1"), said_by(key, posted(), "$2")]
    subjects = [object_id("education", name) for name in ("$1", "$2")]
    story = [
        said_by(key, AnswerAccepted(space="s"), "solution:1", parent=subjects[0]),
        said_by(key, AnswerAccepted(space="s"), "solution:1", marker="2", parent=subjects[1]),
        said_by(key, AnswerWithdrawn(space="s"), "solution:1", marker="3", parent=subjects[1]),
        said_by(key, AnswerAccepted(space="s"), "solution:1", marker="4", parent=subjects[0]),
    ]
    async with rig.running():
        await rig.tie()
        await rig.deliver(*answers, *story[:3])
        await rig.receipts(6)
        rig.rse.answers = [answering(Never(UNSUPPORTED, "forbidden"))]
        await rig.deliver(story[3])
        last = (await rig.receipts(7))[-1]
    assert [(order.act, order.target, order.native_id) for order in rig.rse.written[2:]] == [
        (Act.ACCEPTED, "copy:1", None),
        (Act.ACCEPTED, "copy:2", "copy:3"),
        (Act.UNACCEPTED, "copy:2", "copy:3"),
    ]
    assert (last["verdict"], last["reason"]) == ("unsupported", "forbidden")


async def test_a_reaction_made_here_leaves_under_its_own_id_and_our_own_comes_back_as_an_echo(rig: Rig) -> None:
    async with rig.running():
        await rig.tie()
        await rig.post({"what": "post", "id": "post:1"})
        made = await rig.post({"what": "react", "id": "$r", "parent": "post:1", "emoji": "👍"})
        ours = await rig.post({"what": "react", "id": "$s", "parent": "post:1", "emoji": "👍", "by_us": True})
        gone = await rig.post({"what": "delete", "id": "$r", "version": "2"})
        records = (await rig.read(topics.RSE_INBOUND.name, 4))[-2:]
    assert [answer.headers["X-Traitdunion-Outcome"].partition("=")[0] for answer in (made, gone)] == ["event"] * 2
    assert ours.headers["X-Traitdunion-Outcome"] == "dropped=echo"
    (added, value), (removed, _) = records
    assert (added["ce_type"], added["ce_parent"], json.loads(value)["emoji"]) == (ReactionAdded.event_type, OURS, "👍")
    assert (removed["ce_type"], removed["ce_subject"]) == (ReactionRemoved.event_type, added["ce_subject"])


async def test_an_acceptance_told_again_is_the_same_event_and_a_new_one_another(rig: Rig) -> None:
    accept, unaccept = ({"what": what, "id": "solution:7", "parent": "post:1"} for what in ("accept", "unaccept"))
    async with rig.running():
        await rig.tie()
        await rig.post({"what": "post", "id": "post:1"})
        answers = [await rig.post(said) for said in (accept, accept, unaccept, accept)]
    names = [answer.headers["X-Traitdunion-Outcome"].partition("@")[0] for answer in answers]
    assert names[0] == names[1]
    assert len(set(names)) == 3


# --- the ledger ------------------------------------------------------------------------------------------------------


async def test_the_ledger_knows_reactions_by_their_native_id_and_counts_them_by_message(ledger: Ledger) -> None:
    applied, memory = Applied(ledger, "rse"), Memory(ledger, "rse")
    for number in (1, 2):
        order = Order(Act.REACTED, f"k{number}", f"s{number}", SPACE, emoji="❤️", target="post:1")
        await applied.close(delivery(number), copy=Copy(order, Written(f"$r{number}", "v"), "c"))
    assert (await applied.others("post:1", "s1"), await applied.others("post:1", "s9"), await applied.others("post:2", "s9")) == (1, 2, 0)
    removal = Order(Act.UNREACTED, "k3", "s1", SPACE, native_id="$r1", target="post:1")
    await applied.close(delivery(3), copy=Copy(removal, Written("$r1", "w"), "c"))
    found = (await memory.recall(["$r1", "$r2"], [])).natives
    assert [(found[name].kind, found[name].about, found[name].deleted) for name in ("$r1", "$r2")] == [
        (Kind.REACTION, "post:1", True),
        (Kind.REACTION, "post:1", False),
    ]
    assert await applied.others("post:1", "s9") == 1


async def test_the_mark_of_another_answer_replaces_the_one_before(ledger: Ledger) -> None:
    applied = Applied(ledger, "rse")
    first = Order(Act.ACCEPTED, "k1", "s", SPACE, target="$1")
    await applied.close(delivery(1), copy=Copy(first, Written("$mark1", "v"), "c"))
    second = Order(Act.ACCEPTED, "k2", "s", SPACE, native_id="$mark1", target="$2")
    await applied.close(delivery(2), copy=Copy(second, Written("$mark2", "v"), "c"))
    found = (await applied.here(["s"], "c"))["s"]
    assert (found.native_id, found.about, found.deleted, found.kind) == ("$mark2", "$2", False, Kind.ANSWER)


async def test_an_acceptance_keeps_its_count(ledger: Ledger) -> None:
    memory = Memory(ledger, "rse")
    own = KnownObject("solution:7", "s", "own", None, (), SPACE, "c", kind=Kind.ANSWER, about="post:1", changes=1)
    await memory.remember([own])
    await memory.remember(
        [KnownObject("solution:7", "s", "own", None, (), SPACE, "c", deleted=True, kind=Kind.ANSWER, about="post:2", changes=2)]
    )
    found = (await memory.recall(["solution:7"], [])).natives["solution:7"]
    assert (found.changes, found.about, found.deleted, found.kind) == (2, "post:2", True, Kind.ANSWER)


async def test_whoever_wrote_in_a_community_is_at_hand_there_for_who_names_her_unless_two_bear_the_name(rig: Rig) -> None:
    key = rig.hub.nodes["education"]
    async with rig.running():
        await rig.tie()
        for number, (name, handle) in enumerate([("Ana Lopez", "ana"), ("Léo Petit", "leo1"), ("Léo Petit", "leo2")]):
            said = {"what": "post", "id": f"post:{number}", "name": name, "handle": handle, "actor": handle}
            assert (await rig.post(said)).headers["X-Traitdunion-Outcome"].startswith("event=")
        await rig.deliver(said_by(key, posted("Merci @ana lopez et @Léo Petit"), "$1"), said_by(key, posted("Merci Ana Lopez"), "$2"))
        await rig.receipts(3)
    assert [[(one.name, one.handle) for one in order.at_hand] for order in rig.rse.written] == [[("Ana Lopez", "ana")], []]
