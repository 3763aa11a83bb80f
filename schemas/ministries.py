"""Whose ministry an event may name: never that of another node."""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from schemas.manifest import Registry
    from schemas.proof import VerifiedEvent

OF_ANOTHER: Final = "ministry_of_another_node"
LONGEST: Final = 200  # as a fact holds it
FILLERS: Final = "\u115f\u1160"  # letters by their category that nobody sees


def of_another_node(verified: VerifiedEvent, registry: Registry) -> bool:
    """Whether a person is said to be of a ministry that has a node of its own, which alone may say so.

    A proof tells which node signed; people read a name and a ministry. A node may name a part of itself, or a server of guests, that the
    registry does not know; two nodes of one ministry bear the same name.
    """
    person = getattr(verified.fact, "author", None) or getattr(verified.fact, "member", None)
    node = registry.node(verified.event.envelope.source)
    if person is None or node is None:
        return False
    said = _folded(person.organisation)
    if said in {"", _folded(node.organisation)}:
        return False
    return any(_folded(other.organisation) == said for other in registry.document.nodes)


@lru_cache(maxsize=4_096)
def _folded(ministry: str) -> str:
    """As people would take it for the same: letters and digits alone, without case, accents, spaces or what shows nothing."""
    spelled = unicodedata.normalize("NFKD", ministry[:LONGEST])
    return "".join(sign for sign in spelled if sign.isalnum() and sign not in FILLERS).casefold()
