"""The agents at work: each deed at its time, in the RSE of her own ministry, and what came of it in the book."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from tests.chaos.book import Answer, Coming, Entry, Reaction
from tests.chaos.people import Wish
from tests.chaos.rse import Refused, Unsure
from tests.chaos.words import text_of, title_of

if TYPE_CHECKING:
    from tests.chaos.book import Book
    from tests.chaos.people import Deed
    from tests.chaos.rse import Rse
    from tests.chaos.town import Town


WAITS: Final = 6
"""Seconds that people wait for a message to which they wish to react."""


class Agents:
    """All people of all RSEs."""

    def __init__(self, town: Town, book: Book) -> None:
        self._town, self._book = town, book

    async def act(self, deed: Deed) -> None:
        """Do it once what was done before to the same thing has its answer."""
        rse = self._town.rses[deed.rse]
        slot = self._slot(deed, rse)
        if slot is None or self._town.awaits(rse if isinstance(slot, Entry | Coming) else None, self._town.communities[deed.community]):
            self._book.idle[deed.wish] += 1
            return
        number = deed.version if isinstance(slot, Entry) else deed.message
        async with slot.turn:
            try:
                done = await self._acted(deed, slot, rse)
            except Refused:
                self._book.refused[deed.wish] += 1
            except Unsure:
                slot.unsure(deed.wish, number)
                self._book.unsure[deed.wish] += 1
            else:
                if done and deed.wish is Wish.EDIT and rse.dates_edits:
                    slot.unsure(deed.wish, number)
                elif done:
                    slot.done(deed.wish, number)
                (self._book.done if done else self._book.idle)[deed.wish] += 1

    def _slot(self, deed: Deed, rse: Rse) -> Entry | Reaction | Answer | Coming | None:
        """What the deed is about; None where there is no such thing, since what it needs was never written."""
        match deed.wish:
            case Wish.POST | Wish.REPLY | Wish.EDIT | Wish.DELETE | Wish.RESTORE:
                return self._book.entry(deed.message, rse.seat.node, self._town.communities[deed.community])
            case Wish.REACT | Wish.UNREACT:
                return self._book.reactions.setdefault((deed.message, rse.seat.node, deed.agent), Reaction())
            case Wish.ACCEPT | Wish.UNACCEPT:
                if deed.message not in self._book.entries:
                    return None
                question = self._book.root(deed.message)
                return self._book.answers.setdefault(question, Answer(self._book.entries[question].rse))
            case Wish.ENTER | Wish.LEAVE:
                return self._book.comings.setdefault((deed.rse, deed.community), Coming())

    async def _acted(self, deed: Deed, slot: Entry | Reaction | Answer | Coming, rse: Rse) -> bool:
        """Whether there was anything to act upon."""
        match slot:
            case Entry():
                return await self._written(deed, slot, rse)
            case Reaction():
                return await self._reacted(deed, slot, rse)
            case Answer():
                return await self._answered(deed, slot, rse)
            case Coming():
                community = self._town.communities[deed.community]
                await (rse.enter(community) if deed.wish is Wish.ENTER else rse.leave(community))
                return True

    async def _written(self, deed: Deed, entry: Entry, rse: Rse) -> bool:
        if deed.wish in {Wish.POST, Wish.REPLY}:
            return await self._said(deed, entry, rse)
        native_id, text = entry.native_id, self._words(deed, entry, rse)
        if native_id is None or (deed.wish is not Wish.RESTORE and not entry.seen):
            return False
        match deed.wish:
            case Wish.EDIT:
                await rse.edit(deed.agent, entry.community, native_id, text)
            case Wish.DELETE:
                await rse.delete(deed.agent, entry.community, native_id)
            case _:
                await rse.restore(deed.agent, entry.community, native_id)
        return True

    def _words(self, deed: Deed, entry: Entry, rse: Rse) -> str:
        if deed.long and deed.wish in rse.longest:
            entry.lengths[deed.version] = rse.longest[deed.wish]
        return text_of(deed.message, deed.version, entry.lengths.get(deed.version, 0))

    async def _said(self, deed: Deed, entry: Entry, rse: Rse) -> bool:
        text = self._words(deed, entry, rse)
        answered = await self._place_of(deed.parent, rse) if deed.parent is not None else None
        above = None if answered is None else await rse.hanger(answered)
        if above is None:  # what she would answer has not come to her RSE, or is gone: she says it anew
            entry.native_id = await rse.post(deed.agent, entry.community, title_of(deed.message), text)
        else:
            entry.native_id = await rse.reply(deed.agent, entry.community, above, text)
            entry.parent = rse.number_of(above)
        return True

    async def _reacted(self, deed: Deed, reaction: Reaction, rse: Rse) -> bool:
        place, community = await self._awaited(deed.message, rse), self._town.communities[deed.community]
        if place is None:
            return False
        if deed.wish is Wish.REACT:
            reaction.handle = await rse.react(deed.agent, community, place)
            return True
        if reaction.handle is None or reaction.may_be != frozenset({True}):
            return False
        await rse.unreact(deed.agent, community, place, reaction.handle)
        return True

    async def _answered(self, deed: Deed, answer: Answer, rse: Rse) -> bool:
        place = await self._awaited(deed.message, rse)
        if place is None or answer.rse != rse.seat.node:
            return False
        if deed.wish is Wish.ACCEPT:
            await rse.accept(deed.agent, place)
            return True
        if answer.may_be != frozenset({deed.message}):
            return False
        await rse.unaccept(deed.agent, place)
        return True

    async def _awaited(self, message: int, rse: Rse) -> str | None:
        """Where a message lies, once it has come."""
        for _ in range(WAITS):
            place = await self._place_of(message, rse)
            if place is not None:
                return place
            await asyncio.sleep(1.0)
        return None

    async def _place_of(self, message: int, rse: Rse) -> str | None:
        if message not in rse.natives:
            await rse.look()
        return rse.natives.get(message)
