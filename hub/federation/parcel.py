"""A record of `peers.outbound.v1`: an activity's bytes as they will be posted, and in headers what the courier must know of them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from hub.ports import PEER_AGAIN, PEER_ONLY
from schemas import jcs
from schemas.activities import authority_of
from schemas.wire import records

if TYPE_CHECKING:
    from collections.abc import Iterable

EVENT: Final = "peer_event"
ACTOR: Final = "peer_actor"
FORM: Final = "peer_form"
FORGETS: Final = "peer_forgets"
FROM: Final = "peer_from"
TO: Final = "peer_to"
INBOX: Final = "peer_inbox"
CORRELATION: Final = records.CORRELATION


class Form(StrEnum):
    """How an activity is told."""

    ANNOUNCED = "announced"  # the activity itself inside the Group's Announce (FEP-1b12)
    PLAIN = "plain"  # the same for servers that know no groups: a boost of the message, or its author's own activity
    DIRECT = "direct"  # to one peer alone: the answer to its Follow


class ParcelMalformed(ValueError):
    """A record whose headers do not say what it is."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """An activity on its way. `actor` is ours, by whose key it is signed.

    `forgets` marks what takes something back: it goes to suspended peers too, and not to the server `source` that took it back. `to` is the actor elsewhere for whom alone it is, and
    `inbox` hers, where it is known. `only` is the one peer to which it is brought again, empty where it goes to all.
    """

    community: str
    event: str
    actor: str
    form: Form
    body: bytes = field(repr=False)
    forgets: bool = False
    to: str = ""
    inbox: str = ""
    correlation: str = ""
    source: str = ""
    only: str = ""

    @property
    def asks(self) -> str:
        """The id of a Follow of ours: what becomes of it is its answer."""
        said = self._read() if self.form is Form.DIRECT else {}
        found = said.get("id") if said.get("type") == "Follow" else None
        return found if isinstance(found, str) else ""

    def said_at(self, peer: str) -> bool:
        """Whether it is what one of that very server's people said, inside our Group's Announce."""
        said = self._read().get("object")
        actor = said.get("actor") if isinstance(said, dict) else None
        return isinstance(actor, str) and authority_of(actor) == peer

    def _read(self) -> dict[str, Any]:
        try:
            activity = jcs.parse(self.body)
        except jcs.JsonRefused:
            return {}
        return activity if isinstance(activity, dict) else {}

    def headers(self) -> list[tuple[str, bytes]]:
        """The record's headers."""
        said = {EVENT: self.event, ACTOR: self.actor, FORM: self.form.value, CORRELATION: self.correlation, FROM: self.source}
        found = [(name, value.encode()) for name, value in said.items() if value]
        return [*found, (FORGETS, b"1")] if self.forgets else found

    @classmethod
    def of(cls, key: bytes | None, value: bytes | None, headers: Iterable[tuple[str, bytes | None]]) -> Parcel:
        """Read a record; raises ParcelMalformed."""
        try:
            said, community = records.texts(headers), (key or b"").decode()
            correlation = records.correlation_of(said)
            if TO in said:
                told = cls(community, "", _actor(value), Form.DIRECT, value or b"", correlation=correlation)
                return replace(told, to=said[TO], inbox=said.get(INBOX, ""))
            actor, form = said[ACTOR], Form(said[FORM])
        except (ValueError, KeyError) as error:
            raise ParcelMalformed(type(error).__name__) from error
        if not value or form is Form.DIRECT:
            raise ParcelMalformed(form)
        source = said.get(FROM, "")
        return cls(community, said.get(EVENT, ""), actor, form, value, FORGETS in said, correlation=correlation, source=source)


@dataclass(frozen=True, slots=True)
class Again:
    """A record that only points: what stands at `offset` is for this peer once more, in the very bytes in which it was told."""

    offset: int
    peer: str

    @classmethod
    def of(cls, headers: Iterable[tuple[str, bytes | None]], before: int) -> Again | None:
        """Read a record's headers, None for one that has bytes of its own; raises ParcelMalformed for one that does not point back."""
        try:
            said = records.texts(headers)
            if PEER_AGAIN not in said:
                return None
            found = cls(int(said[PEER_AGAIN]), said[PEER_ONLY])
        except (ValueError, KeyError) as error:
            raise ParcelMalformed(type(error).__name__) from error
        if not 0 <= found.offset < before:
            raise ParcelMalformed(PEER_AGAIN)
        return found


def _actor(body: bytes | None) -> str:
    """Who of ours says it; raises ValueError."""
    activity = jcs.parse(body or b"")
    actor = activity.get("actor") if isinstance(activity, dict) else None
    if not isinstance(actor, str):
        raise ParcelMalformed("actor")
    return actor
