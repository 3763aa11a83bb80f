"""Words that their author took back, for every connector: they stand nowhere in its RSE, look as closely as one will."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from adapters.port import Act, Later, Order, Written
from adapters.quotations import Quotes
from schemas.facts.message import Author, Content

if TYPE_CHECKING:
    from tests.rses.rse import Rse

LEO = Author(name="Léo Martin", organisation="Éducation nationale")


def saying(rse: Rse, word: str, key: str = "k1", **changes: object) -> Order:
    html = f"<p>Le mot de passe du coffre est {word}, gardez-le bien.</p>"
    order = Order(
        Act.POSTED, key, "s" * 32, rse.space, LEO, Content(html=html, text=html.removeprefix("<p>").removesuffix("</p>")),
        link="https://tchap.example/m/1", occurred_at=datetime(2026, 3, 2, 12, tzinfo=UTC),
    )  # fmt: skip
    return replace(order, **changes)  # type: ignore[arg-type]  # fields of an Order


def deletion(order: Order, native_id: str) -> Order:
    return replace(order, act=Act.DELETED, key="gone", native_id=native_id, content=None, author=None)


async def written(rse: Rse, order: Order) -> Written:
    outcome = await rse.client.write(order)
    assert isinstance(outcome, Written), outcome
    return outcome


async def edited(rse: Rse, order: Order, *words: str) -> Written:
    """A copy, edited as often as its RSE lets us."""
    copy = await written(rse, order)
    for number, word in enumerate(words if rse.edits else ()):
        await written(rse, saying(rse, word, f"e{number}", act=Act.EDITED, native_id=copy.native_id))
    return copy


async def test_of_a_message_that_others_answered_no_word_stays_anywhere(rse: Rse) -> None:
    copy = await edited(rse, saying(rse, "sésame"), "capucine", "pivoine")
    await rse.reply(copy.native_id, "Je l’ai noté, merci à toi.")
    assert "pivoine" in await rse.traces() or not rse.edits
    await written(rse, deletion(saying(rse, ""), copy.native_id))
    traces = await rse.traces()
    assert [word for word in ("sésame", "capucine", "pivoine", "mot de passe") if word in traces] == []


async def test_of_a_message_that_nobody_answered_no_word_stays_anywhere(rse: Rse) -> None:
    copy = await edited(rse, saying(rse, "sésame"), "capucine")
    await written(rse, deletion(saying(rse, ""), copy.native_id))
    assert [word for word in ("sésame", "capucine", "mot de passe") if word in await rse.traces()] == []


async def test_of_an_answer_that_others_answered_from_elsewhere_no_word_stays_anywhere(rse: Rse) -> None:
    question = await rse.post("Bonjour à tous, qui a les clés du coffre ?")
    theirs = await rse.reply(question, "Je crois que Léo les a depuis hier.")
    copy = await edited(rse, saying(rse, "sésame", parent=theirs, answered="a" * 32))
    further = await written(rse, saying(rse, "pivoine", "k2", subject="t" * 32, parent=copy.native_id, answered="s" * 32))
    assert further.quotes is (rse.edits and isinstance(rse.client, Quotes))
    await written(rse, deletion(saying(rse, ""), copy.native_id))
    if isinstance(rse.client, Quotes) and further.quotes:
        await rse.client.requote(further.native_id, None)
    traces = await rse.traces()
    assert "sésame" not in traces
    assert "pivoine" in traces


async def test_a_deletion_that_broke_off_is_carried_through_when_it_is_tried_again(rse: Rse) -> None:
    copy = await edited(rse, saying(rse, "sésame"), "capucine")
    await rse.reply(copy.native_id, "Je l’ai noté, merci à toi.")
    order = deletion(saying(rse, ""), copy.native_id)
    await rse.lose_answers()
    assert isinstance(await rse.client.write(order), Later)
    await rse.heal()
    if not isinstance(await rse.client.find(order), Written):
        await written(rse, order)
    assert [word for word in ("sésame", "capucine") if word in await rse.traces()] == []


async def test_no_older_word_of_a_message_names_its_conversation(rse: Rse) -> None:
    copy = await edited(rse, saying(rse, "sésame"), "capucine")
    if not rse.edits:
        pytest.skip("nothing can be edited here")
    shown = {one.native_id: one for one in await rse.shown()}
    assert "capucine" in shown[copy.native_id].text
    assert not [line for line in (await rse.traces()).splitlines() if "sésame" in line and not line.startswith(("[", "[{"))]


async def test_what_its_author_brings_back_is_found_again_under_its_own_title(rse: Rse) -> None:
    copy = await edited(rse, saying(rse, "sésame"))
    if not rse.edits:
        pytest.skip("nothing can be edited here")
    await rse.reply(copy.native_id, "Je l’ai noté, merci à toi.")
    await written(rse, deletion(saying(rse, ""), copy.native_id))
    await written(rse, saying(rse, "pivoine", "e9", act=Act.EDITED, native_id=copy.native_id, reviving=True))
    traces = await rse.traces()
    assert "pivoine" in traces
    assert "sésame" not in traces
    assert "Message supprimé" not in traces
