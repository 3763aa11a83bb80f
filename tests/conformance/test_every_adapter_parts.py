"""Short and long texts in every RSE: whole, in order, in as many parts as it takes, each written once whatever fails between two."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

import pytest

from adapters.carrying import Carrier
from adapters.port import Act, Order, Written
from schemas.facts.message import Author, Content

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from adapters.bench import Bench
    from adapters.carrying import Carried
    from adapters.port import Later, Never, RseClient, WriteOutcome
    from tests.rses.rse import Rse

SENTENCES = 2_000


@dataclass
class Desk:
    """What a carrier works with, without a ledger: it only notes what was intended."""

    client: RseClient
    name: str = "rse"
    intended: list[str] = field(default_factory=list)

    @property
    def applied(self) -> Desk:
        return self

    @property
    def pause(self) -> Desk:
        return self

    def clock(self) -> datetime:
        return datetime.now(UTC)

    async def intend(self, order: Order, _: datetime) -> bool:
        known = order.key in self.intended
        self.intended.append(order.key)
        return known

    async def through(self, attempt: Callable[[], Awaitable[WriteOutcome]]) -> Written | Never | Later:
        return await attempt()


class ProcessEnds(BaseException):
    """The process ends here."""


class Dying:
    """A client whose process ends once it has written a number of times."""

    def __init__(self, client: RseClient, writes: int) -> None:
        self._client, self._left = client, writes

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    async def write(self, order: Order) -> WriteOutcome:
        outcome = await self._client.write(order)
        self._left -= 1
        if not self._left:
            raise ProcessEnds
        return outcome


def long_order(rse: Rse, **changes: Any) -> Order:
    html = "".join(f"<p>Voici la phrase n{number}, qui dit son numéro et bien peu de choses.</p>" for number in range(SENTENCES))
    given = Order(
        act=Act.POSTED,
        key=secrets.token_hex(16),
        subject=secrets.token_hex(16),
        space=rse.space,
        author=Author(name="Léo Martin", organisation="Éducation nationale"),
        content=Content(html=html, text=""),
        link="https://tchap.example/m/1",
        occurred_at=datetime(2026, 3, 2, 12, tzinfo=UTC),
    )
    return replace(given, **changes)


async def carried(rse: Rse, order: Order, desk: Desk | None = None) -> Carried:
    carrier = Carrier(cast("Bench", desk or Desk(rse.client)))  # the part of one that it uses
    carrier.to_look_for = set(desk.intended) if desk else set()
    return await carrier.carry_out(order)


async def numbers(rse: Rse) -> list[int]:
    shown = "\n".join(one.text for one in await rse.shown())
    return [int(number) for number in re.findall(r"phrase n(\d+)", shown)]


async def test_thank_you_arrives_everywhere(rse: Rse) -> None:
    parent = await rse.post("Bonjour à tous, voici les nouvelles.")
    thanks = long_order(rse, content=Content(html="<p>Merci !</p>", text="Merci !"), parent=parent)
    assert isinstance((await carried(rse, thanks)).outcome, Written)
    assert "Merci !" in (await rse.shown())[-1].text


async def test_a_long_text_arrives_whole_and_in_order_its_parts_under_the_first(rse: Rse) -> None:
    done = await carried(rse, long_order(rse))
    assert isinstance(done.outcome, Written)
    shown = await rse.shown()
    assert len(shown) == 1 + len(done.later.parts) > 1
    assert {one.by for one in shown} == {"Léo Martin (Éducation nationale)"}
    assert [one.answers for one in shown] == [None, *[done.outcome.native_id] * len(done.later.parts)]
    assert await numbers(rse) == list(range(SENTENCES))


async def test_a_process_that_ends_between_two_parts_writes_none_twice(rse: Rse) -> None:
    order = long_order(rse)
    intended: list[str] = []
    for writes in (1, 2):
        with pytest.raises(ProcessEnds):
            await carried(rse, order, Desk(cast("RseClient", Dying(rse.client, writes)), intended=intended))
    await carried(rse, order, Desk(rse.client, intended=intended))
    assert await numbers(rse) == list(range(SENTENCES))


async def test_an_edit_reaches_every_part_and_a_deletion_takes_all_away(rse: Rse) -> None:
    order = long_order(rse)
    done = await carried(rse, order)
    assert isinstance(done.outcome, Written)
    here: dict[str, Any] = {"native_id": done.outcome.native_id, "parts": tuple(part.native_id for part in done.later.parts)}
    if rse.edits:
        html = "".join(f"<p>Voici la phrase n{number}, qui redit son numéro et toujours peu de choses.</p>" for number in range(SENTENCES))
        edit = replace(order, act=Act.EDITED, key="e1", content=Content(html=html, text=""), **here)
        edited = await carried(rse, edit)
        assert await numbers(rse) == list(range(SENTENCES))
        shorter = replace(
            edit,
            key="e2",
            parts=tuple(part.native_id for part in edited.later.parts),
            content=Content(html="<p>phrase n7</p>", text="phrase n7"),
        )
        assert [part.written for part in (await carried(rse, shorter)).later.parts] == [None] * len(edited.later.parts)
        assert await numbers(rse) == [7]
        here["parts"] = ()
    await carried(rse, replace(order, act=Act.DELETED, key="d1", content=None, **here))
    assert await rse.shown() == []


async def answered(rse: Rse, text: str, parent: str) -> str:
    html = Content(html=f"<p>{text}</p>", text=text)
    done = await carried(rse, long_order(rse, content=html, parent=parent))
    assert isinstance(done.outcome, Written)
    return done.outcome.native_id


async def test_an_answer_to_an_answer_to_an_answer_stands_under_it_or_says_to_what_it_answers(rse: Rse) -> None:
    question = await rse.post("Bonjour à tous, qui a le modèle de convention ?")
    theirs = await rse.reply(question, "Je crois que le pôle achats l’a, en effet.")
    first = await answered(rse, "Merci, je leur demande tout de suite.", theirs)
    second = await answered(rse, "Et voici ce qu’ils m’ont répondu ce matin.", first)
    shown = {one.native_id: one for one in await rse.shown()}
    for answer, asked, said in ((first, theirs, "Je crois que le pôle achats"), (second, first, "Merci, je leur demande")):
        says = f"En réponse à : {'' if asked == first else rse.people[1]}" in shown[answer].text
        assert says is (shown[answer].answers != asked)
        assert (said in shown[answer].text) is (says and rse.edits)  # what could not be taken out again is not put in
