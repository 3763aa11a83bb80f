"""Peers: servers that others run and that the federation admits; values and rules."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from hub.access import peer_may_anything
from hub.registry.declarations import Declaration
from schemas.manifest import Grade

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from schemas.application import Manifest
    from schemas.manifest import KeyEntry


class PeerKind(StrEnum):
    """What a peer is: a server of the fediverse, or another Trait d'union, whose own registry vouches for its ministries."""

    ACTIVITYPUB = "activitypub"
    TRAITDUNION = "traitdunion"


@dataclass(frozen=True, slots=True)
class Peer:
    """A server of others. `id` is its authority, in lower case, with the port where it is not the default one.

    `cavage` tells whether it may sign by draft-cavage; `networks` are private address ranges in which it may stand;
    `anchor` is the key (Multikey) that signs its own registry, where it is a Trait d'union; `declared` that people of the
    federation describe it, since it signed no manifest.
    """

    id: str
    name: str
    organisation: str
    kind: PeerKind
    grade: Grade
    applied_at: datetime
    admitted_at: datetime | None = None
    cavage: bool = False
    networks: tuple[str, ...] = ()
    anchor: str | None = None
    declared: bool = False
    expires: datetime | None = None
    """Until when its accepted manifest answers for it; a declaration has no end."""
    hub_keys: tuple[KeyEntry, ...] = ()
    """Its hub's keys, as its own registry told them last; none before that was read."""

    @property
    def acknowledges(self) -> bool:
        """Whether it tells what became of what it takes: another Trait d'union, whose key we were given."""
        return self.kind is PeerKind.TRAITDUNION and self.anchor is not None


def admitted(peers: Callable[[str], Peer | None]) -> Callable[[str], Peer | None]:
    """Of these peers, those whom people have given any right: for a door there is nobody else.

    A candidate chose its own address, and the private networks in which it would be asked; nobody has agreed to either.
    """

    def known(authority: str) -> Peer | None:
        peer = peers(authority)
        return peer if peer is not None and peer_may_anything(peer.grade) else None

    return known


def described(said: Manifest | Declaration, applied_at: datetime) -> Peer:
    """A candidate, as its manifest or a declaration describes it; raises ValueError for a manifest that describes no server."""
    if isinstance(said, Declaration):
        owner = said.organisation
        return Peer(
            said.authority, owner.name, owner.siret or owner.name, PeerKind.ACTIVITYPUB, Grade.CANDIDATE, applied_at, None,
            said.cavage, said.networks, declared=True,
        )  # fmt: skip
    peering = said.peering
    if peering is None:
        raise ValueError(said.subject)
    name, organisation = said.organisation.name, said.organisation.siret
    return Peer(
        said.id, name, organisation, PeerKind(peering.kind.value), Grade.CANDIDATE, applied_at, None,
        peering.cavage, peering.networks, peering.anchor, expires=said.expires,
    )  # fmt: skip
