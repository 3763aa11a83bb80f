"""Words and what stands among them as Markdown that shows exactly them; escapes that keep each sign from meaning more than itself."""

from __future__ import annotations

import html as entities
import re
import unicodedata
from typing import TYPE_CHECKING

from adapters.markup.shown import WEB, joined, named
from schemas.markup.tree import Element, Node, text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Say = Callable[[str], str]

WORD_JOINER = "\u2060"
_BLANKS = re.compile(r"[ \t\n\r\f]+")
_SIGNS = re.compile(r"[\\`*_\[\]<>~|$#]|&(?=#?\w+;)")
"""What Markdown, HTML, BBCode or a formula could begin with, wherever it stands."""
_CALLS = re.compile(r"(?<!\w)@(?=\w)|(?<!\w)#(?=\w)|:(?=[\w+-]*[A-Za-z][\w+-]*:)|(?<=\()(?=(?:c|r|tm|p)\))", re.IGNORECASE)
"""Names, categories, emoji and signs that a platform would make of words: what follows is parted from it by an invisible sign."""
_ADDRESS = re.compile(r"\bhttps?://[^\s<>\"`\\^{}|]+[^\s<>\"`\\^{}|.,;:!?'»)\]*_~]")
_OPENS_LINE = re.compile(r"(?m)^(?:(?=[-+=])|(\d{1,9})(?=[.)](?:\s|$)))")
_HANDLE = re.compile(r"[\w.-]{1,60}")
_MARKS = {"strong": "**", "em": "*", "del": "~~"}
_AS_HTML = frozenset(("ins", "kbd", "mark", "small", "sub", "sup", "u"))
_SAME = {"b": "strong", "i": "em", "s": "del", "strike": "del", "var": "em", "tt": "code"}


def escaped(text: str) -> str:
    """Words of one run: nothing in them is markup, calls anybody or becomes a picture; addresses stay addresses."""
    pieces, last = [], 0
    for found in _ADDRESS.finditer(text):
        pieces += [_escaped(text[last : found.start()]), f"<{found[0]}>"]
        last = found.end()
    return "".join((*pieces, _escaped(text[last:])))


def _escaped(text: str) -> str:
    parted = _CALLS.sub(lambda found: found[0] + WORD_JOINER, text)
    return _SIGNS.sub(lambda found: "\\" + found[0], parted)


def lines_opened(text: str) -> str:
    """A paragraph's text none of whose lines begins as a list, a title or a rule does."""
    return _OPENS_LINE.sub(lambda found: f"{found[1]}\\" if found[1] else "\\", text)


def inline(nodes: Sequence[Node], say: Say = escaped) -> str:
    """Nodes without blocks as Markdown; a line end is one of HTML's `br`, and nothing else is. `say` writes words."""
    written = ""
    nodes = joined(nodes)
    for number, node in enumerate(nodes):
        if isinstance(node, str):
            written += say(_BLANKS.sub(" ", node))
        elif (tag := _SAME.get(node.tag, node.tag)) in _MARKS:
            written += _marked(inline(node.children, say), tag, written[-1:], _first_sign(nodes[number + 1 :]))
        else:
            element = _element(node, say, written[-1:])
            calm = written.endswith("!") and element.startswith("[")  # « ! » before a link would make a picture of it
            written = (written[:-1] + "\\!" if calm else written) + element
    return re.sub(r"[ \t]*\n[ \t]*", "\n", written)


def _element(node: Element, say: Say, before: str) -> str:
    match node.tag:
        case "br":
            return "\n"
        case "img":
            return _image(node)
        case "a":
            return _link(node)
        case "code" | "tt":
            text = text_of(node.children)
            return code(text) if before != "`" else f"<code>{_escaped(_BLANKS.sub(' ', text))}</code>"
        case "q":
            return f"« {inline(node.children, say)} »"
        case "span" if _HANDLE.fullmatch(node.attributes.get("data-call", "")):
            return f"@{node.attributes['data-call']}"
        case "span" if "data-spoiler" in node.attributes:
            return f"[spoiler]{inline(node.children, say)}[/spoiler]"
        case tag:
            inner = inline(node.children, say)
            return f"<{tag}>{inner}</{tag}>" if tag in _AS_HTML and inner.strip() else inner


def _marked(inner: str, tag: str, before: str, after: str) -> str:
    """Emphasis by its sign where CommonMark would see it (its « flanking » rules), else by its element: `x**«y»**z` shows stars."""
    core = inner.strip()
    if not core:
        return inner
    start = inner.index(core)
    lead, tail = inner[:start], inner[start + len(core) :]
    outside = (lead[-1:] or before, tail[:1] or after)
    mark = _MARKS[tag]
    clear = mark[0] not in (core[0], core[-1], *outside)
    if clear and _flanks(core[0], outside[0]) and _flanks(core[-1], outside[1]):
        return f"{lead}{mark}{core}{mark}{tail}"
    return f"{lead}<{tag}>{core}</{tag}>{tail}"


def _flanks(inner: str, outer: str) -> bool:
    """Whether a sign between these two opens or closes: beside punctuation inside there must be no word outside."""
    return unicodedata.category(inner)[0] not in "PS" or not outer or outer.isspace() or unicodedata.category(outer)[0] == "P"


def _first_sign(nodes: Sequence[Node]) -> str:
    """The first sign after an element; a letter where we cannot tell, which is the careful answer."""
    for node in nodes:
        if isinstance(node, str):
            if node:
                return " " if node[0] in " \t\n\r\f" else escaped(node[:2])[:1]
        elif node.tag == "br":
            return "\n"
        elif _SAME.get(node.tag, node.tag) in _MARKS:
            return "*"
        else:
            return "x"
    return ""


def _link(node: Element) -> str:
    address, shown = node.attributes.get("href", ""), _BLANKS.sub(" ", text_of(node.children)).strip()
    if not address:
        return inline(node.children)
    if shown == address and _ADDRESS.fullmatch(address):
        return f"<{address}>"
    words = inline([_without_links(child) for child in node.children], _escaped).replace("\n", " ").strip()
    return f"[{words or _escaped(address)}]({destination(address)})"


def _without_links(node: Node) -> Node:
    """An image inside a link is named, not linked once more."""
    if isinstance(node, str):
        return node
    if node.tag == "img":
        return named(node)
    return Element("span" if node.tag == "a" else node.tag, {}, [_without_links(child) for child in node.children])


def _image(node: Element) -> str:
    """A link: the picture stays where it is, and no reader's browser asks another ministry for it unasked."""
    words = _escaped(named(node))
    address = node.attributes.get("src", "")
    return f"[{words}]({destination(address)})" if address.startswith(WEB) else words


def destination(address: str) -> str:
    """An address inside `<…>`: nothing in it may end that."""
    return "<" + re.sub(r"[<>\s\\|]", lambda found: "".join(f"%{byte:02X}" for byte in found[0].encode()), address) + ">"


def code(text: str) -> str:
    """Code in a line, between more backticks than it holds in a row."""
    flat = _BLANKS.sub(" ", text)
    if not flat.strip():
        return flat
    ticks = "`" * (max((len(run) for run in re.findall("`+", flat)), default=0) + 1)
    pad = " " if flat[0] in "` " or flat[-1] in "` " else ""
    return f"{ticks}{pad}{flat}{pad}{ticks}"


def hidden(text: str) -> str:
    """Words inside an element of HTML that Markdown does not look into."""
    return entities.escape(_CALLS.sub(lambda found: found[0] + WORD_JOINER, _BLANKS.sub(" ", text)).strip(), quote=False)
