"""Which pseudonym somebody bears: by the name under which she takes part, or by a message that she wrote."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, or_, select

from hub.communities.model import MembershipState
from hub.storage.tables import events, members, messages, outbox

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

ACTOR = "ce_actor"


class NotOne(LookupError):
    """Nobody answers to a description, or several people do."""

    def __init__(self, count: int) -> None:
        super().__init__(str(count))
        self.count = count


async def member_named(connection: AsyncConnection, name: str, community: str, node: str) -> tuple[str, str]:
    """Pseudonym and name of the one who takes part under this name. Raises NotOne."""
    named = (members.c.community == community, members.c.node == node, func.lower(members.c.name) == func.lower(name))
    present = members.c.state == MembershipState.PRESENT.value
    rows = list(await connection.execute(select(members.c.actor, members.c.name).where(*named, present).distinct()))
    if len({row.actor for row in rows}) != 1:
        raise NotOne(len({row.actor for row in rows}))
    return rows[0].actor, rows[0].name


async def author(connection: AsyncConnection, message: str, community: str, node: str) -> tuple[str, str]:
    """Pseudonym and name of who wrote a message, while its ministry's own event is kept. Raises NotOne."""
    hers = (messages.c.community == community, messages.c.node == node, or_(messages.c.id == message, messages.c.first_event == message))
    said = (
        select(outbox.c.headers, messages.c.author)
        .join(events, events.c.id == outbox.c.event)
        .join(messages, messages.c.id == events.c.subject)
    )
    row = (await connection.execute(said.where(*hers, events.c.node == node).order_by(outbox.c.sequence).limit(1))).first()
    if row is None or (actor := dict(row.headers).get(ACTOR)) is None:
        raise NotOne(0)
    return actor, row.author
