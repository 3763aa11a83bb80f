"""Manifests that end: how long each still answers for its node or peer, said before and after."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from hub.access import expired
from hub.registry.peer_repository import SqlPeers
from hub.registry.repository import SqlNodes
from schemas.application import Kind
from schemas.manifest import Grade

if TYPE_CHECKING:
    from collections.abc import Container
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

    from hub.registry.model import Node
    from hub.registry.peers import Peer

WARNING: Final = timedelta(days=30)
"""So long before its end a manifest is said to end: its organisation signs another, and two people read it."""
ADMITTED: Final = frozenset({Grade.OBSERVER, Grade.FULL})


class Validity(StrEnum):
    """Whether a manifest still answers for who signed it."""

    CURRENT = "current"
    ENDING = "ending"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Ending:
    """A manifest of somebody admitted, and when it ends."""

    kind: Kind
    name: str
    until: datetime
    validity: Validity

    @property
    def subject(self) -> str:
        """As acts name it."""
        return f"{self.kind.value}/{self.name}"


def validity(member: Node | Peer, now: datetime) -> Validity:
    """How somebody's manifest stands; of who is not admitted nothing can end any more."""
    if member.expires is None or member.grade not in ADMITTED or member.expires - now > WARNING:
        return Validity.CURRENT
    return Validity.EXPIRED if expired(member.expires, now) else Validity.ENDING


async def manifests(connection: AsyncConnection, now: datetime) -> list[Ending]:
    """Every manifest by which somebody is admitted, the first to end first."""
    nodes, peers = (await SqlNodes(connection).all()).values(), (await SqlPeers(connection).all()).values()
    named: list[tuple[Kind, Node | Peer]] = [*((Kind.NODE, node) for node in nodes), *((Kind.PEER, peer) for peer in peers)]
    found = [
        Ending(kind, one.id, one.expires, validity(one, now)) for kind, one in named if one.expires is not None and one.grade in ADMITTED
    ]
    return sorted(found, key=lambda one: (one.until, one.subject))


async def endings(connection: AsyncConnection, now: datetime, among: Container[str] | None = None) -> list[Ending]:
    """The manifests that end soon or have ended: all of them, or only those of these subjects."""
    found = [one for one in await manifests(connection, now) if one.validity is not Validity.CURRENT]
    return [one for one in found if among is None or one.subject in among]
