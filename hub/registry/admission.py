"""Use cases of admission: apply by a manifest, approve by two people, refuse, change a grade."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from hub.access import MANIFEST_EXPIRED, expired
from hub.access.approval import APPROVALS, suffices, why_not_approve, why_not_what_waits
from hub.registry import key_life, peer_keys
from hub.registry.acts import Act, ActKind, standing_approvals
from hub.registry.admission_work import (
    ApplicationMissing,
    ApprovalRefused,
    KeyTaken,
    ManifestReplayed,
    NameTaken,
    NodeNotFound,
    TooManyApplications,
    approver_of,
    keys_of_hub,
    said_why,
)
from hub.registry.applications import Application, ApplicationState
from hub.registry.federation_keys import OWNER
from hub.registry.model import GradeRefused, Node, lowers, moved
from hub.registry.peers import Peer, described
from schemas.application import Kind, Manifest
from schemas.facts.community import NodeApproved
from schemas.manifest import Grade
from schemas.sequence import PEERS
from schemas.siret import siren_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hub.registry.admission_work import Work
    from hub.registry.people import Presence
    from schemas.application_faults import SignedManifest

OPEN_LIMIT: Final = 200
"""Applications that wait at once: strangers may apply under as many names as they like, and must not fill a disk.

Who is admitted, or waits already, adds nothing to them: a newer manifest takes the place of the one that nobody had acted upon. How often it may
come is for the door (`pacing`)."""
SPEAKING: Final = frozenset({Grade.OBSERVER, Grade.FULL})


@dataclass(frozen=True, slots=True)
class Decision:
    """What an approval brought: how many count now of how many it takes; `done` once the grade has changed."""

    approvals: int
    needed: int
    done: bool


async def apply(signed: SignedManifest, work: Work) -> bool:
    """Somebody asks to join, or says anew who it is; False where this very manifest came last.

    Raises NameTaken, ManifestReplayed, KeyTaken or TooManyApplications.
    """
    await work.nodes.lock()
    earlier = await work.applications.of(signed.manifest.subject)
    if earlier and earlier[-1].digest == signed.digest:
        return False
    signed_before = next((one for one in reversed(earlier) if not one.declared_here), None)
    if signed_before is not None and signed_before.issued >= signed.manifest.issued:
        raise ManifestReplayed(signed.manifest.subject)
    await _may_bear_its_name(signed, earlier, work)
    await _keys_are_its_own(signed.manifest, work)
    await _finds_room(signed.manifest, earlier, work)
    now = work.clock()
    for one in earlier:
        if one.state is ApplicationState.OPEN:
            await _make_way(one, work)
    application = Application.of(signed, now)
    await work.applications.add(application)
    await _enter(signed.manifest, work)
    await work.acts.add(Act(application.subject, ActKind.APPLIED, now, application.digest, key=signed.key_id))
    return True


async def decide(
    subject: str, grade: Grade, presence: Presence, work: Work, reason: str | None = None, read: str | None = None
) -> Decision:
    """Somebody of the federation approves that a node or a peer comes to a grade; the last approval that it takes brings it there.

    `read` is the digest of the application that she has read, where one waits: an applicant may come with another at any moment.
    Raises NodeNotFound, ApplicationMissing, ApprovalRefused, ReasonMissing, or GradeRefused for a step that the lifecycle does not know.
    """
    await work.nodes.lock()
    before = await grade_of(subject, work)
    waiting = await _open_application(subject, work)
    needed = APPROVALS.get(grade, 0)
    if before is grade and waiting is None:
        return Decision(needed, needed, done=False)
    if before is not grade:
        moved(before, grade)
    if before is Grade.CANDIDATE and grade in SPEAKING and waiting is None:
        raise ApplicationMissing(subject)
    lowered = lowers(before, grade)
    why = said_why(reason) if lowered or grade not in SPEAKING else None
    accepted = waiting if grade in SPEAKING and not lowered else None  # who takes speech away has not read the newer manifest for it
    if grade in SPEAKING and not lowered:
        _has_read(read, waiting)
    await _may_answer_for_itself(subject, grade, accepted, work)
    digest = accepted.digest if accepted else None
    counting = standing_approvals(await work.acts.of(subject), grade, digest)
    refusal = why_not_approve(grade, presence.person.approver(), [approver_of(act) for act in counting], await _siren(subject, work))
    if refusal is not None:
        raise ApprovalRefused(refusal)
    now = work.clock()
    await work.acts.add(Act(subject, ActKind.APPROVED, now, digest, grade, reason=why, presence=presence))
    if not suffices(grade, len(counting) + 1):
        return Decision(len(counting) + 1, needed, done=False)
    await work.acts.add(Act(subject, ActKind.GRADE_CHANGED, now, digest, grade, reason=why, presence=presence))
    await _bring(subject, grade, accepted, work)
    return Decision(needed, needed, done=True)


async def lower(subject: str, reason: str, presence: Presence, work: Work) -> Decision:
    """Somebody approves that who speaks only reads from now on: it takes as many people as letting in does. Raises as `decide`."""
    before = await grade_of(subject, work)
    if before is Grade.OBSERVER:
        return Decision(APPROVALS[before], APPROVALS[before], done=False)
    if not lowers(before, Grade.OBSERVER):
        raise GradeRefused(f"{before} → {Grade.OBSERVER}")
    return await decide(subject, Grade.OBSERVER, presence, work, reason)


async def refuse(subject: str, reason: str, presence: Presence, work: Work, read: str | None) -> None:
    """Turn down the open application, whose digest is `read`; the applicant may come with another.

    Raises ApplicationMissing, ApprovalRefused for another one than was read, or ReasonMissing.
    """
    await work.nodes.lock()
    waiting = await _open_application(subject, work)
    if waiting is None:
        raise ApplicationMissing(subject)
    _has_read(read, waiting)
    now = work.clock()
    await work.applications.decide(waiting, ApplicationState.REFUSED, now)
    await work.acts.add(Act(subject, ActKind.REFUSED, now, waiting.digest, reason=said_why(reason), presence=presence))


async def grade_of(subject: str, work: Work) -> Grade:
    """How far a node or a peer is admitted; raises NodeNotFound."""
    return (await _member(subject, work)).grade


def _has_read(read: str | None, waiting: Application | None) -> None:
    """Nobody decides about an application that she has not read; raises ApprovalRefused."""
    refusal = why_not_what_waits(read, waiting.digest if waiting else None)
    if refusal is not None:
        raise ApprovalRefused(refusal)


async def _bring(subject: str, grade: Grade, accepted: Application | None, work: Work) -> None:
    now, member = work.clock(), await _member(subject, work)
    said = accepted.said if accepted else None
    manifest = said if isinstance(said, Manifest) else None
    if accepted is not None:
        await _accept(accepted, work)
    match member:
        case Node():
            if manifest is not None:
                member = _as_accepted(member, manifest)
                await work.nodes.describe(member)
            keys = key_life.admitted(member.id, member.keys, manifest, now) if grade in SPEAKING else member.keys
            await work.nodes.save(replace(member, grade=grade, keys=keys, approved_at=member.approved_at or now))
        case Peer():
            known = described(said, member.applied_at) if said else member
            await work.peers.save(replace(known, grade=grade, admitted_at=member.admitted_at or now))
    await work.publish_registry()
    if isinstance(member, Node) and grade in SPEAKING and member.grade not in SPEAKING:
        fact = NodeApproved(node=member.id, organisation=member.organisation_name, platform=member.platform)
        await work.say(fact, subject=subject, marker=now.isoformat())


def _as_accepted(node: Node, manifest: Manifest) -> Node:
    """Who it is by the manifest that people accepted; what was written before, anybody may have written."""
    organisation = manifest.organisation
    return replace(
        node, organisation=organisation.siret, organisation_name=organisation.name, platform=manifest.platform, expires=manifest.expires
    )


async def _may_answer_for_itself(subject: str, grade: Grade, accepted: Application | None, work: Work) -> None:
    """Nobody accepts a manifest that has expired, nor lets somebody speak by one; raises ApprovalRefused."""
    until = (await _member(subject, work)).expires
    if accepted is not None:
        until = accepted.said.expires if isinstance(accepted.said, Manifest) else None
    elif grade is not Grade.FULL:
        return
    if expired(until, work.clock()):
        raise ApprovalRefused(MANIFEST_EXPIRED)


async def _accept(application: Application, work: Work) -> None:
    now = work.clock()
    for one in await work.applications.of(application.subject):
        if one.state is ApplicationState.ACCEPTED:
            await work.applications.decide(one, ApplicationState.REPLACED, now)
    await work.applications.decide(application, ApplicationState.ACCEPTED, now)


async def _enter(manifest: Manifest, work: Work) -> None:
    """Who applies for the first time, or again under a name that nobody was ever admitted by, stands as a candidate."""
    now = work.clock()
    match manifest.kind:
        case Kind.NODE:
            known = await work.nodes.get(manifest.id)
            if known is not None and known.grade is not Grade.CANDIDATE:
                return
            if known is not None:
                await work.nodes.forget(manifest.id)
            keys = tuple(key_life.announced(manifest.id, key) for key in manifest.keys)
            organisation = manifest.organisation
            await work.nodes.add(
                Node(manifest.id, organisation.siret, organisation.name, manifest.platform, Grade.CANDIDATE, now, keys=keys)
            )
        case Kind.PEER:
            peer = await work.peers.get(manifest.id)
            if peer is None:
                await work.peers.add(described(manifest, now))
            elif peer.grade is Grade.CANDIDATE:
                await work.peers.save(described(manifest, now))


async def _finds_room(manifest: Manifest, earlier: Sequence[Application], work: Work) -> None:
    """One more that waits, unless it takes its own former place; strangers do not keep who is admitted from renewing."""
    member = await _found(manifest.subject, work)
    known = member is not None and member.grade is not Grade.CANDIDATE
    if known or any(one.state is ApplicationState.OPEN for one in earlier):
        return
    if await work.applications.open_ones() >= OPEN_LIMIT:
        raise TooManyApplications


async def _make_way(former: Application, work: Work) -> None:
    """A newer manifest takes the place of one that waits. What people did about that one is kept with it; of what nobody acted upon nothing is."""
    acts = [act for act in await work.acts.of(former.subject) if act.application == former.digest]
    if all(act.kind is ActKind.APPLIED for act in acts):
        await work.applications.forget(former)
    else:
        await work.applications.decide(former, ApplicationState.REPLACED, work.clock())


async def _may_bear_its_name(signed: SignedManifest, earlier: Sequence[Application], work: Work) -> None:
    """Whoever came first under a name keeps it by signing with a key of hers, until people refuse her or she is gone."""
    manifest = signed.manifest
    member = await _found(manifest.subject, work)
    if manifest.id in {work.hub, PEERS, OWNER} or (member is not None and member.grade is Grade.GONE):
        raise NameTaken(manifest.id)
    if member is None or (member.grade is Grade.CANDIDATE and earlier and earlier[-1].state is ApplicationState.REFUSED):
        return
    keys = await _keys_of(member, earlier, work)
    if not keys and isinstance(member, Peer) and member.declared:
        return  # it speaks for itself at last; two people judge whether it is the one that they described
    if signed.key_id not in keys:
        raise NameTaken(manifest.id)


async def _keys_of(member: Node | Peer, earlier: Sequence[Application], work: Work) -> set[str]:
    """The keys by which somebody proves that she is still the same."""
    match member:
        case Node():
            return key_life.proving(member.keys, work.clock())
        case Peer():
            return peer_keys.proving(member.id, earlier, await work.acts.of(f"{Kind.PEER.value}/{member.id}"))


async def _keys_are_its_own(manifest: Manifest, work: Work) -> None:
    others = {node.id: node for node in (await work.nodes.all()).values() if manifest.kind is Kind.PEER or node.id != manifest.id}
    taken = {key.multibase for node in others.values() for key in node.keys} | await keys_of_hub(work)
    if found := [key.multibase for key in manifest.keys if key.multibase in taken]:
        raise KeyTaken(found[0])


async def _open_application(subject: str, work: Work) -> Application | None:
    await _member(subject, work)
    return next((one for one in await work.applications.of(subject) if one.state is ApplicationState.OPEN), None)


async def _siren(subject: str, work: Work) -> str:
    """The applicant's legal unit, by its newest manifest; empty for who was admitted before manifests."""
    earlier = await work.applications.of(subject)
    return siren_of(earlier[-1].said.organisation.siret or "") if earlier else ""


async def _member(subject: str, work: Work) -> Node | Peer:
    found = await _found(subject, work)
    if found is None:
        raise NodeNotFound(subject)
    return found


async def _found(subject: str, work: Work) -> Node | Peer | None:
    kind, _, name = subject.partition("/")
    return await work.peers.get(name) if kind == Kind.PEER else await work.nodes.get(name)
