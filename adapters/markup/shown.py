"""What several platforms show of the subset in the same way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schemas.markup.safe import INLINE
from schemas.markup.tree import VOID, Element, rows_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from schemas.markup.tree import Node

WEB = ("https://", "http://")
_SAYS = frozenset(("data-call", "data-spoiler"))
_SHOWN_EMPTY = VOID | {"q"}


def joined(nodes: Iterable[Node]) -> list[Node]:
    """The same nodes, in which words that nothing visible parts are one string.

    « @<em></em>all » reads « @all », and would call everybody, though no run of it holds that word.
    """
    found: list[Node] = []
    for node in nodes:
        for one in _opened(node):
            if isinstance(one, str) and found and isinstance(last := found[-1], str):
                found[-1] = last + one
            else:
                found.append(one)
    return found


def _opened(node: Node) -> Sequence[Node]:
    if isinstance(node, str):
        return [node] if node else []
    if _shows_nothing(node):
        return []
    bare = node.tag == "abbr" or (node.tag == "span" and not _SAYS & node.attributes.keys())
    return joined(node.children) if bare or (node.tag == "a" and not node.attributes.get("href")) else [node]


def _shows_nothing(node: Node) -> bool:
    if isinstance(node, str):
        return not node
    if node.tag not in INLINE or node.tag in _SHOWN_EMPTY or node.attributes.get("href"):
        return False
    return all(map(_shows_nothing, node.children))


def named(image: Element) -> str:
    """« Image : un plan », or « Image »."""
    return f"Image : {' '.join(image.attributes.get('alt', '').split())}".rstrip(" :")


def linked(image: Element) -> Sequence[Node]:
    """A link: the picture stays where it is, and no reader's browser asks another ministry for it unasked."""
    address = image.attributes.get("src", "")
    return [Element("a", {"href": address}, [named(image)])] if address.startswith(WEB) else [named(image)]


def without_pictures(link: Element) -> Sequence[Node]:
    """A link in which no other stands: pictures are named. Its words alone where it leads nowhere."""
    address = link.attributes.get("href", "")
    inner = _unlinked(link.children)
    return [Element("a", {"href": address}, inner)] if address else inner


def _unlinked(nodes: Sequence[Node]) -> list[Node]:
    return [
        one
        for node in nodes
        for one in (
            [node]
            if isinstance(node, str)
            else _unlinked(node.children)
            if node.tag == "a"
            else [Element(node.tag, node.attributes, _unlinked(node.children))]
        )
    ]


def plain_table(table: Element) -> Element:
    """Rows of cells, none of which spans others."""
    rows = [[Element(cell.tag, {}, cell.children) for cell in row] for row in rows_of(table)]
    return Element("table", {}, [Element("tbody", {}, [Element("tr", {}, [*row]) for row in rows])])
