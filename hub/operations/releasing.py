"""The use case of letting go on: somebody of the federation ends a quarantine, in her own name, and says why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from hub.operations import quarantine
from hub.registry import admission
from hub.registry.acts import Act, ActKind
from hub.registry.admission_work import Work, said_why
from schemas.application import Kind

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from sqlalchemy.ext.asyncio import AsyncConnection

    from hub.registry.people import Presence

ENDED: Final[Mapping[Kind, Callable[[AsyncConnection, str], Awaitable[bool]]]] = {
    Kind.NODE: quarantine.release,
    Kind.PEER: quarantine.release_peer,
}


class Desk(Work, Protocol):
    """A transaction of the registry's that reaches the quarantines too."""

    connection: AsyncConnection


async def release(kind: Kind, name: str, reason: str, presence: Presence, work: Desk) -> bool:
    """End the quarantine of a node or a peer; False where it was in none. One person is enough: it gives no right.

    Raises NodeNotFound or ReasonMissing.
    """
    await work.nodes.lock()
    subject, why = f"{kind.value}/{name}", said_why(reason)
    await admission.grade_of(subject, work)
    if not await ENDED[kind](work.connection, name):
        return False
    await work.acts.add(Act(subject, ActKind.QUARANTINE_ENDED, work.clock(), reason=why, presence=presence))
    return True
