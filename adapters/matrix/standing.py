"""What a room's state event says to us: a hint about its tie, or what was done to the bot and the ghosts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from adapters.matrix.names import is_ours, user_id
from adapters.port import Altered, Unused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adapters.settings import Instance

RESTS_ON = frozenset(
    {
        "m.room.encryption",
        "m.room.history_visibility",
        "m.room.join_rules",
        "m.room.name",
        "m.room.tombstone",
        "im.vector.room.access_rules",
    }
)
"""State that a tie tells: who reads the room, under which name, and whether people still write there in clear."""
_PUT_OUT = frozenset({"leave", "ban"})


def standing_of(event: Mapping[str, Any], instance: Instance) -> Altered | Unused | None:
    """Read a state event; None where it is nothing of ours. Its content is whatever a member of the room wrote."""
    room, kind, key, content = (event.get(name) for name in ("room_id", "type", "state_key", "content"))
    if not isinstance(room, str) or not isinstance(content, dict):
        return None
    if kind == "m.room.member":
        return _member(room, key, event.get("sender"), content.get("membership"), instance)
    return Altered(room, str(kind)) if kind in RESTS_ON and key == "" else None


def _member(room: str, user: object, sender: object, membership: object, instance: Instance) -> Altered | Unused | None:
    """What others do to our users. What these do themselves is how they work, and nobody's coming or going."""
    if not isinstance(user, str) or not isinstance(sender, str) or not is_ours(user, instance) or is_ours(sender, instance):
        return None
    who = "bot" if user == user_id(instance.options["bot"], instance) else "ghost"
    if membership in _PUT_OUT:
        return Altered(room, "bot_put_out") if who == "bot" else Unused("m.room.member.ghost_put_out")
    return Unused(f"m.room.member.{who}_invited") if membership == "invite" else None
