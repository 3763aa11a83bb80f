"""A list that an RSE tells page by page, while people come and go: whole, or not believed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from adapters.people import TOO_MANY, Pieced
from adapters.port import Later, Never

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Hashable, Sequence


MOVED: Final = "list_moved"
TRIES: Final = 2
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Portion(Generic[Item]):
    """What stands from a place on, and how many there are in all."""

    items: Sequence[Item]
    total: int


async def gathered(
    ask: Callable[[int], Awaitable[Portion[Item] | Later | Never]], key: Callable[[Item], Hashable], most: int
) -> tuple[Item, ...] | Later | Never:
    """All of it, by the place from which to ask; Never(TOO_MANY) past `most`, Never(MOVED) where it moved each time that it was read."""
    for _ in range(TRIES):
        found = await _read(ask, key, most)
        if not isinstance(found, Never) or found.reason != MOVED:
            break
    return found


async def _read(
    ask: Callable[[int], Awaitable[Portion[Item] | Later | Never]], key: Callable[[Item], Hashable], most: int
) -> tuple[Item, ...] | Later | Never:
    """Each page begins with the last of the one before: where another stands there, somebody came or went above, and who slid up was passed over."""
    page = await ask(0)
    found: list[Item] = []
    while not isinstance(page, Later | Never):
        if page.total > most:
            return Never(TOO_MANY)
        if not found and len(page.items) >= page.total:
            return tuple(page.items)
        more = page.items[1:] if found else page.items
        if found and (not page.items or key(page.items[0]) != key(found[-1])):
            return Never(MOVED)
        if not more and len(found) < page.total:
            return Later("list_incomplete")
        found += more
        if len(found) >= page.total:
            return Pieced(found) if len({key(one) for one in found}) == page.total else Never(MOVED)
        page = await ask(len(found) - 1)
    return page
