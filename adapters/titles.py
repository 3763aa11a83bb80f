"""What a message that has no title is called where every conversation has one: the first words that say what it is about."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from adapters.markup import safe_html, spoken
from schemas import names
from schemas.markup.tree import Element, mapped, parse, serialised

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adapters.port import Order
    from schemas.markup.tree import Node

LONGEST_GIVEN = 255
LONGEST_MADE = 80
LONGEST_LINE = 1_000  # longer than any title
SHORTEST_MADE = 15
_GREETING = re.compile(
    r"^(?:bonjour|bonsoir|salut|coucou|hello|re-?bonjour|chers?|chères?)\b[^.!?,:;\n]{0,60}(?:[.!?,:;…]+\s*|\n+\s*)", re.IGNORECASE
)
_ADDRESS = re.compile(r"\bhttps?://\S+")
_MARKS = re.compile(r"^(?:>|-|\d+\.|•)\s+", re.MULTILINE)
_SENTENCE = re.compile(r"(?<=[.!?…])\s+|\n+")


def title_of(order: Order) -> str:
    """The title that was given, else one made of the first sentence that is no greeting; on one line, never all in capitals."""
    line = one_line(order.title) if order.title else _made(spoken(_uncovered(order.content.html)) if order.content else "")
    if line.isupper():
        line = line.capitalize()
    return fitted(line, LONGEST_GIVEN if order.title else LONGEST_MADE)


def _uncovered(html: str) -> str:
    """Without what a message hides until its reader asks for it: in a title everybody would read it."""
    return serialised(mapped(parse(safe_html(html)), _open_words))


def _open_words(element: Element) -> Sequence[Node]:
    if "data-spoiler" in element.attributes:
        return ["…"]
    if element.tag == "details":
        return [one for one in element.children if isinstance(one, Element) and one.tag == "summary"]
    return [element]


def _made(text: str) -> str:
    plain = _MARKS.sub("", _ADDRESS.sub("", text)).strip()
    about = _GREETING.sub("", plain).strip() or plain
    found = ""
    for sentence in _SENTENCE.split(about):
        found = f"{found} {sentence}".strip()
        if len(found) >= SHORTEST_MADE:
            break
    title = one_line(found)
    return title[:1].upper() + title[1:].removesuffix(".") if title else one_line(plain)


def one_line(text: str) -> str:
    """Words on one line, without what would turn round the name of who wrote them behind it."""
    return names.one_line(text, LONGEST_LINE)


def fitted(line: str, limit: int) -> str:
    """A line cut at a word's end."""
    if len(line) <= limit:
        return line
    cut = line[: limit - 1]
    words = cut.rsplit(" ", 1)[0]
    return (words if len(words) > limit // 2 else cut).rstrip(" ,;:") + "…"
