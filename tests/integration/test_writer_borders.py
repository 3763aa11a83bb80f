"""What a writer never carries across a border: another community's space, a suspended or lapsed tie, another process's turn."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from adapters import assembly
from adapters.intake import Intake
from adapters.ledger import Ledger
from adapters.port import Act, Closed, Later, Never, Order, SpaceReport, WriteOutcome
from adapters.spool import Kind, Record, Spool
from adapters.ties import WIDER
from schemas import topics
from schemas.envelope import object_id
from schemas.facts.message import MessageDeleted, MessageEdited
from schemas.facts.tie import TieAccepted, TieRefused
from schemas.words import Audience
from tests.fakes_adapters import Rig, posted, said_by, until
from tests.fakes_plain import SPACE

BY_KAFKA = pytest.mark.parametrize("rig", ["kafka"], indirect=True)
"""What a broker alone does, or takes: the door refuses a process whose clock is a day ahead; of two processes behind it, `test_door_turns.py` tells."""
COPY = "INSERT INTO adapters.objects (instance, native_id, subject, origin, space, community) VALUES ('rse', $1, $2, 'copy', $3, $4)"


@pytest.mark.parametrize(("space", "community"), [("autre", "autre"), (SPACE, "autre"), ("autre", "futurs-publics")])
async def test_a_reply_is_not_written_under_a_parent_of_another_community_or_space(rig: Rig, space: str, community: str) -> None:
    await rig.value(COPY, "copy:99", object_id("education", "$1"), space, community)
    async with rig.running():
        await rig.tie()
        await rig.deliver(said_by(rig.hub.nodes["education"], posted(), "$2", parent=object_id("education", "$1")))
        assert (await rig.receipts(2))[-1]["verdict"] == "written"
    assert [(order.parent, order.parent_missing, order.space) for order in rig.rse.written] == [(None, True, SPACE)]


async def test_an_edit_and_a_deletion_of_a_copy_of_another_community_are_refused(rig: Rig) -> None:
    await rig.value(COPY, "copy:99", object_id("education", "$1"), "autre", "autre")
    key = rig.hub.nodes["education"]
    edit = said_by(key, MessageEdited(**posted().model_dump()), "$1", marker="2")
    gone = said_by(key, MessageDeleted(space="ailleurs"), "$1", marker="3")
    async with rig.running():
        await rig.tie()
        await rig.deliver(edit, gone)
        said = [(one["verdict"], one["reason"]) for one in (await rig.receipts(3))[1:]]
    assert said == [("refused", "object_of_another_community")] * 2
    assert rig.rse.written == []


async def test_a_copy_in_a_space_that_the_community_has_left_is_deleted_but_not_edited(rig: Rig) -> None:
    await rig.value(COPY, "copy:99", object_id("education", "$1"), "ancien", "futurs-publics")
    key = rig.hub.nodes["education"]
    edit = said_by(key, MessageEdited(**posted().model_dump()), "$1", marker="2")
    gone = said_by(key, MessageDeleted(space="ailleurs"), "$1", marker="3")
    async with rig.running():
        await rig.tie()
        await rig.deliver(edit, gone)
        said = [(one["verdict"], one.get("reason")) for one in (await rig.receipts(3))[1:]]
    assert said == [("skipped", "space_not_tied"), ("written", None)]
    assert [(order.act, order.native_id) for order in rig.rse.written] == [(Act.DELETED, "copy:99")]


async def test_an_edit_tells_whether_the_copy_is_one_that_we_deleted(rig: Rig) -> None:
    key = rig.hub.nodes["education"]
    edits = [said_by(key, MessageEdited(**posted().model_dump()), "$1", marker=marker) for marker in ("2", "4")]
    gone = said_by(key, MessageDeleted(space="ailleurs"), "$1", marker="3")
    async with rig.running():
        await rig.tie()
        await rig.deliver(said_by(key, posted(), "$1"), edits[0], gone, edits[1])
        await rig.receipts(5)
    assert [(order.act, order.reviving) for order in rig.rse.written] == [
        (Act.POSTED, False), (Act.EDITED, False), (Act.DELETED, False), (Act.EDITED, True),
    ]  # fmt: skip


async def test_a_suspended_tie_says_so_and_comes_back_with_the_hubs_word(rig: Rig) -> None:
    wider = TieRefused(node=rig.node, space=SPACE, reason=WIDER)
    again = TieAccepted(space=SPACE, audience=Audience.MEMBERS, externals=False)
    async with rig.running():
        await rig.tie()
        await rig.deliver(said_by(rig.hub.key, wider, "tie:refused"))
        await rig.receipts(2)
        suspended = await rig.post({"what": "post", "id": "post:1"})
        await rig.deliver(said_by(rig.hub.nodes[rig.node], again, f"tie:{SPACE}"))
        await rig.receipts(3)
        back = await rig.post({"what": "post", "id": "post:2"})
    assert suspended.headers["X-Traitdunion-Outcome"] == "dropped=tie_suspended"
    assert back.headers["X-Traitdunion-Outcome"].startswith("event=")


async def test_a_copy_is_taken_away_though_its_tie_is_suspended(rig: Rig) -> None:
    key = rig.hub.nodes["education"]
    gone = said_by(key, MessageDeleted(space="ailleurs"), "$1", marker="2")
    async with rig.running():
        await rig.tie()
        await rig.deliver(said_by(key, posted(), "$1"))
        await rig.deliver(said_by(rig.hub.key, TieRefused(node=rig.node, space=SPACE, reason=WIDER), "tie:refused"))
        await rig.deliver(said_by(key, posted(), "$2"), gone)
        said = [(one["verdict"], one.get("reason")) for one in (await rig.receipts(5))[-2:]]
    assert said == [("refused", "space_not_tied"), ("written", None)]
    assert [order.act for order in rig.rse.written] == [Act.POSTED, Act.DELETED]


@BY_KAFKA
async def test_a_process_that_comes_back_attests_before_it_publishes_what_waited(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    async with rig.running():
        await rig.tie()
        await rig.receipts(1)
    ledger = await Ledger.open(rig.database_url, size=1)
    await Spool(ledger, "rse", 10).store(Kind.RECORD, [Record(topics.RSE_INBOUND.name, b"k", b"waited", [])], datetime.now(UTC))
    await ledger.close()
    monkeypatch.setattr(assembly, "now", lambda: datetime.now(UTC) + timedelta(hours=21))
    async with rig.running():
        records = await rig.read(topics.RSE_INBOUND.name, 3)
        await until(lambda: rig.value("SELECT count(*) FROM adapters.spool"), 0)
    assert [headers.get("ce_type") for headers, _ in records] == [TieAccepted.event_type, TieAccepted.event_type, None]
    assert records[-1][1] == b"waited"


@BY_KAFKA
async def test_nothing_is_read_or_published_before_what_is_due_at_the_start_was_attested(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async with rig.running():
        await rig.tie()
        await rig.receipts(1)
    ledger = await Ledger.open(rig.database_url, size=1)
    await Spool(ledger, "rse", 10).store(Kind.RECORD, [Record(topics.RSE_INBOUND.name, b"k", b"waited", [])], datetime.now(UTC))
    await ledger.close()
    monkeypatch.setattr(assembly, "now", lambda: datetime.now(UTC) + timedelta(hours=21))
    told, report = asyncio.Event(), rig.rse.report_space

    async def hesitate(space: str) -> SpaceReport | Closed | Later | Never:
        await told.wait()
        return await report(space)

    monkeypatch.setattr(rig.rse, "report_space", hesitate)
    await rig.deliver(said_by(rig.hub.nodes["education"], posted(), "$1"))
    async with rig.running():
        await until(lambda: _said(capsys, "kafka_connected"), wanted=True)
        await asyncio.sleep(1.5)  # long enough for both, were they not kept waiting
        assert (await rig.value("SELECT count(*) FROM adapters.spool"), rig.rse.written) == (1, [])
        told.set()
        await until(lambda: rig.value("SELECT count(*) FROM adapters.spool"), 0)
        await until(lambda: _more_than(rig, 0), wanted=True)


async def _said(capsys: pytest.CaptureFixture[str], word: str) -> bool:
    return word in capsys.readouterr().out


async def test_nothing_is_written_into_a_space_whose_readers_were_not_attested_for_two_days(rig: Rig) -> None:
    async with rig.running():
        await rig.tie()
        await rig.receipts(1)
    await rig.value("UPDATE adapters.ties SET renewed_at = now() - interval '49 hours'")
    rig.rse.reports = [Later("timeout"), Later("timeout", 0.1)]
    attested: list[datetime] = []

    async def look(_: Order) -> None:
        attested.append(await rig.value("SELECT renewed_at FROM adapters.ties"))

    rig.rse.before = look
    async with rig.running():
        await rig.deliver(said_by(rig.hub.nodes["education"], posted(), "$1"))
        wanted = 2
        while (await rig.receipts(wanted))[-1]["verdict"] != "written":  # the tie's may come twice, after the restart
            wanted += 1
    assert datetime.now(UTC) - attested[0] < timedelta(minutes=1)
    assert rig.rse.reports == []


async def test_an_exception_is_logged_without_its_text(rig: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    async def fail(_: Order) -> WriteOutcome:
        raise ValueError("ce que Madame Durand a écrit")

    rig.rse.answers = [fail]
    async with rig.running():
        await rig.tie()
        await rig.deliver(said_by(rig.hub.nodes["education"], posted(), "$1"))
        assert (await rig.receipts(2))[-1]["reason"] == "handler_error"
    shown = "".join(capsys.readouterr())
    assert "handler_error" in shown
    assert "Durand" not in shown


async def test_what_our_account_wrote_is_never_published_though_its_write_failed(rig: Rig) -> None:
    held = asyncio.Event()

    async def fail(_: Order) -> WriteOutcome:
        await held.wait()
        raise ZeroDivisionError

    rig.rse.answers = [fail]
    async with rig.running():
        await rig.tie()
        await rig.deliver(said_by(rig.hub.nodes["education"], posted(), "$1"))
        await until(lambda: rig.value("SELECT count(*) FROM adapters.intents WHERE state = 'open'"), 1)
        echo = await rig.post({"what": "post", "id": "copy:1", "version": "v1", "by_us": True})
        held.set()
        await until(lambda: rig.value("SELECT count(*) FROM adapters.spool"), 0)
        later = await rig.post({"what": "edit", "id": "copy:1", "version": "v2", "by_us": True})
        person = await rig.post({"what": "post", "id": "post:1"})
        inbound = await rig.read(topics.RSE_INBOUND.name, 2)
    assert [answer.headers["X-Traitdunion-Outcome"] for answer in (echo, later)] == ["parked", "dropped=own_account"]
    assert person.headers["X-Traitdunion-Outcome"].startswith("event=")
    assert [headers["ce_nativeid"] for headers, _ in inbound] == [f"tie:{SPACE}", "post:1"]


@BY_KAFKA
@pytest.mark.long
async def test_two_processes_of_one_node_that_pass_the_topic_to_each_other_write_every_record_once_and_in_order(rig: Rig) -> None:
    async def slowly(_: Order) -> None:
        await asyncio.sleep(0.02)

    rig.rse.before = slowly
    key, wanted = rig.hub.nodes["education"], [str(number) for number in range(120)]
    events = [said_by(key, posted(text), f"${text}") for text in wanted]
    other = replace(rig, port=0)
    async with rig.running():
        await rig.tie()
        await rig.deliver(*events[:40])
        async with other.running():
            await rig.deliver(*events[40:80])
            await until(lambda: _more_than(rig, 50), wanted=True)
        await rig.deliver(*events[80:])
        await until(lambda: _more_than(rig, 119), wanted=True)
        await rig.receipts(121)
    assert [order.content.text for order in rig.rse.written if order.content] == wanted


@BY_KAFKA
@pytest.mark.long
async def test_a_process_that_takes_over_knows_what_the_one_that_ended_had_written_though_it_committed_nothing(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def lost(*_: object) -> None:
        return None

    monkeypatch.setattr(Intake, "_commit", lost)
    key, wanted = rig.hub.nodes["education"], [str(number) for number in range(60)]
    events = [said_by(key, posted(text), f"${text}") for text in wanted]
    other = replace(rig, port=0)
    async with other.running():
        async with rig.running():
            await rig.tie()
            await rig.deliver(*events[:30])
            await until(lambda: _more_than(rig, 10), wanted=True)
        await rig.deliver(*events[30:])
        await until(lambda: _more_than(rig, 59), wanted=True)
        await rig.receipts(61)
    assert [order.content.text for order in rig.rse.written if order.content] == wanted


async def _more_than(rig: Rig, number: int) -> bool:
    return len(rig.rse.written) > number
