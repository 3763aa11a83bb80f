"""What a peer's activity does here: each act brought to the rooms as a fact, or to the followers; nothing is decided about signatures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hub.access import MANIFEST_EXPIRED, peer_lapsed, peer_may
from hub.federation.acknowledged import on_receipt
from hub.federation.authority import right_of
from hub.federation.followers import Report
from hub.federation.following import on_answer, on_follow, on_move
from hub.federation.gestures import on_dislike, on_like, on_undo
from hub.federation.posts import on_delete, on_post
from hub.federation.work import DONE, NOTED, OWN, UNSUPPORTED, digest, parent_of
from hub.ports import RefusedError
from schemas.activities import authority_of, ids_of
from schemas.names import one_line

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from hub.federation.addresses import Addresses
    from hub.federation.verification import VerifiedActivity
    from hub.federation.work import Work

REPORTED_LIMIT: Final = 20
COMMENT_LIMIT: Final = 1_000


async def hear(activity: VerifiedActivity, work: Work, here: Addresses) -> str:
    """Do what an activity asks; returns its outcome. Raises RefusedError by name."""
    told = activity.told
    if here.owns(told.actor):
        return OWN  # an act of ours that a Group passes on, to us among others
    handler = HANDLERS.get(told.verb)
    if handler is None:
        return UNSUPPORTED
    await _permit(activity, work)
    return await handler(activity, work, here)


async def _permit(activity: VerifiedActivity, work: Work) -> None:
    """Asked again where it takes effect: a peer may have been suspended while its activities waited."""
    right = right_of(activity.told.verb)
    for server in {activity.peer, authority_of(activity.told.actor) or ""}:
        peer = await work.peer(server)
        if peer is None or not peer_may(peer.grade, right):
            raise RefusedError("peer_not_permitted")
        if peer_lapsed(right, peer.expires, activity.provenance.received):  # what came in time is heard, however long it waited
            raise RefusedError(MANIFEST_EXPIRED)
    if activity.told.via is not None and not await work.follows.communities_following(activity.told.via):
        raise RefusedError("group_not_followed")


async def on_flag(activity: VerifiedActivity, work: Work, here: Addresses) -> str:
    """Somebody brings messages to the animators' notice: each once, by her last words; shown on their page, and nothing else happens."""
    told, found = activity.told, 0
    comment = told.act.get("content")
    for uri in ids_of(told.object)[:REPORTED_LIMIT]:
        message = await work.message(await parent_of(uri, work, here))
        if message is None:
            continue
        found += 1
        name, text = digest("Flag", told.actor, message.id), one_line(comment, COMMENT_LIMIT) if isinstance(comment, str) else ""
        work.abroad.report(Report(name, message.community, told.actor, activity.peer, message.id, text, work.clock()))
    return DONE if found else NOTED


HANDLERS: Final[Mapping[str, Callable[[VerifiedActivity, Work, Addresses], Awaitable[str]]]] = {
    "Create": on_post,
    "Update": on_post,
    "Delete": on_delete,
    "Like": on_like,
    "EmojiReact": on_like,
    "Dislike": on_dislike,
    "Undo": on_undo,
    "Follow": on_follow,
    "Accept": on_answer,
    "Reject": on_answer,
    "Move": on_move,
    "Flag": on_flag,
    "Receipt": on_receipt,
}
"""Every act that does something here; any other is counted and noted."""
