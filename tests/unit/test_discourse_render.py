"""What a copy looks like in Discourse."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.discourse import render
from schemas.facts.message import Attachment, Author, Content
from tests.fakes_discourse import order

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
    assert len(written) <= render.POST_LIMIT


def test_a_long_message_is_cut_and_says_so_with_its_marker_kept() -> None:
    written = render.raw(order(content=content("<pre>" + "mot " * 20_000 + "</pre>")))
    assert len(written) <= render.POST_LIMIT
    assert "la suite dans le message d’origine" in written
    assert written.count("```") % 2 == 0
    assert written.endswith("-->")


@given(WORDS, st.none() | WORDS, WORDS)
def test_titles_are_between_15_and_255_characters_and_differ(text: str, title: str | None, name: str) -> None:
    found = render.titles(order(title=title, content=content(f"<p>{text}</p>"), author=Author(name=name, organisation="DITP")))
    assert all(15 <= len(one) <= 255 for one in found)
    assert found[0] != found[2]
    assert not any("\n" in one for one in found)


def test_a_short_title_is_completed_with_the_authors_name() -> None:
    assert render.titles(order(title="Bravo"))[0] == "Bravo — Léo Martin (Éducation nationale)"


def test_a_message_without_title_is_named_by_its_first_words() -> None:
    assert render.titles(order())[0] == "Voici le compte rendu de mars."


def test_a_title_in_capitals_is_lowered_since_discourse_refuses_it() -> None:
    assert render.titles(order(title="RÉUNION DE DEMAIN MATIN"))[0] == "Réunion de demain matin"


@pytest.mark.parametrize(("subject", "kept"), [("a" * 32, True), ("a:b", False), ("a" * 51, False)])
def test_the_idempotency_key_of_a_topic_fits_discourse(subject: str, *, kept: bool) -> None:
    found = render.external_id(order(subject=subject))
    assert re.fullmatch(r"[\w-]{1,50}", found)
    assert (found == subject) is kept
