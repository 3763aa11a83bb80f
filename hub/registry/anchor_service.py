"""Use cases of the registry's anchor, the hub's own key: let another follow it, replace it out of band, call one compromised."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from hub.access.approval import ANCHOR_APPROVALS
from hub.registry import key_life
from hub.registry.acts import Act, ActKind
from hub.registry.admission_work import KeyTaken, said_why
from hub.registry.anchors import Anchor, entry
from hub.registry.key_approvals import Decision, approve
from hub.registry.key_service import Plan
from schemas import jcs
from schemas.anchors import succeed
from schemas.manifest import KeyState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hub.registry.admission_work import Work
    from hub.registry.people import Presence
    from schemas.keys import SigningKey
    from schemas.manifest import KeyEntry

PLAN: Final = Plan(timedelta(hours=1), timedelta(days=1))
"""An hour in which a change that nobody wanted can be taken back; after it, a day for whoever of our processes still signs by the old key."""
SUBJECT: Final = "hub/anchor"
REPLACEMENT: Final = "hub/anchor/replacement"
"""Another question than a succession: who approved the one has not approved the other."""
SIGNS: Final = frozenset({KeyState.ACTIVE, KeyState.RETIRING})


class AnchorRefused(ValueError):
    """An act on the anchor that its life does not know; `reason` is machine-readable."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


async def rotate(old: SigningKey, new: SigningKey, plan: Plan, presence: Presence, work: Work) -> Decision:
    """Somebody approves that a key follow the one that signs; the second announces it, signed by both, to be in force after the notice.

    Raises AnchorRefused, KeyTaken or ApprovalRefused.
    """
    await work.nodes.lock()
    now, known = work.clock(), await work.anchors.all()
    if any(anchor.entry.state_at(now) is KeyState.PENDING for anchor in known):
        raise AnchorRefused("anchor_change_pending")
    if old.public.multibase not in {one.entry.multibase for one in known if one.entry.state_at(now) in SIGNS}:
        raise AnchorRefused("anchor_not_in_force")
    await _is_nobodys(new, known, work)
    approvals = await approve(SUBJECT, new.key_id, None, presence, work)
    if approvals < ANCHOR_APPROVALS:
        return Decision(approvals)
    start = _to_the_millisecond(now + plan.lead)
    dated = key_life.rotated([one.entry for one in known], entry(work.hub, new.public.multibase), now, start, plan.overlap)
    succession = jcs.canonical(succeed(old, new, start, now))
    await work.anchors.save(replace(one, entry=dates) for one, dates in zip(known, dated, strict=False))
    await work.anchors.save([Anchor(dated[-1], succession)])
    await work.acts.add(Act(SUBJECT, ActKind.KEY_ROTATED, now, key=new.key_id, presence=presence))
    await work.publish_registry()
    return Decision(approvals, dated[-1])


async def substitute(new: SigningKey, since: datetime | None, reason: str, presence: Presence, work: Work) -> Decision:
    """Somebody approves that a key take the anchor's place without its word: it is lost, or in other hands. Readers must be told out of band.

    `work` signs by the new key. From `since` on, what the old one signed is doubtful. Raises KeyTaken, ApprovalRefused, ReasonMissing, or
    ValueError for a moment of the future.
    """
    await work.nodes.lock()
    now, known, why = work.clock(), await work.anchors.all(), said_why(reason)
    if since is not None and since > now:
        raise ValueError(since.isoformat())
    await _is_nobodys(new, [one for one in known if one.entry.multibase != new.public.multibase], work)
    if any(one.entry.multibase == new.public.multibase and one.entry.state_at(now) is not KeyState.PENDING for one in known):
        raise KeyTaken(new.public.multibase)
    approvals = await approve(REPLACEMENT, new.key_id, why, presence, work)
    if approvals < ANCHOR_APPROVALS:
        return Decision(approvals)
    ended = [replace(one, entry=_ended(one.entry, since, now)) for one in known if one.entry.multibase != new.public.multibase]
    started = Anchor(entry(work.hub, new.public.multibase, now))
    await work.anchors.save([*ended, started])
    await work.acts.add(Act(REPLACEMENT, ActKind.ANCHOR_REPLACED, now, key=new.key_id, reason=why, presence=presence))
    await work.publish_registry()
    return Decision(approvals, started.entry)


async def call_compromised(multibase: str, since: datetime, presence: Presence, work: Work) -> None:
    """Revoke a former key of the hub, or take back one that was announced: it was in other hands. One person is enough to stop something.

    Raises LookupError for an unknown key, ValueError for the future, and AnchorRefused for the key that signs: it cannot revoke itself.
    """
    await work.nodes.lock()
    now, known = work.clock(), await work.anchors.all()
    if since > now:
        raise ValueError(since.isoformat())
    found = next((one for one in known if one.entry.multibase == multibase), None)
    if found is None:
        raise LookupError(multibase)
    if multibase == work.hub_key:
        raise AnchorRefused("anchor_in_force")
    was_to_come = found.entry.state_at(now) is KeyState.PENDING
    await work.anchors.save([replace(found, entry=_ended(found.entry, since, now))])
    if was_to_come:
        await work.anchors.save(replace(one, entry=_unfollowed(one.entry)) for one in known if one.entry.multibase == work.hub_key)
    reason = since.isoformat(timespec="seconds")
    await work.acts.add(Act(SUBJECT, ActKind.KEY_COMPROMISED, now, key=found.entry.id, reason=reason, presence=presence))
    await work.publish_registry()


async def _is_nobodys(new: SigningKey, known: Sequence[Anchor], work: Work) -> None:
    """One key signs for one owner: the registry would be unreadable otherwise."""
    of_nodes = {key.multibase for node in (await work.nodes.all()).values() for key in node.keys}
    of_pairs = {pair.entry.multibase for pair in await work.pairs.all()}
    if new.public.multibase in of_nodes | of_pairs | {one.entry.multibase for one in known}:
        raise KeyTaken(new.public.multibase)


def _ended(old: KeyEntry, since: datetime | None, now: datetime) -> KeyEntry:
    said = {"revoked_at": old.revoked_at or now, "compromised_since": old.compromised_since or since}
    return old.model_copy(update=said)


def _unfollowed(signing: KeyEntry) -> KeyEntry:
    """The key that signs, once the one that was to follow it will not."""
    return signing.model_copy(update={"retiring_from": None, "retired_at": None})


def _to_the_millisecond(moment: datetime) -> datetime:
    """As documents write it: the succession and the key's own dates must be one moment, for the registry and for the database."""
    return moment.astimezone(UTC).replace(microsecond=moment.microsecond // 1000 * 1000)
