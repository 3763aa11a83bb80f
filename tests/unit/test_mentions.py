"""Whom a message calls: by name between ministries, by handle inside an RSE, and by accident nowhere."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from adapters.discourse.cooked import from_cooked
from adapters.discourse.render import raw
from adapters.exo.render import html
from adapters.exo.title import from_title
from adapters.markup import words
from adapters.matrix.compose import content_of
from adapters.matrix.formatted import from_formatted
from adapters.mentions import introduced
from adapters.port import Acquaintance, Act, Change, Order
from adapters.spool import pack_change, unpack_change
from schemas.facts.message import MENTIONS_LIMIT, Author, Content, Mention
from tests.fakes_discourse import order
from tests.fakes_plain import PlainRse

HOME = "https://rse.example"
OURS = "Affaires étrangères"
ANA = Acquaintance("Ana Lopez", "ana.lopez", OURS)
CLAIRE = Mention(name="Claire Moreau", organisation="Éducation nationale")


def calling(shown: str, called: list[str]) -> Change:
    content = Content(html=shown, text=words(shown))
    author = Author(name="Léo", organisation="Finances")
    moment = datetime(2026, 3, 2, tzinfo=UTC)
    return Change(Act.POSTED, "post:1", "v", "m", "97", "user:1", moment, author, content, called=tuple(called))


@pytest.mark.parametrize(
    ("read", "shown", "handle"),
    [
        (from_cooked, '<p><a class="mention" href="/u/claire.m">@claire.m</a> merci</p>', "username:claire.m"),
        (
            from_formatted,
            '<p><a href="https://matrix.to/#/%40claire.m%3Arse.example">@claire.m:rse.example</a> merci</p>',
            "@claire.m:rse.example",
        ),
        (
            from_formatted,
            '<p><a href="https://matrix.to/#/@claire.m:rse.example">@claire.m:rse.example</a> merci</p>',
            "@claire.m:rse.example",
        ),
        *(
            (from_formatted, f'<p><a href="{link}">@claire.m:rse.example</a> merci</p>', "@claire.m:rse.example")
            for link in (
                "https://www.tchap.gouv.fr/#/user/@claire.m:rse.example",
                "https://chat.rse.example/app/#/user/%40claire.m%3Arse.example",
                "https://liens.rse.example/#/@claire.m:rse.example?via=rse.example",
                "HTTPS://Matrix.to/#/@claire.m:rse.example/",
                "matrix:u/claire.m:rse.example?action=chat",
                "matrix:user/claire.m:rse.example",
            )
        ),
        (from_title, '<p><a href="/portal/dw/profile/claire.m">claire.m</a> merci</p>', "user:claire.m"),
    ],
)
@pytest.mark.parametrize(("name", "told"), [("Claire Moreau", "Claire Moreau"), (None, "un agent")])
async def test_a_name_leaves_an_rse_and_no_handle(read: Any, shown: str, handle: str, name: str | None, told: str) -> None:
    called: list[str] = []
    html = read(shown, HOME, called)
    assert called == [handle]
    change = await introduced(PlainRse(names={handle: name} if name else {}), calling(html, called))
    assert change.mentions == (Mention(name=told, organisation="Finances"),)
    assert change.called == ()
    assert change.content == Content(html=f'<p><span data-mention="0">@{told}</span> merci</p>', text=f"@{told} merci")


async def test_names_are_asked_at_once_so_that_a_silent_rse_costs_one_wait() -> None:
    waiting, all_asked = [], asyncio.Event()

    class Slow(PlainRse):
        async def display_name(self, actor: str) -> str | None:
            waiting.append(actor)
            if len(waiting) == 3:
                all_asked.set()
            await all_asked.wait()
            return f"Nom {actor}"

    spans = "".join(f'<span data-mention="{number}">x</span>' for number in range(3))
    change = await introduced(Slow(), calling(spans, ["a", "b", "c"]))
    assert [one.name for one in change.mentions] == ["Nom a", "Nom b", "Nom c"]


async def test_a_ghost_who_is_called_is_the_person_of_the_other_ministry() -> None:
    rse = PlainRse(names={"@_tdu_1:rse.example": "Léo Martin (Intérieur)"})
    change = await introduced(rse, calling('<span data-mention="0">Léo</span>', ["@_tdu_1:rse.example"]))
    assert change.mentions == (Mention(name="Léo Martin", organisation="Intérieur"),)


async def test_everybody_whom_a_fact_may_name_is_named_and_past_that_no_handle_leaves() -> None:
    called: list[str] = []
    people = range(MENTIONS_LIMIT + 5)
    many = from_cooked("".join(f'<p><a class="mention" href="/u/p{n}">@p{n}</a></p>' for n in people), HOME, called)
    change = await introduced(PlainRse(names={f"username:p{n}": f"Nom {n}" for n in people}), calling(many, called))
    assert [one.name for one in change.mentions] == [f"Nom {n}" for n in range(MENTIONS_LIMIT)]
    assert change.content is not None
    assert change.content.text.split("\n\n") == [f"@Nom {n}" for n in range(MENTIONS_LIMIT)] + ["@un agent"] * 5


def test_who_is_called_comes_out_of_the_spool_as_it_went_in() -> None:
    change = replace(calling("<p>x</p>", ["username:a"]), mentions=(CLAIRE,), handle="leo")
    assert unpack_change(pack_change(change)) == change


def received(shown: str, **changes: Any) -> Order:
    return order(content=Content(html=shown, text=words(shown)), organisation=OURS, **changes)


@pytest.mark.parametrize(
    ("shown", "called"),
    [
        ("<p>Merci @Ana Lopez, @ana lopez !</p>", True),
        ('<p>Merci <span data-mention="0">@Ana Lopez</span></p>', True),
        ("<p>Merci @Ana Lopezzz</p>", False),
        ("<p>Merci Ana Lopez</p>", False),
        ("<p>Merci <code>@Ana Lopez</code></p>", False),
        ('<p>Merci <span data-mention="1">@Ana Lopez</span></p>', False),
        ('<p>Merci <span data-call="ana.lopez">Ana</span></p>', False),
        ("<p>Merci @ana.lopez</p>", False),
    ],
)
def test_who_is_known_here_is_called_and_nobody_else(shown: str, *, called: bool) -> None:
    others = Mention(name="Ana Lopez", organisation="Finances")  # of one name, elsewhere
    given = received(shown, at_hand=(ANA,), mentions=(Mention(name="Ana Lopez", organisation=OURS), others))
    matrix = content_of(replace(given, at_hand=(replace(ANA, handle="@ana:rse.example"),)))
    assert ("@ana.lopez" in raw(given)) is called
    assert bool(re.search(r"<span>@ana\.lopez</span>", html(given, HOME))) is called
    assert ('<a href="https://matrix.to/#/@ana:rse.example">Ana Lopez</a>' in matrix["formatted_body"]) is called
    assert matrix["m.mentions"] == ({"user_ids": ["@ana:rse.example"]} if called else {})


def test_who_is_not_known_here_is_told_by_her_name() -> None:
    given = received('<p>Merci <span data-mention="0">@Claire Moreau</span></p>', mentions=(CLAIRE,))
    for shown in (raw(given), html(given, HOME), content_of(given)["formatted_body"]):
        assert "Claire Moreau" in shown
    assert "@Claire" not in raw(given)
    assert "@Claire" not in html(given, HOME)
    assert content_of(given)["m.mentions"] == {}


def test_a_person_of_another_ministry_has_a_pill_that_rings_in_no_pocket() -> None:
    ghost = Acquaintance("Claire Moreau", "@_tdu_9:rse.example", "Éducation nationale")
    content = content_of(received('<p><span data-mention="0">@Claire Moreau</span></p>', mentions=(CLAIRE,), at_hand=(ghost,)))
    assert '<a href="https://matrix.to/#/@_tdu_9:rse.example">Claire Moreau</a>' in content["formatted_body"]
    assert content["m.mentions"] == {}


def test_a_name_that_was_only_typed_calls_nobody_of_another_ministry() -> None:
    ghost = Acquaintance("Claire Moreau", "@_tdu_9:rse.example", "Éducation nationale")
    content = content_of(received("<p>Merci @Claire Moreau et @Ana Lopez</p>", at_hand=(ghost, replace(ANA, handle="@ana:rse.example"))))
    assert content["formatted_body"] == ('<p>Merci @Claire Moreau et <a href="https://matrix.to/#/@ana:rse.example">Ana Lopez</a></p>')
