"""The mark that keeps a message inside: however it was typed, wherever it stands first, whatever a platform makes of it."""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.decisions import Desk
from adapters.discourse.translate import Discourse
from adapters.exo.reading import Entry, entry_of, outcome_of
from adapters.internal import begins, stays_inside
from adapters.memory import Known
from adapters.port import Act, Change
from adapters.spool import pack_change, unpack_change
from adapters.ties import Tie, TieState
from adapters.verdicts import Drop, Publish
from schemas.facts.message import Author, Content
from schemas.words import Audience
from tests import fakes_discourse, fakes_exo, fakes_matrix

MARK = "#interne"
NOW = datetime(2026, 3, 3, tzinfo=UTC)
ICON = '<span class="hashtag-icon-placeholder"><svg class="fa d-icon d-icon-square-full svg-icon svg-node"><use href="#square-full"></use></svg></span>'
TAG = f'<a class="hashtag-cooked" href="/tag/interne" data-type="tag" data-slug="interne" data-id="4">{ICON}<span>interne</span></a>'
NAMED = (
    f'<a class="hashtag-cooked" href="/c/interne/5" data-type="category" data-slug="interne" data-id="5">{ICON}<span>Entre nous</span></a>'
)
UNDER = f'<a class="hashtag-cooked" href="/c/rh/interne/6" data-type="category" data-slug="interne" data-ref="rh:interne">{ICON}<span>Interne</span></a>'
QUOTE = '<aside class="quote" data-username="leo" data-post="1"><div class="title">leo:</div><blockquote><p>{}</p></blockquote></aside>'

KEPT = (
    "#interne Le budget",
    "  #interne Le budget",
    "#Interne Le budget",
    "#INTERNE",
    "#interne: le budget",
    "＃interne Le budget",
    "#\uff29nterne Le budget",
    "\u200b#interne Le budget",
    "\ufeff#interne Le budget",
    "\u00a0#interne Le budget",
    "#\u200binterne",
    "#in\u00adterne",
    "#\u2060interne",
    "#\u00a0interne",
    "#inter\u202fne",
    "\u202a#interne\u202c Le budget",
    "# interne Le budget",
    "**#interne** Le budget",
    "(#interne) Le budget",
    "« #interne » Le budget",
    "- #interne Le budget",
    "🔒 #interne Le budget",
    "\\#interne",
    "&nbsp;#interne",
    "\n\n#interne\nLe budget",
    "> Le budget ?\n\n#interne Oui",
    "> Le budget ?\n> Vraiment ?\n#interne Oui",
    '[quote="leo, post:1, topic:2"]\nLe budget ?\n[/quote]\n\n#interne Oui',
    '[quote="leo"]\n[quote="lea"]\nLe budget ?\n[/quote]\nQui sait ?\n[/quote]\n#interne Oui',
    "@leo #interne Oui",
    "@leo, @lea : #interne Oui",
    "[details] #interne",
    ":lock: #interne Le budget",
    "> #interne Le budget\n\nD’accord",
    '[quote="leo"]\n#interne Le budget\n[/quote]\nD’accord',
)
TOLD = (
    "",
    "Le budget",
    "Le budget est #interne",
    "interne : le budget",
    "Bonjour @leo #interne",
    "> Le budget ?\n\nOui #interne",
    "#inter ne pas oublier",
    "International",
)


@pytest.mark.parametrize("typed", KEPT)
def test_what_begins_with_the_mark_stays_however_it_is_typed(typed: str) -> None:
    assert begins(typed, MARK)


@pytest.mark.parametrize("typed", TOLD)
def test_a_mark_that_does_not_begin_a_message_keeps_nothing(typed: str) -> None:
    assert not begins(typed, MARK)


@pytest.mark.parametrize(
    ("mark", "typed"), [("[interne]", "[INTERNE] Budget"), ("privé", "Prive\u0301 : budget"), ("🔒", "🔒 Budget"), ("#Interne", "#interne")]
)
def test_a_ministry_may_have_another_mark(mark: str, typed: str) -> None:
    assert begins(typed, mark)
    assert not begins("Budget", mark)


def test_a_mark_of_nothing_keeps_nothing() -> None:
    assert not begins("Budget", " \u200b")


@given(st.text(), st.text(max_size=20))
def test_whatever_is_typed_has_an_answer(typed: str, mark: str) -> None:
    assert begins(typed, mark) in {True, False}


