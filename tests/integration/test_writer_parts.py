"""Messages longer than their RSE takes, through a node's own topic, the ledger, and back: all parts are one message."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from adapters.port import Act, Never
from schemas import topics
from schemas.envelope import object_id
from schemas.facts.message import MessageDeleted, MessageEdited
from tests.fakes_adapters import Rig, posted, said_by, until
from tests.fakes_plain import answering

if TYPE_CHECKING:
    from adapters.port import Order, WriteOutcome

LONG = " ".join(f"phrase{number}" for number in range(100))
SUBJECT = object_id("education", "$1")


@pytest.fixture
def rig(rig: Rig) -> Rig:
    """Its RSE takes short messages only."""
    rig.rse.room = 400
    return rig


def steps(rig: Rig) -> list[tuple[Act, str | None, str | None]]:
    return [(order.act, order.native_id, order.parent) for order in rig.rse.written]


def words(rig: Rig) -> list[str]:
    return " ".join(order.content.text for order in rig.rse.written if order.content).split()


async def test_edits_and_deletions_follow_every_part_and_answers_to_a_part_answer_the_message(rig: Rig) -> None:
    key = rig.hub.nodes["education"]
    message = said_by(key, posted(LONG), "$1")
    shorter = said_by(key, MessageEdited(**posted(LONG[:450]).model_dump()), "$1", marker="2")
    gone = said_by(key, MessageDeleted(space="ailleurs"), "$1", marker="3")
    async with rig.running():
        await rig.tie()
        await rig.deliver(message)
        (delivery,) = [one for one in await rig.receipts(2) if one["event"] == message.envelope.id]
        assert (delivery["verdict"], delivery["native_id"]) == ("written", "copy:1")
        assert words(rig) == LONG.split()
        answer = await rig.post({"what": "post", "id": "post:5", "parent": "copy:2"})
        heart = await rig.post({"what": "react", "id": "like:1", "parent": "copy:3", "emoji": "❤️"})
        moderated = await rig.post({"what": "edit", "id": "copy:2", "version": "9", "by_us": True})
        await rig.deliver(shorter, gone)
        await rig.receipts(4)
    assert answer.headers["X-Traitdunion-Outcome"].startswith("event=")
    assert heart.headers["X-Traitdunion-Outcome"].startswith("event=")
    assert moderated.headers["X-Traitdunion-Outcome"] == "dropped=echo"
    assert {headers["ce_parent"] for headers, _ in (await rig.read(topics.RSE_INBOUND.name, 3))[1:]} == {SUBJECT}
    assert steps(rig) == [
        (Act.POSTED, None, None),
        (Act.POSTED, None, "copy:1"),
        (Act.POSTED, None, "copy:1"),
        (Act.EDITED, "copy:1", None),
        (Act.EDITED, "copy:2", "copy:1"),
        (Act.DELETED, "copy:3", None),
        (Act.DELETED, "copy:2", None),
        (Act.DELETED, "copy:1", None),
    ]


async def test_a_process_that_ends_between_two_parts_writes_none_twice(rig: Rig) -> None:
    message = said_by(rig.hub.nodes["education"], posted(LONG), "$1")

    async def hang(order: Order) -> WriteOutcome:
        await rig.rse.keep(order)
        await asyncio.Event().wait()
        raise AssertionError

    async def how_many() -> int:
        return len(rig.rse.written)

    rig.rse.answers = [rig.rse.keep, hang]
    async with rig.running():
        await rig.tie()
        await rig.deliver(message)
        await until(how_many, 2)
    async with rig.running():
        await rig.receipts(2)
    assert words(rig) == LONG.split()
    assert rig.rse.found == 2


async def test_a_message_of_which_a_part_is_refused_is_refused_and_none_of_it_is_left_cut(rig: Rig) -> None:
    message = said_by(rig.hub.nodes["education"], posted(LONG), "$1")
    rig.rse.answers = [rig.rse.keep, rig.rse.keep, answering(Never("too_large"))]
    async with rig.running():
        await rig.tie()
        await rig.deliver(message)
        (delivery,) = [one for one in await rig.receipts(2) if one["event"] == message.envelope.id]
    assert (delivery["verdict"], delivery["reason"]) == ("refused", "too_large")
    assert steps(rig)[2:] == [(Act.DELETED, "copy:2", None), (Act.DELETED, "copy:1", None)]


async def test_what_stood_when_a_part_made_the_writer_fail_is_known_and_goes_with_its_author(rig: Rig) -> None:
    async def fail(_: Order) -> WriteOutcome:
        raise ZeroDivisionError

    key = rig.hub.nodes["education"]
    message, gone = said_by(key, posted(LONG), "$1"), said_by(key, MessageDeleted(space="ailleurs"), "$1", marker="2")
    rig.rse.answers = [rig.rse.keep, rig.rse.keep, fail]
    async with rig.running():
        await rig.tie()
        await rig.deliver(message)
        (delivery,) = [one for one in await rig.receipts(2) if one["event"] == message.envelope.id]
        assert await rig.value("SELECT count(*) FROM adapters.intents WHERE state = 'open'") == 0
        headers, _ = (await rig.read(topics.outbound(rig.node).dead_letters.name, 1))[0]
        await rig.deliver(gone)
        await rig.receipts(3)
    assert (delivery["verdict"], delivery["reason"], delivery["native_id"]) == ("refused", "handler_error", "copy:1")
    assert (headers["dlq_reason"], headers["dlq_error"]) == ("handler_error", "ZeroDivisionError")
    assert steps(rig)[2:] == [(Act.DELETED, "copy:2", None), (Act.DELETED, "copy:1", None)]
