"""Copies that repeat words of what they answer, through a node's own topic, the ledger and back: what is taken back stands in none."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from adapters import requoting
from adapters.ledger import Ledger
from adapters.memory import Memory
from adapters.port import UNSUPPORTED, WITHDRAWN, Act, Later, Never, Written
from schemas import topics
from schemas.envelope import RESYNC, event_digest, object_id
from schemas.facts.message import MessageDeleted, MessageEdited
from schemas.proof import sign_event
from schemas.sequence import Sequence as Numbered
from schemas.words import Audience
from tests.fakes_adapters import COMMUNITY, Rig, posted, said_by, until
from tests.fakes_plain import SPACE, PlainRse, answering

if TYPE_CHECKING:
    from adapters.port import Order, WriteOutcome
    from schemas.envelope import CanonicalEvent


@dataclass
class QuotingRse(PlainRse):
    """An RSE without threads: each answer repeats the words of what it answers."""

    quotations: dict[str, str | None] = field(default_factory=dict)
    """Copy → the object whose words it repeats now."""
    rewritten: list[tuple[str, str | None]] = field(default_factory=list)
    refusals: list[WriteOutcome] = field(default_factory=list)
    hangs: bool = False

    async def write(self, order: Order) -> WriteOutcome:
        outcome = await super().write(order)
        if not isinstance(outcome, Written) or order.parent is None:
            return outcome
        self.quotations.setdefault(outcome.native_id, order.parent)
        return replace(outcome, quotes=True)

    async def requote(self, copy: str, answered: str | None) -> WriteOutcome:
        if self.refusals:
            return self.refusals.pop(0)
        self.rewritten.append((copy, answered))
        self.quotations[copy] = answered
        if self.hangs:
            await asyncio.sleep(60)
        return Written(copy, f"q{len(self.rewritten)}", quotes=True)


@pytest.fixture
def rig(rig: Rig) -> Rig:
    """Its RSE repeats words."""
    rig.rse = QuotingRse()
    return rig


def rse_of(rig: Rig) -> QuotingRse:
    assert isinstance(rig.rse, QuotingRse)
    return rig.rse


def theirs(rig: Rig) -> tuple[CanonicalEvent, CanonicalEvent]:
    """A question of another ministry, and an answer to it."""
    key = rig.hub.nodes["education"]
    return said_by(key, posted("Qui a le modèle ?"), "$1"), said_by(key, posted("Moi."), "$2", parent=object_id("education", "$1"))


async def verdict_on(rig: Rig, event: CanonicalEvent, count: int) -> tuple[str, str | None]:
    (delivery,) = [one for one in await rig.receipts(count) if one["event"] == event.envelope.id]
    return delivery["verdict"], delivery.get("reason")


async def test_an_edit_elsewhere_is_followed_and_a_deletion_takes_the_words_away(rig: Rig) -> None:
    key = rig.hub.nodes["education"]
    edited = said_by(key, MessageEdited(**posted("Qui a le dernier modèle ?").model_dump()), "$1", marker="2")
    gone = said_by(key, MessageDeleted(space="ailleurs"), "$1", marker="3")
    back = said_by(key, MessageEdited(**posted("Finalement, qui l’a ?").model_dump()), "$1", marker="4")
    async with rig.running():
        await rig.tie()
        await rig.deliver(*theirs(rig), edited, gone, back)
        assert await verdict_on(rig, gone, 6) == ("written", None)
        echo = await rig.post({"what": "edit", "id": "copy:2", "version": "q2", "by_us": True})
        person = await rig.post({"what": "edit", "id": "copy:2", "version": "another", "by_us": True})
    assert rse_of(rig).rewritten == [("copy:2", "copy:1"), ("copy:2", None), ("copy:2", "copy:1")]
    assert echo.headers["X-Traitdunion-Outcome"] == "dropped=echo"
    assert person.headers["X-Traitdunion-Outcome"].startswith("event=")
    assert await rig.value("SELECT count(*) FROM adapters.intents WHERE state = 'open'") == 0


async def test_what_people_here_edit_or_delete_is_followed_once_the_hub_has_numbered_it(rig: Rig) -> None:
    own, elsewhere = rig.hub.nodes["wifip"], rig.hub.nodes["education"]
    answer = said_by(elsewhere, posted("Moi."), "$2", parent=object_id("wifip", "post:5"))
    edited = said_by(own, MessageEdited(**posted("Qui l’a vu ?").model_dump()), "post:5", marker="2")
    gone = said_by(own, MessageDeleted(space="salon"), "post:5", marker="3")
    async with rig.running():
        await rig.tie()
        await rig.post({"what": "post", "id": "post:5"})
        await rig.deliver(answer, edited, gone)
        assert await verdict_on(rig, gone, 4) == ("confirmed", None)
    assert rse_of(rig).rewritten == [("copy:1", "post:5"), ("copy:1", None)]


async def test_an_edit_of_what_people_here_took_away_leaves_no_older_words_behind(rig: Rig) -> None:
    edited = said_by(rig.hub.nodes["education"], MessageEdited(**posted("Qui l’a ?").model_dump()), "$1", marker="2")
    rig.rse.answers = [rig.rse.keep, rig.rse.keep, answering(Never(WITHDRAWN))]
    async with rig.running():
        await rig.tie()
        await rig.deliver(*theirs(rig), edited)
        assert await verdict_on(rig, edited, 4) == ("skipped", WITHDRAWN)
    assert rse_of(rig).rewritten == [("copy:2", None)]


async def test_a_process_that_ends_between_the_write_and_its_note_does_it_again_and_knows_its_echo(rig: Rig) -> None:
    gone = said_by(rig.hub.nodes["education"], MessageDeleted(space="ailleurs"), "$1", marker="3")
    rse_of(rig).hangs = True

    async def how_many() -> int:
        return len(rse_of(rig).rewritten)

    async with rig.running():
        await rig.tie()
        await rig.deliver(*theirs(rig), gone)
        await until(how_many, 1)
        during = await rig.post({"what": "edit", "id": "copy:2", "version": "q1", "by_us": True})
    rse_of(rig).hangs = False
    async with rig.running():
        assert await verdict_on(rig, gone, 4) == ("written", None)
    assert "event=" not in during.headers["X-Traitdunion-Outcome"]
    assert rse_of(rig).rewritten == [("copy:2", None), ("copy:2", None)]
    assert [order.act for order in rig.rse.written] == [Act.POSTED, Act.POSTED, Act.DELETED]


async def test_an_rse_that_does_not_answer_is_waited_for_and_a_copy_that_went_asks_nothing(rig: Rig) -> None:
    gone = said_by(rig.hub.nodes["education"], MessageDeleted(space="ailleurs"), "$1", marker="3")
    rse_of(rig).refusals = [Later("503", 0.05), Later("503", 0.05), Never(WITHDRAWN)]
    async with rig.running():
        await rig.tie()
        await rig.deliver(*theirs(rig), gone)
        assert await verdict_on(rig, gone, 4) == ("written", None)
    assert rse_of(rig).refusals == []


async def test_words_that_the_rse_does_not_let_go_are_a_dead_letter_and_no_silence(rig: Rig) -> None:
    gone = said_by(rig.hub.nodes["education"], MessageDeleted(space="ailleurs"), "$1", marker="3")
    rse_of(rig).refusals = [Never(UNSUPPORTED)]
    async with rig.running():
        await rig.tie()
        await rig.deliver(*theirs(rig), gone)
        assert await verdict_on(rig, gone, 4) == ("refused", "quotation_kept")
        ((headers, _),) = await rig.read(topics.outbound("wifip").dead_letters.name, 1)
    assert headers["dlq_reason"] == "quotation_kept"
    assert await rig.value("SELECT deleted FROM adapters.objects WHERE native_id = 'copy:1'") is True


def reminder(rig: Rig, fact: MessageEdited | MessageDeleted) -> CanonicalEvent:
    """The hub tells what people here did to their own message while this node was away."""
    return sign_event(
        rig.hub.key, fact, subject=object_id("wifip", "post:5"), time=datetime.now(UTC), platform="traitdunion", native_id="post:5",
        change_marker=f"resync:{fact.event_type}", actor="hub", audience=Audience.MEMBERS, community=COMMUNITY, history=RESYNC,
        on_behalf="wifip",
    )  # fmt: skip


@pytest.mark.parametrize(
    "fact", [MessageEdited(**posted("Qui l’a vu ?").model_dump()), MessageDeleted(space="salon")], ids=["edited", "deleted"]
)
async def test_what_people_here_did_while_the_node_was_away_is_followed_and_never_written(
    rig: Rig, fact: MessageEdited | MessageDeleted
) -> None:
    answer = said_by(rig.hub.nodes["education"], posted("Moi."), "$2", parent=object_id("wifip", "post:5"))
    again = reminder(rig, fact)
    place = Numbered(event_digest(again.attributes), COMMUNITY, 2, {"wifip": SPACE}, datetime.now(UTC), RESYNC)
    async with rig.running():
        await rig.tie()
        await rig.post({"what": "post", "id": "post:5"})
        await rig.deliver(answer)
        await rig.deliver(again, extra=[place.signed(rig.hub.key)])
        assert await verdict_on(rig, again, 3) == ("confirmed", None)
    assert rse_of(rig).rewritten == [("copy:1", "post:5")]
    assert [order.act for order in rig.rse.written] == [Act.POSTED]


@pytest.mark.long
async def test_a_copy_that_people_here_take_away_is_repeated_no_longer_here_and_again_once_it_is_back(rig: Rig) -> None:
    async def rewritten() -> list[tuple[str, str | None]]:
        return rse_of(rig).rewritten

    async with rig.running():
        await rig.tie()
        await rig.deliver(*theirs(rig))
        await rig.receipts(3)
        gone = await rig.post({"what": "delete", "id": "copy:1", "version": "9"})
        assert gone.headers["X-Traitdunion-Outcome"].startswith("event=")
        await until(rewritten, [("copy:2", None)])
        await until(lambda: rig.value("SELECT count(*) FROM adapters.objects WHERE stale"), 0)
        echo = await rig.post({"what": "edit", "id": "copy:2", "version": "q1", "by_us": True})
        await brought_back(rig, "copy:1")
        await until(rewritten, [("copy:2", None), ("copy:2", "copy:1")])
    assert echo.headers["X-Traitdunion-Outcome"] == "dropped=echo"
    assert await rig.value("SELECT count(*) FROM adapters.intents WHERE state = 'open'") == 0


async def test_what_is_stale_when_a_process_ends_is_rewritten_by_the_next_one(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    async def rewritten() -> list[tuple[str, str | None]]:
        return rse_of(rig).rewritten

    with monkeypatch.context() as patched:
        patched.setattr(requoting, "STALE", requoting.STALE.replace("quoting.stale", "false"))
        async with rig.running():
            await rig.tie()
            await rig.deliver(*theirs(rig))
            await rig.receipts(3)
            await rig.post({"what": "delete", "id": "copy:1", "version": "9"})
    assert rse_of(rig).rewritten == []
    async with rig.running():
        await until(rewritten, [("copy:2", None)])


async def brought_back(rig: Rig, native_id: str) -> None:
    """As admission notes it once the RSE itself has said so."""
    ledger = await Ledger.open(rig.database_url, size=1)
    memory = Memory(ledger, "rse")
    known = (await memory.recall([native_id], [])).natives[native_id]
    assert known.withdrawn
    await memory.remember([replace(known, withdrawn=False)])
    await ledger.close()


async def test_a_copy_is_known_though_what_repeats_its_words_made_the_writer_fail(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: object) -> WriteOutcome:
        raise ZeroDivisionError

    key, (question, answer) = rig.hub.nodes["education"], theirs(rig)
    edited = said_by(key, MessageEdited(**posted("Qui a le dernier modèle ?").model_dump()), "$1", marker="2")
    monkeypatch.setattr(rig.rse, "requote", fail)
    async with rig.running():
        await rig.tie()
        await rig.deliver(question, answer, edited)
        assert await verdict_on(rig, edited, 4) == ("refused", "handler_error")
        echo = await rig.post({"what": "edit", "id": "copy:1", "version": "v3", "by_us": True})
        assert await rig.value("SELECT count(*) FROM adapters.intents WHERE state = 'open'") == 0
    assert echo.headers["X-Traitdunion-Outcome"] == "dropped=echo"
    assert rig.rse.written[-1].act is Act.EDITED
