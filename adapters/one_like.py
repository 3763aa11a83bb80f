"""One like for all: what reactions from elsewhere ask of a platform where one account likes a message once."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from adapters.port import UNSUPPORTED, Act, Never, Written

if TYPE_CHECKING:
    from adapters.port import Order

LIKING = frozenset("❤🧡💛💚💙💜🤎🖤🤍👍")
"""What a like can stand for. Shown as a heart, a thumb down would say the contrary of what was meant."""
_MODIFIERS = re.compile("[\ufe0f\U0001f3fb-\U0001f3ff]")  # a heart's presentation, a hand's colour


def likes(emoji: str | None) -> bool:
    """Whether a like says the same as this emoji."""
    return _MODIFIERS.sub("", emoji or "") in LIKING


def settled(order: Order, message: str, *, liked: bool) -> Written | Never | None:
    """What becomes of a reaction, or of its end, where nothing is to be done; None where the like is to be set, or taken back.

    `message` names it in this RSE, `liked` says that the connector's account likes it.
    """
    if order.act is Act.REACTED:
        if not likes(order.emoji):
            return Never(UNSUPPORTED, "emoji_without_like")
        return share(order, message) if liked else None
    return share(order, message) if order.others or not liked else None


def done(order: Order, message: str, *, liked: bool) -> Written | None:
    """Whether the message stands as the order asks, as one sees it after a crash."""
    stands = (liked and likes(order.emoji)) if order.act is Act.REACTED else not liked
    return share(order, message) if stands else None


def share(order: Order, message: str) -> Written:
    """A like stands for many reactions: each is known here by a name of its own."""
    return Written(order.native_id or f"like:{message}/{order.subject[:20]}", "")
