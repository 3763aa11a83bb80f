"""The use case of sending again what a peer did not take: somebody of the federation asks for it once the other side is repaired, and says why."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import unquote

from hub.operations import set_aside
from hub.operations.demanded import demands
from hub.ports import PEER_AGAIN, PEER_ONLY, Outgoing, RefusedError
from hub.registry import admission
from hub.registry.acts import Act, ActKind
from hub.registry.admission_work import Work, said_why
from schemas.application import Kind
from schemas.topics import PEERS_OUTBOUND
from schemas.wire.records import CORRELATION, new_correlation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.ext.asyncio import AsyncConnection

    from hub.operations.set_aside import SetAside
    from hub.registry.people import Presence

MOST: Final = 500
"""Activities of one act: each is read and signed anew, and what people say meanwhile goes to the peer after them."""


class Outbox(Protocol):
    """What a transaction says to the world."""

    def add(self, outgoing: Outgoing) -> None:
        """Remember a row."""
        ...


class Desk(Work, Protocol):
    """A transaction of the registry's that reaches what peers are told too."""

    connection: AsyncConnection

    @property
    def outbox(self) -> Outbox:
        """Written with the transaction."""
        ...


@dataclass(frozen=True, slots=True)
class Resent:
    """How many go again, what they bring along of what was said of the same things since, why others do not, and how many still wait."""

    activities: int
    along: int
    refused: Mapping[str, int]
    waiting: int


async def resend(peer: str, unverified_name: str | None, reason: str, presence: Presence, work: Desk) -> Resent:
    """Have one activity, named by its event or its address, or all that was set aside, brought to a peer again. One person is enough: it gives no right.

    The courier brings the bytes that were told, among all else and after it, and signs the request anew. Raises NodeNotFound, ReasonMissing,
    or RefusedError where nothing goes.
    """
    subject, why = f"{Kind.PEER.value}/{peer}", said_why(reason)
    await admission.grade_of(subject, work)
    await set_aside.lock(work.connection, peer)
    found, now = await _judged(peer, await _meant(peer, unverified_name, work), work), work.clock()
    if not found.going:
        raise RefusedError(next(iter(found.refused)))
    places = found.places
    for offset in sorted(places):
        work.outbox.add(_again(places[offset], offset, peer, work))
    await set_aside.resent(work.connection, peer, places, now)
    await work.acts.add(Act(subject, ActKind.ACTIVITIES_RESENT, now, reason=why, presence=presence))
    return Resent(found.going, len(places) - found.going, found.refused, await set_aside.count(work.connection, peer))


@dataclass(slots=True)
class _Judged:
    """How many go, at which places of the topic, and why others do not."""

    going: int = 0
    places: dict[int, SetAside] = field(default_factory=dict)
    refused: Counter[str] = field(default_factory=Counter)


async def _judged(peer: str, event: str | None, work: Desk) -> _Judged:
    """The oldest that may go, however many stand before them that may not."""
    found, now, after = _Judged(), work.clock(), -1
    while page := await set_aside.set_aside(work.connection, peer, MOST, after, event):
        known, after = await demands(work.connection, peer, page), page[-1].offset
        judged = [(one, known.why_not(one, now)) for one in page]
        going = [one for one, why_not in judged if why_not is None]
        found.going += len(going)
        found.places |= {offset: one for one in going for offset in known.along(one)}
        found.refused.update(why_not for _, why_not in judged if why_not is not None)
        if found.going >= MOST:
            break
    return found


async def _meant(peer: str, unverified_name: str | None, work: Desk) -> str | None:
    """The event that is meant, by its id or by the address of the activity that tells it; None where all are."""
    if not await set_aside.count(work.connection, peer):
        raise RefusedError("nothing_set_aside")
    if unverified_name is None:
        return None
    event = unquote(unverified_name.strip().rpartition("/activities/")[2].partition("#")[0])
    if not event or not await set_aside.set_aside(work.connection, peer, 1, event=event):
        raise RefusedError("activity_not_set_aside")
    return event


def _again(one: SetAside, offset: int, peer: str, work: Desk) -> Outgoing:
    """A record that points to what was told: nobody re-serialises it."""
    said = {PEER_AGAIN: str(offset), PEER_ONLY: peer, CORRELATION: new_correlation()}
    headers = tuple((name, value.encode()) for name, value in said.items())
    name = hashlib.sha256("\0".join(said.values()).encode()).hexdigest()
    return Outgoing(PEERS_OUTBOUND.name, one.community, b"{}", headers, name[:32], name, work.clock())
