"""Whatever was written: nothing is lost or doubled on the way to a platform, nobody is called, what was converted stays so."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from adapters.discourse.cooked import from_cooked
from adapters.exo.title import from_title, to_title
from adapters.markup import safe_html, spoken, to_markdown, words
from adapters.markup.inline import WORD_JOINER
from adapters.matrix.formatted import from_formatted, to_formatted
from schemas.markup.words import prose
from schemas.markup.words import read as read_words
from tests.fakes_markup import MESSAGE, PIECES, shown_by_a_forum, words_and_marks

HOME = "https://rse.example"
CALLS = re.compile(r"(?<![\w@])@\w")
EXO_CALLS = re.compile(r"@((?![\s<>/%'\"=])[ -~])+([<\s]|$)")  # `USER_MENTION_PATTERN` of Meeds


def told(html: str) -> list[str]:
    """The words, and no margin of a quotation: an empty line of one has it too."""
    return [word for word in spoken(safe_html(html)).replace(WORD_JOINER, "").split() if word != ">"]


@given(MESSAGE)
@example('<p>oui !<a href="https://x.example/">mot</a></p>')  # no picture
@example("<ul><li>mot<ul><li><br></li></ul></li></ul>")  # no title over a line
@example("<ul><li>mot<ol><li></li><li>deux</li></ol></li></ul>")  # a list all the same
def test_a_forum_shows_every_sign_once_in_what_it_stood_in(html: str) -> None:
    assert words_and_marks(shown_by_a_forum(to_markdown(html))) == words_and_marks(safe_html(html))


@given(MESSAGE)
def test_a_room_and_a_stream_show_every_word_once(html: str) -> None:
    assert told(to_formatted(html)) == told(html)
    assert told(to_title(html)) == told(html)


@given(MESSAGE)
def test_nobody_of_a_forum_is_called_by_accident(html: str) -> None:
    shown = re.sub(r"<(code|pre)\b.*?</\1>", "", shown_by_a_forum(to_markdown(html)), flags=re.DOTALL)
    assert not CALLS.search(shown)


@given(MESSAGE)
def test_nobody_of_a_stream_is_called_by_accident_in_code_neither(html: str) -> None:
    assert not EXO_CALLS.search(to_title(html))


@given(MESSAGE | PIECES)
def test_what_was_made_fit_for_a_platform_is_made_so_once(html: str) -> None:
    for make in (to_title, to_formatted):
        assert told(make(make(html))) == told(make(html))
    for read in (from_cooked, from_formatted, from_title):
        assert read(read(html, HOME), HOME) == read(html, HOME)


@given(PIECES | st.text(max_size=200))
@example("<pre></b>\n\ncode</pre>")  # the line end stands behind `<pre>` only once it was cleaned
def test_no_conversion_ever_raises(html: str) -> None:
    for read in (from_cooked, from_formatted, from_title):
        subset = read(html, HOME)
        assert safe_html(subset) == subset
    for make in (to_markdown, to_formatted, to_title, words, spoken):
        assert isinstance(make(safe_html(html)), str)


@pytest.mark.parametrize("call", ["@claire", ".@claire", "(@claire)", "«@claire»", "*@claire*", "a @all, @here ou @room", "@équipe"])
def test_every_way_of_calling_is_silent(call: str) -> None:
    written = to_markdown(f"<p>{call}</p>")
    assert not re.search(r"@\w", written)
    assert not EXO_CALLS.search(to_title(f"<p>{call}</p>"))


@pytest.mark.parametrize(
    "cut",
    [
        "@<span>claire</span>", "<span>@</span>claire", "@<em></em>claire", "@<a>claire</a>", "@<code></code>claire", "@<u></u>claire",
        '<span data-mention="0">@</span>claire', "@<strong><em></em></strong>claire", "@<abbr>claire</abbr>", "@<span><span>_claire</span></span>",
        '<a href="https://x.example/">@<span>claire</span></a>', "<table><tr><td>@<em></em>claire</td></tr></table>",
        "@<span data-spoiler></span>claire", "<h2>@<em></em>claire</h2>",
    ],
)  # fmt: skip
def test_a_call_cut_in_two_by_an_element_that_shows_nothing_is_silent_too(cut: str) -> None:
    assert not re.search(r"@\\?\w", to_markdown(f"<p>{cut}</p>"))
    assert not EXO_CALLS.search(to_title(f"<p>{cut}</p>"))
    assert not re.search(r"@(?:<(?!a\b)[^>]*>)*\w", to_title(f"<p>{cut}</p>"))


PROSE = st.lists(
    st.sampled_from(("<p>", "</p>", "<br>", " ", "\n", "\t", "\u00a0", "&lt;", "&amp;", "&#10;", "oui", "« non »")), max_size=14
)


@given(PROSE.map("".join))
@example("<p>a <br> b</p> \n <p> </p>c ")
def test_the_short_way_for_prose_gives_the_same_words(html: str) -> None:
    safe = safe_html(html)
    assert prose(safe) == read_words(safe)
