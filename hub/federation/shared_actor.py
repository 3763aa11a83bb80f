"""Agents of a ministry share its one actor elsewhere: their likes are one Like there, told with the first and undone with the last."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert

from hub.storage.federation_tables import ministry_likes
from schemas.facts.reaction import LIKES

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

LIKE: Final = "Like"


def kind_of(emoji: str) -> str:
    """Reactions of one kind by one actor on one message are one to a server: it keeps who likes, not how often."""
    return LIKE if emoji in LIKES else emoji


class SqlMinistryLikes:
    """What stands elsewhere in ministries' names. Asked while its community is locked, and written with the transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def tell(self, node: str, message: str, kind: str, reaction: str) -> bool:
        """Whether this one is to be told: nothing of its kind stands there in the ministry's name. It does from here on."""
        row = {"node": node, "message": message, "kind": kind, "reaction": reaction}
        told = insert(ministry_likes).values(**row).on_conflict_do_nothing().returning(ministry_likes.c.reaction)
        return await self._connection.scalar(told) is not None

    async def take_back(self, node: str, message: str, kind: str) -> str | None:
        """The reaction under which it stood there, which it does no longer; None for what was told before this was kept."""
        mine = (ministry_likes.c.node == node, ministry_likes.c.message == message, ministry_likes.c.kind == kind)
        found: str | None = await self._connection.scalar(delete(ministry_likes).where(*mine).returning(ministry_likes.c.reaction))
        return found
