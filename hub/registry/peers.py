"""Peers: servers that others run and that the federation admits; values and rules."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from schemas.manifest import Grade

if TYPE_CHECKING:
    from datetime import datetime

    from schemas.application import Manifest


class PeerKind(StrEnum):
    """What a peer is: a server of the fediverse, or another Trait d'union, whose own registry vouches for its ministries."""

    ACTIVITYPUB = "activitypub"
    TRAITDUNION = "traitdunion"


@dataclass(frozen=True, slots=True)
class Peer:
    """A server of others. `id` is its authority, in lower case, with the port where it is not the default one.

    `cavage` tells whether it may sign by draft-cavage; `networks` are private address ranges in which it may stand;
    `anchor` is the key (Multikey) that signs its own registry, where it is a Trait d'union.
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


def declared_peer(manifest: Manifest, applied_at: datetime) -> Peer:
    """A candidate, as its manifest describes it; raises ValueError for a manifest that describes no server."""
    said = manifest.peering
    if said is None:
        raise ValueError(manifest.subject)
    name, organisation = manifest.organisation.name, manifest.organisation.siret
    return Peer(
        manifest.id, name, organisation, PeerKind(said.kind.value), Grade.CANDIDATE, applied_at, None,
        said.cavage, said.networks, said.anchor,
    )  # fmt: skip
