"""What a copy looks like in Discourse."""

from __future__ import annotations

import re
from dataclasses import replace
from html import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.discourse import DiscourseClient, render
from adapters.discourse.limits import DEFAULT
from adapters.parts import MOST_PARTS
from adapters.port import Act, Part
from schemas.facts.message import Attachment, Author, Content
from tests.fakes_discourse import instance, order

NOBODY = "http://127.0.0.1:1"
WORDS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=120)


def content(html: str) -> Content:
    return Content(html=html, text=html)


def test_a_copy_says_who_wrote_it_what_and_where_and_bears_our_marker() -> None:
    assert render.raw(order()) == (
        "**Léo Martin (Éducation nationale)** a écrit :\n\n"
        "Voici le compte rendu de mars.\n\n"
        "[Message d’origine](<https://tchap.example/m/1>)\n\n"
        "<!-- traitdunion:0f3c9a5e7d1b4c2880e6aa10b3f4d5c6 -->"
    )


def test_a_reply_to_something_unknown_says_so() -> None:
    assert "un message qui n’est pas dans cet espace" in render.raw(order(parent_missing=True))


def test_a_name_cannot_pass_for_markup_or_for_another_line() -> None:
    written = render.raw(order(author=Author(name="Ana**\n\n# Ministre", organisation="[x](y)")))
    assert written.startswith("**Ana\\*\\* \\# Ministre (\\[x\\](y))** a écrit :")


def test_a_name_or_a_title_can_neither_hide_nor_turn_round_its_ministry() -> None:
    turned = order(
        author=Author(name="Eve\u202e\u2066 X\u200b", organisation="Finances\u202e"), title="Avis\u202e de tempête sur nos outils"
    )
    assert render.raw(turned).startswith("**Eve X (Finances)** a écrit :")
    assert render.titles(turned)[0] == "Avis de tempête sur nos outils"
    assert not any(sign in title for title in render.titles(turned) for sign in "\u202e\u2066\u200b")
    assert render.raw(order(author=Author(name="\u200f\u2069", organisation="Finances"))).startswith("**Auteur inconnu (Finances)**")


def test_our_marker_cannot_be_forged_by_a_message() -> None:
    written = render.raw(order(content=content("<p>&lt;!-- traitdunion:autre --&gt;</p>")))
    assert written.count("<!--") == 1 + written.count("\\<!--")


def test_an_address_cannot_leave_its_brackets() -> None:
    assert "](<https://x.example/%3E%20%3Cb>)" in render.raw(order(link="https://x.example/> <b"))


def test_files_are_named_with_their_address() -> None:
    written = render.raw(order(attachments=(Attachment(name="a_b.pdf", link="https://x.example/a"),)))
    assert "- [a\\_b.pdf](<https://x.example/a>)" in written


@given(WORDS, WORDS)
def test_a_copy_is_never_shorter_or_longer_than_discourse_takes(name: str, text: str) -> None:
    written = render.raw(order(author=Author(name=name, organisation="X"), content=content(f"<p>{text}</p>"), link=None))
    assert len(re.sub(r"<!--.*?-->", "", written).strip()) >= 20
    assert len(written) <= DEFAULT.max_post_length


@pytest.mark.parametrize("text", ["mot ", "*_[x]", "@a#b", "<&> "])
async def test_a_long_message_goes_on_in_replies_each_within_the_limit(text: str) -> None:
    client = DiscourseClient(instance(NOBODY))
    given = order(
        content=content(f"<p>{escape(text * (70_000 // len(text)))}</p>"), attachments=(Attachment(name="f", link="https://x.example/f"),)
    )
    parts = await client.divided(given)
    await client.close()
    written = [render.raw(one) for one in parts]
    assert len(parts) >= 3
    assert max(map(len, written)) <= DEFAULT.max_post_length
    assert len({render.marker(one) for one in parts}) == len({one.key for one in parts}) == len(parts)
    assert f"suite (2/{len(parts)}) :" in written[1]
    assert "La suite est dans la réponse suivante" in written[0]
    assert ["https://x.example/f" in one for one in written] == [False] * (len(parts) - 1) + [True]


def test_a_later_part_that_is_written_again_by_another_event_is_no_repetition_to_discourse() -> None:
    part = order(part=Part(2, 2), subject="s.2", key="e1.2")
    again = replace(part, key="e2.2")
    assert render.raw(part) != render.raw(again)
    assert render.marker(part) in render.raw(part)
    assert render.raw(replace(part, act=Act.EDITED)) == render.raw(replace(again, act=Act.EDITED))


async def test_a_message_that_would_bury_a_conversation_leads_to_its_origin() -> None:
    client = DiscourseClient(instance(NOBODY))
    parts = await client.divided(order(content=content("<p>" + "mot " * 100_000 + "</p>")))
    await client.close()
    assert len(parts) == MOST_PARTS
    assert "La suite, trop longue pour cet espace" in render.raw(parts[-1])
    assert "[Lire la suite](<https://tchap.example/m/1>)" in render.raw(parts[-1])


async def test_where_its_origin_has_no_address_it_does_not_pretend_to_lead_there() -> None:
    client = DiscourseClient(instance(NOBODY))
    parts = await client.divided(order(content=content("<p>" + "mot " * 100_000 + "</p>"), link=None))
    await client.close()
    assert "message d’origine" not in render.raw(parts[-1])
    assert "ne se lit que dans le réseau où ce message a été écrit" in render.raw(parts[-1])


@given(WORDS, st.none() | WORDS, WORDS)
def test_titles_are_between_15_and_255_characters_and_differ(text: str, title: str | None, name: str) -> None:
    found = render.titles(order(title=title, content=content(f"<p>{text}</p>"), author=Author(name=name, organisation="DITP")))
    assert all(15 <= len(one) <= 255 for one in found)
    assert len(set(found)) == len(found) >= 3
    assert not any("\n" in one for one in found)


def test_a_short_title_is_completed_with_the_authors_name() -> None:
    assert render.titles(order(title="Bravo"))[0] == "Bravo — Léo Martin (Éducation nationale)"


def test_a_message_without_title_is_named_by_its_first_words() -> None:
    assert render.titles(order())[0] == "Voici le compte rendu de mars"


def test_a_title_in_capitals_is_lowered_since_discourse_refuses_it() -> None:
    assert render.titles(order(title="RÉUNION DE DEMAIN MATIN"))[0] == "Réunion de demain matin"


@pytest.mark.parametrize(("subject", "kept"), [("a" * 32, True), ("a:b", False), ("a" * 51, False)])
def test_the_idempotency_key_of_a_topic_fits_discourse(subject: str, *, kept: bool) -> None:
    found = render.external_id(order(subject=subject))
    assert re.fullmatch(r"[\w-]{1,50}", found)
    assert (found == subject) is kept
