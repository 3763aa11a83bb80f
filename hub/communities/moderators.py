"""Who moderates a community: a person of some RSE, known by the pseudonym that her node signs; all the SQL of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, insert, select

from hub.access import CommunityRole
from hub.storage.moderation_tables import moderators

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

    from hub.access import Permit


@dataclass(frozen=True, slots=True)
class Moderator:
    """A person's role in one community, given by somebody of the federation."""

    community: str
    node: str
    actor: str
    name: str
    since: datetime
    named_by: str


class SqlModerators:
    """The roles of a transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def role_of(self, community: str, node: str, actor: str) -> CommunityRole | None:
        """What a person is in a community."""
        query = select(moderators.c.actor).where(*_named(community, node, actor))
        return CommunityRole.MODERATOR if await self._connection.scalar(query) is not None else None

    async def add(self, moderator: Moderator) -> None:
        """Give the role."""
        await self._connection.execute(insert(moderators).values(**asdict(moderator)))

    async def remove(self, community: str, node: str, actor: str) -> bool:
        """Take it back; False where it was not given."""
        return (await self._connection.execute(delete(moderators).where(*_named(community, node, actor)))).rowcount > 0


async def moderators_of(connection: AsyncConnection, permit: Permit, community: str) -> Sequence[Moderator]:
    """Who moderates a community, the longest first; for who holds a permit."""
    del permit
    query = select(moderators).where(moderators.c.community == community).order_by(moderators.c.since, moderators.c.node)
    return [Moderator(**row._mapping) for row in await connection.execute(query)]  # noqa: SLF001 - SQLAlchemy's documented way


def _named(community: str, node: str, actor: str) -> tuple[Any, ...]:
    return moderators.c.community == community, moderators.c.node == node, moderators.c.actor == actor
