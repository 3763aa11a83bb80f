"""Use cases of the pair by which this hub signs for other servers: let another follow it, replace it without its word, call it compromised."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from hub.access.approval import ANCHOR_APPROVALS
from hub.registry import key_life
from hub.registry.acts import Act, ActKind
from hub.registry.admission_work import KeyTaken, keys_of_hub, said_why
from hub.registry.federation_keys import Pair, entry
from hub.registry.key_approvals import Decision, approve
from hub.registry.key_service import Plan
from hub.registry.pair_roles import MARGIN
from schemas.actor_keys import rsa_multikey
from schemas.manifest import KeyState
from schemas.rotation import RotationRefused

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from hub.registry.admission_work import Work
    from hub.registry.people import Presence
    from schemas.keys import SigningKey
    from schemas.manifest import KeyEntry
    from schemas.rotation import Announced
    from schemas.rsa_keys import RsaSigningKey

PLAN: Final = Plan(timedelta(minutes=10), timedelta(days=2))
"""What stands between us and other servers may keep our actors' documents for five minutes; the slowest of those servers keep a key for a day."""
SUBJECT: Final = "hub/federation"
REPLACEMENT: Final = "hub/federation/replacement"


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
    await _are_nobodys((announced.new, announced.rsa), known, work)
    new = Pair(entry(announced.new), announced.rsa)
    dated = key_life.rotated([pair.entry for pair in known], new.entry, now, now + plan.lead, plan.overlap)
    await work.pairs.save(replace(pair, entry=one) for pair, one in zip((*known, new), dated, strict=True))
    await work.acts.add(Act(SUBJECT, ActKind.KEY_ROTATED, now, key=new.entry.id, presence=presence))
    await work.publish_registry()
    return dated[-1]


async def substitute(
    new: tuple[SigningKey, RsaSigningKey], since: datetime | None, reason: str, presence: Presence, work: Work
) -> Decision:
    """Somebody approves that a pair take the place of all before it, without their word: nobody has them any more, or too many have.

    It signs at once, for nothing else does. From `since` on, what the others signed is doubtful; None where they were lost, not stolen.
    Raises KeyTaken, ApprovalRefused, ReasonMissing, LookupError where no pair was ever known here, or ValueError for the future.
    """
    await work.nodes.lock()
    now, known, why = work.clock(), await work.pairs.all(), said_why(reason)
    if since is not None and since > now:
        raise ValueError(since.isoformat())
    if not known:
        raise LookupError(SUBJECT)
    halves = (new[0].public.multibase, rsa_multikey(new[1].public))
    others = [pair for pair in known if (pair.entry.multibase, pair.rsa) != halves or pair.entry.state_at(now) is not KeyState.PENDING]
    await _are_nobodys(halves, others, work)
    question = replacement_by(halves[1])
    # the broker, which dates what the door signs from now on, may have a slower clock: nothing can be older than the key itself
    made = Pair(entry(halves[0], now - MARGIN), halves[1])
    approvals = await approve(question, made.entry.id, why, presence, work)
    if approvals < ANCHOR_APPROVALS:
        return Decision(approvals)
    await work.pairs.save([*(_ended(pair, since, now) for pair in others), made])
    await work.acts.add(Act(question, ActKind.PAIR_REPLACED, now, key=made.entry.id, reason=why, presence=presence))
    await work.publish_registry()
    return Decision(approvals, made.entry)


def replacement_by(rsa: str) -> str:
    """What two people approve names the RSA half too (a Multikey): the second does not approve another pair of the same Ed25519 key."""
    return f"{REPLACEMENT}/{sha256(rsa.encode()).hexdigest()}"


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


async def _are_nobodys(halves: tuple[str, str], known: Iterable[Pair], work: Work) -> None:
    """One key signs for one owner: neither half of the new pair may be anybody's, or another pair's."""
    of_nodes = {key.multibase for node in (await work.nodes.all()).values() for key in node.keys}
    taken = of_nodes | await keys_of_hub(work) | {half for pair in known for half in (pair.entry.multibase, pair.rsa)}
    if found := [half for half in halves if half in taken]:
        raise KeyTaken(found[0])


def _ended(pair: Pair, since: datetime | None, now: datetime) -> Pair:
    """A pair that is replaced: revoked; what it signed from a moment on is doubtful, unless its own life was over before that moment."""
    old = pair.entry
    over = since is None or (old.retired_at is not None and old.retired_at <= since)
    doubt = old.compromised_since if over else old.compromised_since or since
    return replace(pair, entry=old.model_copy(update={"revoked_at": old.revoked_at or now, "compromised_since": doubt}))
