"""What becomes of markup: safe HTML, plain text and Markdown, each from the other."""

from __future__ import annotations

import html as entities
import re
from functools import lru_cache

import nh3
from markdownify import ATX, MarkdownConverter

TAG_LIMIT = 5_000  # html5ever takes time quadratic in nesting: 200,000 open elements cost it minutes
NESTING_LIMIT = 60  # levels of elements that the recursive Markdown writer is asked to walk

_BLOCKS = {
    "blockquote",
    "dd",
    "details",
    "div",
    "dl",
    "dt",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "li",
    "ol",
    "p",
    "pre",
    "summary",
    "ul",
}
_TABLES = {"table", "tbody", "td", "tfoot", "th", "thead", "tr"}
_INLINE = {"a", "abbr", "b", "br", "code", "del", "em", "i", "img", "ins", "kbd", "mark", "q", "s", "small", "span"}
_MORE_INLINE = {"strike", "strong", "sub", "sup", "tt", "u", "var"}
_TAGS = _BLOCKS | _TABLES | _INLINE | _MORE_INLINE
_ATTRIBUTES = {
    "a": {"href", "title"},
    "img": {"src", "alt", "title"},
    "ol": {"start"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan"},
}
_SCHEMES = {"http", "https", "mailto", "matrix", "mxc"}
_DROPPED_WHOLE = {"script", "style", "title", "template", "iframe", "object", "noscript", "svg", "math", "mx-reply"}
_VOID = frozenset(("br", "hr", "img"))
_PARAGRAPHS = frozenset(("p", "blockquote", "pre", "h1", "h2", "h3", "h4", "h5", "h6", "dl", "table", "hr", "details"))
_LINES = frozenset(("div", "li", "ul", "ol", "dt", "dd", "tr", "summary"))
_CELLS = frozenset(("td", "th"))
_TOKEN = re.compile(r'<(/?)([a-z0-9]+)((?:[^">]|"[^"]*")*)>|([^<]+)')
"""A tag or a run of words, as `safe_html` writes them: names in small letters, values in double quotes, no `<` in words."""
_ALTERNATIVE = re.compile(r' alt="([^"]*)"')
_MENTION = re.compile(r"(?<![\w.+-])@(?=\w)")
_WORD_JOINER = "\u2060"


def safe_html(html: str, base: str | None = None) -> str:
    """Keep of HTML what cannot harm its reader; with `base` (an address) relative links become absolute, else they go.

    HTML of more than TAG_LIMIT tags keeps its words only.
    """
    if html.count("<") > TAG_LIMIT:
        return from_text(_without_tags(html))
    return _cleaner(base).clean(html)


@lru_cache(maxsize=64)
def _cleaner(base: str | None) -> nh3.Cleaner:
    """Made once for each RSE: making it costs five times as much as cleaning a message."""
    return nh3.Cleaner(
        tags=_TAGS,
        clean_content_tags=_DROPPED_WHOLE,
        attributes=_ATTRIBUTES,
        url_schemes=_SCHEMES,
        url_relative=("rewrite_with_base", base + "/") if base else "deny",
    )


def to_text(html: str) -> str:
    """The words of HTML: paragraphs parted by an empty line, items marked, images by their alternative text."""
    return words(safe_html(html))


def words(safe: str) -> str:
    """The words of HTML that `safe_html` has made: cleaning it again would cost as much as all the rest."""
    reader = _Reader()
    for closing, tag, attributes, data in _TOKEN.findall(safe):
        if data:
            reader.words(data)
        elif closing:
            reader.close(tag)
        else:
            reader.open(tag, attributes)
    return reader.text()


def from_text(text: str) -> str:
    """HTML of plain text: empty lines part paragraphs, other line ends are kept."""
    paragraphs = re.split(r"\n[ \t]*\n\s*", text.replace("\r\n", "\n").replace("\r", "\n").strip())
    return "".join(f"<p>{entities.escape(paragraph, quote=False).replace(chr(10), '<br>')}</p>" for paragraph in paragraphs if paragraph)


def to_markdown(html: str) -> str:
    """Markdown of HTML; what looks like markup in its words is escaped, and a name after « @ » calls nobody."""
    safe = safe_html(html)
    if _depth(safe) > NESTING_LIMIT:
        return escape_markdown(to_text(safe))
    written: str = _WRITER.convert(safe)
    return re.sub(r"\n{3,}", "\n\n", written).strip()


def escape_markdown(text: str) -> str:
    """Plain words as Markdown that shows exactly them."""
    escaped: str = _WRITER.escape(text, ())
    return escaped


class _Writer(MarkdownConverter):
    """Escapes all that Markdown, HTML or BBCode would read in words, so that no message forges our marker or a poll."""

    def escape(self, text: str | None, parent_tags: object) -> str:
        escaped: str = super().escape(text, parent_tags)  # type: ignore[misc]  # its stub leaves escape out
        return _MENTION.sub("@" + _WORD_JOINER, escaped)


_WRITER = _Writer(
    heading_style=ATX,
    bullets="-",
    escape_misc=True,
    table_infer_header=True,
    newline_style="backslash",
    strip=["details", "summary", "span"],
)


class _Reader:
    """Gathers the words of safe HTML, without recursion."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._preformatted = 0

    def open(self, tag: str, attributes: str) -> None:
        """Break the line, mark an item, name an image."""
        self._break(tag)
        if tag == "li":
            self._pieces.append("- ")
        elif tag == "br":
            self._pieces.append("\n")
        elif tag == "img":
            self._pieces += [entities.unescape(alternative) for alternative in _ALTERNATIVE.findall(attributes)]
        elif tag == "pre":
            self._preformatted += 1

    def close(self, tag: str) -> None:
        """Break the line."""
        self._break(tag)
        if tag == "pre":
            self._preformatted -= 1

    def words(self, data: str) -> None:
        """Keep words; fold blanks outside preformatted text."""
        plain = entities.unescape(data)
        self._pieces.append(plain if self._preformatted else _folded(plain))

    def text(self) -> str:
        """What was gathered, tidied."""
        lines = "\n".join(map(_tidied, "".join(self._pieces).split("\n")))
        return re.sub(r"\n{3,}", "\n\n", lines).strip() if "\n\n\n" in lines else lines.strip()

    def _break(self, tag: str) -> None:
        if tag in _PARAGRAPHS:
            self._pieces.append("\n\n")
        elif tag in _LINES and self._pieces and not self._pieces[-1].endswith("\n"):
            self._pieces.append("\n")
        elif tag in _CELLS:
            self._pieces.append(" ")


def _folded(plain: str) -> str:
    """Each run of blanks as one space, those at both ends too; by splitting, which takes a fifth of a pattern's time."""
    inner = " ".join(plain.split())
    if not inner:
        return " " if plain else ""
    return (" " if plain[0].isspace() else "") + inner + (" " if plain[-1].isspace() else "")


def _tidied(line: str) -> str:
    """A line without the blanks at its end, nor the single space that a tag has left at its beginning."""
    line = line.rstrip(" \t")
    return line[1:] if line[:1] == " " and line[1:2].strip() else line


def _without_tags(html: str) -> str:
    """The words between tags, in linear time whatever the input."""
    first, *pieces = html.split("<")
    return entities.unescape(first + " ".join(piece.partition(">")[2] for piece in pieces))


def _depth(safe: str) -> int:
    deepest = level = 0
    for closing, tag in re.findall(r"<(/?)([a-z0-9]+)\b", safe):
        if tag in _VOID:
            continue
        level += -1 if closing else 1
        deepest = max(deepest, level)
    return deepest
