"""Markup: safe HTML, text and Markdown, whatever comes in."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.markup import TAG_LIMIT, escape_markdown, from_text, safe_html, to_markdown, to_text

HTML = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)
PIECES = st.lists(
    st.sampled_from(
        [
            "<b>",
            "</b>",
            "<p>",
            "</p>",
            "<a href='javascript:x'>",
            "<a href=/x>",
            "</a>",
            "<script>",
            "<li>",
            "<ul>",
            "<pre>",
            "<table><td>",
            "&lt;",
            "<img src=x onerror=y>",
            "mot",
            " ",
            "<!-- c -->",
        ]
    ),
    max_size=40,
).map("".join)


class _Seen(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: dict[str, str] = {}
        self.comments = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name: value or "" for name, value in attrs}

    def handle_comment(self, data: str) -> None:
        self.comments += 1 + len(data)


def seen(html: str) -> _Seen:
    found = _Seen()
    found.feed(html)
    return found


@given(HTML | PIECES)
def test_nothing_that_acts_survives(html: str) -> None:
    found = seen(safe_html(html, "https://rse.example"))
    assert not found.tags & {"script", "style", "iframe", "object", "form", "svg"}
    assert not any(name.startswith("on") or name == "style" for name in found.attributes)
    assert not found.attributes.get("href", "").lower().startswith(("javascript:", "data:", "/"))
    assert not found.comments


@given(HTML | PIECES)
def test_safe_html_made_safe_again_is_the_same(html: str) -> None:
    once = safe_html(html)
    assert safe_html(once) == once


@given(HTML | PIECES)
def test_text_and_markdown_come_of_any_html(html: str) -> None:
    assert to_text(html) == to_text(safe_html(html))
    assert "<!--" not in to_markdown(html).replace("\\<", "")


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=200))
def test_plain_text_survives_the_way_through_html(text: str) -> None:
    assert to_text(from_text(text)).split() == text.split()


def test_relative_links_become_absolute_where_the_base_is_known() -> None:
    assert 'href="https://rse.example/u/ana"' in safe_html('<a href="/u/ana">Ana</a>', "https://rse.example")
    assert "href" not in safe_html('<a href="/u/ana">Ana</a>')


def test_paragraphs_items_and_images_read_as_text() -> None:
    html = '<p>Un  <b>deux</b></p><ul><li>a</li><li>b</li></ul><p>fin<br>la<img src="https://x.example/i.png" alt="photo"></p>'
    assert to_text(html) == "Un deux\n\n- a\n- b\n\nfin\nlaphoto"


def test_preformatted_text_keeps_its_blanks() -> None:
    assert to_text("<pre>a\n  b</pre>") == "a\n  b"


def test_words_that_look_like_markup_are_escaped_in_markdown() -> None:
    written = to_markdown("<p>&lt;!-- traitdunion:x --&gt; [poll] *a* _b_</p>")
    assert "<!--" not in written.replace("\\<", "")
    assert "\\[poll" in written
    assert "\\*a\\*" in written


def test_a_name_after_an_at_sign_calls_nobody() -> None:
    assert "@here" not in to_markdown("<p>bonjour @here</p>")
    assert "ana@rse.example" in to_markdown("<p>ana@rse.example</p>").replace("\\", "")


def test_code_is_left_as_it_is() -> None:
    assert "```\n@cache\ndef f(a_b): <x>\n```" in to_markdown("<pre><code>@cache\ndef f(a_b): &lt;x&gt;</code></pre>")


def test_names_are_escaped_for_markdown() -> None:
    assert escape_markdown("**Ana**") == "\\*\\*Ana\\*\\*"


@pytest.mark.parametrize("unit", ["<div>", "<blockquote>", "<b><i>", "<ul><li>"])
def test_deep_nesting_exhausts_neither_stack_nor_time(unit: str) -> None:
    html = unit * 2000 + "fin"
    assert "fin" in to_text(html)
    assert "fin" in to_markdown(html)


def test_more_tags_than_the_limit_leave_the_words() -> None:
    html = "<div>" * (TAG_LIMIT + 1) + "fin &amp; début"
    assert safe_html(html) == "<p>fin &amp; début</p>"
