"""Who can read a Matrix room, from its state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from adapters.matrix.names import at_home, is_ours, user_id
from adapters.people import Member, chosen_name
from adapters.port import Closed, SpaceReport
from schemas.words import Audience

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from adapters.settings import Instance

PUT_OUT = "bot_put_out"

# `restricted` lets in the members of another room, of whom we know nothing: read as wide, so that nothing goes too far.
_AUDIENCES = {
    "public": Audience.PUBLIC,
    "restricted": Audience.PUBLIC,
    "knock_restricted": Audience.PUBLIC,
    "invite": Audience.MEMBERS,
    "knock": Audience.MEMBERS,
    "private": Audience.MEMBERS,
}


def report_of(state: Sequence[dict[str, Any]], instance: Instance) -> SpaceReport | Closed:
    """The room's name, audience and whether externals may be there; Closed where we are not wanted or nobody writes any more.

    An encrypted room is respected and never joined to a community. Whoever was put out of a room is still shown its state, as it was
    when she went.
    """
    bot = _content(state, "m.room.member", user_id(instance.options["bot"], instance))
    if bot.get("membership") in {"leave", "ban"}:
        return Closed(PUT_OUT)
    if _content(state, "m.room.tombstone"):
        return Closed("space_upgraded")
    if _content(state, "m.room.encryption"):
        return Closed("space_encrypted")
    return SpaceReport(name=_text(state, "m.room.name", "name"), audience=_audience(state), externals=_externals(state, instance))


def people_of(joined: Mapping[str, Any], instance: Instance) -> tuple[Member, ...]:
    """Those of this ministry among the `joined` members; of guests from another homeserver it has nothing to tell."""
    people = {user: shown for user, shown in joined.items() if at_home(user, instance) and not is_ours(user, instance)}
    names = {user: shown.get("display_name") if isinstance(shown, dict) else None for user, shown in people.items()}
    return tuple(Member(user, chosen_name(name, user) if isinstance(name, str) else "") for user, name in names.items())


def _audience(state: Sequence[dict[str, Any]]) -> Audience:
    if _text(state, "m.room.history_visibility", "history_visibility") == "world_readable":
        return Audience.PUBLIC
    return _AUDIENCES.get(_text(state, "m.room.join_rules", "join_rule"), Audience.UNKNOWN)


def _externals(state: Sequence[dict[str, Any]], instance: Instance) -> bool:
    """Tchap says it in the room (`unrestricted`: people from outside the State too); elsewhere the settings do.

    `m.room.guest_access` does not tell: a real Synapse writes `can_join` into every private room, whether it has guests or not.
    """
    rule = _text(state, "im.vector.room.access_rules", "rule")
    if rule:
        return rule != "restricted"
    return instance.options.get("externals", "no") == "yes"


def _content(state: Sequence[dict[str, Any]], kind: str, key: str = "") -> dict[str, Any]:
    found = [event["content"] for event in state if event.get("type") == kind and event.get("state_key") == key]
    return found[0] if found and isinstance(found[0], dict) else {}


def _text(state: Sequence[dict[str, Any]], kind: str, key: str) -> str:
    value = _content(state, kind).get(key)
    return value if isinstance(value, str) else ""
