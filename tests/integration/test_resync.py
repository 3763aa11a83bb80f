"""A node that comes back after its log's start: what it missed is asked for, sent again, written once, and then the log goes on."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.records_to_delete import RecordsToDelete
from typer.testing import CliRunner

from adapters.commands import app
from adapters.port import Act
from adapters.stand_in import TAKEN_FROM_HISTORY
from schemas import topics
from schemas.envelope import RESYNC, event_digest, object_id
from schemas.facts.message import MessageDeleted, MessageEdited
from schemas.facts.resync import ResyncCompleted, ResyncRequested
from schemas.facts.tie import TieRefused
from schemas.proof import sign_event
from schemas.sequence import Sequence as Numbered
from schemas.words import Audience
from tests.fakes_adapters import COMMUNITY, PATIENCE, Rig, posted, said_by, until
from tests.fakes_plain import SPACE

if TYPE_CHECKING:
    from typer.testing import Result

    from adapters.port import Order, WriteOutcome
    from schemas.envelope import CanonicalEvent


def message(rig: Rig, number: int) -> CanonicalEvent:
    return said_by(rig.hub.nodes["education"], posted(str(number)), f"${number}")


def again(rig: Rig, event: CanonicalEvent, number: int) -> dict[str, str]:
    """The hub's word that this is sent again, under the number that it had."""
    place = Numbered(event_digest(event.attributes), COMMUNITY, number, {rig.node: SPACE}, datetime.now(UTC), RESYNC)
    return place.signed(rig.hub.key)


def stand_in(rig: Rig, fact: MessageEdited | MessageDeleted, number: int, *, of: str = "education") -> CanonicalEvent:
    """The hub tells from its memory what another node said once."""
    return sign_event(
        rig.hub.key, fact, subject=object_id(of, f"${number}"), time=datetime.now(UTC), platform="traitdunion", native_id=f"${number}",
        change_marker=f"resync:{number}", actor="hub", audience=Audience.MEMBERS, community=COMMUNITY, history=RESYNC, on_behalf="education",
    )  # fmt: skip


async def forget(rig: Rig) -> None:
    """Three weeks pass: the node's topic begins behind all that was in it."""
    place = TopicPartition(rig.prefix + topics.outbound(rig.node).name, 0)
    admin = AIOKafkaAdminClient(bootstrap_servers=rig.bootstrap)
    await admin.start()
    try:
        await admin.delete_records({place: RecordsToDelete(before_offset=-1)})
    finally:
        await admin.close()


async def made_anew(rig: Rig) -> None:
    """Somebody deletes the node's topic and makes another one of that name."""
    name = rig.prefix + topics.outbound(rig.node).name
    admin = AIOKafkaAdminClient(bootstrap_servers=rig.bootstrap)
    await admin.start()
    try:
        await admin.delete_topics([name])
        while (await admin.create_topics([NewTopic(name, 1, 1)])).topic_errors[0][1]:  # noqa: ASYNC110 - the broker tells nobody when it has deleted
            await asyncio.sleep(0.2)
    finally:
        await admin.close()


async def place_kept(rig: Rig) -> None:
    """The ledger knows how far the node's topic was read."""
    await until(lambda: rig.value("SELECT max(next_offset) >= 2 FROM adapters.offsets"), wanted=True)


async def request_of(rig: Rig, which: int = 0) -> str:
    """The id of the node's asking, as the hub hears it, and its number."""

    async def asked() -> bool:
        return bool(await rig.value("SELECT count(*) FROM adapters.resyncs WHERE completed_at IS NULL AND request <> ''"))

    await until(asked, wanted=True)
    found = [(heads, value) for heads, value in await rig.read(topics.RSE_INBOUND.name, 1 + which) if "resync" in heads["ce_type"]]
    while not found:
        found = [(heads, value) for heads, value in await rig.read(topics.RSE_INBOUND.name, 2 + which) if "resync" in heads["ce_type"]]
    return found[-1][0]["ce_id"]


async def complete(rig: Rig, request: str, through: int) -> None:
    fact = ResyncCompleted(node=rig.node, space=SPACE, request=request, through=through)
    await rig.deliver(said_by(rig.hub.key, fact, f"resync/{request}"))
    await until(lambda: rig.value("SELECT count(*) FROM adapters.resyncs WHERE completed_at IS NULL"), 0)


def texts(rig: Rig) -> list[str]:
    return [order.content.text for order in rig.rse.written if order.content]


async def last(rig: Rig, count: int) -> dict[str, Any]:
    return (await rig.receipts(count))[-1]


