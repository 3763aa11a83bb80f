"""Safe HTML as a tree of bounded depth, and the tree as safe HTML."""

from __future__ import annotations

import html as entities
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from schemas.markup.safe import BLOCKS, TABLES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

NESTING_LIMIT = 60  # levels; what is deeper keeps its words, so that those who walk a tree may call themselves
SPAN_LIMIT = 20  # columns or rows of one cell: a table of a thousand empty columns says nothing more
VOID = frozenset(("br", "hr", "img", "input", "source"))
TOKEN = re.compile(r'<(/?)([a-z0-9]+)((?:[^">]|"[^"]*")*)>|([^<]+)')
"""A tag or a run of words, as nh3 writes them: names in small letters, values in double quotes, no `<` in words."""
_ATTRIBUTE = re.compile(r'([a-z0-9-]+)="([^"]*)"')


@dataclass(slots=True)
class Element:
    """An element with its attributes, unescaped."""

    tag: str
    attributes: dict[str, str] = field(default_factory=dict)
    children: list[Node] = field(default_factory=list)

    @property
    def classes(self) -> list[str]:
        """Its classes."""
        return self.attributes.get("class", "").split()


Node = Element | str


def parse(safe: str) -> list[Node]:
    """The tree of HTML that nh3 has made."""
    root: list[Node] = []
    above = [root]
    for closing, tag, attributes, data in TOKEN.findall(safe):
        if data:
            above[-1].append(entities.unescape(data))
        elif closing:
            del above[1 if len(above) == 1 else -1 :]
        elif tag in VOID:
            above[-1].append(Element(tag, attributes_of(attributes)))
        elif len(above) > NESTING_LIMIT:
            above.append(above[-1])
        else:
            element = Element(tag, attributes_of(attributes))
            above[-1].append(element)
            above.append(element.children)
    return root


def attributes_of(written: str) -> dict[str, str]:
    """The attributes of a tag."""
    return {name: entities.unescape(value) for name, value in _ATTRIBUTE.findall(written)} if written else {}


def serialised(nodes: Iterable[Node]) -> str:
    """HTML of a tree, as nh3 would write it."""
    return "".join(_pieces(nodes))


def _pieces(nodes: Iterable[Node]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, str):
            yield entities.escape(node, quote=False).replace("\xa0", "&nbsp;")
            continue
        attributes = "".join(f' {name}="{_value(value)}"' for name, value in node.attributes.items())
        yield f"<{node.tag}{attributes}>"
        if node.tag not in VOID:
            yield from _pieces(node.children)
            yield f"</{node.tag}>"


def _value(value: str) -> str:
    return entities.escape(value).replace("&#x27;", "'").replace("\xa0", "&nbsp;")


def mapped(nodes: Iterable[Node], say: Callable[[Element], Sequence[Node]]) -> list[Node]:
    """A tree whose elements are said otherwise, from the inside out."""
    return [one for node in nodes for one in ([node] if isinstance(node, str) else say(_inside(node, say)))]


def _inside(element: Element, say: Callable[[Element], Sequence[Node]]) -> Element:
    return Element(element.tag, element.attributes, mapped(element.children, say))


def text_of(nodes: Iterable[Node]) -> str:
    """The words of a tree, blanks as they are; an image by its alternative text, a line end as one."""
    return "".join(_words(nodes))


def _words(nodes: Iterable[Node]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, str):
            yield node
        elif node.tag == "br":
            yield "\n"
        elif node.tag == "img":
            yield node.attributes.get("alt", "")
        else:
            yield from _words(node.children)


def is_block(node: Node) -> bool:
    """Whether a node begins a line of its own, or holds what does."""
    if isinstance(node, str):
        return False
    return node.tag in BLOCKS or node.tag in TABLES or any(map(is_block, node.children))


def rows_of(table: Element) -> list[list[Element]]:
    """The cells of a table as a full grid: a cell that spans several stands in the first, the others are empty."""
    rows = list(_rows(table.children))
    grid: list[dict[int, Element]] = [{} for _ in rows]
    for number, row in enumerate(rows):
        column = 0
        for cell in (node for node in row.children if isinstance(node, Element) and node.tag in {"td", "th"}):
            while column in grid[number]:
                column += 1
            _place(grid[number : number + _span(cell, "rowspan")], column, cell)
    width = max((max(row, default=-1) + 1 for row in grid), default=0)
    return [[row.get(column) or Element("td") for column in range(width)] for row in grid]


def _place(rows: Sequence[dict[int, Element]], column: int, cell: Element) -> None:
    for down, row in enumerate(rows):
        for across in range(_span(cell, "colspan")):
            row.setdefault(column + across, Element(cell.tag) if down or across else cell)


def _span(cell: Element, name: str) -> int:
    return max(1, min(int(cell.attributes.get(name) or 1), SPAN_LIMIT))


def _rows(nodes: Sequence[Node]) -> Iterator[Element]:
    for node in nodes:
        if isinstance(node, Element):
            if node.tag == "tr":
                yield node
            elif node.tag in {"thead", "tbody", "tfoot"}:
                yield from _rows(node.children)
