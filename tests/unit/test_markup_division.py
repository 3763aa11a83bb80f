"""A long text in pieces: all of it, in order, each piece within its limit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.markup import safe_html, to_markdown
from adapters.markup.division import LEAST_ROOM, divided
from schemas.markup.tree import parse, text_of
from tests.fakes_markup import MESSAGE

ITEMS = "<ol>" + "".join(f"<li>point {number}</li>" for number in range(100)) + "</ol>"


def signs(html: str) -> str:
    return "".join(text_of(parse(safe_html(html))).split())


@given(st.lists(MESSAGE, min_size=1, max_size=6).map("".join), st.integers(2 * LEAST_ROOM, 900))
def test_nothing_is_cut_off_or_said_twice(html: str, room: int) -> None:
    assert "".join(map(signs, divided(html, room, len))) == signs(html)


@pytest.mark.parametrize("weigh", [len, lambda html: len(to_markdown(html)), lambda html: len(html.encode())])
@pytest.mark.parametrize(
    "html",
    [
        "<p>" + "mot " * 2_000 + "</p>",
        "<p>" + "é" * 5_000 + "</p>",
        "<p>un</p>" * 900,
        "<pre><code>" + "x = '`|*'\n" * 600 + "</code></pre>",
        "<ul>" + "<li>a<ul><li>" + "b " * 900 + "</li></ul></li>" * 3 + "</ul>",
        "<blockquote>" + "<p>a <strong>b</strong> <a href='https://x.example/'>c</a></p>" * 200 + "</blockquote>",
        ITEMS,
    ],
)
def test_every_piece_fits(html: str, weigh: object) -> None:
    assert callable(weigh)
    pieces = divided(html, 1_000, weigh)
    assert len(pieces) > 1
    assert max(map(weigh, pieces)) <= 1_000
    assert "".join(map(signs, pieces)) == signs(html)


def test_what_fits_stays_whole() -> None:
    assert divided("<p>Bonjour</p>", 1_000, len) == ["<p>Bonjour</p>"]


def test_a_numbered_list_goes_on_where_its_first_part_ended() -> None:
    first, second, *_ = divided(ITEMS, 1_000, len)
    count = first.count("<li>")
    assert second.startswith(f'<ol start="{count + 1}"><li>point {count}</li>')


def test_an_address_longer_than_any_message_leaves_its_words() -> None:
    assert divided(f'<p><a href="https://x.example/{"a" * 5_000}">ici</a></p>', 1_000, len) == ["<p>ici</p>"]
