"""A message longer than its RSE takes, as orders in a row: the first is the message, the others continue it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from html import escape
from typing import TYPE_CHECKING

from adapters.markup import words
from adapters.port import Act, Part
from schemas.facts.message import Content

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adapters.port import Order, Written

MOST_PARTS = 12
"""More would bury a conversation: what is longer still is read at its origin."""
_TOO_LONG = "<p><em>La suite, trop longue pour cet espace, "
_AT_ITS_ORIGIN = 'est dans le message d’origine.</em></p><p><a href="{}">Lire la suite</a></p>'
_WITHOUT_ADDRESS = "ne se lit que dans le réseau où ce message a été écrit.</em></p>"


@dataclass(frozen=True, slots=True)
class PartCopy:
    """A later part of a copy as it stands here now; None where it was taken away."""

    number: int
    native_id: str
    written: Written | None


def parts_of(order: Order, pieces: Sequence[str]) -> tuple[Order, ...]:
    """One order for each piece of HTML. A part has a key and a subject of its own, so that each is written once whatever fails between two."""
    if len(pieces) <= 1 or order.content is None:
        return (order,)
    kept = [*pieces[:MOST_PARTS]]
    if len(pieces) > MOST_PARTS:
        kept[-1] += _TOO_LONG + (_AT_ITS_ORIGIN.format(escape(order.link)) if order.link else _WITHOUT_ADDRESS)
    return tuple(_part(order, html, Part(number, len(kept))) for number, html in enumerate(kept, 1))


def _part(order: Order, html: str, part: Part) -> Order:
    """Files are named where the message ends, its title where it begins."""
    one = replace(
        order,
        content=Content(html=html, text=words(html)),
        part=part,
        attachments=order.attachments if part.number == part.of else (),
    )
    return one if part.number == 1 else following(one, part.number)


def following(order: Order, number: int) -> Order:
    """A later part of an order, known by a key and a subject of its own."""
    return replace(order, key=f"{order.key}.{number}", subject=f"{order.subject}.{number}", title=None, parent_missing=False, parts=())


def placed(part: Order, under: str, native_id: str | None) -> Order:
    """A later part under the first: written anew, or changed where it stands already."""
    return replace(part, act=Act.POSTED if native_id is None else Act.EDITED, parent=under, native_id=native_id)


def taken_away(order: Order, number: int, native_id: str) -> Order:
    """The deletion of a later part."""
    return replace(following(order, number), act=Act.DELETED, native_id=native_id, content=None, attachments=(), part=None)
