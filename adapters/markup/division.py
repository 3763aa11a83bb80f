"""A text that is longer than a platform takes, in pieces that are not: nothing of it is cut off, nothing said twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schemas.markup.safe import safe_html
from schemas.markup.tree import Element, parse, serialised, text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from schemas.markup.tree import Node

    Weigh = Callable[[str], int]

_STEP = 20
LEAST_ROOM = 200  # what is left of a piece inside lists in quotations in lists


def divided(html: str, room: int, weigh: Weigh) -> list[str]:
    """Pieces of at most `room`, by what `weigh` says of their HTML: parted between blocks, else items, lines, words, letters."""
    nodes, target = parse(safe_html(html)), room
    while True:
        pieces = [serialised(group) for group in _packed(nodes, target, weigh)] or [""]
        over = max(map(weigh, pieces)) - room
        if over <= 0 or target <= LEAST_ROOM:
            return pieces
        target = max(target - over - _STEP, LEAST_ROOM)  # margins of lists and quotations weigh on every line of what they hold


def _packed(nodes: Iterable[Node], room: int, weigh: Weigh) -> list[list[Node]]:
    groups: list[list[Node]] = []
    left = 0
    for node in nodes:
        for one in _atoms(node, room, weigh):
            weight = weigh(serialised([one])) + 2  # two line ends between blocks
            if not groups or weight > left:
                groups.append([])
                left = room
            groups[-1].append(one)
            left -= weight
    return groups


def _atoms(node: Node, room: int, weigh: Weigh) -> Sequence[Node]:
    """A node in parts that each fit."""
    length = len(text_of([node]))
    weight = weigh(serialised([node])) + 2 if length <= room else length  # what is far too long is not weighed whole
    if weight <= room:
        return [node]
    if isinstance(node, str):
        parts = _parted(node, length * room // (weight + 1)) if length > 1 else ()
        return [one for part in parts for one in _atoms(part, room, weigh)] or [node]
    if not node.children:
        return _atoms(node.attributes.get("alt", ""), room, weigh)
    around = weigh(serialised([Element(node.tag, node.attributes, [])]))
    if around > room - LEAST_ROOM:  # an address longer than any message: its words stay
        return [one for child in node.children for one in _atoms(child, room, weigh)]
    groups = _packed(node.children, max(room - around - 8, LEAST_ROOM), weigh)
    return [Element(node.tag, attributes, group) for attributes, group in zip(_numbered(node, groups), groups, strict=True)]


def _numbered(node: Element, groups: Sequence[Sequence[Node]]) -> list[dict[str, str]]:
    """A numbered list goes on where its first part ended."""
    if node.tag != "ol":
        return [node.attributes for _ in groups]
    numbers = [int(node.attributes.get("start") or 1)]
    for group in groups[:-1]:
        numbers.append(numbers[-1] + sum(isinstance(one, Element) and one.tag == "li" for one in group))
    return [{**node.attributes, "start": str(number)} for number in numbers]


def _parted(text: str, most: int) -> tuple[str, str]:
    """The first `most` letters or so and the rest, parted at a blank where there is one."""
    most = max(most * 19 // 20, 1)
    at = max(text.rfind("\n", 1, most), text.rfind(" ", 1, most))
    cut = at if at > most // 2 else most
    return text[:cut], text[cut:]
