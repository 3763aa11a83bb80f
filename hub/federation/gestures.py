"""What people elsewhere set on messages, and take back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from hub.federation import incoming
from hub.federation.following import undo_early
from hub.federation.work import DONE, DOUBLE, NOTED, REACTION, Said, made, parent_of, take_away, why_not_public
from hub.ports import RefusedError
from schemas.activities import id_of, type_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.federation.addresses import Addresses
    from hub.federation.followers import ExternalObject
    from hub.federation.verification import VerifiedActivity
    from hub.federation.work import Work


SHOWN: Final = frozenset({"Like", "EmojiReact"})
GESTURES: Final = frozenset({"", "Like", "Dislike", "EmojiReact"})
"""What an Undo may name, or show, that somebody set on a message; empty for an address alone."""


async def on_like(activity: VerifiedActivity, work: Work, here: Addresses) -> str:
    """Somebody likes a message, or sets an emoji on it."""
    told = activity.told
    message = await work.message(await parent_of(told.object_id, work, here))
    if message is None or await why_not_public(message.community, work):
        return NOTED  # of something that never stood here, as far as anybody elsewhere may know
    if await work.abroad.object(told.id) is not None or await work.abroad.deleted_early(told.id, told.actor):
        return DOUBLE
    fact = incoming.reaction(activity)
    outcome = await work.tell(Said(fact, told.id, told.actor, "added", message.community, work.clock(), message.id))
    work.abroad.save(made(activity, told.id, work, message.community, REACTION, about=message.id, emoji=fact.emoji))
    return outcome


async def on_dislike(activity: VerifiedActivity, work: Work, here: Addresses) -> str:
    """No RSE knows it, and a community of practice needs none; but who liked before likes no longer, since a vote replaces hers (Lemmy).

    Her server undoes the first under no name of its own, so that it would stand for ever. It is no act that others take back a like by.
    """
    told = activity.told
    known = await work.abroad.last_set(told.actor, await parent_of(told.object_id, work, here), incoming.LIKE)
    return NOTED if known is None else await take_away(known, work)


async def on_undo(activity: VerifiedActivity, work: Work, here: Addresses) -> str:
    """Somebody takes back an act of hers: a follow, or what she set on a message."""
    told = activity.told
    kind = type_of(told.object) if isinstance(told.object, dict) else ""
    if kind == "Follow":
        community = here.community_of(id_of(told.object.get("object")))
        left = community and await work.followers.remove(told.actor, community)
        return DONE if left else await undo_early(activity, work)
    if not kind and await work.followers.remove_follow(told.actor, told.object_id):
        return DONE
    if kind not in GESTURES:
        return NOTED  # an act of hers that is no gesture is not the newest one that she set
    known = await _set_before(activity, work, here)
    if known is None:
        return await undo_early(activity, work)
    if known.kind != REACTION:
        return NOTED
    if known.owner != told.actor:
        raise RefusedError("undo_of_another")
    return await take_away(known, work, incoming.taken_back(activity, known))


async def _set_before(activity: VerifiedActivity, work: Work, here: Addresses) -> ExternalObject | None:
    """The reaction that is meant: by its id, else the newest alike that this person set on that message."""
    told = activity.told
    if told.object_id and (known := await work.abroad.object(told.object_id)) is not None:
        return known
    emoji = _shown_by(told.object) if isinstance(told.object, dict) else None
    if emoji is None:
        return None
    return await work.abroad.last_set(told.actor, await parent_of(id_of(told.object.get("object")), work, here), emoji)


def _shown_by(undone: Mapping[str, Any]) -> str | None:
    """As what it was shown here; None where it was not."""
    try:
        return incoming.emoji(undone) if type_of(undone) in SHOWN else None
    except RefusedError:
        return None
