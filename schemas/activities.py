"""ActivityStreams as servers really write it: who speaks of what, to whom; read and not yet believed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from schemas import jcs
from schemas.origins import URI_LIMIT, origin_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PUBLIC: Final = frozenset(("https://www.w3.org/ns/activitystreams#Public", "as:Public", "Public"))
ANNOUNCE: Final = "Announce"
ACTIVITIES: Final = frozenset(
    ("Create", "Update", "Delete", "Like", "Dislike", "EmojiReact", "Undo", "Flag", "Move", "Follow", "Accept", "Reject", "Announce",
     "Add", "Remove", "Block", "Join", "Leave", "Lock", "View", "Listen", "Read", "Arrive", "Travel", "Offer", "Invite", "Ignore",
     "Receipt")
)  # fmt: skip
"""Types that are acts, `Receipt` being our own servers'; what else an activity holds is the object of one. A Question is a poll, which people post like a note."""
POSTS: Final = frozenset(("Note", "Article", "Page", "Question", "Event", "Video", "Audio", "Image", "Document"))
PARTS_LIMIT: Final = 20_000
"""Objects and lists in one document of another server: a megabyte of nothing else would keep all others waiting while it is read."""
NATIVE_LIMIT: Final = 512
ABROAD: Final = "externe"
SERVER_SHOWN: Final = 50
MINISTRY_SHOWN: Final = 40
"""Characters: no RSE has a reason to cut off what follows."""
ADDRESSES_LIMIT: Final = 200
"""Of one member (`to`, `cc`, `audience`): a post to thousands of named people is not for a community."""


class ActivityMalformed(ValueError):
    """JSON that is no activity; `reason` is machine-readable."""

    def __init__(self, reason: str, detail: str = "") -> None:
        """Keep the reason beside the name of the member that is wrong."""
        super().__init__(detail or reason)
        self.reason, self.detail = reason, detail


def read(unverified: bytes) -> dict[str, Any]:
    """A document out of its bytes: strict JSON, an object; raises ActivityMalformed."""
    try:
        value = jcs.parse(unverified, PARTS_LIMIT)
    except jcs.JsonRefused as error:
        raise ActivityMalformed(error.reason) from error
    if not isinstance(value, dict):
        raise ActivityMalformed("activity_malformed", "object")
    return value


def authority_of(uri: str) -> str | None:
    """The authority of an http or https address, in lower case, with the port where it is not the default one; None for anything else."""
    return _authority(uri) if len(uri) <= URI_LIMIT else None


@lru_cache(maxsize=4096)
def _authority(uri: str) -> str | None:
    origin = origin_of(uri)
    return origin.partition("://")[2] if origin else None


def organisation_of(server: str) -> str:
    """What stands for a ministry behind the name of somebody on a server of others; of a long server's name, the end, which says whose it is."""
    return f"{_shown(server)} · {ABROAD}"


def ministry_via(ministry: str, server: str) -> str:
    """A ministry of another Trait d'union, with the server through which it speaks."""
    return f"{ministry[:MINISTRY_SHOWN]} · via {_shown(server)}"


def _shown(server: str) -> str:
    return server if len(server) <= SERVER_SHOWN else "…" + server[1 - SERVER_SHOWN :]


def native_id_of(uri: str) -> str:
    """An address as an event's native id, by its digest where it is longer than one may be."""
    return uri if len(uri) <= NATIVE_LIMIT else f"sha-256:{hashlib.sha256(uri.encode()).hexdigest()}"


def id_of(value: object) -> str:
    """The id of what a member holds, an address or an object with one; empty where it has none."""
    if isinstance(value, list):
        return id_of(value[0]) if len(value) == 1 else ""
    if isinstance(value, dict):
        return own_id(value)
    return value if isinstance(value, str) and len(value) <= URI_LIMIT else ""


def own_id(document: Mapping[str, Any]) -> str:
    """A document's own id; empty where it has none."""
    said = document.get("id", "")
    return said if isinstance(said, str) and len(said) <= URI_LIMIT else ""


