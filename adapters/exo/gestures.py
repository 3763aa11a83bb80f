"""Reactions written into an eXo: the connector's account likes an activity or a comment once, for all who reacted elsewhere.

It may like what it wrote itself, unlike in Discourse: `ActivityManager.saveLike` knows no such rule.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapters.exo.dialect import Page
from adapters.exo.reading import Entry
from adapters.one_like import done, settled, share
from adapters.port import UNSUPPORTED, Act, Later, Never

if TYPE_CHECKING:
    from adapters.exo.alpha3 import Alpha3
    from adapters.exo.dialect import Known
    from adapters.exo.v1 import V1
    from adapters.port import Order, WriteOutcome, Written


async def react(order: Order, known: Known, exo: V1 | Alpha3, account: str) -> WriteOutcome:
    """Like what stands there, or take the like back once nobody's reaction needs it any more."""
    entry = await _liked(known, exo)
    if not isinstance(entry, Entry):
        return entry
    if not entry.is_root and not exo.likes_comments:
        return Never(UNSUPPORTED, "comment_without_like")
    outcome = settled(order, entry.id, liked=_by(account, entry))
    if outcome is not None:
        return outcome
    refused = await (exo.like(entry) if order.act is Act.REACTED else exo.unlike(entry))
    if isinstance(refused, Never):
        return Never(UNSUPPORTED, refused.reason)  # a rule of this eXo: no dead letter
    return refused or share(order, entry.id)


async def reacted(order: Order, known: Known, exo: V1 | Alpha3, account: str) -> Written | Later | None:
    """Look whether it is liked, or not, as the order asks."""
    entry = await _liked(known, exo)
    if not isinstance(entry, Entry):
        return entry if isinstance(entry, Later) else None
    return done(order, entry.id, liked=_by(account, entry))


async def _liked(known: Known, exo: V1 | Alpha3) -> Entry | Later | Never:
    """The message with all who like it."""
    if isinstance(known, Later):
        return known
    if not isinstance(known, Entry):
        return Never(UNSUPPORTED, "post_gone")
    page = await exo.with_likers(Page((known,)))
    if isinstance(page, Later):
        return page
    (entry,) = page.entries
    return entry if isinstance(entry, Entry) else known


def _by(account: str, entry: Entry) -> bool:
    return any(liker.account.casefold() == account for liker in entry.likers)
