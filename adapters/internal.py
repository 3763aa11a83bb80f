"""The mark by which an author keeps a message inside her ministry (`#interne`), however she typed it and her RSE shows it. No I/O.

Where it is not sure, a message stays: what has left a ministry was read.
"""

from __future__ import annotations

import html as entities
import re
import unicodedata
from functools import lru_cache
from itertools import takewhile
from typing import TYPE_CHECKING

from adapters.mentions import MENTION
from schemas.markup.tree import Element, mapped, parse, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from adapters.port import Change
    from schemas.markup.tree import Node

LOOKED_AT = 400  # signs: a mark begins a message
_NESTED = 20  # quotations within quotations
_BEFORE = re.compile(rf"<(?:blockquote|img|span {MENTION})\b")
"""What may stand before an author's own words."""
_QUOTED = re.compile(r"\[quote\b[^\]]*\](?:(?!\[/?quote\b).)*\[/quote\]", re.DOTALL | re.IGNORECASE)
_MARGIN = re.compile(r"(?:[^\S\n]*>)+")
_QUOTED_FIRST = 3  # lines: the first may hold no more than a picture's name
_QUOTED_LINES = re.compile(r"^[^\S\n]*>.*$", re.MULTILINE)
_WRITTEN = re.compile(r"(?<!\w)@[\w.:-]+|\[/?[a-z][^\]\n]{0,200}\]|<[^<>]{1,500}>|:[a-z0-9_+-]{1,60}:(?:t\d:)?")
"""Whom one calls, how it is to look, a sign by its name: as Markdown and BBCode write them."""
_REMEMBERED = 10_000  # signs
_FILLERS = frozenset("\u115f\u1160\u3164\uffa0")  # letters, by Unicode, that show nothing


class _Unseen(dict[int, int | str | None]):
    """What nobody sees, for `str.translate`: joiners, direction marks, accents on nothing; line ends stay."""

    def __missing__(self, code: int) -> int | str | None:
        sign = chr(code)
        seen = sign.isspace() or not (unicodedata.category(sign) in {"Cf", "Cc", "Cs", "Mn", "Me"} or sign in _FILLERS)
        if len(self) < _REMEMBERED:
            self[code] = code if seen else None
        return code if seen else None


_UNSEEN = _Unseen({ord("♯"): "#"})
_HASHES = ("#", "＃", "﹟", "♯", "&")
_GLUED = dict.fromkeys(map(ord, "\u00a0\u2007\u202f"))
"""Blanks that break no line: French keyboards put them where nobody asked."""
_SIGNED = re.compile(r"(\W*)(.*)", re.DOTALL)


def stays_inside(change: Change, mark: str) -> bool:
    """Whether the author of a message began it, or its title, with the mark."""
    if change.inside or begins(change.title or "", mark):
        return True
    content = change.content
    if content is None:
        return False
    said = (*_shown(content.html), *(_quotations(content.text) if _may_hold(content.text, mark) else ()))
    return begins(content.text, mark) or any(_opens(one, mark) for one in said)


def begins(typed: str, mark: str) -> bool:
    """Whether a text as people type it begins with the mark: it itself, or its author's own words behind those that she quotes."""
    if not _may_hold(typed, mark):
        return False
    plain = entities.unescape(typed)
    said = [text[:LOOKED_AT] for text in (plain, _unquoted(plain))]
    return any(_opens(one, mark) for one in {*said, *(_WRITTEN.sub("", text) for text in said)})  # mostly one: nothing is quoted


def _may_hold(text: str, mark: str) -> bool:
    """Most texts do not: looking closely takes longer than all else that is done to a message."""
    return not mark.startswith("#") or any(sign in text for sign in _HASHES)


def _opens(text: str, mark: str) -> bool:
    mark_first = _first(mark)
    return mark_first is not None and mark_first.match(_folded(text[:LOOKED_AT])) is not None


@lru_cache(maxsize=64)
def _first(mark: str) -> re.Pattern[str] | None:
    """The mark, behind nothing but punctuation; a blank may stand behind its sign (`# interne`), as telephones write it."""
    found = _SIGNED.fullmatch(_folded(mark).strip())
    return re.compile(rf"[\W_]*?{re.escape(found[1])}\s*{re.escape(found[2])}") if found and found[0] else None


def _folded(text: str) -> str:
    """One way of writing for all that look alike: full-width signs, capitals, what nobody sees."""
    return unicodedata.normalize("NFKC", text.translate(_GLUED)).translate(_UNSEEN).casefold()


def _unquoted(typed: str) -> str:
    for _ in range(_NESTED):
        less = _QUOTED.sub("", typed)
        if less == typed:
            break
        typed = less
    return _QUOTED_LINES.sub("", typed)


def _quotations(text: str) -> Iterator[str]:
    """How each quotation in a text begins, wherever it stands, and each in another: these words are of a message that may have stayed."""
    lines, before = text.split("\n"), 0
    for number, line in enumerate(lines):
        found = _MARGIN.match(line)
        depth = found[0].count(">") if found is not None else 0
        if depth > before:
            said = " ".join(takewhile(_MARGIN.match, lines[number : number + _QUOTED_FIRST]))[:LOOKED_AT]
            yield said
            yield _WRITTEN.sub("", said)
        before = depth


def _shown(html: str) -> Iterator[str]:
    """The words of a message without whom it calls first and its pictures: as they stand, and her own without those that she quotes."""
    if not _BEFORE.search(html):
        return
    words = mapped(parse(html), _without_names)
    yield text_of(words)
    yield text_of(mapped(words, _without_quotations))


def _without_names(element: Element) -> Sequence[Node]:
    return [] if element.tag == "img" or MENTION in element.attributes else [element]


def _without_quotations(element: Element) -> Sequence[Node]:
    return [] if element.tag == "blockquote" else [element]
