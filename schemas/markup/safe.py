"""The subset of HTML that a message may hold, and the cleaners that keep nothing else."""

from __future__ import annotations

import html as entities
import re
from functools import lru_cache

import nh3

TAG_LIMIT = 5_000  # html5ever takes time quadratic in nesting: 200,000 open elements cost it minutes

BLOCKS = frozenset(
    ("blockquote", "dd", "details", "div", "dl", "dt", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p", "pre", "summary", "ul")
)
TABLES = frozenset(("table", "tbody", "td", "tfoot", "th", "thead", "tr"))
INLINE = frozenset(
    ("a", "abbr", "b", "br", "code", "del", "em", "i", "img", "ins", "kbd", "mark", "q", "s", "small", "span", "strike", "strong", "sub",
     "sup", "tt", "u", "var")
)  # fmt: skip
TAGS = BLOCKS | TABLES | INLINE
_ATTRIBUTES = {
    "a": {"href", "title"},
    "code": {"class"},
    "img": {"src", "alt", "title"},
    "ol": {"start"},
    "span": {"data-mention", "data-spoiler"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan"},
}
_SCHEMES = {"http", "https", "mailto", "matrix", "mxc"}
_DROPPED_WHOLE = {"script", "style", "title", "template", "iframe", "object", "noscript", "svg", "math", "mx-reply"}
# Of no message's subset, but read: what a platform says by them is said otherwise before anything leaves.
_READ_TAGS = TAGS | {"aside", "audio", "article", "header", "input", "section", "source", "video"}
_READ_ATTRIBUTES = {"href", "src", "alt", "title", "class", "name", "start", "colspan", "rowspan", "checked"}
_BEGINS_EMPTY = re.compile(r"(<pre(?: [^>]*)?>)\n+")
_LANGUAGE = re.compile(r"language-[A-Za-z0-9+#._-]{1,40}")
_NUMBER = re.compile(r"[0-9]{1,9}")


def safe_html(html: str, base: str | None = None) -> str:
    """Keep of HTML what cannot harm its reader; with `base` (an address) relative links become absolute, else they go.

    HTML of more than TAG_LIMIT tags keeps its words only.
    """
    if html.count("<") > TAG_LIMIT:
        return from_text(_without_tags(html))
    return _settled(_cleaner(base).clean(html))


def readable_html(html: str, base: str | None) -> str:
    """As harmless, with the classes and data by which a platform says more than HTML does: to be rewritten, never to be sent."""
    return _settled(_reader(base).clean(html))


def _settled(cleaned: str) -> str:
    """Every reader of HTML drops a line end behind `<pre>`: left there, each reading of the same code would lose one line more."""
    return _BEGINS_EMPTY.sub(r"\1", cleaned) if "<pre" in cleaned else cleaned


@lru_cache(maxsize=64)
def _cleaner(base: str | None) -> nh3.Cleaner:
    """Made once for each RSE: making it costs five times as much as cleaning a message."""
    return nh3.Cleaner(
        tags=set(TAGS),
        clean_content_tags=_DROPPED_WHOLE,
        attributes=_ATTRIBUTES,
        attribute_filter=_kept,
        url_schemes=_SCHEMES,
        url_relative=("rewrite_with_base", base + "/") if base else "deny",
    )


@lru_cache(maxsize=64)
def _reader(base: str | None) -> nh3.Cleaner:
    return nh3.Cleaner(
        tags=set(_READ_TAGS),
        clean_content_tags=_DROPPED_WHOLE,
        attributes={"*": _READ_ATTRIBUTES},
        generic_attribute_prefixes={"data-"},
        url_schemes=_SCHEMES,
        url_relative=("rewrite_with_base", base + "/") if base else "deny",
    )


def _kept(tag: str, name: str, value: str) -> str | None:
    """The language of code, numbers that are numbers, and what the subset lets be written freely."""
    match tag, name:
        case "code", "class":
            found = _LANGUAGE.search(value)
            return found[0] if found else None
        case _, "start" | "colspan" | "rowspan" | "data-mention":
            return value if _NUMBER.fullmatch(value) else None
        case _:
            return value


def from_text(text: str) -> str:
    """HTML of plain text: empty lines part paragraphs, other line ends are kept."""
    paragraphs = re.split(r"\n[ \t]*\n\s*", text.replace("\r\n", "\n").replace("\r", "\n").strip())
    return "".join(f"<p>{entities.escape(paragraph, quote=False).replace(chr(10), '<br>')}</p>" for paragraph in paragraphs if paragraph)


def _without_tags(html: str) -> str:
    """The words between tags, in linear time whatever the input."""
    first, *pieces = html.split("<")
    return entities.unescape(first + " ".join(piece.partition(">")[2] for piece in pieces))
