"""Markdown of HTML: CommonMark with GitHub's tables and strikethrough, and the few elements of HTML that Discourse shows as such.

Written out rather than taken from a library: markdownify 1.2, tried on the cases of `tests/unit/markup_cases.py`, lets code with three
backticks end its own block, loses lists in lists, and shows the stars of `x**«y»**z`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from adapters.markup.inline import WORD_JOINER, code, destination, escaped, hidden, inline, lines_opened
from schemas.markup.safe import BLOCKS, TABLES, safe_html
from schemas.markup.tree import Element, Node, is_block, parse, rows_of, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["WORD_JOINER", "code", "destination", "escape_markdown", "to_markdown"]

_HEADINGS = {f"h{level}": "#" * level for level in range(1, 7)}
_LISTS = frozenset(("ul", "ol"))
HIDDEN = "Texte masqué"
_KEPT_APART = re.compile(r"(?!1[.)])\d|(?:[-*]|1[.)]) *(?:\n|$)")
"""How a list begins that is none right under words: with another number than 1, or an empty item, whose « - » would make a title of them."""
_LANGUAGE = re.compile(r"language-([A-Za-z0-9+#._-]+)")


def to_markdown(html: str) -> str:
    """Markdown that shows what HTML says; what looks like markup in its words is escaped, and a name after « @ » calls nobody."""
    return blocks(parse(safe_html(html)))


def escape_markdown(text: str) -> str:
    """Plain words of one line as Markdown that shows exactly them."""
    return lines_opened(inline([text]).strip())


def blocks(nodes: Sequence[Node]) -> str:
    """A tree that `safe_html` has made as blocks of Markdown; who is called in it by a handle (`data-call`) is called."""
    return "\n\n".join(_blocks(nodes))


def _blocks(nodes: Sequence[Node]) -> list[str]:
    found: list[str] = []
    run: list[Node] = []
    lists = 0
    for node in nodes:
        if not is_block(node):
            run.append(node)
            lists = lists if isinstance(node, str) and not node.strip() else 0
            continue
        found += _paragraph(run)
        run = []
        if isinstance(node, Element):
            lists = lists + 1 if node.tag in _LISTS else 0
            found += _block(node, lists)
    return found + _paragraph(run)


def _paragraph(nodes: Sequence[Node]) -> list[str]:
    text = inline(nodes).strip(" \t\n")
    return [lines_opened(text).replace("\n", "\\\n")] if text else []


def _block(node: Element, lists: int) -> list[str]:
    match node.tag:
        case "ul" | "ol":
            return _list(node, lists)
        case "li":
            return _list(Element("ul", {}, [node]), 1)
        case "blockquote":
            inner = blocks(node.children)
            return ["\n".join(f"> {line}".rstrip() for line in inner.split("\n"))] if inner else []
        case "pre":
            return _preformatted(node)
        case "table":
            return _table(node)
        case "hr":
            return ["___"]  # no list begins with it, as one does with « - --- »
        case "details":
            return _details(node)
        case "span" if "data-spoiler" in node.attributes:  # [spoiler] holds no blocks
            return _details(Element("details", {}, [Element("summary", {}, [HIDDEN]), *node.children]))
        case "dt":
            return _paragraph([Element("strong", {}, node.children)])
        case tag if tag in _HEADINGS and not any(map(is_block, node.children)):
            title = inline(node.children).replace("\n", " ").strip()
            return [f"{_HEADINGS[tag]} {title}"] if title else []
        case _:
            return _blocks(node.children)


def _list(node: Element, lists: int) -> list[str]:
    """Items; where one list follows another the sign changes, which alone keeps them apart."""
    items = [one for one in node.children if isinstance(one, Element) and one.tag in BLOCKS | TABLES]
    start = int(node.attributes.get("start") or 1)
    signs = ("-", "*") if node.tag == "ul" else (".", ")")
    sign = signs[1 - lists % 2]
    marks = [f"{sign} " if node.tag == "ul" else f"{start + number}{sign} " for number in range(len(items))]
    written = [_item(item, mark) for item, mark in zip(items, marks, strict=True)]
    return ["\n".join(written)] if written else []


def _item(item: Element, mark: str) -> str:
    parts = _blocks(item.children if item.tag == "li" else [item])
    tight = len(parts) > 1 and all(isinstance(one, str) or not is_block(one) or one.tag in _LISTS for one in item.children)
    text = ("\n" if tight and not _KEPT_APART.match(parts[1]) else "\n\n").join(parts)
    if text.startswith(("```", "    ")) or not text:
        mark = mark.rstrip(" ") + " "
    margin = " " * len(mark)
    return (mark + text.replace("\n", f"\n{margin}")).replace(f"\n{margin}\n", "\n\n").rstrip(" ")


def _preformatted(node: Element) -> list[str]:
    """A fence longer than any in the code, with its language."""
    text = text_of(node.children).removesuffix("\n")
    fence = "`" * max(3, max((len(run) for run in re.findall("`+", text)), default=0) + 1)
    inner = next((one for one in node.children if isinstance(one, Element) and one.tag == "code"), None)
    language = _LANGUAGE.search(inner.attributes.get("class", "")) if inner else None
    return [f"{fence}{language[1] if language else ''}\n{text}\n{fence}"] if text.strip() else []


def _table(node: Element) -> list[str]:
    """GitHub's table needs a heading: where there is none its cells are empty, for the first row is no title."""
    rows = rows_of(node)
    if not rows or not rows[0]:
        return []
    head = rows.pop(0) if all(cell.tag == "th" for cell in rows[0]) or _in_head(node) else [Element("th") for _ in rows[0]]
    lines = [_row(head), "|" + " --- |" * len(head), *map(_row, rows)]
    return ["\n".join(lines)]


