"""Use cases of the pair by which this hub signs for other servers: let another follow it, call it compromised."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from hub.registry import key_life
from hub.registry.acts import Act, ActKind
from hub.registry.admission_work import KeyTaken, keys_of_hub
from hub.registry.federation_keys import Pair, entry
from hub.registry.key_service import Plan
from schemas.manifest import KeyState
from schemas.rotation import RotationRefused

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from hub.registry.admission_work import Work
    from hub.registry.people import Presence
    from schemas.manifest import KeyEntry
    from schemas.rotation import Announced

PLAN: Final = Plan(timedelta(minutes=10), timedelta(days=2))
"""What stands between us and other servers may keep our actors' documents for five minutes; the slowest of those servers keep a key for a day."""
SUBJECT: Final = "hub/federation"


async def rotate(announced: Announced, plan: Plan, presence: Presence, work: Work) -> KeyEntry:
    """Let a pair follow the one that signs, by the word of both: published at once, signing in a while, the old one believed for the overlap.

    Raises KeyTaken, or RotationRefused where the key that speaks is not one by which we sign now, or where the next has no RSA half.
    """
    await work.nodes.lock()
    now, known = work.clock(), await work.pairs.all()
    old = next((pair for pair in known if pair.entry.multibase == announced.old), None)
    if old is None or old.entry.state_at(now) not in {KeyState.ACTIVE, KeyState.RETIRING}:
        raise RotationRefused("rotation_by_another_key")
    if not announced.rsa:
        raise RotationRefused("rotation_without_rsa")
    await _is_nobodys(announced, known, work)
    new = Pair(entry(announced.new), announced.rsa)
    dated = key_life.rotated([pair.entry for pair in known], new.entry, now, now + plan.lead, plan.overlap)
    await work.pairs.save(replace(pair, entry=one) for pair, one in zip((*known, new), dated, strict=True))
    await work.acts.add(Act(SUBJECT, ActKind.KEY_ROTATED, now, key=new.entry.id, presence=presence))
    await work.publish_registry()
    return dated[-1]


async def call_compromised(multibase: str, since: datetime, presence: Presence, work: Work) -> None:
    """Revoke a pair from now on: it was in other hands. Raises LookupError for an unknown key, ValueError for the future."""
    await work.nodes.lock()
    now, known = work.clock(), await work.pairs.all()
    if since > now:
        raise ValueError(since.isoformat())
    key_id = entry(multibase).id
    ended = key_life.compromised([pair.entry for pair in known], key_id, since, now)
    await work.pairs.save(replace(pair, entry=one) for pair, one in zip(known, ended, strict=True))
    reason = since.isoformat(timespec="seconds")
    await work.acts.add(Act(SUBJECT, ActKind.KEY_COMPROMISED, now, key=key_id, reason=reason, presence=presence))
    await work.publish_registry()


async def _is_nobodys(announced: Announced, known: Iterable[Pair], work: Work) -> None:
    """One key signs for one owner: neither half of the new pair may be anybody's, or another pair's."""
    of_nodes = {key.multibase for node in (await work.nodes.all()).values() for key in node.keys}
    taken = of_nodes | await keys_of_hub(work) | {half for pair in known for half in (pair.entry.multibase, pair.rsa)}
    if found := [half for half in (announced.new, announced.rsa) if half in taken]:
        raise KeyTaken(found[0])
