"""The words of HTML as plain text: paragraphs, items, quotations, tables and code readable without any markup."""

from __future__ import annotations

import html as entities
import re
from dataclasses import dataclass, field

from schemas.markup.safe import safe_html
from schemas.markup.tree import TOKEN, attributes_of

_PARAGRAPHS = frozenset(("p", "blockquote", "pre", "h1", "h2", "h3", "h4", "h5", "h6", "dl", "table", "hr", "details"))
_LINES = frozenset(("div", "li", "ul", "ol", "dt", "dd", "tr", "summary"))
_CELLS = frozenset(("td", "th"))
_FRAMES = frozenset(("blockquote", "li", "pre"))
_LISTS = frozenset(("ul", "ol"))
_BLANKS = "\t\n\r\f"  # HTML's, beside the space: one that may not break the line (« oui ») is none of them
_NESTING = 60  # frames within frames: each level costs its whole text once more
_HIDDEN = "[texte masqué] "
_KEPT_END = "\0"  # HTML has none: its parsers make U+FFFD of it
_ENDS = re.compile(r"[\n\0]")
_PROSE = re.compile(r"[^<]*(?:<(?:/?p|br)>[^<]*)*")  # what most people write


def to_text(html: str) -> str:
    """The words of HTML: paragraphs parted by an empty line, items marked, addresses after their links, images by their alternative text."""
    return words(safe_html(html))


def words(safe: str) -> str:
    """The words of HTML that `safe_html` has made: cleaning it again would cost as much as all the rest."""
    return prose(safe) if _PROSE.fullmatch(safe) else read(safe)


def prose(safe: str) -> str:
    """The words of mere paragraphs and line ends, in a third of the time that `read` takes for the same text."""
    lines = _folded(safe).replace("<br>", "\n").replace("<p>", "\n\n").replace("</p>", "\n\n")
    lines = lines.replace(" \n", "\n").replace("\n ", "\n")
    while "\n\n\n" in lines:
        lines = lines.replace("\n\n\n", "\n\n")
    return entities.unescape(lines.strip("\n "))


def _folded(text: str) -> str:
    """Each run of blanks as one space. Replacing takes an eighth of a pattern's time; each round leaves half, so that none is long."""
    for blank in _BLANKS:
        text = text.replace(blank, " ")
    while "  " in text:
        text = text.replace("  ", " ")
    return text


def read(safe: str) -> str:
    """The words of any HTML that `safe_html` has made."""
    return _read(_Reader(), safe)


def spoken(safe: str) -> str:
    """The words alone, as somebody would read them aloud: no addresses."""
    return _read(_Speaker(), safe)


@dataclass(slots=True)
class _Frame:
    """What is gathered inside an item, a quotation or preformatted text; `mark` begins its first line, `margin` the others."""

    tag: str = ""
    mark: str = ""
    margin: str = ""
    pieces: list[str] = field(default_factory=list)

    def text(self) -> str:
        """What was gathered, tidied."""
        tidied = re.sub(r"\n{3,}", "\n\n", re.sub(r"[ \t]*\n", "\n", "".join(self.pieces)))
        return tidied.strip("\n").rstrip(" ")

    def framed(self) -> str:
        """The same with its mark and margin; lines of preformatted text are ended by a sign of our own, and nobody tidies them."""
        if self.tag == "pre":
            return "".join(self.pieces).strip("\n").replace("\n", _KEPT_END)
        return self.mark + _ENDS.sub(lambda end: end[0] + self.margin, self.text())


class _Reader:
    """Gathers the words of safe HTML, without recursion."""

    def __init__(self) -> None:
        self._frames = [_Frame()]
        self._open: list[bool] = []
        self._lists: list[int | None] = []
        self._links: list[tuple[str, _Frame, int]] = []

    def open(self, tag: str, attributes: str) -> None:
        """Break the line, begin an item or a quotation, name an image."""
        self._break(tag)
        if tag in _LISTS:
            start = attributes_of(attributes).get("start", "1")
            self._lists.append(int(start) if tag == "ol" else None)
        elif tag in _FRAMES:
            self._open.append(len(self._frames) < _NESTING)
            if self._open[-1]:
                self._frames.append(self._frame(tag))
        elif tag == "br":
            self._pieces.append("\n")
        elif tag in _CELLS and self._pieces and not self._pieces[-1].endswith("\n"):
            self._pieces.append(" | ")
        elif tag == "img":
            self._pieces.append(attributes_of(attributes).get("alt", ""))
        elif tag == "a":
            self._links.append((attributes_of(attributes).get("href", ""), self._frames[-1], len(self._pieces)))
        elif tag == "span" and "data-spoiler" in attributes:
            self._pieces.append(_HIDDEN)

    def close(self, tag: str) -> None:
        """Break the line, end an item, tell a link's address."""
        if tag in _FRAMES and self._open:
            if self._open.pop():
                self._pieces_of_frame()
        elif tag in _LISTS and self._lists:
            self._lists.pop()
        elif tag == "a" and self._links:
            self._tell(*self._links.pop())
        self._break(tag)

    def words(self, data: str) -> None:
        """Keep words; fold blanks outside preformatted text."""
        plain = entities.unescape(data)
        if self._frames[-1].tag != "pre":
            plain = _folded(plain)
            if plain.startswith(" ") and (not self._pieces or self._pieces[-1].endswith("\n")):
                plain = plain[1:]
        self._pieces.append(plain)

    def text(self) -> str:
        """What was gathered."""
        return self._frames[0].text().replace(_KEPT_END, "\n")

    def _pieces_of_frame(self) -> None:
        framed = self._frames.pop().framed()
        self._pieces.append(framed)

    def _tell(self, address: str, frame: _Frame, since: int) -> None:
        shown = "".join(frame.pieces[since:]).strip()
        if address and frame is self._frames[-1] and not _same(address, shown):
            frame.pieces.append(f" ({address})" if shown else address)

    def _frame(self, tag: str) -> _Frame:
        match tag:
            case "blockquote":
                return _Frame(tag, "> ", "> ")
            case "li":
                mark = self._mark()
                return _Frame(tag, mark, " " * len(mark))
            case _:
                return _Frame(tag)

    def _mark(self) -> str:
        number = self._lists[-1] if self._lists else None
        if number is None:
            return "- "
        self._lists[-1] = number + 1
        return f"{number}. "

    def _break(self, tag: str) -> None:
        if tag in _PARAGRAPHS:
            self._pieces.append("\n\n")
        elif tag in _LINES and self._pieces and not self._pieces[-1].endswith("\n"):
            self._pieces.append("\n")

    @property
    def _pieces(self) -> list[str]:
        return self._frames[-1].pieces


class _Speaker(_Reader):
    """Reads aloud."""

    def _tell(self, address: str, frame: _Frame, since: int) -> None:
        del address, frame, since


def _read(reader: _Reader, safe: str) -> str:
    for closing, tag, attributes, data in TOKEN.findall(safe):
        if data:
            reader.words(data)
        elif closing:
            reader.close(tag)
        else:
            reader.open(tag, attributes)
    return reader.text()


def _same(address: str, shown: str) -> bool:
    """Whether the words of a link tell its address already."""
    return shown.strip("/") in {address.strip("/"), address.partition("//")[2].strip("/"), address.removeprefix("mailto:")}
