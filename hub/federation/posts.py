"""Posts from elsewhere: made, edited, deleted; where they belong, and whose they are."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hub.federation import incoming, restoring
from hub.federation.work import DONE, DOUBLE, GONE, MESSAGE, NOTED, Said, made, parent_of, public, standing, take_away
from hub.ports import RefusedError
from schemas.activities import addressed, brought_back_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hub.federation.addresses import Addresses
    from hub.federation.incoming import Heard
    from hub.federation.verification import VerifiedActivity
    from hub.federation.work import Work


async def on_post(activity: VerifiedActivity, work: Work, here: Addresses) -> str:
    """A post, or the new state of one; what is known already, or was deleted, does not come again."""
    told = activity.told
    if told.object_id == told.actor:
        return NOTED  # an actor renews itself: its name is read anew with its next post
    if here.owns(told.object_id):
        raise RefusedError("not_owner")
    known = await work.abroad.object(told.object_id)
    if brought_back_in(told.act):
        return await restoring.on_brought_back(activity, known, work, here)
    if known is not None and (known.kind == GONE or told.verb == "Create"):
        return DOUBLE
    if known is None and await work.abroad.deleted_early(told.object_id, told.actor):
        return DOUBLE
    if known is not None and known.owner != told.actor:
        raise RefusedError("not_owner")
    heard = incoming.post(activity, work.clock())
    if known is not None and await work.overtaken(told.object_id, heard.marker):
        return DOUBLE  # an earlier state of it, brought after a later one
    community = known.community if known else await _community_of(activity, heard, work, here)
    await public(community, work)
    parent = await parent_of(heard.in_reply_to, work, here) if heard.in_reply_to else None
    marker = heard.marker if told.verb == "Update" else "posted"
    outcome = await work.tell(Said(heard.fact, heard.object_id, told.actor, marker, community, heard.at, parent))
    if known is None:
        work.abroad.save(made(activity, heard.object_id, work, community, MESSAGE))
    return outcome


async def _community_of(activity: VerifiedActivity, heard: Heard, work: Work, here: Addresses) -> str:
    """Where a post belongs: in the communities that hear the Group which passed it on, else in the one to which it is addressed.

    A reply that calls one of our authors belongs where it answers: Mastodon addresses people, not groups.
    """
    parent = await standing(heard.in_reply_to, work, here)
    if activity.told.via is not None:
        listening = await work.follows.communities_following(activity.told.via)
        return parent if parent is not None and parent in listening else listening[0]
    named = list(_readers(activity))
    groups = [community for one in named if (community := here.community_of(one)) is not None]
    if groups:
        return parent if parent is not None and parent in groups else groups[0]
    if parent is not None and any(here.owns(one) for one in named):
        return parent
    raise RefusedError("not_addressed_here")


def _readers(activity: VerifiedActivity) -> Iterator[str]:
    """Whom the post itself and its activity name; each on its own, so that the wrapping widens nothing."""
    for document in (activity.told.object, activity.told.act):
        if isinstance(document, dict):
            yield from addressed(document)


async def on_delete(activity: VerifiedActivity, work: Work, _: Addresses) -> str:
    """Something is gone at its server, or somebody is. A tombstone stays here, so that a late post does not raise it.

    Whose it is that has not come, nobody knows: it binds who deleted it, and no neighbour on the same server.
    """
    told = activity.told
    if told.object_id == told.actor:
        return await _gone_altogether(activity, work)
    known = await work.abroad.object(told.object_id)
    if known is None:
        work.abroad.delete_early(told.object_id, told.actor)
        return NOTED
    if known.owner != told.actor:
        raise RefusedError("not_owner")
    if known.kind == GONE:
        return restoring.taken_away_again(activity, known, work)
    if known.withdrawal is not None and known.withdrawal == told.id:
        return DOUBLE  # that very withdrawal, brought once more after it was undone
    outcome = await take_away(known, work, incoming.taken_back(activity, known))
    restoring.remember(activity, known, work)
    return outcome


async def _gone_altogether(activity: VerifiedActivity, work: Work) -> str:
    """All that she made is taken back; the followers of each community are told once that she is gone."""
    actor = activity.told.actor
    await work.followers.remove(actor)
    told: set[str] = set()
    for one in await work.abroad.made_by(actor):
        if one.kind == GONE:
            work.abroad.save(replace(one, withdrawal=None, withdrawn_by=None))  # no Group brings back what is hers no more
            continue
        external = incoming.taken_back(activity, one) if one.community not in told else None
        await take_away(one, work, external)
        told |= {one.community} if external is not None else set()
    return DONE
