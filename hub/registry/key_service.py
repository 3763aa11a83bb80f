"""Use cases of keys: revoke one, call one compromised, let another follow."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hub.registry import key_life
from hub.registry.acts import Act, ActKind
from hub.registry.admission_work import NodeNotFound

if TYPE_CHECKING:
    from datetime import datetime

    from hub.registry.admission_work import Work
    from hub.registry.model import Node
    from hub.registry.people import Presence


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


async def _node(node_id: str, work: Work) -> Node:
    await work.nodes.lock()
    node = await work.nodes.get(node_id)
    if node is None:
        raise NodeNotFound(node_id)
    return node
