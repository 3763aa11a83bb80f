"""An eXo copy that begins with words of what it answers: they follow what was said, and no deleted word stands in it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from adapters.exo import render
from adapters.parts import parts_of
from adapters.port import WITHDRAWN, Act, Later, Never, Order, Written
from adapters.quotations import Quotes
from schemas.facts.message import Author, Content
from tests.fakes_exo_twin import written

if TYPE_CHECKING:
    from tests.fakes_exo_twin import Portal


def saying(rse: Portal, key: str, text: str, **changes: Any) -> Order:
    posted = Order(
        Act.POSTED, key, f"s-{key}", rse.space, Author(name="Bob Diallo", organisation="Éducation"),
        Content(html=f"<p>{text}</p>", text=text), link="https://tchap.example/m/1",
    )  # fmt: skip
    return replace(posted, **changes)


async def requoted(rse: Portal, copy: str, answered: str | None) -> Written:
    assert isinstance(rse.client, Quotes)
    outcome = await rse.client.requote(copy, answered)
    assert isinstance(outcome, Written), outcome
    assert (await rse.client.find(saying(rse, "none", "", native_id=copy))) is None
    return outcome


async def deep(rse: Portal) -> tuple[str, Written]:
    """A person's answer to an answer, and a copy that answers it."""
    answer = await rse.comment(await rse.comment(await rse.post("Un"), "Deux"), "Le pôle achats l’a, @leo", "camille")
    return answer, await written(rse, saying(rse, "k1", "Merci !", parent=answer))


async def title(rse: Portal, native_id: str) -> str:
    return str((await rse.item(native_id))["title"])


async def test_a_quotation_says_what_its_author_says_now(new: Portal) -> None:
    answer, copy = await deep(new)
    await new.edit(answer, "Le pôle finances l’a")
    again = await requoted(new, copy.native_id, answer)
    found = await title(new, copy.native_id)
    assert "En réponse à : Camille Roux : Le pôle finances l’a</blockquote>" in found
    assert "achats" not in found
    assert "Merci !" in found
    assert copy.quotes
    assert again.quotes
    assert again.version != copy.version


async def test_no_word_of_what_was_taken_back_stands_in_a_quotation(new: Portal) -> None:
    answer, copy = await deep(new)
    await new.delete(answer)
    again = await requoted(new, copy.native_id, None)
    found = await title(new, copy.native_id)
    assert found == (found.replace("achats", "").replace("Camille", ""))
    assert "En réponse à : un message supprimé depuis" in found
    assert (await new.item(copy.native_id))["above"] is not None
    assert await requoted(new, copy.native_id, None) == again
    assert await requoted(new, copy.native_id, answer) == again


async def test_a_quotation_that_was_emptied_says_the_words_again_that_came_back(new: Portal) -> None:
    answer, copy = await deep(new)
    before = await title(new, copy.native_id)
    await requoted(new, copy.native_id, None)
    await requoted(new, copy.native_id, answer)
    assert await title(new, copy.native_id) == before


async def test_an_edit_of_the_copy_keeps_what_its_quotation_says_since(new: Portal) -> None:
    _, copy = await deep(new)
    await requoted(new, copy.native_id, None)
    edited = await written(new, saying(new, "k2", "Merci bien !", act=Act.EDITED, native_id=copy.native_id))
    assert "un message supprimé depuis" in await title(new, copy.native_id)
    assert edited.quotes


@pytest.mark.parametrize("sign", ["&", '"', "'", "<", "@"])
async def test_a_quotation_full_of_signs_that_html_writes_longer_is_found_again(new: Portal, sign: str) -> None:
    answer = await new.comment(await new.comment(await new.post("Un"), "Deux"), "Trois", "camille")
    first = await written(
        new, saying(new, "k0", "x", content=Content(html=f"<p>{('&lt;' if sign == '<' else sign) * 200}</p>", text=""), parent=answer)
    )
    copy = await written(new, saying(new, "k1", "Merci !", parent=first.native_id))
    assert copy.quotes
    assert render.quoted_in(await title(new, copy.native_id))
    await requoted(new, copy.native_id, None)
    assert render.quoted_in(await title(new, copy.native_id)) == render.ANSWERED_GONE


async def test_a_copy_quotes_the_words_of_a_copy_and_not_what_that_one_quotes(new: Portal) -> None:
    _, first = await deep(new)
    second = await written(new, saying(new, "k2", "De rien.", parent=first.native_id))
    assert "Merci !" in await title(new, second.native_id)
    assert "achats" not in await title(new, second.native_id)


async def test_the_later_parts_of_a_long_answer_quote_nothing(new: Portal) -> None:
    answer, _ = await deep(new)
    first, second = parts_of(saying(new, "k3", "", parent=answer), ["<p>le début</p>", "<p>la fin</p>"])
    begun = await written(new, first)
    ended = await written(new, replace(second, parent=begun.native_id))
    assert begun.quotes
    assert not ended.quotes
    assert "le début" not in await title(new, ended.native_id)


async def test_a_copy_that_people_took_away_asks_for_no_quotation(new: Portal) -> None:
    answer, copy = await deep(new)
    await new.delete(copy.native_id, "animatrice")
    assert await new.client.requote(copy.native_id, answer) == Never(WITHDRAWN)


@pytest.mark.long
async def test_a_quotation_waits_for_an_rse_that_does_not_answer(new: Portal) -> None:
    answer, copy = await deep(new)
    await new.edit(answer, "Autre chose")
    await new.fault(kind="status", status=503, count=1, methods=["GET"])
    assert isinstance(await new.client.requote(copy.native_id, answer), Later)
    await new.fault(kind="status", status=503, count=1, methods=["PUT"])
    assert isinstance(await new.client.requote(copy.native_id, answer), Later)
    await requoted(new, copy.native_id, answer)
    assert "Autre chose" in await title(new, copy.native_id)


async def test_an_answer_that_hangs_on_what_it_answers_repeats_nothing(new: Portal) -> None:
    comment = await new.comment(await new.post("Un"), "Deux")
    assert not (await written(new, saying(new, "k1", "Merci !", parent=comment))).quotes


async def test_where_nothing_can_be_edited_an_answer_names_whom_it_answers_and_repeats_no_word(old: Portal) -> None:
    comment = await old.comment(await old.post("Un", space="12"), "Le pôle achats l’a")
    copy = await written(old, saying(old, "k1", "Merci !", parent=comment))
    further = await written(old, saying(old, "k2", "De rien.", parent=copy.native_id))
    assert "En réponse à : Léo Petit</blockquote>" in await title(old, copy.native_id)
    assert "En réponse à : Bob Diallo (Éducation)</blockquote>" in await title(old, further.native_id)
    assert "achats" not in await title(old, copy.native_id)
    assert "Merci" not in await title(old, further.native_id)
    assert not copy.quotes
    assert not further.quotes