async def test_what_the_log_forgot_is_asked_for_and_written_once_in_order_and_then_the_log_goes_on(rig: Rig) -> None:
    async with rig.running():
        await rig.tie()
        await rig.deliver(message(rig, 1), message(rig, 2))
        await rig.receipts(3)
        await place_kept(rig)
    missed = [message(rig, number) for number in (3, 4)]
    await rig.deliver(*missed)
    await forget(rig)
    late = message(rig, 5)
    await rig.deliver(late)
    async with rig.running():
        request = await request_of(rig)
        assert (await last(rig, 4)).get("reason") == "resync_awaited"
        await rig.deliver(*missed, late, extra=[again(rig, event, number) for number, event in enumerate([*missed, late], 3)])
        await complete(rig, request, 5)
        await rig.deliver(message(rig, 6))
        receipts = await rig.receipts(9)
    assert texts(rig) == ["1", "2", "3", "4", "5", "6"]
    assert [order.history for order in rig.rse.written] == [False, False, True, True, True, False]
    assert [(one["verdict"], one["sequence"]) for one in receipts[4:]] == [
        ("written", 3), ("written", 4), ("written", 5), ("confirmed", 0), ("written", 6),
    ]  # fmt: skip


@pytest.mark.long
async def test_it_asks_for_what_comes_after_the_last_number_that_it_has_dealt_with(rig: Rig) -> None:
    async with rig.running():
        await rig.tie()
        await rig.deliver(message(rig, 1), message(rig, 2))
        await rig.receipts(3)
        await place_kept(rig)
    await rig.deliver(message(rig, 3))
    await forget(rig)
    async with rig.running():
        await request_of(rig)
        heads, value = next(pair for pair in await rig.read(topics.RSE_INBOUND.name, 2) if "resync" in pair[0]["ce_type"])
    assert ResyncRequested.model_validate_json(value) == ResyncRequested(space=SPACE, after=2)
    assert (heads["ce_source"], heads["ce_community"]) == (rig.node, COMMUNITY)


@pytest.mark.long
async def test_a_topic_that_was_made_anew_is_read_from_its_beginning_and_what_is_missing_is_asked_for(rig: Rig) -> None:
    async with rig.running():
        await rig.tie()
        await rig.deliver(*(message(rig, number) for number in range(1, 5)))
        await rig.receipts(5)
        await place_kept(rig)
    await made_anew(rig)
    async with rig.running():
        request = await request_of(rig)
        assert await rig.value("SELECT reason FROM adapters.resyncs") == "log_replaced"
        missed = message(rig, 5)
        await rig.deliver(missed, extra=[again(rig, missed, 5)])
        await complete(rig, request, 5)
        rig.hub.number = 5
        await rig.deliver(message(rig, 6))
        await until(lambda: rig.value("SELECT applied FROM adapters.sequences"), 6)
    assert texts(rig) == ["1", "2", "3", "4", "5", "6"]


@pytest.mark.long
async def test_the_hub_s_own_word_is_shown_as_such_and_takes_away_what_was_taken_back(rig: Rig) -> None:
    async with rig.running():
        await rig.tie()
        await rig.deliver(message(rig, 1), message(rig, 2))
        await rig.receipts(3)
        await place_kept(rig)
    await forget(rig)
    rig.hub.number = 9
    await rig.deliver(message(rig, 10))
    edited = MessageEdited(**posted("nouveau").model_dump())
    told = [stand_in(rig, edited, 1), stand_in(rig, MessageDeleted(space=SPACE), 2), stand_in(rig, edited, 3)]
    async with rig.running():
        request = await request_of(rig)
        await rig.deliver(*told, extra=[again(rig, event, number) for number, event in zip((3, 4, 5), told, strict=True)])
        await complete(rig, request, 9)
    acts = [(order.act, order.native_id, order.history) for order in rig.rse.written[2:]]
    assert acts == [(Act.EDITED, "copy:1", False), (Act.DELETED, "copy:2", False), (Act.POSTED, None, True)]
    assert [order.content.text for order in rig.rse.written[2:] if order.content] == [f"nouveau\n\n{TAKEN_FROM_HISTORY}"] * 2


async def test_the_hub_puts_no_words_into_a_ministry_s_mouth_unless_it_is_asked(rig: Rig) -> None:
    edited = MessageEdited(**posted("jamais dit").model_dump())
    told = [stand_in(rig, edited, 1), stand_in(rig, edited, 2, of="diplomatie")]
    live = stand_in(rig, edited, 3)
    async with rig.running():
        await rig.tie()
        await rig.deliver(*told, live, extra=[*(again(rig, event, 1) for event in told), rig.hub.numbered(live, rig.node)])
        verdicts = [(one["verdict"], one.get("reason")) for one in await rig.receipts(4)][1:]
    assert verdicts == [("skipped", "resync_not_asked"), ("refused", "object_of_another_node"), ("refused", "object_of_another_node")]
    assert rig.rse.written == []


async def test_a_number_that_is_missing_is_asked_for_and_what_came_behind_it_comes_again(rig: Rig) -> None:
    events = {number: message(rig, number) for number in range(1, 5)}
    async with rig.running():
        await rig.tie()
        await rig.deliver(events[1])
        rig.hub.number = 2
        await rig.deliver(events[3])
        request = await request_of(rig)
        assert await rig.value("SELECT reason FROM adapters.resyncs") == "sequence_gap"
        await rig.deliver(events[2], events[3], extra=[again(rig, events[number], number) for number in (2, 3)])
        await complete(rig, request, 3)
        await rig.deliver(events[4])
        await until(lambda: rig.value("SELECT applied FROM adapters.sequences"), 4)
    assert texts(rig) == ["1", "2", "3", "4"]


