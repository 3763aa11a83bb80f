"""Whom a connector greets, how often it tries, and that nobody waits for it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from adapters.greetings import MOST_ATTEMPTS, NOTED, ROUND_SECONDS, Due, Greeter, Newcomer, Newcomers, greeting_key
from adapters.ledger import LedgerUnavailable
from adapters.notice_text import ABROAD_TITLE, BOTH_TITLE, EVERYBODY, PERSON_TITLE, Telling, person_title, to_person
from adapters.port import Later, Never, Written
from adapters.ties import Tie, TieState
from schemas.words import Audience
from tests.fakes_adapters import COMMUNITY
from tests.fakes_plain import SPACE, an_instance

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from adapters.offers import Greeting
    from adapters.port import WriteOutcome

CAMILLE = Newcomer(COMMUNITY, "p" * 32, SPACE, "post:1")
TIE = Tie(
    SPACE, COMMUNITY, "Futurs", Audience.MEMBERS, Audience.MEMBERS, externals=False, state=TieState.CONFIRMED,
    renewed_at=datetime(2026, 3, 1, tzinfo=UTC),
)  # fmt: skip


@dataclass
class FakeRegister:
    due: list[Due] = field(default_factory=list)
    noted: list[Newcomer] = field(default_factory=list)
    settled: list[str] = field(default_factory=list)
    forgotten: list[Newcomer] = field(default_factory=list)
    down: bool = False

    async def expect(self, newcomers: Iterable[Newcomer]) -> None:
        if self.down:
            raise LedgerUnavailable
        self.noted += newcomers

    async def claim(self) -> list[Due]:
        return self.due

    async def forget(self, newcomer: Newcomer) -> None:
        self.forgotten.append(newcomer)

    async def settle(self, newcomer: Newcomer, state: str) -> None:
        assert newcomer
        self.settled.append(state)


@dataclass
class Post:
    sent: list[Greeting] = field(default_factory=list)
    answers: list[WriteOutcome] = field(default_factory=list)

    async def greet(self, greeting: Greeting) -> WriteOutcome:
        self.sent.append(greeting)
        return self.answers.pop(0) if self.answers else Written("post:2", "")


@dataclass
class Tied:
    tie: Tie | None = TIE
    heard_by: frozenset[str] = frozenset({"wifip", "education"})

    def of(self, space: str) -> Tie | None:
        return self.tie if space == SPACE else None

    def company(self, community: str) -> frozenset[str]:
        return self.heard_by if community == COMMUNITY else frozenset()


class Nobody:
    paused = False

    def current(self) -> None:
        return None


@pytest.fixture
def greeter(tmp_path: Path) -> Greeter:
    async def sleep(seconds: float) -> None:
        assert seconds > 0

    parts: Any = {"client": Post(), "register": FakeRegister(), "ties": Tied(), "trust": Nobody(), "pause": Nobody()}
    return Greeter("rse", an_instance(tmp_path), newcomers=Newcomers(), link="https://hub.example/comprendre", sleep=sleep, **parts)


def due(greeter: Greeter, attempts: int = 1) -> Any:
    """The parts, once Camille is to be greeted."""
    register: Any = greeter.register
    register.due = [Due(CAMILLE, attempts)]
    return greeter.client, register


def test_a_person_is_noted_once_per_community_and_a_flood_of_persons_takes_no_memory() -> None:
    newcomers = Newcomers()
    for _ in range(3):
        newcomers.note(CAMILLE)
    newcomers.note(CAMILLE._replace(community="autre"))
    assert len(newcomers.take()) == 2
    assert not newcomers.take()
    for number in range(NOTED + 10):
        newcomers.note(CAMILLE._replace(person=str(number)))
    assert len(newcomers.take()) == NOTED


async def test_she_is_told_who_reads_her_and_that_is_noted(greeter: Greeter) -> None:
    client, register = due(greeter)
    assert await greeter.round() == ROUND_SECONDS
    (sent,) = client.sent
    assert "education" in sent.content.text
    assert "#interne" in sent.content.text
    assert (sent.native_id, sent.again, register.settled) == ("post:1", False, ["told"])


async def test_from_the_second_attempt_on_the_client_looks_first(greeter: Greeter) -> None:
    client, _ = due(greeter, attempts=2)
    await greeter.round()
    assert client.sent[0].again


async def test_who_may_not_be_written_to_is_left_in_peace_for_ever(greeter: Greeter) -> None:
    client, register = due(greeter)
    client.answers = [Never("forbidden")]
    await greeter.round()
    assert register.settled == ["given_up"]


@pytest.mark.parametrize(("attempts", "settled"), [(1, []), (MOST_ATTEMPTS, ["given_up"])])
async def test_a_busy_rse_is_asked_again_within_reason_and_its_wish_is_obeyed(greeter: Greeter, attempts: int, settled: list[str]) -> None:
    client, register = due(greeter, attempts)
    client.answers = [Later("rate_limited", 30.0)]
    assert await greeter.round() == 30.0
    assert register.settled == settled


async def test_nobody_is_greeted_for_a_tie_that_has_ended(greeter: Greeter) -> None:
    ended: Any = Tied(None)
    greeter = dataclasses.replace(greeter, ties=ended)
    client, register = due(greeter)
    await greeter.round()
    assert (client.sent, register.settled) == ([], ["given_up"])


async def test_who_is_alone_in_her_community_is_greeted_once_somebody_else_hears_her(greeter: Greeter) -> None:
    ties: Any = greeter.ties
    client, register = due(greeter)
    ties.heard_by = frozenset({"wifip"})
    greeter.newcomers.note(CAMILLE)
    await greeter.round()
    assert (client.sent, register.settled, register.noted, register.forgotten) == ([], [], [], [CAMILLE])
    ties.heard_by, register.due = frozenset({"wifip", "education"}), []
    greeter.newcomers.note(CAMILLE)  # her next message
    await greeter.round()
    assert register.noted == [CAMILLE]


async def test_nobody_is_greeted_before_it_is_known_who_hears_the_community(greeter: Greeter) -> None:
    ties: Any = greeter.ties
    register: Any = greeter.register
    ties.heard_by = frozenset()
    greeter.newcomers.note(CAMILLE)
    await greeter.round()
    assert not register.noted
    ties.heard_by = frozenset({"wifip", "education"})
    await greeter.round()
    assert register.noted == [CAMILLE]


@pytest.mark.parametrize(
    ("others", "title", "words", "absent"),
    [
        (["Éducation"], PERSON_TITLE, "Éducation", "serveurs"),
        ([EVERYBODY], ABROAD_TITLE, "Nul ne peut y contraindre les serveurs extérieurs", "ministères"),
        ([EVERYBODY, "Éducation"], BOTH_TITLE, "Nul ne peut y contraindre les serveurs extérieurs", "disparaît partout"),
    ],
)
def test_the_notice_says_one_thing_alone_of_who_reads_and_promises_nothing_for_others(
    others: list[str], title: str, words: str, absent: str
) -> None:
    telling = Telling("Futurs", others, "#interne", "")
    text = to_person(telling).text
    assert person_title(telling) == title
    assert words in text
    assert absent not in text
    assert "Aucun autre" not in text


async def test_nobody_is_greeted_while_the_writer_waits_for_its_rse(greeter: Greeter) -> None:
    client, _ = due(greeter)
    pause: Any = greeter.pause
    pause.paused = True
    await greeter.round()
    assert not client.sent


async def test_whom_the_ledger_could_not_note_is_noted_later(greeter: Greeter) -> None:
    _, register = due(greeter)
    greeter.newcomers.note(CAMILLE)
    register.down = True
    with pytest.raises(LedgerUnavailable):
        await greeter.round()
    register.down = False
    await greeter.round()
    assert register.noted == [CAMILLE]


def test_the_key_tells_nothing_of_her_and_fits_every_platform() -> None:
    key = greeting_key(CAMILLE)
    assert CAMILLE.person not in key
    assert len(key) <= 50
    assert key != greeting_key(CAMILLE._replace(community="autre"))
