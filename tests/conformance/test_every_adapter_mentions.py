"""Mentions in every RSE: read by handle and told by name; written natively for whoever is known there."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from adapters.gateway import named
from adapters.port import Acquaintance, Act, Change, Order, Written
from schemas.facts.message import Author, Content, Mention

if TYPE_CHECKING:
    from tests.rses.rse import Rse

TEXT = "Merci @{name}, c’est exactement ce qu’il nous fallait !"


async def test_a_person_who_wrote_here_is_called_from_elsewhere_by_the_handle_that_she_wrote_under(rse: Rse) -> None:
    first = await rse.change(Act.POSTED, await rse.post("Bonjour à tous, voici les nouvelles."))
    assert first.handle
    name = rse.people[0]
    text = TEXT.format(name=name)
    order = Order(
        act=Act.POSTED,
        key=secrets.token_hex(16),
        subject=secrets.token_hex(16),
        space=rse.space,
        author=Author(name="Léo Martin", organisation="Éducation nationale"),
        content=Content(html=f"<p>{text}</p>", text=text),
        occurred_at=datetime(2026, 3, 2, 12, tzinfo=UTC),
        organisation=rse.instance.organisation,
        at_hand=(Acquaintance(name, first.handle, rse.instance.organisation),),
    )
    copy = await rse.client.write(order)
    assert isinstance(copy, Written)
    shown = next(one for one in await rse.shown() if one.native_id == copy.native_id)
    if rse.name == "matrix":
        assert name in shown.text  # the pill stands in its HTML: see test_mentions
    else:
        assert f"@{first.handle}" in shown.text


async def test_a_mention_of_ones_own_people_leaves_as_a_name(rse: Rse) -> None:
    if rse.name != "discourse":
        pytest.skip("its twin's people write plain text: the shapes of mentions are in test_markup_readings")
    first = await rse.change(Act.POSTED, await rse.post("Bonjour à tous, voici les nouvelles."))
    change = await rse.change(Act.POSTED, await rse.reply(first.native_id, f"Merci @{first.handle} pour ces nouvelles !"))
    told = await named(rse.client, change)
    assert isinstance(told, Change)
    assert told.mentions == (Mention(name=rse.people[0], organisation=rse.instance.organisation),)
    assert told.content is not None
    assert f"@{rse.people[0]}" in told.content.text
    assert f"@{first.handle}" not in told.content.html
