"""What a conversation is called whose first message had no title."""

from __future__ import annotations

import pytest

from adapters.discourse.limits import Limits
from adapters.discourse.render import raw, titles
from adapters.titles import title_of
from schemas.facts.message import Content
from tests.fakes_discourse import order


def html(text: str) -> Content:
    return Content(html=text, text="")


@pytest.mark.parametrize(
    ("said", "title"),
    [
        (
            "<p>Bonjour à tous,</p><p>Qui a déjà utilisé le nouveau modèle de convention ? Merci !</p>",
            "Qui a déjà utilisé le nouveau modèle de convention ?",
        ),
        ("<p>Bonjour, quelqu’un sait comment joindre le pôle achats&nbsp;?</p>", "Quelqu’un sait comment joindre le pôle achats ?"),
        ("Chères et chers collègues !<br>La réunion de mardi est déplacée.", "La réunion de mardi est déplacée"),
        ("<p>Bonjour !</p>", "Bonjour !"),
        ("<p>OK. Je regarde cela demain matin.</p>", "OK. Je regarde cela demain matin"),
        ('<p>Voir <a href="https://x.example/a">le guide</a> https://x.example/b pour la suite</p>', "Voir le guide pour la suite"),
        ("<ul><li>premier point de la liste</li><li>second</li></ul>", "Premier point de la liste"),
        ("<p>URGENT RÉPONSE ATTENDUE AVANT MIDI</p>", "Urgent réponse attendue avant midi"),
        ('<p>La fin du film : <span data-spoiler="">il gagne</span></p>', "La fin du film : …"),
        ("<details><summary>Texte masqué</summary><p>Il gagne à la fin du film</p></details><p>Et vous ?</p>", "Texte masqué Et vous ?"),
        ("<p>" + "mot " * 40 + "</p>", "Mot" + " mot" * 18 + "…"),
    ],
)
def test_it_is_the_first_sentence_that_is_no_greeting(said: str, title: str) -> None:
    assert title_of(order(content=html(said))) == title


@pytest.mark.parametrize("words", ["ok", "🎉", "<p></p>", "a" * 60, "A" * 200, "https://x.example/" + "a" * 200])
@pytest.mark.parametrize("least", [15, 40])
def test_the_last_title_tried_holds_none_of_her_words_and_is_unique(words: str, least: int) -> None:
    limits = Limits(min_topic_title_length=least, max_topic_title_length=100)
    found = titles(order(content=html(words)), limits)
    assert all(least <= len(one) <= 100 for one in found)
    assert found[-1].startswith("Message de Léo Martin (Éducation nationale) · 0f3c9a5e")


def test_a_title_made_of_a_message_tells_nothing_of_what_it_hides() -> None:
    hidden = '<p><span data-spoiler="">Le coupable est le majordome</span></p>'
    assert not any("majordome" in one for one in titles(order(content=html(hidden))))


def test_a_title_longer_than_the_site_takes_is_cut_there_and_whole_in_the_message() -> None:
    long = "Compte rendu " * 12
    limits = Limits(max_topic_title_length=60)
    assert len(titles(order(title=long), limits)[0]) <= 60
    assert f"**{long.strip()}**" in raw(order(title=long), limits)


@pytest.mark.parametrize("least", [20, 60, 500])
def test_a_short_message_is_long_enough_for_any_site_and_keeps_its_words(least: int) -> None:
    written = raw(order(content=html("<p>Merci !</p>"), link=None), Limits(min_post_length=least))
    shown = written.partition("<!--")[0].strip()
    assert len(shown) >= least
    assert "\n\nMerci !" in shown
