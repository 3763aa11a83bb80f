"""All who like an activity or a comment of REST v1, which writes out the first five: asked once for each set that shows."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from adapters.exo.dialect import Page, listed, quoted, read, settled
from adapters.exo.payload import Liker
from adapters.exo.reading import Entry
from adapters.port import Later, Never

if TYPE_CHECKING:
    from adapters.exo.dialect import Found
    from adapters.exo.http import Api

PAGE = 50
MOST_PAGES = 40
REMEMBERED = 2000  # activities: ten windows


class Likers:
    """Asks for those who were left out; one who takes her place in silence, the count and the first five the same, is seen later."""

    def __init__(self, api: Api, social: str) -> None:
        self._api, self._social = api, social
        self._known: dict[str, tuple[object, tuple[Liker, ...]]] = {}

    async def whole(self, page: Page) -> Page | Later:
        """The page with all likers that eXo tells."""
        entries: list[Found] = []
        for entry in page.entries:
            found = await self._entry(entry) if isinstance(entry, Entry) and entry.more_likes else entry
            if isinstance(found, Later):
                return found
            entries.append(found)
        return replace(page, entries=tuple(entries))

    async def _entry(self, entry: Entry) -> Entry | Later:
        shown = (entry.likes, entry.likers)
        known = self._known.get(entry.id)
        if known is None or known[0] != shown or entry.likes is None:
            likers = await self._ask(entry.id)
            if isinstance(likers, Later):
                return likers
            if isinstance(likers, Never):
                return entry
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            known = self._known[entry.id] = (shown, likers)
        return replace(entry, likers=known[1], likes=len(known[1]))

    async def _ask(self, wanted: str) -> tuple[Liker, ...] | Later | Never:
        found: list[Liker] = []
        for number in range(MOST_PAGES):
            options = quoted([("offset", number * PAGE), ("limit", PAGE)])
            answer = await self._api.get(f"{self._social}/activities/{wanted}/likes", options)
            refused = await settled(self._api, answer)
            if refused is not None or isinstance(answer, Later):
                return refused or Later("unreachable")
            page = listed(answer.document, "likes")
            found += [one for document in page if (one := read(Liker, document)) is not None]
            if len(page) < PAGE:
                return tuple(found)
        return Never("list_incomplete")
