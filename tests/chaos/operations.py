"""The agents at work: each deed at its time, in the RSE of her own ministry, and what came of it in the book."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.chaos.rse import Refused, Unsure, text_of, title_of
from tests.chaos.schedule import Wish

if TYPE_CHECKING:
    from tests.chaos.book import Book, Entry
    from tests.chaos.rse import Rse
    from tests.chaos.schedule import Deed
    from tests.chaos.town import Town


class Agents:
    """All people of all RSEs."""

    def __init__(self, town: Town, book: Book) -> None:
        self._town, self._book = town, book

    async def act(self, deed: Deed) -> None:
        """Do it once what she did before with the same message has its answer."""
        rse = self._town.rses[deed.rse]
        entry = self._book.entry(deed, rse.seat.node, self._town.communities[deed.community])
        async with entry.turn:
            try:
                done = await self._acted(deed, entry, rse)
            except Refused:
                self._book.refused[deed.wish] += 1
            except Unsure:
                entry.unsure(deed.wish, deed.version)
                self._book.unsure[deed.wish] += 1
            else:
                if done:
                    entry.done(deed.wish, deed.version)
                (self._book.done if done else self._book.idle)[deed.wish] += 1

    async def _acted(self, deed: Deed, entry: Entry, rse: Rse) -> bool:
        """Whether there was anything to act upon."""
        text = text_of(deed.message, deed.version)
        if deed.wish in {Wish.POST, Wish.REPLY}:
            answered = await self._place_of(deed.parent, rse) if deed.parent is not None else None
            if answered is None:  # what she would answer has not come to her RSE, or is gone: she says it anew
                entry.native_id = await rse.post(deed.agent, entry.community, title_of(deed.message), text)
            else:
                entry.native_id = await rse.reply(deed.agent, entry.community, answered, text)
                entry.parent = deed.parent
            return True
        native_id = entry.native_id
        if native_id is None or (deed.wish is not Wish.RESTORE and not entry.seen):
            return False
        match deed.wish:
            case Wish.EDIT:
                await rse.edit(deed.agent, entry.community, native_id, text)
            case Wish.DELETE:
                await rse.delete(deed.agent, entry.community, native_id)
            case Wish.RESTORE:
                await rse.restore(deed.agent, entry.community, native_id)
        return True

    async def _place_of(self, message: int, rse: Rse) -> str | None:
        if message not in rse.natives:
            await rse.look()
        return rse.natives.get(message)