async def test_what_is_taken_back_is_taken_away_at_once_whatever_else_is_missing(rig: Rig) -> None:
    gone = said_by(rig.hub.nodes["education"], MessageDeleted(space="ailleurs"), "$1", marker="2")
    async with rig.running():
        await rig.tie()
        await rig.deliver(message(rig, 1))
        rig.hub.number = 5
        await rig.deliver(gone)
        assert (await last(rig, 3))["verdict"] == "written"
        await until(lambda: rig.value("SELECT reason FROM adapters.resyncs WHERE completed_at IS NULL"), "sequence_gap")
    assert [order.act for order in rig.rse.written] == [Act.POSTED, Act.DELETED]


async def test_of_a_space_that_the_hub_refused_before_anything_was_said_nothing_is_awaited(rig: Rig) -> None:
    async with rig.running():
        await rig.tie()
        await rig.deliver(said_by(rig.hub.key, TieRefused(node=rig.node, space=SPACE, reason="space_too_wide"), "tie:refused"))
        await rig.receipts(2)
        await place_kept(rig)
    await rig.deliver(message(rig, 1))
    await forget(rig)
    async with rig.running():
        await rig.deliver(rig.hub.proposal(rig.node, "autre"))
        await rig.receipts(3)
        assert await rig.value("SELECT count(*) FROM adapters.resyncs") == 0


@pytest.mark.long
async def test_an_operator_has_it_asked_for_and_sees_what_is_awaited(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAITDUNION_LEDGER_URL", rig.database_url)

    async def run(*words: str) -> Result:
        return await asyncio.to_thread(CliRunner().invoke, app, ["resync", *words])

    assert "Rien n'a jamais manqué" in (await run("list")).output
    assert (await run("start", "rse", "inconnu")).exit_code == 1
    async with rig.running():
        await rig.tie()
        await rig.deliver(message(rig, 1))
        await rig.receipts(2)
        assert (await run("start", "rse", SPACE)).exit_code == 0
        request = await request_of(rig)
        assert "demandé à la main" in (await run("list")).output
        await complete(rig, request, 1)
        assert "complet depuis" in (await run("list")).output
        await rig.deliver(message(rig, 2))
        await until(lambda: rig.value("SELECT applied FROM adapters.sequences"), 2)
    assert texts(rig) == ["1", "2"]


async def test_what_was_being_written_when_a_process_ended_is_not_written_again_by_what_is_sent_again(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRAITDUNION_LEDGER_URL", rig.database_url)
    begun = asyncio.Event()

    async def hang(order: Order) -> WriteOutcome:
        await rig.rse.keep(order)
        begun.set()
        await asyncio.Event().wait()
        raise AssertionError

    event, rig.rse.answers = message(rig, 1), [hang]
    async with rig.running():
        await rig.tie()
        await rig.deliver(event)
        await asyncio.wait_for(begun.wait(), PATIENCE)
    assert (await asyncio.to_thread(CliRunner().invoke, app, ["resync", "start", "rse", SPACE])).exit_code == 0
    async with rig.running():
        request = await request_of(rig)
        assert (await last(rig, 2)).get("reason") == "resync_awaited"
        await rig.deliver(event, extra=[again(rig, event, 1)])
        await complete(rig, request, 1)
        receipts = await rig.receipts(4)
    assert [(one["verdict"], one.get("native_id")) for one in receipts[2:3]] == [("written", "copy:1")]
    assert texts(rig) == ["1"]


@pytest.mark.long
async def test_a_process_that_ended_before_it_noted_its_place_asks_for_what_is_gone(rig: Rig) -> None:
    async with rig.running():
        await rig.tie()
        await rig.deliver(message(rig, 1))
        await rig.receipts(2)
        await place_kept(rig)
    assert await rig.value("WITH gone AS (DELETE FROM adapters.offsets RETURNING 1) SELECT count(*) FROM gone") == 1
    await rig.deliver(message(rig, 2))
    await forget(rig)
    async with rig.running():
        await request_of(rig)


@pytest.mark.long
async def test_a_process_that_ends_while_it_awaits_goes_on_awaiting(rig: Rig) -> None:
    async with rig.running():
        await rig.tie()
        await rig.deliver(message(rig, 1))
        await rig.receipts(2)
        await place_kept(rig)
    missed = message(rig, 2)
    await rig.deliver(missed)
    await forget(rig)
    async with rig.running():
        request = await request_of(rig)
        await rig.deliver(missed, extra=[again(rig, missed, 2)])
        await rig.receipts(3)
    async with rig.running():
        await rig.deliver(missed, extra=[again(rig, missed, 2)])
        await complete(rig, request, 2)
    assert texts(rig) == ["1", "2"]