def ids_of(value: object) -> tuple[str, ...]:
    """The ids in a member that may hold one thing or a list of them."""
    several = value if isinstance(value, list) else [value]
    return tuple([found for one in several[:ADDRESSES_LIMIT] if (found := id_of(one))])


def type_of(document: Mapping[str, Any]) -> str:
    """The type; of several the first, since a reader that chose another would do another thing."""
    said = document.get("type", "")
    first = said[0] if isinstance(said, list) and said else said
    return first if isinstance(first, str) and len(first) <= 100 else ""  # noqa: PLR2004 - past any type's name


def author_of(document: Mapping[str, Any]) -> str:
    """Who made an object: `attributedTo`, of several the first (PeerTube names the person and the channel)."""
    found = ids_of(document.get("attributedTo"))
    return found[0] if found else ""


def addressed(document: Mapping[str, Any]) -> Iterator[str]:
    """Everybody whom a document names as its readers, the audience (its group) first."""
    for member in ("audience", "to", "cc"):
        yield from ids_of(document.get(member))


def is_public(document: Mapping[str, Any]) -> bool:
    """Whether everybody may read it: named in `to` or `cc`, never guessed."""
    return not (PUBLIC.isdisjoint(ids_of(document.get("to"))) and PUBLIC.isdisjoint(ids_of(document.get("cc"))))


def withdrawn_in(act: Mapping[str, Any]) -> bool:
    """Tell whether a Delete is a moderator's, which can be undone: it says why, as an author's own does not (so does Lemmy)."""
    why = act.get("summary")
    return type_of(act) == "Delete" and isinstance(why, str) and bool(why)


def brought_back_in(act: Mapping[str, Any]) -> str:
    """The address of what an Undo brings back that a moderator's Delete had taken away; empty for any other act."""
    undone = act.get("object")
    return id_of(undone.get("object")) if type_of(act) == "Undo" and isinstance(undone, dict) and withdrawn_in(undone) else ""


@dataclass(frozen=True, slots=True)
class Told:
    """What an activity tells, out of the Announce that it may have come in: who does what to what, and which Group passed it on."""

    verb: str
    actor: str
    object: Any = field(repr=False)
    act: Mapping[str, Any] = field(repr=False)
    """The activity that says so; of a bare announced post, the post."""
    via: str | None = None

    @property
    def object_id(self) -> str:
        """What it is done to."""
        return id_of(self.object)

    @property
    def id(self) -> str:
        """The activity's own id."""
        return own_id(self.act)


def told(activity: Mapping[str, Any], document: Mapping[str, Any] | None = None) -> Told:
    """What an activity tells; `document` is what stands at its origin, in place of what was embedded. Raises ActivityMalformed.

    An announced post is told as its author's Create: NodeBB sends one topic both ways. What a moderator's Undo brings back is told as its
    author's Update, once its own server shows it again.
    """
    if type_of(activity) != ANNOUNCE:
        return _plainly(activity, document, None)
    via, inner = id_of(activity.get("actor")), activity.get("object")
    inner = inner[0] if isinstance(inner, list) and len(inner) == 1 else inner
    if isinstance(inner, dict) and type_of(inner) in ACTIVITIES:
        if type_of(inner) == ANNOUNCE:
            raise ActivityMalformed("announce_of_announce")
        return _plainly(inner, document, via)
    post = document if document is not None else inner
    if not isinstance(post, dict):
        return Told("Create", "", post, {"id": id_of(post)}, via)
    return _plainly(post, None, via) if type_of(post) in ACTIVITIES else Told("Create", author_of(post), post, post, via)


def _plainly(activity: Mapping[str, Any], document: Mapping[str, Any] | None, via: str | None) -> Told:
    if document is not None and type_of(document) in ACTIVITIES:
        return _plainly(document, None, via)  # the act itself was fetched
    said = activity.get("object")
    said = said[0] if isinstance(said, list) and len(said) == 1 else said
    actor = id_of(activity.get("actor"))
    if not actor:
        raise ActivityMalformed("activity_malformed", "actor")
    if document is None:
        return Told(type_of(activity), actor, said, activity, via)
    return Told("Update" if brought_back_in(activity) else type_of(activity), actor, document, activity, via)
