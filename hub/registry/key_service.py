"""Use cases of keys: revoke one, call one compromised, let another follow."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from hub.registry import key_life
from hub.registry.acts import Act, ActKind
from hub.registry.admission_work import KeyTaken, NodeNotFound, keys_of_hub
from schemas.manifest import KeyEntry, KeyState
from schemas.rotation import RotationRefused

if TYPE_CHECKING:
    from datetime import datetime

    from hub.registry.admission_work import Work
    from hub.registry.model import Node
    from hub.registry.people import Presence
    from schemas.rotation import Announced


LEAD: Final = timedelta(minutes=2)
"""So long a new key is known before it is active: connectors ask for the registry every 30 s, doors every second."""
OVERLAP: Final = timedelta(days=1)
"""So long the old key is believed after: what it signed may still wait in a connector's spool while Kafka is away."""


@dataclass(frozen=True, slots=True)
class Plan:
    """When a key follows another."""

    lead: timedelta = LEAD
    overlap: timedelta = OVERLAP


async def revoke_key(node_id: str, key_id: str, presence: Presence, work: Work) -> None:
    """Revoke a key from now on: what it signs later is refused by name. Raises NodeNotFound, or LookupError for an unknown key."""
    node = await _node(node_id, work)
    now = work.clock()
    await work.nodes.save(replace(node, keys=key_life.revoked(node.keys, key_id, now)))
    await work.acts.add(Act(f"node/{node_id}", ActKind.KEY_REVOKED, now, key=key_id, presence=presence))
    await work.publish_registry()


async def call_compromised(node_id: str, key_id: str, since: datetime, presence: Presence, work: Work) -> None:
    """Revoke a key, and doubt what it signed from a moment on: it was in other hands. Raises as `revoke_key`, ValueError for the future."""
    node = await _node(node_id, work)
    now = work.clock()
    if since > now:
        raise ValueError(since.isoformat())
    await work.nodes.save(replace(node, keys=key_life.compromised(node.keys, key_id, since, now)))
    reason = since.isoformat(timespec="seconds")
    await work.acts.add(Act(f"node/{node_id}", ActKind.KEY_COMPROMISED, now, key=key_id, reason=reason, presence=presence))
    await work.publish_registry()


async def rotate(announced: Announced, plan: Plan, presence: Presence, work: Work) -> KeyEntry:
    """Let a key follow a node's key, by the word of both: pending at once, active in a while, the old one believed for the overlap after.

    Raises NodeNotFound, KeyTaken, or RotationRefused where the key that speaks is not one by which the node signs now.
    """
    node = await _node(announced.node, work)
    now, old = work.clock(), next((key for key in node.keys if key.multibase == announced.old), None)
    if old is None or old.state_at(now) not in {KeyState.ACTIVE, KeyState.RETIRING}:
        raise RotationRefused("rotation_by_another_key")
    everybody = {key.multibase for other in (await work.nodes.all()).values() for key in other.keys} | await keys_of_hub(work)
    if announced.new in everybody:
        raise KeyTaken(announced.new)
    new = KeyEntry(id=f"{node.id}#{announced.new}", multibase=announced.new, custody=announced.custody)
    keys = key_life.rotated(node.keys, new, now, now + plan.lead, plan.overlap)
    await work.nodes.save(replace(node, keys=keys))
    await work.acts.add(Act(f"node/{node.id}", ActKind.KEY_ROTATED, now, key=new.id, presence=presence))
    await work.publish_registry()
    return keys[-1]


async def _node(node_id: str, work: Work) -> Node:
    await work.nodes.lock()
    node = await work.nodes.get(node_id)
    if node is None:
        raise NodeNotFound(node_id)
    return node
