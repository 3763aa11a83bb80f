"""What the twin's rooms allow whom, by their version: creation, power levels, upgrade. As a Synapse 1.163 was seen to do it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

MODERATOR: Final = 50
CREATOR: Final = 100
ABOVE_ALL: Final = 1 << 53
"""A creator's power from version 12 on, where no level says it."""
FOUNDED: Final = 12
"""From that version on a room's id names no server, and its creators stand above every level."""
_NAMED_IN_CREATION: Final = 11  # before it the creator is named in the content too
_GRAVE: Final = ("m.room.encryption", "m.room.history_visibility", "m.room.power_levels", "m.room.server_acl", "m.room.tombstone")
_ORDINARY: Final = ("m.room.avatar", "m.room.canonical_alias", "m.room.name")


def creation(version: str, creator: str, predecessor: str | None) -> dict[str, Any]:
    """The content of `m.room.create`."""
    named = {"creator": creator} if int(version) < _NAMED_IN_CREATION else {}
    before = {"predecessor": {"room_id": predecessor}} if predecessor else {}
    return {"room_version": version, **named, **before}


def first_levels(version: str, creator: str) -> dict[str, Any]:
    """The content of a new room's `m.room.power_levels`."""
    events = dict.fromkeys(_ORDINARY, MODERATOR) | dict.fromkeys(_GRAVE, CREATOR)
    if int(version) >= FOUNDED:
        events["m.room.tombstone"] = 150
    ordinary = {"users_default": 0, "events_default": 0, "invite": 0, "historical": 100}
    grave = dict.fromkeys(("state_default", "ban", "kick", "redact"), MODERATOR)
    return {"users": {} if int(version) >= FOUNDED else {creator: CREATOR}, "events": events, **ordinary, **grave}


def power(version: str, creator: str, levels: Mapping[str, Any], user: str) -> int:
    """A user's power level."""
    if int(version) >= FOUNDED and user == creator:
        return ABOVE_ALL
    return int(levels.get("users", {}).get(user, levels.get("users_default", 0)))


def for_event(levels: Mapping[str, Any], kind: str, *, state: bool) -> int:
    """The level that sending such an event takes."""
    others = levels.get("state_default", MODERATOR) if state else levels.get("events_default", 0)
    return int(levels.get("events", {}).get(kind, others))


def names_its_creator(version: str, creator: str, levels: Mapping[str, Any]) -> bool:
    """Tell whether power levels give a level to whoever stands above them: refused from version 12 on."""
    return int(version) >= FOUNDED and creator in levels.get("users", {})


def abandoned(levels: Mapping[str, Any]) -> dict[str, Any]:
    """The levels of a room that another has replaced: only moderators write and invite there."""
    return {**levels, "events_default": MODERATOR, "invite": MODERATOR}
