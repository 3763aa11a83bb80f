"""What several platforms show of the subset in the same way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schemas.markup.tree import Element, rows_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schemas.markup.tree import Node

WEB = ("https://", "http://")


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
