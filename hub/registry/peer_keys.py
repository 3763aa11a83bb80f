"""The keys by which a peer shows that it is still the same server: those of its manifest, or what has followed them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.registry.acts import Act, ActKind
from hub.registry.admission_work import KeyTaken, NodeNotFound, keys_of_hub
from hub.registry.applications import STANDING
from schemas.application import Kind, Manifest
from schemas.rotation import RotationRefused

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from hub.registry.acts import KeptAct
    from hub.registry.admission_work import Work
    from hub.registry.applications import Application
    from hub.registry.people import Presence
    from schemas.manifest import Custody
    from schemas.rotation import Announced


def proving(peer: str, applications: Iterable[Application], acts: Iterable[KeptAct]) -> set[str]:
    """Their ids. A key that another has followed proves nothing more; such an act names the former key as its reason."""
    said = [one.said for one in applications if one.state in STANDING]
    keys = {f"{peer}#{key.multibase}" for one in said if isinstance(one, Manifest) for key in one.keys}
    for act in acts:
        if act.kind is ActKind.KEY_ROTATED and act.key is not None and act.reason in keys:
            keys = (keys - {act.reason}) | {act.key}
    return keys


@dataclass(frozen=True, slots=True)
class StandingKey:
    """A key by which a peer that was admitted shows who it is, with the dates of its manifest; `follows` is the one before it, if any."""

    id: str
    valid_from: datetime
    valid_until: datetime | None = None
    custody: Custody | None = None
    follows: str | None = None


def standing(peer: str, accepted: Application | None, acts: Iterable[KeptAct]) -> list[StandingKey]:
    """The keys of its accepted manifest, each followed key in the place of the one that it follows; none of a declared server."""
    said = accepted.said if accepted else None
    keys: dict[str, StandingKey] = {}
    for key in said.keys if isinstance(said, Manifest) else ():
        name = f"{peer}#{key.multibase}"
        keys[name] = StandingKey(name, key.valid_from, key.valid_until, key.custody)
    for act in acts:
        if act.kind is ActKind.KEY_ROTATED and act.key is not None and act.reason in keys:
            del keys[act.reason]
            keys.setdefault(act.key, StandingKey(act.key, act.at, follows=act.reason))
    return list(keys.values())


async def rotate(announced: Announced, presence: Presence, work: Work) -> str:
    """Let a key follow the one by which a peer's manifest is signed, by the word of both; its id.

    What it signs by HTTP is judged by its own actors' documents, and its receipts by its registry's key: neither changes here.
    Raises NodeNotFound, KeyTaken, or RotationRefused where the key that speaks is not one of that server's.
    """
    await work.nodes.lock()
    subject = f"{Kind.PEER.value}/{announced.node}"
    if await work.peers.get(announced.node) is None:
        raise NodeNotFound(announced.node)
    known = proving(announced.node, await work.applications.of(subject), await work.acts.of(subject))
    old, new = f"{announced.node}#{announced.old}", f"{announced.node}#{announced.new}"
    others = {key.multibase for node in (await work.nodes.all()).values() for key in node.keys} | await keys_of_hub(work)
    if new in known or announced.new in others:
        raise KeyTaken(announced.new)
    if old not in known:
        raise RotationRefused("rotation_by_another_key")
    await work.acts.add(Act(subject, ActKind.KEY_ROTATED, work.clock(), key=new, reason=old, presence=presence))
    await work.publish_registry()
    return new
