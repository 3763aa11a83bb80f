"""Matrix's words as a homeserver pushes them: tolerant models of room events (Client-Server API, room versions 1 to 12)."""

from __future__ import annotations

import re
from typing import Annotated, Any
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field, Strict, StringConstraints

from schemas.scalars import EXACT_INTEGERS

LATEST_TIMESTAMP = 253_402_300_799_999  # the last millisecond of year 9999

_MXC = re.compile(r"mxc://(?P<server>[A-Za-z0-9.:\[\]-]{1,255})/(?P<media>[A-Za-z0-9_-]{1,255})")

_VISIBLE = r"[^\x00-\x20\x7f-\x9f]{1,254}$"  # no id has spaces or control characters; PostgreSQL could not even store some

EventId = Annotated[str, StringConstraints(pattern=r"^\$" + _VISIBLE)]
RoomId = Annotated[str, StringConstraints(pattern="^!" + _VISIBLE)]
UserId = Annotated[str, StringConstraints(pattern="^@" + _VISIBLE)]


class Vendor(BaseModel):
    """What all of Matrix's models share: unknown fields are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)


class InReplyTo(Vendor):
    """`m.in_reply_to`."""

    event_id: EventId


class Relation(Vendor):
    """`m.relates_to`: an edit (`m.replace`), a thread (`m.thread`), a plain reply."""

    rel_type: str | None = None
    event_id: EventId | None = None
    key: Any = None
    in_reply_to: Annotated[InReplyTo | None, Field(alias="m.in_reply_to")] = None
    is_falling_back: bool = False

    @property
    def edited(self) -> str | None:
        """The event that this one replaces."""
        return self.event_id if self.rel_type == "m.replace" else None

    @property
    def answered(self) -> str | None:
        """The event that this one answers: what was really answered first, the thread's root otherwise."""
        if self.in_reply_to and not (self.rel_type == "m.thread" and self.is_falling_back):
            return self.in_reply_to.event_id
        return self.event_id if self.rel_type == "m.thread" else None


class Message(Vendor):
    """The content of `m.room.message`, and `m.new_content` of an edit."""

    msgtype: str
    body: str
    format: str | None = None
    formatted_body: str | None = None
    filename: str | None = None
    url: str | None = None
    info: Any = None  # bridges write what they like there: a message is not lost for it

    @property
    def media_type(self) -> str | None:
        """The file's type."""
        said = self.info.get("mimetype") if isinstance(self.info, dict) else None
        return said[:127] if isinstance(said, str) and said.isascii() and said else None

    @property
    def size(self) -> int | None:
        """The file's bytes."""
        said = self.info.get("size") if isinstance(self.info, dict) else None
        return said if type(said) is int and 0 <= said <= EXACT_INTEGERS else None


class Relating(Vendor):
    """The part of a message's content that ties it to another event."""

    relates_to: Annotated[Relation | None, Field(alias="m.relates_to")] = None
    new_content: Annotated[Message | None, Field(alias="m.new_content")] = None


class Event(Vendor):
    """A room event as an application service receives it."""

    type: str
    event_id: EventId
    room_id: RoomId
    sender: UserId
    origin_server_ts: Annotated[int, Strict(), Field(ge=0, le=LATEST_TIMESTAMP)]
    content: dict[str, Any]
    redacts: Any = None
    unsigned: Any = None


class Redaction(Vendor):
    """What a redaction takes away."""

    target: EventId


def media_link(homeserver: str, mxc: str | None) -> str | None:
    """The HTTPS address of a file of Matrix's media repository; None when the URI is not one (it names paths of our making)."""
    parts = _MXC.fullmatch(mxc or "")
    if parts is None:
        return None
    return f"{homeserver}/_matrix/client/v1/media/download/{quote(parts['server'], safe=':[]')}/{parts['media']}"


def permalink(room: str, event_id: str, server: str | None) -> str:
    """A message's address for whatever client its reader has (Matrix, appendix « matrix.to navigation »); `server` is one that has the room."""
    via = f"?via={quote(server, safe=':')}" if server else ""
    return f"https://matrix.to/#/{quote(room, safe='!')}/{quote(event_id, safe='')}{via}"
