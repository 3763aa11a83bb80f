"""The way out of a ministry that may not speak: what takes back leaves, whatever waits, and nothing leaves twice."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from adapters import outgoing as room
from adapters.outgoing import Outgoing
from adapters.overtaking import TAKES_BACK, type_of
from adapters.spool import Kind, Record, Row, SpoolFull
from schemas.facts.tie import TieAccepted
from schemas.wire.publisher import Place, SpeechRefused

if TYPE_CHECKING:
    from collections.abc import Sequence

NOW = datetime(2026, 11, 23, tzinfo=UTC)
LIMIT = 6


def record(kind: str, subject: str) -> Record:
    return Record(
        "rse.inbound.v1", b"", b"", [("ce_type", f"fr.gouv.rse.{kind}.v1".encode()), ("ce_subject", subject.encode())]
    )  # fmt: skip


@dataclass
class Hub:
    """A door that takes from a silenced node what it may say, as one request or several."""

    said: list[str] = field(default_factory=list)
    may: frozenset[str] = TAKES_BACK | {TieAccepted.event_type}
    ready: bool = True

    async def publish(self, records: Sequence[Record]) -> list[Place]:
        taken = {number: Place("t", 0, number) for number, one in enumerate(records) if type_of(one) in self.may}
        self.said += [_word(records[number]) for number in taken]
        if len(taken) < len(records):
            raise SpeechRefused("node_observes", taken)
        return list(taken.values())


@dataclass
class Shelf:
    """A spool in memory."""

    rows: list[Row] = field(default_factory=list)
    last: int = 0

    @property
    def waiting(self) -> dict[Kind, int]:
        return {Kind.RECORD: len(self.rows)}

    async def store(self, kind: Kind, records: Sequence[Record], now: datetime, reason: str = "") -> None:
        del kind, reason
        if len(self.rows) + len(records) > LIMIT:
            raise SpoolFull
        for one in records:
            self.last += 1
            self.rows.append(Row(self.last, b"", one, now))

    async def first(self, kind: Kind, limit: int, after: int = -1) -> list[Row]:
        del kind
        return [row for row in self.rows if row.position > after][:limit]

    async def remove(self, kind: Kind, positions: Sequence[int]) -> None:
        del kind
        self.rows = [row for row in self.rows if row.position not in positions]

    def words(self) -> list[str]:
        return [_word(row.record) for row in self.rows]


def _word(one: Record) -> str:
    said = dict(one.headers)
    return f"{said['ce_type'].decode().split('.')[-2]} {said['ce_subject'].decode()}"


class Ministry:
    """One that may not speak, and what waits in its connector."""

    def __init__(self, *waiting: Record, observes: bool = False) -> None:
        self.hub, self.shelf, self.at = Hub(), Shelf(), [NOW]
        self.observes, self.unsaid = observes, list[str]()
        self.shelf.rows = [Row(number, b"", one, NOW) for number, one in enumerate(waiting, 1)]
        self.shelf.last = len(waiting)
        publisher: Any = self.hub
        spool: Any = self.shelf
        self.out = Outgoing(publisher, spool, "rse", lambda: self.at[0], lambda: self.observes, self.note)

    async def note(self, records: Sequence[Record]) -> None:
        self.unsaid += [_word(one) for one in records]

    async def drain(self) -> None:
        self.at[0] += timedelta(seconds=6)
        await self.out.drain()


async def test_what_the_hub_took_of_a_batch_leaves_the_spool_and_is_not_told_again() -> None:
    rse = Ministry(record("message.posted", "new"), record("tie.accepted", "salon"))
    await rse.drain()
    await rse.drain()
    assert (rse.hub.said, rse.shelf.words()) == (["accepted salon"], ["posted new"])


async def test_what_the_hub_took_at_once_has_its_place_and_the_rest_waits() -> None:
    rse = Ministry()
    assert await rse.out.put([record("message.posted", "new"), record("message.deleted", "old")]) == [None, Place("t", 0, 1)]
    assert (rse.hub.said, rse.shelf.words()) == (["deleted old"], ["posted new"])


async def test_a_tie_is_accepted_from_behind_a_page_of_refused_speech(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "CHUNK", 2)
    rse = Ministry(*[record("message.posted", f"m{number}") for number in range(3)], record("tie.accepted", "salon"))
    await rse.drain()
    assert (rse.hub.said, rse.shelf.words()) == (["accepted salon"], ["posted m0", "posted m1", "posted m2"])


async def test_a_tie_that_is_refused_holds_up_no_deletion(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "CHUNK", 1)
    rse = Ministry(record("message.posted", "new"), record("tie.accepted", "salon"), record("message.deleted", "old"))
    rse.hub.may = TAKES_BACK
    await rse.drain()
    assert (rse.hub.said, rse.shelf.words()) == (["deleted old"], ["posted new", "accepted salon"])


async def test_a_full_spool_keeps_nobodys_words_from_being_taken_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "CHUNK", 2)
    speech = [record("message.posted", f"m{number}") for number in range(LIMIT - 2)]
    rse = Ministry(*speech, record("message.edited", "old"), record("message.edited", "other"))
    with pytest.raises(SpoolFull):
        await rse.out.put([record("message.posted", "more")])
    assert await rse.out.put([record("message.deleted", "old")]) == [Place("t", 0, 0)]
    assert rse.hub.said == ["deleted old"]
    assert "edited old" not in rse.shelf.words()
    assert len(rse.shelf.rows) == LIMIT - 1


async def test_a_message_that_waits_in_a_full_spool_is_forgotten_with_its_deletion() -> None:
    rse = Ministry(*[record("message.posted", f"m{number}") for number in range(LIMIT)])
    await rse.out.put([record("message.deleted", "m1")])
    assert "posted m1" not in rse.shelf.words()


async def test_while_the_hub_takes_nothing_a_full_spool_is_full_for_all() -> None:
    rse = Ministry(*[record("message.posted", f"m{number}") for number in range(LIMIT)])
    rse.hub.ready = False
    with pytest.raises(SpoolFull):
        await rse.out.put([record("message.deleted", "m1")])
    assert len(rse.shelf.rows) == LIMIT


SAID = [
    ("message.posted", "m0"),
    ("membership.joined", "ada"),
    ("message.edited", "old"),
    ("message.deleted", "old"),
    ("tie.accepted", "salon"),
]


@pytest.mark.parametrize("ready", [True, False], ids=["open", "closed"])
async def test_what_an_observers_agents_said_waits_no_longer_and_never_leaves(monkeypatch: pytest.MonkeyPatch, *, ready: bool) -> None:
    monkeypatch.setattr(room, "CHUNK", 2)
    rse = Ministry(*[record(kind, subject) for kind, subject in SAID], observes=True)
    rse.hub.ready = ready
    await rse.drain()
    assert rse.unsaid == ["posted m0", "joined ada", "edited old"]
    rse.observes, rse.hub.ready, rse.hub.may = False, True, frozenset(f"fr.gouv.rse.{kind}.v1" for kind, _ in SAID)
    await rse.drain()
    assert (rse.hub.said, rse.shelf.words()) == (["deleted old", "accepted salon"], [])


async def test_a_letter_to_the_operators_waits_in_an_observers_spool_as_in_any() -> None:
    rse = Ministry(Record("adapters.dlq.v1", b"", b"", [("ce_type", b"fr.gouv.rse.letter.v1"), ("ce_subject", b"x")]), observes=True)
    rse.hub.ready = False
    await rse.drain()
    assert rse.shelf.words() == ["letter x"]


async def test_what_a_node_may_not_say_for_a_while_waits_until_it_may() -> None:
    rse = Ministry(*[record(kind, subject) for kind, subject in SAID[:2]])
    await rse.drain()
    assert (rse.unsaid, rse.shelf.words()) == ([], ["posted m0", "joined ada"])
