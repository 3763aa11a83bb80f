"""Who follows whom: people and servers our communities, our communities Groups elsewhere."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from hub.access import MANIFEST_EXPIRED, PeerRight, peer_lapsed, peer_may
from hub.federation.followers import FOLLOW_STEPS, Follow, Follower, FollowState
from hub.federation.work import CONTEXT, DONE, DOUBLE, NOTED, digest, public, told_as, why_not_public
from hub.ports import RefusedError
from hub.ui import words
from schemas.activities import authority_of, id_of, type_of
from schemas.provenance import KnownActor

if TYPE_CHECKING:
    from hub.federation.addresses import Addresses
    from hub.federation.verification import VerifiedActivity
    from hub.federation.work import Work
    from schemas.activities import Told

NOT_FOLLOWABLE: Final = "not_followable"
REJECTED: Final = "group_rejects_follow"


def may_come_again(told: Told) -> bool:
    """Whether an act is done as often as it comes: its name may be made of the two actors alone (PeerTube, Pixelfed), the next one's the same.

    An Undo that names an address alone may be one of a Follow. Who asks again has not heard our answer, or has left meanwhile.
    """
    undone = type_of(told.object) if isinstance(told.object, dict) else ""
    return told.via is None and (told.verb == "Follow" or (told.verb == "Undo" and undone in {"Follow", ""}))


async def on_follow(activity: VerifiedActivity, work: Work, here: Addresses) -> str:
    """Somebody asks to hear a community; she is told yes, or no and why. Other actors of ours say no."""
    told, community = activity.told, here.community_of(activity.told.object_id)
    asker = activity.provenance.named(told.actor)
    if community is None and not _is_actor(told.object_id, here):
        raise RefusedError(NOT_FOLLOWABLE)
    if asker is None or not asker.inbox:
        raise RefusedError("inbox_missing")
    if await undone_early(activity, work):
        return DOUBLE
    if community is None:
        work.bring("", asker, _answer("Reject", activity, here, NOT_FOLLOWABLE))
        return NOT_FOLLOWABLE
    reason = await why_not_public(community, work)
    answer = _answer("Reject" if reason else "Accept", activity, here, reason)
    if reason is None:
        peer = authority_of(told.actor) or ""
        await work.followers.add(
            Follower(community, told.actor, peer, asker.inbox, asker.shared_inbox, asker.kind, activity.id, work.clock())
        )
    work.bring(community, asker, answer)
    return DONE if reason is None else reason


async def undo_early(activity: VerifiedActivity, work: Work) -> str:
    """What is undone has not come: a server whose deliveries failed may bring it later, and then it does nothing.

    An Undo that comes once more, or of what has come and is no more, says nothing of what comes next under that name.
    """
    told = activity.told
    again = await work.abroad.came_before(activity.id, activity.actor)
    if told.object_id and not again and not await work.abroad.came_before(told.object_id, told.actor):
        work.abroad.delete_early(told.object_id, told.actor)
    return NOTED


async def undone_early(activity: VerifiedActivity, work: Work) -> bool:
    """Whether its Undo came first; only the first of its name is meant, the next one is asked anew."""
    told = activity.told
    return await work.abroad.deleted_early(told.id, told.actor) and not await work.abroad.came_before(activity.id, activity.actor)


def _is_actor(uri: str, here: Addresses) -> bool:
    return uri == here.host_actor or here.node_of(uri) is not None


def _answer(kind: str, activity: VerifiedActivity, here: Addresses, reason: str | None) -> dict[str, Any]:
    """The answer of whom she asked to follow: another for each time that she asks, the same for a record that is read twice."""
    told, asked_of = activity.told, activity.told.object_id
    asked = {"id": activity.id, "type": "Follow", "actor": told.actor, "object": asked_of}
    answer = {
        "@context": CONTEXT, "id": here.activity(digest(kind, activity.id, activity.received.isoformat())), "type": kind, "actor": asked_of, "to": [told.actor], "object": asked,
    }  # fmt: skip
    return answer | ({"summary": words.reason(told_as(reason))} if reason else {})


async def on_answer(activity: VerifiedActivity, work: Work, here: Addresses) -> str:
    """A Group answers a follow of ours; only that Group may."""
    told = activity.told
    state = FollowState.ACCEPTED if told.verb == "Accept" else FollowState.REFUSED
    for one in (await work.follows.all()).values():
        if one.group == told.actor and _means(told.object, one, here):
            if state not in FOLLOW_STEPS[one.state] or one.reason == REJECTED:  # which was its own last word: it is to be asked anew
                return DOUBLE
            reason = REJECTED if state is FollowState.REFUSED else None
            await work.follows.save(replace(one, state=state, answered_at=work.clock(), reason=reason))
            return DONE
    raise RefusedError("follow_unknown")


def _means(said: object, one: Follow, here: Addresses) -> bool:
    if id_of(said) == one.activity:
        return True
    return isinstance(said, dict) and type_of(said) == "Follow" and id_of(said.get("actor")) == here.group(one.community)


async def follow_group(community: str, group: str, work: Work, here: Addresses) -> bool:
    """Have a community follow a Group elsewhere; False where it does, or has asked. Raises RefusedError."""
    await public(community, work)
    server = authority_of(group)
    peer = await work.peer(server or "")
    if server is None or here.owns(group):
        raise RefusedError("group_malformed")
    if peer is None or not peer_may(peer.grade, PeerRight.SPEAK):
        raise RefusedError("peer_not_admitted")
    if peer_lapsed(PeerRight.SPEAK, peer.expires, work.clock()):
        raise RefusedError(MANIFEST_EXPIRED)
    known = (await work.follows.all()).get((community, group))
    if known is not None and FollowState.PENDING not in FOLLOW_STEPS[known.state]:
        return False
    now = work.clock()
    asked = here.activity(digest("Follow", community, group, now.isoformat()))
    await work.follows.save(Follow(community, group, server, FollowState.PENDING, asked, now))
    activity = {"@context": CONTEXT, "id": asked, "type": "Follow", "actor": here.group(community), "object": group, "to": [group]}
    work.bring(community, _nobody_yet(group), activity)
    return True


async def leave_group(community: str, group: str, work: Work, here: Addresses) -> bool:
    """Have a community follow a Group no longer; False where it did not."""
    known = (await work.follows.all()).get((community, group))
    if known is None or FollowState.ENDED not in FOLLOW_STEPS[known.state]:
        return False
    await work.follows.save(replace(known, state=FollowState.ENDED, answered_at=work.clock(), reason=None))
    actor = here.group(community)
    asked = {"id": known.activity, "type": "Follow", "actor": actor, "object": group}
    undo = {
        "@context": CONTEXT,
        "id": here.activity(digest("Undo", known.activity)),
        "type": "Undo",
        "actor": actor,
        "object": asked,
        "to": [group],
    }
    work.bring(community, _nobody_yet(group), undo)
    return True


def _nobody_yet(group: str) -> KnownActor:
    """A Group whose inbox the courier asks for."""
    return KnownActor(group, "Group", "")


async def on_move(activity: VerifiedActivity, work: Work, _: Addresses) -> str:
    """A follower has a new home, which knows of the old one: the door has asked there."""
    told = activity.told
    target = activity.provenance.named(id_of(told.act.get("target")))
    if target is None or not target.inbox:
        raise RefusedError("inbox_missing")
    peer = await work.peer(authority_of(target.id) or "")
    if peer is None or not peer_may(peer.grade, PeerRight.FOLLOW):
        raise RefusedError("peer_not_permitted")
    followed = await work.followers.by(told.actor)
    await work.followers.remove(told.actor)
    for one in followed:
        moved = replace(one, actor=target.id, peer=peer.id, inbox=target.inbox, shared_inbox=target.shared_inbox, kind=target.kind)
        await work.followers.add(moved)
    return DONE if followed else NOTED