@pytest.mark.parametrize(
    "typed",
    [
        "[quote]" * 20_000,
        "#" * 50_000,
        "> " * 50_000,
        "@a" * 50_000,
        "# " * 50_000,
        "[a" * 50_000,
        "<" * 50_000,
        ":a" * 50_000,
        "\u0301" * 50_000,
    ],
)
def test_no_text_takes_long_to_look_at(typed: str) -> None:
    assert not begins(typed, MARK)


def discourse(cooked: str, raw: str | None = None, **changes: Any) -> Change:
    post = fakes_discourse.post(cooked=cooked, raw=raw, **changes)
    (change,) = Discourse().translate(fakes_discourse.authentic("post_created", {"post": post}), fakes_discourse.instance())
    assert isinstance(change, Change)
    return change


def decided(change: Change) -> object:
    tie = Tie(change.space, "futurs", "F", Audience.MEMBERS, Audience.MEMBERS, externals=False, state=TieState.CONFIRMED, renewed_at=NOW)
    return Desk(fakes_discourse.instance(), lambda _: tie).decide(change, Known(), NOW, NOW)


@pytest.mark.parametrize(
    "cooked",
    [
        "<p>#interne Le budget.</p>",
        '<p><span class="hashtag-raw">#interne</span> Le budget.</p>',
        f"<p>{TAG} Le budget.</p>",
        f"<p>{NAMED} Le budget.</p>",
        f"<p>{UNDER} Le budget.</p>",
        '<p><a class="hashtag" href="/c/interne/5">#<span>interne</span></a> Le budget.</p>',
        '<p><a class="hashtag" href="/c/rh/interne/5">#<span>rh:interne</span></a> Le budget.</p>',
        '<p><a class="hashtag-cooked" href="/tag/interne">#interne</a> Le budget.</p>',
        f"<ul>\n<li>{TAG} Le budget.</li>\n</ul>",
        f"<p><strong>{TAG}</strong> Le budget.</p>",
        QUOTE.format("Le budget ?") + f"\n<p>{TAG} Oui.</p>",
        QUOTE.format(f"{TAG} Le budget") + "\n<p>D’accord.</p>",
        f'<p><a class="mention" href="/u/leo">@leo.petit</a> {TAG} Oui.</p>',
        f'<p><img src="/uploads/plan.png" alt="plan du bureau"><br>\n{TAG} Oui.</p>',
        "<p>#Interne Le budget.</p>",
        "<p>＃interne Le budget.</p>",
    ],
)  # fmt: skip
def test_a_post_stays_whatever_the_forum_cooks_of_the_mark(cooked: str) -> None:
    assert decided(discourse(cooked)) == Drop("kept_internal")


@pytest.mark.parametrize(
    "raw",
    [
        "#interne Le budget",
        "#rh:interne Le budget",
        "# interne",
        "[spoiler]\n#interne Le budget\n[/spoiler]",
        '[quote="leo"]\nAlors ?\n[/quote]\n#interne',
    ],
)
def test_what_an_author_typed_counts_though_the_forum_shows_something_else(raw: str) -> None:
    change = discourse("<h1>interne</h1><p>Le budget</p>", raw)
    assert decided(change) == Drop("kept_internal")
    assert decided(unpack_change(pack_change(change))) == Drop("kept_internal")


def test_a_topic_whose_title_begins_with_the_mark_stays() -> None:
    assert decided(discourse("<p>Le budget</p>", topic_title="#Interne Le budget du service")) == Drop("kept_internal")


def test_a_mark_inside_a_text_keeps_nothing() -> None:
    assert isinstance(decided(discourse(f"<p>Le mot {TAG} garde un message ici.</p>", "Le mot #interne garde un message ici.")), Publish)


QUOTED_LATER = "<p>Oui.</p>" + QUOTE.format("#interne Le budget") + "<p>D’accord.</p>"


