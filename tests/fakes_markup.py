"""Messages as Hypothesis makes them: HTML of the subset, well formed, with words that look like markup."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from hypothesis import strategies as st
from markdown_it import MarkdownIt

from adapters.markup import safe_html
from schemas.markup.tree import parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from schemas.markup.tree import Element, Node

_FORUM = MarkdownIt("commonmark", {"html": True, "breaks": True}).enable(["table", "strikethrough"])
_UNTOLD = frozenset(("p", "tbody", "thead", "td", "th", "tr", "div", "dl", "dt", "dd", "img", "span"))
_SAME = {"s": "del"}
_INVISIBLE = "\u2060"


def shown_by_a_forum(markdown: str) -> str:
    """What a forum like Discourse shows of Markdown."""
    return safe_html(_FORUM.render(markdown))


def words_and_marks(safe: str) -> list[tuple[str, frozenset[str]]]:
    """Every visible sign of HTML in order, with all that it stands in; addresses in words are links to some and words to others."""
    return list(_marks(parse(safe), frozenset()))


def _marks(nodes: Iterable[Node], above: frozenset[str]) -> Iterator[tuple[str, frozenset[str]]]:
    for node in nodes:
        if isinstance(node, str):
            yield from ((sign, above) for sign in node if not sign.isspace() and sign != _INVISIBLE)
        elif node.tag in _UNTOLD or _leads_nowhere(node) or node.attributes.get("href", "").startswith("https://x.example/a_b"):
            yield from _marks(node.children, above)
        else:
            yield from _marks(node.children, above | {f"{_SAME.get(node.tag, node.tag)} {node.attributes.get('href', '')}".strip()})


def _leads_nowhere(node: Element) -> bool:
    return node.tag == "a" and "href" not in node.attributes


ODD = (
    "*",
    "_",
    "#",
    "-",
    "+",
    "1.",
    "2)",
    ">",
    "`",
    "```",
    "~~",
    "|",
    "[x](y)",
    "![x](y)",
    "<b>",
    "&amp;",
    "\\",
    "@all",
    "@room",
    "=",
    ":-",
    "---",
)
ODD_WORDS = (*ODD, ":smile:", "(c)", "$x$", "[poll]", "<!-- x -->", "https://x.example/a_b?c=d", "« mot »", "#interne", "ana@rse.example")
WORDS = st.sampled_from(["mot", "Bonjour", "à", "été", "l’eau", "x", "é.", "oui\u00a0!", "🎉", *ODD_WORDS])
TEXT = st.lists(WORDS, min_size=1, max_size=5).map(" ".join)
RUN = TEXT.map(lambda text: escape(text, quote=False))
CODE = (
    st.lists(st.sampled_from(["a", "`", "```", "|", "\\", " ", "b_c", "<x>", "@moi"]), min_size=1, max_size=6)
    .map("".join)
    .filter(str.strip)
)


def _around(tag: str) -> st.SearchStrategy[str]:
    return RUN.map(lambda inner: f"<{tag}>{inner}</{tag}>")


INLINE = st.one_of(
    RUN,
    RUN.map(lambda text: f" {text} "),
    *(_around(tag) for tag in ("strong", "em", "del", "kbd", "sub", "mark", "ins")),
    RUN.map(lambda text: f"<strong>a <em>{text}</em></strong>"),
    CODE.map(lambda text: f"<code>{escape(text.strip(), quote=False)}</code>"),
    RUN.map(lambda text: f'<a href="https://x.example/?a=1&amp;b=(2)">{text}</a>'),
    st.just("<br>"),
)
LINE = st.lists(INLINE, min_size=1, max_size=4).map("".join)
PARAGRAPH = LINE.map(lambda inner: f"<p>{inner}</p>")
BLOCK = st.recursive(
    st.one_of(
        PARAGRAPH,
        LINE.map(lambda inner: f"<h2>{inner}</h2>"),
        CODE.map(lambda text: f'<pre><code class="language-python">{escape(text, quote=False)}</code></pre>'),
        st.just("<hr>"),
        st.lists(st.lists(LINE, min_size=2, max_size=2), min_size=1, max_size=3).map(
            lambda rows: f"<table>{''.join(f'<tr><td>{a}</td><td>{b}</td></tr>' for a, b in rows)}</table>"
        ),
    ),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: f"<blockquote>{''.join(parts)}</blockquote>"),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: f"<ul>{''.join(f'<li>{part}</li>' for part in parts)}</ul>"),
        st.lists(LINE, min_size=1, max_size=3).map(lambda parts: f'<ol start="3">{"".join(f"<li>{part}</li>" for part in parts)}</ol>'),
        st.lists(inner, min_size=1, max_size=2).map(lambda parts: f"<details><summary>Plus</summary>{''.join(parts)}</details>"),
        st.tuples(LINE, inner).map(lambda pair: f"<ul><li>{pair[0]}{pair[1]}</li></ul>"),
    ),
    max_leaves=6,
)
MESSAGE = st.lists(BLOCK, min_size=1, max_size=4).map("".join)
_TAGS = (
    "<b>", "</b>", "<p>", "</p>", "<a href='javascript:x'>", "<a href=/x>", "</a>",
    "<script>", "<li>", "<ul>", "<pre>", "<code>", "<table><td>", "<tr>",
    "<td rowspan=900 colspan=-1>", "&lt;", "<img src=x onerror=y>", "<img class=emoji alt=:x:>", "mot", " ", "<!-- c -->",
    "<aside class=quote>", "<div class=title>", "<div class=spoiler>", "<a class=lightbox href=/x>", "<details>", "<summary>", "<span data-mx-spoiler>",
    "<blockquote>", "<ol start=9999999999>", "</div>", "<q>", "\n", "@moi", "<video src=/v>",
)  # fmt: skip
PIECES = st.lists(st.sampled_from(_TAGS), max_size=40).map("".join)