def _in_head(table: Element) -> bool:
    return any(isinstance(one, Element) and one.tag == "thead" and one.children for one in table.children)


def _row(cells: Sequence[Element]) -> str:
    return f"| {' | '.join(map(_cell, cells))} |"


def _cell(cell: Element) -> str:
    """In a table a bar parts cells before anything else is read, in code too: each is escaped once, at the end."""
    lines = [line for part in _flat(cell.children) for line in inline(part, _unbarred).strip(" \t\n").split("\n")]
    return "<br>".join(line for line in lines if line).replace("|", "\\|")


def _unbarred(text: str) -> str:
    return escaped(text).replace("\\|", "|")


def _flat(nodes: Sequence[Node]) -> Iterator[list[Node]]:
    """The lines of a cell, whatever blocks it holds."""
    run: list[Node] = []
    for node in nodes:
        if isinstance(node, str) or not is_block(node):
            run.append(node)
            continue
        yield run
        run = []
        if node.tag == "pre":
            yield [Element("code", {}, [text_of(node.children)])]
        elif node.tag == "li":
            mark, *others = list(_flat(node.children)) or [[]]
            yield ["• ", *mark]
            yield from others
        elif "data-spoiler" in node.attributes:
            for part in filter(None, _flat(node.children)):
                yield [Element("span", node.attributes, part)]
        else:
            yield from _flat(node.children)
    yield run


def _details(node: Element) -> list[str]:
    """HTML's own element: an empty line inside lets Markdown go on."""
    summaries = [one for one in node.children if isinstance(one, Element) and one.tag == "summary"]
    rest = [one for one in node.children if one not in summaries]
    title = hidden(text_of(summaries[0].children)) if summaries else ""
    return [f"<details>\n<summary>{title or 'Détails'}</summary>", *_blocks([*_inside(summaries[1:]), *rest]), "</details>"]


def _inside(nodes: Sequence[Element]) -> Iterator[Node]:
    for node in nodes:
        yield from node.children