@pytest.mark.parametrize(
    "cooked",
    [
        QUOTED_LATER,
        QUOTE.format("Bonjour") + "<p>Oui.</p>" + QUOTE.format("@leo #interne Le budget"),
        "<ul><li>Oui<blockquote><p>Il dit :</p><blockquote><p>#interne</p></blockquote></blockquote></li></ul>",
    ],
)
def test_a_quotation_of_what_begins_with_the_mark_keeps_a_message_wherever_it_stands(cooked: str) -> None:
    assert decided(discourse(cooked, "Oui.")) == Drop("kept_internal")


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        ("Oui\n> #interne Le budget\nnon", True),
        ("Oui\n\n> Il dit :\n>> #interne Le budget", True),
        ("Oui\n> Le budget\n> #interne\nnon", False),
        ("Oui\n> Le budget\n#interne", False),
        ("3 > 2 #interne", False),
    ],
)
def test_so_does_one_that_a_client_of_matrix_writes_in_plain_words(body: str, *, kept: bool) -> None:
    change = fakes_matrix.only_change(fakes_matrix.room_event(content={"msgtype": "m.text", "body": body}))
    assert stays_inside(change, MARK) is kept


def test_many_quotations_take_no_longer_to_look_at() -> None:
    text = "#\n" + "> a\nb\n" * 50_000
    made = Change(Act.POSTED, "post:1", "1", "m", "97", "u", NOW, Author(name="Ada", organisation="F"), Content(html="", text=text))
    assert not stays_inside(made, MARK)


def test_an_edit_that_begins_with_the_mark_stays_too() -> None:
    assert decided(replace(discourse(f"<p>{TAG} Le budget.</p>"), act=Act.EDITED)) == Drop("kept_internal")


@pytest.mark.parametrize(
    "title",
    [
        '<a href="#" class="metadata-tag">#interne</a> secret',
        '<div>Test <a target="_blank" class="metadata-tag" rel="noopener">#interne</a></div>'.replace("Test ", ""),
        "<p>&nbsp;#interne secret</p>",
        "<div>\u200b#interne secret</div>",
        "<p>&#8203;#Interne secret</p>",
        "<p>\ufeff#interne x</p>",
        "<blockquote>x</blockquote>#interne",
        '<p><a href="/portal/dw/profile/leo">Léo Petit</a> <a class="metadata-tag">#interne</a> oui</p>',
        "#INTERNE secret",
    ],
)
def test_an_activity_stays_whatever_the_editor_of_exo_makes_of_the_mark(title: str) -> None:
    entry = entry_of(fakes_exo.activity(title=title))
    assert isinstance(entry, Entry)
    change = outcome_of(entry, "13", fakes_exo.exo_instance())
    assert isinstance(change, Change)
    assert stays_inside(change, MARK)


@pytest.mark.parametrize(
    "content",
    [
        {"body": "#Interne Le budget"},
        {"body": "# interne", "format": "org.matrix.custom.html", "formatted_body": "<h1>interne</h1>"},
        {"body": "#interne:tchap.example Le budget", "format": "org.matrix.custom.html", "formatted_body": '<a href="https://matrix.to/#/#interne:tchap.example">Entre nous</a> Le budget'},
        {"body": "Léo Petit: #interne oui", "format": "org.matrix.custom.html", "formatted_body": '<a href="https://matrix.to/#/@leo:tchap.example">Léo Petit</a>: #interne oui'},
        {"body": "> <@leo:tchap.example> Le budget ?\n\n#interne Oui", "m.relates_to": {"m.in_reply_to": {"event_id": "$a"}}},
        {"body": "> Le budget ?\n\n#interne Oui", "format": "org.matrix.custom.html", "formatted_body": "<blockquote><p>Le budget ?</p></blockquote><p>#interne Oui</p>"},
        {"msgtype": "m.emote", "body": "#interne réfléchit au budget"},
    ],
)  # fmt: skip
def test_an_event_stays_whatever_a_client_of_matrix_makes_of_the_mark(content: dict[str, Any]) -> None:
    change = fakes_matrix.only_change(fakes_matrix.room_event(content={"msgtype": "m.text", **content}))
    assert stays_inside(change, MARK)


def test_a_change_without_words_does_not_begin_with_anything() -> None:
    made = Change(Act.POSTED, "post:1", "1", "m", "97", "u", NOW, Author(name="Ada", organisation="F"), Content(html="<p></p>", text=""))
    assert not stays_inside(made, MARK)
    assert not stays_inside(replace(made, content=None), MARK)


def test_every_sign_that_is_read_as_the_marks_own_begins_it() -> None:
    signs = [sign for sign in map(chr, range(0x10000)) if unicodedata.normalize("NFKC", sign) == "#"]
    assert len(signs) > 1
    assert all(begins(f"{sign}interne Bonjour", "#interne") for sign in [*signs, "♯", "&#35;", "&num;"])
