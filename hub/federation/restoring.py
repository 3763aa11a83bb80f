"""What a Group elsewhere took away by moderation, and brings back: it alone, by undoing that very Delete; what an author deleted stays so."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hub.federation import incoming
from hub.federation.work import DOUBLE, GONE, MESSAGE, NOTED, Said, parent_of, public, turn
from hub.ports import RefusedError
from schemas.activities import id_of, withdrawn_in

if TYPE_CHECKING:
    from hub.federation.addresses import Addresses
    from hub.federation.followers import ExternalObject
    from hub.federation.verification import VerifiedActivity
    from hub.federation.work import Work

FINAL = "deletion_is_final"
OF_ANOTHER = "withdrawal_of_another"


def remember(activity: VerifiedActivity, known: ExternalObject, work: Work) -> None:
    """By what it was taken away: by moderation where its Group said so with the ground, else by its author, for ever."""
    told = activity.told
    group = told.via if withdrawn_in(told.act) and told.id else None
    work.abroad.save(replace(known, kind=GONE, withdrawal=told.id if group else None, withdrawn_by=group))


def taken_away_again(activity: VerifiedActivity, known: ExternalObject, work: Work) -> str:
    """Moderation had taken it away, and now its author deletes it herself: no Group brings that back."""
    if known.withdrawal is not None and (activity.told.via is None or not withdrawn_in(activity.told.act)):
        remember(activity, known, work)
    return DOUBLE


async def on_brought_back(activity: VerifiedActivity, known: ExternalObject | None, work: Work, here: Addresses) -> str:
    """It stands again at its own server, which the door has asked: here it is written anew, as it is there now."""
    told = activity.told
    if known is None or not known.community:
        return NOTED  # of something that never stood here
    if known.owner != told.actor:
        raise RefusedError("not_owner")
    if known.kind != GONE:
        return DOUBLE
    if known.withdrawal is None:
        raise RefusedError(FINAL)
    if (known.withdrawal, known.withdrawn_by) != (id_of(told.act.get("object")), told.via):
        raise RefusedError(OF_ANOTHER)
    heard = incoming.post(activity, work.clock())
    await public(known.community, work)
    parent = await parent_of(heard.in_reply_to, work, here) if heard.in_reply_to else None
    marker = await turn("brought back", known, work)  # the words may be those of an edit that came before
    outcome = await work.tell(Said(heard.fact, heard.object_id, told.actor, marker, known.community, heard.at, parent))
    work.abroad.save(replace(known, kind=MESSAGE))
    return outcome
