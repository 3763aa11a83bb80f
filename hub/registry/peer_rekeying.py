"""Another Trait d'union whose pair was replaced without its word: its own registry, under the anchor that it was admitted with, says by which."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.registry.acts import Act, ActKind
from hub.registry.admission_work import KeyTaken, NodeNotFound, keys_of_hub
from hub.registry.pair_roles import ENDED
from hub.registry.peer_keys import proving
from schemas.application import Kind
from schemas.manifest import KeyState, Registry

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from hub.registry.admission_work import Work
    from hub.registry.peers import Peer
    from hub.registry.people import Presence
    from schemas.manifest import KeyEntry


class RekeyRefused(ValueError):
    """That registry says nothing by which another key would be this server's; `reason` is machine-readable."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


async def rekey(authority: str, unverified_registry: bytes | None, presence: Presence, work: Work) -> str:
    """Let the pair by which another Trait d'union signs now speak for it, by the word of its registry; its key's id.

    None is the registry that our door believed last. What the new key signs must still be accepted by two people: this admits nothing.
    Raises NodeNotFound, KeyTaken, RekeyRefused, or RegistryRefused for a registry that its anchor does not vouch for, or an older one.
    """
    await work.nodes.lock()
    peer, subject = await work.peers.get(authority), f"{Kind.PEER.value}/{authority}"
    if peer is None:
        raise NodeNotFound(authority)
    now, registry = work.clock(), await _registry(peer, unverified_registry, work)
    known = proving(authority, await work.applications.of(subject), await work.acts.of(subject))
    told = {f"{authority}#{key.multibase}": key for key in registry.document.federation}
    new = _signing(told.values(), now)
    if f"{authority}#{new.multibase}" in known:
        raise RekeyRefused("rekey_nothing_new")
    if not all(key in told and told[key].state_at(now) in ENDED for key in known):
        raise RekeyRefused("rekey_key_not_ended")
    others = {key.multibase for node in (await work.nodes.all()).values() for key in node.keys} | await keys_of_hub(work)
    if new.multibase in others:
        raise KeyTaken(new.multibase)
    for old in sorted(known):
        await work.acts.add(Act(subject, ActKind.KEY_ROTATED, now, key=f"{authority}#{new.multibase}", reason=old, presence=presence))
    await work.publish_registry()
    return f"{authority}#{new.multibase}"


async def _registry(peer: Peer, unverified: bytes | None, work: Work) -> Registry:
    """The peer's registry: whole, of now, and following what we have seen of it."""
    if peer.anchor is None:
        raise RekeyRefused("rekey_without_anchor")
    kept = await work.peers.registry_of(peer)
    seen = Registry.believed(kept, peer.anchor) if kept is not None else None
    if unverified is None and kept is None:
        raise RekeyRefused("rekey_without_registry")
    return Registry.open(unverified or kept or b"", peer.anchor, work.clock(), seen)


def _signing(keys: Iterable[KeyEntry], now: datetime) -> KeyEntry:
    """The pair by which that server signs now, by its registry."""
    active = [key for key in keys if key.state_at(now) is KeyState.ACTIVE]
    if len(active) != 1:
        raise RekeyRefused("rekey_no_pair_signs")
    return active[0]
